"""One asynchronous invocation, from its input in S3 to its answer there.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""

import base64
import contextlib
import io
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from clary.errors import AWSError, ClaryError
from clary.jobs.ml import data
from clary.jobs.objects import Objects
from clary.resource.call import Platform
from clary.services.cloudwatch.metrics import Metrics
from clary.services.sagemaker_runtime import notify, waiting
from clary.services.sagemaker_runtime.container import LARGEST, Answer, Late, Lost, Unreached, ask, ask_inside
from clary.services.sagemaker_runtime.waiting import Row
from clary.store import routes

log = logging.getLogger(__name__)
NAMESPACE = "AWS/SageMaker"
ATTEMPTS = 3  # replicas that may end while they have a request: it may be what ends them
SHOWN = 1024  # characters of what a model said, in a reason


class Failed(ClaryError):
    """The invocation cannot be answered. The message is the failureReason."""

    def __init__(self, message: str, metric: str = "", answer: Answer | None = None) -> None:
        super().__init__(message)
        self.metric = metric  # that counts such failures
        self.answer = answer


@dataclass(slots=True)
class Measured:
    """Samples of one invocation, put together at its end."""

    dimensions: dict[str, str]
    at: float
    samples: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str = "None") -> None:
        self.samples.append((name, self.dimensions, value, unit, self.at))


@dataclass(frozen=True, slots=True)
class Work:
    platform: Platform
    objects: Objects
    metrics: Metrics
    folder: Path  # for what is on its way

    def expire(self, row: Row, variant: str, role: str) -> bool:
        """It has waited too long: True, as there is nothing more to do."""
        said = f"The request waited for longer than its RequestTTLSeconds, {row.asked.live:.0f} seconds."
        measured = self._measured(row, variant)
        self._finish(row, role, measured, Failed(f"ClientError: {said}", "ExpiredRequests"), None)
        return True

    def carry_out(self, row: Row, replica: routes.Replica, spec: dict[str, Any]) -> bool:
        """By this replica; whether that was there to the end. If not, the row stays, unless that was once too often."""
        role, now = spec["role"], self.platform.clock()
        measured = self._measured(row, replica.variant)
        if row.begun is not None and self._is_there(row, role):  # we were killed before we could note it
            self._finish(row, role, measured, None, None)
            return True
        self.platform.store.write(lambda connection: waiting.begin(connection, row.id, now))
        measured.add("TimeInBacklog", 1000 * (now - row.created), "Milliseconds")
        answer: Answer | None = None
        failed: Failed | None = None
        with self._files(row) as folder:
            try:
                answer = self._invoke(row, replica, spec, folder, measured)
                self._bring(row, role, answer)
            except Lost as error:
                if isinstance(error, Unreached):
                    return False
                if row.lost + 1 < ATTEMPTS:
                    self.platform.store.write(lambda connection: waiting.lose(connection, row.id))
                    return False
                failed = Failed(f"ServerError: {error.message}")
            except Failed as error:
                failed = error
            self._finish(row, role, measured, failed, failed.answer if failed else answer)
        return True

    def _invoke(
        self, row: Row, replica: routes.Replica, spec: dict[str, Any], folder: Path, measured: Measured
    ) -> Answer:
        """Raises Failed and Lost."""
        asked = row.asked
        if spec["mode"] not in {"Single", "Serial"}:
            raise Failed("ClientError: Asynchronous invocations cannot name a model or a container of several.")
        deadline = time.monotonic() + asked.timeout
        headers = {name: value for name, value in asked.headers.items() if name != "accept"}
        answer: Answer | None = None
        began = time.monotonic()
        for number, container in enumerate(replica.containers, start=1):
            if number == len(replica.containers) and "accept" in asked.headers:
                headers["accept"] = asked.headers["accept"]
            source, size = self._source(row, spec["role"], headers) if answer is None else _opened(answer)
            try:
                with source:
                    into = folder / str(number)
                    if isinstance(container, routes.Framed):
                        answer = ask_inside(container, headers, source, into, deadline)
                    else:
                        answer = ask(container, headers, source, size, into, deadline)
            except Late as error:
                said = (
                    f"Your invocation timed out while waiting for a response from container {container.hostname} "
                    f"(InvocationTimeoutSeconds is {asked.timeout:.0f})."
                )
                raise Failed(f"ClientError: {said}") from error
            if answer.size > LARGEST:
                raise Failed(f"ClientError: The answer of {container.hostname} has more than {LARGEST} bytes.")
            if not answer.good:
                self._model(measured, answer, began)
                raise Failed(_said(answer, container.hostname), answer=answer)
            headers["content-type"] = answer.content_type
        assert answer is not None
        self._model(measured, answer, began)
        return answer

    def _source(self, row: Row, role: str, headers: dict[str, str]) -> tuple[BinaryIO, int]:
        """The input, and how long it is. Without a ContentType the object says what it is: SDK 2 names it only there
        (sagemaker/predictor_async.py, _upload_data_to_s3). Raises Failed.
        """
        if row.asked.body:
            body = base64.b64decode(row.asked.body)
            return io.BytesIO(body), len(body)
        uri = row.asked.input
        try:
            found = self.objects.find(role, *data.split(uri))
            source: BinaryIO = Path(found.path).open("rb") if found.path else io.BytesIO()  # noqa: SIM115 - the caller
        except (AWSError, OSError) as error:
            said = error.message if isinstance(error, AWSError) else error.strerror
            reason = f"ClientError: Failed to download the input at {uri}: {said}"
            raise Failed(reason, "RequestDownloadFailures") from error
        if found.size > LARGEST:
            source.close()
            raise Failed(f"ClientError: The input at {uri} has more than {LARGEST} bytes.", "RequestDownloadFailures")
        if found.kind:
            headers.setdefault("content-type", found.kind)
        return source, found.size

    def _bring(self, row: Row, role: str, answer: Answer) -> None:
        """Raises Failed."""
        if not row.asked.output:
            return
        try:
            move = answer.size > notify.INCLUDED  # else its bytes may be told
            self.objects.put(role, *data.split(row.asked.output), answer.file, move=move, kind=answer.content_type)
        except AWSError as error:
            reason = f"ClientError: Failed to upload the response to {row.asked.output}: {error.message}"
            raise Failed(reason, "ResponseUploadFailures") from error

    def _finish(self, row: Row, role: str, measured: Measured, failed: Failed | None, answer: Answer | None) -> None:
        """Tells of it, and then forgets it: if we are killed in between, it is told once more."""
        if failed is not None:
            log.info("%s: asynchronous invocation %s failed: %s", row.arn, row.asked.inference, failed.message)
            self._bring_failure(row, role, failed)
            if failed.metric:
                measured.add(failed.metric, 1)
        measured.add("InvocationFailures", 0 if failed is None else 1)
        if failed is None:
            measured.add("InvocationsProcessed", 1)
        measured.add("TotalProcessingTime", 1000 * (self.platform.clock() - row.created), "Milliseconds")
        notify.tell(self.platform, row, failed.message if failed else "", answer)
        self.metrics.put(NAMESPACE, measured.samples, row.region)
        self.platform.store.write(lambda connection: waiting.remove(connection, row.id))

    def _bring_failure(self, row: Row, role: str, failed: Failed) -> None:
        """What the model said, or else why it was not asked."""
        if not row.asked.failure:
            return
        with self._files(row, "-failed") as folder:
            file = folder / "reason"
            file.write_text(failed.message)
            try:
                told = failed.answer.file if failed.answer else file
                kind = failed.answer.content_type if failed.answer else "text/plain"
                self.objects.put(role, *data.split(row.asked.failure), told, kind=kind)
            except AWSError as error:
                log.warning("%s cannot be written: %s", row.asked.failure, error.message)

    def _is_there(self, row: Row, role: str) -> bool:
        """Whether the answer is in S3. Nobody else can have put it there: its name is random."""
        if row.asked.named or not row.asked.output:
            return False
        try:
            self.objects.find(role, *data.split(row.asked.output))
        except AWSError:
            return False
        return True

    def _measured(self, row: Row, variant: str) -> Measured:
        return Measured({"EndpointName": row.asked.endpoint, "VariantName": variant}, self.platform.clock())

    def _model(self, measured: Measured, answer: Answer, began: float) -> None:
        measured.add("ModelLatency", 1e6 * (time.monotonic() - began), "Microseconds")
        measured.add("Invocation4XXErrors", 1 if 400 <= answer.status < 500 else 0)
        measured.add("Invocation5XXErrors", 1 if answer.status >= 500 else 0)

    @contextlib.contextmanager
    def _files(self, row: Row, more: str = "") -> Iterator[Path]:
        """A folder for as long as it is on its way."""
        folder = self.folder / f"{row.id}{more}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            yield folder
        finally:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()


def _opened(answer: Answer) -> tuple[BinaryIO, int]:
    return answer.file.open("rb"), answer.size


def _said(answer: Answer, hostname: str) -> str:
    """As the data plane has it for those who wait (serving/refusals.py)."""
    with answer.file.open("rb") as file:
        said = file.read(SHOWN).decode(errors="replace")
    side = ("Client", "client") if 400 <= answer.status < 500 else ("Server", "server")
    return f'{side[0]}Error: Received {side[1]} error ({answer.status}) from {hostname} with message "{said}".'
