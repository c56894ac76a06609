"""JSON and CSV, from the beginning of a file.

https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html#classifier-built-in
"""

import csv
import io
import json
import math
import re
from typing import Any, Final

from clary.services.glue.crawler.kinds import MOST_COLUMNS, Found, merged, of_value

Document = dict[str, Any]
DELIMITERS: Final = (",", "|", "\t", ";", "\x01")
NAME: Final = re.compile(r"[A-Za-z_][\w .()/%#&+-]*")
LONGEST_NAME: Final = 150
RECORDS: Final = 1000
BIGINT: Final = re.compile(r"[-+]?\d{1,18}")
DOUBLE: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
TYPES: Final = {"INT": "int", "LONG": "bigint", "SHORT": "smallint"}  # CustomDatatypes that Hive calls something else


def of_json(text: str, *, whole: bool, path: str = "") -> Found | None:
    """`path`: a custom classifier's JsonPath, `$`, `$[*]`, `$.a.b` or `$.a[*]`. None for what is no JSON."""
    records, end = _values(text, whole=whole)
    if path:
        records = [each for record in records for each in _at(record, path)]
    objects = [each if isinstance(each, dict) else {"array": each} for each in records if isinstance(each, dict | list)]
    if not objects or len(objects) < len(records):
        return None
    fields = _fields(objects[:RECORDS])
    if not fields:
        return None
    return Found("json", fields, records=len(objects), size=float(len(text[:end].encode())))


def _fields(objects: list[Document]) -> dict[str, Any]:
    """Names and types. A value of a type that was seen under its name already says nothing new: most are."""
    found: dict[str, Any] = {}
    seen = set()
    for each in objects:
        for name, value in each.items():
            kind: Any = type(value)
            if kind is int:
                kind = of_value(value)
            if (name, kind) in seen:
                continue
            if kind not in (dict, list):
                seen.add((name, kind))
            found[name] = merged(found.get(name), of_value(value))
    return found


def _values(text: str, *, whole: bool) -> tuple[list[Any], int]:
    """The values of JSON that stand one behind the other, and where they end. The last may be cut off; nothing else may
    be wrong. Of an array that is cut off, what it has.
    """
    decoder, found = json.JSONDecoder(), list[Any]()
    at = _space(text, 0)
    while at < len(text) and len(found) < RECORDS:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            if whole:
                return [], 0
            if not found and text[at] == "[":
                elements, end = _elements(text, at + 1)
                return ([elements] if elements else []), end
            return found, at
        found.append(value)
        at = _space(text, end)
    return found, at


def _elements(text: str, at: int) -> tuple[list[Any], int]:
    decoder, found = json.JSONDecoder(), list[Any]()
    at = _space(text, at)
    while len(found) < RECORDS:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError, IndexError):
            break
        found.append(value)
        at = _space(text, end)
        if text[at : at + 1] != ",":
            break
        at = _space(text, at + 1)
    return found, at


def _space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n\ufeff":
        at += 1
    return at


def _at(value: Any, path: str) -> list[Any]:
    found = [value]
    for name, star, quoted in re.findall(r"\.(\w+)|\[(\*|\d+)\]|\['([^']+)'\]", path):
        following: list[Any] = []
        for each in found:
            if star:
                items = each if isinstance(each, list) else []
                following += items if star == "*" else items[int(star) : int(star) + 1]
            elif isinstance(each, dict) and (name or quoted) in each:
                following.append(each[name or quoted])
        found = following
    return found


def of_csv(text: str, *, whole: bool, classifier: Document | None = None) -> Found | None:
    """By a custom classifier, or by the rules of the built-in one, which wants two columns and two rows. None for what
    is no CSV.
    """
    given = classifier or {}
    if not whole:
        text = text[: text.rfind("\n") + 1]
    if "\0" in text or not text.strip():
        return None
    quote = given.get("QuoteSymbol", '"')
    single = bool(given.get("AllowSingleColumn"))
    for delimiter in [given["Delimiter"]] if given.get("Delimiter") else DELIMITERS:
        rows = _rows(text, delimiter, quote)
        if not rows or len(rows[0]) > MOST_COLUMNS or any(len(row) != len(rows[0]) for row in rows):
            continue
        if len(rows[0]) < 2 and not single:
            continue
        if len(rows) < 2 and not given:
            continue
        return _table(text, rows, delimiter, quote, given)
    return None


def _rows(text: str, delimiter: str, quote: str) -> list[list[str]]:
    try:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter, quotechar=quote, strict=True)
        return [row for row, _ in zip((row for row in reader if row), range(RECORDS), strict=False)]
    except (csv.Error, TypeError):
        return []


def _table(text: str, rows: list[list[str]], delimiter: str, quote: str, given: Document) -> Found | None:
    if not given.get("DisableValueTrimming"):
        rows = [[cell.strip() for cell in row] for row in rows]
    says = given.get("ContainsHeader") or "UNKNOWN"
    header = says == "PRESENT" or (says == "UNKNOWN" and _headed(rows))
    data = rows[1:] if header else rows
    names = given.get("Header") or (rows[0] if header else [f"col{number}" for number in range(len(rows[0]))])
    if len(names) != len(rows[0]):
        return None
    kinds = [_column([row[number] for row in data]) for number in range(len(names))]
    if given.get("CustomDatatypeConfigured") and (custom := given.get("CustomDatatypes")):
        kinds = [TYPES.get(kind.upper(), kind.lower()) for kind in custom][: len(names)]
    size = sum(len(cell) for row in data for cell in row) + len(data) * len(names)
    details = {
        "delimiter": delimiter,
        "areColumnsQuoted": str(bool(quote) and quote in text).lower(),
        "columnsOrdered": "true",
        **({"skip.header.line.count": "1"} if header else {}),
    }
    if given.get("QuoteSymbol") or given.get("Serde") == "OpenCSVSerDe":
        details["quote"] = quote
    columns = dict(zip(_unique(names), kinds, strict=True))
    return Found("csv", columns, {**details, "header": str(header)}, records=len(data), size=float(size))


def _unique(names: list[str]) -> list[str]:
    """Columns without a name, and second ones of the same name, are called by their places."""
    found: list[str] = []
    for number, name in enumerate(names):
        wanted = name or f"col{number}"
        found.append(wanted if wanted.lower() not in map(str.lower, found) else f"{wanted}_{number}")
    return found


def _headed(rows: list[list[str]]) -> bool:
    """All of the first row is text that could be names, and something below it is not text."""
    first, *data = rows
    if any(_kind(cell) != "string" for cell in first) or not data:
        return False
    if any(len(cell) >= LONGEST_NAME for cell in first[:-1]) or any(not NAME.fullmatch(cell) for cell in first):
        return False
    return any(_kind(cell) not in ("string", None) for row in data for cell in row)


def _column(cells: list[str]) -> str:
    kind: Any = None
    for cell in cells:
        kind = merged(kind, _kind(cell))
        if kind == "string":
            break
    return str(kind or "string")


def _kind(cell: str) -> str | None:
    if not cell:
        return None
    if BIGINT.fullmatch(cell):
        return "bigint"
    if DOUBLE.fullmatch(cell) and math.isfinite(float(cell)):
        return "double"
    return "string"
