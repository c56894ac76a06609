"""The process that stays with one group of containers: what supervisor.py is to bubblewrap's, and by the same files.

It starts the containers, writes down what they say, holds them to their disk, stops and dismisses them, and notes how
they ended. Unlike a supervisor it may end: containers are the engine's, and what they say waits in FIFOs as long as
they run. The next one goes on from what is on the disk, and from what the engine says. Its folder is its argument:

- `plan`: JSON: the engine's address, the names of the group's containers and networks, and what is to be watched;
- `own-<i>/output`: a FIFO: what a container says.
"""

import ctypes
import fcntl
import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from clary.compute import cgroup, limits, supervisor
from clary.compute.engine import Engine, answers
from clary.compute.kernel import counted, enlarge, save, saved
from clary.compute.network import gates, outside
from clary.compute.supervisor import ROOM_EVERY, STARTED, Failed
from clary.errors import ClaryError

GLANCE = 0.01  # seconds between two looks at a container that is about to be gone
AGAIN = 1.0  # seconds between two tries to reach an engine that is gone
REMOVED = 128 + signal.SIGKILL  # a container that somebody removed by force
BOOT = "/proc/sys/kernel/random/boot_id"


class Contained(supervisor.Instance):
    def __init__(self, plan: dict[str, Any], index: int, engine: Engine) -> None:
        self.plan, self.index, self.engine = plan, index, engine
        self.first = self.program = None
        self.out_of_disk = self.ended = self.dismissed = False
        self.code, self.unseen = 0, 0
        self.said = self.held = b""
        self.log = os.open(plan["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.output = -1
        self.pid, self.descriptor = 0, -1
        self.gauge, self.cpu = limits.NO_GAUGE, 0.0
        self.noted = noted(index)
        self.started = time.time()

    def start(self) -> None:
        """May be called in a thread of its own."""
        with answers():
            Engine(self.engine.address).api.start(self.plan["container"])

    def hear(self) -> None:
        """Its program begins, if it has not (contained.py)."""
        self.output = os.open(f"own-{self.index}/output", os.O_RDWR | os.O_NONBLOCK)
        enlarge(self.output)
        self.started = time.time()

    def settle(self) -> None:
        """Finds its first process, with which all others of it end."""
        state = self._state()
        if state.get("Running"):
            try:
                self.descriptor = os.pidfd_open(int(state["Pid"]))
            except ProcessLookupError:
                pass
            else:
                again = self._state()
                if again.get("Running") and again["Pid"] == state["Pid"]:  # so it is that process, not a later one
                    self.pid = int(state["Pid"])
                    self.gauge = cgroup.gauge(self.pid) or limits.NO_GAUGE
                    return
        self.descriptor, closed = os.pipe()
        os.close(closed)  # it has ended: what watches this is told at once

    def _state(self) -> dict[str, Any]:
        """Of the engine, for which this waits: the container may run without it. Empty, if there is none."""
        while True:
            try:
                found = self.engine.state(self.plan["container"])
            except ClaryError:
                time.sleep(AGAIN)
                continue
            return {} if found is None else dict(found["State"])

    def _kill(self, name: str) -> None:
        self._count()  # what it has used by now is known, whenever this process hears of its end
        try:
            self.engine.kill(self.plan["container"], name)
        except ClaryError as error:
            os.write(2, f"{error}\n".encode())

    def terminate(self) -> None:
        if not self.ended:
            self._kill("SIGTERM")

    def kill(self) -> None:
        if not self.ended:
            self._kill("SIGKILL")

    def look(self) -> None:
        self._count()
        super().look()

    def _count(self) -> None:
        self.cpu = counted(self.gauge["cpu"]) * float(self.gauge["unit"]) or self.cpu

    def end(self, *, last: bool) -> int:  # noqa: ARG002 - there is nothing here that goes with the last
        if self.noted:
            self.ended, self.code, self.dismissed = True, self.noted["code"], self.noted["dismissed"]
            return self.code
        self._count()  # at once: the engine is about to remove its control group
        killed = counted(self.gauge["oom"])
        while (state := self._state()) and state.get("Running"):
            time.sleep(GLANCE)
        self.code = int(state["ExitCode"]) if state else REMOVED
        self.pump()
        while self.held:
            time.sleep(ROOM_EVERY)
            self.pump()
        self.pump()
        os.close(self.log)  # before anybody hears that it has ended, and would take the log's disk away
        self.ended = True
        document = {
            "code": self.code,
            "started": self.started,
            "ended": time.time(),
            "out_of_memory": bool((killed or state.get("OOMKilled")) and self.code),
            "out_of_disk": self.out_of_disk,
            "dismissed": self.dismissed,
            "cpu": self.cpu,
        }
        while not saved(f"ended-{self.index}", json.dumps(document)):
            time.sleep(ROOM_EVERY)
        return self.code


def noted(index: int) -> dict[str, Any]:
    found = _read(f"ended-{index}")
    return found if isinstance(found, dict) else {}


def _read(name: str) -> Any:
    try:
        with open(name) as file:  # noqa: PTH123 - in this process's own folder
            return json.load(file)
    except FileNotFoundError:
        return None


def begin(instances: list[Contained], plan: dict[str, Any]) -> None:
    """All of them running, or none, and Failed."""
    try:
        with ThreadPoolExecutor(len(instances)) as threads:  # an engine takes a third of a second for each
            for started in [threads.submit(instance.start) for instance in instances]:
                started.result()
        for instance in instances:
            instance.settle()  # while its program waits: one that is over at once has been measured, too
        for instance in instances:
            instance.hear()
        usage = [{"gauge": each.gauge, "watched": each.plan["watched"]} for each in instances]
        document = {
            "moments": [each.started for each in instances],
            "pids": [each.pid for each in instances],
            "note": {"usage": usage, "boot": plan["boot"]},
        }
        save(STARTED, json.dumps(document))
    except (ClaryError, OSError) as error:
        for instance in instances:
            instance.kill()
        raise Failed(str(error)) from error


def resume(instances: list[Contained], started: dict[str, Any]) -> None:
    """What ended while nobody looked ended as those that had to be told to, if those that lead were done."""
    for instance, moment in zip(instances, started["moments"], strict=True):
        instance.hear()
        instance.started = moment
        instance.settle()
    done = all(each.noted and each.noted["code"] == 0 for each in instances if each.plan["leads"])
    for instance in instances:
        instance.dismissed = done and not instance.plan["leads"]


def enter(pid: int, *, user: bool) -> None:
    """This process is in the network of that one. `user`: of an engine that is an ordinary user's."""
    libc = ctypes.CDLL(None, use_errno=True)
    spaces = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in (("user", "net") if user else ("net",))]
    for space in spaces:
        if libc.setns(space, 0):
            raise OSError(
                ctypes.get_errno(), f"the network of the group cannot be entered: {os.strerror(ctypes.get_errno())}"
            )
        os.close(space)


def connect(plan: dict[str, Any], engine: Engine) -> None:
    """The group's networks have their ways and the door. Raises Failed."""
    relays = [outside(plan["ways"]) for _ in plan["networks"]]
    try:
        for number, name in enumerate(plan["networks"]):
            with answers():
                engine.api.start(name)  # nothing, if it runs
            state = engine.state(name) or {"State": {"Pid": 0}}
            enter(state["State"]["Pid"], user=plan["rootless"])
            gates(plan["ways"], relays[number], number)
    except (ClaryError, OSError) as error:
        raise Failed(str(error)) from error


def alone() -> bool:
    """False if somebody else keeps this group."""
    descriptor = os.open("lock", os.O_RDWR | os.O_CREAT, 0o600)
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if os.path.exists(STARTED):  # noqa: PTH110 - in this process's own folder
                return False
            time.sleep(GLANCE)  # somebody is about to start it
        else:
            return True


def keep() -> None:
    if not alone():
        return
    plan = _read("plan")
    for name in ("control", "steady"):
        if not os.path.exists(name):  # noqa: PTH110 - likewise
            os.mkfifo(name, 0o600)
    control, steady = os.open("control", os.O_RDWR), os.open("steady", os.O_RDWR)
    engine = Engine(plan["engine"])
    connect(plan, engine)
    instances = [Contained(part, index, engine) for index, part in enumerate(plan["instances"])]
    started = _read(STARTED)
    if started is None:
        begin(instances, plan)
    else:
        resume(instances, started)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # tells the one who started us
    supervisor.watch(list(instances), control, steady)
    for name in plan["networks"]:
        engine.kill(name, "SIGKILL")


def main() -> None:
    os.chdir(sys.argv[1])
    if os.fork():
        os._exit(0)  # the one who started us waits for this process; the other belongs to nobody
    for number in supervisor.ENDS:
        signal.signal(number, signal.SIG_IGN)
    try:
        keep()
    except (Failed, ClaryError) as error:
        os.write(1, str(error).encode())


if __name__ == "__main__":
    main()
