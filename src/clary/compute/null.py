"""Instances as plain processes of this machine: no isolation at all, for those who chose it with `driver = "null"`.

The simplest driver there is. What a launch names must lie where it says already; overlays cannot be.
"""

import os
from pathlib import Path
from typing import Any

from clary.compute import limits
from clary.compute.driver import Handle, Launch
from clary.compute.local import Local
from clary.errors import ClaryError


class Null(Local):
    name = "null"

    def plan(self, handle: Handle, _folder: Path, launches: list[Launch]) -> dict[str, Any]:
        if any(launch.root for launch in launches):
            raise ClaryError('a container of an own image cannot be shown by driver = "null": use driver = "sandbox"')
        instances = [
            {
                "command": list(launch.argv),
                "options": None,
                "env": {"PATH": os.defpath} | launch.env,
                "cwd": launch.cwd,
                "log": launch.log,
                "disk": handle["size"]["disk"],
                "watched": [*_mounted(launch), launch.log],
                "cgroups": [],
                "hurry": [],
                "owner": -1,
                "gauge": limits.NO_GAUGE,
                "rlimits": [],
            }
            for launch in launches
        ]
        return {"instances": instances, "network": False, "user": False, "ways": []}

    def undo(self, _folder: Path) -> None:
        """There is nothing."""


def _mounted(launch: Launch) -> list[str]:
    """The folders that it may write to."""
    for mount in launch.mounts:
        if mount.how == "overlay" or mount.source != mount.target:
            raise ClaryError(f'{mount.target} cannot be shown by driver = "null": use driver = "sandbox"')
    return [mount.source for mount in launch.mounts if mount.how == "rw"]
