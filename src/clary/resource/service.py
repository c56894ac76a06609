"""A service: botocore's model of it, the operations that we have, and what they ask of IAM.

Nothing registers itself: `@operation` only marks a function, and `Service` collects the marked functions of the modules
that it is given, in app.py's order.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar

from clary.errors import AWSError
from clary.resource.call import Call, Caller, Permission
from clary.wire.message import Request, Response, Sink

Document = dict[str, Any]
Result = Document | Response | None
Handler = Callable[[Call[Any], Document], "Result | Later"]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Later:
    """What a handler returns that need not wait for its last step itself: once `future` is done, `finish` has the
    result, or raises.
    """

    future: "Future[Any]"
    finish: Callable[[], Result]


@dataclass(frozen=True, slots=True)
class Operation:
    """How one operation is carried out.

    `inline`: it answers from memory or by one short read or write and never waits, so it runs on the event loop, unless
    its body is large; all others run in a thread. `sink`: where a streamed request body goes; called on the event loop
    when the caller is known and allowed, before the body is read; the handler finds it under the member that holds the
    payload. `checked`: whether the document must meet the model's constraints before it is handled.
    """

    handle: Handler
    inline: bool = False
    sink: Callable[[Call[Any], Document], Sink] | None = None
    checked: bool = True


def operation(
    name: str,
    *,
    inline: bool = False,
    sink: Callable[[Call[Any], Document], Sink] | None = None,
    checked: bool = True,
) -> Callable[[F], F]:
    """Marks a function as the named operation."""

    def mark(function: F) -> F:
        function.__dict__.setdefault("operations", {})[name] = Operation(function, inline, sink, checked)
        return function

    return mark


def collect(modules: Iterable[ModuleType]) -> dict[str, Operation]:
    """The operations marked in these modules, by name."""
    found: dict[str, Operation] = {}
    for module in modules:
        for value in vars(module).values():
            if getattr(value, "__module__", None) != module.__name__:
                continue  # imported there, not written there
            for name, marked in getattr(value, "operations", {}).items():
                assert name not in found, f"{name} stands twice"
                found[name] = marked
    return found


@dataclass(frozen=True, slots=True)
class Raw:
    """A request outside the model (an S3 POST form, a CORS preflight): answered without route, parse and signature.

    `handle` authenticates by itself where it must. The body goes to the sink, or into `request.body` if there is none.
    `refuse` makes the answer of what they raise, where that is not AWS's.
    """

    handle: Callable[[Request, Sink | None], Response]
    sink: Callable[[Request], Sink] | None = None
    service: str = "s3"  # in the access log and in /metrics
    refuse: Callable[[Request, AWSError], Response] | None = None


def by_operation(call: Call[Any], _request: Document) -> list[Permission]:
    """The usual rule: `CreateModel` of SageMaker asks for `sagemaker:CreateModel` on `*`."""
    return [Permission(f"{call.operation.service_model.signing_name}:{call.operation.name}")]


@dataclass(frozen=True, slots=True)
class Service:
    name: str  # botocore's name: "s3", "iam", "sagemaker"
    operations: dict[str, Operation]
    state: Any = None
    permissions: Callable[[Call[Any], Document], list[Permission]] = by_operation
    anonymous: bool = False  # S3: an unsigned request is somebody's, and a resource policy may allow it
    raw: Callable[[Request], Raw | None] = lambda _request: None
    finish: Callable[[Call[Any], Response], None] = lambda _call, _response: None  # last touch, errors included
    close: Callable[[], None] = lambda: None
    tick: Callable[[], None] | None = None  # house-keeping, called about once a minute in a thread
    unused: dict[str, set[str]] = field(default_factory=dict)  # operation -> members accepted, not acted upon


ANONYMOUS = Caller("anonymous", "", "", "anonymous", "*")
