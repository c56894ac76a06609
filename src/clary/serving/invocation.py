"""One invocation at its replica, and the way back: over another replica if the first one dies."""

import time

from clary.errors import AWSError
from clary.serving import headers, refusals
from clary.serving.answers import Head
from clary.serving.client import NOBODY
from clary.serving.container import Container
from clary.serving.endpoints import Replica, Variant
from clary.serving.meter import rounded
from clary.serving.routing import ATTEMPTS, Routed

_clock = time.perf_counter


class Invocation(Routed):
    """Implements container.Call, for one container after the other."""

    __slots__ = ()

    def send(self, container: Container) -> None:
        self.container = container
        replica = self.replica
        assert replica is not None
        found = headers.passed(self.headers, self.content_type, accept=self._last(), streams=self.streams)
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
        if len(body) > self.limit:
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

    def stepped(self, lasted: list[float]) -> None:
        assert self.variant is not None
        for hostname, each in zip(self._steps(), lasted, strict=False):
            self.variant.meter_of(hostname).add("ContainerLatency", rounded(each))
        self.fused = len(lasted)

    def began(self, head: Head) -> None:
        self.begun = head
        if self._streaming():
            self._first_chunk()
            self.client.begin(self, head)

    def part(self, data: bytes) -> None:
        head, streaming = self.begun, self._streaming()
        assert head is not None
        assert self.variant is not None
        if streaming:
            self.client.part(self, data)
            if not self.plane.capture.wants(self.variant):
                return
        self.size += len(data)
        if self.size <= self.limit:  # of a stream, no more than that is captured
            self.pieces.append(data)
        elif not streaming:
            self.cancel_call()
            self._fail(refusals.too_long(self._origin(), head.status), head.status)

    def ended(self) -> None:
        head, streaming = self.begun, self._streaming()
        assert head is not None
        body, self.pieces, self.size, self.begun = b"".join(self.pieces), [], 0, None
        if not streaming:
            self.answered(head, body)
            return
        replica, variant, now = self.replica, self.variant, _clock()
        assert replica is not None
        assert variant is not None
        lasted = now - self.asked
        self.lasted += lasted
        if len(replica.containers) > 1:
            assert self.container is not None
            variant.meter_of(self.container.hostname).add("ContainerLatency", rounded(lasted))
        variant.meter.add("MidStreamErrors", 0)
        self._done(head.status, now)
        self.client.end(self, None)
        self.plane.capture.note(self, variant, head, body)

    def lost(self) -> None:
        if self._streaming():
            self._fail(AWSError("ModelStreamError", self._broken(), ErrorCode="StreamBroken"), 0)
            return
        if _clock() - self.sent >= self.patience:  # a model server kills what hangs by the same limit, and may be first
            self.late()
            return
        replica = self.replica
        assert replica is not None
        replica.running -= 1
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

    def pause(self) -> None:
        """The client does not read: what streams to it is not read from its container either, until `resume`."""
        if self.streams and self.container is not None:
            self.container.pause(self)

    def resume(self) -> None:
        if self.streams and self.container is not None:
            self.container.resume(self)

    def _last(self) -> bool:
        """Whether its container's answer is the client's."""
        assert self.replica is not None
        return bool(self.target) or self.step == len(self.replica.containers) - 1

    def _streaming(self) -> bool:
        """Whether the client's answer has begun, and is not over."""
        return self.streams and self.begun is not None and 200 <= self.begun.status < 300 and self._last()

    def _broken(self) -> str:
        # https://github.com/aws/sagemaker-python-sdk/issues/1119
        assert self.container is not None
        name = self.container.hostname
        return f"Your model {name} did not complete sending the inference response in the allotted time."

    def _origin(self) -> refusals.Origin:
        assert self.replica is not None
        assert self.variant is not None
        assert self.container is not None
        told, steps = self.replica.told, self._steps()
        hostname = steps[self.fused] if self.fused < len(steps) else self.container.hostname
        return refusals.Origin(told.endpoint, hostname, told.log[0])

    def _steps(self) -> tuple[str, ...]:
        """The containers that are fused in this one."""
        assert self.replica is not None
        return self.replica.told.containers[self.step].steps

    def _fail(self, error: AWSError, status: int) -> None:
        streaming = self._streaming()
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
