"""Fields of dynamic frames as Spark's columns: paths, casts, and one shape made another's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pyspark.sql import functions as F

from . import gluetypes as glue
from .schema import is_null, struct, to_spark

_STEP = re.compile(r"`((?:[^`]|``)+)`|([^.`\[\]]+)|(\[\])|(\.)")


def steps(path: str) -> tuple[str, ...]:
    """`a.b` is a field of a field, `` `a.b` `` one field; `a[].b` steps into an array. What is no path is a name."""
    found: list[str] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None or (match[4] and (not found or position + 1 == len(path))):
            return (path,)  # as Join's `.zip`
        if match[1] or match[2] or match[3]:
            found.append((match[1] or match[2] or match[3]).replace("``", "`"))
        position = match.end()
    return tuple(found)


def within(path: str, root: glue.StructType) -> tuple[str, ...]:
    """The steps of a path without those into arrays; a field of the root that is called so as a whole comes first."""
    return (path,) if root.hasField(path) else tuple(step for step in steps(path) if step != "[]")


def top(name: str) -> Any:
    escaped = name.replace("`", "``")
    return F.col(f"`{escaped}`")


def fields(root: glue.StructType) -> list[tuple[str, Any, glue.DataType]]:
    return [(field.name, top(field.name), field.dataType) for field in root]


def null(kind: glue.DataType) -> Any:
    return F.lit(None).cast(to_spark(kind))


def resolved(root: glue.StructType, path: tuple[str, ...]) -> tuple[Any, glue.DataType] | None:
    """The column of a field, in structs alone, and its type; None if there is none."""
    if not path or not root.hasField(path[0]):
        return None
    column, kind = top(path[0]), root.getField(path[0]).dataType
    for step in path[1:]:
        if isinstance(kind, glue.ChoiceType) and "struct" in kind.choices:
            column, kind = column.getField("struct"), kind.choices["struct"]
        if not isinstance(kind, glue.StructType) or not kind.hasField(step):
            return None
        column, kind = column.getField(step), kind.getField(step).dataType
    return column, kind


def aligned(column: Any, old: glue.DataType, new: glue.DataType) -> Any:
    """A column of one type in the shape of another: fields that it lacks are null, those that aren't named go."""
    if old == new and to_spark(old) == to_spark(new):
        return column
    if is_null(old):
        return null(new)
    if isinstance(new, glue.ChoiceType):
        parts = [_branch(column, old, name, one).alias(name) for name, one in new.choices.items()]
        return F.when(column.isNotNull(), F.struct(*parts))
    if isinstance(old, glue.StructType) and isinstance(new, glue.StructType):
        parts = [
            aligned(column.getField(one.name), old.getField(one).dataType, one.dataType).alias(one.name)
            if old.hasField(one)
            else null(one.dataType).alias(one.name)
            for one in new
        ]
        return F.when(column.isNotNull(), F.struct(*parts))
    if isinstance(old, glue.ArrayType) and isinstance(new, glue.ArrayType):
        inner, wanted = old.elementType, new.elementType
        return F.transform(column, lambda element: aligned(element, inner, wanted))
    if isinstance(old, glue.MapType) and isinstance(new, glue.MapType):
        before, after = old.valueType, new.valueType
        return F.transform_values(column, lambda _, value: aligned(value, before, after))
    return cast(column, old, new)


def in_shape(old: glue.StructType, new: glue.StructType) -> list[Any]:
    """The columns of a frame of one type in the shape of another."""
    return [
        (
            aligned(top(one.name), old.getField(one).dataType, one.dataType)
            if old.hasField(one)
            else null(one.dataType)
        ).alias(one.name)
        for one in new
    ]


def _branch(column: Any, old: glue.DataType, name: str, wanted: glue.DataType) -> Any:
    if isinstance(old, glue.ChoiceType):
        if name not in old.choices:
            return null(wanted)
        return aligned(column.getField(name), old.choices[name], wanted)
    return aligned(column, old, wanted) if old.typeName() == name else null(wanted)


