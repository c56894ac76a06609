"""A metastore for the job that it is in: `python -m ...server FD`, where FD is a socket that listens on loopback.

It acts with the job's credentials, and loopback is shared with other jobs. So it answers only to sockets of processes
that it sees, and those are its own container's. It ends with its standard input.
"""

import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from .calls import Catalog
from .shapes import META, METHODS, STRUCTS, Refused
from .thrift import INTERNAL_ERROR, UNKNOWN_METHOD, Malformed, Reader, Writer

ERRORS = {**STRUCTS, **{name: STRUCTS["Error"] for method in METHODS.values() for name in method.errors}}
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
PROC = Path("/proc")


def serve(listener: socket.socket, catalog: Catalog) -> None:
    """Until the listener is closed."""
    while True:
        try:
            connection, peer = listener.accept()
        except OSError:
            return
        threading.Thread(target=_talk, args=(connection, peer, catalog), daemon=True).start()


def _talk(connection: socket.socket, peer: tuple[str, int], catalog: Catalog) -> None:
    with connection, connection.makefile("rb") as source:
        if not ours(peer, connection.getsockname()):
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def read(size: int) -> bytes:
            data = source.read(size)
            if len(data) < size:
                raise EOFError
            return data

        try:
            while True:
                connection.sendall(answer(Reader(read, STRUCTS), catalog))
        except (EOFError, OSError):
            return
        except Malformed as error:
            print(f"the metastore hangs up: {error}", file=sys.stderr)


def answer(reader: Reader, catalog: Catalog) -> bytes:
    """One call's. Raises EOFError and Malformed."""
    name, number = reader.begin()
    if name == "shutdown":  # it goes, and waits for no answer
        raise EOFError
    method = METHODS.get(name)
    writer = Writer(ERRORS)
    if method is None:
        reader.arguments(())
        return writer.fault(name, number, UNKNOWN_METHOD, f"Clary's Data Catalog does not have {name} for Hive")
    arguments = reader.arguments(method.takes)
    try:
        result = catalog.call(name, arguments)
    except Refused as error:
        kind = error.kind if error.kind in method.errors else META
        if kind in method.errors:
            return writer.reply(name, number, method.errors[kind], kind, {"message": str(error)})
        return writer.fault(name, number, INTERNAL_ERROR, str(error))
    return writer.reply(name, number, 0, method.gives, result)


def ours(peer: tuple[str, int], own: tuple[str, int]) -> bool:
    """Whether the other end of a connection is held by a process of this container."""
    names = {f"socket:[{inode}]" for inode in _inodes(_word(peer), _word(own))}
    return bool(names) and any(_holds(process, names) for process in PROC.iterdir() if process.name.isdecimal())


def _word(place: tuple[str, int]) -> str:
    """As /proc/net/tcp has an address: https://man7.org/linux/man-pages/man5/proc_net.5.html"""
    return f"{int.from_bytes(socket.inet_aton(place[0]), sys.byteorder):08X}:{place[1]:04X}"


def _inodes(local: str, remote: str) -> list[str]:
    """Of the sockets that are connected so; tcp6 has them as ::ffff:127.0.0.1."""
    found = []
    for table in TABLES:
        if table.exists():
            lines = (line.split() for line in table.read_text().splitlines()[1:])
            found += [words[9] for words in lines if words[1].endswith(local) and words[2].endswith(remote)]
    return [inode for inode in found if inode != "0"]


def _holds(process: Path, names: set[str]) -> bool:
    try:
        with os.scandir(process / "fd") as entries:
            return any(str(Path(entry.path).readlink()) in names for entry in entries)
    except OSError:  # it has ended, or is somebody else's
        return False


def clients() -> tuple[Any, Any]:
    import boto3  # noqa: PLC0415 - takes 0.2 s, while which the JVM can connect already

    return boto3.client("glue"), boto3.client("s3")


def main() -> None:
    listener = socket.socket(fileno=int(sys.argv[1]))
    listener.setblocking(True)
    threading.Thread(target=serve, args=(listener, Catalog(*clients())), daemon=True).start()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
