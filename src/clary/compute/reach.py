"""The sockets that containers make, in folders of this machine that they can write to."""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator


@contextlib.contextmanager
def reached(path: str) -> Iterator[str]:
    """Where to connect to it now: the socket itself by its handle, never what a symbolic link there leads to, which may
    be a socket that is not for the container. That path is short, too; `path` may be longer than the 107 bytes that
    unix(7) has for one. Raises OSError.
    """
    handle = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(handle).st_mode):
            raise OSError(f"{path} is no socket")
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def inside(door: str, host: str, port: int, timeout: float) -> socket.socket:
    """Connected, in the network that the door (driver.py) leads to; in this machine's where there is no such door.
    Raises OSError.
    """
    if not door or not os.path.lexists(door):
        return socket.create_connection((host, port), timeout)
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(timeout)
        with reached(door) as place:
            asking.connect(place)
        _, found, _, _ = socket.recv_fds(asking, 1, 1)
    if not found:
        raise OSError("its network is closing")
    made = socket.socket(fileno=found[0])
    try:
        made.settimeout(timeout)
        made.connect((host, port))
    except OSError:
        made.close()
        raise
    return made
