"""List: filters, order and pages, over any noun.

A page is read from an index, from behind the last row of the page before, so page 1,000 costs what page 1 does, and a
resource that comes or goes between two pages neither repeats nor hides another one.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from clary.errors import Invalid
from clary.resource.call import Call
from clary.resource.resource import Plan, dig
from clary.resource.service import Document
from clary.store.sql import queries

SQL = queries("clary.store")
PAGE = 10  # how many AWS gives when the request does not say: "The default value is 10"
Keep = Callable[[Document], bool]
TIES = ("created", "arn")  # the order of what the asked one leaves equal

# What a filter on a time is called, and what it means: AWS has three spellings for the same thing.
TIMES = {
    "CreationTimeAfter": "created > :created_after",
    "CreatedAfter": "created > :created_after",
    "CreationTimeBefore": "created < :created_before",
    "CreatedBefore": "created < :created_before",
    "LastModifiedTimeAfter": "modified > :modified_after",
    "ModifiedTimeAfter": "modified > :modified_after",
    "LastModifiedTimeBefore": "modified < :modified_before",
    "ModifiedTimeBefore": "modified < :modified_before",
}
STATUS = "StatusEquals"  # of what runs: by its job, whose phases are AWS's words without their capitals
PAGING = ("MaxResults", "NextToken", "SortBy", "SortOrder")
COLUMNS = {"creationtime": "created", "createdate": "created", "lastmodifiedtime": "modified", "name": "name"}


def sealed(place: list[Any], query: list[Any]) -> str:
    """A token for what follows `place` in the answer to `query`."""
    return base64.urlsafe_b64encode(orjson.dumps([place, _digest(query)])).decode()


def opened(token: str | None, query: list[Any]) -> list[Any] | None:
    """The place, or None without a token. Raises Invalid for a token that is not ours, or of another query."""
    if not token:
        return None
    try:
        place, digest = orjson.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError, binascii.Error) as error:
        raise Invalid("Invalid NextToken") from error
    if digest != _digest(query) or not isinstance(place, list):
        raise Invalid("Invalid NextToken")
    return place


def _digest(query: list[Any]) -> str:
    return hashlib.blake2s(orjson.dumps(query, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


class Listing:
    """How one noun is listed: made once from the model, so that a filter that we would not honour is found at start."""

    def __init__(
        self,
        plan: Plan,
        given: Callable[[Call[Any], Document], Keep | None] | None = None,
        *extra: str,
        operation: str = "",
    ) -> None:
        """`given` turns the request's `extra` members, which this noun alone has, into a filter on documents."""
        self.plan = plan
        self.given = given
        self.columns = {**COLUMNS, "status": "phase"} if plan.resource.recipe else COLUMNS
        self.filters: dict[str, list[str]] = {}
        shape = plan.model.operation_model(operation or plan.operations["List"]).input_shape
        members = dict(shape.members) if shape else {}
        for member in members:
            if member in PAGING or member in TIMES or member in extra or (member == STATUS and plan.resource.recipe):
                continue
            path = self._path(member)
            assert path, f"List{plan.noun}: nothing filters by {member}"
            self.filters[member] = path
        self.default = (_default(members, "SortBy", "CreationTime"), _default(members, "SortOrder", "Descending"))
        self.size = int(_default(members, "MaxResults", str(PAGE)))

    def _path(self, member: str) -> list[str]:
        """Where a document has what `member` filters by."""
        plan = self.plan
        if found := plan.resource.filters.get(member):
            return found.split(".")
        if member in ("NameContains", f"{plan.name}Contains", f"{plan.name}Prefix"):
            return [plan.name]
        wanted = member.removesuffix("Equals")
        if f"{plan.noun}{wanted}" in plan.describe_members:
            return [f"{plan.noun}{wanted}"]
        return next(([known] for known in sorted(plan.describe_members, key=len) if known.endswith(wanted)), [])

    def page(self, call: Call[Any], request: Document) -> Document:
        plan = self.plan
        asked = {member: value for member, value in request.items() if member not in PAGING[:2]}
        query = [call.operation.name, call.region, asked]
        rows = self._rows(call, request, opened(request.get("NextToken"), query))
        keep = self._keep(call, request)
        size = request.get("MaxResults", self.size)
        found: list[Document] = []
        place: list[Any] = []
        for row in rows:
            shown = document(plan, row)
            if not keep(shown):
                continue
            if len(found) == size:
                return {plan.listed: found, "NextToken": sealed(place, query)}
            found.append(self.summarize(shown | self._ran(shown, row)))
            place = [row["sorted"], *(row[column] for column in TIES)]
        return {plan.listed: found}

    def _ran(self, shown: Document, row: Any) -> Document:
        """What the job of a resource that runs tells of it, and the last of its events."""
        resource = self.plan.resource
        if not resource.recipe or not resource.view:
            return {}
        job = {column: row[f"job_{column}"] for column in ("state", "stop")}
        event = {column: row[f"event_{column}"] for column in ("at", "state", "message", "detail")}
        return resource.view(shown, job, [event])

    def summarize(self, document: Document) -> Document:
        pairs = ((member, dig(document, path)) for member, path in self.plan.summary.items())
        return {member: value for member, value in pairs if value is not None}

    def _rows(self, call: Call[Any], request: Document, after: list[Any] | None) -> Iterator[Any]:
        by = _letters(request.get("SortBy", self.default[0]))
        by = self.columns.get(by) or COLUMNS.get(by.removeprefix(self.plan.noun.lower()), "") or self._member(by)
        descending = request.get("SortOrder", self.default[1]).lower() == "descending"
        way, beyond = ("DESC", "<") if descending else ("ASC", ">")
        values, only = _place(self.plan, call), []
        if after:
            last = dict(zip((by, *TIES), after, strict=True))
            only.append(f"({', '.join(last)}) {beyond} ({', '.join(f':last_{number}' for number in range(len(last)))})")
            values |= {f"last_{number}": value for number, value in enumerate(last.values())}
        for member, condition in TIMES.items():
            if request.get(member) is not None:
                only.append(condition)
                values[condition.partition(":")[2]] = request[member]
        for member, path in self.filters.items():
            if request.get(member) and member.endswith("Contains") and path == [self.plan.name] and self.plan.simple:
                only.append("instr(name, :contains) > 0")  # here already: rows that it drops need not be parsed
                values["contains"] = request[member]
        if self.plan.resource.recipe and request.get(STATUS):
            only.append("phase = :phase")
            values["phase"] = _letters(request[STATUS])
        return call.platform.store.read().execute(_statement(self.plan, by, way, only), values)

    def _member(self, by: str) -> str:
        """SQL for the order by a member of the document: a hub's status."""
        member = next((known for known in sorted(self.plan.describe_members) if known.lower().endswith(by)), None)
        return f"ifnull(json_extract(CAST(document AS TEXT), '$.{member}'), '')" if member else "created"

    def _keep(self, call: Call[Any], request: Document) -> Keep:
        tests: list[Keep] = []
        for member, path in self.filters.items():
            if (wanted := request.get(member)) is None:
                continue
            if parent := self.plan.resource.parents.get(member):
                self._known(call, parent, request)
            tests.append(_test(member, path, wanted))
        if self.given and (extra := self.given(call, request)):
            tests.append(extra)
        return lambda shown: all(test(shown) for test in tests)

    def _known(self, call: Call[Any], noun: str, request: Document) -> None:
        """Raises where AWS refuses to list the children of what is not there."""
        plan: Plan = call.state.plans[noun]
        arn = plan.locate(call, request)
        modelled = {shape.name for shape in call.operation.error_shapes}
        found = call.platform.store.read().execute(SQL["resource_find"], {"arn": arn}).fetchone()
        if found is None and "ResourceNotFound" in modelled:
            raise plan.missing(call.operation, arn, request)


