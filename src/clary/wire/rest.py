"""Where members stand in a REST request and its answer: labels, query, headers, status, payload.

https://smithy.io/2.0/spec/http-bindings.html
"""

import base64
import re
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from botocore.model import StructureShape

from clary.errors import Malformed
from clary.wire.forms import scalars
from clary.wire.forms.scalars import Shape

Bind = Callable[[Any, dict[str, Any]], None]

_QUOTED = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)|([^,]*)(?:,|$)')
_HTTP_DATE = re.compile(r"[^,]+,[^,]+")


_ASKED = {"uri", "querystring", "header", "headers"}
_ANSWERED = {"header", "headers", "statusCode"}  # labels and queries mean nothing in an answer


def body_members(shape: StructureShape | None, *, answer: bool = False) -> dict[str, Shape]:
    """The members that have no place of their own in the request, or in the answer, so make up the body."""
    placed = _ANSWERED if answer else _ASKED
    members = shape.members if shape else {}
    return {name: member for name, member in members.items() if member.serialization.get("location") not in placed}


def _reader(shape: Shape, style: str) -> Callable[[str], Any]:
    if shape.serialization.get("jsonvalue"):
        return _read_json
    return scalars.text_reader(shape, style)


def _read_json(text: str) -> Any:
    try:
        return orjson.loads(scalars.base64_bytes(text))
    except orjson.JSONDecodeError as error:
        raise Malformed(f"Invalid JSON in a header: {error}") from error


def _header_list(shape: Shape) -> Callable[[str], list[Any]]:
    each = _reader(shape.member, "rfc822")
    is_date = shape.member.type_name == "timestamp" and (
        shape.member.serialization.get("timestampFormat", "rfc822").lower() == "rfc822"
    )

    def read(text: str) -> list[Any]:
        if is_date:  # such a date has a comma of its own
            return [each(part.strip()) for part in _HTTP_DATE.findall(text)]
        parts = []
        for match in _QUOTED.finditer(text):
            if match[1] is not None:
                parts.append(re.sub(r"\\(.)", r"\1", match[1]))
            elif match[2].strip():
                parts.append(match[2].strip())
        return [each(part) for part in parts]

    return read


def label_binder(shape: StructureShape) -> Bind | None:
    """Puts the decoded labels of the path into the document."""
    table = [
        (member.serialization.get("name", name), name, _reader(member, "iso8601"))
        for name, member in shape.members.items()
        if member.serialization.get("location") == "uri"
    ]

    def bind(labels: dict[str, str], document: dict[str, Any]) -> None:
        for label, name, read in table:
            if label in labels:
                document[name] = read(labels[label])

    return bind if table else None


def header_binder(shape: StructureShape) -> Bind | None:
    """Puts headers into the document. An empty header is only a value where a text is wanted."""
    table: dict[str, tuple[str, Callable[[str], Any], bool]] = {}
    prefixes: list[tuple[str, str]] = []
    for name, member in shape.members.items():
        place, key = member.serialization.get("location"), member.serialization.get("name", name).lower()
        if place == "header":
            read = _header_list(member) if member.type_name == "list" else _reader(member, "rfc822")
            table[key] = (name, read, member.type_name == "string" and not member.serialization.get("jsonvalue"))
        elif place == "headers":
            prefixes.append((key, name))

    def bind(headers: dict[str, str], document: dict[str, Any]) -> None:
        for header, value in headers.items():
            if entry := table.get(header):
                name, read, text = entry
                if text or value:
                    document[name] = read(value)
            for prefix, name in prefixes:
                if header.startswith(prefix):
                    document.setdefault(name, {})[header[len(prefix) :]] = value

    return bind if table or prefixes else None


def query_binder(shape: StructureShape) -> Bind | None:
    """Puts the query's items into the document; a map takes every name that has no member of its own."""
    table: dict[str, tuple[str, Callable[[str], Any], bool]] = {}
    rest: list[tuple[str, bool]] = []
    for name, member in shape.members.items():
        if member.serialization.get("location") == "querystring":
            if member.type_name == "map":
                rest.append((name, member.value.type_name == "list"))
                continue
            many = member.type_name == "list"
            read = _reader(member.member if many else member, "iso8601")
            table[member.serialization.get("name", name)] = (name, read, many)

    def bind(items: Iterable[tuple[str, str]], document: dict[str, Any]) -> None:
        for key, value in items:
            if entry := table.get(key):
                name, read, many = entry
                if many:
                    document.setdefault(name, []).append(read(value))
                else:
                    document[name] = read(value)
                continue
            for name, many in rest:
                if many:
                    document.setdefault(name, {}).setdefault(key, []).append(value)
                else:
                    document.setdefault(name, {}).setdefault(key, value)

    return bind if table or rest else None


def _text(value: str) -> str:
    # Nothing that a value holds may start another header.
    return value.replace("\r", " ").replace("\n", " ") if "\n" in value or "\r" in value else value


def _header_writer(shape: Shape) -> Callable[[Any], str]:
    if shape.serialization.get("jsonvalue"):
        return lambda value: base64.b64encode(orjson.dumps(value)).decode()
    if shape.type_name == "list":
        each = _header_writer(shape.member)
        if shape.member.type_name == "string":
            return lambda value: ",".join(map(_quoted, map(each, value)))
        return lambda value: ",".join(map(each, value))
    write = scalars.text_writer(shape, "rfc822")
    return lambda value: _text(write(value))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if "," in text or '"' in text else text


def header_writer(shape: StructureShape) -> Callable[[dict[str, Any], dict[str, str]], None]:
    """Writes the members that are headers of an answer, or of an error, into the headers."""
    table: list[tuple[str, str, Callable[[Any], str]]] = []
    prefixes: list[tuple[str, str]] = []
    for name, member in shape.members.items():
        place, key = member.serialization.get("location"), member.serialization.get("name", name).lower()
        if place == "header":
            table.append((name, key, _header_writer(member)))
        elif place == "headers":
            prefixes.append((name, key))

    def write(result: dict[str, Any], headers: dict[str, str]) -> None:
        for name, header, text in table:
            if (value := result.get(name)) is not None and value != []:
                headers[header] = text(value)
        for name, prefix in prefixes:
            for key, value in (result.get(name) or {}).items():
                headers[prefix + key.lower()] = _text(value)

    return write
