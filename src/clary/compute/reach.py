"""The sockets that containers make, in folders of this machine that they can write to."""

import contextlib
import os
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
