"""JSON, as `json` and `rest-json` have it."""

from typing import Any

import orjson

from clary.errors import Malformed
from clary.wire.forms import scalars
from clary.wire.forms.objects import wrong
from clary.wire.forms.scalars import Read, Shape, Write

dumps = orjson.dumps


def loads(body: bytes) -> Any:
    """Raises errors.Malformed, also for what nests deeper than 1024. An empty body is an empty document."""
    try:
        return orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise Malformed(f"Could not parse request body into json: {error}") from error


def read_scalar(shape: Shape) -> Read:
    kind = shape.type_name
    if kind == "timestamp":
        return _timestamp(shape)
    if kind in scalars.INTEGERS:
        return _integer(kind)
    return {"boolean": _boolean, "float": _float, "double": _float, "blob": _blob}.get(kind, _string)


def _string(value: Any) -> str:
    if type(value) is not str:
        raise wrong(value, "a String")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise wrong(value, "a Boolean")
    return value


def _integer(kind: str) -> Read:
    low, high, name = scalars.INTEGERS[kind]

    def read(value: Any) -> int:
        if type(value) is float and value == value // 1:
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise wrong(value, name)
        return value

    return read


def _float(value: Any) -> float:
    if type(value) is str and (found := scalars.special(value)) is not None:
        return found
    if type(value) not in {int, float}:
        raise wrong(value, "a Double")
    return float(value)


def _blob(value: Any) -> bytes:
    if type(value) is not str:
        raise wrong(value, "a Blob")
    return scalars.base64_bytes(value)


def _timestamp(shape: Shape) -> Read:
    style = shape.serialization.get("timestampFormat", "unixtimestamp").lower()
    parse = scalars.time_reader(style)

    def read(value: Any) -> float:
        if type(value) is str and style != "unixtimestamp":
            return parse(value)
        if type(value) not in {int, float}:
            raise wrong(value, "milliseconds since epoch")
        return scalars.epoch(value)

    return read


def write_scalar(shape: Shape) -> Write | None:
    kind = shape.type_name
    if kind == "timestamp":
        return scalars.time_writer(shape.serialization.get("timestampFormat", "unixtimestamp").lower())
    if kind == "blob":
        return scalars.base64_text
    return scalars.real if kind in scalars.FLOATS else None
