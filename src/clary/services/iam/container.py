"""Credentials for what runs in a container: an AWS SDK in there asks for them anew whenever they are about to expire.

The container is given a URL and a token, which names what runs and its role and bears this home's signature: nothing is
kept here, a restart loses nothing, and the token is worth nothing once what runs has ended.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from clary.errors import AccessDenied
from clary.resource.call import Caller
from clary.resource.service import Raw
from clary.services.iam.credentials import Credentials
from clary.services.iam.identity import Identity
from clary.wire.message import Request, Response, Sink

PATH = "/.clary/credentials"  # no bucket's name begins with a dot
SESSION = "SageMaker"  # what AWS calls the session of a job's role
SESSIONS = {"glue": "GlueJobRunnerSession"}  # that of other services' jobs
SECONDS = 3600
INVALID = "The authorization token is not valid."
SIGNER = "container"  # in the place of an access key's id, which never looks like this

Runs = Callable[[str], bool]  # whether what has this ARN still runs


def token(identity: Identity, arn: str, role_arn: str) -> str:
    """What the container sends as Authorization to be given credentials of the role while `arn` runs."""
    body = json.dumps([arn, role_arn], separators=(",", ":"))
    return base64.urlsafe_b64encode(f"{identity.credentials.secret(SIGNER, body)}{body}".encode()).decode()


def opened(identity: Identity, given: str) -> tuple[str, str] | None:
    """The ARN and the role of a token; None if it is not ours."""
    try:
        text = base64.urlsafe_b64decode(given.encode()).decode()
    except ValueError:
        return None
    signature, body = text[:40], text[40:]
    if not hmac.compare_digest(signature.encode(), identity.credentials.secret(SIGNER, body).encode()):
        return None
    arn, role_arn = json.loads(body)
    return arn, role_arn


def _session(identity: Identity, runs: Runs, arn: str, role_arn: str) -> Credentials:
    """Of the role, while what has this ARN runs. Raises AccessDenied."""
    if not runs(arn):
        raise AccessDenied(f"{arn} does not run any more.")
    try:
        return identity.session(role_arn, SESSIONS.get(arn.split(":")[2], SESSION), SECONDS)
    except KeyError:
        raise AccessDenied(f"There is no role {role_arn} any more.") from None


def caller(identity: Identity, runs: Runs, given: str) -> Caller:
    """Whom a token stands for: its role, while what it was made for runs. Raises AccessDenied."""
    found = opened(identity, given)
    if found is None:
        raise AccessDenied(INVALID)
    return _session(identity, runs, *found).caller


def raw(identity: Identity, runs: Runs) -> Callable[[Request], Raw | None]:
    """Service.raw: the answers to GET /.clary/credentials."""

    def answer(request: Request, _sink: Sink | None) -> Response:
        found = opened(identity, request.headers.get("authorization", ""))
        if found is None:
            return _refused(HTTPStatus.UNAUTHORIZED, "InvalidAuthorization", INVALID)
        try:
            made = _session(identity, runs, *found)
        except AccessDenied as error:
            return _refused(HTTPStatus.FORBIDDEN, "AccessDenied", error.message)
        expires = datetime.fromtimestamp(made.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return _json(
            HTTPStatus.OK,
            {
                "RoleArn": found[1],
                "AccessKeyId": made.access_key,
                "SecretAccessKey": made.secret,
                "Token": made.token,
                "Expiration": expires,
            },
        )

    asked = Raw(answer, service="credentials")
    return lambda request: asked if request.path == PATH and request.method == "GET" else None


def _json(status: HTTPStatus, document: dict[str, str]) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(document).encode())


def _refused(status: HTTPStatus, code: str, message: str) -> Response:
    return _json(status, {"code": code, "message": message})
