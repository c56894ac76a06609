"""An endpoint as its controller has it: what is asked for, and how far it has come. One row each, in table hosting.

A fleet is what one endpoint configuration asks for. There is one, or two while an update moves from one to the next;
the last is the newest. Replicas are rows of their own: jobs of the engine.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from clary.store.sql import queries

SQL = queries("clary.services.sagemaker")
Document = dict[str, Any]


@dataclass(slots=True)
class Variant:
    """`spec` is what every replica of it is (design.py)."""

    spec: Document
    count: int  # replicas that there should be
    weight: float

    @property
    def name(self) -> str:
        return str(self.spec["name"])


@dataclass(slots=True)
class Fleet:
    id: str  # f1, f2, ...
    config: str  # EndpointConfigName
    variants: list[Variant]
    begun: float  # seconds since the epoch
    share: float = 0.0  # of the endpoint's traffic
    settings: Document = field(default_factory=dict)  # DataCaptureConfig, AsyncInferenceConfig of its configuration
    complete: bool = False  # all its replicas were ready at one moment: since then, what ends is replaced


@dataclass(slots=True)
class State:
    arn: str
    name: str
    status: str  # EndpointStatus
    reason: str = ""  # FailureReason
    fleets: list[Fleet] = field(default_factory=list)
    made: int = 0  # fleets so far
    deployment: Document = field(default_factory=dict)  # of the update that goes on (deployment.py)
    last: Document | None = None  # LastDeploymentConfig

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @property
    def steady(self) -> bool:
        return self.status in ("InService", "Failed", "OutOfService", "UpdateRollbackFailed") and not self.deployment

    def fleet(self, number: str) -> Fleet | None:
        return next((fleet for fleet in self.fleets if fleet.id == number), None)

    def add(self, config: str, variants: list[Variant], settings: Document, now: float) -> Fleet:
        self.made += 1
        fleet = Fleet(f"f{self.made}", config, variants, now, settings=settings)
        self.fleets.append(fleet)
        return fleet


def every(connection: sqlite3.Connection) -> Iterator[State]:
    for row in connection.execute(SQL["hosting_every"]).fetchall():
        yield read(row["document"])


def read(document: bytes) -> State:
    """Of a row's document."""
    return _state(orjson.loads(document))


def find(connection: sqlite3.Connection, arn: str) -> State | None:
    row = connection.execute(SQL["hosting_find"], {"arn": arn}).fetchone()
    return read(row["document"]) if row else None


def put(connection: sqlite3.Connection, state: State) -> None:
    """Within a transaction."""
    connection.execute(SQL["hosting_put"], {"arn": state.arn, "document": orjson.dumps(asdict(state))})


def remove(connection: sqlite3.Connection, arn: str) -> None:
    """Within a transaction."""
    connection.execute(SQL["hosting_remove"], {"arn": arn})


def _state(told: Document) -> State:
    fleets = [
        Fleet(**{**fleet, "variants": [Variant(**variant) for variant in fleet["variants"]]})
        for fleet in told.pop("fleets")
    ]
    return State(**told, fleets=fleets)
