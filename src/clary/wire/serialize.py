"""From an operation's result to the answer."""

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from botocore.model import OperationModel, ServiceModel, StructureShape

from clary.wire import eventstream, models, rest, s3
from clary.wire.faults import XML, serialize_error
from clary.wire.forms import cbor, json, objects, xmltext
from clary.wire.forms.scalars import Shape, Write
from clary.wire.message import Body, Response

__all__ = ["named", "serialize", "serialize_error"]

Result = dict[str, Any]
Plan = Callable[[Result, str], Response]

_plans: dict[tuple[OperationModel, str], Plan] = {}
_compiling = threading.RLock()


def serialize(operation: OperationModel, result: Result | None, request_id: str, protocol: str = "") -> Response:
    """The answer for a result: its members as AWS spells them, times as seconds or datetimes, None for absent; what
    the model does not know is left out.

    A streaming payload (bytes, FileSlice, iterator of bytes) becomes the body as it is; a member that is an event
    stream gives an iterator of {"EventName": {...}}. `protocol` is what the client speaks (route.spoken) where the
    service has more than one.
    """
    protocol = protocol or models.protocol(operation.service_model)
    plan = _plans.get((operation, protocol)) or _compile(operation, protocol)
    return plan(result or {}, request_id)


def _compile(operation: OperationModel, protocol: str) -> Plan:
    with _compiling:
        _plans[operation, protocol] = plan = _PLANS[protocol](operation)
        return plan


def _json(operation: OperationModel) -> Plan:
    kind = "application/x-amz-json-" + operation.metadata.get("jsonVersion", "1.0")
    return _rpc(operation, "json", {"content-type": kind}, json.write_scalar, json.dumps)


def _cbor(operation: OperationModel) -> Plan:
    headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    return _rpc(operation, "cbor", headers, cbor.write_scalar, cbor.dumps)


def _rpc(
    operation: OperationModel,
    form: str,
    headers: dict[str, str],
    scalar: Callable[[Shape], Write | None],
    dumps: Callable[[Any], bytes],
) -> Plan:
    shape = operation.output_shape
    known = models.known(operation.service_model, form + " out")
    stream = shape.event_stream_name if shape else None
    members = {n: m for n, m in shape.members.items() if n != stream} if shape else {}
    write = objects.object_writer(members, known, scalar)
    if shape and stream:
        headers = {**headers, "content-type": eventstream.CONTENT_TYPE}
        put = eventstream.writer(shape.members[stream], known, form)
        return lambda result, request_id: Response(
            200,
            {**headers, "x-amzn-requestid": request_id},
            eventstream.frames(eventstream.initial(dumps(write(result)), form), result.get(stream) or (), put),
        )
    if shape is None and form == "json":  # AWS answers an operation without output with an empty body
        return lambda _result, request_id: Response(200, {**headers, "x-amzn-requestid": request_id})
    return lambda result, request_id: Response(200, {**headers, "x-amzn-requestid": request_id}, dumps(write(result)))


def _query(operation: OperationModel) -> Plan:
    shape = operation.output_shape
    space = operation.metadata.get("xmlNamespace") or f"http://{operation.service_model.endpoint_prefix}.amazonaws.com/"
    head, tail = f'<{operation.name}Response xmlns="{space}">', f"</{operation.name}Response>"
    wrapper = shape.serialization.get("resultWrapper", operation.name + "Result") if shape else ""
    inner = _children(operation, shape.members if shape else {})

    def plan(result: Result, request_id: str) -> Response:
        out = [head]
        if wrapper:
            out.append(f"<{wrapper}>")
            inner(result, out)
            out.append(f"</{wrapper}>")
        out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>")
        out.append(tail)
        headers = {"content-type": "text/xml", "x-amzn-requestid": request_id}
        return Response(200, headers, "".join(out).encode())

    return plan


def _ec2(operation: OperationModel) -> Plan:
    shape = operation.output_shape
    version = operation.metadata["apiVersion"]
    space = operation.metadata.get("xmlNamespace") or f"http://ec2.amazonaws.com/doc/{version}/"
    head, tail = f'<{operation.name}Response xmlns="{space}">', f"</{operation.name}Response>"
    inner = _children(operation, shape.members if shape else {})

    def plan(result: Result, request_id: str) -> Response:
        out = [XML, head, f"<requestId>{request_id}</requestId>"]
        inner(result, out)
        out.append(tail)
        headers = {"content-type": "text/xml;charset=UTF-8", "x-amzn-requestid": request_id}
        return Response(200, headers, "".join(out).encode())

    return plan


def _children(operation: OperationModel, members: Mapping[str, Shape]) -> xmltext.WriteXML:
    model = operation.service_model
    # S3 gives milliseconds also where there are none.
    return xmltext.children(members, models.known(model, "xml out"), millis=model.service_name == "s3")


def _rest_json(operation: OperationModel) -> Plan:
    known = models.known(operation.service_model, "json out")

    def body(members: dict[str, Shape] | None, payload: Shape | None) -> Callable[[Any], bytes]:
        if payload is None:
            write = objects.object_writer(members or {}, known, json.write_scalar)
            return lambda result: json.dumps(write(result))
        convert = objects.writer(payload, known, json.write_scalar)
        return lambda value: json.dumps(convert(value) if convert else value)

    return _rest(operation, "application/json", body)


