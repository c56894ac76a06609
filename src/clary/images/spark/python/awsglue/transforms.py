"""The transforms' classes: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-transforms.html.

Each calls a frame's method of the same meaning; `Class.apply(...)` and `Class()(...)` are one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from . import gluetypes as glue
from .collection import DynamicFrameCollection
from .refusing import refuse
from .schema import is_null
from .schema import struct as struct_of

__all__ = [
    "ApplyMapping",
    "DropFields",
    "DropNullFields",
    "ErrorsAsDynamicFrame",
    "EvaluateDataQuality",
    "Filter",
    "FindIncrementalMatches",
    "FindMatches",
    "FlatMap",
    "GlueTransform",
    "Join",
    "Map",
    "MapToCollection",
    "Relationalize",
    "RenameField",
    "ResolveChoice",
    "SelectFields",
    "SelectFromCollection",
    "Spigot",
    "SplitFields",
    "SplitRows",
    "Unbox",
    "Union",
    "UnnestFrame",
]


class GlueTransform:
    """What they have in common. `does` says what the transform is for."""

    does = ""
    returns = "DynamicFrame"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __call__")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        return cls()(*args, **kwargs)

    @classmethod
    def name(cls) -> str:
        return cls.__name__

    @classmethod
    def describeArgs(cls) -> list[dict[str, Any]]:
        """As the signature says."""
        found = []
        for one in list(inspect.signature(cls.__call__).parameters.values())[1:]:
            if one.kind in {one.VAR_KEYWORD, one.VAR_POSITIONAL}:
                continue
            optional = one.default is not one.empty
            default = str(one.default) if optional else None
            found.append(
                {
                    "name": one.name,
                    "type": str(one.annotation),
                    "description": "",
                    "optional": optional,
                    "defaultValue": default,
                }
            )
        return found

    @classmethod
    def describeReturn(cls) -> dict[str, str]:
        return {"type": cls.returns, "description": cls.does}

    @classmethod
    def describeTransform(cls) -> str:
        return cls.does

    @classmethod
    def describeErrors(cls) -> list[dict[str, str]]:
        return []

    @classmethod
    def describe(cls) -> dict[str, Any]:
        return {
            "transform": {
                "name": cls.name(),
                "args": cls.describeArgs(),
                "returns": cls.describeReturn(),
                "raises": cls.describeErrors(),
                "location": "internal",
            }
        }


class ApplyMapping(GlueTransform):
    does = "Selects, casts and renames fields by mappings"

    def __call__(
        self, frame: Any, mappings: Iterable[tuple[str, ...]], case_sensitive: bool = True, **options: Any
    ) -> Any:
        return frame.apply_mapping(mappings, case_sensitive, **options)


class DropFields(GlueTransform):
    does = "Drops fields"

    def __call__(self, frame: Any, paths: Iterable[str], *options: Any, **named: Any) -> Any:
        return frame.drop_fields(paths, *options, **named)


class DropNullFields(GlueTransform):
    """Fields that are null in all records: a DataFrame's typed column is no such field, whatever it holds."""

    does = "Drops fields that are null in every record"

    def __call__(self, frame: Any, *_: Any, **__: Any) -> Any:
        return frame._shaped(_without_nulls(frame.schema()))


def _without_nulls(kind: glue.DataType) -> Any:
    if isinstance(kind, glue.StructType):
        parts = [(one.name, _without_nulls(one.dataType)) for one in kind]
        left = [(name, one) for name, one in parts if one is not None]
        return struct_of(left) if left else None
    if isinstance(kind, glue.ArrayType):
        element = _without_nulls(kind.elementType)
        return kind if element is None else glue.ArrayType(element)
    return None if is_null(kind) else kind


class ErrorsAsDynamicFrame(GlueTransform):
    does = "The records that transforms failed on"

    def __call__(self, frame: Any) -> Any:
        return frame.errorsAsDynamicFrame()


class Filter(GlueTransform):
    does = "The records of which a function is true"

    def __call__(self, frame: Any, f: Callable[[Any], Any], *options: Any, **named: Any) -> Any:
        return frame.filter(f, *options, **named)


class Map(GlueTransform):
    does = "The records that a function makes of each"

    def __call__(self, frame: Any, f: Callable[[Any], Any], *options: Any, **named: Any) -> Any:
        return frame.map(f, *options, **named)


