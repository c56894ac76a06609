"""A bundle, ready to transform rows.

model = load("/opt/ml/model")
plan = model.plan(["buying", "maint"], ["features"])
plan.row(["low", "high"])          # [Vector], or None where handleInvalid leaves the row out
plan.columns([buying, maint])      # (None, [Table]) or (the rows that are left, [Table])

Plans are cheap to make and may be used by several threads at once.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ..runtime import bundle as bundles  # noqa: TID252 - in the container the package is no `clary`
from .failures import BadRow, MissingColumn, SkippedRow
from .stage import SKIPPED, Stage
from .table import stages_of

_WRONG_TYPE = (TypeError, AttributeError, IndexError, KeyError, ArithmeticError)  # of a value that isn't the column's
_IGNORES_MISSING = {"string_indexer"}  # StringIndexerModel.transform: "Input column ... does not exist. Skip"


class Model:
    """The steps of a bundle, those of pipelines within pipelines too, in their order."""

    def __init__(self, bundle: bundles.Bundle) -> None:
        """Raises UnknownTransformer, WrongModel or BundleError, each naming the node."""
        self.name = bundle.name
        self.stages: list[Stage] = stages_of(bundle.root)
        made: set[str] = set()
        self.inputs: list[str] = []  # columns that no step makes before they are read
        for stage in self.stages:
            self.inputs += [name for name in stage.inputs if name not in made and name not in self.inputs]
            made.update(stage.outputs)
        self.outputs = [name for stage in self.stages for name in stage.outputs]

    def plan(self, inputs: Sequence[str], outputs: Sequence[str] | None = None) -> Plan:
        """What makes these outputs (default: all that can be made) of these inputs, by as few steps as it takes.

        Raises MissingColumn where an output, or what it is made of, is neither given nor made.
        """
        return Plan(self.stages, inputs, outputs)

    def row(self, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        """All columns of the transformed row, those given too; None where the row is left out. Raises BadRow."""
        plan = self.plan(list(fields))
        values = plan.row(list(fields.values()))
        return None if values is None else {**fields, **dict(zip(plan.outputs, values))}

    def columns(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The same for columns of any number of rows; those that were given have the rows that are left."""
        plan = self.plan(list(columns), [*columns, *self.plan(list(columns)).outputs])
        return dict(zip(plan.outputs, plan.columns(list(columns.values()))[1]))


class Plan:
    """A flat list of steps over numbered places, the inputs first."""

    def __init__(self, stages: Sequence[Stage], inputs: Sequence[str], outputs: Sequence[str] | None) -> None:
        self.inputs = list(inputs)
        able = _able(stages, set(inputs)) if outputs is None else list(stages)
        if outputs is None:
            outputs = list(dict.fromkeys(name for stage in able for name in stage.outputs))
        else:
            able = [stage for stage in able if not _left_out(stage, able, set(inputs))]
        self.outputs = list(outputs)
        places = {name: place for place, name in enumerate(inputs)}
        self.steps: list[Stage] = _needed(able, set(outputs))
        self._wiring: list[tuple[Stage, list[int], list[int]]] = []
        for stage in self.steps:
            for name in stage.inputs:
                if name not in places:
                    raise MissingColumn(name, stage.node.name)
            sources = [places[name] for name in stage.inputs]
            for name in stage.outputs:  # a column of the same name is hidden from here on
                places[name] = -1
            count = sum(len(targets) for _, _, targets in self._wiring) + len(inputs)
            targets = list(range(count, count + len(stage.outputs)))
            places.update(zip(stage.outputs, targets))
            self._wiring.append((stage, sources, targets))
        for name in outputs:
            if name not in places:
                raise MissingColumn(name, "output")
        self._results = [places[name] for name in outputs]
        self._calls = [_call(stage, sources) for stage, sources, _ in self._wiring]

    def row(self, values: Sequence[Any]) -> list[Any] | None:
        """The outputs for the inputs' values, in order; None where the row is left out. Raises BadRow."""
        place = list(values)
        try:
            for call in self._calls:
                call(place)
        except SkippedRow:
            return None
        except _WRONG_TYPE as error:
            raise self._refused(self._wiring[_reached(self._wiring, len(place))][0], error) from None
        return [place[index] for index in self._results]

    def columns(self, columns: Sequence[Any]) -> tuple[list[int] | None, list[Any]]:
        """Which rows are left (None: all) and the outputs' columns, of inputs' columns (see batch.py). Raises BadRow.

        What they hold is what `row` gives for each row.
        """
        place: dict[int, Any] = dict(enumerate(columns))
        kept: list[int] | None = None
        for stage, sources, targets in self._wiring:
            try:
                made = stage.columns([place[index] for index in sources])
            except _WRONG_TYPE as error:
                raise self._refused(stage, error) from None
            place.update(zip(targets, made))
            first = made[0]
            if isinstance(first, list) and SKIPPED in first:
                left = [index for index, value in enumerate(first) if value is not SKIPPED]
                kept = left if kept is None else [kept[index] for index in left]
                place = {index: _take(column, left) for index, column in place.items()}
        return kept, [place[index] for index in self._results]

    def _refused(self, stage: Stage, error: Exception) -> BadRow:
        return BadRow(f"Node {stage.node.name} ({stage.node.op}) takes no such values: {error}")


def _reached(wiring: Sequence[tuple[Stage, list[int], list[int]]], places: int) -> int:
    """The step that was to fill the next place."""
    return next(index for index, (_, _, targets) in enumerate(wiring) if targets[-1] >= places)


def load(source: Any) -> Model:
    """Of a Bundle, or of a folder or archive that has one.

    Raises UnknownTransformer (which names op and node), WrongModel, or the bundle's BundleError.
    """
    return Model(source if isinstance(source, bundles.Bundle) else bundles.read(str(source)))


def _left_out(stage: Stage, stages: Sequence[Stage], given: set[str]) -> bool:
    if stage.node.op not in _IGNORES_MISSING:
        return False
    made = {name for other in stages if other is not stage for name in other.outputs}
    return any(name not in given and name not in made for name in stage.inputs)


def _able(stages: Sequence[Stage], given: set[str]) -> list[Stage]:
    """All stages, but those that Spark leaves out where their column is missing. Raises MissingColumn."""
    able = []
    for stage in stages:
        missing = [name for name in stage.inputs if name not in given]
        if missing and stage.node.op in _IGNORES_MISSING:
            continue
        if missing:
            raise MissingColumn(missing[0], stage.node.name)
        given = given | set(stage.outputs)
        able.append(stage)
    return able


def _needed(stages: Sequence[Stage], wanted: set[str]) -> list[Stage]:
    needed: list[Stage] = []
    for stage in reversed(stages):
        if wanted.intersection(stage.outputs):
            wanted = (wanted - set(stage.outputs)) | set(stage.inputs)
            needed.insert(0, stage)
    return needed


def _call(stage: Stage, sources: list[int]) -> Callable[[list[Any]], None]:
    """The step as a function of all places, which appends what it makes."""
    row = stage.row
    if stage.many:
        return lambda place: place.extend(row(*[place[index] for index in sources]))
    if len(sources) == 1:
        only = sources[0]
        return lambda place: place.append(row(place[only]))
    return lambda place: place.append(row(*[place[index] for index in sources]))


def _take(column: Any, rows: list[int]) -> Any:
    return [column[index] for index in rows] if isinstance(column, list) else column.take(rows)
