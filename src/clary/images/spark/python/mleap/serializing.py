"""From transformers to bundles."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from . import __version__
from .bundles import Bundle, Node, write
from .columns import Columns
from .java import ML, Stage
from .op import UnknownTransformer
from .ops import BY_KIND

_TUNED = ("CrossValidatorModel", "TrainValidationSplitModel")


def serialize(transformer: Any, path: str, dataset: Any, form: str) -> None:
    """Raises UnknownTransformer, ValueError."""
    if dataset is None:
        raise ValueError(
            "MLeap needs a sample to serialize by: serializeToBundle(path, dataset), where dataset is what the"
            " transformer made of some rows"
        )
    root = _Writer(_columns(transformer, dataset)).node(transformer)
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    write(Bundle(str(uuid.uuid4()), root.name, root, form, __version__, now), path, form)


def _columns(transformer: Any, dataset: Any) -> Columns:
    """The sample's, or, where it is what goes in, those of what comes out."""
    there = Columns(dataset)
    asked = dict.fromkeys(name for stage in _stages(transformer) for name in _asked(stage))
    missing = [name for name in asked if not there.has(name)]
    if not missing:
        return there
    try:
        return Columns(transformer.transform(dataset))
    except Exception as error:
        said = f"the sample has no column {', '.join(missing)}, and cannot be transformed to have: {error}"
        raise ValueError(said) from error


def _asked(stage: Any) -> list[str]:
    """The columns of a stage, where they are known before it is asked for itself."""
    found: list[str] = []
    if hasattr(stage, "_to_java") and hasattr(stage, "params"):
        for param in stage.params:
            if param.name == "outputCol" and stage.hasParam("outputCols") and stage.isSet("outputCols"):
                continue  # its default, which stages with outputCols have too and don't make
            if param.name.endswith(("Col", "Cols")) and param.name not in _OTHERS and stage.isDefined(param):
                value = stage.getOrDefault(param)
                found += [value] if isinstance(value, str) else list(value)
    return [name for name in found if name]


# Those that fitting reads, and no transformer.
_OTHERS = ("labelCol", "weightCol", "censorCol", "ratingCol", "categoricalCols", "foldCol", "offsetCol")


def _stages(transformer: Any) -> list[Any]:
    inner = getattr(transformer, "stages", None)
    if isinstance(inner, list):
        return [found for stage in inner for found in _stages(stage)]
    best = getattr(transformer, "bestModel", None)
    return _stages(best) if best is not None else [transformer]


class _Writer:
    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def node(self, stage: Any) -> Node:
        inner = getattr(stage, "stages", None)
        if isinstance(inner, list):
            return Node(str(stage.uid), "pipeline", children=tuple(self.node(one) for one in inner))
        if type(stage).__name__ in _TUNED:
            best = self.node(stage.bestModel)
            best.name = str(stage.uid)
            return best
        if not hasattr(stage, "_to_java"):
            raise _unknown(stage)
        found = Stage(stage._to_java())  # noqa: SLF001 - how pyspark.ml itself asks
        op = BY_KIND.get(found.kind[len(ML) :]) if found.kind.startswith(ML) else None
        if op is None:
            raise _unknown(stage)
        return op.node(found, self._columns)


def _unknown(stage: Any) -> UnknownTransformer:
    kind = f"{type(stage).__module__}.{type(stage).__name__}"
    return UnknownTransformer(f"MLeap doesn't know {kind} (stage {getattr(stage, 'uid', '?')})")