class FlatMap(GlueTransform):
    does = "Applies a transform to each frame of a collection, and flattens what comes"
    returns = "DynamicFrameCollection"

    def __call__(
        self, dfc: Any, BaseTransform: Any, frame_name: str, transformation_ctx: str = "", **base_kwargs: Any
    ) -> Any:
        def transform(frame: Any, context: str) -> Any:
            return BaseTransform.apply(**{frame_name: frame, "transformation_ctx": context}, **base_kwargs)

        return dfc.flatmap(transform, transformation_ctx)


class MapToCollection(GlueTransform):
    does = "Applies a function to each frame of a collection"
    returns = "DynamicFrameCollection"

    def __call__(self, dfc: Any, callable: Callable[..., Any], transformation_ctx: str = "") -> Any:
        return dfc.map(callable, transformation_ctx)


class Join(GlueTransform):
    does = "Joins two frames by equality of keys"

    def __call__(
        self, frame1: Any, frame2: Any, keys1: Any, keys2: Any, transformation_ctx: str = "", **options: Any
    ) -> Any:
        return frame1.join(keys1, keys2, frame2, transformation_ctx, **options)


class Union(GlueTransform):
    does = "All records of two frames"

    def __call__(self, frame1: Any, frame2: Any, *options: Any, **named: Any) -> Any:
        return frame1.union(frame2, *options, **named)


class Relationalize(GlueTransform):
    does = "Flattens nested fields and makes tables of arrays"
    returns = "DynamicFrameCollection"

    def __call__(
        self,
        frame: Any,
        staging_path: str | None = None,
        name: str = "roottable",
        options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
        **more: Any,
    ) -> Any:
        return frame.relationalize(name, staging_path, options, transformation_ctx, **more)


class RenameField(GlueTransform):
    does = "Renames a field"

    def __call__(self, frame: Any, old_name: str, new_name: str, *options: Any, **named: Any) -> Any:
        return frame.rename_field(old_name, new_name, *options, **named)


class ResolveChoice(GlueTransform):
    does = "Resolves choices"

    def __call__(
        self,
        frame: Any,
        specs: Any = None,
        choice: str = "",
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        **catalog: Any,
    ) -> Any:
        return frame.resolveChoice(specs=specs, choice=choice, transformation_ctx=transformation_ctx, **catalog)


class SelectFields(GlueTransform):
    does = "The named fields"

    def __call__(self, frame: Any, paths: Iterable[str], *options: Any, **named: Any) -> Any:
        return frame.select_fields(paths, *options, **named)


class SelectFromCollection(GlueTransform):
    does = "One frame of a collection"

    def __call__(self, dfc: DynamicFrameCollection, key: str, transformation_ctx: str = "") -> Any:
        return dfc.select(key, transformation_ctx)


class Spigot(GlueTransform):
    does = "Writes some records, and passes all on"

    def __call__(self, frame: Any, path: str, options: Any = None, transformation_ctx: str = "") -> Any:
        return frame.spigot(path, options if isinstance(options, dict) else {}, transformation_ctx)


class SplitFields(GlueTransform):
    does = "Two frames: the named fields, and the others"
    returns = "DynamicFrameCollection"

    def __call__(
        self, frame: Any, paths: Iterable[str], name1: str | None = None, name2: str | None = None, **options: Any
    ) -> Any:
        return frame.split_fields(paths, name1 or f"{frame.name}1", name2 or f"{frame.name}2", **options)


class SplitRows(GlueTransform):
    does = "Two frames: the records for which comparisons hold, and the others"
    returns = "DynamicFrameCollection"

    def __call__(
        self,
        frame: Any,
        comparison_dict: dict[str, dict[str, Any]],
        name1: str = "frame1",
        name2: str = "frame2",
        **options: Any,
    ) -> Any:
        return frame.split_rows(comparison_dict, name1, name2, **options)


class Unbox(GlueTransform):
    does = "Reads the records that a field's text holds"

    def __call__(self, frame: Any, path: str, format: str, *options: Any, **named: Any) -> Any:
        return frame.unbox(path, format, *options, **named)


class UnnestFrame(GlueTransform):
    does = "Makes fields of structs columns"

    def __call__(self, frame: Any, *options: Any, **named: Any) -> Any:
        return frame.unnest(*options, **named)


class _Refused(GlueTransform):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise refuse(self.does)


class FindMatches(_Refused):
    does = "FindMatches: Glue's machine-learning transforms"


class FindIncrementalMatches(_Refused):
    does = "FindIncrementalMatches: Glue's machine-learning transforms"


class EvaluateDataQuality(_Refused):
    does = "EvaluateDataQuality: Glue's data quality rules"
