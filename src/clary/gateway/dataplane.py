"""The data plane's process, as the main one keeps it: python -m clary.plane.

Its port is bound here and handed on, so that no caller finds it closed: the process is started when the first knocks,
or when there is an endpoint, and again when it ends. It goes on while the main process is away, and the next one takes
it over.
"""

import contextlib
import fcntl
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clary.config import Config
from clary.errors import ClaryError

log = logging.getLogger(__name__)

INHERITED = 3  # the descriptor at which it finds its socket
PAUSE = 1.0  # seconds between two starts, if one ends at once
STOPPED_WITHIN = 15.0  # seconds: it answers what it was asked, then ends
READY_WITHIN = 10.0  # seconds, until one whose lock is held says where it listens
GLANCE = 0.02  # seconds


class DataPlane:
    def __init__(self, config: Config, bind: Callable[[int], socket.socket]) -> None:
        """`bind` gives the listening socket, at a port that it is told, or for 0 chooses. Raises what that raises."""
        self._home, self._bind = config.home, bind
        self._folder = config.home / "serving"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._listener: socket.socket | None = None
        self._process = -1  # pidfd
        self._needed = self._closing = False
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._thread = threading.Thread(target=self._run, name="data-plane", daemon=True)
        self.port = self._adopt()
        if not self.port:
            self._listener = bind(0)
            self.port = self._listener.getsockname()[1]

    def start(self) -> None:
        self._thread.start()

    def need(self) -> None:
        """There is an endpoint: whoever calls it first should not wait for the process."""
        if not self._needed:
            self._needed = True
            self._rouse()

    def close(self) -> None:
        """Ends the process."""
        self._closing = True
        self._rouse()
        if self._thread.is_alive():
            self._thread.join()
        if self._process >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGTERM)
            if not _ended(self._process, STOPPED_WITHIN):
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._process, signal.SIGKILL)
            self._bury()
        if self._listener is not None:
            self._listener.close()
        os.close(self._wake)
        os.close(self._woken)

    def _rouse(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake, b".")

    def _run(self) -> None:
        while not self._closing:
            try:
                if self._process >= 0:
                    self._watch()
                elif self._knocked():
                    self._launch()
            except (OSError, ClaryError):
                log.exception("the data plane cannot be started; it is tried again")
                self._wait([], PAUSE)

    def _watch(self) -> None:
        """Until it ends."""
        began = time.monotonic()
        while not self._closing and self._process not in self._wait([self._process]):
            pass
        if not self._closing:
            log.warning("the data plane has ended; it is started again")
            self._bury()
            self._wait([], max(0.0, PAUSE - (time.monotonic() - began)))

    def _knocked(self) -> bool:
        """Waits for a reason to start it; whether there is one."""
        if self._listener is None:
            self._listener = self._bind(self.port)  # that of the one before it, which callers know
        if not self._needed and self._listener.fileno() in self._wait([self._listener.fileno()]):
            self._needed = True
        return self._needed and not self._closing

    def _wait(self, descriptors: list[int], seconds: float | None = None) -> list[int]:
        """Those that are ready, or nothing if we are woken or it takes too long."""
        ready = _ready([*descriptors, self._woken], seconds)
        if self._woken in ready:
            os.read(self._woken, 4096)
        return [each for each in ready if each != self._woken]

    def _launch(self) -> None:
        assert self._listener is not None
        log_file = self._home / "logs" / "serving.log"
        said = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", "clary.plane", str(self._home)],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, said, 1),
                    (os.POSIX_SPAWN_DUP2, said, 2),
                    (os.POSIX_SPAWN_DUP2, self._listener.fileno(), INHERITED),
                ],
                setsid=True,
            )
        finally:
            os.close(said)
        self._process = os.pidfd_open(pid)

    def _bury(self) -> None:
        with contextlib.suppress(ChildProcessError):  # one that we took over is nobody's child
            os.waitid(os.P_PIDFD, self._process, os.WEXITED | os.WNOHANG)
        os.close(self._process)
        self._process = -1

    def _adopt(self) -> int:
        """The port of one that a dead main process left; 0 if there is none."""
        deadline = time.monotonic() + READY_WITHIN
        while _locked(self._folder / "lock") and time.monotonic() < deadline:
            told = _told(self._folder / "plane.json")
            with contextlib.suppress(ProcessLookupError, KeyError):
                self._process = os.pidfd_open(told["pid"])
                return int(told["port"])
            time.sleep(GLANCE)
        return 0


def _ended(process: int, seconds: float) -> bool:
    return bool(_ready([process], seconds))


def _ready(descriptors: list[int], seconds: float | None) -> list[int]:
    """Those that can be read. By poll, since select knows none beyond 1024, and many endpoints have many files open."""
    poll = select.poll()
    for each in descriptors:
        poll.register(each, select.POLLIN)
    return [each for each, _ in poll.poll(None if seconds is None else seconds * 1000)]


def _locked(path: Path) -> bool:
    """Whether a process holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _told(path: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return told