def _rest_xml(operation: OperationModel) -> Plan:
    model, shape = operation.service_model, operation.output_shape
    known, is_s3 = models.known(model, "xml out"), model.service_name == "s3"
    uri = s3.NAMESPACE if is_s3 else model.metadata.get("xmlNamespace", "")
    space = (xmltext.namespace(shape) if shape else "") or (f' xmlns="{uri}"' if uri else "")

    def body(members: dict[str, Shape] | None, payload: Shape | None) -> Callable[[Any], bytes]:
        if payload is not None:
            root = payload.serialization.get("name") or payload.name
            inner = xmltext.children(payload.members, known, payload.name, millis=is_s3)
            own = xmltext.namespace(payload) or space
            return _document(root, own, inner)
        assert shape is not None
        if is_s3 and operation.name == "GetBucketLocation":
            # The element that stands for the whole answer holds the text itself.
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
            return _document("LocationConstraint", space, _bare("LocationConstraint"))
        root = s3.ROOTS.get(operation.name, "") if is_s3 else ""
        root = root or shape.serialization.get("name") or shape.name
        return _document(root, space, xmltext.children(members or {}, known, millis=is_s3))

    return _rest(operation, "application/xml", body)


def _bare(member: str) -> xmltext.WriteXML:
    return lambda result, out: out.append(xmltext.escape(result.get(member) or ""))


def _document(root: str, space: str, inner: xmltext.WriteXML) -> Callable[[Any], bytes]:
    head, tail = f"{XML}<{root}{space}>", f"</{root}>"

    def write(result: Any) -> bytes:
        out = [head]
        inner(result, out)
        out.append(tail)
        return "".join(out).encode(errors="replace")

    return write


def _rest(
    operation: OperationModel,
    content_type: str,
    body: Callable[[dict[str, Shape] | None, Shape | None], Callable[[Any], bytes]],
) -> Plan:
    shape = operation.output_shape
    status = operation.http.get("responseCode", 200)
    request_ids = partial(named, operation.service_model)
    if shape is None:
        return lambda _result, request_id: Response(status, request_ids(request_id))
    put_headers = rest.header_writer(shape)
    code = next((n for n, m in shape.members.items() if m.serialization.get("location") == "statusCode"), "")
    fill = _filler(operation, shape, content_type, body)
    headless = operation.http.get("method") == "HEAD"

    def plan(result: Result, request_id: str) -> Response:
        response = Response(result.get(code) or status, request_ids(request_id))
        if not headless:
            fill(result, response)
        put_headers(result, response.headers)
        return response

    return plan


def named(model: ServiceModel, request_id: str) -> dict[str, str]:
    """The headers that name the request: S3 has its own."""
    if model.service_name == "s3":
        return {"x-amz-request-id": request_id, "x-amz-id-2": s3.host_id(request_id)}
    return {"x-amzn-requestid": request_id}


def _filler(
    operation: OperationModel,
    shape: StructureShape,
    content_type: str,
    body: Callable[[dict[str, Shape] | None, Shape | None], Callable[[Any], bytes]],
) -> Callable[[Result, Response], None]:
    """What gives the answer its body."""
    name = shape.serialization.get("payload", "")
    if not name:
        members = rest.body_members(shape, answer=True)
        if not members:
            return lambda _result, _response: None
        return _whole(content_type, body(members, None))
    payload = shape.members[name]
    if payload.serialization.get("eventstream"):
        form = content_type.rpartition("/")[2]
        put = eventstream.writer(payload, models.known(operation.service_model, form + " out"), form)
        return _events(name, put)
    if payload.type_name in {"blob", "string"}:
        return _stream(name, "application/octet-stream" if payload.type_name == "blob" else "text/plain")
    write = body(None, payload)

    def fill(result: Result, response: Response) -> None:
        if (value := result.get(name)) is not None:
            response.headers["content-type"] = content_type
            response.body = write(value)

    return fill


def _whole(content_type: str, write: Callable[[Any], bytes]) -> Callable[[Result, Response], None]:
    def fill(result: Result, response: Response) -> None:
        response.headers["content-type"] = content_type
        response.body = write(result)

    return fill


def _stream(name: str, content_type: str) -> Callable[[Result, Response], None]:
    def fill(result: Result, response: Response) -> None:
        value: Body | str | None = result.get(name)
        if value is not None:
            response.headers["content-type"] = content_type
            response.body = value.encode() if isinstance(value, str) else value

    return fill


def _events(name: str, put: Callable[[Mapping[str, Any]], bytes]) -> Callable[[Result, Response], None]:
    def fill(result: Result, response: Response) -> None:
        events: Iterable[Mapping[str, Any]] = result.get(name) or ()
        response.headers["content-type"] = eventstream.CONTENT_TYPE
        response.body = eventstream.frames(b"", events, put)

    return fill


_PLANS: dict[str, Callable[[OperationModel], Plan]] = {
    "json": _json,
    "smithy-rpc-v2-cbor": _cbor,
    "query": _query,
    "ec2": _ec2,
    "rest-json": _rest_json,
    "rest-xml": _rest_xml,
}
