"""Where invocations go: the endpoints that serve, and the replicas behind them.

The hosting controller (services/sagemaker/hosting) writes it, the data plane (serving/) reads it, each in a process of
its own: so it lies below both. An endpoint has one fleet, or two while an update moves traffic from one to the other; a
fleet is what one endpoint configuration asks for: variants, each with its weight. A replica is one instance of a
variant, and serves through one container, or several in a row.
"""

import sqlite3
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

from clary.store.sql import queries

SQL = queries("clary.store")

Mode = Literal["Single", "Serial", "Direct", "Multi"]  # how the containers of a model are called


@dataclass(frozen=True, slots=True)
class Variant:
    name: str
    weight: float
    mode: Mode = "Single"
    shadow: str = ""  # the production variant whose requests it gets a copy of, if it is a shadow
    serverless: bool = False
    concurrency: int = 0  # requests at once over all its replicas; 0: no limit
    model: str = ""  # ModelName


@dataclass(frozen=True, slots=True)
class Fleet:
    id: str  # unique within the endpoint
    share: float  # of the endpoint's traffic, 0 to 1
    config: str  # EndpointConfigName
    variants: tuple[Variant, ...]
    # DataCaptureConfig, where it is enabled, and "Roles": by variant, who brings what is captured to S3.
    capture: dict[str, Any] | None = None
    is_async: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    arn: str
    name: str
    region: str
    fleets: tuple[Fleet, ...]
    refused: str = ""  # the sentence for an endpoint that cannot be invoked now, and why


@dataclass(frozen=True, slots=True)
class Container:
    """One is either Framed or Web."""

    hostname: str
    steps: tuple[str, ...] = ()  # the hostnames of the containers that run fused in this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed(Container):
    """A model server of ours: it speaks frames, at a socket alone."""

    socket: str  # a path on the host
    workers: int = 1  # connections to open to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Web(Container):
    """Any other: it speaks HTTP."""

    url: str  # http://127.0.0.1:8080
    door: str = ""  # a path on the host: by which one comes to its network (compute/driver.py)


@dataclass(frozen=True, slots=True)
class Replica:
    id: int  # of the engine's job
    endpoint: str  # ARN
    fleet: str
    variant: str
    state: Literal["starting", "ready", "draining"]
    containers: tuple[Framed | Web, ...]
    log: tuple[str, str] = ("", "")  # group and stream, for LogStreamArn


@dataclass(frozen=True, slots=True)
class Table:
    routes: dict[str, Route] = field(default_factory=dict)  # by ARN
    replicas: dict[int, Replica] = field(default_factory=dict)


def read(connection: sqlite3.Connection) -> Table:
    """All of it, as one moment had it."""
    return table(rows(connection))


def rows(connection: sqlite3.Connection) -> list[tuple[str, bytes]]:
    """As `read`, not yet understood: the kind and the document of each."""
    return [(row["kind"], row["document"]) for row in connection.execute(SQL["route_all"]).fetchall()]


def table(found: list[tuple[str, bytes]]) -> Table:
    """What the rows say."""
    routes, replicas = {}, {}
    for kind, document in found:
        told = orjson.loads(document)
        if kind == "route":
            fleets = tuple(
                Fleet(**{**fleet, "variants": tuple(Variant(**each) for each in fleet["variants"])})
                for fleet in told.pop("fleets")
            )
            routes[told["arn"]] = Route(**told, fleets=fleets)
        else:
            containers = tuple(_container(each) for each in told.pop("containers"))
            replicas[told["id"]] = Replica(**{**told, "log": tuple(told["log"])}, containers=containers)
    return Table(routes, replicas)


def _container(told: dict[str, Any]) -> Framed | Web:
    hostname, steps = told["hostname"], tuple(told.get("steps", ()))
    if socket := told.get("socket"):
        return Framed(hostname, steps, socket=socket, workers=told["workers"])
    return Web(hostname, steps, url=told["url"], door=told.get("door", ""))


def put(connection: sqlite3.Connection, entry: Route | Replica) -> None:
    """Within a transaction."""
    kind, key = ("route", entry.arn) if isinstance(entry, Route) else ("replica", str(entry.id))
    connection.execute(SQL["route_put"], {"kind": kind, "key": key, "document": orjson.dumps(asdict(entry))})


def remove_route(connection: sqlite3.Connection, arn: str) -> None:
    connection.execute(SQL["route_remove"], {"kind": "route", "key": arn})


def remove_replica(connection: sqlite3.Connection, number: int) -> None:
    connection.execute(SQL["route_remove"], {"kind": "replica", "key": str(number)})
