"""Documents made up from shapes, and requests as botocore sends them."""

import math
import random
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.model import OperationModel
from botocore.serialize import create_serializer

from clary.wire.message import Request

TEXTS = ["a", "Zz-9_", "ä€ß", "日本", "😀", "a b", "<&>\"'", "x=y&z", "%41+", "a/b", "..", "null", "1,2", "[]{}"]
ASCII = ["a", "Zz-9_", "x=y&z", "%41+", "a/b", "<&>'", "q;r"]
MOMENT = 1700000000
DEPTH = 5
Shape = Any  # a botocore.model.Shape: which kind its type_name says


class Samples:
    """Values for shapes, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def document(self, shape: Shape | None) -> dict[str, Any]:
        return {} if shape is None else dict(self._structure(shape, 0))

    def value(self, shape: Shape, depth: int = 0) -> Any:
        kind, pick = shape.type_name, self.random
        place = shape.serialization.get("location", "")
        if shape.serialization.get("jsonvalue") and place == "header":
            return {"a": [1, "b"]}
        if kind == "structure":
            return {"a": [1, "b", None]} if shape.is_document_type else self._structure(shape, depth + 1)
        if kind == "list":
            return [self.value(shape.member, depth + 1) for _ in range(pick.randint(1, 2))]
        if kind == "map":
            names = pick.sample(["k", "l", "m-n"], pick.randint(1, 2))
            keys = shape.key.metadata.get("enum") or names
            return {key: self.value(shape.value, depth + 1) for key in keys[:2]}
        if kind == "string":
            return self._text(shape, place)
        if kind in {"integer", "long"}:
            return 204 if place == "statusCode" else pick.choice([0, 1, -7, 2147483647])
        if kind in {"float", "double"}:
            return pick.choice([0.0, 1.5, -2.25, 1e10, math.inf])
        if kind == "boolean":
            return pick.random() < 0.5
        if kind == "timestamp":
            style = shape.serialization.get("timestampFormat", "")
            fraction = 0 if place == "header" or style == "rfc822" else pick.choice([0, 250000])
            return datetime.fromtimestamp(MOMENT + pick.randint(0, 1000), UTC).replace(microsecond=fraction)
        assert kind == "blob", kind
        return pick.choice([b"x", b"blob \x01\x7f"])

    def _structure(self, shape: Shape, depth: int) -> dict[str, Any]:
        members = {name: m for name, m in shape.members.items() if not m.serialization.get("eventstream")}
        if shape.is_tagged_union:
            flat = [name for name, m in members.items() if m.type_name not in {"structure", "list", "map"}]
            name = self.random.choice(flat if depth > DEPTH and flat else list(members))
            return {name: self.value(members[name], depth)}
        found = {}
        for name, member in members.items():
            deep = depth > DEPTH and member.type_name in {"structure", "list", "map"}
            asked = name in {*shape.required_members, shape.serialization.get("payload")}
            asked = asked or member.metadata.get("idempotencyToken")
            if asked or (not deep and self.random.random() < (0.6 if depth < 2 else 0.3)):
                found[name] = [] if deep and member.type_name == "list" else {} if deep else self.value(member, depth)
        return found

    def _text(self, shape: Shape, place: str) -> str:
        if enum := shape.metadata.get("enum"):
            return str(self.random.choice(enum))
        if shape.serialization.get("hostLabel"):
            return "host-1"
        return self.random.choice(ASCII if place in {"header", "headers"} else TEXTS)


def plain(value: Any) -> Any:
    """What both sides can be compared as: times as seconds, no empty parts (form fields and XML can't say those)."""
    if isinstance(value, dict):
        parts = {key: plain(item) for key, item in value.items() if key != "ResponseMetadata"}
        return {key: item for key, item in parts.items() if item not in (None, {}, [])}
    if isinstance(value, list | tuple):
        return [part for part in map(plain, value) if part not in (None, {}, [])]
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, float) and math.isinf(value):
        return "Infinity"  # botocore leaves JSON's word for it as it is
    return value.decode() if isinstance(value, bytes) else value


def request(operation: OperationModel, params: dict[str, Any], protocol: str) -> Request:
    """What botocore's own serializer makes of the call."""
    parts = create_serializer(protocol, include_validation=False).serialize_to_request(params, operation)
    prepare_request_dict(parts, "http://localhost:4510")
    sent = create_request_object(parts).prepare()
    url = urlsplit(sent.url)
    headers = {k.lower(): v.decode() if isinstance(v, bytes) else str(v) for k, v in sent.headers.items()}
    body = sent.body or b""
    return Request(sent.method, url.path, url.query, headers, body if isinstance(body, bytes) else body.encode())
