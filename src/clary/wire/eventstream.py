"""Event streams: messages one after the other, each with headers, a payload and two checksums.

https://smithy.io/2.0/aws/amazon-eventstream.html
"""

import struct
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clary.errors import AWSError, Malformed
from clary.wire.forms import cbor, json, objects, scalars, xml, xmltext
from clary.wire.forms.scalars import Shape

if TYPE_CHECKING:  # 0.2 s to import, which the data plane (serving/) does not wait for
    from botocore.model import StructureShape

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_CONTENT_TYPES = {"json": "application/json", "cbor": "application/cbor", "xml": "text/xml"}
_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_LIMIT = 24 << 20  # as botocore has it: no message is longer
# type of a header's value -> its fixed form; strings and bytes have a length before them
_FIXED = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}
_TYPES = {"byte": 2, "short": 3, "integer": 4, "long": 5, "blob": 6, "string": 7, "timestamp": 8}


@dataclass(slots=True)
class Message:
    headers: dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""


def _header(name: str, value: Any, kind: str = "") -> bytes:
    encoded = name.encode()
    start = bytes([len(encoded)]) + encoded
    if isinstance(value, bool):
        return start + (b"\x00" if value else b"\x01")
    if isinstance(value, str):
        text = value.encode()
        return start + b"\x07" + struct.pack(">H", len(text)) + text
    if isinstance(value, bytes):
        return start + b"\x06" + struct.pack(">H", len(value)) + value
    code = _TYPES[kind or "integer"]
    number = round(scalars.seconds(value) * 1000) if code == 8 else value
    return start + bytes([code]) + struct.pack(_FIXED[code], number)


def encode(headers: Mapping[str, Any], payload: bytes, kinds: Mapping[str, str] | None = None) -> bytes:
    """One message. `kinds` gives the shape types of the headers that are neither text, bytes nor truth values."""
    block = b"".join(_header(name, value, (kinds or {}).get(name, "")) for name, value in headers.items())
    prelude = _PRELUDE.pack(16 + len(block) + len(payload), len(block))
    start = prelude + _CRC.pack(zlib.crc32(prelude)) + block + payload
    return start + _CRC.pack(zlib.crc32(start))


def messages(body: bytes) -> Iterator[Message]:
    """The messages in a body, those inside signed envelopes unpacked. Raises errors.Malformed."""
    at = 0
    while at < len(body):
        message, at = _decode(body, at)
        if ":chunk-signature" in message.headers:
            if message.payload:  # an empty one ends the stream
                yield from messages(message.payload)
        else:
            yield message


def _decode(body: bytes, at: int) -> tuple[Message, int]:
    if len(body) - at < 16:
        raise Malformed("The event stream ends within a message")
    length, header_length = _PRELUDE.unpack_from(body, at)
    if zlib.crc32(body[at : at + 8]) != _CRC.unpack_from(body, at + 8)[0]:
        raise Malformed("The checksum of an event's prelude does not match")
    end = at + length
    if not 16 + header_length <= length <= _LIMIT or end > len(body):
        raise Malformed("The event stream ends within a message")
    if zlib.crc32(body[at : end - 4]) != _CRC.unpack_from(body, end - 4)[0]:
        raise Malformed("The checksum of an event does not match")
    start = at + 12 + header_length
    return Message(_headers(body[at + 12 : start]), body[start : end - 4]), end


