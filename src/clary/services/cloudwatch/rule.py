"""The rule of a composite alarm: ALARM("a") AND NOT (OK(b) OR INSUFFICIENT_DATA("c")).

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from clary.errors import Invalid

TOKEN = re.compile(
    r"\s*(?:(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:\"(?P<quoted>[^\"]+)\"|(?P<bare>[^\s()\"]+))\s*\)"
    r"|(?P<word>AND|OR|NOT|TRUE|FALSE)\b|(?P<bracket>[()]))"
)
DEEPEST = 100
Tree = tuple[Any, ...]  # ("state", "ALARM", name) · ("is", True) · ("not", tree) · ("and", trees) · ("or", trees)


def parse(text: str) -> Tree:
    """Raises Invalid."""
    found: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            raise _wrong(text)
        name = match["quoted"] or match["bare"] or ""
        # An alarm is named by its name or its ARN.
        name = name.partition(":alarm:")[2] if name.startswith("arn:") else name
        found.append((match["state"] or match["word"] or match["bracket"], name))
        at = match.end()
    tree, end = _some(found, 0, 0, text)
    if end != len(found):
        raise _wrong(text)
    return tree


def _wrong(text: str) -> Invalid:
    return Invalid(f"AlarmRule is not a valid expression: {text[:200]}")


def _some(tokens: list[tuple[str, str]], at: int, depth: int, text: str) -> tuple[Tree, int]:
    """AND binds tighter than OR."""
    if depth > DEEPEST:
        raise _wrong(text)
    either: list[Tree] = []
    both: list[Tree] = []
    while True:
        tree, at = _one(tokens, at, depth, text)
        both.append(tree)
        word = tokens[at][0] if at < len(tokens) else ""
        if word not in ("AND", "OR"):
            return ("or", [*either, ("and", both)]), at
        if word == "OR":
            either, both = [*either, ("and", both)], []
        at += 1


def _one(tokens: list[tuple[str, str]], at: int, depth: int, text: str) -> tuple[Tree, int]:
    if at >= len(tokens) or depth > DEEPEST:
        raise _wrong(text)
    word, name = tokens[at]
    if name:
        return ("state", word, name), at + 1
    if word in ("TRUE", "FALSE"):
        return ("is", word == "TRUE"), at + 1
    if word == "NOT":
        tree, at = _one(tokens, at + 1, depth + 1, text)
        return ("not", tree), at
    if word != "(":
        raise _wrong(text)
    tree, at = _some(tokens, at + 1, depth + 1, text)
    if at >= len(tokens) or tokens[at][0] != ")":
        raise _wrong(text)
    return tree, at + 1


def holds(tree: Tree, states: Mapping[str, str]) -> bool:
    """An alarm that is not there is in no state."""
    kind = tree[0]
    if kind == "state":
        return bool(states.get(tree[2]) == tree[1])
    if kind == "is":
        return bool(tree[1])
    if kind == "not":
        return not holds(tree[1], states)
    return (any if kind == "or" else all)(holds(part, states) for part in tree[1])


def children(tree: Tree) -> Iterator[str]:
    """The alarms that the rule speaks of."""
    if tree[0] == "state":
        yield tree[2]
    elif tree[0] == "not":
        yield from children(tree[1])
    elif tree[0] != "is":
        for part in tree[1]:
            yield from children(part)
