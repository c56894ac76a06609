"""The process that stays with one group: starts its instances, keeps the limits, stops them, writes down how they ended.

Run by itself, as `python -I -S supervisor.py`, with its plan (JSON, see group.py) on standard input: it imports nothing
of Clary's, takes about 10 MB, and outlives who started it. What the others see of it, in the group's own folder:

- `lock`: a record lock that it holds as long as it lives;
- `started`: the moments when the instances had started, and what a release has to undo; written once;
- `ended-<i>`: how an instance ended, flushed before anybody can hear of it;
- `control`: a FIFO that takes `stop <seconds of grace>`;
- `steady`: a FIFO that it has open for writing until an instance fails or the last one ends.
"""

import fcntl
import json
import os
import resource
import select
import signal
import sys
import time

DISK_EVERY = 2.0  # seconds between two looks at what was written; longer where a look itself takes long
BLOCK = 512  # st_blocks are that long, whatever the file system: https://man7.org/linux/man-pages/man3/stat.3type.html


class Failed(Exception):
    """An instance could not be started."""


def save(folder, name, document):
    """Whole and on the disk, or not there at all."""
    path = os.path.join(folder, name)
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(descriptor, json.dumps(document).encode())
    os.fsync(descriptor)
    os.close(descriptor)
    os.rename(path + ".new", path)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def number(path, key):
    """The number behind `key` in a file of the kernel's, or the whole file if there is no key."""
    words = read(path).split()
    if not key:
        return int(words[0]) if words else 0
    return int(words[words.index(key) + 1]) if key in words else 0


def written(paths):
    """Bytes on the disk below them."""
    total, left = 0, list(paths)
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    try:
                        total += entry.stat(follow_symlinks=False).st_blocks * BLOCK
                    except OSError:
                        continue  # gone meanwhile
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
        except OSError:
            continue  # likewise
    return total


