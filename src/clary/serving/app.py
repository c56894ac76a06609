"""The data plane in one object: what every connection and invocation can reach, and the way of a request through it."""

import gc
import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clary.config import Config
from clary.errors import AccessDenied, AWSError, InternalFailure, InvalidAccessKey, UnknownOperation
from clary.serving import inside
from clary.serving.answers import Ids
from clary.serving.capture import Capture
from clary.serving.door import Allow, Door, Find, Tags
from clary.serving.endpoints import Endpoint, Endpoints, Replica, Variant
from clary.serving.headers import TARGET_MODEL
from clary.serving.invocation import Invocation
from clary.serving.kept import Kept
from clary.serving.main import Main
from clary.serving.models import Models
from clary.store import routes
from clary.store.db import Reader
from clary.wire.message import Request

if TYPE_CHECKING:
    from clary.serving.server import Connection

log = logging.getLogger(__name__)

OPERATIONS = {
    "invocations": "InvokeEndpoint",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
    "async-invocations": "InvokeEndpointAsync",
}
STREAM, ASYNC = OPERATIONS["invocations-response-stream"], OPERATIONS["async-invocations"]
WANT_AGAIN = 5.0  # seconds until main is asked once more for a replica that has not come
_PATH = re.compile(r"/endpoints/([^/?]{1,256})/(invocations|invocations-response-stream|async-invocations)")
_KEPT = 4096  # paths and ARNs in memory


@dataclass(frozen=True, slots=True)
class Account:
    """IAM as the data plane sees it; plane.py makes it."""

    id: str
    find: Find
    allow: Allow
    tags: Tags
    forget: Callable[[], None]  # what it knows of the tables: they may have changed


class Plane:
    """Lives on the event loop."""

    def __init__(self, config: Config, reader: Reader, account: Account) -> None:
        self.config = config
        self.account = account.id
        self.timeout = config.serving_timeout
        self.body_limit = config.serving_body_limit
        self.home: Path = config.home / "serving"
        self.pid = os.getpid()
        self.now = time.time()
        self.ids = Ids()
        self.connections: set[Connection] = set()
        self.stopping = False
        self.door = Door(account.find, account.allow, account.tags, config.clock_skew)
        self.endpoints = Endpoints(_elsewhere)
        self.main = Main(config.home)
        self.models = Models(self)
        self.capture = Capture(self.home / "capture", 2 * config.harvest)
        self._reader = reader
        self._forget = account.forget
        self._version = -1
        self._rows: list[tuple[str, bytes]] = []
        self._paths: dict[str, tuple[str, str]] = {}
        self._arns: Kept[tuple[str, str], str] = Kept(self._arn, _KEPT)
        self.refresh()

    def refresh(self) -> bool:
        """Reads the tables again if anything in them has changed; whether it has."""
        connection = self._reader.read()
        version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return False
        self._version = version
        self._forget()
        self.door.forget()
        rows = routes.rows(connection)
        if rows != self._rows:  # most of what main writes is of other tables
            self._rows = rows
            self.endpoints.apply(routes.table(rows))
        return True

    def endpoint(self, region: str, name: str) -> Endpoint | None:
        found = self.endpoints.by_name.get((region, name))
        if (found is None or found.route.refused) and self.refresh():
            found = self.endpoints.by_name.get((region, name))
        return found

    def pick_again(self, variant: Variant) -> Replica | None:
        """When none was to be had: perhaps one has come this moment."""
        return variant.pick() if self.refresh() else None

    def want(self, variant: Variant) -> None:
        """A serverless variant has to have a replica. Main is asked, and asked again if it has been away."""
        if variant.told.serverless and self.now - variant.wanted >= WANT_AGAIN:
            variant.wanted = self.now
            self.main.ask("want", {"endpoint": variant.route.arn, "variant": variant.told.name}, _nothing)

    def handle(self, connection: "Connection", request: Request) -> None:
        """One request; it answers on `connection`, now or later."""
        request_id = self.ids()
        try:
            self._handle(connection, request, request_id)
        except AWSError as error:
            connection.refused(error, request_id)
        except Exception:
            log.exception("%s %s %s", request.method, request.path, request_id)
            connection.refused(InternalFailure(), request_id)

    def _handle(self, connection: "Connection", request: Request, request_id: str) -> None:
        known = self._paths.get(request.path)
        if known is None or request.method != "POST":
            known = self._locate(request)
            if known is None:
                if connection.inside and inside.answer(self, connection, request):
                    return
                raise UnknownOperation
        operation, name = known
        if operation == ASYNC:
            self.main.forward(connection, request, request_id)
            return
        headers = request.headers
        if connection.inside:
            region = headers.get("x-clary-region", self.config.region)
        else:
            try:
                region = self._admit(request, operation, name)
            except (AccessDenied, InvalidAccessKey):
                if not self.refresh():  # else a key or a policy may have come this moment
                    raise
                region = self._admit(request, operation, name)
        invocation = Invocation(self, connection, request_id, region, name, headers, request.body)
        invocation.started = connection.began
        invocation.streams = operation == STREAM
        connection.invocation = invocation
        invocation.start()

    def _admit(self, request: Request, operation: str, name: str) -> str:
        """The region that the request is for. Raises AWSError."""
        credentials, signature = self.door.authenticate(request)
        region = signature.region
        arn = self._arns[region, name]
        self.door.authorize(credentials, "sagemaker:" + operation, arn, request.headers.get(TARGET_MODEL, ""), request)
        return region

    def _locate(self, request: Request) -> tuple[str, str] | None:
        match = _PATH.fullmatch(request.path)
        if match is None or request.method != "POST":
            return None
        if len(self._paths) >= _KEPT:
            self._paths.clear()
        found = self._paths[request.path] = OPERATIONS[match[2]], match[1]
        return found

    def _arn(self, asked: tuple[str, str]) -> str:
        region, name = asked
        return f"arn:aws:sagemaker:{region}:{self.account}:endpoint/{name.lower()}"  # an ARN has it in lower case

    def tick(self) -> None:
        """A few times a second: what has taken too long ends, what was counted in a past minute is put aside."""
        self.now = time.time()
        clock = time.perf_counter()
        for replica in [*self.endpoints.replicas.values()]:
            for container in replica.containers:
                container.sweep(clock)
        for variant in self.endpoints.variants():
            for waiting in [each for each in variant.waiting if each.started + each.patience < clock]:
                variant.waiting.remove(waiting)
                waiting.expire()
            if variant.waiting:
                self.want(variant)
        self.main.sweep(clock)
        self.endpoints.tick()
        self.capture.tick(self.now)

    def gauge(self) -> None:
        """Every 10 seconds: how many are at work now; connections that are for nothing end, and what is left of
        replicas that have gone is let go. That they refer to each other, the collector would find out hours later.
        """
        for variant in self.endpoints.variants():
            variant.meter.add("ConcurrentRequestsPerModel", variant.running)
        clock = time.perf_counter()
        for connection in [*self.connections]:
            connection.look(clock)
        gc.collect()  # a millisecond: what was there at the start is frozen

    def close(self) -> None:
        self.capture.close()


def _elsewhere(variant: Variant) -> None:
    waiting = list(variant.waiting)
    variant.waiting.clear()
    for invocation in waiting:
        invocation.elsewhere()


def _nothing(_status: int, _body: bytes) -> None:
    """Main says no more than that it has heard; the replica comes by way of the table."""
