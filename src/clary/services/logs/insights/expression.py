"""Expressions of the query language: read once, then asked of each row."""

import re
from collections.abc import Callable
from typing import Any

from clary.errors import AWSError
from clary.services.logs.insights.values import FUNCTIONS, OPERATORS, Row, Time, Value, compare, milliseconds, number

Ask = Callable[[Row], Value]

_TOKEN = re.compile(
    r"""(?P<regex>/(?:[^/\\\n]|\\.)+/i?)(?=\s*(?:$|[|)\]]|and\b|or\b|as\b))"""
    r"""|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|`(?P<quoted>[^`]+)`"""
    r"""|(?P<period>\d+\s?(?:ms|s|m|h|d|w)\b)|(?P<number>\d+(?:\.\d+)?)|(?P<name>@?[A-Za-z_][\w.@]*|@\w+)"""
    r"""|(?P<op>!=|<=|>=|=~|[=<>(),\[\]+\-*/%^|])""",
    re.IGNORECASE,
)
_SPACE = re.compile(r"(?:\s|#[^\n]*)*")
# From the weakest to the strongest.
_BINARY = ({"+", "-"}, {"*", "/", "%"}, {"^"})


def malformed(message: str) -> AWSError:
    return AWSError("MalformedQueryException", message)


class Reader:
    """Tokens of a query, one after the other. Every method raises MalformedQueryException."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens: list[tuple[str, str, int, int]] = []  # kind, text, begin, end
        at = _SPACE.match(text).end()  # type: ignore[union-attr]  # it matches nothing, too
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise malformed(f"unexpected symbol found {text[at]} at position {at}")
            self._tokens.append((found.lastgroup, found[found.lastgroup], at, found.end()))
            at = _SPACE.match(text, found.end()).end()  # type: ignore[union-attr]  # likewise
        self._at = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else "end"

    @property
    def word(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def mark(self) -> int:
        """Where the next token begins."""
        return self._tokens[self._at][2] if self._at < len(self._tokens) else len(self.text)

    def since(self, mark: int) -> str:
        """The text from a mark up to the last token read."""
        return self.text[mark : self._tokens[self._at - 1][3]]

    def take(self) -> str:
        word = self.word
        if not word:
            raise malformed("unexpected end of the query")
        self._at += 1
        return word

    def taken(self, *words: str) -> str:
        """The next token, passed, if it is one of these; else nothing."""
        if self.kind in {"name", "op"} and self.word.lower() in words:
            return self.take().lower()
        return ""

    def expect(self, word: str) -> None:
        if not self.taken(word):
            raise malformed(f"expected {word!r} at position {self.mark()}, found {self.word!r}")

    def expression(self) -> Ask:
        return self._either()

    def _either(self) -> Ask:
        one = self._both()
        while self.taken("or"):
            one = _logic(one, self._both(), any)
        return one

    def _both(self) -> Ask:
        one = self._negated()
        while self.taken("and"):
            one = _logic(one, self._negated(), all)
        return one

    def _negated(self) -> Ask:
        if self.taken("not"):
            inner = self._negated()
            return lambda row: not inner(row)
        return self._comparison()

    def _comparison(self) -> Ask:
        one = self._sum(0)
        if operator := self.taken("=", "!=", "<", "<=", ">", ">="):
            return _compared(operator, one, self._sum(0))
        unwanted = bool(self.taken("not"))
        if self.taken("like", "=~"):
            return _like(one, *self._pattern(), unwanted)
        if self.taken("in"):
            self.expect("[")
            wanted = self._listed("]")
            return lambda row: any(_equal(one(row), other(row)) for other in wanted) != unwanted
        if unwanted:
            raise malformed(f"expected like or in at position {self.mark()}")
        return one

    def _pattern(self) -> tuple[str, bool]:
        """A text to find, or a regular expression."""
        kind, word = self.kind, self.take()
        if kind == "text":
            return re.escape(_unquoted(word)), False
        if kind != "regex":
            raise malformed(f"expected a text or a regular expression, found {word!r}")
        body = word.rstrip("i")
        return body[1:-1].replace("\\/", "/"), word.endswith("i") or body.startswith("/(?i)")

    def _sum(self, level: int) -> Ask:
        if level == len(_BINARY):
            return self._plain()
        one = self._sum(level + 1)
        while self.kind == "op" and self.word in _BINARY[level]:
            one = _computed(OPERATORS[self.take()], one, self._sum(level + 1))
        return one

    def _plain(self) -> Ask:
        kind, word = self.kind, self.take()
        if word == "(":
            inner = self._either()
            self.expect(")")
            return inner
        if word == "-":
            inner = self._plain()
            return lambda row: None if (held := number(inner(row))) is None else -held
        if kind == "number":
            value = float(word) if "." in word else int(word)
            return lambda _row: value
        if kind == "text":
            text = _unquoted(word)
            return lambda _row: text
        if kind == "quoted":
            return lambda row: row[word]
        if kind != "name":
            raise malformed(f"unexpected symbol found {word} at position {self.mark()}")
        return self._call(word.lower()) if self.taken("(") else lambda row: row[word]

    def _call(self, name: str) -> Ask:
        if name in {"bin", "datefloor", "dateceil"}:
            return self._floored(name)
        if name not in FUNCTIONS:
            raise malformed(f"invalid function {name}; there are {', '.join(sorted(FUNCTIONS))}")
        function, given = FUNCTIONS[name], self._listed(")")

        def call(row: Row) -> Value:
            try:
                return function(*(one(row) for one in given))
            except (TypeError, IndexError, ValueError):  # too few arguments, too many, or of the wrong kind
                return None

        return call

    def _floored(self, name: str) -> Ask:
        """bin(5m), datefloor(@timestamp, 5m)"""
        of: Ask = lambda row: row["@timestamp"]  # noqa: E731 - what is binned, unless said
        if name != "bin":
            of = self.expression()
            self.expect(",")
        period = milliseconds(self.take())
        if period is None:
            raise malformed(f"{name} takes a period such as 5m, in ms, s, m, h, d or w")
        self.expect(")")
        up = period - 1 if name == "dateceil" else 0
        return lambda row: None if (at := number(of(row))) is None else Time((int(at) + up) // period * period)

    def _listed(self, end: str) -> list[Ask]:
        found: list[Ask] = []
        while not self.taken(end):
            found.append(self.expression())
            if not self.taken(","):
                self.expect(end)
                break
        return found


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1])


def _logic(one: Ask, other: Ask, both: Callable[[Any], bool]) -> Ask:
    return lambda row: both(ask(row) for ask in (one, other))


def _computed(function: Callable[..., Value], one: Ask, other: Ask) -> Ask:
    return lambda row: function(one(row), other(row))


def _equal(one: Value, other: Value) -> bool:
    return one is not None and other is not None and compare(one, other) == 0


def _compared(operator: str, one: Ask, other: Ask) -> Ask:
    if operator == "=":
        return lambda row: _equal(one(row), other(row))
    if operator == "!=":
        return lambda row: not _equal(one(row), other(row))
    fits: set[int] = {"<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {0, 1}}[operator]

    def test(row: Row) -> bool:
        a, b = one(row), other(row)
        return a is not None and b is not None and compare(a, b) in fits

    return test


def _like(one: Ask, pattern: str, ignoring_case: bool, unwanted: bool) -> Ask:
    try:
        search = re.compile(pattern, re.IGNORECASE if ignoring_case else 0).search
    except re.error as error:
        raise malformed(f"invalid regular expression {pattern}: {error}") from error
    return lambda row: ((held := one(row)) is not None and search(str(held)) is not None) != unwanted
