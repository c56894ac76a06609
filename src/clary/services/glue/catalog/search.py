"""SearchTables: tables by words and properties, of all databases.

https://docs.aws.amazon.com/glue/latest/webapi/API_SearchTables.html
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue import state
from clary.services.glue.catalog import table
from clary.services.glue.catalog.state import SQL, may, own_catalog
from clary.services.glue.state import Document, Glue, invalid

TARGETS = {"SearchTables": ("catalog",)}
# There is no other account whose tables could be seen, and no table that is being made for long.
UNUSED = {"SearchTables": {"ResourceShareType", "IncludeStatusDetails"}}
TIMES: Final = ("CreateTime", "UpdateTime", "LastAccessTime", "LastAnalyzedTime")
COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "EQUALS": lambda a, b: a == b,
    "GREATER_THAN": lambda a, b: a > b,
    "LESS_THAN": lambda a, b: a < b,
    "GREATER_THAN_EQUALS": lambda a, b: a >= b,
    "LESS_THAN_EQUALS": lambda a, b: a <= b,
}


@operation("SearchTables")
def search(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    tests = [_filter(each) for each in request.get("Filters", [])]
    if request.get("SearchText"):
        tests.append(_words(request["SearchText"]))
    rows = call.platform.store.read().execute(SQL["table_every"], {"region": call.region})
    found = [shown for shown in (table.shown(call, row) for row in rows) if all(test(shown) for test in tests)]
    for criterion in reversed(request.get("SortCriteria", [])):
        member = criterion.get("FieldName", "Name")
        found.sort(key=lambda shown: _order(shown.get(member)), reverse=criterion.get("Sort") == "DESC")

    def behind(after: list[Any]) -> list[Document]:
        """Those that the caller may see, from behind the last of the page before."""
        names = [[shown["DatabaseName"], shown["Name"]] for shown in found]
        start = names.index(after) + 1 if after in names else 0
        return [shown for shown in found[start:] if _visible(call, shown)]

    tables, token = state.paged(call, request, behind, lambda shown: [shown["DatabaseName"], shown["Name"]])
    return state.answer("TableList", tables, token)


def _visible(call: Call[Glue], shown: Document) -> bool:
    parent = shown["DatabaseName"]
    return may(call, call.arn(f"database/{parent}")) and may(call, call.arn(f"table/{parent}/{shown['Name']}"))


def _order(value: Any) -> tuple[bool, Any]:
    return (value is not None, str(value).lower() if not isinstance(value, int | float) else value)


def _filter(given: Document) -> Callable[[Document], bool]:
    """Times are compared; of all else "each token is exact-match compared with the Value"."""
    member, value = given.get("Key", ""), given.get("Value", "")
    if member in TIMES:
        wanted, compare = _time(value), COMPARE[given.get("Comparator", "EQUALS")]
        return lambda shown: member in shown and compare(shown[member], wanted)
    wanted_tokens = _tokens(value)

    def matches(shown: Document) -> bool:
        texts = [value for known, value in _texts(shown) if known == member]
        return any(wanted_tokens <= _tokens(text) for text in texts)

    return matches


def _words(text: str) -> Callable[[Document], bool]:
    """In quotes it is all of a text, else words that all stand somewhere."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        exact = text[1:-1].lower()
        return lambda shown: any(value.lower() == exact for _, value in _texts(shown))
    wanted = _tokens(text)
    return lambda shown: wanted <= {token for _, value in _texts(shown) for token in _tokens(value)}


def _texts(shown: Document) -> list[tuple[str, str]]:
    """All texts of a table by their names; parameters also by their own."""
    storage = shown.get("StorageDescriptor", {})
    found = [(member, value) for member, value in shown.items() if isinstance(value, str)]
    found += [("Location", storage[name]) for name in ("Location",) if name in storage]
    for column in storage.get("Columns", []) + shown.get("PartitionKeys", []):
        found += [("Columns", value) for value in (column["Name"], column.get("Comment", "")) if value]
    return found + [(key, value) for key, value in shown.get("Parameters", {}).items()]


def _tokens(text: str) -> frozenset[str]:
    """AWS splits "on certain punctuation characters, for example, -, :, #"."""
    return frozenset(re.findall(r"\w+", text.lower()))


def _time(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise invalid(f"{text} is no time.") from error
