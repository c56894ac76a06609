"""The conditions inside filter patterns: { $.a = 1 && $.b = x* } over JSON, [ip, status = 4*, ...] over columns.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

Fits = Callable[[Any], bool]  # of a parsed document, or of a dict of columns
Look = Callable[[Any], list[Any]]  # the values that a selector finds

_TOKEN = re.compile(
    r"""\s*(?:(?P<op>&&|\|\||!=|<=|>=|[=<>()])|"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]*)%"""
    r"""|(?P<selector>\$(?:\.?\[[^\]]*\]|\.[^\s.\[=!<>&|()]+)*)|(?P<word>[^\s=!<>&|()"]+))"""
)
_COLUMN = re.compile(r'\[[^\]]*\]|"(?:[^"\\]|\\.)*"|\S+')
_REGEX = re.compile(r"(?:[\w#=@/;,:\- ^$?\[\]{}|*+.]|\\.)*", re.ASCII)  # no more than AWS takes
_STEP = re.compile(r"""\.?\[\s*(?:(\d+)|(\*)|'([^']*)'|"([^"]*)")\s*\]|\.([^.\[]+)""")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


class BadPattern(ValueError):
    """A pattern cannot be read."""


def regex(text: str) -> re.Pattern[str]:
    if _REGEX.fullmatch(text) is None:
        raise BadPattern(f"the regular expression %{text}% has what is not supported")
    try:
        return re.compile(text)
    except re.error as error:
        raise BadPattern(f"the regular expression %{text}%: {error}") from error


def of_json(text: str) -> Callable[[str], bool]:
    if not text.endswith("}"):
        raise BadPattern("the closing } is missing")
    fits = _Reader(text[1:-1], _selector).all()

    def matches(message: str) -> bool:
        if "{" not in message:
            return False
        try:
            document = json.loads(message)
        except ValueError:
            return False
        return isinstance(document, dict) and fits(document)

    return matches


def of_columns(text: str) -> Callable[[str], bool]:
    """Names of columns, some with conditions; `...` stands for any number of columns, once."""
    if not text.endswith("]"):
        raise BadPattern("the closing ] is missing")
    names: list[str] = []
    conditions: list[Fits] = []
    for part in _split(text[1:-1]):
        if part == "...":
            names.append(part)
            continue
        word = re.match(r"[\w-]+", part)
        if word is None:
            raise BadPattern(f"{part!r} is no name of a column")
        names.append(word[0])
        if word[0] != part:
            conditions.append(_Reader(part, _column).all())
    if names.count("...") > 1:
        raise BadPattern("there can be one ... only")
    gap = names.index("...") if "..." in names else -1

    def matches(message: str) -> bool:
        cells = [_bare(cell) for cell in _COLUMN.findall(message)]
        if len(cells) != len(names) if gap < 0 else len(cells) < len(names) - 1:
            return False
        tail = len(names) - gap - 1
        known = names if gap < 0 else [*names[:gap], *names[len(names) - tail :]]
        held = cells if gap < 0 else [*cells[:gap], *cells[len(cells) - tail :]]
        row = dict(zip(known, held, strict=True))
        return all(fits(row) for fits in conditions)

    return matches


def _split(text: str) -> list[str]:
    """At the commas outside of quotes and regular expressions."""
    marks = [-1, *(m.start() for m in re.finditer(r'"(?:[^"\\]|\\.)*"|%[^%]*%|,', text) if m[0] == ","), len(text)]
    return [text[begin + 1 : end].strip() for begin, end in pairwise(marks)]


def _bare(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] + cell[-1] in {'""', "[]"} else cell


def _column(name: str) -> Look:
    return lambda row: [row[name]] if name in row else []