def cast(column: Any, old: glue.DataType, new: glue.DataType) -> Any:
    """A value that can't be cast is null. A choice is cast whichever it is; what has parts becomes JSON as text."""
    if isinstance(old, glue.ChoiceType):
        return F.coalesce(*(cast(column.getField(name), one, new) for name, one in old.choices.items()))
    if isinstance(old, glue.StructType | glue.ArrayType | glue.MapType):
        return F.to_json(column) if isinstance(new, glue.StringType) else null(new)
    return column if old == new else column.cast(to_spark(new))


def without(kind: glue.DataType, path: tuple[str, ...]) -> glue.DataType | None:
    """The type without a field, inside arrays and choices too; None where nothing is left, as of a struct's last."""
    if isinstance(kind, glue.ArrayType):
        element = without(kind.elementType, path)
        return None if element is None else glue.ArrayType(element)
    if isinstance(kind, glue.ChoiceType):
        parts = [without(one, path) for one in kind.choices.values()]
        return glue.ChoiceType(one for one in parts if one is not None)
    if not isinstance(kind, glue.StructType) or not kind.hasField(path[0]):
        return kind
    left: list[tuple[str, glue.DataType]] = []
    for field in kind:
        inner: glue.DataType | None = field.dataType
        if field.name == path[0]:
            inner = without(field.dataType, path[1:]) if path[1:] else None
        if inner is not None:
            left.append((field.name, inner))
    return struct(left) if left else None


def only(kind: glue.DataType, paths: Iterable[tuple[str, ...]]) -> glue.DataType:
    """The type with those fields alone, in their order; paths to nothing select nothing."""
    if isinstance(kind, glue.ArrayType):
        return glue.ArrayType(only(kind.elementType, paths))
    if not isinstance(kind, glue.StructType):
        return kind
    wanted: dict[str, list[tuple[str, ...]]] = {}
    for path in paths:
        if kind.hasField(path[0]):
            wanted.setdefault(path[0], []).append(path[1:])
    return struct(
        (name, kind.getField(name).dataType if () in rest else only(kind.getField(name).dataType, rest))
        for name, rest in wanted.items()
    )


def renamed(parts: Iterable[tuple[str, Any, glue.DataType]], path: tuple[str, ...], new: str) -> Any:
    """The columns with one field, at that path of structs, called otherwise."""
    for name, column, kind in parts:
        if name != path[0]:
            yield name, column, kind
        elif len(path) == 1:
            yield new, column, kind
        else:
            inner: Any = kind
            named = ((one.name, column.getField(one.name), one.dataType) for one in inner)
            changed = list(renamed(named, path[1:], new))
            made = F.struct(*(one.alias(one_name) for one_name, one, _ in changed))
            yield name, F.when(column.isNotNull(), made), struct((one_name, one) for one_name, _, one in changed)


class Target:
    """Fields by paths that together become a frame's columns, or a struct's fields."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[Any, glue.DataType] | Target] = {}

    def put(self, path: tuple[str, ...], column: Any, kind: glue.DataType) -> None:
        """A struct on the way that is there already is kept, and has the field beside its own."""
        if len(path) == 1:
            self._parts[path[0]] = (column, kind)
            return
        inner = self._parts.get(path[0])
        if not isinstance(inner, Target):
            target = Target()
            if inner is not None and isinstance(inner[1], glue.StructType):
                for field in inner[1]:
                    target.put((field.name,), inner[0].getField(field.name), field.dataType)
            inner = self._parts[path[0]] = target
        inner.put(path[1:], column, kind)

    def columns(self) -> list[tuple[str, Any, glue.DataType]]:
        return [(name, *(part.whole() if isinstance(part, Target) else part)) for name, part in self._parts.items()]

    def whole(self) -> tuple[Any, glue.DataType]:
        parts = self.columns()
        return F.struct(*(column.alias(name) for name, column, _ in parts)), struct(
            (name, kind) for name, _, kind in parts
        )
