"""The part of JSONPath that batch transform has, which InputFilter and OutputFilter are written in.
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html#data-processing-operators

A slice includes its end: there, `$[1:4]` is the second through the fifth column. (So does the library of Go that AWS's
examples agree with; JSONPath elsewhere leaves the end out.)
"""

from __future__ import annotations

import re
from typing import Any, Callable, List

_NAME = re.compile(r"\.([^.\[\]'\"*\s]+)")
_NAMES = re.compile(r"\.?\[\s*((?:'[^']*'|\"[^\"]*\")(?:\s*,\s*(?:'[^']*'|\"[^\"]*\"))*)\s*\]")
_ONE_NAME = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_NUMBERS = re.compile(r"\[\s*(-?\d+(?:\s*,\s*-?\d+)*)\s*\]")
_MIXED = re.compile(r"\[\s*(-?\d*(?:\s*:\s*-?\d*)?(?:\s*,\s*-?\d*(?:\s*:\s*-?\d*)?)+)\s*\]")
_SLICE = re.compile(r"\[\s*(-?\d*)\s*:\s*(-?\d*)\s*\]")
_ALL = re.compile(r"\.\*|\[\s*\*\s*\]")

# What a step makes of the value that it is given.
Step = Callable[[Any], Any]
# Numbers of the columns, from how many there are.
Columns = Callable[[int], List[int]]


class BadPath(ValueError):
    """It is not of the part of JSONPath that there is, or leads nowhere in a record."""


class Path:
    def __init__(self, text: str) -> None:
        """Raises BadPath."""
        self.text = text.strip() or "$"
        if not self.text.startswith("$"):
            raise BadPath(f"{text} is no JSONPath: it must begin with $")
        self.steps: list[Step] = []
        self._columns: Columns | None = None
        self._several = False  # from here on there is a list of values, each of which the next step is for
        at = 1
        while at < len(self.text):
            at = self._step(at)

    @property
    def whole(self) -> bool:
        return not self.steps

    def of(self, value: Any) -> Any:
        """What it selects. Raises BadPath."""
        for step in self.steps:
            value = step(value)
        return value

    def numbers(self, width: int) -> list[int]:
        """Of the columns that it selects of so many. Raises BadPath."""
        if self.whole:
            return list(range(width))
        self.indexed()
        assert self._columns is not None, "it is indexed"
        return self._columns(width)

    def indexed(self) -> None:
        """Raises BadPath if it can select no columns of CSV."""
        if not self.whole and (len(self.steps) != 1 or self._columns is None):
            raise BadPath(f"{self.text} cannot be used for CSV: only indexes can, such as $[0] and $[1:]")

    def _step(self, at: int) -> int:
        text = self.text
        found = _ALL.match(text, at)
        if found:
            self._columns = lambda width: list(range(width))
            self._add(_every, several=True)
            return found.end()
        found = _NUMBERS.match(text, at)
        if found:
            self._numbered([int(number) for number in found.group(1).split(",")])
            return found.end()
        found = _SLICE.match(text, at)
        if found:
            self._sliced([found.group(0)[1:-1]])
            return found.end()
        found = _MIXED.match(text, at)
        if found:
            self._sliced(found.group(1).split(","))
            return found.end()
        found = _NAMES.match(text, at)
        if found:
            self._named([one or other for one, other in _ONE_NAME.findall(found.group(1))])
            return found.end()
        found = _NAME.match(text, at)
        if found:
            self._named([found.group(1)])
            return found.end()
        raise BadPath(f"{text} is not of the JSONPath that batch transform has, from {text[at:]} on")

    def _add(self, step: Step, several: bool) -> None:
        if self._several:
            self.steps.append(lambda values: [step(value) for value in values])
        else:
            self.steps.append(step)
        self._several = self._several or several

    def _numbered(self, numbers: list[int]) -> None:
        self._columns = lambda width: [self._index(number, width) for number in numbers]

        def step(value: Any) -> Any:
            items = self._items(value)
            found = [items[self._index(number, len(items))] for number in numbers]
            return found[0] if len(numbers) == 1 else found

        self._add(step, several=len(numbers) > 1)

    def _sliced(self, parts: list[str]) -> None:
        """Each an index or a slice."""

        def columns(width: int) -> list[int]:
            found: list[int] = []
            for part in parts:
                first, colon, last = (word.strip() for word in part.partition(":"))
                if not colon:
                    if not first:
                        raise BadPath(f"{self.text}: an index is missing")
                    found.append(self._index(int(first), width))
                    continue
                start, end = int(first or 0), int(last or -1)
                start = max(start + width, 0) if start < 0 else start
                end = end + width if end < 0 else end
                found += range(start, min(end, width - 1) + 1)
            return found

        self._columns = columns

        def step(value: Any) -> Any:
            items = self._items(value)
            return [items[number] for number in columns(len(items))]

        self._add(step, several=True)

    def _named(self, names: list[str]) -> None:
        def step(value: Any) -> Any:
            if not isinstance(value, dict):
                raise BadPath(f"{self.text} leads to {', '.join(names)}, of what is no object")
            missing = [name for name in names if name not in value]
            if missing:
                raise BadPath(f"{self.text} leads to {', '.join(missing)}, which a record does not have")
            return value[names[0]] if len(names) == 1 else {name: value[name] for name in names}

        self._columns = None
        self._add(step, several=False)

    def _items(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise BadPath(f"{self.text} has an index, of what is no list")
        return value

    def _index(self, number: int, width: int) -> int:
        found = number + width if number < 0 else number
        if not 0 <= found < width:
            raise BadPath(f"{self.text}: the index {number} is not within the {width} values of a record")
        return found


def _every(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list):
        return value
    raise BadPath("* is of what is no object and no list")
