"""The numbers that groups hold on this machine: each instance has one, and with it its address and its user id.

A number is a file in the home. Two homes begin at different numbers; where they meet all the same, the address is
still each job's own as long as both do not bind the same port on it.
"""

import os
import zlib
from contextlib import suppress
from pathlib import Path

SPAN = 1 << 20
FIRST = 127 << 24 | 64 << 16  # 127.64.0.0: 127.0.0.1 and its neighbours are the machine's
HIGH = 1 << 21  # user ids from here on, where the machine has so many
# A container with users of its own has that many ids, from here on: below what systemd leaves to containers
# (https://systemd.io/UIDS-GIDS/) is what we take for the rest, above it ids are no numbers that all programs can read.
IDS, FIRST_IDS, LAST_IDS = 1 << 16, 1 << 22, 0x6FFF0000


class Places:
    def __init__(self, home: Path) -> None:
        self.folder = home / "compute"
        self.start = zlib.crc32(str(home).encode()) % SPAN

    def take(self, group: str, folder: str, instances: int) -> list[int]:
        """The numbers of a group, the same when asked again."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mine = {_index(target): int(number) for number, target in self._all() if _group(target) == group}
        number = self.start
        for index in range(instances):
            while index not in mine:
                number = (number + 1) % SPAN
                try:
                    (self.folder / str(number)).symlink_to(f"{folder}/{group}:{index}")
                except FileExistsError:
                    continue
                mine[index] = number
        return [mine[index] for index in range(instances)]

    def free(self, group: str) -> None:
        for number, target in self._all():
            if _group(target) == group:
                (self.folder / number).unlink(missing_ok=True)

    def groups(self) -> dict[str, Path]:
        """Group ids and their folders."""
        return {_group(target): target.parent for _, target in self._all()}

    def _all(self) -> list[tuple[str, Path]]:
        """Others may come and go meanwhile."""
        found = []
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                with suppress(FileNotFoundError):
                    found.append((path.name, path.readlink()))
        return found


def address(number: int) -> str:
    packed = FIRST + number
    return ".".join(str(packed >> shift & 255) for shift in (24, 16, 8, 0))


def private_user(number: int) -> int:
    """A user and group id that nobody else has. Where this machine is a container with few ids, from what it has."""
    with Path("/proc/self/uid_map").open() as file:
        most = max(int(line.split()[0]) + int(line.split()[2]) for line in file)
    return HIGH + number if most > HIGH + SPAN else 20_000 + number % (most - 20_001)


def private_users(number: int) -> tuple[int, int]:
    """Where the ids of a container with users of its own begin, and how many they are: one where this machine is itself
    a container with too few.
    """
    with Path("/proc/self/uid_map").open() as file:
        most = max(int(line.split()[0]) + int(line.split()[2]) for line in file)
    if most < LAST_IDS + IDS:
        return private_user(number), 1
    return FIRST_IDS + number % ((LAST_IDS - FIRST_IDS) // IDS) * IDS, IDS


def is_root() -> bool:
    return os.geteuid() == 0


def _group(target: Path) -> str:
    return target.name.rpartition(":")[0]


def _index(target: Path) -> int:
    return int(target.name.rpartition(":")[2])
