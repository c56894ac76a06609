"""Errors on their way out, in each protocol's own form."""

import functools
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel, ServiceModel, StructureShape

from clary.errors import AWSError, Family
from clary.wire import models, rest, s3
from clary.wire.forms import cbor, json, objects, xmltext
from clary.wire.message import Response

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(slots=True, frozen=True)
class _Fault:
    """An error that is settled: what is left is to write it."""

    model: ServiceModel
    protocol: str
    error: AWSError
    code: str
    shape: StructureShape | None
    status: int
    request_id: str


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
    fault = _Fault(model, protocol, error, code, shape, status, request_id)
    write = {"s3": _s3, "query": _xml, "json": _object}[family]
    response = write(fault)
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


def _object(fault: _Fault) -> Response:
    model, shape, protocol = fault.model, fault.shape, fault.protocol
    headers = {"x-amzn-requestid": fault.request_id}
    name = fault.code
    if model.is_query_compatible:
        # https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
        name = shape.name if shape is not None else name
        old = shape.error_code if shape is not None else fault.error.code("query")
        headers["x-amzn-query-error"] = f"{old};{_side(fault, 'Receiver')}"
    members = _members(fault, "cbor" if protocol == "smithy-rpc-v2-cbor" else "json")
    body = {"__type": name, _message(shape): fault.error.message, **members}
    if protocol == "smithy-rpc-v2-cbor":
        headers |= {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return Response(fault.status, headers, cbor.dumps(body))
    if protocol == "rest-json":
        headers |= {"content-type": "application/json", "x-amzn-errortype": name}
    else:
        headers["content-type"] = "application/x-amz-json-" + model.metadata.get("jsonVersion", "1.0")
    return Response(fault.status, headers, json.dumps(body))


def _side(fault: _Fault, ours: str) -> str:
    return ours if fault.status >= 500 else "Sender"


def _message(shape: StructureShape | None) -> str:
    """How the error spells its message: SageMaker's ResourceNotFound says Message, most others message."""
    for name, member in (shape.members if shape is not None else {}).items():
        if name.lower() == "message":
            return str(member.serialization.get("name", name))
    return "message"


def _members(fault: _Fault, form: str) -> dict[str, Any]:
    if fault.shape is None:
        return fault.error.members
    scalar = cbor.write_scalar if form == "cbor" else json.write_scalar
    known = models.known(fault.model, form + " out")
    members: dict[str, Any] = objects.object_writer(rest.body_members(fault.shape, answer=True), known, scalar)(
        fault.error.members
    )
    return members


def _xml(fault: _Fault) -> Response:
    shape, model, error = fault.shape, fault.model, fault.error
    code = shape.error_code if shape is not None else fault.code
    inner = [f"<Code>{xmltext.escape(code)}</Code><Message>{xmltext.escape(error.message)}</Message>"]
    if shape is not None and error.members:
        members = {
            n: m
            for n, m in rest.body_members(shape, answer=True).items()
            if n.lower() not in {"message", "code", "type"}
        }
        xmltext.children(members, models.known(model, "xml out"))(error.members, inner)
    text = "".join(inner)
    if fault.protocol == "ec2":
        body = f"<Response><Errors><Error>{text}</Error></Errors><RequestID>{fault.request_id}</RequestID></Response>"
    else:
        uri = model.metadata.get("xmlNamespace")
        space = f' xmlns="{uri}"' if uri else ""
        body = (
            f"<ErrorResponse{space}><Error><Type>{_side(fault, 'Receiver')}</Type>{text}</Error>"
            f"<RequestId>{fault.request_id}</RequestId></ErrorResponse>"
        )
    headers = {"content-type": "text/xml", "x-amzn-requestid": fault.request_id}
    return Response(fault.status, headers, (XML + body).encode(errors="replace"))


def _s3(fault: _Fault) -> Response:
    error, request_id = fault.error, fault.request_id
    host_id = s3.host_id(request_id)
    elements = {"Code": fault.code, "Message": error.message, **error.members}
    elements |= {"RequestId": request_id, "HostId": host_id}
    text = "".join(
        f"<{name}>{xmltext.escape(str(value))}</{name}>" for name, value in elements.items() if value is not None
    )
    headers = {"x-amz-request-id": request_id, "x-amz-id-2": host_id}
    if fault.status == 304:  # never has a body
        return Response(fault.status, headers)
    headers["content-type"] = "application/xml"
    return Response(fault.status, headers, f"{XML}<Error>{text}</Error>".encode(errors="replace"))
