"""Passwords of the registry, which `docker login` keeps: they name an access key, and are signed by its secret.

Nothing is stored. A password works for twelve hours while its key does, with what the key's owner may do at the time.
On AWS too it outlives the session that it was asked for in.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html#registry-auth-token
"""

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import orjson

from clary.errors import AWSError
from clary.resource.call import Caller

USER = "AWS"
TICKET = "X-Clary-Ticket"  # in the query of a download URL
_SIGNED = b"ecr\n"  # so that no signature of another kind is one of these


class Credentials(Protocol):
    """What services/iam/credentials.py finds."""

    @property
    def secret(self) -> str: ...
    @property
    def caller(self) -> Caller: ...


Find = Callable[[str, str | None], Credentials | None]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who logged in, and where."""

    caller: Caller
    region: str


@dataclass(frozen=True, slots=True)
class Passwords:
    """`find` gives the credentials of an access key id and session token."""

    find: Find
    clock: Callable[[], float]

    def make(self, access_key: str, session: str, region: str, expires: float) -> str:
        found = self.find(access_key, session or None)
        assert found is not None  # the request was signed with it
        body = orjson.dumps([access_key, session, region, int(expires)])
        return base64.urlsafe_b64encode(_mac(found.secret, body) + body).decode()

    def open(self, user: str, password: str) -> Holder:
        """Raises AWSError, in the words of the registry, for one that is not ours, or whose key is no more, or over."""
        raw = _decoded(password)
        body = raw[32:]
        try:
            access_key, session, region, expires = orjson.loads(body)
            known = isinstance(access_key, str) and isinstance(session, str)
            found = self.find(access_key, session or None) if known else None
        except (ValueError, TypeError):
            raise unauthorized() from None
        if user != USER or found is None or not hmac.compare_digest(raw[:32], _mac(found.secret, body)):
            raise unauthorized()
        if self.clock() >= expires:
            raise AWSError("DENIED", "Your authorization token has expired. Reauthenticate and try again.", 403)
        return Holder(found.caller, region)


@dataclass(frozen=True, slots=True)
class Tickets:
    """What download URLs carry: what may be read, and until when."""

    key: Callable[[str], str]  # the home's signature of a text
    clock: Callable[[], float]

    def seal(self, said: list[str], expires: float) -> str:
        body = orjson.dumps([*said, int(expires)])
        return base64.urlsafe_b64encode(self.key(body.decode()).encode() + body).decode()

    def open(self, ticket: str) -> list[str] | None:
        """What was said; None if it is not ours, or over."""
        raw = _decoded(ticket)
        body = raw[40:]
        try:
            if not hmac.compare_digest(raw[:40], self.key(body.decode()).encode()):
                return None
        except UnicodeDecodeError:
            return None
        *said, expires = orjson.loads(body)
        return said if self.clock() < expires else None


def _mac(secret: str, body: bytes) -> bytes:
    return hmac.digest(secret.encode(), _SIGNED + body, sha256)


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode())
    except (ValueError, UnicodeEncodeError):
        return b""


def unauthorized() -> AWSError:
    return AWSError("UNAUTHORIZED", "Not Authorized: log in with the password of `aws ecr get-login-password`", 401)


def basic(header: str) -> tuple[str, str] | None:
    """User and password of an Authorization header. https://www.rfc-editor.org/rfc/rfc7617"""
    kind, _, given = header.strip().partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(given.strip()).decode().partition(":")
    except ValueError:
        return None
    return user, password
