"""Dynamic frames: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html.

A frame is a Spark DataFrame and its type beside it (`gluetypes`), which alone says whether a struct is a choice. Fields
that a record lacks are null: the two are not told apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from . import gluetypes as glue
from .choices import by_catalog, by_spec, resolve
from .collection import DynamicFrameCollection
from .columns import Target, aligned, fields, in_shape, only, renamed, resolved, steps, top, within, without
from .columns import cast as cast_column
from .comparing import comparison
from .errors import Errors, check
from .flattening import ddb_simplified, ddb_unnested, relationalized, unnested
from .readwrite import DynamicFrameReader, DynamicFrameWriter
from .recordwise import filtered, mapped
from .schema import atom, from_spark, is_nested, merged, struct, to_spark, tree
from .unboxing import unboxed
from .values import DynamicRecord, decoded, plain

__all__ = ["DynamicFrame", "DynamicFrameCollection", "DynamicFrameReader", "DynamicFrameWriter", "DynamicRecord"]


class ResolveOption:
    """What `toDF` does with a choice: `Project` or `Cast` to a type, or `KeepAsStruct`, which it does anyway."""

    def __init__(self, path: str, action: str, target: Any = None) -> None:
        self.path, self.action, self.target = path, action, target


class DynamicFrame:
    """`jdf` is a DataFrame, or one of the JVM. What it holds, `fromDF` says as well."""

    def __init__(self, jdf: Any, glue_ctx: Any, name: str = "") -> None:
        self._df = jdf if isinstance(jdf, DataFrame) else DataFrame(jdf, glue_ctx.spark_session)
        kind = from_spark(self._df.schema)
        assert isinstance(kind, glue.StructType)
        self._kind: glue.StructType = kind
        self.glue_ctx, self.name = glue_ctx, name
        self._stage = Errors()
        self._before: list[Errors] = []

    @classmethod
    def _made(cls, df: Any, kind: glue.DataType, of: Any, name: str = "", stage: Errors | None = None) -> DynamicFrame:
        """A frame of a DataFrame and its type, behind another frame or of a context."""
        made = cls.__new__(cls)
        assert isinstance(kind, glue.StructType)
        made._df, made._kind = df, kind
        behind = isinstance(of, DynamicFrame)
        made.glue_ctx, made.name = (of.glue_ctx, name or of.name) if behind else (of, name)
        made._stage = stage or Errors()
        made._before = [*of._before, of._stage] if behind else []
        return made

    def _of(self, parts: Iterable[tuple[str, Any, glue.DataType]]) -> DynamicFrame:
        named = list(parts)
        names = [name for name, _, _ in named]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"Two fields would have one name: {', '.join(twice)}")
        df = self._df.select(*(column.alias(name) for name, column, _ in named))
        return DynamicFrame._made(df, struct((name, kind) for name, _, kind in named), self)

    def _shaped(self, kind: glue.DataType | None) -> DynamicFrame:
        new = kind if isinstance(kind, glue.StructType) else glue.StructType()
        old = self._kind
        return self._of(
            (one.name, aligned(top(one.name), old.getField(one).dataType, one.dataType), one.dataType) for one in new
        )

    def with_frame_schema(self, frame: DynamicFrame) -> DynamicFrame:
        return self._shaped(frame._kind)

    # Information

    @classmethod
    def fromDF(cls, dataframe: Any, glue_ctx: Any, name: str = "") -> DynamicFrame:
        return cls(dataframe, glue_ctx, name)

    def toDF(self, options: Iterable[ResolveOption] | None = None) -> Any:
        """The DataFrame; a choice that nothing resolves is a struct with a field a type."""
        frame = self
        for option in options or ():
            action = option.action.lower().replace("_", "")
            if action in {"project", "cast"}:
                target = from_spark(option.target) if hasattr(option.target, "simpleString") else option.target
                said = target.typeName() if isinstance(target, glue.DataType) else str(target)
                frame = frame.resolveChoice(specs=[(option.path, f"{action}:{said}")])
            elif action != "keepasstruct":
                raise ValueError(f"toDF: there is no action {option.action}")
        return frame._df

    def schema(self) -> glue.StructType:
        return self._kind

    def printSchema(self) -> None:
        print(tree(self._kind))

    def count(self) -> int:
        return int(self._df.count())

    def show(self, num_rows: int = 20) -> None:
        """Each record as JSON on a line of its own."""
        for row in self._df.take(num_rows):
            print(json.dumps(plain(decoded(row, self._kind)), default=str, ensure_ascii=False))

    def getNumPartitions(self) -> int:
        return int(self._df.rdd.getNumPartitions())

    def isSchemaComputed(self) -> bool:
        return True

    def repartition(self, num_partitions: int, *_: Any, **__: Any) -> DynamicFrame:
        return DynamicFrame._made(self._df.repartition(num_partitions), self._kind, self)

    def coalesce(self, num_partitions: int, shuffle: bool = False, *_: Any, **__: Any) -> DynamicFrame:
        made = self._df.repartition(num_partitions) if shuffle else self._df.coalesce(num_partitions)
        return DynamicFrame._made(made, self._kind, self)

    # Fields

    def apply_mapping(self, mappings: Iterable[tuple[str, ...]], case_sensitive: bool = True, **_: Any) -> DynamicFrame:
        """Each (source, its type, target, its type); a source that isn't there maps nothing."""
        target = Target()
        for mapping in mappings:
            if len(mapping) not in {2, 4}:
                raise ValueError(f"Mapping must be specified as a tuple of length 2 or 4: {mapping!r}")
            source, to = (mapping[0], mapping[1]) if len(mapping) == 2 else (mapping[0], mapping[2])
            found = resolved(self._kind, self._path(source, case_sensitive))
            if found is None:
                continue
            column, kind = found
            if len(mapping) == 4 and not is_nested(mapping[3]):
                wanted = atom(mapping[3])
                column, kind = cast_column(column, kind, wanted), wanted
            target.put(steps(to), column, kind)
        return self._of(target.columns())

    def _path(self, path: str, case_sensitive: bool) -> tuple[str, ...]:
        found = within(path, self._kind)
        if case_sensitive or self._kind.hasField(found[0]):
            return found
        same = [one.name for one in self._kind if one.name.lower() == found[0].lower()]
        return (*same[:1], *found[1:]) if same else found

    def drop_fields(self, paths: Iterable[str] | str, *_: Any, **__: Any) -> DynamicFrame:
        kind: glue.DataType | None = self._kind
        for path in [paths] if isinstance(paths, str) else paths:
            kind = kind and without(kind, within(path, self._kind))
        return self._shaped(kind)

    def select_fields(self, paths: Iterable[str] | str, *_: Any, **__: Any) -> DynamicFrame:
        wanted = [paths] if isinstance(paths, str) else paths
        return self._shaped(only(self._kind, [within(path, self._kind) for path in wanted]))

    def rename_field(self, oldName: str, newName: str, *_: Any, **__: Any) -> DynamicFrame:
        """The new name is a full path too: another parent moves the field. One that isn't there renames nothing."""
        old, new = within(oldName, self._kind), steps(newName)
        if (found := resolved(self._kind, old)) is None:
            return self
        if old[:-1] == new[:-1]:
            return self._of(renamed(fields(self._kind), old, new[-1]))
        column, kind = found
        target = Target()
        for one in self._shaped(without(self._kind, old))._kind:
            was = self._kind.getField(one).dataType
            target.put((one.name,), aligned(top(one.name), was, one.dataType), one.dataType)
        target.put(new, column, kind)
        return self._of(target.columns())

    def split_fields(self, paths: Iterable[str], name1: str, name2: str, *_: Any, **__: Any) -> DynamicFrameCollection:
        split = list(paths)
        return DynamicFrameCollection(
            {name1: self.select_fields(split)._called(name1), name2: self.drop_fields(split)._called(name2)},
            self.glue_ctx,
        )

    def _called(self, name: str) -> DynamicFrame:
        self.name = name
        return self

    def resolveChoice(
        self,
        specs: Iterable[tuple[str, str]] | None = None,
        choice: str = "",
        database: str | None = None,
        table_name: str | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        catalog_id: str | None = None,
    ) -> DynamicFrame:
        if specs is not None and choice:
            raise ValueError("Only one of specs and choice can be given")
        if choice == "match_catalog":
            if not database or not table_name:
                raise ValueError("match_catalog needs database and table_name")
            columns = self.glue_ctx._catalog(catalog_id).columns(database, table_name)
            return self._of(resolve(self._kind, by_catalog(columns)))
        if specs is None and not choice:
            raise ValueError("resolveChoice needs specs or choice")
        return self._of(resolve(self._kind, by_spec(specs or (), choice)))

    def unnest(self, *_: Any, **__: Any) -> DynamicFrame:
        return self._of(unnested(fields(self._kind)))

    def unnest_ddb_json(self, *_: Any, **__: Any) -> DynamicFrame:
        return self._of(ddb_unnested(fields(self._kind)))

    def simplify_ddb_json(self, *_: Any, **__: Any) -> DynamicFrame:
        return self._of((name, *ddb_simplified(column, kind)) for name, column, kind in fields(self._kind))

    def relationalize(
        self,
        root_table_name: str,
        staging_path: str | None = None,
        options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
        **_: Any,
    ) -> DynamicFrameCollection:
        """A frame a table. Spark keeps what is pivoted, so nothing goes to `staging_path`."""
        tables = relationalized(self._df, self._kind, root_table_name)
        return DynamicFrameCollection(
            {name: DynamicFrame._made(df, kind, self, name) for name, df, kind in tables}, self.glue_ctx
        )

    def unbox(
        self,
        path: str,
        format: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        **options: Any,
    ) -> DynamicFrame:
        where = within(path, self._kind)
        if (found := resolved(self._kind, where)) is None or not isinstance(found[1], glue.StringType):
            raise ValueError(f"{path} is no field of text to unbox")
        values, kind, errors = unboxed(self._df, found[0], format, options)
        column = top(values.columns[-1])
        target = Target()
        for name, one, one_kind in fields(self._kind):
            target.put((name,), one, one_kind)
        target.put(where, column, kind)
        made = DynamicFrame._made(values, self._kind, self, stage=errors)._of(target.columns())
        made._before, made._stage = [*self._before, self._stage], errors
        return made._checked(stageThreshold, totalThreshold, info)

    # Records

    def map(
        self,
        f: Callable[[DynamicRecord], Any],
        transformation_ctx: str = "",
        preservesPartitioning: bool = False,
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Records that `f` makes; one on which it fails is an error record. Their type is found from all of them."""
        df, kind, errors = mapped(self._df, self._kind, f, preservesPartitioning)
        return DynamicFrame._made(df, kind, self, stage=errors)._checked(stageThreshold, totalThreshold, info)

    def filter(
        self,
        f: Callable[[DynamicRecord], Any],
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The records of which `f` is true; one on which it fails is an error record."""
        df, errors = filtered(self._df, self._kind, f)
        return DynamicFrame._made(df, self._kind, self, stage=errors)._checked(stageThreshold, totalThreshold, info)

    def split_rows(
        self, comparison_dict: dict[str, dict[str, Any]], name1: str, name2: str, *_: Any, **__: Any
    ) -> DynamicFrameCollection:
        """Those for which all comparisons hold, and the rest, to which those with nulls belong."""
        holds = F.coalesce(comparison(self._kind, comparison_dict), F.lit(False))
        one = DynamicFrame._made(self._df.filter(holds), self._kind, self, name1)
        other = DynamicFrame._made(self._df.filter(~holds), self._kind, self, name2)
        return DynamicFrameCollection({name1: one, name2: other}, self.glue_ctx)

    def join(
        self, paths1: Iterable[str] | str, paths2: Iterable[str] | str, frame2: DynamicFrame, *_: Any, **__: Any
    ) -> DynamicFrame:
        """By equality of all keys. A name that both have is `.name` for this frame's field, as AWS's example shows."""
        keys1, keys2 = ([one] if isinstance(one, str) else list(one) for one in (paths1, paths2))
        if len(keys1) != len(keys2) or not keys1:
            raise ValueError(f"A join needs as many keys of one frame as of the other: {keys1} and {keys2}")
        taken = {one.name for one in frame2._kind}
        left = self._of((f".{name}" if name in taken else name, one, kind) for name, one, kind in fields(self._kind))
        one = left._df.select("*", *(self._key(key, taken).alias(f"\0l{at}") for at, key in enumerate(keys1)))
        other = frame2._df.select("*", *(frame2._key(key, set()).alias(f"\0r{at}") for at, key in enumerate(keys2)))
        condition = F.lit(True)
        for at in range(len(keys1)):
            condition &= top(f"\0l{at}") == top(f"\0r{at}")
        kind = glue.StructType([*left._kind, *frame2._kind])
        joined = one.join(other, condition).select(*(top(field.name) for field in kind))
        made = DynamicFrame._made(joined, kind, self)
        made._before += [*frame2._before, frame2._stage]
        return made

    def _key(self, key: str, taken: set[str]) -> Any:
        path = within(key, self._kind)
        if resolved(self._kind, path) is None:
            raise ValueError(f"The frame has no field {key} to join by")
        column = top(f".{path[0]}" if path[0] in taken else path[0])
        for step in path[1:]:
            column = column.getField(step)
        return column

    def union(self, other_frame: DynamicFrame, *_: Any, **__: Any) -> DynamicFrame:
        """All records of both. A field whose types differ becomes a choice."""
        kind = merged(self._kind, other_frame._kind)
        assert isinstance(kind, glue.StructType)
        one, other = (each._df.select(*in_shape(each._kind, kind)) for each in (self, other_frame))
        df = one.unionByName(other)
        made = DynamicFrame._made(df, kind, self)
        made._before += [*other_frame._before, other_frame._stage]
        return made

    def mergeDynamicFrame(
        self, stage_dynamic_frame: DynamicFrame, primary_keys: Iterable[str], *_: Any, **__: Any
    ) -> DynamicFrame:
        """The staging frame's records, and those here that it has no record with the same keys of."""
        keys = [primary_keys] if isinstance(primary_keys, str) else list(primary_keys)
        mine = self._df.select("*", *(self._key(key, set()).alias(f"\0l{at}") for at, key in enumerate(keys)))
        found = [stage_dynamic_frame._key(key, set()).alias(f"\0r{at}") for at, key in enumerate(keys)]
        condition = F.lit(True)
        for at in range(len(keys)):
            condition &= top(f"\0l{at}").eqNullSafe(top(f"\0r{at}"))
        kept = mine.join(stage_dynamic_frame._df.select(*found), condition, "left_anti").select(
            *(top(field.name) for field in self._kind)
        )
        return DynamicFrame._made(kept, self._kind, self).union(stage_dynamic_frame)

    # Writing and errors

    def spigot(self, path: str, options: dict[str, Any] | None = None, transformation_ctx: str = "", **_: Any) -> Any:
        """Writes some records as JSON, and is the frame itself."""
        self.glue_ctx._write_sample(self, path, dict(options or {}))
        return self

    def write(
        self,
        connection_type: str,
        connection_options: dict[str, Any] | None = None,
        format: str | None = None,
        format_options: dict[str, Any] | None = None,
        accumulator_size: int = 0,
    ) -> Any:
        return self.glue_ctx.write_dynamic_frame_from_options(
            self, connection_type, connection_options or {}, format, format_options or {}
        )

    def _checked(self, stage: int, total: int, info: str) -> DynamicFrame:
        """Itself, unless more records failed than one of the thresholds allows. Who gives none has nothing counted."""
        if stage or total:
            check(self.stageErrorsCount(), self.errorsCount() if total else 0, stage, total, info)
        return self

    def stageErrorsCount(self) -> int:
        return self._stage.count()

    def errorsCount(self) -> int:
        return sum(one.count() for one in (*self._before, self._stage))

    def errorsAsDynamicFrame(self) -> DynamicFrame:
        """Their field `error` has `msg`, `stackTrace` and `record`, the record as JSON."""
        context = self.glue_ctx.spark_session.sparkContext
        rows = [one.rows for one in (*self._before, self._stage) if one.rows is not None]
        kind = struct([("error", struct((name, glue.StringType()) for name in ("msg", "stackTrace", "record")))])
        found = (context.union(rows) if rows else context.emptyRDD()).map(lambda row: (row,))
        df = self.glue_ctx.spark_session.createDataFrame(found, to_spark(kind), verifySchema=False)
        return DynamicFrame._made(df, kind, self.glue_ctx, f"{self.name}_errors")

    def assertErrorThreshold(self) -> None:
        if (found := self.errorsCount()) > 0:
            raise RuntimeError(f"{found} records failed on the way to {self.name or 'this frame'}")
