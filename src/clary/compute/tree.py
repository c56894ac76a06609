"""A launch with a file tree of its own, `Launch.root`, as bubblewrap's arguments.

Nothing in that tree is trusted. So nothing of it runs with more than the instance may have, and nothing is mounted
where a link of it leads: the place is looked up in the tree beforehand. docs/decisions/0005-trees.md says who is who.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from clary.compute import entry, mounts, places
from clary.compute.driver import Launch, Mount
from clary.compute.scoped import Outside, inside
from clary.compute.stage import PLACE
from clary.compute.users import User, user
from clary.errors import ClaryError

KERNELS = {"proc", "sys", "dev"}  # folders in which nothing of a launch is mounted
NODES = tuple(f"/sys/devices/system/{name}" for name in ("cpu", "node"))
FIXED = ("/proc", "/dev", "/sys", "/sys/devices", "/sys/devices/system", *NODES)  # where bubblewrap puts the kernel's


@dataclass(slots=True)
class Tree:
    """`ids`: the first of the instance's private ids, and how many; None where Clary runs as an ordinary user, who is
    all of them.
    """

    launch: Launch
    ids: tuple[int, int] | None
    sources: list[tuple[str, bool]] = field(default_factory=list)  # as stage.py has them

    @property
    def real(self) -> bool:
        """Whether there are other users in it than one."""
        return self.ids is not None and self.ids[1] > 1

    @property
    def first(self) -> int | None:
        return None if self.ids is None else self.ids[0]

    def who(self) -> User:
        return user(self.launch.root, self.launch.user)

    def owner(self) -> int:
        """Who the program is on this machine; -1: who we are."""
        if self.ids is None:
            return -1
        return self.ids[0] + (self.who().uid if self.real else 0)

    def users(self) -> list[str]:
        """Bubblewrap's arguments: which user it is at first, and what it may do."""
        who = self.who()
        options = ["--unshare-user", "--uid", str(who.uid), "--gid", str(who.gid)] if self.ids is None else []
        kept = [f"CAP_{name.upper()}" for name in entry.KEPT] if self.real or who.uid == 0 else []
        return [*options, "--cap-drop", "ALL", *(word for name in kept for word in ("--cap-add", name))]

    def base(self, files: dict[str, Path]) -> list[str]:
        """The tree itself, the kernel's folders, and `files` over the tree's own by their paths in it."""
        root, upper = self.launch.root, self.launch.root_upper
        for made in (upper, mounts.work(upper)):
            if Path(made).exists():
                mounts.unlock(upper)
                shutil.rmtree(made)  # of a start that was cut off: no link in it may say where something is mounted
        for name in FIXED:
            if self.place(name) != name:  # bubblewrap would go by the link, and make folders on this machine
                raise ClaryError(f"nothing can be mounted at {name!r}, which the image has as a link")
        options = self._overlay(root, upper, "/")
        options += ["--proc", "/proc", "--dev", "/dev", "--perms", "0755", "--dir", "/sys"]
        options += ["--perms", "0755", "--dir", "/sys/devices", "--perms", "0755", "--dir", "/sys/devices/system"]
        for name in NODES:
            options += ["--ro-bind-try", name, name]
        options += entry.shown()
        for folder, mode in (("/tmp", "1777"), ("/etc", "0755"), (self.launch.cwd, "0755")):  # noqa: S108 - its own
            options += _folders([self.place(folder)], mode)
        shown = {self.place(self._checked(name)): self.shown(str(path)) for name, path in files.items()}
        options += mounts.parents(list(shown))
        return [*options, *(word for place, path in shown.items() for word in ("--ro-bind", path, place))]

    def mounted(self) -> list[str]:
        """What the launch names."""
        found = sorted(self.launch.mounts, key=lambda each: each.target.count("/"))
        moved = [Mount(each.source, self.place(self._checked(each.target)), each.how, each.upper) for each in found]
        options = mounts.parents([mount.target for mount in moved])
        for mount in moved:
            mounts.point(mount, moved)
        for mount in moved:
            if mount.how == "ro":
                options += ["--ro-bind", self.shown(mount.source), mount.target]
            elif mount.how == "rw":
                if self.first is not None:
                    mounts.give(mount.source, self.first)
                options += ["--bind", self._staged(mount.source, inside=False), mount.target]
            else:
                options += self._overlay(mount.source, mount.upper, mount.target)
        return options

    def place(self, path: str) -> str:
        """Where this path is in the tree, by no link. Raises ClaryError."""
        root = self.launch.root
        try:
            return "/" + os.path.relpath(inside(root, path), root)
        except Outside as error:
            raise ClaryError(f"nothing can be mounted at {path!r} of the image: {error}") from error

    def _checked(self, target: str) -> str:
        """Raises ClaryError where a mount would lead out of the tree, or into what is the kernel's."""
        parts = PurePosixPath(target).parts
        if not target.startswith("/") or len(parts) < 2 or ".." in parts or parts[1] in KERNELS:
            raise ClaryError(f"nothing can be mounted at {target!r}")
        if PurePosixPath(self.place(target)).parts[1:2] in [(), *((name,) for name in KERNELS)]:
            raise ClaryError(f"nothing can be mounted at {target!r}, which the image has as a link")
        return target

    def _overlay(self, source: str, upper: str, target: str) -> list[str]:
        """What is written lies in a folder beside its work folder: both have to be reached by one mount."""
        above = Path(upper).parent
        for folder in (upper, mounts.work(upper)):
            Path(folder).mkdir(parents=True, exist_ok=True)
            Path(folder).chmod(0o755 if target == "/" else 0o777)
            if self.first is not None:
                os.chown(folder, self.first, self.first)
        if self.ids is not None:
            above.chmod(above.stat().st_mode | 0o011)
        there = f"{self._staged(str(above), inside=False)}/{Path(upper).name}"
        return ["--overlay-src", self.shown(source), "--overlay", there, mounts.work(there), target]

    def shown(self, source: str) -> str:
        """Where bubblewrap finds what may only be looked at."""
        return self._staged(source, inside=True)

    def _staged(self, source: str, *, inside: bool) -> str:
        """Where bubblewrap finds it."""
        if self.ids is None:
            return source
        wanted = (source, inside)
        if wanted not in self.sources:
            self.sources.append(wanted)
        return f"{PLACE}/{self.sources.index(wanted)}"

    def stage(self) -> dict[str, object] | None:
        """What the supervisor's child does before bubblewrap, if anything."""
        if self.ids is None:
            return None
        return {"first": self.ids[0], "count": self.ids[1], "sources": self.sources}


def of(launch: Launch, number: int) -> Tree:
    return Tree(launch, places.private_users(number) if places.is_root() else None)


def works(folder: Path) -> None:
    """Raises ClaryError, saying what to do, if no container can have a tree that lies in this folder. One is begun to
    see; where Clary is an ordinary user it is what every sandbox is.
    """
    if not places.is_root():
        return
    first, count = places.private_users(0)
    script = f"from clary.compute.stage import enter; enter({first}, {count}, [({str(folder)!r}, True)])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ClaryError(f"No image of a user's can run here ({said.removeprefix('OSError: ')})")


def _folders(paths: list[str], mode: str) -> list[str]:
    """Made where they are missing, with those above them."""
    made = [word for path in paths if path != "/" for word in ("--perms", mode, "--dir", path)]
    return [*mounts.parents(paths), *made]
