"""From a request to the operation's input: members as AWS spells them, times in seconds, blobs as bytes."""

import dataclasses
import threading
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from botocore.model import OperationModel, StructureShape

from clary.errors import AWSError, Malformed
from clary.wire import encoding, eventstream, models, rest
from clary.wire.forms import cbor, json, objects, query, xml
from clary.wire.forms.scalars import Read, Shape
from clary.wire.message import Request
from clary.wire.route import spoken

Document = dict[str, Any]
Plan = Callable[[Request, dict[str, str]], Document]

_plans: dict[tuple[OperationModel, str], tuple[Plan, list[str]]] = {}
_compiling = threading.RLock()


def parse(operation: OperationModel, request: Request, labels: dict[str, str]) -> Document:
    """The input of the operation. `labels` come from Router.match.

    A streaming payload is left out (see `streaming`); idempotency tokens that are absent are made up; members that the
    model does not know are passed over. Raises errors.Malformed.
    """
    protocol = spoken(operation.service_model, request)
    plan, tokens = _plans.get((operation, protocol)) or _compile(operation, protocol)
    if operation.request_compression and encoding.is_compressed(request):
        request = dataclasses.replace(request, body=encoding.content(request))
    try:
        document = plan(request, labels)
    except RecursionError as error:
        raise Malformed("The request nests too deep") from error
    for name in tokens:
        if document.get(name) is None:
            document[name] = str(uuid.uuid4())
    return document


def streaming(operation: OperationModel) -> str:
    """The input member whose bytes are the body as it comes, or ""."""
    shape = operation.input_shape
    name = shape.serialization.get("payload", "") if shape else ""
    return name if name and shape.members[name].serialization.get("streaming") else ""


def _compile(operation: OperationModel, protocol: str) -> tuple[Plan, list[str]]:
    with _compiling:
        shape = operation.input_shape
        plan: Plan = _nothing if shape is None else _PLANS[protocol](operation, shape)
        _plans[operation, protocol] = found = (plan, operation.idempotent_members)
        return found


def _nothing(_request: Request, _labels: dict[str, str]) -> Document:
    return {}


def _json(operation: OperationModel, shape: StructureShape) -> Plan:
    return _rpc(operation, shape, "json", json.loads, json.read_scalar)


def _cbor(operation: OperationModel, shape: StructureShape) -> Plan:
    return _rpc(operation, shape, "cbor", cbor.loads, cbor.read_scalar)


def _rpc(
    operation: OperationModel,
    shape: StructureShape,
    form: str,
    loads: Callable[[bytes], Any],
    scalar: Callable[[Shape], Read],
) -> Plan:
    known = models.known(operation.service_model, form + " in")
    stream = shape.event_stream_name
    if stream is None:
        read = objects.reader(shape, known, scalar)
        return lambda request, _labels: read(loads(request.body))
    initial = objects.fields({n: m for n, m in shape.members.items() if n != stream}, known, scalar)
    events = eventstream.reader(shape.members[stream], known, form)

    def plan(request: Request, _labels: dict[str, str]) -> Document:
        first, rest_of_them = eventstream.split_initial(request.body)
        return {**initial(loads(first)), stream: [events(message) for message in rest_of_them]}

    return plan


def form_items(text: str) -> list[tuple[str, str]]:
    pairs = (item.partition("=") for item in text.split("&") if item)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def _query(operation: OperationModel, shape: StructureShape) -> Plan:
    return _form(operation, shape, ec2=False)


def _ec2(operation: OperationModel, shape: StructureShape) -> Plan:
    return _form(operation, shape, ec2=True)


def _form(operation: OperationModel, shape: StructureShape, *, ec2: bool) -> Plan:
    read = query.reader(shape, models.known(operation.service_model, "query in"), ec2=ec2)

    def plan(request: Request, _labels: dict[str, str]) -> Document:
        try:
            items = form_items(request.body.decode())
        except UnicodeDecodeError as error:
            raise Malformed("The body is not UTF-8") from error
        if request.query:
            items = request.query_items() + items
        document: Document = read(query.tree(items))
        return document

    return plan


