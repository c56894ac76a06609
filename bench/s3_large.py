"""One object of 1 GiB up and down by boto3's TransferManager, against moto, SeaweedFS and a plain file copy."""

import os
import random
import shutil
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import servers
from bench.servers import Server
from bench.table import Section, number, publish

ROUNDS = 3
BLOCK = 8 << 20


@dataclass
class Transfers:
    """Of one server in one direction, a number a round."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # the server's, seconds
    peak: list[float] = field(default_factory=list)  # resident MiB


def run(mib: int = 1024) -> list[Section]:
    found: dict[tuple[str, str], Transfers] = {}
    with ExitStack() as stack:
        started = [stack.enter_context(start()) for start in (servers.clary, servers.seaweedfs, servers.moto)]
        source = _source(started[-1].folder, mib)  # removed with it
        for server in started:
            bucket = {"LocationConstraint": server.region}
            server.client("s3").create_bucket(Bucket="large", CreateBucketConfiguration=bucket)
        for _ in range(ROUNDS):
            for server in started:
                _transfer(server, source, found)
            _copy(source, found)
    rows = [_row(direction, name, each, found, mib) for (direction, name), each in sorted(found.items(), reverse=True)]
    text = (
        f"{mib:,} MiB by boto3's transfer manager with its defaults (parts of 8 MiB, ten threads, CRC32), the "
        f"median of {ROUNDS} rounds; the client takes most of the CPU, and downloads into memory. CPU in seconds of "
        "the server a GiB; peak is the server's resident memory. Goals: 1.8 x SeaweedFS up and 1.3 x down; CPU at "
        "most 4 s a GiB up, 0.8 s down."
    )
    head = ("", "server", "MiB/s", "CPU s/GiB", "peak MiB", "Clary is")
    return [Section("s3_large", "Large objects", text, head, rows)]


def _transfer(server: Server, source: Path, found: dict[tuple[str, str], Transfers]) -> None:
    s3 = server.client("s3")
    back = _back(source)
    directions: dict[str, Any] = {
        "up": lambda: s3.upload_file(str(source), "large", "object"),
        "down": lambda: s3.download_file("large", "object", str(back)),
    }
    for direction, transfer in directions.items():
        server.forget_peak()
        cpu, began = server.cpu(), time.perf_counter()
        transfer()
        took = found.setdefault((direction, server.name), Transfers())
        took.seconds.append(time.perf_counter() - began)
        took.cpu.append(server.cpu() - cpu)
        took.peak.append(server.memory_peak())
    if back.stat().st_size != source.stat().st_size:
        raise RuntimeError(f"{server.name} gave back {back.stat().st_size} bytes")
    back.unlink()
    s3.delete_object(Bucket="large", Key="object")


def _copy(source: Path, found: dict[tuple[str, str], Transfers]) -> None:
    """The limit: a file copied and synced, one process, no network."""
    target = source.with_suffix(".copy")
    for direction in ("up", "down"):
        cpu, began = time.process_time(), time.perf_counter()
        with source.open("rb") as reader, target.open("wb") as writer:
            shutil.copyfileobj(reader, writer, BLOCK)
            if direction == "up":
                os.fsync(writer.fileno())
        took = found.setdefault((direction, "limit"), Transfers())
        took.seconds.append(time.perf_counter() - began)
        took.cpu.append(time.process_time() - cpu)
        target.unlink()


def _row(
    direction: str, name: str, each: Transfers, found: dict[tuple[str, str], Transfers], mib: int
) -> tuple[str, ...]:
    seconds = statistics.median(each.seconds)
    ours = statistics.median(found[direction, "Clary"].seconds)
    cpu = number(statistics.median(each.cpu) * 1024 / mib)
    label = name if name != "limit" else "file copy with fsync" if direction == "up" else "file copy"
    peak = number(max(each.peak)) if each.peak else ""
    return direction, label, number(mib / seconds), cpu, peak, f"{number(seconds / ours)} x"


def _back(source: Path) -> Path:
    """Where downloads go: into memory where there is room, since else the client's disk is what is measured."""
    memory = Path("/dev/shm")  # noqa: S108 - by choice; the name is ours
    if memory.is_dir() and shutil.disk_usage(memory).free > 2 * source.stat().st_size:
        return memory / f"clary-bench-{os.getpid()}"
    return source.with_suffix(".back")


def _source(folder: Path, mib: int) -> Path:
    """A file of random bytes, the same in every run."""
    path = folder / "object"
    block = random.Random(1).randbytes(BLOCK)
    with path.open("wb") as file:
        for _ in range(0, mib << 20, BLOCK):
            file.write(block)
        file.truncate(mib << 20)
        os.fsync(file.fileno())
    return path


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
