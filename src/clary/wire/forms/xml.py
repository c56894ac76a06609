"""XML: read as `rest-xml` has it, written as `rest-xml`, `query` and `ec2` have it.

No document type is let in, so there are neither entities to expand nor files to fetch.
"""

from collections.abc import Callable, Mapping
from typing import Any
from xml.parsers import expat

from clary.errors import Malformed
from clary.wire.forms import scalars
from clary.wire.forms.scalars import Read, Shape

DEPTH = 200
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


class Node:
    """One element; names without their prefix, attributes with it."""

    __slots__ = ("attributes", "children", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Node] = []
        self.text = ""


def loads(body: bytes) -> Node:
    """The root element. Raises errors.Malformed."""
    stack = [Node("", {})]
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(stack) > DEPTH:
            raise Malformed("The XML nests too deep")
        node = Node(tag.rpartition(":")[2], attributes)
        stack[-1].children.append(node)
        stack.append(node)

    def end(_tag: str) -> None:
        stack.pop()

    def text(data: str) -> None:
        stack[-1].text += data

    def doctype(*_: Any) -> None:
        raise Malformed("A document type declaration is not allowed")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Malformed(MALFORMED) from error
    return stack[0].children[0]


def reader(shape: Shape, known: dict[str, Any]) -> Read:
    kind = shape.type_name
    if kind == "structure":
        found: Read | None = known.get(shape.name)
        return found or fields(shape.members, known, shape.name)
    if kind == "list":
        each = reader(shape.member, known)
        return lambda node: [each(child) for child in node.children]
    if kind == "map":
        pair = _pair(shape, known)
        return lambda node: dict(pair(child) for child in node.children)
    parse = scalars.text_reader(shape, "iso8601")
    return lambda node: parse(node.text)


def _pair(shape: Shape, known: dict[str, Any]) -> Callable[[Node], tuple[str, Any]]:
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    read_key, read_value = reader(shape.key, known), reader(shape.value, known)

    def read(node: Node) -> tuple[str, Any]:
        parts = {child.tag: child for child in node.children}
        if key_name not in parts or value_name not in parts:
            raise Malformed(MALFORMED)
        return read_key(parts[key_name]), read_value(parts[value_name])

    return read


def fields(members: Mapping[str, Shape], known: dict[str, Any], name: str = "") -> Read:
    """Reads the children of an element as these members; kept as the structure `name` if that is given."""
    table: dict[str, tuple[str, Read, type | None]] = {}
    attributes: dict[str, str] = {}

    def read(node: Node) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for child in node.children:
            if entry := table.get(child.tag):
                member, convert, many = entry
                if many is None:
                    result[member] = convert(child)
                elif many is list:
                    result.setdefault(member, []).append(convert(child))
                else:
                    key, value = convert(child)
                    result.setdefault(member, {})[key] = value
        result.update((member, node.attributes[name]) for name, member in attributes.items() if name in node.attributes)
        return result

    if name:
        known[name] = read
    for member, shape in members.items():
        if shape.serialization.get("xmlAttribute"):
            attributes[shape.serialization["name"]] = member
        else:
            table[element_name(shape, member)] = (member, *_element(shape, known))
    return read


def _element(shape: Shape, known: dict[str, Any]) -> tuple[Read, type | None]:
    """What reads one element of a member, and what the elements of a flattened one make up."""
    if shape.serialization.get("flattened") and shape.type_name == "list":
        return reader(shape.member, known), list
    if shape.serialization.get("flattened") and shape.type_name == "map":
        return _pair(shape, known), dict
    return reader(shape, known), None


def element_name(shape: Shape, default: str) -> str:
    """The elements' own name takes the place of a flattened list's."""
    if shape.type_name == "list" and shape.serialization.get("flattened"):
        default = shape.serialization.get("name", default)
        return str(shape.member.serialization.get("name", default))
    return str(shape.serialization.get("name", default))
