"""The front door: one port for every service, and the ordered steps that each request takes. Read `_answer`."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import orjson

from clary.errors import AWSError, InternalFailure
from clary.gateway import steps
from clary.gateway.access import FLUSH, AccessLog, Metrics
from clary.gateway.body import SMALL, Gone, Receive, Send, pump, send, whole
from clary.gateway.exchange import Exchange, read
from clary.gateway.http import Unsendable
from clary.resource.call import Platform
from clary.resource.service import Later, Raw, Result, Service
from clary.wire.chunked import Decoder
from clary.wire.message import FileSlice, Request, Response, Sink
from clary.wire.models import signing_names
from clary.wire.parse import streaming
from clary.wire.route import bucket_path, router
from clary.wire.serialize import named, serialize, serialize_error

log = logging.getLogger(__name__)
T = TypeVar("T")
Begin = Callable[[], Result | Later]


class Gateway:
    """The ASGI application."""

    def __init__(self, platform: Platform, services: list[Service], find: steps.Find, access: AccessLog) -> None:
        """`find` gives the credentials of an access key id."""
        self.platform = platform
        self.services = {service.name: service for service in services}
        self.metrics = Metrics()
        self._raw = [service.raw for service in services]
        self._find = find
        self._access = access
        # Invocations that come in here have the data plane's limit, which it sees to itself.
        self._limit = max(platform.config.body_limit, platform.config.serving_body_limit)
        self._pool = ThreadPoolExecutor(platform.config.threads, thread_name_prefix="operation")

    async def __call__(self, scope: dict[str, Any], _receive: object, sending: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = Exchange(read(scope))
        self.metrics.running += 1
        try:
            await self._serve(exchange, scope, scope["extensions"]["clary.receive"], sending)
        finally:
            self.metrics.running -= 1

    async def _serve(self, exchange: Exchange, scope: dict[str, Any], receive: Receive, sending: Send) -> None:
        try:
            response = self._answer_own(exchange) or await self._answer(exchange, receive)
        except Gone:
            return
        except AWSError as error:
            response = self._refuse(exchange, error)
        except Exception:
            log.exception("%s %s", exchange.label, exchange.id)
            response = self._refuse(exchange, InternalFailure())
        if not exchange.received and "expect" in exchange.request.headers:
            # The client keeps its body now that it has an answer; what follows on the connection is not that body.
            response.headers["connection"] = "close"
        try:
            await send(response, scope, sending, self._pool)
        except Unsendable:
            log.exception("%s %s", exchange.label, exchange.id)
            response = self._refuse(exchange, InternalFailure())
            await send(response, scope, sending, self._pool)
        sent = _size(response)
        self.metrics.count(exchange, response.status, sent)
        self._access.write(exchange, response.status, sent)

    async def _answer(self, exchange: Exchange, receive: Receive) -> Response:
        """The steps, in order."""
        for hook in self._raw:
            if (raw := hook(exchange.request)) is not None:
                return await self._answer_raw(exchange, raw, receive)
        steps.read_signature(exchange)
        if steps.needs_body_to_route(exchange):
            await self._read_body(exchange, receive)
        steps.route(exchange, self.services)
        if not exchange.streams:
            await self._read_body(exchange, receive)
        steps.authenticate(exchange, self._find, self.platform)
        steps.require(exchange)
        steps.read_document(exchange, self.platform)
        steps.authorize(exchange)
        steps.check(exchange)
        return await self._carry_out(exchange, receive)

    async def _carry_out(self, exchange: Exchange, receive: Receive) -> Response:
        assert exchange.handler is not None
        assert exchange.call is not None
        if exchange.streams:
            assert exchange.handler.sink is not None
            sink = exchange.handler.sink(exchange.call, exchange.document)
            outer = _unwrapped(exchange, sink)
            rest, exchange.received = await pump(receive, outer, self._pool)
            begin: Begin = partial(_end_of_stream, exchange, sink, outer, rest)
            if exchange.handler.inline and exchange.received <= SMALL:
                return await self._inline(exchange, begin, sink.abort)
            return await self._run(partial(_from_begin, exchange, begin, sink.abort))
        if exchange.operation is not None and (member := streaming(exchange.operation)):
            exchange.document[member] = exchange.request.body
        begin = partial(exchange.handler.handle, exchange.call, exchange.document)
        if exchange.handler.inline:
            return await self._inline(exchange, begin, _nothing)
        return await self._run(partial(_from_begin, exchange, begin, _nothing))

    async def _inline(self, exchange: Exchange, begin: Begin, abort: Callable[[], None]) -> Response:
        """On the event loop, which goes on with others while the store writes."""
        with _undone(abort):
            result = begin()
        if isinstance(result, Later):
            # If we are cancelled here, the store decides: what it leaves without a name, the next start sweeps.
            with contextlib.suppress(Exception):  # `finish` raises it
                await asyncio.shield(asyncio.wrap_future(result.future))
        with _undone(abort):
            return _answered(exchange, result.finish() if isinstance(result, Later) else result)

    async def _read_body(self, exchange: Exchange, receive: Receive) -> None:
        request = exchange.request
        if exchange.whole:
            return
        request.body = await whole(request, receive, self._limit)
        exchange.whole = True
        exchange.received = len(request.body)
        if exchange.signature is not None and exchange.signature.payload_hash.startswith("STREAMING-"):
            raise AWSError("NotImplemented", "aws-chunked is for uploads of objects and parts only", 501)

    async def _answer_raw(self, exchange: Exchange, raw: Raw, receive: Receive) -> Response:
        exchange.name = raw.service
        try:
            return await self._carry_out_raw(exchange, raw, receive)
        except AWSError as error:
            if raw.refuse is None:
                raise
            return raw.refuse(exchange.request, error)
        except Gone:
            raise
        except Exception:
            if raw.refuse is None:
                raise
            log.exception("%s %s", exchange.label, exchange.id)
            return raw.refuse(exchange.request, InternalFailure())

    async def _carry_out_raw(self, exchange: Exchange, raw: Raw, receive: Receive) -> Response:
        if raw.sink is None:
            await self._read_body(exchange, receive)
            return await self._run(lambda: raw.handle(exchange.request, None))
        sink = await self._run(partial(raw.sink, exchange.request))
        rest, exchange.received = await pump(receive, sink, self._pool)
        return await self._run(lambda: _finish_raw(exchange.request, raw, sink, rest))

    def _answer_own(self, exchange: Exchange) -> Response | None:
        """What is no AWS: /health and /metrics, for callers without a signature."""
        request = exchange.request
        if request.path not in ("/health", "/metrics") or request.method != "GET":
            return None
        if request.query or "authorization" in request.headers or bucket_path(request) != request.path:
            return None  # an object or a bucket of that name
        exchange.name = "clary"
        if request.path == "/metrics":
            from clary.gateway import metrics  # noqa: PLC0415 - see there

            text = metrics.text(self.metrics)
            return Response(headers={"content-type": "text/plain; version=0.0.4; charset=utf-8"}, body=text)
        health = {"status": "ok", "services": sorted(self.services)}
        return Response(headers={"content-type": "application/json"}, body=orjson.dumps(health))

    def _refuse(self, exchange: Exchange, error: AWSError) -> Response:
        model = steps.model_of(exchange)
        response = serialize_error(model, error, exchange.id, exchange.operation, exchange.protocol)
        if exchange.request.method == "HEAD":
            response.body = b""
        _last_touch(exchange, response)
        return response

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def housekeeping(self, pause: float) -> None:
        """Until cancelled: writes the access log, and has the services tidy up every `pause` seconds."""
        due = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(FLUSH)
            self._access.flush()
            if loop.time() >= due:
                for service in self.services.values():
                    if service.tick is not None:
                        await self._run(_logged(service.name, service.tick))
                due = loop.time() + pause

    def warm_up(self) -> None:
        """Loads what the first requests will ask for, so that none of them waits for it."""
        signing_names()
        for name in self.services:
            router(name)
        gc.collect()
        gc.freeze()  # the models stay: no need to walk through them again and again
        gc.set_threshold(20_000, 20, 50)

    def close(self) -> None:
        self._pool.shutdown()
        self._access.close()
        for service in self.services.values():
            service.close()


def _from_begin(exchange: Exchange, begin: Begin, abort: Callable[[], None]) -> Response:
    """In a thread, to the end."""
    with _undone(abort):
        result = begin()
        return _answered(exchange, result.finish() if isinstance(result, Later) else result)


@contextlib.contextmanager
def _undone(abort: Callable[[], None]) -> Iterator[None]:
    """On any failure inside, `abort` is called."""
    try:
        yield
    except BaseException:
        abort()
        raise


def _answered(exchange: Exchange, result: Result) -> Response:
    assert exchange.model is not None
    assert exchange.operation is not None
    if not isinstance(result, Response):
        result = serialize(exchange.operation, result, exchange.id, exchange.protocol)
    for name, value in named(exchange.model, exchange.id).items():
        result.headers.setdefault(name, value)
    _last_touch(exchange, result)
    return result


def _end_of_stream(exchange: Exchange, sink: Sink, outer: Sink, rest: list[bytes]) -> Result | Later:
    """The last pieces of the body, then the operation."""
    assert exchange.operation is not None
    assert exchange.handler is not None
    assert exchange.call is not None
    outer.write(rest)
    if isinstance(outer, Decoder):
        sink.trailers(outer.finish())
    exchange.document[streaming(exchange.operation)] = sink
    return exchange.handler.handle(exchange.call, exchange.document)


def _nothing() -> None:
    """There is nothing to undo."""


def _finish_raw(request: Request, raw: Raw, sink: Sink, rest: list[bytes]) -> Response:
    try:
        sink.write(rest)
        return raw.handle(request, sink)
    except BaseException:
        sink.abort()
        raise


def _unwrapped(exchange: Exchange, sink: Sink) -> Sink:
    """The sink behind a decoder, if the body comes as aws-chunked."""
    signature = exchange.signature
    claimed = signature.payload_hash if signature else exchange.request.headers.get("x-amz-content-sha256", "")
    if not claimed.startswith("STREAMING-"):
        return sink
    return Decoder(signature, exchange.secret, exchange.request, sink)


def _last_touch(exchange: Exchange, response: Response) -> None:
    if exchange.service is not None and exchange.call is not None:
        exchange.service.finish(exchange.call, response)


def _size(response: Response) -> int:
    if isinstance(response.body, bytes):
        return len(response.body)
    return response.body.length if isinstance(response.body, FileSlice) else 0


def _logged(name: str, work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        except Exception:
            log.exception("house-keeping of %s failed", name)

    return run
