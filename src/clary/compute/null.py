"""Instances as plain processes of this machine: no isolation at all, for those who chose it with `driver = "null"`.

The simplest driver there is. What a launch names must lie where it says already; overlays cannot be.
"""

import os
from dataclasses import asdict
from pathlib import Path

from clary.compute import limits, places
from clary.compute.driver import Handle, Instance, Launch, Node, Spec, Usage
from clary.compute.group import Group
from clary.errors import ClaryError


class Null:
    name = "null"

    def __init__(self, home: Path) -> None:
        self.places = places.Places(home)

    def nodes(self) -> list[Node]:
        return [limits.machine()]

    def reserve(self, spec: Spec) -> Handle:
        numbers = self.places.take(spec.id, spec.folder, spec.size.instances)
        addresses = [places.address(number) for number in numbers]
        return {"id": spec.id, "folder": spec.folder, "addresses": addresses, "size": asdict(spec.size)}

    def start(self, handle: Handle, launches: list[Launch]) -> None:
        group = _group(handle)
        group.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        instances = [
            {
                "command": list(launch.argv),
                "options": None,
                "env": {"PATH": os.defpath} | launch.env,
                "cwd": launch.cwd,
                "log": launch.log,
                "disk": handle["size"]["disk"],
                "watched": _mounted(launch),
                "cgroups": [],
                "hurry": [],
                "owner": -1,
                "gauge": limits.NO_GAUGE,
                "rlimits": [],
            }
            for launch in launches
        ]
        usage = [{"gauge": each["gauge"], "watched": each["watched"]} for each in instances]
        group.start({"instances": instances, "network": False, "user": False, "note": {"usage": usage}})

    def describe(self, handle: Handle) -> list[Instance]:
        return _group(handle).describe()

    def wait(self, handle: Handle, timeout: float) -> None:
        _group(handle).wait(timeout)

    def usage(self, handle: Handle) -> list[Usage]:
        return limits.usage(_group(handle))

    def stop(self, handle: Handle, grace: float) -> None:
        _group(handle).stop(grace)

    def release(self, handle: Handle) -> None:
        _group(handle).end()
        self.places.free(handle["id"])

    def groups(self) -> list[str]:
        found = self.places.groups()
        return sorted(group for group, folder in found.items() if Group(folder, 0).supervisor() is not None)


def _group(handle: Handle) -> Group:
    return Group(handle["folder"], len(handle["addresses"]))


def _mounted(launch: Launch) -> list[str]:
    """The folders that it may write to."""
    for mount in launch.mounts:
        if mount.how == "overlay" or mount.source != mount.target:
            raise ClaryError(f'{mount.target} cannot be shown by driver = "null": use driver = "sandbox"')
    return [mount.source for mount in launch.mounts if mount.how == "rw"]
