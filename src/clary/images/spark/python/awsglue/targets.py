"""Files and tables as targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import gluetypes as glue
from .catalog import Catalog, Made
from .files import truth
from .formats import write

_DEFAULT = "UPDATE_IN_DATABASE"


def to_files(
    catalog: Callable[[str | None], Catalog],
    df: Any,
    kind: glue.StructType,
    format: str | None,
    options: dict[str, Any],
    told: dict[str, Any],
) -> None:
    """connection_type s3; with `enableUpdateCatalog` the table of setCatalogInfo follows."""
    if "path" not in options:
        raise ValueError("connection_options need a path")
    if not format:
        raise ValueError("A format is needed, as format='json'")
    write(df, kind, format, options["path"], options)
    if truth(options.get("enableUpdateCatalog")) and told:
        made = _made(df, kind, format, options["path"], options)
        catalog(told["catalog"]).updated(told["database"], told["table"], made)


def to_table(catalog: Catalog, name: tuple[str, str], df: Any, kind: glue.StructType, options: dict[str, Any]) -> None:
    """Where and how the table says; its partition keys are folders, and new ones are added if `enableUpdateCatalog`."""
    table = catalog.table(*name)
    keys = list(options.get("partitionKeys") or [key for key, _ in table.keys])
    found = table.options()
    header = {"writeHeader": found["withHeader"]} if table.format == "csv" else {}
    said = {key: one for key, one in found.items() if key in {"separator", "quoteChar"}}
    write(df, kind, table.format, table.location, {**said, **header, **options, "partitionKeys": keys})
    if truth(options.get("enableUpdateCatalog")):
        catalog.updated(*name, _made(df, kind, table.format, table.location, {**options, "partitionKeys": keys}))


def _made(df: Any, kind: glue.StructType, format: str, path: str, options: dict[str, Any]) -> Made:
    keys = list(options.get("partitionKeys") or [])
    partitions = []
    for row in df.select(*(f"`{key}`" for key in keys)).distinct().collect() if keys else []:
        values = tuple("__HIVE_DEFAULT_PARTITION__" if one is None else str(one) for one in row)
        folder = "/".join(f"{key}={_escaped(one)}" for key, one in zip(keys, values, strict=True))
        partitions.append((values, folder))
    behavior = str(options.get("updateBehavior", _DEFAULT))
    return Made(kind, format.lower(), path, keys, partitions, behavior)


def _escaped(value: str) -> str:
    """As Spark spells a value in a folder's name."""
    return "".join(f"%{ord(one):02X}" if one in _ESCAPED or ord(one) < ord(" ") else one for one in value)


_ESCAPED = set("\"#%'*/:=?\\\x7f{[]^")