def _rest_json(operation: OperationModel, shape: StructureShape) -> Plan:
    known = models.known(operation.service_model, "json in")

    def body(payload: Shape | None) -> Callable[[bytes], Any]:
        if payload is None:
            read = objects.fields(rest.body_members(shape), known, json.read_scalar)
        else:
            read = objects.reader(payload, known, json.read_scalar)
        return lambda content: read(json.loads(content))

    return _rest(operation, shape, body)


def _rest_xml(operation: OperationModel, shape: StructureShape) -> Plan:
    known = models.known(operation.service_model, "xml in")

    def body(payload: Shape | None) -> Callable[[bytes], Any]:
        if payload is None:
            read = xml.fields(rest.body_members(shape), known)
            return lambda content: read(xml.loads(content))
        # Only S3 is known to hold its root elements against the schema.
        strict = models.family(operation.service_model) == "s3"
        convert, root = xml.reader(payload, known), payload.serialization.get("name") if strict else None

        def read_payload(content: bytes) -> Any:
            node = xml.loads(content)
            if root and node.tag != root:
                raise Malformed(xml.MALFORMED)
            return convert(node)

        return read_payload

    return _rest(operation, shape, body)


def _rest(
    operation: OperationModel, shape: StructureShape, body: Callable[[Shape | None], Callable[[bytes], Any]]
) -> Plan:
    binders = (rest.label_binder(shape), rest.query_binder(shape), rest.header_binder(shape))
    labels_to, query_to, headers_to = binders
    payload = shape.serialization.get("payload", "")
    load = _payload(operation, shape, payload, body)

    def plan(request: Request, labels: dict[str, str]) -> Document:
        document: Document = {}
        if headers_to:
            headers_to(request.headers, document)
        if query_to and request.query:
            query_to(request.query_items(), document)
        if load:
            load(request, document)
        if labels_to:
            labels_to(labels, document)
        return document

    return plan


def _payload(
    operation: OperationModel,
    shape: StructureShape,
    payload: str,
    body: Callable[[Shape | None], Callable[[bytes], Any]],
) -> Callable[[Request, Document], None] | None:
    """What takes the body into the document."""
    if not payload:
        if not rest.body_members(shape):
            return None
        whole = body(None)
        return lambda request, document: document.update(whole(request.body)) if request.body else None
    member = shape.members[payload]
    if member.serialization.get("streaming"):
        return None
    if member.serialization.get("eventstream"):
        form = "xml" if models.protocol(operation.service_model) == "rest-xml" else "json"
        events = eventstream.reader(member, models.known(operation.service_model, form + " in"), form)

        def streamed(request: Request, document: Document) -> None:
            document[payload] = [events(message) for message in eventstream.messages(request.body)]

        return streamed
    if member.type_name in {"blob", "string"}:
        return _raw(payload, text=member.type_name == "string")
    part = body(member)
    required = payload in shape.required_members and models.family(operation.service_model) == "s3"

    def structured(request: Request, document: Document) -> None:
        if request.body:
            document[payload] = part(request.body)
        elif required:
            raise AWSError("MissingRequestBodyError", "Request Body is empty", 400)

    return structured


def _raw(payload: str, *, text: bool) -> Callable[[Request, Document], None]:
    def load(request: Request, document: Document) -> None:
        if not request.body:
            return
        try:
            document[payload] = request.body.decode() if text else request.body
        except UnicodeDecodeError as error:
            raise Malformed("The body is not UTF-8") from error

    return load


_PLANS: dict[str, Callable[[OperationModel, StructureShape], Plan]] = {
    "json": _json,
    "smithy-rpc-v2-cbor": _cbor,
    "query": _query,
    "ec2": _ec2,
    "rest-json": _rest_json,
    "rest-xml": _rest_xml,
}
