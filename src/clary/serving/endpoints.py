"""The endpoints that there are, as the routing table says, with what runs behind them: which replica is the next?"""

import random
import time
from bisect import bisect
from collections import deque
from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING

from clary.serving.container import Container
from clary.serving.frames import FramesContainer
from clary.serving.meter import Meter, rounded
from clary.serving.web import WebContainer
from clary.store import routes

if TYPE_CHECKING:
    from clary.serving.routing import Routed

SESSIONS = 10_000  # that are remembered per variant; the oldest go first


class Replica:
    """One instance of a variant."""

    def __init__(self, told: routes.Replica, variant: "Variant") -> None:
        self.id = told.id
        self.told = told
        self.variant = variant
        self.running = 0
        self.invoked = 0.0  # time of day
        self.loaded: dict[str, float] = {}  # multi-model: TargetModel -> when it was last used
        self.loading: dict[str, list[Routed]] = {}  # and who waits for it
        self.containers = [self._open(container) for container in told.containers]

    def _open(self, told: routes.Framed | routes.Web) -> Container:
        name = self.variant.told.name
        if isinstance(told, routes.Framed):
            return FramesContainer(told.hostname, told.socket, told.workers, name, self._changed)
        return WebContainer(told.hostname, told.url, name, self._changed, told.door)

    def _changed(self) -> None:
        if not self.usable:
            self.loaded.clear()  # if it comes back, then without its models
        self.variant.sort()

    @property
    def usable(self) -> bool:
        return self.told.state == "ready" and all(container.usable for container in self.containers)

    def close(self) -> None:
        for container in self.containers:
            container.close()


class Variant:
    def __init__(self, told: routes.Variant, fleet: routes.Fleet, route: routes.Route) -> None:
        self.told = told
        self.fleet = fleet
        self.route = route
        self.gone = False
        self.replicas: dict[int, Replica] = {}
        self.ready: list[Replica] = []
        self.waiting: deque[Routed] = deque()
        self.running = 0
        self.invoked = 0.0
        self.wanted = 0.0  # when main was last asked for a replica
        self.sessions: dict[str, int] = {}
        self.shadows: list[tuple[Variant, float]] = []  # and their share of the requests
        self.meter = Meter(route.region, EndpointName=route.name, VariantName=told.name)
        self.meters: dict[str, Meter] = {}  # of containers, where there are several

    def sort(self) -> None:
        """Which replicas are ready has perhaps changed."""
        self.ready = [replica for replica in self.replicas.values() if replica.usable]
        if self.ready and self.waiting:
            waiting, self.waiting = self.waiting, deque()
            if self.told.serverless:  # the first of them has waited for all of it
                self.meter.add("ModelSetupTime", rounded(time.perf_counter() - waiting[0].started))
            for invocation in waiting:
                invocation.dispatch()

    def pick(self) -> Replica | None:
        """The replica that has the least to do; of equals, the next in turn."""
        ready = self.ready
        if len(ready) < 2:
            return ready[0] if ready else None
        ready.append(ready.pop(0))
        best = ready[0]
        for replica in ready:
            if replica.running < best.running:
                best = replica
        return best

    def of_session(self, session: str) -> Replica | None:
        replica = self.replicas.get(self.sessions.get(session, -1))
        return replica if replica is not None and replica.usable else None

    def keep_session(self, session: str, replica: Replica) -> None:
        if len(self.sessions) >= SESSIONS:
            del self.sessions[next(iter(self.sessions))]
        self.sessions[session] = replica.id

    def meter_of(self, hostname: str) -> Meter:
        meter = self.meters.get(hostname)
        if meter is None:
            names = {"EndpointName": self.route.name, "VariantName": self.told.name, "ContainerName": hostname}
            meter = self.meters[hostname] = Meter(self.route.region, **names)
        return meter


