"""An invocation's way to a replica: which variant, which of its replicas, and waiting until there is one."""

import random
import time
from typing import TYPE_CHECKING, Self

from clary.errors import AWSError
from clary.serving import headers, refusals
from clary.serving.answers import Head
from clary.serving.client import NOBODY, Client
from clary.serving.container import Container
from clary.serving.endpoints import Replica, Variant

if TYPE_CHECKING:
    from clary.serving.app import Plane

ATTEMPTS = 3  # containers that may die under one request: it may be what kills them (docs/serving.md has the rule)
WAITING = 10_000  # invocations that may wait for a replica of one variant
_clock = time.perf_counter


class Routed:
    """What an invocation knows, and how it finds its replica. What it does there is Invocation's."""

    __slots__ = (
        "asked",
        "begun",
        "body",
        "client",
        "container",
        "content_type",
        "fused",
        "handle",
        "headers",
        "id",
        "lasted",
        "limit",
        "model",
        "name",
        "patience",
        "payload",
        "pieces",
        "plane",
        "region",
        "replica",
        "sent",
        "size",
        "started",
        "step",
        "streams",
        "target",
        "tries",
        "variant",
    )

    def __init__(
        self,
        plane: "Plane",
        client: Client,
        request_id: str,
        region: str,
        name: str,
        said: dict[str, str],
        body: bytes,
    ) -> None:
        self.plane = plane
        self.client = client
        self.id = request_id
        self.region = region
        self.name = name  # of the endpoint
        self.headers = said
        self.body = body
        self.streams = False
        self.started = self.sent = _clock()
        self.asked = self.sent  # when this container was
        self.patience = plane.timeout
        self.limit = plane.body_limit
        self.variant: Variant | None = None
        self.replica: Replica | None = None
        self.container: Container | None = None
        self.handle: object = None
        self.step = 0  # which of the replica's containers, where they are a pipeline
        self.fused = 0  # how many of the models that are fused in it have answered well
        self.tries = 0
        self.lasted = 0.0  # seconds that containers have had so far
        self.begun: Head | None = None
        self.pieces: list[bytes] = []
        self.size = 0
        self.target = ""  # the container's hostname, where it is called directly
        self.model = ""  # TargetModel

    def start(self) -> None:
        """Goes on until the client has its answer, which may be a refusal."""
        try:
            self.route()
        except AWSError as error:
            self.client.refuse(self, error)

    def route(self) -> None:
        """Picks the variant. Raises AWSError."""
        said = self.headers
        endpoint = self.plane.endpoint(self.region, self.name)
        if endpoint is None:
            raise refusals.unknown(self.name, self.plane.account)
        if endpoint.route.refused:
            raise refusals.invalid(endpoint.route.refused)
        wanted = said.get(headers.TARGET_VARIANT)
        variant = endpoint.choose() if wanted is None else endpoint.variant(wanted)
        if variant is None:
            raise refusals.no_variant(wanted or "with a weight", self.name)
        if variant.fleet.is_async:
            raise refusals.only_async(self.name)
        if headers.COMPONENT in said:
            raise refusals.no_component(self.name)
        self._aim(variant)
        limit = variant.told.concurrency
        if limit and variant.running >= limit:
            raise refusals.throttled()
        self.enter(variant)
        for shadow, share in variant.shadows:
            if share >= 1 or random.random() < share:  # noqa: S311 - a lottery, not a secret
                self.copy().enter(shadow)

    def _aim(self, variant: Variant) -> None:
        """At a model or a container, where the variant has several."""
        said, mode = self.headers, variant.told.mode
        self.model = said.get(headers.TARGET_MODEL, "")
        if mode == "Multi":
            if not self.model:
                raise refusals.no_target_model(self.id)
        elif self.model:
            raise refusals.no_multi_model(self.name)
        if mode == "Direct":
            self.target = said.get(headers.TARGET_CONTAINER, "")

    def enter(self, variant: Variant) -> None:
        """From here on it is the variant's."""
        self.variant = variant
        variant.running += 1
        self.dispatch()

    def copy(self) -> Self:
        return type(self)(self.plane, NOBODY, self.id, self.region, self.name, self.headers, self.body)

    def leave(self) -> None:
        """It is no longer the variant's; `elsewhere` or the end follows."""
        if self.variant is not None:
            self.variant.running -= 1
            self.variant = None

    def elsewhere(self) -> None:
        """The variant has gone while this waited: wherever the endpoint leads now."""
        self.leave()
        if self.client is not NOBODY:
            self.start()

    def dispatch(self) -> None:
        """To a replica, or into the queue until there is one."""
        variant = self.variant
        assert variant is not None
        replica = None
        if headers.SESSION in self.headers:
            replica = variant.of_session(self.headers[headers.SESSION])
        if self.model:
            self.plane.models.dispatch(self, replica)
            return
        replica = replica or variant.pick() or self.plane.pick_again(variant)
        if replica is None:
            self.wait()
        else:
            self.begin(replica)

    def wait(self) -> None:
        variant = self.variant
        assert variant is not None
        if variant.gone:
            self.elsewhere()
        elif len(variant.waiting) >= WAITING:
            self.refuse(refusals.unavailable())
        else:
            variant.waiting.append(self)
            self.plane.want(variant)

    def expire(self) -> None:
        """No replica has come in time. https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"""
        if self.model:
            self.refuse(refusals.not_ready(f"Model {self.model} is not ready to serve invocations."))
        else:
            self.refuse(refusals.unavailable())

    def begin(self, replica: Replica) -> None:
        """At the first container of this replica."""
        containers = replica.containers
        container = containers[0]
        if self.target or (self.variant is not None and self.variant.told.mode == "Direct"):
            found = [each for each in containers if each.hostname == self.target]
            if not found:
                self.refuse(refusals.no_container(self.name, self.target))
                return
            container = found[0]
        self.replica = replica
        replica.running += 1
        self.step = self.fused = 0
        self.payload = self.body
        self.content_type = self.headers.get("content-type", "")
        self.send(container)

    def send(self, container: Container) -> None:
        """To a container of `replica`: one after the other, where they are a pipeline."""
        raise NotImplementedError

    def again(self, error: AWSError) -> None:
        """Its replica has died before it was sent there: another one, or `error`."""
        self.tries += 1
        if self.tries < ATTEMPTS:
            self.dispatch()
        else:
            self.refuse(error)

    def refuse(self, error: AWSError) -> None:
        """Before any container had it."""
        self.leave()
        self.client.refuse(self, error)
