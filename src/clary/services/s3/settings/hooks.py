"""What the service is made of, as far as it lies here: the parts that services/s3 gives to Service(...)."""

from collections.abc import Callable
from typing import Any

from clary.errors import AWSError
from clary.resource.call import Call, Platform
from clary.resource.service import Operation, Raw
from clary.services.s3.settings import acl, cors, lifecycle, plain, policy
from clary.services.s3.settings.postform import Find, Forms
from clary.services.s3.state import S3
from clary.wire.message import Request, Response, Sink
from clary.wire.route import bucket_path

MODULES = (acl, plain, policy)
UNUSED = {
    **plain.UNUSED,
    "PutBucketPolicy": {"ConfirmRemoveSelfBucketAccess"},
    "PutBucketNotificationConfiguration": {"SkipDestinationValidation"},  # they are never validated
}


def raw(platform: Platform, state: S3, find: Find, put: Operation) -> Callable[[Request], Raw | None]:
    """Service.raw: forms and preflights. `find` gives credentials by access key id and token, `put` is PutObject."""
    forms = Forms(platform, state, find, put)

    def preflight(request: Request, _sink: Sink | None) -> Response:
        try:
            settings = state.settings.of(state.bucket(_bucket(request)).name)
        except AWSError:
            settings = None
        return cors.preflight(settings, request)

    def hook(request: Request) -> Raw | None:
        if request.method == "POST":
            if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
                bucket, _, key = bucket_path(request).removeprefix("/").partition("/")
                return forms.raw(bucket) if bucket and not key else None
        elif request.method == "OPTIONS" and _bucket(request):
            return Raw(preflight)
        return None

    return hook


def finish(call: Call[Any], response: Response) -> None:
    """Service.finish: CORS headers."""
    if "origin" not in call.request.headers:
        return
    bucket = _bucket(call.request)
    if bucket:
        cors.finish(call.state.settings.of(bucket), call.request, response)


def tick(state: S3) -> None:
    """Service.tick."""
    lifecycle.run(state, state.clock())


def _bucket(request: Request) -> str:
    return bucket_path(request).removeprefix("/").partition("/")[0]