def _letters(words: str) -> str:
    """CreationTime, CREATION_TIME and "creation time" are one: creationtime."""
    return re.sub("[^a-z]", "", words.lower())


def _test(member: str, path: list[str], wanted: Any) -> Keep:
    if member.endswith("Contains"):
        return lambda shown: wanted in str(dig(shown, path) or "")
    if member.endswith("Prefix"):
        return lambda shown: str(dig(shown, path) or "").startswith(wanted)
    return lambda shown: bool(dig(shown, path) == wanted)


def every(plan: Plan, call: Call[Any], connection: Any) -> list[Any]:
    """The rows of all resources of a noun, oldest first."""
    return list(connection.execute(_statement(plan, "created", "ASC", []), _place(plan, call)))


def _statement(plan: Plan, key: str, way: str, only: list[str]) -> str:
    order = ", ".join(f"{part} {way}" for part in dict.fromkeys((key, *TIES)))
    beside = SQL["resource_job"] if plan.resource.recipe else ""
    only_these = "".join(f" AND {one}" for one in only)
    return SQL["resource_page"].format(key=key, beside=beside, only=only_these, order=order)


def _place(plan: Plan, call: Call[Any]) -> dict[str, Any]:
    return {"service": plan.service, "type": plan.noun, "account": call.account, "region": call.region}


def document(plan: Plan, row: Any) -> Document:
    """A row as Describe gives it, not yet pruned: the stored document and what the row knows."""
    found: Document = orjson.loads(row["document"])
    found[plan.arn_member] = row["arn"]
    if plan.created:
        found[plan.created] = row["created"]
    if plan.modified:
        found[plan.modified] = row["modified"]
    return found


def _default(members: Any, member: str, otherwise: str) -> str:
    """AWS says its defaults in prose: 'The default is <code>Descending</code>'."""
    if member not in members:
        return otherwise
    text = re.sub("<[^>]+>", "", members[member].documentation)
    words = members[member].enum if member != "MaxResults" else [r"\d+"]
    said = re.search(rf"default[^.]*?\b({'|'.join(words)})\b", text)
    return said.group(1) if said else otherwise
