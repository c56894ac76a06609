"""purge_table and purge_s3_path delete old files: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

from .catalog import Catalog, satisfying
from .clients import client
from .files import bucket_and_key

_HOURS = 168  # the guide's default of retentionPeriod
_AT_ONCE = 1000  # DeleteObjects' most


def purge(
    spark: Any,
    options: dict[str, Any],
    *,
    path: str = "",
    catalog: Catalog | None = None,
    table: tuple[str, str] = ("", ""),
) -> None:
    """Deletes what is older than `retentionPeriod` hours; a partition left without files goes from the catalog."""
    if catalog is None:
        _told(options, _purged(path, options)[1])
        return
    found = catalog.table(*table)
    predicate = str(options.get("partitionPredicate", ""))
    done = []
    if not found.keys:
        done += _purged(found.location, options)[1]
    for one in satisfying(spark, found, catalog.partitions(*table), predicate) if found.keys else []:
        kept, gone = _purged(one.location, options)
        done += gone
        if not kept:
            catalog.drop_partition(*table, one.values)
    _told(options, done)


def _purged(path: str, options: dict[str, Any]) -> tuple[int, list[tuple[str, str]]]:
    """How many files were kept, and what became of the others: (path, error or "")."""
    bucket, key = bucket_and_key(path)
    if not bucket:
        raise ValueError(f"Only what is on Amazon S3 is purged, not {path}")
    s3 = client("s3")
    oldest = time.time() - float(options.get("retentionPeriod", _HOURS)) * 3600
    spared = set(options.get("excludeStorageClasses") or ())
    old, kept = [], 0
    folder = key if not key or key.endswith("/") else f"{key}/"
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key):
        for one in page.get("Contents", []):
            if one["Key"] != key and not one["Key"].startswith(folder):
                continue  # of day=10, where day=1 is meant
            if one["LastModified"].timestamp() <= oldest and one.get("StorageClass", "STANDARD") not in spared:
                old.append(one["Key"])
            else:
                kept += 1
    done: list[tuple[str, str]] = []
    for at in range(0, len(old), _AT_ONCE):
        keys = old[at : at + _AT_ONCE]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
        failed = {one["Key"]: one.get("Message", one.get("Code", "")) for one in answer.get("Errors", [])}
        done += [(f"s3://{bucket}/{key}", failed.get(key, "")) for key in keys]
        kept += len(failed)
    return kept, done


def _told(options: dict[str, Any], done: list[tuple[str, str]]) -> None:
    """Success.csv and Failed.csv at `manifestFilePath`."""
    manifest = options.get("manifestFilePath")
    if not manifest:
        return
    bucket, folder = bucket_and_key(manifest)
    for name, rows in (("Success", [one for one in done if not one[1]]), ("Failed", [one for one in done if one[1]])):
        text = io.StringIO()
        csv.writer(text).writerows([path] if not why else [path, why] for path, why in rows)
        key = f"{folder.strip('/')}/{name}.csv".lstrip("/")
        client("s3").put_object(Bucket=bucket, Key=key, Body=text.getvalue().encode())
