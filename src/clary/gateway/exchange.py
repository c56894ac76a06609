"""One request on its way through the gateway: what each step has found out so far."""

import random
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.model import OperationModel, ServiceModel

from clary.resource.call import Call, Caller
from clary.resource.service import ANONYMOUS, Operation, Service
from clary.wire.message import Request
from clary.wire.sigv4 import Signature

_random = random.Random().getrandbits  # noqa: S311 - names requests, guards nothing


def request_id() -> str:
    """A random UUID, as AWS gives; no secret, so without the system call of uuid.uuid4."""
    text = f"{_random(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


@dataclass(slots=True)
class Exchange:
    request: Request
    id: str = field(default_factory=request_id)
    started: float = field(default_factory=time.perf_counter)
    signature: Signature | None = None
    name: str = ""  # of the service, as botocore spells it
    model: ServiceModel | None = None
    protocol: str = ""  # that the client speaks
    operation: OperationModel | None = None
    labels: dict[str, str] = field(default_factory=dict)
    service: Service | None = None  # None if we don't have it
    handler: Operation | None = None  # None if we don't have it
    caller: Caller = ANONYMOUS
    secret: str = ""
    call: Call[Any] | None = None
    document: dict[str, Any] = field(default_factory=dict)
    whole: bool = False  # the body is in memory
    received: int = 0  # bytes

    @property
    def streams(self) -> bool:
        """Whether the body goes to a sink of the operation rather than into memory."""
        return (
            self.handler is not None
            and self.handler.sink is not None
            and self.operation is not None
            and self.operation.has_streaming_input
        )

    @property
    def label(self) -> str:
        """`s3:PutObject`, as logs and metrics name it."""
        return f"{self.name or '-'}:{self.operation.name if self.operation else '-'}"


def read(scope: dict[str, Any]) -> Request:
    """The request of an ASGI scope, without its body."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    client = scope["client"]
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        scheme=scope["scheme"],
        peer=client[0] if client else "",
    )
