"""Errors on their way out, in each protocol's own form."""

import functools
from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel, ServiceModel, StructureShape

from clary.errors import AWSError, Family
from clary.wire import models, rest, s3
from clary.wire.forms import cbor, json, objects, xmltext
from clary.wire.message import Response

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


def serialize_error(
    model: ServiceModel,
    error: AWSError,
    request_id: str,
    operation: OperationModel | None = None,
    protocol: str = "",
) -> Response:
    """The answer for an error. The HTTP status is the error's own, else the model's, else 400.

    `protocol` is what the client speaks (route.spoken) where the service has more than one; `operation` is given where
    it is known: the answer to a HEAD has no body.
    """
    protocol = protocol or models.protocol(model)
    family = _family(model, protocol)
    code = error.code(family)
    shape = shapes(model).get(code)
    status = error.status(family) or _status(model, code, shape)
    if family == "s3":
        response = _s3(error, code, status, request_id)
    elif protocol in {"query", "ec2", "rest-xml"}:
        response = _xml(model, protocol, error, code, status, shape, request_id)
    else:
        response = _object(model, protocol, error, code, status, shape, request_id)
    if shape is not None and protocol in {"rest-json", "rest-xml"}:
        rest.header_writer(shape)(error.members, response.headers)
    if operation is not None and operation.http.get("method") == "HEAD":
        response.body = b""
    return response


@functools.cache
def shapes(model: ServiceModel) -> dict[str, StructureShape]:
    """The modelled errors by code, and by name where a code is another's."""
    found = {shape.name: shape for shape in model.error_shapes}
    return {**found, **{shape.error_code: shape for shape in found.values()}}


def _family(model: ServiceModel, protocol: str) -> Family:
    if models.family(model) == "s3":
        return "s3"
    return "query" if protocol in {"query", "ec2", "rest-xml"} else "json"


def _status(model: ServiceModel, code: str, shape: StructureShape | None) -> int:
    if shape is not None:
        if status := shape.metadata.get("error", {}).get("httpStatusCode"):
            return int(status)
        if shape.metadata.get("fault") or shape.metadata.get("error", {}).get("fault"):
            return 500
    return s3.STATUSES.get(code, 400) if models.family(model) == "s3" else 400


def _object(
    model: ServiceModel,
    protocol: str,
    error: AWSError,
    code: str,
    status: int,
    shape: StructureShape | None,
    request_id: str,
) -> Response:
    binary = protocol == "smithy-rpc-v2-cbor"
    headers = {"x-amzn-requestid": request_id}
    name = shape.name if shape is not None and model.is_query_compatible else code
    if model.is_query_compatible:
        # https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
        old = shape.error_code if shape is not None else error.code("query")
        headers["x-amzn-query-error"] = f"{old};{'Receiver' if status >= 500 else 'Sender'}"
    body = {"__type": name, _message(shape): error.message, **_members(model, error, shape, binary=binary)}
    if protocol == "rest-json":
        headers["x-amzn-errortype"] = name
        headers["content-type"] = "application/json"
    elif binary:
        headers["content-type"] = "application/cbor"
        headers["smithy-protocol"] = "rpc-v2-cbor"
    else:
        headers["content-type"] = "application/x-amz-json-" + model.metadata.get("jsonVersion", "1.0")
    return Response(status, headers, cbor.dumps(body) if binary else json.dumps(body))


def _message(shape: StructureShape | None) -> str:
    """How the error spells its message: SageMaker's ResourceNotFound says Message, most others message."""
    for name, member in (shape.members if shape is not None else {}).items():
        if name.lower() == "message":
            return str(member.serialization.get("name", name))
    return "message"


def _members(model: ServiceModel, error: AWSError, shape: StructureShape | None, *, binary: bool) -> Mapping[str, Any]:
    if shape is None:
        return error.members
    scalar = cbor.write_scalar if binary else json.write_scalar
    known = models.known(model, "cbor out" if binary else "json out")
    members: Mapping[str, Any] = objects.object_writer(rest.body_members(shape), known, scalar)(error.members)
    return members


def _xml(
    model: ServiceModel,
    protocol: str,
    error: AWSError,
    code: str,
    status: int,
    shape: StructureShape | None,
    request_id: str,
) -> Response:
    code = shape.error_code if shape is not None else code
    inner = [f"<Code>{xmltext.escape(code)}</Code><Message>{xmltext.escape(error.message)}</Message>"]
    if shape is not None and error.members:
        members = {n: m for n, m in rest.body_members(shape).items() if n.lower() not in {"message", "code", "type"}}
        xmltext.children(members, models.known(model, "xml out"))(error.members, inner)
    text = "".join(inner)
    if protocol == "ec2":
        body = f"<Response><Errors><Error>{text}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    else:
        uri = model.metadata.get("xmlNamespace")
        space = f' xmlns="{uri}"' if uri else ""
        side = "Receiver" if status >= 500 else "Sender"
        body = (
            f"<ErrorResponse{space}><Error><Type>{side}</Type>{text}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    headers = {"content-type": "text/xml", "x-amzn-requestid": request_id}
    return Response(status, headers, (XML + body).encode(errors="replace"))


def _s3(error: AWSError, code: str, status: int, request_id: str) -> Response:
    host_id = s3.host_id(request_id)
    elements = {"Code": code, "Message": error.message, **error.members, "RequestId": request_id, "HostId": host_id}
    text = "".join(
        f"<{name}>{xmltext.escape(str(value))}</{name}>" for name, value in elements.items() if value is not None
    )
    headers = {"x-amz-request-id": request_id, "x-amz-id-2": host_id}
    if status == 304:  # never has a body
        return Response(status, headers)
    headers["content-type"] = "application/xml"
    return Response(status, headers, f"{XML}<Error>{text}</Error>".encode(errors="replace"))
