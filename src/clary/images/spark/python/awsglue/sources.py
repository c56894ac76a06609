"""Files and tables as sources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from pyspark.sql import functions as F

from . import gluetypes as glue
from .bookmarks import Bookmarks
from .catalog import Catalog, Partition, Table, satisfying, typed
from .columns import aligned, top
from .files import SAMPLE, File, bounded, listed, sampled
from .formats import FILE, Read, read
from .refusing import refuse
from .schema import atom, struct, to_spark

# Of the connection, not of a format.
_OWN = {
    *("paths", "exclusions", "recurse", "groupFiles", "groupSize", "compressionType", "maxBand", "maxFilesInBand"),
    *("boundedFiles", "boundedSize", "useS3ListImplementation", "catalogPartitionPredicate", "excludeStorageClasses"),
    *("jobBookmarkKeys", "jobBookmarkKeysSortOrder", "attachFilename"),
    *SAMPLE,
}


def from_files(
    spark: Any,
    bookmarks: Bookmarks,
    options: dict[str, Any],
    format: str | None,
    format_options: dict[str, Any],
    context: str,
) -> Read:
    """connection_type s3. https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-s3-home.html"""
    if format is None:
        raise ValueError("A format is needed, as format='json'")
    paths = options.get("paths") or ([options["path"]] if "path" in options else None)
    if not paths:
        raise ValueError("connection_options need paths")
    files = sampled(listed([paths] if isinstance(paths, str) else paths, options), options)
    files = _new(bookmarks, files, options, context)
    wanted = {**_for_spark(format, options), **format_options}
    name = wanted.pop("attachFilename", options.get("attachFilename"))
    if "attachTimestamp" in {*wanted, *options}:
        raise refuse("attachTimestamp")
    found = read(spark, format, files, wanted, tell_file=bool(name))
    if not name:
        return found
    kind = glue.StructType([*found.kind, glue.Field(str(name), glue.StringType())])
    columns = [top(one.name) for one in found.kind]
    return Read(found.df.select(*columns, top(FILE).alias(str(name))), kind, found.errors)


def _for_spark(format: str, options: dict[str, Any]) -> dict[str, Any]:
    """The guide: what Spark SQL takes for Parquet and ORC may be given as options of the connection."""
    if format.lower() in {"json", "csv"}:
        return {}
    return {name: one for name, one in options.items() if name not in _OWN}


def _new(bookmarks: Bookmarks, files: list[File], options: dict[str, Any], context: str) -> list[File]:
    unread, complete = bookmarks.unread(context, files, options)
    taken = bounded(unread, options)
    bookmarks.read(context, taken, options, all_of_them=complete and len(taken) == len(unread))
    return taken


def from_table(
    spark: Any,
    bookmarks: Bookmarks,
    catalog: Catalog,
    name: tuple[str, str],
    options: dict[str, Any],
    predicate: str,
    context: str,
) -> Read:
    """A table's files as the catalog says where and how, with its partitions' values as columns."""
    table = catalog.table(*name)
    options = {**table.parameters, **options}
    format_options = {**table.options(), **{one: options[one] for one in ("multiLine",) if one in options}}
    if not table.keys:
        recursing = {"recurse": True, **options}
        files = _new(bookmarks, sampled(listed([table.location], recursing), options), options, context)
        return _typed(table, read(spark, table.format, files, format_options))
    partitions = catalog.partitions(*name, str(options.get("catalogPartitionPredicate", "")))
    partitions = satisfying(spark, table, partitions, predicate)[: options.get("maxSamplePartitions")]
    each = options.get("maxSampleFilesPerPartition")
    found = [(file, one) for one in partitions for file in listed([one.location], {"recurse": True, **options})[:each]]
    by_path = {file.path: one for file, one in found}
    taken = _new(bookmarks, list({file.path: file for file, _ in found}.values()), options, context)
    told = _typed(table, read(spark, table.format, taken, format_options, tell_file=True))
    return _with_values(spark, table, told, {path: by_path[path] for path in (one.path for one in taken)})


def _typed(table: Table, found: Read) -> Read:
    if table.format == "csv":
        df, kind = typed(found.df, found.kind, table)
        return Read(df, kind, found.errors)
    if table.format != "json":
        return found
    wanted = table.atoms()
    kind = struct((one.name, _widened(one.dataType, wanted.get(one.name.lower()))) for one in found.kind)
    columns = [
        aligned(top(one.name), found.kind.getField(one).dataType, one.dataType).alias(one.name)
        if not isinstance(found.kind.getField(one).dataType, glue.ChoiceType) or one in found.kind.fields
        else _joined(one.name, found.kind.getField(one).dataType, one.dataType).alias(one.name)
        for one in kind
    ]
    rest = [top(name) for name in found.df.columns if not kind.hasField(name)]
    return Read(found.df.select(*columns, *rest), kind, found.errors)


_NUMBERS = ("byte", "short", "int", "long", "float", "double")


def _widened(kind: glue.DataType, wanted: glue.DataType | None) -> glue.DataType:
    """A number that the table's type holds is of that type: an int in a bigint's column is no choice."""
    if wanted is None or kind == wanted:
        return kind
    if isinstance(kind, glue.ChoiceType):
        left: dict[str, glue.DataType] = {}
        for one in kind.choices.values():
            new = _widened(one, wanted)
            left[new.typeName()] = new
        return next(iter(left.values())) if len(left) == 1 else glue.ChoiceType(left.values())
    names = kind.typeName(), wanted.typeName()
    if all(name in _NUMBERS for name in names) and _NUMBERS.index(names[0]) < _NUMBERS.index(names[1]):
        return wanted
    return kind


def _joined(name: str, old: glue.DataType, new: glue.DataType) -> Any:
    """A choice of which some types became one."""
    assert isinstance(old, glue.ChoiceType)
    if not isinstance(new, glue.ChoiceType):
        return F.coalesce(*(top(name).getField(one).cast(to_spark(new)) for one in old.choices))
    parts = []
    for target, kind in new.choices.items():
        sources = [one for one, was in old.choices.items() if one == target or _widened(was, kind) == kind]
        same = [top(name).getField(one) for one in sources]
        parts.append(F.coalesce(*(one if target in old.choices else one.cast(to_spark(kind)) for one in same)))
    named = [part.alias(target) for part, target in zip(parts, new.choices, strict=True)]
    return F.when(top(name).isNotNull(), F.struct(*named))


_NULL = "__HIVE_DEFAULT_PARTITION__"


def _with_values(spark: Any, table: Table, found: Read, by_path: dict[str, Partition]) -> Read:
    """The values of each record's partition, behind the other columns."""
    names = [name for name, _ in table.keys]
    fields = [one for one in found.kind if one.name not in names]
    kinds = [atom(said) for _, said in table.keys]
    kind = glue.StructType([*fields, *(glue.Field(name, one) for name, one in zip(names, kinds, strict=True))])
    if not by_path:
        return Read(spark.createDataFrame([], to_spark(kind)), kind, found.errors)
    folders = {path.rpartition("/")[0]: one.values for path, one in by_path.items()}
    rows = [(spelt, *values) for folder, values in folders.items() for spelt in _spellings(folder)]
    schema = ", ".join(["folder string", *(f"v{at} string" for at in range(len(names)))])
    values = F.broadcast(spark.createDataFrame(rows, schema))
    df = found.df.withColumn("\0folder", F.regexp_replace(top(FILE), "/[^/]*$", ""))
    df = df.join(values, top("\0folder") == F.col("folder"), "left")
    lost = F.raise_error(F.concat(F.lit("No partition is known of "), top(FILE)))
    casts = [
        F.when(F.col("folder").isNull(), lost.cast(to_spark(one)))
        .when(F.col(f"v{at}") != _NULL, F.col(f"v{at}").cast(to_spark(one)))
        .alias(names[at])
        for at, one in enumerate(kinds)
    ]
    return Read(df.select(*(top(one.name) for one in fields), *casts), kind, found.errors)


def _spellings(folder: str) -> Iterable[str]:
    """As Spark may say it: with or without the scheme's slashes, characters as they are or in percent."""
    bases = [folder] if "://" in folder else [f"file://{folder}", f"file:{folder}", folder]
    for base in bases:
        # As java.net.URI quotes: what is no ASCII stays.
        quoted = "".join(quote(one, safe="/:=@&+$,;~!*'()") if one.isascii() else one for one in base)
        yield from dict.fromkeys([base, quoted])
