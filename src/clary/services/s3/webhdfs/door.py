"""Which request is for what: the paths of WebHDFS, beside AWS's on the same port."""

from collections.abc import Callable
from dataclasses import dataclass

from clary.resource.call import Platform
from clary.resource.service import Raw
from clary.services.s3.inside import Lawyer
from clary.services.s3.state import S3
from clary.services.s3.webhdfs import faults, moving, reading, status, writing
from clary.services.s3.webhdfs.tokens import PATH as TOKEN
from clary.services.s3.webhdfs.tokens import Tokens
from clary.services.s3.webhdfs.visit import PREFIX, Visit, arrive
from clary.wire.message import Request, Response, Sink
from clary.wire.route import bucket_path

Answer = Callable[[Visit], Response]


def _nothing(_visit: Visit) -> Response:
    """An object has no owner, permissions or times that could be set; S3A says nothing either."""
    return Response(200)


OPERATIONS: dict[tuple[str, str], Answer] = {
    ("GET", "GETFILESTATUS"): status.status,
    ("GET", "LISTSTATUS"): status.listing,
    ("GET", "LISTSTATUS_BATCH"): status.batch,
    ("GET", "GETCONTENTSUMMARY"): status.summary,
    ("GET", "GETFILEBLOCKLOCATIONS"): status.locations,
    ("GET", "GET_BLOCK_LOCATIONS"): status.located,
    ("GET", "GETHOMEDIRECTORY"): status.home,
    ("GET", "OPEN"): reading.open_file,
    ("PUT", "CREATE"): writing.begin,
    ("PUT", "MKDIRS"): writing.make_folder,
    ("PUT", "RENAME"): moving.rename,
    ("PUT", "SETPERMISSION"): _nothing,
    ("PUT", "SETOWNER"): _nothing,
    ("PUT", "SETTIMES"): _nothing,
    ("DELETE", "DELETE"): moving.delete,
}
REFUSED = {
    "APPEND": "an object cannot be appended to",
    "TRUNCATE": "an object cannot be cut",
    "CONCAT": "objects cannot be joined",
    "CREATESYMLINK": "there are no links between objects",
    "GETFILECHECKSUM": "an object has no checksum of HDFS's kind",
}


@dataclass(frozen=True, slots=True)
class Door:
    """`raw` takes what is ours out before the gateway's steps."""

    platform: Platform
    state: S3
    tokens: Tokens
    lawyer: Lawyer

    def raw(self, request: Request) -> Raw | None:
        if not request.path.startswith(("/webhdfs/", "/.clary/")):
            return None
        if request.path == TOKEN and request.method == "POST":
            return Raw(self.tokens.exchange, None, "s3", faults.answer)
        if not _ours(request):
            return None
        if request.method == "PUT" and _operation(request) == "CREATE" and writing.brings(request.query):
            return Raw(_finish, self._sink, "s3", faults.answer)
        return Raw(self._answer, None, "s3", faults.answer)

    def _sink(self, request: Request) -> Sink:
        return writing.Bringing(arrive(self.platform, self.state, self.lawyer, self.tokens, request))

    def _answer(self, request: Request, _sink: Sink | None) -> Response:
        visit = arrive(self.platform, self.state, self.lawyer, self.tokens, request)
        name = _operation(request)
        found = OPERATIONS.get((request.method, name))
        if found is None:
            why = REFUSED.get(name, "Clary's file system has no such operation")
            raise faults.unsupported(f"{name} of s3://{visit.place.bucket}/{visit.place.key}: {why}")
        return found(visit)


def _ours(request: Request) -> bool:
    """A bucket may be called webhdfs, but what is for it is signed, or names no operation."""
    if not request.path.startswith(PREFIX + "/") or not _operation(request):
        return False
    if "authorization" in request.headers or "X-Amz-" in request.query or "AWSAccessKeyId=" in request.query:
        return False
    return bucket_path(request) == request.path


def _operation(request: Request) -> str:
    return next((value.upper() for name, value in request.query_items() if name.lower() == "op"), "")


def _finish(_request: Request, sink: Sink | None) -> Response:
    assert isinstance(sink, writing.Bringing)
    return writing.finish(sink)
