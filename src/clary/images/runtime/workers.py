"""Several processes for a script's model: each asked for one answer at a time, started again when it dies or hangs.

Gunicorn does this in the public containers; its names and limits are kept: SAGEMAKER_MODEL_SERVER_WORKERS, and
SAGEMAKER_MODEL_SERVER_TIMEOUT, after which a worker that is not done is killed.
https://github.com/aws/sagemaker-containers/blob/master/src/sagemaker_containers/_server.py
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from .listening import PATIENCE

HALT = 3  # exit code of a worker that cannot load the model: none could
_LOOK = 1.0  # seconds between looks at who hangs
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}


class Turn:
    """A lock for the model, and since when somebody has it, for the process that looks after this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.since: Any = None
        self.slot = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        if self.since is not None:
            self.since[self.slot] = time.monotonic()

    def __exit__(self, *_error: object) -> None:
        if self.since is not None:
            self.since[self.slot] = 0.0
        self._lock.release()


TURN = Turn()  # one for a process: a script's code need not be safe for threads


class Workers:
    def __init__(self, count: int, timeout: float, run: Callable[[], object]) -> None:
        """`run` is what a worker does, until SIGTERM."""
        self._since = memoryview(mmap.mmap(-1, 8 * count)).cast("d")
        self._timeout = timeout
        self._run = run
        self._slots: dict[int, int] = {}  # by process id
        self._free = list(range(count))

    def supervise(self) -> int:
        """Until SIGTERM or SIGINT, or until a worker cannot load. The exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        while True:
            while self._free:
                self._start(self._free.pop())
            told = signal.sigtimedwait(_SIGNALS, _LOOK)
            if told is not None and told.si_signo != signal.SIGCHLD:
                self._end()
                return 0
            for slot, code in self._gone():
                if code == HALT:
                    self._end()
                    return 1
                self._free.append(slot)
            self._kill_hung()

    def _start(self, slot: int) -> None:
        self._since[slot] = 0.0
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._slots[pid] = slot
            return
        code = 1
        try:
            TURN.since, TURN.slot = self._since, slot
            self._run()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        except BaseException:  # noqa: BLE001 - nothing of the worker's may run on as its parent
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _gone(self) -> list[tuple[int, int]]:
        """Slot and exit code of those that have ended."""
        found = []
        while self._slots:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            if pid in self._slots:
                code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
                print(f"Worker (pid:{pid}) has ended with {code}", file=sys.stderr, flush=True)
                found.append((self._slots.pop(pid), code))
        if found:
            time.sleep(0.1)  # a worker that dies at once shall not take the whole processor
        return found

    def _kill_hung(self) -> None:
        now = time.monotonic()
        for pid, slot in self._slots.items():
            since = self._since[slot]
            if self._timeout and since and now - since > self._timeout:
                print(f"[CRITICAL] WORKER TIMEOUT (pid:{pid})", file=sys.stderr, flush=True)
                self._since[slot] = 0.0
                os.kill(pid, signal.SIGKILL)

    def _end(self) -> None:
        for pid in self._slots:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE + 1
        while self._slots and time.monotonic() < deadline:
            signal.sigtimedwait({signal.SIGCHLD}, 0.2)
            self._gone()
        for pid in self._slots:
            os.kill(pid, signal.SIGKILL)


def unblocked() -> None:
    """In a worker: signals are its own again."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
