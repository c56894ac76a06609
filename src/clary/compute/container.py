"""Instances as containers of an engine of this machine, dockerd or podman: docs/decisions/0006-engine.md.

Each group has a keeper (keeper.py). All that is the group's with the engine has its label, and goes with it.
"""

import hashlib
import json
import sys
import threading
from pathlib import Path
from typing import Any

from clary.compute import engine_images, limits
from clary.compute.contained import Contained, ulimits
from clary.compute.driver import Handle, Instance, Launch, Node, Size
from clary.compute.engine import Engine, answers, opened
from clary.compute.group import Group
from clary.compute.keeper import BOOT
from clary.compute.local import Kept, group_of
from clary.errors import NoEngine

GROUP, HOME, ID = "clary.group", "clary.home", "clary.id"
PLAN, MADE = "plan", "made"


class Container(Kept):
    name = "container"

    def __init__(self, home: Path, address: str = "") -> None:
        """Raises ClaryError, with what to do, where no engine answers."""
        super().__init__(home)
        self._home = str(home)
        self._mine = threading.local()
        self._mine.engine = found = opened(address)
        self._address = found.address
        self._rootless = found.rootless()

    @property
    def engine(self) -> Engine:
        """A thread's own: its connections are not for two at one time."""
        if not hasattr(self._mine, "engine"):
            self._mine.engine = Engine(self._address)
        found: Engine = self._mine.engine
        return found

    def nodes(self) -> list[Node]:
        self.engine.reach()
        return [limits.machine()]

    def begin(self, handle: Handle, group: Group, launches: list[Launch]) -> None:
        (group.folder / MADE).touch()  # before anything is
        self._clear(group.folder)  # of a start that was cut off
        names = _names(group.folder)
        size = Size(**handle["size"])
        labels = {GROUP: str(group.folder), HOME: self._home, ID: handle["id"]}
        networks = self._networks(names, launches, labels) if size.isolated or size.private else {}
        hosts = [(launch.name, address) for launch, address in zip(launches, handle["addresses"], strict=True)]
        instances = []
        for index, (number, launch) in enumerate(zip(handle["numbers"], launches, strict=True)):
            name, own = f"{names}-{index}", group.folder / f"own-{index}"
            made = Contained(size, number, own, launch, hosts, self.engine.podman, self._rootless, name)
            network = f"container:{networks[launch.network]}" if networks else "host"
            image = engine_images.tree(self.engine, launch.root) if launch.root else engine_images.base(self.engine)
            body = made.body(image, network, labels)
            for volume, options in made.volumes.items():
                with answers():
                    self.engine.api.create_volume(volume, "local", options, labels)
            with answers():
                self.engine.api.create_container_from_config(body, name)
            watched = [*made.watched(), *self._layer(name)]
            instance = {"container": name, "log": launch.log, "leads": launch.leads, "disk": size.disk}
            instances.append({**instance, "watched": watched})
        ways = [] if size.isolated else sorted({way for launch in launches for way in launch.ways})
        plan: dict[str, Any] = {"engine": self._address, "networks": list(networks.values()), "ways": ways}
        plan |= {"rootless": self._rootless, "instances": instances, "boot": Path(BOOT).read_text().strip()}
        (group.folder / PLAN).write_text(json.dumps(plan))
        _keep(group)

    def describe(self, handle: Handle) -> list[Instance]:
        group = group_of(handle)
        found = group.describe()
        if all(each.state != "lost" for each in found):
            return found
        # Its keeper is gone; its containers may not be.
        if group.started()["note"]["boot"] != Path(BOOT).read_text().strip():
            return found
        try:
            names = [f"{_names(group.folder)}-{index}" for index in range(group.instances)]
            there = [self.engine.state(name) is not None for name in names]
        except NoEngine:
            return [Instance("unknown", started=each.started) if each.state == "lost" else each for each in found]
        if not any(each.state == "lost" and there[index] for index, each in enumerate(found)):
            return found
        _keep(group)
        return group.describe()

    def undo(self, folder: Path) -> None:
        if (folder / MADE).exists():
            self._clear(folder)

    def groups(self) -> list[str]:
        with answers():
            found = self.engine.api.containers(filters={"label": [f"{HOME}={self._home}"]})
        return sorted({*super().groups(), *(each["Labels"][ID] for each in found)})

    def _networks(self, names: str, launches: list[Launch], labels: dict[str, str]) -> dict[int, str]:
        """Containers that do nothing: a network is there as long as one is in it. By the launches' numbers."""
        found: dict[int, str] = {}
        for launch in launches:
            if launch.network in found:
                continue
            found[launch.network] = name = f"{names}-network-{len(found)}"
            body = {
                "Image": engine_images.base(self.engine),
                "Entrypoint": ["/usr/bin/sleep"],
                "Cmd": ["infinity"],
                "Hostname": launch.name,
                "Labels": labels,
                "HostConfig": {
                    "NetworkMode": "none",
                    "Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
                    "CapDrop": ["ALL"],
                    "SecurityOpt": ["no-new-privileges"],
                    "ReadonlyRootfs": True,
                    "LogConfig": {"Type": "none"},
                    "Ulimits": ulimits(),
                    "Mounts": [{"Type": "bind", "Source": "/usr", "Target": "/usr", "ReadOnly": True}],
                },
            }
            with answers():
                self.engine.api.create_container_from_config(body, name)
        return found

    def _layer(self, container: str) -> list[str]:
        """The engine's own folder of what it writes elsewhere, where the engine has one."""
        found = (self.engine.state(container) or {}).get("GraphDriver") or {}
        upper: Any = (found.get("Data") or {}).get("UpperDir")
        return [upper] if upper else []

    def _clear(self, folder: Path) -> None:
        mine = {"label": [f"{GROUP}={folder}"]}
        with answers():
            containers = self.engine.api.containers(all=True, filters=mine)
        for container in sorted(containers, key=lambda each: "-network-" in each["Names"][0]):
            self.engine.remove(container["Id"])
        with answers():
            volumes = self.engine.api.volumes(filters=mine).get("Volumes") or ()
            for volume in volumes:
                self.engine.api.remove_volume(volume["Name"], force=True)


def _names(folder: Path) -> str:
    """What the names of its containers begin with."""
    return f"clary-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"


def _keep(group: Group) -> None:
    """Returns when its keeper is there. Raises ClaryError."""
    group.run([sys.executable, "-I", "-m", "clary.compute.keeper", str(group.folder)], b"")
