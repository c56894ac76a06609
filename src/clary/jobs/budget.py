"""How much of the machine is given out: cpus and memory, oversubscribed, and whose turn it is when several wait.

A job asks for what its instance types have on AWS, which is often more than there is here, while it seldom uses it all.
So each instance counts as the machine at most, the machine is given out several times over (setting
`oversubscribe`), and a job that asks for more than all of that counts as all of it: it runs alone.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace

from clary.compute.driver import Node, Size

PATIENCE = 60.0  # seconds for which others may pass a job that does not fit yet
GiB = 1 << 30


@dataclass(frozen=True, slots=True)
class Places:
    cpus: float = 0.0
    memory: float = 0.0  # bytes
    gpus: float = 0.0

    def __add__(self, other: "Places") -> "Places":
        return Places(self.cpus + other.cpus, self.memory + other.memory, self.gpus + other.gpus)

    def __sub__(self, other: "Places") -> "Places":
        return Places(self.cpus - other.cpus, self.memory - other.memory, self.gpus - other.gpus)

    def within(self, other: "Places") -> bool:
        return self.cpus <= other.cpus and self.memory <= other.memory and self.gpus <= other.gpus

    def __str__(self) -> str:
        gpus = f", {self.gpus:g} GPU" if self.gpus else ""
        return f"{self.cpus:g} vCPU, {self.memory / GiB:.1f} GiB{gpus}"


class Budget:
    def __init__(self, nodes: list[Node], oversubscribe: float) -> None:
        assert nodes, "a driver has a machine at least"
        self._largest = max(nodes, key=lambda node: (node.cpus, node.memory))
        self.whole = Places(
            sum(node.cpus for node in nodes) * oversubscribe,
            float(int(sum(node.memory for node in nodes) * oversubscribe)),
            float(sum(node.gpus for node in nodes)),
        )
        # What each job holds, not a sum: rounding would leave a little that nobody holds, and a large job never fit.
        self._held: dict[str, list[Places]] = defaultdict(list)

    def limits(self, size: Size) -> Size:
        """As `size`, with each instance no larger than the machine."""
        largest = self._largest
        return replace(
            size,
            cpus=min(size.cpus, float(largest.cpus)),
            memory=min(size.memory, largest.memory),
            gpus=min(size.gpus, largest.gpus),
        )

    def places(self, size: Size) -> Places:
        """What the group counts as."""
        one, count, whole = self.limits(size), size.instances, self.whole
        return Places(
            min(one.cpus * count, whole.cpus),
            min(float(one.memory * count), whole.memory),
            min(float(one.gpus * count), whole.gpus),
        )

    @property
    def free(self) -> Places:
        return self.whole - sum((places for held in self._held.values() for places in held), Places())

    def share(self, name: str) -> float:
        """The larger part of cpus and memory that a share holds."""
        held = sum(self._held.get(name, ()), Places())
        return max(held.cpus / self.whole.cpus, held.memory / self.whole.memory)

    def take(self, share: str, places: Places) -> None:
        self._held[share].append(places)

    def give_back(self, share: str, places: Places) -> None:
        self._held[share].remove(places)


@dataclass(slots=True)
class Waiting:
    """A job in the queue."""

    id: int
    share: str
    places: Places
    since: float  # seconds since the epoch
    stuck: float | None = None  # since when it was first in its share and did not fit


@dataclass(slots=True)
class Queue:
    """Fair between shares, first come first served within one."""

    budget: Budget
    shares: dict[str, dict[int, Waiting]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(line) for line in self.shares.values())

    def add(self, waiting: Waiting) -> None:
        self.shares.setdefault(waiting.share, {})[waiting.id] = waiting

    def remove(self, waiting: Waiting) -> None:
        line = self.shares[waiting.share]
        del line[waiting.id]
        if not line:
            del self.shares[waiting.share]

    def next(self, now: float) -> Waiting | None:
        """The job whose turn it is, if there is room for it. It stays in the queue until it is removed.

        The first of each share, those that hold least before others; but one that could not start for too long comes
        before all, and until it fits nobody passes it.
        """
        free = self.budget.free
        firsts = [next(iter(line.values())) for line in self.shares.values()]
        stuck = [first for first in firsts if first.stuck is not None and now - first.stuck > PATIENCE]
        if stuck:
            first = min(stuck, key=lambda waiting: (waiting.stuck, waiting.id))
            return first if first.places.within(free) else None
        firsts.sort(key=lambda waiting: (self.budget.share(waiting.share), waiting.id))
        for first in firsts:
            if first.places.within(free):
                return first
            first.stuck = first.stuck or now
        return self._passing(firsts, free)

    def _passing(self, firsts: list[Waiting], free: Places) -> Waiting | None:
        """A smaller one from behind."""
        for first in firsts:
            tried: set[Places] = set()
            for waiting in self.shares[first.share].values():
                if waiting.places not in tried and waiting.places.within(free):
                    return waiting
                tried.add(waiting.places)
        return None
