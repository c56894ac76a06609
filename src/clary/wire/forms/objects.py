"""What JSON and CBOR have in common: objects, lists and maps. The two differ in their scalars only.

Null members are as good as absent ones; nulls in lists and maps stay, so that validation can name them; unknown
members are passed over.
"""

from collections.abc import Callable, Mapping
from typing import Any

from clary.errors import Malformed
from clary.wire.forms.scalars import Read, Shape, Write

_TOKENS = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE"}
ReadScalar = Callable[[Shape], Read]
WriteScalar = Callable[[Shape], Write | None]


def wrong(value: Any, wanted: str) -> Malformed:
    """AWS's words for a value of the wrong type."""
    if type(value) is dict:
        return Malformed("Start of structure or map found where not expected.")
    if type(value) is list:
        return Malformed("Start of list found where not expected")
    token = _TOKENS.get(type(value), str(value).upper() + "_VALUE")
    return Malformed(f"{token} can not be converted to {wanted}")


def same(value: Any) -> Any:
    return value


def reader(shape: Shape, known: dict[str, Any], scalar: ReadScalar) -> Read:
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return same
        found: Read | None = known.get(shape.name)
        return found or fields(shape.members, known, scalar, shape.name)
    if kind == "list":
        return _list(reader(shape.member, known, scalar))
    if kind == "map":
        return _map(reader(shape.value, known, scalar))
    return scalar(shape)


def fields(members: Mapping[str, Shape], known: dict[str, Any], scalar: ReadScalar, name: str = "") -> Read:
    """Reads an object of these members; kept as the structure `name` if that is given."""
    table: dict[str, tuple[str, Read]] = {}

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise wrong(value, "a structure")
        result = {}
        for key, item in value.items():
            if item is not None and (entry := table.get(key)):
                result[entry[0]] = entry[1](item)
        return result

    if name:
        known[name] = read
    for member, shape in members.items():
        table[shape.serialization.get("name", member)] = (member, reader(shape, known, scalar))
    return read


def _list(each: Read) -> Read:
    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Malformed("Expected list or null")
        return [None if item is None else each(item) for item in value]

    return read


def _map(each: Read) -> Read:
    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise wrong(value, "a map")
        result = {}
        for key, item in value.items():
            if type(key) is not str:  # CBOR has keys of any type
                raise wrong(key, "a String")
            result[key] = None if item is None else each(item)
        return result

    return read


def writer(shape: Shape, known: dict[str, Any], scalar: WriteScalar) -> Write | None:
    """None where the value goes out as it is."""
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return None
        found: Write | None = known.get(shape.name)
        return found or object_writer(shape.members, known, scalar, shape.name)
    if kind == "list":
        each = writer(shape.member, known, scalar)
        return each and (lambda value: [None if item is None else each(item) for item in value])
    if kind == "map":
        one = writer(shape.value, known, scalar)
        return one and (lambda value: {key: one(item) for key, item in value.items() if item is not None})
    return scalar(shape)


def object_writer(members: Mapping[str, Shape], known: dict[str, Any], scalar: WriteScalar, name: str = "") -> Write:
    """Writes an object of these members, and leaves out what is None or no member."""
    table: dict[str, tuple[str, Write | None]] = {}

    def write(value: Any) -> dict[str, Any]:
        result = {}
        for key, item in value.items():
            if item is not None and (entry := table.get(key)):
                put, convert = entry
                result[put] = convert(item) if convert else item
        return result

    if name:
        known[name] = write
    for member, shape in members.items():
        table[member] = (shape.serialization.get("name", member), writer(shape, known, scalar))
    return write
