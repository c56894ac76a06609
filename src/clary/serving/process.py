"""The data plane as a process: its sockets, its lock, its clocks, until it is told to stop."""

import asyncio
import contextlib
import fcntl
import gc
import json
import logging
import os
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from clary.errors import ConfigError, HomeBusy, PortInUse
from clary.serving.app import Plane
from clary.serving.server import Connection

log = logging.getLogger(__name__)
INHERITED = 3  # the descriptor of the listening socket, if whoever started this process has bound it
BACKLOG = 1024
POLL = 0.02  # seconds between two looks at whether the tables have changed
TICK = 0.25
GAUGE = 10.0
DRAIN = 10.0  # seconds that what runs is given when the process is told to stop


def acquire(folder: Path) -> None:
    """The lock of the home's data plane, until this process ends. Raises HomeBusy."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise HomeBusy(f"a data plane already runs on {folder.parent}") from error
    (folder / "plane.json").unlink(missing_ok=True)  # of one that was killed: its process id may be another's now


def listener(host: str, port: int) -> socket.socket:
    """The inherited socket; else one of our own. Raises PortInUse and ConfigError."""
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(os.fstat(INHERITED).st_mode):
            inherited = socket.socket(fileno=INHERITED)
            if inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return inherited
            inherited.detach()
    try:
        made = socket.create_server((host, port), backlog=BACKLOG, family=_family(host))
    except OSError as error:
        if isinstance(error, socket.gaierror):
            raise ConfigError(f"host: {host!r} is no address of this machine ({error.strerror})") from error
        raise PortInUse(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return made


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def run(build: Callable[[], Plane], bound: socket.socket) -> None:
    """Until SIGINT or SIGTERM. `build` is called on the event loop."""
    uvloop.run(_serve(build, bound))


async def _serve(build: Callable[[], Plane], bound: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    plane = build()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    path = plane.home / "inside.sock"
    inner = await loop.create_unix_server(lambda: Connection(plane, inside=True), sock=_inside(path))
    outer = await loop.create_server(lambda: Connection(plane), sock=bound, backlog=BACKLOG)
    _announce(plane, bound)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    clocks = [
        loop.create_task(_every(POLL, plane.refresh)),
        loop.create_task(_every(TICK, plane.tick)),
        loop.create_task(_every(GAUGE, plane.gauge)),
    ]
    await stopped.wait()
    plane.stopping = True
    outer.close()
    inner.close()
    await _drain(plane)
    for clock in clocks:
        clock.cancel()
    plane.close()
    (plane.home / "plane.json").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _inside(path: Path) -> socket.socket:
    """Bound to this path by way of its folder's handle: of a home that lies deep it would be too long by itself."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        made.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
    path.chmod(0o600)
    return made


async def _every(seconds: float, work: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            work()
        except Exception:
            log.exception("%s", work)


async def _drain(plane: Plane) -> None:
    """What runs is answered; connections that only wait are closed."""
    deadline = time.monotonic() + DRAIN
    while plane.connections and time.monotonic() < deadline:
        for connection in [each for each in plane.connections if not each.busy]:
            connection.transport.close()
        await asyncio.sleep(0.01)


def _announce(plane: Plane, bound: socket.socket) -> None:
    """HOME/serving/plane.json: whole, or not there."""
    fresh = plane.home / "plane.new"
    told = {"pid": os.getpid(), "port": bound.getsockname()[1], "started": time.time()}
    fresh.write_text(json.dumps(told) + "\n")
    fresh.replace(plane.home / "plane.json")
