"""A bucket of 100,000 keys listed page by page, against SeaweedFS and (with fewer keys) moto."""

import http.client
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import quote

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
            rows += _rows(server, wanted)
    text = (
        "ListObjectsV2 with pages of 1,000, one after the other. `boto3`: as its paginator sees them, which spends "
        "most of the time on reading 1,000 keys of XML a page. `socket`: the same pages over one kept connection, "
        "read but not understood; this is the server's own speed. A listing is linear when the last pages cost "
        "what the first ones did: milliseconds a page, median of the first and the last tenth. moto has "
        f"{MOTO_KEYS:,} keys: it would take minutes. Goal: 100,000 keys in 5 s."
    )
    head = ("client", "server", "keys", "seconds", "keys/s", "first pages", "last pages", "CPU s")
    return [Section("s3_list", "Listing", text, head, sorted(rows, key=lambda row: row[0]))]


def _rows(server: Server, wanted: int) -> list[tuple[str, ...]]:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="many", CreateBucketConfiguration={"LocationConstraint": server.region})
    paths = [f"/many/{number % 97:02d}/{number:08d}" for number in range(wanted)]
    there = len(drive(server, presigned(server, "PUT", paths), 32, SECONDS).took)
    return [_row(server, client, pages, there) for client, pages in (("boto3", _by_boto3), ("socket", _by_socket))]


def _row(server: Server, client: str, pages: Callable[[Server], Iterator[int]], there: int) -> tuple[str, ...]:
    took = []
    seen = 0
    cpu, began = server.cpu(), time.perf_counter()
    before = began
    for keys in pages(server):
        seen += keys
        now = time.perf_counter()
        took.append((now - before) * 1000)
        before = now
    whole, cpu = before - began, server.cpu() - cpu
    if seen != there:
        raise RuntimeError(f"{server.name} has {there} keys and lists {seen}")
    tenth = max(len(took) // 10, 1)
    edges = (number(statistics.median(part)) for part in (took[:tenth], took[-tenth:]))
    return client, server.name, f"{seen:,}", number(whole), number(seen / whole), *edges, number(cpu)


def _by_boto3(server: Server) -> Iterator[int]:
    """How many keys each page has."""
    for page in server.client("s3").get_paginator("list_objects_v2").paginate(Bucket="many"):
        yield len(page["Contents"])


def _by_socket(server: Server) -> Iterator[int]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    token = ""
    while True:
        more = f"&continuation-token={quote(token, safe='')}" if token else ""
        (request,) = presigned(server, "GET", [f"/many?list-type=2{more}"])
        connection.request("GET", request.split()[1].decode())
        body = connection.getresponse().read()
        yield body.count(b"<Key>")
        found = re.search(rb"<NextContinuationToken>(.*?)</", body)
        if found is None:
            break
        token = unescape(found[1].decode())
    connection.close()


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