def _headers(block: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    at = 0
    try:
        while at < len(block):
            length = block[at]
            name, code, at = block[at + 1 : at + 1 + length].decode(), block[at + 1 + length], at + 2 + length
            if code in {0, 1}:
                found[name] = code == 0
            elif code in _FIXED:
                value = struct.unpack_from(_FIXED[code], block, at)[0]
                found[name] = value / 1000 if code == 8 else value
                at += struct.calcsize(_FIXED[code])
            elif code in {6, 7}:
                size = struct.unpack_from(">H", block, at)[0]
                raw, at = block[at + 2 : at + 2 + size], at + 2 + size
                found[name] = raw if code == 6 else raw.decode()
            elif code == 9:
                found[name], at = str(uuid.UUID(bytes=block[at : at + 16])), at + 16
            else:
                raise Malformed(f"The event header {name} is of an unknown type")
    except (IndexError, struct.error, ValueError) as error:
        raise Malformed("An event's headers are cut off") from error
    return found


def split_initial(body: bytes) -> tuple[bytes, list[Message]]:
    """The payload of the `initial-request` that RPC protocols begin with, and the messages after it."""
    found = list(messages(body))
    if found and found[0].headers.get(":event-type") == "initial-request":
        return found[0].payload, found[1:]
    return b"", found


def reader(union: "StructureShape", known: dict[str, Any], form: str) -> Callable[[Message], dict[str, Any]]:
    """Reads a message as {"EventName": {...}}; `form` is json, cbor or xml."""
    events = {name: _event_reader(member, known, form) for name, member in union.members.items()}

    def read(message: Message) -> dict[str, Any]:
        name = str(message.headers.get(":event-type") or message.headers.get(":exception-type"))
        if name not in events:
            raise Malformed(f"There is no event {name}")
        return {name: events[name](message)}

    return read


def _event_reader(shape: "StructureShape", known: dict[str, Any], form: str) -> Callable[[Message], dict[str, Any]]:
    headers = [name for name, member in shape.members.items() if member.serialization.get("eventheader")]
    payload = next((name for name, member in shape.members.items() if member.serialization.get("eventpayload")), "")
    rest = {name: member for name, member in shape.members.items() if name not in headers}
    kind = rest[payload].type_name if payload else ""
    # A structure that is the payload is written without its member's name.
    load = _loader(rest[payload].members if kind == "structure" else rest, known, form)

    def read(message: Message) -> dict[str, Any]:
        event = {name: message.headers[name] for name in headers if name in message.headers}
        if kind in {"blob", "string"}:
            event[payload] = message.payload if kind == "blob" else message.payload.decode(errors="replace")
        elif message.payload:
            event.update({payload: load(message.payload)} if payload else load(message.payload))
        return event

    return read


def _loader(members: Mapping[str, Shape], known: dict[str, Any], form: str) -> Callable[[bytes], dict[str, Any]]:
    if form == "xml":
        from_xml = xml.fields(members, known)
        return lambda content: from_xml(xml.loads(content))
    scalar, loads = (cbor.read_scalar, cbor.loads) if form == "cbor" else (json.read_scalar, json.loads)
    from_object = objects.fields(members, known, scalar)
    return lambda content: from_object(loads(content))


def writer(union: "StructureShape", known: dict[str, Any], form: str) -> Callable[[Mapping[str, Any]], bytes]:
    """Writes {"EventName": {...}} as a message; an event that is modelled as an error goes out as an exception."""
    events = {name: _event_writer(name, member, known, form) for name, member in union.members.items()}

    def write(event: Mapping[str, Any]) -> bytes:
        ((name, value),) = event.items()
        return events[name](value)

    return write


def _event_writer(
    name: str, shape: "StructureShape", known: dict[str, Any], form: str
) -> Callable[[Mapping[str, Any]], bytes]:
    kinds = {n: m.type_name for n, m in shape.members.items() if m.serialization.get("eventheader")}
    payload = next((n for n, m in shape.members.items() if m.serialization.get("eventpayload")), "")
    rest = {n: m for n, m in shape.members.items() if n not in kinds}
    part = rest.get(payload)
    raw = {"blob": "application/octet-stream", "string": "text/plain"}.get(part.type_name) if part else None
    dump = _dumper(part.name if part else name, part.members if part and not raw else rest, known, form)
    kind = "exception" if shape.metadata.get("exception") else "event"
    start = {":message-type": kind, f":{kind}-type": name}
    if raw or rest:
        start[":content-type"] = raw or _CONTENT_TYPES[form]

    def write(value: Mapping[str, Any]) -> bytes:
        headers = {**start, **{n: value[n] for n in kinds if value.get(n) is not None}}
        if raw:
            content = value.get(payload) or b""
            return encode(headers, content.encode() if isinstance(content, str) else content, kinds)
        body = value.get(payload, {}) if payload else value
        return encode(headers, dump(body) if rest else b"", kinds)

    return write


def _dumper(
    name: str, members: Mapping[str, Shape], known: dict[str, Any], form: str
) -> Callable[[Mapping[str, Any]], bytes]:
    if form == "xml":
        inner = xmltext.children(members, known)

        def to_xml(value: Mapping[str, Any]) -> bytes:
            out = [f"<{name}>"]
            inner(value, out)
            return "".join([*out, f"</{name}>"]).encode()

        return to_xml
    scalar, dumps = (cbor.write_scalar, cbor.dumps) if form == "cbor" else (json.write_scalar, json.dumps)
    write = objects.object_writer(members, known, scalar)
    return lambda value: dumps(write(value))


def initial(payload: bytes, form: str) -> bytes:
    """The `initial-response` that RPC protocols begin with: the members that are not events."""
    headers = {":message-type": "event", ":event-type": "initial-response", ":content-type": _CONTENT_TYPES[form]}
    return encode(headers, payload)


def frames(
    first: bytes, events: Iterable[Mapping[str, Any]], write: Callable[[Mapping[str, Any]], bytes]
) -> Iterator[bytes]:
    """The body of an answer. An AWSError out of `events` ends it with an exception or error message."""
    if first:
        yield first
    try:
        for event in events:
            yield write(event)
    except AWSError as error:
        code = error.code("json")
        yield _exception(code, error, write)


def _exception(code: str, error: AWSError, write: Callable[[Mapping[str, Any]], bytes]) -> bytes:
    try:
        return write({code: {"Message": error.message, "message": error.message, **error.members}})
    except KeyError:  # not modelled as an event
        return encode({":message-type": "error", ":error-code": code, ":error-message": error.message}, b"")
