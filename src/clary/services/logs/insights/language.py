"""The commands of the query language, each a stage that rows go through.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cmp_to_key
from heapq import nsmallest
from itertools import islice
from typing import Any

from clary.services.logs.insights.expression import Ask, Reader, malformed
from clary.services.logs.insights.statistics import statistics
from clary.services.logs.insights.values import Row, Value, compare

Stage = Callable[[Iterator[Row]], Iterable[Row]]
Key = Callable[[Row], Any]

# Rows, unless the query or the request says fewer: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Limit.html
MOST = 10_000


@dataclass(slots=True)
class Plan:
    stages: list[Stage]
    columns: list[str]
    lines: bool  # whether a row of the answer still is a line, which @ptr names
    limited: bool
    filters: int  # how many of the stages come before the first that orders, limits or groups: what passes them matches


class _Builder:
    def __init__(self, text: str) -> None:
        self.reader = Reader(text)
        self.stages: list[Stage] = []
        self.columns: list[str] = []
        self.lines = True
        self.limited = False
        self.filters: int | None = None
        self.ordered = False  # else: as they were written, of which the latest count first
        self.key: Key | None = None  # of a sort whose limit may follow

    def build(self) -> Plan:
        reader = self.reader
        while reader.kind != "end":
            name = reader.take().lower()
            command = COMMANDS.get(name)
            if command is None:
                raise malformed(f"unknown command {name}; there are {', '.join(sorted(COMMANDS))}")
            if name != "limit":
                self.settle()
            if name not in PASSING and self.filters is None:
                self.filters = len(self.stages)
            command(self)
            if reader.kind != "end":
                reader.expect("|")
        self.settle()
        if not self.columns:
            self.columns = ["@timestamp", "@message"]
        filters = len(self.stages) if self.filters is None else self.filters
        return Plan(self.stages, self.columns, self.lines, self.limited, filters)

    def settle(self) -> None:
        """The sort that still waits for a limit."""
        if (key := self.key) is not None:
            self.key = None
            self.stages.append(lambda rows: sorted(rows, key=key))

    def fields(self) -> None:
        """Adds columns, computed ones too."""
        named = self.named()
        self.columns += [name for name, _ in named if name not in self.columns]
        self.compute([(name, ask) for name, ask in named if ask is not None])

    def display(self) -> None:
        self.columns = []
        self.fields()

    def compute(self, asked: list[tuple[str, Ask]]) -> None:
        def stage(rows: Iterator[Row]) -> Iterator[Row]:
            for row in rows:
                for name, ask in asked:
                    row[name] = ask(row)
                yield row

        if asked:
            self.stages.append(stage)

    def named(self) -> list[tuple[str, Ask | None]]:
        """`a, strlen(b) as c`: plain fields have nothing to compute."""
        found: list[tuple[str, Ask | None]] = []
        while True:
            mark, plain = self.reader.mark(), self.reader.kind in {"name", "quoted"}
            word = self.reader.word
            ask = self.reader.expression()
            text = self.reader.since(mark)
            if self.reader.taken("as"):
                found.append((self.reader.take(), ask))
            else:
                bare = plain and text.strip("`") == word
                found.append((word if bare else text, None if bare else ask))
            if not self.reader.taken(","):
                return found

    def filter(self) -> None:
        fits = self.reader.expression()
        self.stages.append(lambda rows: filter(fits, rows))

    def sort(self) -> None:
        order: list[tuple[Ask, int]] = []
        while True:
            mark = self.reader.mark()
            ask = self.reader.expression()
            ask = _known(self.reader.since(mark), ask)
            order.append((ask, -1 if self.reader.taken("desc") else 1))
            self.reader.taken("asc")
            if not self.reader.taken(","):
                break

        def compared(one: Row, other: Row) -> int:
            return next((c * way for ask, way in order if (c := compare(ask(one), ask(other)))), 0)

        self.key, self.ordered = cmp_to_key(compared), True

    def limit(self) -> None:
        if self.reader.kind != "number":
            raise malformed("limit takes a number")
        word, key = self.reader.take(), self.key
        count = int(word) if word.isdecimal() else 0
        if not 0 < count <= MOST:
            raise malformed(f"limit takes a whole number from 1 to {MOST}, not {word}")
        self.key, self.limited = None, True
        if key is not None:
            self.stages.append(lambda rows: nsmallest(count, rows, key=key))
        elif self.ordered:
            self.stages.append(lambda rows: islice(rows, count))
        else:
            self.stages.append(lambda rows: reversed(deque(rows, maxlen=count)))
            self.ordered = True

    def stats(self) -> None:
        columns, stage = statistics(self.reader)
        self.stages.append(stage)
        self.columns, self.lines, self.ordered = columns, False, True

    def dedup(self) -> None:
        """The first of those that are alike: the latest, unless they were sorted."""
        asked = [ask or (lambda row, name=name: row[name]) for name, ask in self.named()]
        latest = not self.ordered
        self.ordered = True

        def stage(rows: Iterator[Row]) -> Iterator[Row]:
            seen: set[tuple[Value, ...]] = set()
            for row in reversed(list(rows)) if latest else rows:
                if (key := tuple(ask(row) for ask in asked)) not in seen:
                    seen.add(key)
                    yield row

        self.stages.append(stage)

    def parse(self) -> None:
        """`parse @message "user=*, took *" as user, took`, or with /(?<user>[a-z]+)/"""
        of: Ask = lambda row: row["@message"]  # noqa: E731 - unless said
        if self.reader.kind not in {"text", "regex"}:
            of = self.reader.expression()
        kind, word = self.reader.kind, self.reader.take()
        if kind == "regex":
            body = re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", word.rstrip("i")[1:-1].replace("\\/", "/"))
        elif kind == "text":
            body = "(.*?)".join(re.escape(part) for part in word[1:-1].split("*"))
            body += "$" if word[1:-1].endswith("*") else ""
        else:
            raise malformed("parse takes a text with * or a regular expression")
        try:
            pattern = re.compile(body, re.DOTALL)
        except re.error as error:
            raise malformed(f"invalid regular expression {word}: {error}") from error
        names = [name for name, _ in sorted(pattern.groupindex.items(), key=lambda pair: pair[1])]
        if not names:
            self.reader.expect("as")
            names = [name for name, _ in self.named()]
        if len(names) != pattern.groups:
            raise malformed(f"parse finds {pattern.groups} parts and names {len(names)}")

        def stage(rows: Iterator[Row]) -> Iterator[Row]:
            for row in rows:
                found = pattern.search(str(row_text)) if (row_text := of(row)) is not None else None
                row.update(zip(names, found.groups() if found else [None] * len(names), strict=True))
                yield row

        self.stages.append(stage)


COMMANDS: dict[str, Callable[[_Builder], None]] = {
    "fields": _Builder.fields,
    "display": _Builder.display,
    "filter": _Builder.filter,
    "sort": _Builder.sort,
    "order": _Builder.sort,
    "limit": _Builder.limit,
    "stats": _Builder.stats,
    "dedup": _Builder.dedup,
    "parse": _Builder.parse,
}
PASSING = {"fields", "display", "filter", "parse"}  # row by row


def _known(text: str, ask: Ask) -> Ask:
    """`sort count(*)` and `sort bin(5m)` mean the column of that name, where there is one."""
    return lambda row: row[text] if text in row else ask(row)


def plan(text: str, most: int | None = None) -> Plan:
    """Raises MalformedQueryException."""
    builder = _Builder(text)
    found = builder.build()
    if most is not None or not found.limited:
        count = most or MOST
        if builder.ordered:
            found.stages.append(lambda rows: islice(rows, count))
        else:
            found.stages.append(lambda rows: reversed(deque(rows, maxlen=count)))
    elif not builder.ordered:
        found.stages.append(lambda rows: reversed(list(rows)))
    return found


def carry_out(made: Plan, rows: Iterator[Row]) -> tuple[list[Row], int]:
    """The rows of the answer, and how many lines matched."""
    matched = 0

    def counted(passing: Iterable[Row]) -> Iterator[Row]:
        nonlocal matched
        for row in passing:
            matched += 1
            yield row

    for stage in made.stages[: made.filters]:
        rows = iter(stage(rows))
    rows = counted(rows)
    for stage in made.stages[made.filters :]:
        rows = iter(stage(rows))
    return list(rows), matched
