"""The process that stays with one group: starts its instances, keeps the limits, stops them, notes how they ended.

Run by itself, by `python -I -S`, with its plan on standard input (group.py). It outlives who started it,
imports nothing of Clary's but kernel.py, stage.py and network.py, which group.py hands in beside it, and nothing that
takes long to import (pathlib, json, signal): so it is there in half the time, and takes about 10 MB.
What others see of it, in its own folder of the group:

- `lock`: a record lock that it holds as long as it lives;
- `started`: JSON: when the instances had started, their processes, and the plan's `note`; written once they all run;
- `ended-<i>`: JSON: how an instance ended, on the disk before anybody can hear of it;
- `control`: a FIFO that takes `stop <seconds of grace>`;
- `door`: where one gets a socket of the group's own network, if it has one;
- `steady`: a FIFO that it has open for writing until an instance fails or the last one ends.
"""
# ruff: noqa: PTH110, PTH123 - it imports no pathlib: see above

import _signal as signal  # type: ignore[import-not-found]  # typed as `signal`, which takes as long as Python itself
import fcntl
import marshal
import os
import resource
import select
import sys
import time

from clary.compute.kernel import (
    FULL,
    PIPE,
    adopt_orphans,
    counted,
    enlarge,
    executable,
    inherited,
    kill_children,
    kill_session,
    opened,
    read,
    save,
    saved,
    send,
    value,
    word,
    written,
)
from clary.compute.network import outside, wall
from clary.compute.stage import enter

DISK_EVERY = 2.0  # seconds between two looks at what was written; longer where a look itself takes long
ROOM_EVERY = 0.5  # seconds between two tries to write to a full disk
DISMISSED = 10.0  # seconds that instances have to end when those that lead are done
MUCH = 16 << 20  # bytes in its log after which one is looked at before it is time
STARTED = "started"
FIRST_TO_GO = "500"  # when the whole machine is out of memory, rather a job than who serves them all

TYPE_CHECKING = False  # `typing` too takes long to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
ENDS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class Failed(Exception):
    """An instance could not be started."""


