"""The comparisons of split_rows: `{"age": {">": 10, "<": 20}}`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

from . import gluetypes as glue
from .columns import cast, resolved, within
from .values import kind_of

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
}


def comparison(root: glue.StructType, compared: dict[str, dict[str, Any]]) -> Any:
    """The column that is true where all of them hold, and null where one meets a null."""
    found = []
    for path, by_operator in compared.items():
        named = resolved(root, within(path, root))
        if named is None:
            raise ValueError(f"split_rows: there is no field {path}")
        for sign, value in by_operator.items():
            if sign not in _OPERATORS:
                raise ValueError(f"split_rows: {sign!r} is none of {', '.join(_OPERATORS)}")
            column, kind = named
            if isinstance(kind, glue.ChoiceType):
                column = cast(column, kind, kind_of(value))
            found.append(_OPERATORS[sign](column, value))
    if not found:
        raise ValueError("split_rows needs a comparison")
    return reduce(operator.and_, found)
