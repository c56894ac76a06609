"""XML on its way out."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from clary.wire.forms import scalars
from clary.wire.forms.scalars import Shape
from clary.wire.forms.xml import element_name

WriteXML = Callable[[Any, list[str]], None]

# What XML 1.0 can't hold at all goes out as a reference, as S3 does for such keys: clients that list them ask for
# encoding-type=url. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\x85\u2028\ufffe\uffff]')
_NAMES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def escape(text: str) -> str:
    if not _SPECIAL.search(text):
        return text
    return _SPECIAL.sub(lambda match: _NAMES.get(match[0]) or f"&#x{ord(match[0]):X};", text)


def namespace(shape: Shape) -> str:
    """` xmlns="…"`, if the shape has one."""
    facts = shape.serialization.get("xmlNamespace")
    if not facts:
        return ""
    if isinstance(facts, str):
        return f' xmlns="{facts}"'
    prefix = f":{facts['prefix']}" if facts.get("prefix") else ""
    return f' xmlns{prefix}="{facts["uri"]}"'


def writer(shape: Shape, tag: str, known: dict[str, Any], *, millis: bool = False) -> WriteXML:
    """Writes one element; for a flattened list or map, one for each entry. `millis`: times always have milliseconds."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, tag, known, millis=millis)
    if kind == "list":
        return _list(shape, tag, known, millis=millis)
    if kind == "map":
        return _map(shape, tag, known, millis=millis)
    return _scalar(shape, tag, millis=millis)


def children(members: Mapping[str, Shape], known: dict[str, Any], name: str = "", *, millis: bool = False) -> WriteXML:
    """Writes the members' elements, in the model's order; kept as the structure `name` if that is given."""
    if name and (found := known.get(name)):
        return found  # type: ignore[no-any-return]  # the table holds only these
    table: list[tuple[str, WriteXML]] = []

    def write(value: Any, out: list[str]) -> None:
        for member, put in table:
            if (item := value.get(member)) is not None:
                put(item, out)

    if name:
        known[name] = write
    for member, shape in members.items():
        if not shape.serialization.get("xmlAttribute"):
            table.append((member, writer(shape, element_name(shape, member), known, millis=millis)))
    return write


def _structure(shape: Shape, tag: str, known: dict[str, Any], *, millis: bool) -> WriteXML:
    inner = children(shape.members, known, shape.name, millis=millis)
    opening, closing = f"<{tag}{namespace(shape)}", f"</{tag}>"
    attributes = {n: m.serialization["name"] for n, m in shape.members.items() if m.serialization.get("xmlAttribute")}

    def write(value: Any, out: list[str]) -> None:
        out.append(opening)
        for member, name in attributes.items():
            if (text := value.get(member)) is not None:
                out.append(f' {name}="{escape(text)}"')
        out.append(">")
        inner(value, out)
        out.append(closing)

    return write


def _list(shape: Shape, tag: str, known: dict[str, Any], *, millis: bool) -> WriteXML:
    flattened = shape.serialization.get("flattened")
    each = writer(
        shape.member, tag if flattened else shape.member.serialization.get("name", "member"), known, millis=millis
    )
    opening, closing = f"<{tag}{namespace(shape)}>", f"</{tag}>"

    def write(value: Any, out: list[str]) -> None:
        if not flattened:
            out.append(opening)
        for item in value:
            if item is not None:
                each(item, out)
        if not flattened:
            out.append(closing)

    return write


def _map(shape: Shape, tag: str, known: dict[str, Any], *, millis: bool) -> WriteXML:
    flattened = shape.serialization.get("flattened")
    key = writer(shape.key, shape.key.serialization.get("name", "key"), known, millis=millis)
    one = writer(shape.value, shape.value.serialization.get("name", "value"), known, millis=millis)
    around = ("", "") if flattened else (f"<{tag}{namespace(shape)}>", f"</{tag}>")
    entry = tag if flattened else "entry"

    def write(value: Any, out: list[str]) -> None:
        out.append(around[0])
        for name, item in value.items():
            if item is not None:
                out.append(f"<{entry}>")
                key(name, out)
                one(item, out)
                out.append(f"</{entry}>")
        out.append(around[1])

    return write


def _scalar(shape: Shape, tag: str, *, millis: bool) -> WriteXML:
    text = scalars.text_writer(shape, "iso8601")
    opening, closing = f"<{tag}{namespace(shape)}>", f"</{tag}>"
    if shape.type_name in {"string", "character"}:
        text = lambda value: escape(str(value))  # noqa: E731 - the branches of one choice
    elif shape.type_name == "timestamp" and shape.serialization.get("timestampFormat", "iso8601") == "iso8601":
        text = partial(scalars.iso8601, millis=millis)

    def write(value: Any, out: list[str]) -> None:
        out.append(f"{opening}{text(value)}{closing}")

    return write
