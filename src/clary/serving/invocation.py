"""One invocation: from the replica that is picked for it to the answer, over another replica if the first one dies."""

import random
import time
from typing import TYPE_CHECKING

from clary.errors import AWSError
from clary.serving import headers, refusals
from clary.serving.answers import Head
from clary.serving.client import NOBODY, Client
from clary.serving.container import Container
from clary.serving.endpoints import Replica, Variant
from clary.serving.meter import rounded

if TYPE_CHECKING:
    from clary.serving.app import Plane

ATTEMPTS = 3  # containers that may die under one request: it may be what kills them
WAITING = 10_000  # invocations that may wait for a replica of one variant
_clock = time.perf_counter


class Invocation:
    """Implements container.Call, for one container after the other."""

    __slots__ = (
        "asked",
        "begun",
        "body",
        "client",
        "container",
        "content_type",
        "handle",
        "headers",
        "id",
        "lasted",
        "model",
        "name",
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
        "until",
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
        self.until = self.started + plane.timeout  # when waiting for a replica ends
        self.variant: Variant | None = None
        self.replica: Replica | None = None
        self.container: Container | None = None
        self.handle: object = None
        self.step = 0  # which of the replica's containers, where they are a pipeline
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

    def copy(self) -> "Invocation":
        return Invocation(self.plane, NOBODY, self.id, self.region, self.name, self.headers, self.body)

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
        self.step = 0
        self.payload = self.body
        self.content_type = self.headers.get("content-type", "")
        self.send(container)

    def send(self, container: Container) -> None:
        self.container = container
        replica = self.replica
        assert replica is not None
        last = self.target or self.step == len(replica.containers) - 1
        found = headers.passed(self.headers, self.content_type, accept=bool(last), streams=self.streams)
        path = "/invocations" if not self.model else self.plane.models.path(self.model)
        container.send(self, path, found, self.payload)
        self.asked = self.sent

    # What the container does, as container.Call has it.

    def answered(self, head: Head, body: bytes) -> None:
        now = _clock()
        lasted = now - self.asked
        self.lasted += lasted
        replica, variant = self.replica, self.variant
        assert replica is not None
        assert variant is not None
        if len(body) > self.plane.body_limit:
            self._fail(refusals.too_long(self._origin(), head.status), head.status)
            return
        if not 200 <= head.status < 300:
            said = body.decode(errors="replace")
            self._fail(refusals.model_error(self._origin(), head.status, said), head.status)
            return
        if len(replica.containers) > 1:
            assert self.container is not None
            variant.meter_of(self.container.hostname).add("ContainerLatency", rounded(lasted))
            if not self.target and self.step < len(replica.containers) - 1:
                self.step += 1
                self.payload, self.content_type = body, head.content_type
                self.send(replica.containers[self.step])
                return
        if head.headers:
            self._session(head, variant, replica)
        self._done(head.status, now)
        if self.streams:
            self.client.begin(self, head)
            self.client.part(self, body)
            self.client.end(self, None)
        else:
            self.client.answer(self, head, body)
        self.plane.capture.note(self, variant, head, body)

    def began(self, head: Head) -> None:
        replica = self.replica
        assert replica is not None
        self.begun = head
        last = self.target or self.step == len(replica.containers) - 1
        if self.streams and last and 200 <= head.status < 300:
            self._first_chunk()
            self.client.begin(self, head)

    def part(self, data: bytes) -> None:
        replica, head = self.replica, self.begun
        assert replica is not None
        assert head is not None
        last = self.target or self.step == len(replica.containers) - 1
        if self.streams and last and 200 <= head.status < 300:
            self.client.part(self, data)
            if self.variant is not None and not self.plane.capture.wants(self.variant):
                return
        self.size += len(data)
        if self.size > self.plane.body_limit and not self.streams:
            self.cancel_call()
            self._fail(refusals.too_long(self._origin(), head.status), head.status)
            return
        self.pieces.append(data)

    def ended(self) -> None:
        replica, head = self.replica, self.begun
        assert replica is not None
        assert head is not None
        body, self.pieces, self.size, self.begun = b"".join(self.pieces), [], 0, None
        last = self.target or self.step == len(replica.containers) - 1
        if not (self.streams and last and 200 <= head.status < 300):
            self.answered(head, body)
            return
        now = _clock()
        self.lasted += now - self.asked
        variant = self.variant
        assert variant is not None
        variant.meter.add("MidStreamErrors", 0)
        self._done(head.status, now)
        self.client.end(self, None)
        self.plane.capture.note(self, variant, head, body)

    def lost(self) -> None:
        if self._streaming():
            self._fail(AWSError("ModelStreamError", self._broken(), ErrorCode="StreamBroken"), 0)
            return
        replica = self.replica
        assert replica is not None
        replica.running -= 1
        replica.failed += 1
        self.replica, self.begun, self.pieces, self.size = None, None, [], 0
        self.tries += 1
        if self.tries < ATTEMPTS:
            self.dispatch()
            return
        self.replica = replica
        replica.running += 1
        self.lasted = _clock() - self.started
        assert self.container is not None
        said = refusals.EXITED.format(self.container.hostname)
        self._fail(refusals.model_error(self._origin(), 0, said), 0)

    def again(self, error: AWSError) -> None:
        """Its replica has died before it was sent there: another one, or `error`."""
        self.tries += 1
        if self.tries < ATTEMPTS:
            self.dispatch()
        else:
            self.refuse(error)

    def late(self) -> None:
        self.lasted += _clock() - self.asked
        assert self.container is not None
        if self._streaming():
            self._fail(AWSError("ModelStreamError", self._broken(), ErrorCode="ModelInvocationTimeExceeded"), 0)
            return
        said = refusals.TIMED_OUT.format(self.container.hostname)
        self._fail(refusals.model_error(self._origin(), 0, said), 0)

    def _first_chunk(self) -> None:
        variant, now = self.variant, _clock()
        assert variant is not None
        model, whole = now - self.asked, now - self.started
        variant.meter.add("FirstChunkModelLatency", rounded(model))
        variant.meter.add("FirstChunkLatency", rounded(whole))
        variant.meter.add("FirstChunkOverheadLatency", rounded(whole - model))

    def cancel(self) -> None:
        """The client is gone."""
        self.client = NOBODY
        if self.replica is not None:
            self.cancel_call()
            self.replica.running -= 1
            self.replica = None
        elif self.variant is not None and self in self.variant.waiting:
            self.variant.waiting.remove(self)
        self.leave()

    def cancel_call(self) -> None:
        assert self.container is not None
        self.container.cancel(self)

    def refuse(self, error: AWSError) -> None:
        """Before any container had it."""
        self.leave()
        self.client.refuse(self, error)

    def _streaming(self) -> bool:
        return self.streams and self.begun is not None and 200 <= self.begun.status < 300

    def _broken(self) -> str:
        # https://github.com/aws/sagemaker-python-sdk/issues/1119
        assert self.container is not None
        name = self.container.hostname
        return f"Your model {name} did not complete sending the inference response in the allotted time."

    def _origin(self) -> refusals.Origin:
        assert self.replica is not None
        assert self.variant is not None
        assert self.container is not None
        told = self.replica.told
        return refusals.Origin(told.endpoint, self.name, self.container.hostname, told.log)

    def _fail(self, error: AWSError, status: int) -> None:
        streaming, replica = self._streaming(), self.replica
        if replica is not None:
            replica.failed += 1
        if streaming and self.variant is not None:
            self.variant.meter.add("MidStreamErrors", 1)
        self._done(status, _clock())
        if streaming:
            self.client.end(self, error)
        else:
            self.client.refuse(self, error)

    def _done(self, status: int, now: float) -> None:
        """Counts it, and leaves replica and variant."""
        replica, variant = self.replica, self.variant
        assert replica is not None
        assert variant is not None
        replica.running -= 1
        variant.running -= 1
        self.replica = self.variant = None
        if 200 <= status < 300:
            replica.failed = 0
        variant.invoked = replica.invoked = self.plane.now
        total = now - self.started
        variant.meter.done(status, self.lasted, total, len(variant.ready) or 1)
        if self.target:
            variant.meter_of(self.target).done(status, self.lasted, total, len(variant.ready) or 1)

    def _session(self, head: Head, variant: Variant, replica: Replica) -> None:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/stateful-sessions.html"""
        begun = head.headers.get(headers.NEW_SESSION)
        if begun:
            variant.keep_session(begun.partition(";")[0], replica)
        ended = head.headers.get(headers.CLOSED_SESSION)
        if ended:
            variant.sessions.pop(ended, None)
