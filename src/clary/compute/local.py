"""Groups as processes of this machine, each kept by a supervisor (group.py): what all drivers of that kind do alike.

One of them starts the supervisor (`begin`), or says what it is to run (`plan`), and clears away what it made for that
elsewhere (`undo`).
"""

from abc import ABC, abstractmethod
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clary.compute import limits, places
from clary.compute.driver import Handle, Instance, Launch, Node, Spec, Usage
from clary.compute.group import Group
from clary.errors import ClaryError


class Kept(ABC):
    name: str

    def __init__(self, home: Path) -> None:
        self.places = places.Places(home)

    @abstractmethod
    def begin(self, handle: Handle, group: Group, launches: list[Launch]) -> None:
        """Starts the supervisor, and with it the instances. The group's folder is there. Raises ClaryError, OSError."""

    @abstractmethod
    def undo(self, folder: Path) -> None:
        """What `begin` made outside `folder` is gone after this, also if it was cut off, or this is the second time."""

    def nodes(self) -> list[Node]:
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
        group = group_of(handle)
        if group.started():
            return
        group.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self.begin(handle, group, launches)
        except (ClaryError, OSError) as error:
            self.undo(group.folder)
            raise ClaryError(f"The instances cannot be started: {error}") from error

    def describe(self, handle: Handle) -> list[Instance]:
        return group_of(handle).describe()

    def wait(self, handle: Handle, timeout: float) -> None:
        group_of(handle).wait(timeout)

    def usage(self, handle: Handle) -> list[Usage]:
        return limits.usage(group_of(handle))

    def stop(self, handle: Handle, grace: float) -> None:
        group_of(handle).stop(grace)

    def release(self, handle: Handle) -> None:
        """Each step leaves what the steps after it go by, so that one that was cut off is done by the next call."""
        self.again(handle)
        self.places.free(handle["id"])

    def again(self, handle: Handle) -> None:
        """As it was reserved: what ran of it is gone, and it can be started. Likewise in steps."""
        group = group_of(handle)
        group.end()
        self.undo(group.folder)
        group.forget()

    def groups(self) -> list[str]:
        found = self.places.groups()
        return sorted(group for group, folder in found.items() if Group(folder, 0).supervisor() is not None)


class Local(Kept):
    """Of processes that the supervisor itself starts (supervisor.py)."""

    @abstractmethod
    def plan(self, handle: Handle, folder: Path, launches: list[Launch]) -> dict[str, Any]:
        """What Group.start takes, but for the note. `folder` is there, and the group's alone."""

    def begin(self, handle: Handle, group: Group, launches: list[Launch]) -> None:
        plan = self.plan(handle, group.folder, launches)
        for instance, launch in zip(plan["instances"], launches, strict=True):
            instance |= {"leads": launch.leads, "network": launch.network}
        usage = [{"gauge": each["gauge"], "watched": each["watched"]} for each in plan["instances"]]
        group.start({**plan, "note": {"usage": usage}})


def group_of(handle: Handle) -> Group:
    return Group(handle["folder"], len(handle["addresses"]))
