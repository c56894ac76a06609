"""Columns of the time at which records came."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F

_PARTS = {"day": 3, "hour": 4, "minute": 5}


def with_ingestion_times(df: Any, granularity: str) -> Any:
    """`ingest_year`, `ingest_month`, `ingest_day`, and if the granularity says so `ingest_hour`, `ingest_minute`."""
    if granularity not in _PARTS:
        raise ValueError(f"timeGranularity is day, hour or minute, not {granularity!r}")
    now = F.current_timestamp()
    parts = [F.year(now), F.month(now), F.dayofmonth(now), F.hour(now), F.minute(now)][: _PARTS[granularity]]
    names = ("ingest_year", "ingest_month", "ingest_day", "ingest_hour", "ingest_minute")
    for name, part in zip(names, parts, strict=False):
        df = df.withColumn(name, part)
    return df
