"""10,000 objects of 4 KiB put and got by presigned requests on kept sockets, against moto and SeaweedFS."""

import sys

from bench import servers
from bench.load import Measured, drive, presigned
from bench.servers import Server
from bench.table import Section, number, publish

BODY = bytes(range(256)) * 16
CONNECTIONS = 32
SECONDS = 60


def run(count: int = 10_000) -> list[Section]:
    rows = []
    first: dict[str, Measured] = {}
    for start in (servers.clary, servers.seaweedfs, servers.moto):
        with start() as server:
            for what, measured in _measure(server, count):
                ours = first.setdefault(what, measured)
                rows.append(_row(what, server, measured, ours))
    with servers.uvicorn() as server:
        limit = drive(server, presigned(server, "GET", [f"/small/{number}" for number in range(count)]), CONNECTIONS)
        rows.append(_row("get", server, limit, first["get"]))
    rows.sort(key=lambda row: row[0] != "put")
    text = (
        f"{CONNECTIONS} kept connections, 4 KiB each, the client on the same two cores; latency in milliseconds, "
        "CPU in microseconds of the server a request. Only Clary's puts are on the disk when they are answered. "
        "Goals: 1,700 puts/s and 8,000 gets/s."
    )
    head = ("", "server", "requests", "req/s", "p50", "p99", "CPU", "Clary is")
    return [Section("s3_small", "Small objects", text, head, rows)]


def _row(what: str, server: Server, measured: Measured, ours: Measured) -> tuple[str, ...]:
    return (
        what,
        server.name,
        f"{len(measured.took):,}",
        number(measured.rate),
        number(measured.quantile(0.5)),
        number(measured.quantile(0.99)),
        number(measured.cpu / len(measured.took) * 1e6),
        f"{number(ours.rate / measured.rate)} x",
    )


def _measure(server: Server, count: int) -> list[tuple[str, Measured]]:
    server.client("s3").create_bucket(Bucket="small", CreateBucketConfiguration={"LocationConstraint": server.region})
    paths = [f"/small/{number % 100:02d}/{number:08d}" for number in range(count)]
    drive(server, presigned(server, "PUT", [f"/small/warm/{number}" for number in range(200)], BODY), CONNECTIONS)
    put = drive(server, presigned(server, "PUT", paths, BODY), CONNECTIONS, SECONDS)
    there = paths[: len(put.took)]
    return [("put", put), ("get", drive(server, presigned(server, "GET", there), CONNECTIONS, SECONDS))]


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
