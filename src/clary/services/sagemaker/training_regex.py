r"""The regular expressions of metrics, which users write: what they may cost has a limit, in time and when compiled.

Python's own `re` has none: `.*\[[0-9]+\].*rmse:(.*)`, as XGBoost's metrics are, takes it a second for one line of
3,000 characters, and meanwhile nothing else of this process runs. `regex` takes what `re` does, but for the syntax that
it adds: POSIX classes ([[:digit:]]), fuzzy matches ((?:abc){e<=1}) and a few escapes.
https://github.com/mrabarnett/mrab-regex
"""

import re
import time
from collections.abc import Iterator
from typing import Any

import regex  # type: ignore[import-untyped]  # it ships no types

Pattern = Any  # regex.Pattern and regex.Match: it ships no types
Match = Any
PATIENCE, EACH = 1.0, 50e-6  # seconds of cpu for what comes at once, and for each line of that
LARGEST = 10_000  # steps of an expression, for which `regex` takes some ms and 1 MB, if all is written out
# An escape, a set, a group, a count.
PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()]|\{(\d+)(?:,\d*)?\}|\s|.", re.DOTALL)


def compiled(text: str) -> Pattern:
    """Raises ValueError, which says why."""
    if _size(text) > LARGEST:
        raise ValueError(f"its repetitions come to more than {LARGEST} steps")
    try:
        return regex.compile(text)
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from error


def matches(pattern: Pattern, lines: list[str]) -> Iterator[Match]:
    """Raises TimeoutError."""
    end = time.thread_time() + PATIENCE + EACH * len(lines)
    for line in lines:
        yield from pattern.finditer(line, timeout=max(0.001, end - time.thread_time()))


def _size(text: str) -> int:
    """How many steps it has if what is repeated so many times is written out so many times."""
    groups, last = [0], 0  # of each open group, and of what came last
    for part in PART.finditer(text):
        if part[1]:
            groups[-1] += last * (int(part[1]) - 1)
            last *= int(part[1])
        elif part[0] == "(":
            groups.append(0)
        elif part[0] == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        elif not part[0].isspace():  # which may stand between a group and its count
            groups[-1] += 1
            last = 1
    return groups[0] + sum(groups[1:])