class Instance:
    def __init__(self, plan, index):
        self.plan, self.index = plan, index
        self.first = None  # pidfd of the first process of the sandbox, with which all others end
        self.program = None  # pidfd of what the launch named
        self.out_of_disk = False
        self.ended = False
        self.log_size = os.stat(plan["log"]).st_size if os.path.exists(plan["log"]) else 0
        status, told = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            self.become(told)
        os.close(told)
        self.status = status
        self.said = b""
        self.started = time.time()
        self.descriptor = os.pidfd_open(self.pid)

    def become(self, told):
        """In the new process: never returns."""
        try:
            plan = self.plan
            os.setsid()
            for number_ in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
                signal.signal(number_, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            log = os.open(plan["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            for procs in plan["cgroups"]:
                with open(procs, "w") as file:
                    file.write("0")
            for what, most in plan["rlimits"]:
                hard = resource.getrlimit(what)[1]
                most = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.setrlimit(what, (most, most))
            command = list(plan["command"])
            if plan["options"] is not None:
                options = list(plan["options"])
                os.set_inheritable(told, True)
                options += ["--json-status-fd", str(told)]
                if plan["seccomp"]:
                    descriptor = os.open(plan["seccomp"], os.O_RDONLY)
                    os.set_inheritable(descriptor, True)
                    options += ["--seccomp", str(descriptor)]
                descriptor = os.memfd_create("options", 0)
                os.write(descriptor, b"".join(option.encode() + b"\0" for option in options))
                os.lseek(descriptor, 0, os.SEEK_SET)
                command[1:1] = ["--args", str(descriptor)]
            os.chdir(plan["cwd"])
            os.execve(command[0], command, plan["env"])
        except BaseException as error:
            os.write(2, f"{error}\n".encode())
        finally:
            os._exit(126)

    def settle(self):
        """Returns once the program runs, or has run already. Raises Failed if it never will."""
        if self.plan["options"] is None:
            self.program = self.descriptor
            return
        while b"\n" not in self.said and b"}" not in self.said:
            more = os.read(self.status, 4096)
            if not more:
                raise Failed(self.complaint())
            self.said += more
        first = json.loads(self.said[: self.said.index(b"}") + 1])["child-pid"]
        try:
            self.first = os.pidfd_open(first)
        except ProcessLookupError:
            self.first = None
        waits = select.poll()
        waits.register(self.descriptor, select.POLLIN)
        while True:
            children = read(f"/proc/{first}/task/{first}/children").split()
            if children:
                try:
                    self.program = os.pidfd_open(int(children[0]))
                except ProcessLookupError:
                    self.program = None
                return
            if waits.poll(1):
                if self.told("exit-code") is None:
                    raise Failed(self.complaint())
                return

    def told(self, key):
        """What bubblewrap reports once it ends; an exit code only if it came to start the program."""
        while more := os.read(self.status, 4096):
            self.said += more
        for line in self.said.replace(b"}", b"}\n").splitlines():
            if b"exit-code" in line:
                return json.loads(line).get(key)
        return None

    def complaint(self):
        with open(self.plan["log"], "rb") as file:
            file.seek(self.log_size)
            return file.read(2000).decode(errors="replace").strip() or "the sandbox ended before the program began"

    def signal(self, number_):
        if number_ == signal.SIGKILL:
            descriptors = [self.first, self.descriptor] if self.first is not None else [self.descriptor]
        else:
            descriptors = [self.program]
        for descriptor in descriptors:
            if descriptor is not None and not self.ended:
                try:
                    signal.pidfd_send_signal(descriptor, number_)
                except ProcessLookupError:
                    continue

    def end(self, folder):
        """Called when its process has ended."""
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if self.first is not None:
            try:
                signal.pidfd_send_signal(self.first, signal.SIGKILL)
            except ProcessLookupError:
                pass
            waits = select.poll()
            waits.register(self.first, select.POLLIN)
            waits.poll()  # all that ran inside is gone before it
        code = 128 - code if code < 0 else code
        self.ended = True
        counted = self.plan["counted"]
        killed = number(*counted["oom"]) if counted["oom"] else 0
        document = {
            "code": code,
            "started": self.started,
            "ended": time.time(),
            "out_of_memory": bool(killed and code),
            "out_of_disk": self.out_of_disk,
            "cpu": number(*counted["cpu"]) * counted["unit"] if counted["cpu"] else 0.0,
        }
        if folder:
            save(folder, f"ended-{self.index}", document)
        for procs in self.plan["cgroups"]:
            try:
                os.rmdir(os.path.dirname(procs))
            except OSError:
                continue  # release tries again
        return code

    def look(self):
        """Kills it if it has written more than it may."""
        if self.plan["disk"] and not self.ended and written(self.plan["watched"]) > self.plan["disk"]:
            self.out_of_disk = True
            self.signal(signal.SIGKILL)


def network(user):
    """A network of the group's own: loopback alone."""
    import ctypes
    import socket
    import struct

    new_user, new_network = 0x10000000, 0x40000000  # linux/sched.h
    uid, gid = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(new_network | (new_user if user else 0)):
        raise Failed(f"no network namespace can be made: {os.strerror(ctypes.get_errno())}")
    if user:
        for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
    set_flags, up_running = 0x8914, 0x41  # SIOCSIFFLAGS; IFF_UP | IFF_RUNNING
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14s", b"lo", up_running, b""))


def hold(folder):
    """The group's lock; None if this group has been started before."""
    descriptor = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if os.path.exists(os.path.join(folder, "started")):
                return None
            time.sleep(0.005)  # another one is about to start it
        else:
            return None if os.path.exists(os.path.join(folder, "started")) else descriptor


def watch(folder, control, steady, instances):
    """Until the last instance has ended."""
    waits = select.poll()
    waits.register(control, select.POLLIN)
    by_descriptor = {instance.descriptor: instance for instance in instances}
    for descriptor in by_descriptor:
        waits.register(descriptor, select.POLLIN)
    limited = any(instance.plan["disk"] for instance in instances)
    asked, deadline, look = b"", None, time.monotonic() + DISK_EVERY
    while by_descriptor:
        moments = ([look] if limited else []) + ([deadline] if deadline is not None else [])
        left = max(0.0, min(moments) - time.monotonic()) * 1000 + 1 if moments else None
        for descriptor, _ in waits.poll(left):
            if descriptor == control:
                asked += os.read(control, 4096)
                while b"\n" in asked:
                    line, asked = asked.split(b"\n", 1)
                    for instance in instances:
                        instance.signal(signal.SIGTERM)
                    until = time.monotonic() + float(line.split()[1])
                    deadline = until if deadline is None else min(deadline, until)
                continue
            instance = by_descriptor.pop(descriptor)
            waits.unregister(descriptor)
            if instance.end(folder) and steady is not None:
                os.close(steady)
                steady = None
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            deadline = None
            for instance in instances:
                instance.signal(signal.SIGKILL)
        if limited and now >= look:
            for instance in instances:
                instance.look()
            look = time.monotonic() + max(DISK_EVERY, 20 * (time.monotonic() - now))


def undo(instances):
    for instance in instances:
        instance.signal(signal.SIGKILL)
    for instance in instances:
        instance.end("")


def supervise(plan):
    folder = plan["folder"]
    lock = hold(folder)
    if lock is None:
        return
    instances = []
    try:
        if plan["network"]:
            network(plan["user"])
        for name in ("control", "steady"):
            path = os.path.join(folder, name)
            if not os.path.exists(path):
                os.mkfifo(path, 0o600)
        control = os.open(os.path.join(folder, "control"), os.O_RDWR)
        steady = os.open(os.path.join(folder, "steady"), os.O_RDWR)
        for index, instance in enumerate(plan["instances"]):
            instances.append(Instance(instance, index))
        for instance in instances:
            instance.settle()
        moments = [instance.started for instance in instances]
        save(folder, "started", {"moments": moments, "undo": plan["undo"]})
    except (Failed, OSError) as error:
        undo(instances)
        raise Failed(str(error)) from error
    os.write(1, b"{}")
    devnull = os.open(os.devnull, os.O_RDWR)
    os.dup2(devnull, 1)
    watch(folder, control, steady, instances)


def main():
    plan = json.load(sys.stdin)
    if os.fork():
        os._exit(0)  # who started us waits for this process; the other one belongs to nobody
    for number_ in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number_, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir("/")
    try:
        supervise(plan)
    except Failed as error:
        os.write(1, json.dumps({"error": str(error)}).encode())


main()