class Instance:
    def __init__(self, plan: "dict[str, Any]", index: int) -> None:
        self.plan, self.index = plan, index
        self.first: int | None = None  # pidfd of the first process inside, with which all others there end
        self.program: int | None = None  # pidfd of what the launch named
        self.out_of_disk = False
        self.ended = False
        self.code = 0  # once it has ended
        self.dismissed = False
        self.said = b""
        self.held = b""  # what it said and a full disk did not take
        self.unseen = 0  # bytes that went into the log since the last look at the disk
        self.log = os.open(plan["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        # A pipe, as a container has: `> /dev/stdout` must neither fail nor empty the log.
        self.output, output = os.pipe()
        os.set_blocking(self.output, False)
        enlarge(output)
        self.status, told = os.pipe()
        self.started = time.time()
        self.pid = os.fork()
        if not self.pid:
            become(plan, told, output)
        os.close(told)
        os.close(output)
        self.descriptor = os.pidfd_open(self.pid)

    def settle(self) -> None:
        """Returns once the program runs, or has run already. Raises Failed if it never will."""
        if self.plan["options"] is None:
            self.program = self.descriptor
            if not os.read(self.status, 1):
                return  # closed by exec
            raise Failed(self.complaint())
        while b"}" not in self.said:
            more = os.read(self.status, 4096)
            if not more:
                raise Failed(self.complaint())
            self.said += more
        first = value(self.said, b"child-pid")
        self.first = opened(first)
        waits = select.poll()
        waits.register(self.descriptor, select.POLLIN)
        while True:
            children = read(f"/proc/{first}/task/{first}/children").split()
            if children:
                self.program = opened(int(children[0]))
                return
            if waits.poll(1):
                # bubblewrap reports an exit code only if it came to start the program.
                while more := os.read(self.status, 4096):
                    self.said += more
                if b"exit-code" in self.said:
                    return
                raise Failed(self.complaint())

    def complaint(self) -> str:
        waits = select.poll()
        waits.register(self.descriptor, select.POLLIN)
        waits.poll()
        return self.pump().decode(errors="replace").strip() or "it ended before the program began"

    def pump(self) -> bytes:
        """What it said since the last time goes into its log: all that a pipe holds, and no more, since one that never
        stops would keep this process from everything else.
        """
        said, left = b"", PIPE
        try:
            while left > 0 and (more := self.held or os.read(self.output, left)):
                said = self.held = more
                left -= len(more)
                while self.held:
                    self.held = self.held[os.write(self.log, self.held) :]
        except BlockingIOError:
            pass  # it says no more
        except OSError as error:
            if error.errno not in FULL:
                raise
        self.unseen += PIPE - left
        return said

    def terminate(self) -> None:
        if not self.ended:
            send(self.program, signal.SIGTERM)

    def dismiss(self) -> None:
        """Those that lead are done: it may go, however it ends."""
        self.dismissed = True
        self.terminate()

    def kill(self) -> None:
        if self.ended:
            return
        if self.plan["options"] is None:
            kill_session(self.pid)
        self.hurry()
        send(self.first, signal.SIGKILL)
        send(self.descriptor, signal.SIGKILL)

    def hurry(self) -> None:
        """Thousands of processes take minutes to die while they fork, swap, and have little cpu."""
        for path, text in self.plan["hurry"]:
            try:
                with open(path, "w") as file:
                    file.write(text)
            except OSError:
                continue  # a kernel without swap accounting lacks one

    def end(self, *, last: bool) -> int:
        """To be called when its process has ended. All that it started is gone when this returns."""
        _, status, used = os.wait4(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self.code = code = 128 - code if code < 0 else code
        if self.first is not None:
            self.hurry()  # bubblewrap itself may have been what memory ran out for
            send(self.first, signal.SIGKILL)
            waits = select.poll()
            waits.register(self.first, select.POLLIN)
            waits.poll()
        if self.plan["options"] is None:
            kill_session(self.pid)
            if last:
                kill_children()
        self.pump()
        while self.held:
            time.sleep(ROOM_EVERY)
            self.pump()
        self.pump()
        self.ended = True
        gauge = self.plan["gauge"]
        killed = counted(gauge["oom"])
        document = (
            f'{{"code": {code}, "started": {self.started}, "ended": {time.time()}, '
            f'"out_of_memory": {word(bool(killed and code))}, "out_of_disk": {word(self.out_of_disk)}, '
            f'"dismissed": {word(self.dismissed)}, '
            f'"cpu": {counted(gauge["cpu"]) * gauge["unit"] or used.ru_utime + used.ru_stime}}}'
        )
        while not saved(f"ended-{self.index}", document):
            time.sleep(ROOM_EVERY)
        return code

    def talkative(self) -> bool:
        """It may have said too much since the last look. Looks take long where there are many files."""
        disk: int = self.plan["disk"]
        return disk > 0 and self.unseen > max(MUCH, disk // 16)

    def look(self) -> None:
        """Kills it if it has written more than it may."""
        self.unseen = 0
        if self.plan["disk"] and not self.ended and written(self.plan["watched"]) > self.plan["disk"]:
            self.out_of_disk = True
            self.kill()


def become(plan: "dict[str, Any]", told: int, output: int) -> None:
    """In the new process, which becomes the instance: never returns."""
    try:
        os.setsid()
        for name in (*ENDS, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(name, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.fchown(output, plan["owner"], plan["owner"])  # so that the program may open /dev/stdout
        os.dup2(output, 1)
        os.dup2(output, 2)
        for procs in plan["cgroups"]:
            with open(procs, "w") as file:
                file.write("0")
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(FIRST_TO_GO)
        for what, most in plan["rlimits"]:
            hard = resource.getrlimit(what)[1]
            limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(what, (limit, limit))
        command = list(plan["command"])
        if plan["options"] is not None:
            # By a descriptor, since arguments show in `ps`, and the environment is among these.
            filtered = inherited("seccomp", plan["seccomp"])
            os.set_inheritable(told, True)
            options = [*plan["options"], "--json-status-fd", str(told), "--seccomp", str(filtered)]
            given = inherited("options", b"".join(os.fsencode(option) + b"\0" for option in options))
            command[1:1] = ["--args", str(given)]
        os.chdir(plan["cwd"])
        program = command[0] if plan["options"] is None else executable(command[0])
        if stage := plan.get("stage"):
            enter(stage["first"], stage["count"], stage["sources"])
        os.execve(program, command, plan["env"])  # noqa: S606 - never through a shell
    except BaseException as error:  # noqa: BLE001 - whatever it is, this process must not go on as the supervisor
        os.write(2, f"{error}\n".encode())
        if plan["options"] is None:
            os.write(told, b"!")
    finally:
        os._exit(126)


def take_lock() -> bool:
    """False if this group has been started before."""
    descriptor = os.open("lock", os.O_RDWR | os.O_CREAT, 0o600)
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if os.path.exists(STARTED):
                return False
            time.sleep(0.005)  # another one is about to start it
        else:
            return not os.path.exists(STARTED)


def begin(plan: "dict[str, Any]") -> list[Instance]:
    """All of the instances running, or none, and Failed."""
    instances: list[Instance] = []
    try:
        networks = list(dict.fromkeys(part["network"] for part in plan["instances"])) if plan["network"] else []
        relays = [outside(plan["ways"]) for _ in networks]
        for index, part in enumerate(plan["instances"]):
            if networks and (not index or part["network"] != plan["instances"][index - 1]["network"]):
                number = networks.index(part["network"])
                user = plan["user"] and not number  # the others lie in the first one's namespace of users
                wall(plan["ways"], relays[number], number, user=user)
            if part["options"] is None:
                adopt_orphans()
            instances.append(Instance(part, index))
        for instance in instances:
            instance.settle()
        moments, pids = [instance.started for instance in instances], [instance.pid for instance in instances]
        save(STARTED, f'{{"moments": {moments}, "pids": {pids}, "note": {plan["note"]}}}')
    except (Failed, OSError) as error:
        for instance in instances:
            instance.kill()
        for instance in instances:
            os.waitpid(instance.pid, 0)
        raise Failed(str(error)) from error
    return instances


def each(instances: list[Instance], what: "Callable[[Instance], None]") -> None:
    for instance in instances:
        what(instance)


def shortest_grace(control: int) -> float:
    """Of what was asked since the last look; a line comes whole, since it is shorter than PIPE_BUF."""
    return min(float(line.split()[1]) for line in os.read(control, 1 << 16).splitlines())


def hear(instance: Instance, event: int, waits: select.poll) -> None:
    instance.pump()
    if instance.held or not event & select.POLLIN:
        waits.unregister(instance.output)  # a full disk, or it is closed: nothing will come


def hear_again(waiting: list[Instance], waits: select.poll) -> None:
    """Those that said more than there was room for."""
    for instance in waiting:
        instance.pump()
        if not instance.held and not instance.ended:
            waits.register(instance.output, select.POLLIN)


def led(instances: list[Instance]) -> bool:
    """Whether all that lead have ended well."""
    return all(instance.ended and instance.code == 0 for instance in instances if instance.plan["leads"])


def watch(instances: list[Instance], control: int, steady: int) -> None:
    """Until the last instance has ended."""
    waits = select.poll()
    running = {instance.descriptor: instance for instance in instances}
    talking = {instance.output: instance for instance in instances}
    for descriptor in (control, *running, *talking):
        waits.register(descriptor, select.POLLIN)
    limited = any(instance.plan["disk"] for instance in instances)
    deadline: float | None = None
    done = False
    look = time.monotonic() + DISK_EVERY
    while running:
        waiting = [instance for instance in running.values() if instance.held]
        moments = ([look] if limited else []) + ([deadline] if deadline is not None else [])
        moments += [time.monotonic() + ROOM_EVERY] if waiting else []
        patience = max(0.0, min(moments) - time.monotonic()) * 1000 + 1 if moments else None
        for descriptor, event in waits.poll(patience):
            if descriptor in talking:
                hear(talking[descriptor], event, waits)
                continue
            if descriptor == control:
                until = time.monotonic() + shortest_grace(control)
                deadline = until if deadline is None else min(deadline, until)
                each(instances, lambda one: one.terminate())
                continue
            instance = running.pop(descriptor)
            waits.unregister(descriptor)
            if instance.end(last=not running) and not instance.dismissed and steady >= 0:
                os.close(steady)
                steady = -1
        if not done and led(instances):
            done = True
            until = time.monotonic() + DISMISSED
            deadline = until if deadline is None else min(deadline, until)
            each(list(running.values()), lambda one: one.dismiss())
        hear_again(waiting, waits)
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            deadline = None
            each(instances, lambda one: one.kill())
        if limited and (now >= look or any(instance.talkative() for instance in running.values())):
            each(instances, lambda one: one.look())
            look = time.monotonic() + max(DISK_EVERY, 20 * (time.monotonic() - now))


def supervise(plan: "dict[str, Any]") -> None:
    os.chdir(plan["folder"])
    if not take_lock():
        return
    for name in ("control", "steady"):
        if not os.path.exists(name):
            os.mkfifo(name, 0o600)
    control, steady = os.open("control", os.O_RDWR), os.open("steady", os.O_RDWR)
    instances = begin(plan)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # tells the one who started us
    watch(instances, control, steady)


def main() -> None:
    plan = marshal.load(sys.stdin.buffer)  # noqa: S302 - the parent, of this same Python, wrote it
    if os.fork():
        os._exit(0)  # the one who started us waits for this process; the other belongs to nobody
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)
    try:
        supervise(plan)
    except Failed as error:
        os.write(1, str(error).encode())


if __name__ == "__main__":
    main()
