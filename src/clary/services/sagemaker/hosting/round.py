"""One round of the controller: what there is at its beginning, and what is to be done at its end, all or nothing."""

import math
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson

from clary.resource import crud
from clary.services.sagemaker.hosting.replica import NOUN, RECIPE
from clary.services.sagemaker.hosting.state import SQL, Fleet, State, Variant
from clary.store import routes

Work = Callable[[sqlite3.Connection], None]
IDLE = 5.0  # seconds between two rounds, at most
# All rows that are of one endpoint, as they are: its own document first.
Trace = list[Any]


@dataclass(slots=True)
class Replica:
    """One as the tables have it."""

    arn: str
    id: int  # of its job
    state: str  # of its job
    stop: bool
    document: dict[str, Any]
    entry: routes.Replica | None  # in the routing table

    @property
    def ended(self) -> bool:
        return self.state in crud.ENDED

    @property
    def ready(self) -> bool:
        return self._is("ready") and self.state == "running" and not self.stop

    @property
    def leaving(self) -> bool:
        """It is to go, or gone."""
        return self.stop or self.ended or self._is("draining")

    def _is(self, state: str) -> bool:
        return self.entry is not None and self.entry.state == state


@dataclass(slots=True)
class Round:
    now: float
    table: routes.Table
    replicas: dict[str, list[Replica]]  # by endpoint; of those that are looked at, as the table is
    said: Callable[[str], str]  # the last thing that was said of a replica, by ARN
    alarm: Callable[[str, str], bool]  # whether the alarm of a region and name is in ALARM state
    told: Callable[[], dict[str, Any] | None]  # Plane.state, of this round
    traces: dict[str, Trace]  # of every endpoint
    awake: dict[str, Trace]  # of those to be looked at
    work: list[Work] = field(default_factory=list)
    due: float = math.inf  # look again then
    wake: bool = False  # the engine has something to do
    routed: bool = False  # the data plane has something to learn

    @classmethod
    def begin(
        cls,
        connection: sqlite3.Connection,
        now: float,
        alarm: Callable[[str, str], bool],
        told: Callable[[], dict[str, Any] | None],
        resting: dict[str, Trace],
    ) -> "Round":
        """`resting`: endpoints of which there was nothing to do when these were all rows of theirs."""
        traces: dict[str, Trace] = {}
        for row in connection.execute(SQL["hosting_every"]).fetchall():
            traces[row["arn"]] = [row["document"]]
        known = connection.execute(SQL["replica_all"]).fetchall()
        endpoints = {str(row["id"]): row["arn"].rpartition("/")[0] for row in known}
        for row in known:
            traces.setdefault(endpoints[str(row["id"])], [b""]).append((row["id"], row["state"], row["stop"]))
        entries: dict[str, list[tuple[str, bytes]]] = {}
        lost: list[Work] = []
        for row in connection.execute(SQL["route_every"]).fetchall():
            arn = row["key"] if row["kind"] == "route" else endpoints.get(row["key"])
            if arn is None:  # of a replica that was still being prepared when it was forgotten
                lost.append(partial(routes.remove_replica, number=int(row["key"])))
            else:
                traces.setdefault(arn, [b""]).append(row["document"])
                entries.setdefault(arn, []).append((row["kind"], row["document"]))
        awake = {arn: trace for arn, trace in traces.items() if resting.get(arn) != trace}
        table = routes.table([entry for arn in awake for entry in entries.get(arn, ())])
        found: dict[str, list[Replica]] = {}
        for row in known:
            if (arn := endpoints[str(row["id"])]) in awake:
                document = orjson.loads(row["document"])
                entry = table.replicas.get(row["id"])
                one = Replica(row["arn"], row["id"], row["state"], bool(row["stop"]), document, entry)
                found.setdefault(arn, []).append(one)

        def said(arn: str) -> str:
            row = connection.execute(SQL["replica_said"], {"arn": arn}).fetchone()
            return str(row["message"]) if row else ""

        return cls(now, table, found, said, alarm, told, traces, awake, lost)

    def look_at(self, when: float) -> None:
        """Nothing is to be done before then, unless something happens."""
        self.due = min(self.due, when)

    def wait(self) -> None:
        """Something is on its way, and who brings it wakes the controller."""
        self.look_at(self.now + IDLE)

    def running(self, number: int) -> int:
        """How many requests a replica is answering; 0 also where there is no data plane, which then answers none."""
        told = self.told()
        return int(told["replicas"].get(str(number), {}).get("running", 0)) if told else 0

    def of(self, one: State, fleet: Fleet, variant: Variant) -> list[Replica]:
        return [
            replica
            for replica in self.replicas.get(one.arn, [])
            if replica.document["Fleet"] == fleet.id and replica.document["Spec"]["name"] == variant.name
        ]

    def add(self, one: State, fleet: Fleet, variant: Variant) -> None:
        """A replica: a resource of our own, and its job."""
        name = f"i-{secrets.token_hex(8)}"
        document = {
            "Endpoint": one.arn,
            "EndpointName": one.name,
            "Fleet": fleet.id,
            "Instance": name,
            "RoleArn": variant.spec["role"],
            "EnableNetworkIsolation": variant.spec["isolated"],
            "Spec": variant.spec,
        }
        _, _, _, region, account, _ = one.arn.split(":", 5)
        arn = f"{one.arn}/{name}"
        row = {
            "arn": arn,
            "service": "sagemaker",
            "type": NOUN,
            "account": account,
            "region": region,
            "name": f"{one.name}/{name}",
            "document": orjson.dumps(document).decode(),
            "created": self.now,
        }
        job = {"arn": arn, "recipe": RECIPE, "state": "pending", "due": self.now}

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(crud.SQL["resource_add"], row)
            connection.execute(crud.SQL["job_add"], job)

        self.work.append(work)
        self.wake = True

    def enter(self, replica: Replica, state: Any) -> None:
        """Into the routing table, in another state than it has there."""
        assert replica.entry is not None
        replica.entry = entry = replace(replica.entry, state=state)
        self.work.append(lambda connection: routes.put(connection, entry))
        self.routed = True

    def halt(self, replica: Replica) -> None:
        """It is to end."""
        if replica.stop or replica.ended:
            return
        replica.stop = True

        def work(connection: sqlite3.Connection) -> None:
            job = connection.execute(crud.SQL["job_find"], {"arn": replica.arn}).fetchone()
            if job is not None and job["state"] not in crud.ENDED:
                crud.halt(connection, job, self.now)

        self.work.append(work)
        self.wake = True

    def forget(self, replica: Replica) -> None:
        """Of one that has ended, the rows. Its log stays."""
        self.work.append(partial(crud.forget, arn=replica.arn))

    def route(self, arn: str, route: routes.Route | None) -> None:
        """Where requests for the endpoint go; None: nowhere."""
        if self.table.routes.get(arn) == route:
            return
        if route is None:
            self.work.append(lambda connection: routes.remove_route(connection, arn))
        else:
            self.work.append(lambda connection: routes.put(connection, route))
        self.routed = True