class Endpoint:
    def __init__(self, route: routes.Route) -> None:
        self.route = route
        self.variants: dict[tuple[str, str], Variant] = {}  # by fleet and name
        self._chosen: list[Variant] = []
        self._weights: list[float] = []

    def weigh(self) -> None:
        """To be called when the variants have changed."""
        found: list[tuple[float, Variant]] = []
        for fleet in self.route.fleets:
            variants = [self.variants[fleet.id, told.name] for told in fleet.variants if not told.shadow]
            whole = sum(variant.told.weight for variant in variants)
            found += [(fleet.share * each.told.weight / whole, each) for each in variants if whole and each.told.weight]
            for variant in variants:
                variant.shadows = [
                    (self.variants[fleet.id, told.name], _share(told, variant.told))
                    for told in fleet.variants
                    if told.shadow == variant.told.name
                ]
        found = [(weight, variant) for weight, variant in found if weight]
        self._chosen = [variant for _, variant in found]
        self._weights = list(accumulate(weight for weight, _ in found))

    def choose(self) -> Variant | None:
        """By the weights. None if none of them has any."""
        chosen = self._chosen
        if len(chosen) < 2:
            return chosen[0] if chosen else None
        at = bisect(self._weights, random.random() * self._weights[-1])  # noqa: S311 - a lottery, not a secret
        return chosen[min(at, len(chosen) - 1)]

    def variant(self, name: str) -> Variant | None:
        """That of this name; where an update has two, by the fleets' shares."""
        found = [
            (fleet.share, variant)
            for fleet in self.route.fleets
            if (variant := self.variants.get((fleet.id, name))) is not None and not variant.told.shadow
        ]
        shares = [share for share, _ in found]
        if len(found) < 2 or not any(shares):
            return found[-1][1] if found else None
        return random.choices(found, shares)[0][1]  # noqa: S311 - likewise

    def refresh(self, route: routes.Route) -> None:
        self.route = route
        fresh = {(fleet.id, told.name): (fleet, told) for fleet in route.fleets for told in fleet.variants}
        for key, (fleet, told) in fresh.items():
            known = self.variants.get(key)
            if known is None:
                self.variants[key] = Variant(told, fleet, route)
            else:
                known.told, known.fleet, known.route = told, fleet, route
        for key in self.variants.keys() - fresh.keys():
            self.variants.pop(key).gone = True
        self.weigh()


def _share(shadow: routes.Variant, production: routes.Variant) -> float:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html: "the traffic is determined
    by the ratio of the shadow variant's weight to the production variant's".
    """
    return min(1.0, shadow.weight / production.weight) if production.weight else 0.0


class Endpoints:
    def __init__(self, told: Callable[[Variant], None]) -> None:
        """`told` is called with each variant that has gone, whose waiting invocations have to go elsewhere."""
        self._told = told
        self._table = routes.Table()
        self.by_name: dict[tuple[str, str], Endpoint] = {}  # region, name
        self.replicas: dict[int, Replica] = {}
        self._closing: list[Variant] = []  # until what they have counted is taken, and nothing of theirs runs

    def apply(self, table: routes.Table) -> None:
        """Makes it so. What is unchanged stays as it is."""
        if table == self._table:
            return
        before, self._table = self._table, table
        known = {endpoint.route.arn: endpoint for endpoint in self.by_name.values()}
        self.by_name = {}
        gone: list[Variant] = []
        for arn, route in table.routes.items():
            endpoint = known.pop(arn, None) or Endpoint(route)
            held = list(endpoint.variants.values())
            if before.routes.get(arn) != route:
                endpoint.refresh(route)
            gone += [variant for variant in held if variant.gone]
            self.by_name[route.region, route.name] = endpoint
        for endpoint in known.values():
            for variant in endpoint.variants.values():
                variant.gone = True
                gone.append(variant)
        self._replicas(before, table)
        self._closing += gone
        for variant in gone:
            self._told(variant)

    def _replicas(self, before: routes.Table, table: routes.Table) -> None:
        arns = {endpoint.route.arn: endpoint for endpoint in self.by_name.values()}
        changed: set[Variant] = set()
        for number, replica in list(self.replicas.items()):
            told = table.replicas.get(number)
            moved = told is not None and told.containers != replica.told.containers
            if told is None or moved or replica.variant.gone:
                self.replicas.pop(number)
                replica.variant.replicas.pop(number, None)
                changed.add(replica.variant)
                replica.close()
            elif before.replicas.get(number) != told:
                replica.told = told
                changed.add(replica.variant)
        for number, told in table.replicas.items():
            endpoint = arns.get(told.endpoint)
            variant = endpoint.variants.get((told.fleet, told.variant)) if endpoint else None
            if number not in self.replicas and variant is not None and told.state != "starting":
                self.replicas[number] = variant.replicas[number] = Replica(told, variant)
                changed.add(variant)
        for variant in changed:
            variant.sort()

    def variants(self) -> list[Variant]:
        return [variant for endpoint in self.by_name.values() for variant in endpoint.variants.values()]

    def tick(self) -> None:
        now = time.time()
        for variant in self.variants():
            for meter in (variant.meter, *variant.meters.values()):
                meter.tick(now)

    def meters(self) -> list[Meter]:
        """All; those of variants that have gone for the last time, unless something of theirs still runs."""
        closing, self._closing = self._closing, [variant for variant in self._closing if variant.running]
        return [meter for each in (*self.variants(), *closing) for meter in (each.meter, *each.meters.values())]
