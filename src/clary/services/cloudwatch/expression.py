"""Metric math as text: read into a tree, and evaluated over series.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax
"""

import math
import re
from bisect import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clary.services.cloudwatch import series
from clary.services.cloudwatch.series import MathError, Series, Value

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z]\w*)|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>(),\[\]]))"
)
# From the loosest on.
BINDING = (("OR", "||"), ("AND", "&&"), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"), ("^",))
DEEPEST = 50  # brackets in brackets
MOST_POINTS = 100_800  # of an answer, so of what is filled in too

Tree = tuple[Any, ...]  # ("number", 1.0) · ("name", "m1") · ("text", …) · ("call", "SUM", trees) · ("array", trees) · …


def parse(text: str) -> Tree:
    """Raises MathError."""
    parser = _Parser(_tokens(text))
    tree = parser.expression(0, 0)
    if parser.at < len(parser.tokens):
        raise MathError(f"Unexpected '{parser.tokens[parser.at][1]}'")
    return tree


def names(tree: Tree) -> set[str]:
    """The ids that an expression speaks of; METRICS() speaks of all metrics."""
    found, waiting = set(), [tree]
    while waiting:
        kind, *rest = waiting.pop()
        if kind == "name":
            found.add(rest[0])
        elif kind != "text":
            parts = [part for part in rest if isinstance(part, tuple)]
            waiting += parts + [part for several in rest if isinstance(several, list) for part in several]
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            raise MathError(f"Unexpected '{text[at:].strip()[:20]}'")
        assert match.lastgroup is not None
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


@dataclass(slots=True)
class _Parser:
    tokens: list[tuple[str, str]]
    at: int = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if token not in wanted:
            raise MathError(f"Expected {' or '.join(wanted)}, found {token or 'the end'}")
        self.at += 1
        return token

    def expression(self, level: int, depth: int) -> Tree:
        if depth > DEEPEST:
            raise MathError("It nests too deep")
        if level == len(BINDING):
            return self.unary(depth)
        left = self.expression(level + 1, depth)
        while self.peek() in BINDING[level]:
            sign = self.take(*BINDING[level])
            left = ("binary", sign, left, self.expression(level + 1, depth))
        return left

    def unary(self, depth: int) -> Tree:
        if self.peek() == "-":
            self.take("-")
            return ("negative", self.unary(depth + 1)) if depth < DEEPEST else self.expression(0, depth + 1)
        return self.atom(depth)

    def atom(self, depth: int) -> Tree:
        if self.at == len(self.tokens):
            raise MathError("Unexpected end")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            if not math.isfinite(float(text)):
                raise MathError(f"{text} is no number")
            return ("number", float(text))
        if kind == "text":
            return ("text", text[1:-1])
        if kind == "name" and self.peek() != "(":
            return ("name", text)
        if kind == "name":
            self.take("(")
            return ("call", text.upper(), self.several(")", depth))
        if text == "(":
            tree = self.expression(0, depth + 1)
            self.take(")")
            return tree
        if text == "[":
            return ("array", self.several("]", depth))
        raise MathError(f"Unexpected '{text}'")

    def several(self, end: str, depth: int) -> list[Tree]:
        found: list[Tree] = []
        while self.peek() != end:
            if found:
                self.take(",")
            found.append(self.expression(0, depth + 1))
        self.take(end)
        return found


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression is evaluated in: values by id, the metrics among them, and the time that is asked for."""

    values: Mapping[str, Value]
    metrics: Mapping[str, Series]
    span: tuple[float, float]


def evaluate(tree: Tree, scope: Scope) -> Value:
    """Raises MathError."""
    kind = tree[0]
    if kind in ("number", "text"):
        value: Value = tree[1]
        return value
    if kind == "name":
        if tree[1] not in scope.values:
            raise MathError(f"There is no metric or expression with the id {tree[1]}")
        return scope.values[tree[1]]
    if kind == "negative":
        return series.each(evaluate(tree[1], scope), lambda x: -x)
    if kind == "binary":
        return _chain(tree, scope)
    if kind == "array":
        return [one for part in tree[1] for one in _listed(evaluate(part, scope))]
    return _call(tree[1], tree[2], scope)


def _chain(tree: Tree, scope: Scope) -> Value:
    """1 + 2 + 3: as long as it likes, without a call for each."""
    rest = []
    while tree[0] == "binary":
        rest.append((tree[1], tree[3]))
        tree = tree[2]
    value = evaluate(tree, scope)
    for sign, right in reversed(rest):
        value = series.binary(sign, value, evaluate(right, scope))
    return value


def _listed(value: Value) -> list[Series]:
    if isinstance(value, Series):
        return [value]
    if isinstance(value, list):
        return value
    raise MathError("an array holds time series")


def _call(name: str, given: list[Tree], scope: Scope) -> Value:
    if name in EACH or name in GATHERED or name in CHANGES:
        if len(given) != 1:
            raise MathError(f"{name} takes one argument")
        value = evaluate(given[0], scope)
        if name in EACH:
            return series.each(value, EACH[name])
        return series.gathered(value, GATHERED[name]) if name in GATHERED else series.changes(value, CHANGES[name])
    if name not in SPECIAL:
        raise MathError(f"Clary does not have the function {name}")
    function, least, most = SPECIAL[name]
    if not least <= len(given) <= most:
        raise MathError(f"{name} takes {least} to {most} arguments")
    return function(given, scope)


def _metrics(given: list[Tree], scope: Scope) -> Value:
    part = evaluate(given[0], scope) if given else ""
    return [found for name, found in scope.metrics.items() if str(part) in name]


def _period(given: list[Tree], scope: Scope) -> Value:
    return float(_single(given[0], scope).period)


def _single(tree: Tree, scope: Scope) -> Series:
    value = evaluate(tree, scope)
    if not isinstance(value, Series):
        raise MathError("a time series is needed")
    return value


def _running(given: list[Tree], scope: Scope) -> Value:
    return series.running(evaluate(given[0], scope))


def _if(given: list[Tree], scope: Scope) -> Value:
    """Where the condition is not 0, the second, else the third, or nothing."""
    condition, *branches = (evaluate(tree, scope) for tree in given)
    if any(isinstance(branch, str | list) for branch in branches):
        raise MathError("IF takes numbers and time series")
    if not isinstance(condition, Series):
        if isinstance(condition, str | list):
            raise MathError("the condition of IF is a number or a time series")
        return branches[0] if condition else branches[1] if len(branches) > 1 else Series({}, 60)
    found: dict[float, float] = {}
    for at, holds in condition.values.items():
        branch = branches[0] if holds else branches[1] if len(branches) > 1 else None
        value = branch.values.get(at) if isinstance(branch, Series) else branch
        if isinstance(value, float):
            found[at] = value
    return Series(found, condition.period)


def _fill(given: list[Tree], scope: Scope) -> Value:
    """FILL(m1, 0), FILL(m1, REPEAT), FILL(m1, LINEAR), FILL(m1, m2); also of each of an array."""
    value = evaluate(given[0], scope)
    how = given[1][1] if given[1] in (("name", "REPEAT"), ("name", "LINEAR")) else evaluate(given[1], scope)
    if isinstance(value, list):
        return [_filled(one, how, scope.span) for one in value]
    if not isinstance(value, Series):
        raise MathError("FILL takes a time series")
    return _filled(value, how, scope.span)


def _filled(value: Series, how: Value, span: tuple[float, float]) -> Series:
    if (span[1] - span[0]) / value.period > MOST_POINTS:
        raise MathError(f"it would fill more than {MOST_POINTS} data points")
    had = sorted(value.values)
    found: dict[float, float] = {}
    at = span[0]
    while at < span[1]:
        if at in value.values:
            found[at] = value.values[at]
        elif isinstance(how, float):
            found[at] = how
        elif isinstance(how, Series):
            found |= {at: how.values[at]} if at in how.values else {}
        elif how == "REPEAT":
            found |= {at: found[at - value.period]} if at - value.period in found else {}
        elif how == "LINEAR" and had and had[0] < at < had[-1]:
            after = had[bisect(had, at)]
            before = had[bisect(had, at) - 1]
            part = (at - before) / (after - before)
            found[at] = value.values[before] * (1 - part) + value.values[after] * part
        at += value.period
    return Series(found, value.period, value.label)


def _count(given: list[Tree], scope: Scope) -> Value:
    return float(len(_listed(evaluate(given[0], scope))))


def _points(given: list[Tree], scope: Scope) -> Value:
    return float(len(_single(given[0], scope).values))


def _constant(given: list[Tree], scope: Scope) -> Value:
    value = evaluate(given[0], scope)
    if not isinstance(value, float):
        raise MathError("TIME_SERIES takes a number")
    period = min((one.period for one in scope.metrics.values()), default=60)
    return _filled(Series({}, period), value, scope.span)


EACH: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": lambda x: float(math.ceil(x)),
    "FLOOR": lambda x: float(math.floor(x)),
    "LOG": math.log,
    "LOG10": math.log10,
}
GATHERED: dict[str, Callable[[list[float]], float]] = {
    "SUM": math.fsum,
    "AVG": lambda numbers: math.fsum(numbers) / len(numbers),
    "MIN": min,
    "MAX": max,
    "STDDEV": series.deviation,
}
CHANGES: dict[str, Callable[[float, float, float], float]] = {
    "DIFF": lambda before, after, _seconds: after - before,
    "DIFF_TIME": lambda _before, _after, seconds: seconds,
    "RATE": lambda before, after, seconds: (after - before) / seconds,
}
# The function, and how many arguments it takes at least and at most.
SPECIAL: dict[str, tuple[Callable[[list[Tree], Scope], Value], int, int]] = {
    "METRICS": (_metrics, 0, 1),
    "PERIOD": (_period, 1, 1),
    "RUNNING_SUM": (_running, 1, 1),
    "IF": (_if, 2, 3),
    "FILL": (_fill, 2, 2),
    "METRIC_COUNT": (_count, 1, 1),
    "DATAPOINT_COUNT": (_points, 1, 1),
    "TIME_SERIES": (_constant, 1, 1),
}
