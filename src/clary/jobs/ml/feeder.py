"""Fills the FIFOs of Pipe channels: a process of its own, so that it outlives whoever started it. Imports nothing of
ours; started as `python -I -S feeder.py PLAN`, and ends once the plan's file is gone.

/opt/ml/input/data/<channel>_<epoch>: an epoch's FIFO is there before its reader comes, and the next one's is once that
reader has come. A reader that closes early ends its epoch.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html

The plan is JSON: {"data": the folder of the FIFOs, "channels": [channel, ...]}, where a channel is
{"name", "seed" or null, "records": [[piece, ...], ...]}.
What is shuffled are records. A piece is {"path": file, "gzip": bool, "wrap": bool} or {"text": str, "wrap": bool}; with
"wrap", the whole piece is one RecordIO record.

The job's user may write to the folder of the FIFOs: one is opened through that folder's own handle, never through a
link, and only if it is one.
"""

import errno
import gzip
import json
import os
import random
import signal
import stat
import struct
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

MAGIC = 0xCED7230A  # https://mxnet.apache.org/versions/1.9.1/api/architecture/note_data_loading#data-format
LONGEST = (1 << 29) - 1  # bytes of a RecordIO record: its length has 29 bits
PIECE = 1 << 20
PAUSE = 0.01  # seconds between two looks for a reader
ALIVE = 0.5  # seconds between two looks at the plan


def main(plan_file: Path) -> None:
    plan = json.loads(plan_file.read_bytes())
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.umask(0)
    folder = os.open(plan["data"], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    for channel in plan["channels"]:
        make(folder, f"{channel['name']}_0")
    print("ready", flush=True)
    for channel in plan["channels"]:
        threading.Thread(target=feed, args=(folder, channel), daemon=True).start()
    while plan_file.exists():
        time.sleep(ALIVE)


def feed(folder: int, channel: dict[str, Any]) -> None:
    epoch = 0
    while True:
        name = f"{channel['name']}_{epoch}"
        make(folder, name)
        fifo = wait_for_reader(folder, name)
        make(folder, f"{channel['name']}_{epoch + 1}")
        try:
            pour(fifo, ordered(channel["records"], channel["seed"], epoch))
        except (OSError, EOFError) as error:
            if getattr(error, "errno", None) != errno.EPIPE:
                print(f"channel {channel['name']}: {error}", file=sys.stderr, flush=True)
        finally:
            os.close(fifo)
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
        epoch += 1


def make(folder: int, name: str) -> None:
    with suppress(FileExistsError):
        os.mkfifo(name, 0o666, dir_fd=folder)


def wait_for_reader(folder: int, name: str) -> int:
    """The FIFO, open for writing, once somebody reads it."""
    while True:
        with suppress(OSError):  # nobody reads it yet, or the job has put something else there
            fifo = os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=folder)
            if stat.S_ISFIFO(os.fstat(fifo).st_mode):
                os.set_blocking(fifo, True)
                return fifo
            os.close(fifo)
        time.sleep(PAUSE)


def ordered(records: list[Any], seed: int | None, epoch: int) -> list[Any]:
    """Another order each epoch, the same for the same seed.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ShuffleConfig.html
    """
    if seed is None:
        return records
    mixed = list(records)
    random.Random(f"{seed}/{epoch}").shuffle(mixed)  # noqa: S311 - no secret
    return mixed


def pour(fifo: int, records: Iterable[list[dict[str, Any]]]) -> None:
    for record in records:
        for piece in record:
            if "text" in piece:
                data = piece["text"].encode()
                write(fifo, framed(data) if piece["wrap"] else data)
                continue
            with opened(piece) as file:
                if piece["wrap"]:
                    write(fifo, framed(file.read()))
                while data := file.read(PIECE):
                    write(fifo, data)


def opened(piece: dict[str, Any]) -> IO[bytes]:
    path = Path(piece["path"])
    return cast("IO[bytes]", gzip.open(path)) if piece["gzip"] else path.open("rb")


def framed(data: bytes) -> bytes:
    """One RecordIO record. Raises OSError for one that is too long."""
    if len(data) > LONGEST:
        raise OSError(errno.EFBIG, f"{len(data)} bytes are too many for one RecordIO record")
    return struct.pack("<II", MAGIC, len(data)) + data + b"\0" * (-len(data) % 4)


def write(fifo: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fifo, view) :]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
