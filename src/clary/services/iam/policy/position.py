"""Where in a policy's text its statements stand.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_Position.html
"""

import json
import re
from typing import Final

_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\r\n,:]*")

Span = tuple[int, int]


def statement_spans(text: str) -> list[Span]:
    """Start and end offsets of each statement of a policy that parses."""
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if key == "Statement":
            return _elements(text, at)
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
    return []


def line_and_column(text: str, offset: int) -> dict[str, int]:
    """Lines are counted from 1, columns too."""
    before = text[:offset]
    return {"Line": before.count("\n") + 1, "Column": offset - (before.rfind("\n") + 1) + 1}


def _elements(text: str, at: int) -> list[Span]:
    if text[at] == "{":
        return [(at, _DECODER.raw_decode(text, at)[1])]
    spans = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        end = _DECODER.raw_decode(text, at)[1]
        spans.append((at, end))
        at = _skip(text, end)
    return spans


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
