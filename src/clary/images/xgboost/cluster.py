"""The instances of one training find each other, and xgboost's collective runs between those that have data.

The first host listens; the others tell it whether they have data; when all have, it starts xgboost's tracker and
answers who takes part. (The public container asks that by a first collective round: two start-ups instead of one. A
tracker cannot be tried for readiness: it takes what connects for a member.)
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .failures import AlgorithmError, UserError
from .packages import VERSION, package, xgboost
from .say import say

MEETING = 9099  # the public container's port (distributed.py)
PATIENCE = 15 * 60.0  # seconds for a host to appear: the public container's too
LEAVING = 10.0  # seconds for the others to tell the tracker that they have done
FIRST = (1, 5)  # whose package has a tracker


@contextmanager
def joined(hosts: list[str], host: str, has_data: bool) -> Iterator[bool | None]:
    """Whether this host is the master, which saves the model; None where it takes no part."""
    if VERSION < FIRST:
        raise UserError(
            f"xgboost {xgboost.__version__} brings no tracker for several instances. Please use one instance, or an "
            "image from 1.5-1 on."
        )
    address = _address(hosts[0])
    tracker = None
    if host == hosts[0]:
        members, port, tracker = _gather(address, hosts, has_data)
    else:
        members, port = _report(address, host, has_data)
    try:
        if not members:
            raise UserError("No hosts received training data.")
        if host not in members:
            yield None
        elif len(members) == 1:
            yield True
        else:
            with _member((address, port), members, host):
                yield host == members[0]
            if tracker is not None and VERSION < (2, 1):
                tracker.thread.join(LEAVING)
    finally:
        if tracker is not None:
            _end(tracker)


def _gather(address: str, hosts: list[str], has_data: bool) -> tuple[list[str], int, Any]:
    """What the first host does: those with data, the tracker for them, if there is anything to track, and its port."""
    told = {hosts[0]: has_data}
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.create_server((address, MEETING)))
        listener.settimeout(PATIENCE)
        streams = []
        while len(told) < len(hosts):
            try:
                connection = opened.enter_context(listener.accept()[0])
            except OSError as error:
                missing = ", ".join(name for name in hosts if name not in told)
                raise AlgorithmError(f"These instances did not appear: {missing} ({error})") from error
            stream = opened.enter_context(connection.makefile("rw"))
            message = json.loads(stream.readline() or "{}")
            if message.get("host") in hosts:
                told[message["host"]] = bool(message.get("has_data"))
                streams.append(stream)
        members = [name for name in hosts if told[name]]
        tracker, port = _tracker(address, len(members)) if len(members) > 1 else (None, 0)
        for stream in streams:
            stream.write(json.dumps([members, port]) + "\n")
            stream.flush()
    return members, port, tracker


def _report(address: str, host: str, has_data: bool) -> tuple[list[str], int]:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection((address, MEETING)) as connection, connection.makefile("rw") as stream:
                stream.write(json.dumps({"host": host, "has_data": has_data}) + "\n")
                stream.flush()
                members, port = json.loads(stream.readline())
                return list(members), int(port)
        except (OSError, ValueError) as error:
            if time.monotonic() > until:
                raise AlgorithmError(f"The first instance cannot be reached at {address}: {error}") from error
            time.sleep(0.05)


def _tracker(address: str, count: int) -> tuple[Any, int]:
    """At any free port: the others are told which."""
    make = package("xgboost.tracker").RabitTracker
    if VERSION < (1, 6):
        tracker = make(hostIP=address, nslave=count)
    else:
        tracker = make(host_ip=address, n_workers=count, sortby="task")
    if VERSION < (2, 1):
        tracker.start(count)
        port = tracker.port
    else:
        tracker.start()
        port = tracker.worker_args()["dmlc_tracker_port"]
    say(f"RabitTracker started on {address}:{port} for {count} hosts")
    return tracker, int(port)


def _end(tracker: Any) -> None:
    if VERSION < (2, 1):
        return  # a thread, gone with us: the others complained if it went before they had taken their leave
    with contextlib.suppress(Exception):  # a tracker whose members are gone has nothing more to say
        tracker.wait_for(timeout=5)
    with contextlib.suppress(Exception):
        tracker.free()


@contextmanager
def _member(tracker: tuple[str, int], members: list[str], host: str) -> Iterator[None]:
    task = f"{members.index(host):05d}"
    told = {
        "DMLC_NUM_WORKER": len(members),
        "DMLC_TRACKER_URI": tracker[0],
        "DMLC_TRACKER_PORT": tracker[1],
        "DMLC_TASK_ID": task,
    }
    if VERSION < (1, 7):
        xgboost.rabit.init([f"{name}={value}".encode() for name, value in told.items()])
        try:
            yield
        finally:
            xgboost.rabit.finalize()
        return
    if VERSION >= (2, 1):
        told = {name.lower(): value for name, value in told.items() if name != "DMLC_NUM_WORKER"}
    with xgboost.collective.CommunicatorContext(**told):
        yield


def _address(host: str) -> str:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.gethostbyname(host)
        except OSError as error:
            if time.monotonic() > until:
                raise AlgorithmError(f"Host {host} cannot be found: {error}") from error
            time.sleep(0.1)
