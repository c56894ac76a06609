"""Who asks: the delegation token that Hadoop's client sends, which images/spark/files.py makes.

Its password is what a container gets its role's credentials by, so it is good while the job runs and with what its role
may do at the time; or, for who has an access key, what a signed-for request to PATH gave. Nothing is kept here.
https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/WebHDFS.html#Authentication
"""

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qsl

import orjson

from clary.errors import AWSError
from clary.resource.call import Caller
from clary.services.s3.webhdfs import faults
from clary.wire.message import Request, Response, Sink

PATH = "/.clary/webhdfs/token"  # no bucket's name begins with a dot
JOB, KEY = b"job", b"key"  # what a token is called in its own first field
SECONDS = 12 * 3600  # for which a token for an access key lasts, while that does


class Credentials(Protocol):
    """What services/iam/credentials.py finds."""

    @property
    def secret(self) -> str: ...
    @property
    def caller(self) -> Caller: ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """`find` gives credentials by access key id and session token; `job` the caller that a container's token stands
    for, and raises AccessDenied if it is not ours, or over; `key` is the home's signature of a text.
    """

    find: Callable[[str, str | None], Credentials | None]
    job: Callable[[str], Caller]
    key: Callable[[str], str]
    clock: Callable[[], float]

    def exchange(self, request: Request, _sink: Sink | None = None) -> Response:
        """An access key (client_id, client_secret, session) for a token: as OAuth 2's client credentials.
        https://www.rfc-editor.org/rfc/rfc6749#section-4.4
        """
        given = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        name, session = given.get("client_id", ""), given.get("session", "")
        found = self.find(name, session or None)
        if found is None or not hmac.compare_digest(found.secret.encode(), given.get("client_secret", "").encode()):
            return _json(HTTPStatus.UNAUTHORIZED, {"error": "invalid_client"})
        request.caller = found.caller.arn
        body = orjson.dumps([int(self.clock()) + SECONDS, name, session]).decode()
        return _json(HTTPStatus.OK, {"access_token": self.key(body) + body, "expires_in": SECONDS})

    def caller(self, request: Request) -> Caller:
        """Raises AccessControlException."""
        given = next((value for name, value in request.query_items() if name == "delegation"), "")
        kind, password = read(given)
        if kind == JOB:
            return self.job(password)
        signature, text = password[:40], password[40:]
        if kind != KEY or not hmac.compare_digest(signature.encode(), self.key(text).encode()):
            raise AWSError(faults.ACCESS, "The request has no token of this platform.")
        expires, name, session = orjson.loads(text)
        found = self.find(name, session or None)
        if self.clock() >= expires or found is None:
            raise AWSError(faults.ACCESS, f"The token is for the access key {name}, and one of both is over.")
        return found.caller


def read(text: str) -> tuple[bytes, str]:
    """Identifier and password of a token, or nothing. The form is Token.encodeToUrlString's: fields with their lengths
    before them. https://hadoop.apache.org/docs/r3.3.4/api/org/apache/hadoop/security/token/Token.html
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        identifier, raw = _field(raw)
        password, _ = _field(raw)
        return identifier, password.decode()
    except (ValueError, IndexError):
        return b"", ""


def _field(raw: bytes) -> tuple[bytes, bytes]:
    """The first field, and the rest. Lengths are WritableUtils' VInts: one byte up to 127, else their size first."""
    first, rest = raw[0], raw[1:]
    if first > 127:  # -113 to -120: 1 to 8 bytes follow
        count = 256 - first - 112
        if not 1 <= count <= 4:
            raise ValueError(first)
        first, rest = int.from_bytes(rest[:count], "big"), rest[count:]
    return rest[:first], rest[first:]


def _json(status: HTTPStatus, document: dict[str, str | int]) -> Response:
    return Response(status, {"content-type": "application/json", "cache-control": "no-store"}, orjson.dumps(document))
