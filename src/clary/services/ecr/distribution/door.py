"""Which request is for what: the paths of the distribution API, beside AWS's on the same port."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from clary.errors import AWSError
from clary.resource.call import Platform
from clary.resource.service import Raw
from clary.services.ecr.distribution import blobs, bringing, faults, listing, manifests
from clary.services.ecr.distribution.visit import Visit, arrive, host_of
from clary.services.ecr.state import ECR, HOST
from clary.wire.message import Request, Response, Sink
from clary.wire.route import bucket_path

NAME = r"/v2/(?P<name>[^?]+)"
AWS = re.compile(r"\.(amazonaws\.com(\.cn)?|api\.aws)$")
Answer = Callable[[Visit, dict[str, str]], Response]
# The first that fits: a repository may be called manifests.
_PATHS: tuple[tuple[str, dict[str, Answer]], ...] = (
    (r"/v2/?", {"GET": listing.version, "HEAD": listing.version}),
    (r"/v2/_catalog", {"GET": listing.catalog}),
    (NAME + r"/tags/list", {"GET": listing.tags}),
    (NAME + r"/referrers/(?P<digest>[^/]+)", {"GET": listing.referrers}),
    (
        NAME + r"/manifests/(?P<reference>[^/]+)",
        {"GET": manifests.get, "HEAD": manifests.get, "PUT": manifests.put, "DELETE": manifests.delete},
    ),
    (NAME + r"/blobs/uploads/?", {"POST": blobs.begin}),
    (NAME + r"/blobs/uploads/(?P<upload>[^/]+)", {"GET": blobs.progress, "DELETE": blobs.cancel}),
    (NAME + r"/blobs/(?P<digest>[^/]+)", {"GET": blobs.get, "HEAD": blobs.head, "DELETE": blobs.delete}),
)
PATHS = tuple((re.compile(path), methods) for path, methods in _PATHS)
_UPLOAD = re.compile(NAME + r"/blobs/uploads/(?P<upload>[^/]+)")
_UPLOADS = re.compile(NAME + r"/blobs/uploads/?")


@dataclass(frozen=True, slots=True)
class Door:
    """`raw` is the service's."""

    platform: Platform
    state: ECR

    def raw(self, request: Request) -> Raw | None:
        if not _ours(request):
            return None
        path = unquote(request.path)
        if request.method in {"PATCH", "PUT"} and (match := _UPLOAD.fullmatch(path)):
            return self._streamed(match.groupdict(), bringing.go_on)
        if request.method == "POST" and (match := _UPLOADS.fullmatch(path)) and _brings(request):
            return self._streamed(match.groupdict(), bringing.all_at_once)
        return Raw(self._answer, None, "ecr", faults.answer)

    def _streamed(self, place: dict[str, str], begin: Callable[[Visit, dict[str, str]], bringing.Bringing]) -> Raw:
        def sink(request: Request) -> Sink:
            return begin(arrive(self.platform, self.state, request), place)

        return Raw(_finish, sink, "ecr", faults.answer)

    def _answer(self, request: Request, _sink: Sink | None) -> Response:
        path = unquote(request.path)
        for pattern, methods in PATHS:
            if match := pattern.fullmatch(path):
                if request.method not in methods:
                    raise faults.unsupported(request.method)
                if methods[request.method] is blobs.get and (
                    found := blobs.by_ticket(self.platform, self.state, request)
                ):
                    return found
                response = methods[request.method](arrive(self.platform, self.state, request), match.groupdict())
                response.headers |= faults.VERSION
                return response
        raise AWSError("UNSUPPORTED", "There is nothing at this path.", 404)


def _ours(request: Request) -> bool:
    """Other services have paths that begin with /v2/, too; their requests are signed, or are for their own hosts."""
    host = host_of(request)
    if HOST.fullmatch(host):
        return True
    if not request.path.startswith("/v2/") and request.path != "/v2":
        return False
    if "x-amz-target" in request.headers or "X-Amz-" in request.query or AWS.search(host):
        return False
    kind = request.headers.get("authorization", "basic").partition(" ")[0].lower()
    return kind in {"basic", "bearer"} and bucket_path(request) == request.path


def _brings(request: Request) -> bool:
    return any(name == "digest" for name, _ in request.query_items())


def _finish(_request: Request, sink: Sink | None) -> Response:
    assert isinstance(sink, bringing.Bringing)
    response = sink.finish()
    response.headers |= faults.VERSION
    return response
