"""A launch as a container of an engine's: what its API is asked to create.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate

The program's output goes into a FIFO that the keeper reads (keeper.py), not by way of the engine: so the program waits
while a disk is full, and what it said is there for the next keeper, too.
"""

import os
import resource
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from clary.compute import cgroup, entry, mounts, places, system
from clary.compute.driver import Launch, Mount, Size
from clary.compute.scoped import inside
from clary.compute.system import LATE, PATH
from clary.compute.users import User, user
from clary.errors import ClaryError

OUTPUT = f"{entry.PLACE}/output"
# `>` waits for the keeper, which opens it once all of the group are there: so they begin together, or none does. `<>`
# is no error while nobody reads.
SCRIPT = ': >"$0"; exec "$@" </dev/null 1<>"$0" 2>&1'
KERNELS = {"proc", "sys", "dev"}
NO_FILES = 1 << 20  # open at one time, where the machine allows so many
USERS_PROCESSES = 1 << 15  # of all containers with one user together; podman's own service has no more itself
OOM_SCORE = 500  # rather a job than who serves them all


@dataclass(slots=True)
class Contained:
    """`own` is a folder for what is made for it; `volumes` are overlays that the engine is to make: name, options."""

    size: Size
    number: int
    own: Path
    launch: Launch
    hosts: list[tuple[str, str]]
    podman: bool
    rootless: bool
    name: str
    binds: list[str] = field(default_factory=list)
    mounts: list[dict[str, Any]] = field(default_factory=list)
    volumes: dict[str, dict[str, str]] = field(default_factory=dict)

    def body(self, image: str, network: str, labels: dict[str, str]) -> dict[str, Any]:
        """Raises ClaryError for a launch that cannot be."""
        for part in ("etc", "tmp", "root"):
            (self.own / part).mkdir(parents=True, exist_ok=True)
        os.mkfifo(self.own / "output")
        (self.own / "output").chmod(0o666)
        self._bind(str(self.own / "output"), OUTPUT, writable=True)
        command, who = self._rooted() if self.launch.root else self._plain()
        environment = {"PATH": PATH, "HOME": who.home, "HOSTNAME": self.launch.name} | self.launch.env
        environment = environment if self.launch.root else {**self.size.told, **environment}
        late = {name: value for name, value in environment.items() if name.startswith(LATE)}
        if late:
            env = entry.run("env") if self.launch.root else ["/usr/bin/env"]
            command += [*env, *(f"{name}={value}" for name, value in late.items())]
        words = [*command, *self.launch.argv]
        if any("\0" in word for word in (*words, *environment.values())):
            raise ClaryError("an argument, a variable or a path has a NUL character in it")
        shared = network.startswith("container:")  # then it has the host name of that one
        return {
            "Image": image,
            "Entrypoint": words[:1],
            "Cmd": words[1:],
            "Env": [f"{name}={environment[name]}" for name in environment.keys() - late],
            "User": f"{who.uid}:{who.gid}",
            "WorkingDir": self.launch.cwd,
            "Labels": labels,
            **({} if shared else {"Hostname": self.launch.name}),
            "HostConfig": self._limits() | self._privileges(who) | {"NetworkMode": network},
        }

    def _plain(self) -> tuple[list[str], User]:
        """One that sees the system's own programs."""
        private = self._private()
        who = User(private, private, home="/root")
        (self.own / "tmp").chmod(0o1777)
        if places.is_root():
            os.chown(self.own / "root", who.uid, who.gid)
        for name in ("usr", *system.FOLDERS):
            if Path("/", name).is_dir() and not Path("/", name).is_symlink():
                self._bind(f"/{name}", f"/{name}")
        isolated = self.size.isolated or self.size.private
        files = system.files(self.own / "etc", self.launch, who.uid, self.hosts, isolated=isolated)
        for place, path in files.items():
            self._bind(str(path.resolve()), place)
        for name in ("/tmp", "/var/tmp"):  # noqa: S108 - its own
            self._bind(str(self.own / "tmp"), name, writable=True)
        self._bind(str(self.own / "root"), "/root", writable=True)
        for mount in self.launch.mounts:
            mounts.check_target(mount)
        self._mount_all(who.uid)
        return ["/bin/sh", "-c", SCRIPT, OUTPUT, "/usr/bin/setpriv", "--no-new-privs", "--"], who

    def _rooted(self) -> tuple[list[str], User]:
        """One with a file tree of its own, which the engine has as an image."""
        found = user(self.launch.root, self.launch.user)
        for place, path in entry.files("setpriv", "env", "sh").items():
            self._bind(path, place)
        isolated = self.size.isolated or self.size.private
        for place, made in system.names(self.own / "etc", self.launch, self.hosts, isolated=isolated).items():
            self._bind(str(made), place)
        for mount in self.launch.mounts:
            parts = PurePosixPath(mount.target).parts
            if not mount.target.startswith("/") or len(parts) < 2 or ".." in parts or self._kernels(mount.target):
                raise ClaryError(f"nothing can be mounted at {mount.target!r}")
        self._mount_all(0)
        command = [*entry.run("sh"), "-c", SCRIPT, OUTPUT, *entry.run("setpriv"), "--no-new-privs", "--"]
        return command, found

    def _kernels(self, target: str) -> bool:
        """Whether it is in one of the kernel's folders, also by a link of the tree's."""
        root = self.launch.root
        found = PurePosixPath(inside(root, target)).relative_to(root).parts
        return not found or bool({PurePosixPath(target).parts[1], found[0]} & KERNELS)

    def _private(self) -> int:
        """Who a built-in image's program is: nobody else where we are root, else who we are, as the engine has it."""
        if places.is_root():
            return places.private_user(self.number)
        return 0 if self.rootless else os.geteuid()

    def _bind(self, source: str, target: str, *, writable: bool = False) -> None:
        self.mounts.append({"Type": "bind", "Source": source, "Target": target, "ReadOnly": not writable})

    def _mount_all(self, who: int) -> None:
        found = sorted(self.launch.mounts, key=lambda each: each.target.count("/"))
        for mount in found:
            mounts.point(mount, found)
        for mount in found:
            if mount.how == "ro":
                self._bind(mount.source, mount.target)
            elif mount.how == "rw":
                if places.is_root():
                    mounts.give(mount.source, who)
                self._bind(mount.source, mount.target, writable=True)
            else:
                self._overlay(mount, who)

    def _overlay(self, mount: Mount, who: int) -> None:
        work = mounts.work(mount.upper)
        for folder in (mount.upper, work):
            Path(folder).mkdir(parents=True, exist_ok=True)
            if places.is_root():
                os.chown(folder, who, who)
        Path(mount.upper).chmod(0o777)
        for path in (mount.source, mount.target, mount.upper):
            if any(character in path for character in ":,"):
                raise ClaryError(f"an engine cannot lay anything over {path!r}, which has a colon or a comma in it")
        if self.podman:
            self.binds.append(f"{mount.source}:{mount.target}:O,upperdir={mount.upper},workdir={work}")
            return
        volume = f"{self.name}-{len(self.volumes)}"
        over = f"lowerdir={mount.source},upperdir={mount.upper},workdir={work}"
        self.volumes[volume] = {"type": "overlay", "device": "overlay", "o": over}
        options = {"NoCopy": True}
        self.mounts.append({"Type": "volume", "Source": volume, "Target": mount.target, "VolumeOptions": options})

    def _limits(self) -> dict[str, Any]:
        limits: dict[str, Any] = {
            "Memory": self.size.memory,
            "MemorySwap": self.size.memory,
            "CpuPeriod": cgroup.PERIOD,
            "CpuQuota": max(1000, int(self.size.cpus * cgroup.PERIOD)),
            "PidsLimit": cgroup.PROCESSES,
            "ShmSize": self.size.memory,
            "OomScoreAdj": OOM_SCORE,
            "Ulimits": ulimits(),
        }
        if not self.size.gpus:
            return limits
        if self.launch.root and not self.podman:
            # With the libraries of this machine's driver, by NVIDIA's own part of the engine.
            asked = {"Count": self.size.gpus, "Capabilities": [["gpu"]]}
            return limits | {"DeviceRequests": [asked]}
        nodes = [str(path) for path in sorted(Path("/dev").glob("nvidia*")) if not path.is_dir()]
        shown = [{"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"} for path in nodes]
        return limits | {"Devices": shown}

    def _privileges(self, who: User) -> dict[str, Any]:
        rooted = bool(self.launch.root)
        return {
            "CapDrop": ["ALL"],
            "CapAdd": [name.upper() for name in entry.KEPT] if rooted else [],
            "SecurityOpt": ["no-new-privileges"],
            "GroupAdd": [str(group) for group in who.groups],
            "ReadonlyRootfs": not rooted,
            "Init": True,  # else the program is process 1, for which signals do nothing that it does not ask for
            "LogConfig": {"Type": "none"},
            "Mounts": self.mounts,
            "Binds": self.binds,
        }

    def watched(self) -> list[str]:
        """What it may fill, but for the engine's own folder of it."""
        found = [mount.upper or mount.source for mount in self.launch.mounts if mount.how != "ro"]
        return [*found, str(self.own), self.launch.log]


def ulimits() -> list[dict[str, Any]]:
    """Each of these: an engine's own numbers may be more than this machine lets anybody have."""
    return [_most("core", 0), _most("nofile", NO_FILES), _most("nproc", USERS_PROCESSES)]


def _most(name: str, wanted: int) -> dict[str, Any]:
    """No more than this machine gives."""
    hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1]
    limit = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    return {"Name": name, "Soft": limit, "Hard": limit}
