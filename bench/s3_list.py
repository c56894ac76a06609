"""A bucket of 100,000 keys listed page by page, against SeaweedFS and (with fewer keys) moto."""

import statistics
import sys
import time

from bench import servers
from bench.load import drive, presigned
from bench.servers import Server, Start
from bench.table import Section, number, publish

MOTO_KEYS = 10_000  # it walks and sorts all keys for each page
SECONDS = 180


def run(keys: int = 100_000) -> list[Section]:
    rows = []
    starts: list[tuple[Start, int]] = [
        (servers.clary, keys),
        (servers.seaweedfs, keys),
        (servers.moto, min(keys, MOTO_KEYS)),
    ]
    for start, wanted in starts:
        with start() as server:
            rows.append(_row(server, wanted))
    text = (
        "ListObjectsV2 with pages of 1,000 as boto3's paginator sees them, which parses 1,000 keys of XML a page; a "
        "listing is linear when the last pages cost what the first ones did. Milliseconds a page, median of the first "
        f"and the last tenth; CPU in seconds of the server. moto has {MOTO_KEYS:,} keys: it would take minutes. Goal: "
        "100,000 keys in 5 s."
    )
    head = ("server", "keys", "seconds", "keys/s", "first pages", "last pages", "CPU")
    return [Section("s3_list", "Listing", text, head, rows)]


def _row(server: Server, wanted: int) -> tuple[str, ...]:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="many", CreateBucketConfiguration={"LocationConstraint": server.region})
    paths = [f"/many/{number % 97:02d}/{number:08d}" for number in range(wanted)]
    there = len(drive(server, presigned(server, "PUT", paths), 32, SECONDS).took)
    took = []
    seen = 0
    cpu, began = server.cpu(), time.perf_counter()
    before = began
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="many"):
        seen += len(page["Contents"])
        now = time.perf_counter()
        took.append((now - before) * 1000)
        before = now
    whole, cpu = before - began, server.cpu() - cpu
    if seen != there:
        raise RuntimeError(f"{server.name} has {there} keys and lists {seen}")
    tenth = max(len(took) // 10, 1)
    edges = (number(statistics.median(part)) for part in (took[:tenth], took[-tenth:]))
    return server.name, f"{seen:,}", number(whole), number(seen / whole), *edges, number(cpu)


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