def _selector(text: str) -> Look:
    if not text.startswith("$"):
        raise BadPattern(f"{text!r} is no selector: it begins with $.")
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise BadPattern(f"{text!r} is no selector")
        number, every, *names = found.groups()
        steps.append(int(number) if number else "*" if every else next(n for n in names if n is not None))
        at = found.end()

    def look(document: Any) -> list[Any]:
        held = [document]
        for step in steps:
            held = [inner for one in held for inner in _inside(one, step)]
        return held

    return look


def _inside(value: Any, step: str | int) -> Iterator[Any]:
    if isinstance(value, list):
        if step == "*":
            yield from value
        elif isinstance(step, int) and step < len(value):
            yield value[step]
    elif isinstance(value, dict) and step == "*":
        yield from value.values()
    elif isinstance(value, dict) and str(step) in value:
        yield value[str(step)]


class _Reader:
    """By descent: || binds weaker than &&, parentheses strongest."""

    def __init__(self, text: str, selector: Callable[[str], Look]) -> None:
        self._selector = selector
        self._tokens: list[tuple[str, str]] = []
        text, at = text.rstrip(), 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise BadPattern(f"what is {text[at:]!r}?")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._at = 0

    def all(self) -> Fits:
        fits = self._either()
        if self._at < len(self._tokens):
            raise BadPattern(f"{self._tokens[self._at][1]!r} is one too many")
        return fits

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise BadPattern("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _taken(self, *words: str) -> bool:
        """Whether these come next; if so they are passed."""
        found = [text.upper() for _, text in self._tokens[self._at : self._at + len(words)]]
        if found != list(words):
            return False
        self._at += len(words)
        return True

    def _either(self) -> Fits:
        parts = [self._both()]
        while self._taken("||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda value: any(part(value) for part in parts)

    def _both(self) -> Fits:
        parts = [self._one()]
        while self._taken("&&"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda value: all(part(value) for part in parts)

    def _one(self) -> Fits:
        if self._taken("("):
            fits = self._either()
            if not self._taken(")"):
                raise BadPattern("a ) is missing")
            return fits
        kind, text = self._next()
        if kind == "op":
            raise BadPattern(f"{text!r} stands where a selector should")
        look = self._selector(text)
        if self._taken("NOT", "EXISTS"):
            return lambda value: not look(value)
        for word, wanted in (("NULL", None), ("TRUE", True), ("FALSE", False)):
            if self._taken("IS", word):
                return _is(look, wanted)
        kind, operator = self._next()
        if kind != "op" or operator not in {"=", "!=", *_COMPARE}:
            raise BadPattern(f"{operator!r} is no comparison")
        test = _test(operator, *self._next())
        if operator == "!=":  # a member that is not there is not equal to anything, but does not fit
            return lambda value: bool(held := look(value)) and not any(test(one) for one in held)
        return lambda value: any(test(one) for one in look(value))


def _is(look: Look, wanted: bool | None) -> Fits:
    return lambda value: any(held is wanted for held in look(value))


def _test(operator: str, kind: str, text: str) -> Fits:
    """Of one value; `!=` as `=`."""
    if kind == "op":
        raise BadPattern(f"{text!r} stands where a value should")
    if operator in _COMPARE:
        try:
            wanted, compare = float(text), _COMPARE[operator]
        except ValueError as error:
            raise BadPattern(f"{text!r} is no number") from error
        return lambda held: (number := _number(held)) is not None and compare(number, wanted)
    if kind == "regex":
        search = regex(text).search
        return lambda held: isinstance(held, str) and search(held) is not None
    text = re.sub(r"\\(.)", r"\1", text) if kind == "quoted" else text
    if "*" in text:
        like = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL).fullmatch
        return lambda held: like(_text(held)) is not None
    exact = _number(text) if kind == "word" else None
    return lambda held: _text(held) == text or (exact is not None and _number(held) == exact)


def _number(held: Any) -> float | None:
    if isinstance(held, bool) or not isinstance(held, str | int | float):
        return None
    try:
        return float(held)
    except ValueError:
        return None


def _text(held: Any) -> str:
    return held if isinstance(held, str) else json.dumps(held)
