"""The model server: loads, listens, answers, and ends when it is told to."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from . import channel, listening, logs, models, told, web
from .application import Application
from .multimodel import MultiModel
from .told import Told
from .workers import HALT, TURN, Workers, unblocked

APART = "CLARY_SERVING_APART"  # each worker loads the model: this process would leave them threads that are not theirs


def serve(image: str) -> int:
    """Until SIGTERM or SIGINT. The exit code: 1 when there is no model to serve."""
    logs.begin()
    here = Told(image)
    if any(entry.log for entry in here.entries):
        logs.several([entry.log for entry in here.entries])
    scripted = any(models.serving(entry.image).scripted(entry.environ) for entry in here.entries)
    told.LEAN = not scripted
    several = scripted or bool(here.entries[0].environ.get("SAGEMAKER_BATCH"))  # whose large bodies take long to read
    told.CPUS = 1 if several else here.workers
    if here.multi or not several:
        application = _loaded(here)
        return 1 if application is None else _run(application, _bound(here))
    if os.environ.get(APART):
        bound = _bound(here)
        return _workers(here, lambda: _run(_loaded(here) or sys.exit(HALT), bound))
    shared = _loaded(here)
    if shared is None:
        return 1
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        environ = {**here.environ, APART: "1"}
        os.execve(sys.executable, [sys.executable, *sys.argv], environ)  # noqa: S606 - it takes our place
    gc.freeze()
    bound = _bound(here)
    return _workers(here, lambda: _run(shared, bound))


def _loaded(here: Told) -> Application | None:
    try:
        if here.multi:
            return MultiModel(here.entries[0], here.workers, here.largest)
        return Application(models.load(here.entries), here.workers, here.largest)
    except Exception as error:  # noqa: BLE001 - whatever it is, the log says it
        traceback.print_exc()
        logs.turn(0)
        said = " ".join(str(error).split())  # one line: the last one is what a FailureReason tells
        print(f"The model cannot be loaded. {type(error).__name__}: {said}", file=sys.stderr, flush=True)
        return None


def _bound(here: Told) -> list[socket.socket]:
    """That of frames, if there is one, and HTTP's. Nobody listens yet."""
    sockets = [listening.tcp(here.host, here.port)] if here.web else []
    return [listening.unix(here.socket), *sockets] if here.socket else sockets


def _workers(here: Told, run: Callable[[], object]) -> int:
    environ = here.entries[0].environ
    count = int(environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or here.workers)
    timeout = float(environ.get("SAGEMAKER_MODEL_SERVER_TIMEOUT") or 60)
    return Workers(max(count, 1), timeout, run).supervise()


def _run(application: Application, bound: list[socket.socket]) -> int:
    server = listening.Server(application, shared=len(TURN.since or ()) > 1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: server.stop())
    unblocked()
    for place in bound:  # HTTP last: who is answered there finds all there is
        server.listen(place, channel.serve if place.family == socket.AF_UNIX else web.serve)
    print("The model server is ready.", flush=True)
    server.wait()
    application.close()
    return 0
