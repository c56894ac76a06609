"""Form fields, as `query` and `ec2` have them: `Tags.member.1.Key=a` is a path into the input.

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
"""

from collections.abc import Iterable
from typing import Any

from clary.errors import Malformed
from clary.wire.forms import scalars
from clary.wire.forms.scalars import Read, Shape

DEPTH = 100
Tree = dict[str, Any]


def tree(items: Iterable[tuple[str, str]]) -> Tree:
    """`a.b=1` as {"a": {"b": "1"}}. A path that also is the start of longer ones (`a=&a.1=x`) gives way to these."""
    root: Tree = {}
    for path, value in items:
        *parts, last = path.split(".")
        if len(parts) > DEPTH:
            raise Malformed("The request nests too deep")
        node = root
        for part in parts:
            below = node.get(part)
            if type(below) is not dict:
                below = node[part] = {}
            node = below
        if type(node.get(last)) is not dict:
            node[last] = value
    return root


def reader(shape: Shape, known: dict[str, Any], *, ec2: bool) -> Read:
    kind = shape.type_name
    if kind == "structure":
        return known.get(shape.name) or _structure(shape, known, ec2=ec2)
    if kind == "list":
        return _list(shape, known, ec2=ec2)
    if kind == "map":
        return _map(shape, known, ec2=ec2)
    parse = scalars.text_reader(shape, "iso8601")

    def read(value: Any) -> Any:
        if type(value) is dict:
            raise Malformed("Start of structure or map found where not expected.")
        return parse(value)

    return read


def _name(shape: Shape, default: str, *, ec2: bool) -> str:
    facts = shape.serialization
    if ec2 and "queryName" in facts:
        return str(facts["queryName"])
    if ec2 and (name := facts.get("name")):
        return str(name[:1].upper() + name[1:])
    return str(facts.get("name", default))


def _member(shape: Shape, default: str, *, ec2: bool) -> str:
    # The elements' own name takes the place of a flattened list's.
    if not ec2 and shape.type_name == "list" and shape.serialization.get("flattened"):
        own = shape.member.serialization.get("name")
        if own:
            return str(own)
    return _name(shape, default, ec2=ec2)


def _structure(shape: Shape, known: dict[str, Any], *, ec2: bool) -> Read:
    table: dict[str, tuple[str, Read]] = {}

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            if value == "":  # an empty structure
                return {}
            raise Malformed("Unexpected value where a structure is expected")
        result = {}
        for key, item in value.items():
            if entry := table.get(key):
                result[entry[0]] = entry[1](item)
        return result

    known[shape.name] = read
    for name, member in shape.members.items():
        entry = (name, reader(member, known, ec2=ec2))
        # botocore and Smithy differ in what they call members of EC2 and flattened lists that are not named otherwise.
        for key in (_name(member, name[:1].upper() + name[1:] if ec2 else name, ec2=ec2), name):
            table.setdefault(key, entry)
        table[_member(member, name, ec2=ec2)] = entry
    return read


def _numbered(value: Any, name: str) -> list[Any]:
    """The values under `1`, `2`, … in this order, also where an inner name is left out or put in against the model."""
    if type(value) is not dict:
        if value == "":
            return []
        raise Malformed("Expected list or null")
    for inner in (name, "member", "entry"):
        if type(value.get(inner)) is dict:
            value = value[inner]
            break
        if value.get(inner) == "" and len(value) == 1:
            return []
    try:
        return [value[key] for key in sorted(value, key=int)]
    except ValueError as error:
        raise Malformed(f"Unexpected list element: {str(error)[:100]}") from error


def _list(shape: Shape, known: dict[str, Any], *, ec2: bool) -> Read:
    each = reader(shape.member, known, ec2=ec2)
    name = shape.member.serialization.get("name", "member")
    return lambda value: [each(item) for item in _numbered(value, name)]


def _map(shape: Shape, known: dict[str, Any], *, ec2: bool) -> Read:
    key_name = _name(shape.key, "key", ec2=ec2)
    value_name = _name(shape.value, "value", ec2=ec2)
    read_key = reader(shape.key, known, ec2=ec2)
    read_value = reader(shape.value, known, ec2=ec2)

    def read(value: Any) -> dict[str, Any]:
        result = {}
        for pair in _numbered(value, "entry"):
            if type(pair) is not dict or key_name not in pair:
                raise Malformed(f"Map entries need a {key_name}")
            result[read_key(pair[key_name])] = read_value(pair.get(value_name, ""))
        return result

    return read
