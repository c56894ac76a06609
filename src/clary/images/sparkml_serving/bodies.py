"""What a request's body says: rows of fields in CSV, rows of values in JSON or JSON lines, and a schema perhaps.

CSV is read as commons-csv reads it by default, JSON as Jackson binds it to the container's classes.
https://github.com/aws/sagemaker-sparkml-serving-container (controller/ServingController.java, dto/)
https://commons.apache.org/proper/commons-csv/apidocs/org/apache/commons/csv/CSVFormat.html#DEFAULT
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from .java_input import Bad

_LINE = re.compile("\r?\n")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_FIELD = re.compile(r'(?:"(?P<quoted>(?:[^"]|"")*)"[ \t]*|(?P<plain>(?!")[^,\r\n]*))(?P<end>,|\r\n|\r|\n|\Z)')
_END = re.compile(r"\r\n|\r|\n")


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class Unreadable(Exception):
    """A body that is refused before the container's own code sees it."""


def csv(body: bytes) -> list[list[str]]:
    """Records; empty lines are none. Raises Bad."""
    text = body.decode("utf-8", "replace")
    if '"' in text:
        return _csv_quoted(text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return [line.split(",") for line in text.split("\n") if line]


def _csv_quoted(text: str) -> list[list[str]]:
    records: list[list[str]] = []
    record: list[str] = []
    place = 0
    while place < len(text):
        found = _FIELD.match(text, place)
        if not found:
            _not_csv(text, place)
        place = found.end()
        if record or found["end"] == "," or found[0].strip("\r\n"):  # else an empty line
            record.append(found["plain"] if found["quoted"] is None else found["quoted"].replace('""', '"'))
        if found["end"] == "," and place < len(text):
            continue
        if found["end"] == ",":
            record.append("")
        if record:
            records.append(record)
        record = []
    return records


def _not_csv(text: str, place: int) -> NoReturn:
    quoted = _QUOTED.match(text, place)
    line = len(_END.findall(text, 0, quoted.end() if quoted else place)) + 1
    if quoted:
        raise Bad(f"(line {line}) invalid char between encapsulated token and delimiter")
    raise Bad(f"(startline {line}) EOF reached before encapsulated token finished")


def document(body: bytes) -> tuple[Any, list[Any]]:
    """Of application/json: schema, or None, and data. What follows the document is not looked at. Raises Unreadable."""
    try:
        return _request(_parsed(body.decode("utf-8")))
    except (Bad, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from error


def lines(body: bytes) -> tuple[Any, list[Any]]:
    """Of application/jsonlines: the schema of the first line, or None, and the rows of all. A line's data is one row,
    or several where all of its values are lists. Raises Bad.
    """
    texts = _LINE.split(body.decode("utf-8", "replace"))
    while len(texts) > 1 and not texts[-1]:
        texts.pop()
    rows: list[Any] = []
    first: Any = None
    for place, text in enumerate(texts):
        schema, data = _request(_parsed(text))
        if place == 0:
            first = schema
        if all(value is None or isinstance(value, list) for value in data):
            rows += data
        else:
            rows.append(data)
    if not rows:
        raise Bad("Index: 0, Size: 0")
    return first, rows


def _request(found: Any) -> tuple[Any, list[Any]]:
    if not isinstance(found, dict):
        raise Bad("Cannot deserialize the request: it must be an object with data, and schema perhaps")
    unknown = [name for name in found if name not in ("schema", "data")]
    if unknown:
        raise Bad(f'Unrecognized field "{unknown[0]}", not marked as ignorable (2 known properties: "schema", "data")')
    if not isinstance(found.get("data"), list):
        raise Bad("Cannot deserialize the request: data must be a list")
    return found.get("schema"), found["data"]


def _parsed(text: str) -> Any:
    text = text.lstrip(" \t\r\n")
    if not text:
        raise Bad("No content to map due to end-of-input")
    try:
        return _DECODER.raw_decode(text)[0]
    except ValueError as error:
        raise Bad(f"The request is no JSON: {error}") from error
    except RecursionError as error:
        raise Bad("The request is nested too deeply") from error
