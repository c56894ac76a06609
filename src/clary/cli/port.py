"""Who listens on a TCP port of this machine, as far as this user may know."""

from contextlib import suppress
from pathlib import Path

LISTENING = "0A"  # https://docs.kernel.org/networking/proc_net_tcp.html


def holder(port: int) -> str | None:
    """`python3 (process 123)`; None where the system doesn't tell: no /proc, or another user's process."""
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listeners(table, port)}
    if not inodes:
        return None
    for process in Path("/proc").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            if process.name.isdigit() and _opened(process) & inodes:
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return None


def _listeners(table: str, port: int) -> list[str]:
    try:
        rows = [row.split() for row in Path("/proc/net", table).read_text().splitlines()[1:]]
    except OSError:
        return []
    return [row[9] for row in rows if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port]


def _opened(process: Path) -> set[str]:
    """What a process' descriptors point to."""
    try:
        return {str(descriptor.readlink()) for descriptor in (process / "fd").iterdir()}
    except OSError:  # it has ended, or it is another user's
        return set()
