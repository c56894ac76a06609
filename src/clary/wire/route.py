"""From a request to the service, to the protocol that it speaks, and to the path that it means."""

import functools
import re

from botocore.model import ServiceModel

from clary.errors import AWSError, UnknownOperation
from clary.wire import models
from clary.wire.message import Request
from clary.wire.router import Router

__all__ = ["Router", "bucket_path", "locate", "router", "spoken"]

_SMITHY = re.compile(r"/service/([\w.]+)/operation/(\w+)/?")
_VERSION = re.compile(r"(?:^|&)Version=([0-9-]+)")
_ACTION = re.compile(r"(?:^|&)Action=([A-Za-z0-9]+)")
_AWS_HOST = re.compile(r"(?P<name>.+?)(?:\.(?:[a-z]{2}(?:-[a-z]+)+-\d|global))?\.(?:amazonaws\.com(?:\.cn)?|api\.aws)")
# bucket.s3.amazonaws.com, .s3.us-west-2., .s3-us-west-2., .s3.dualstack.us-west-2., .s3-accelerate., and local names
_BUCKET_HOST = re.compile(
    r"(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]+?)\."
    r"(?:s3(?:-fips|-accelerate)?(?:[.-]dualstack)?(?:[.-][a-z]{2}(?:-[a-z]+)+-\d)?\.amazonaws\.com(?:\.cn)?"
    r"|s3(?:\.[a-z]{2}(?:-[a-z]+)+-\d)?\.localhost|localhost)"
)
# Names that requests to S3 are signed for beside s3 itself.
_S3_NAMES = {"s3express", "s3-object-lambda", "s3-outposts"}


def spoken(model: ServiceModel, request: Request) -> str:
    """The protocol of the request: CloudWatch, for one, takes CBOR, JSON and form fields."""
    offered = models.protocols(model)
    if len(offered) == 1:
        return offered[0]
    headers = request.headers
    if "smithy-rpc-v2-cbor" in offered and ("smithy-protocol" in headers or request.path.startswith("/service/")):
        return "smithy-rpc-v2-cbor"
    if "json" in offered and "x-amz-target" in headers:
        return "json"
    return "query" if "query" in offered else offered[0]


@functools.cache
def router(service: str) -> Router:
    return Router(models.service_model(service))


def locate(request: Request, signing_name: str = "") -> str:
    """botocore's name of the service that the request is for.

    `signing_name` is what the signature's scope says, "" if the request is not signed: then the target, the host, the
    action and its version decide, and what nothing tells is S3's. Raises errors.UnknownOperation.
    """
    if signing_name in _S3_NAMES:
        return "s3"
    if signing_name == "s3" or (not signing_name and _BUCKET_HOST.fullmatch(_host(request))):
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_AWS_S3_Control.html
        control = request.path.startswith("/v20180820/") and "x-amz-account-id" in request.headers
        return "s3control" if control else "s3"
    sharing = models.signing_names().get(signing_name) if signing_name else None
    if signing_name and not sharing:
        raise UnknownOperation(f"There is no AWS service that signs as {signing_name[:100]}")
    if sharing and len(sharing) == 1:
        return sharing[0]
    return _by_target(request, sharing) or _by_host(request, sharing) or _by_content(request, sharing)


def _by_target(request: Request, among: list[str] | None) -> str:
    """By what RPC requests carry: X-Amz-Target, or the path of Smithy's RPC."""
    prefix = request.headers.get("x-amz-target", "").rpartition(".")[0]
    if not prefix and (smithy := _SMITHY.fullmatch(request.path)):
        prefix = smithy[1]
    if not prefix:
        return ""
    found = [name for name in _targets().get(prefix, []) if among is None or name in among]
    if len(found) > 1:  # the two of Timestream share even this
        operation = request.headers.get("x-amz-target", request.path).replace("/", ".").rpartition(".")[2]
        found = [name for name in found if operation in models.service_model(name).operation_names] or found
    if not found:
        raise UnknownOperation(f"The target {prefix[:100]} is not known.")
    return found[0]


@functools.cache
def _targets() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, facts in models.metadata().items():
        if target := facts.get("targetPrefix"):
            found.setdefault(target, []).append(name)
    return found


def _host(request: Request) -> str:
    return request.host.rpartition(":")[0] if re.search(r":\d+$", request.host) else request.host


def _by_host(request: Request, among: list[str] | None) -> str:
    match = _AWS_HOST.fullmatch(_host(request).lower())
    if not match:
        return ""
    name = match["name"]
    found = [service for service in _endpoints().get(name, []) if among is None or service in among]
    if not found:
        return ""
    return found[0] if len(found) == 1 else _by_content(request, found)


@functools.cache
def _endpoints() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, facts in models.metadata().items():
        found.setdefault(facts["endpointPrefix"], []).append(name)
    return found


def _by_content(request: Request, among: list[str] | None) -> str:
    """By action and version, or by the path: the first service whose model has it. S3 where nothing tells."""
    text = request.query
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        text += "&" + request.body.decode(errors="replace")
    if action := _ACTION.search(text):
        version = _VERSION.search(text)
        if found := _by_action(action[1], version[1] if version else "", among or list(models.metadata())):
            return found
        if among is None or not any(_is_rest(name) for name in among):
            raise UnknownOperation(f"The action {action[1]} is not valid for this web service.")
    if among is None:
        return "s3"
    for name in among:
        if _is_rest(name):
            try:
                router(name).match(request)
            except AWSError:
                continue
            return name
    raise UnknownOperation


def _by_action(action: str, version: str, among: list[str]) -> str:
    for name in among:
        facts = models.metadata()[name]
        if version and facts["apiVersion"] != version:
            continue
        speaks = facts.get("protocols") or [facts["protocol"]]
        if ("query" in speaks or "ec2" in speaks) and action in models.service_model(name).operation_names:
            return name
    return ""


def _is_rest(name: str) -> bool:
    facts = models.metadata()[name]
    return any(protocol.startswith("rest-") for protocol in facts.get("protocols") or [facts["protocol"]])


def bucket_path(request: Request) -> str:
    """The path as it would be had the bucket stood in it: `/bucket/key` for `/key` at bucket.s3.amazonaws.com.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    match = _BUCKET_HOST.fullmatch(_host(request))
    if not match or f"{match['bucket']}.".startswith("s3."):  # s3.localhost, s3.us-west-2.localhost
        return request.path
    return f"/{match['bucket']}{request.path}"
