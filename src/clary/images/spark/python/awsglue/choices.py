"""resolveChoice: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-transforms-ResolveChoice.html."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pyspark.sql import functions as F

from . import gluetypes as glue
from .columns import cast, fields, steps
from .schema import atom, struct

_ACTIONS = ("cast", "project", "make_cols", "make_struct", "match_catalog")
Named = tuple[str, Any, glue.DataType]
Decide = Callable[[tuple[str, ...], glue.DataType], "str | None"]


def resolve(root: glue.StructType, decide: Decide) -> list[Named]:
    """The frame's columns, where `decide(path, type)` names what becomes of a field: an action, or None to leave it."""
    return _fields(fields(root), (), decide)


def by_spec(specs: Iterable[tuple[str, str]], otherwise: str = "") -> Decide:
    """`specs` are pairs of path and action; `otherwise` is for the choices that none of them names."""
    actions = {}
    for path, action in specs:
        actions[steps(path)] = _known(action)
    if otherwise:
        _known(otherwise)

    def decide(path: tuple[str, ...], kind: glue.DataType) -> str | None:
        named = actions.get(path) or actions.get((".".join(path),))
        return named or (otherwise if otherwise and isinstance(kind, glue.ChoiceType) else None)

    return decide


def by_catalog(columns: dict[str, str]) -> Decide:
    """Each choice is cast to what a table of the Data Catalog says its column is; one that it lacks is left."""
    lowered = {name.lower(): kind for name, kind in columns.items()}

    def decide(path: tuple[str, ...], kind: glue.DataType) -> str | None:
        said = lowered.get(path[0].lower()) if len(path) == 1 else None
        return f"cast:{said}" if said and isinstance(kind, glue.ChoiceType) else None

    return decide


def _known(action: str) -> str:
    name, _, kind = action.partition(":")
    if name not in _ACTIONS or (name in {"cast", "project"}) != bool(kind):
        known = "cast:type, project:type, make_cols, make_struct"
        raise ValueError(f"Invalid resolution action {action}: there are {known}, and match_catalog for all choices")
    return action


def _fields(parts: Iterable[Named], path: tuple[str, ...], decide: Decide) -> list[Named]:
    found: list[Named] = []
    for name, column, kind in parts:
        here = (*path, name)
        action = decide(here, kind)
        if action == "make_cols" and isinstance(kind, glue.ChoiceType):
            of_type = [(f"{name}_{one}", column.getField(one), part) for one, part in kind.choices.items()]
            found += _fields(of_type, path, decide)
        else:
            found.append((name, *_one(column, kind, here, action, decide)))
    return found


def _one(
    column: Any, kind: glue.DataType, path: tuple[str, ...], action: str | None, decide: Decide
) -> tuple[Any, glue.DataType]:
    if action is not None:
        column, kind = _acted(column, kind, action)
    if not _may_change(kind):
        return column, kind
    if isinstance(kind, glue.StructType):
        inner = _fields(((one.name, column.getField(one.name), one.dataType) for one in kind), path, decide)
        rebuilt = F.when(column.isNotNull(), F.struct(*(part.alias(name) for name, part, _ in inner)))
        return rebuilt, struct((name, part) for name, _, part in inner)
    if isinstance(kind, glue.ArrayType):
        return _elements(column, kind, path, decide)
    if isinstance(kind, glue.ChoiceType):
        chosen: dict[str, tuple[Any, glue.DataType]] = {}
        for one, part in kind.choices.items():
            nested = isinstance(part, glue.StructType | glue.ArrayType)
            found = _one(column.getField(one), part, path, None, decide) if nested else (column.getField(one), part)
            chosen[one] = found
        rebuilt = F.when(column.isNotNull(), F.struct(*(part.alias(one) for one, (part, _) in chosen.items())))
        return rebuilt, glue.ChoiceType(part for _, part in chosen.values())
    return column, kind


def _elements(column: Any, kind: glue.ArrayType, path: tuple[str, ...], decide: Decide) -> tuple[Any, glue.DataType]:
    """`path[]` is the element; make_cols of it would need a place beside it, so it becomes a struct."""
    here = (*path, "[]")
    result: list[glue.DataType] = []

    def element(one: Any) -> Any:
        action = decide(here, kind.elementType)
        made, now = _one(one, kind.elementType, here, "make_struct" if action == "make_cols" else action, decide)
        result.append(now)
        return made

    changed = F.transform(column, element)
    return changed, glue.ArrayType(result[0])


def _may_change(kind: glue.DataType) -> bool:
    return isinstance(kind, glue.StructType | glue.ArrayType | glue.ChoiceType)


def _acted(column: Any, kind: glue.DataType, action: str) -> tuple[Any, glue.DataType]:
    name, _, said = action.partition(":")
    if name == "cast":
        wanted = atom(said)
        return cast(column, kind, wanted), wanted
    if not isinstance(kind, glue.ChoiceType):
        return column, kind
    if name == "project":  # the other types' values go: they are null
        wanted_name = said if said in kind.choices else atom(said).typeName()
        if wanted_name not in kind.choices:
            raise ValueError(f"{kind!r} has no choice {said} to project to")
        return column.getField(wanted_name), kind.choices[wanted_name]
    return column, glue.StructType([glue.Field(one, part) for one, part in kind.choices.items()])
