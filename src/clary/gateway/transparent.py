"""The proxy on the gateway's own port: where AWS calls end of a client that knows no more than HTTPS_PROXY.

CONNECT to a host of AWS is answered by the gateway itself, under a certificate of this home's authority; CONNECT to
any other is tunnelled or refused, as the setting `proxy_other` says. HTTP_PROXY (`GET http://host/…`) likewise, one
request a connection. No proxy asks for credentials, so this one serves the programs of this machine alone unless
`proxy_peers` says otherwise; and where the gateway can be reached from elsewhere, nothing is tunnelled to what listens
on this machine for itself.
https://www.rfc-editor.org/rfc/rfc9110#name-connect and https://www.rfc-editor.org/rfc/rfc9112#name-absolute-form
"""

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address

from clary.config import Config
from clary.gateway import head
from clary.gateway.ca import CA
from clary.gateway.head import Head, Refused
from clary.gateway.tunnel import Held, Pipe, SingleRequest

log = logging.getLogger(__name__)

Again = Callable[[], asyncio.Protocol]

HEAD_TIME = 30.0  # seconds for the whole head to arrive
CONNECT_TIME = 30.0  # seconds to reach a host
HANDSHAKE_TIME = 20.0  # seconds for TLS
IDLE_TIME = 3600.0  # seconds without a byte, after which a tunnel ends

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

_AWS = re.compile(r"(?:[a-z0-9_-]+\.)+amazonaws\.com")


def proxy(
    ca: CA, config: Config, listening: str
) -> Callable[[asyncio.Transport, bytes, Again], asyncio.Protocol | None]:
    """What `gateway.http` asks at the first bytes of a connection; `again` makes a new protocol of its own.

    `listening` is the gateway's own IP address.
    """
    exposed = not address(listening).is_loopback

    def begin(transport: asyncio.Transport, data: bytes, again: Again) -> asyncio.Protocol | None:
        if head.for_a_proxy(data) is False or transport.get_extra_info("sslcontext"):
            return None
        opening = Opening(transport, again, ca, config, exposed=exposed)
        opening.data_received(data)
        return opening.successor or opening

    return begin


class Opening(asyncio.Protocol):
    """A connection that asks for a proxy, until it is known which way it goes."""

    def __init__(self, transport: asyncio.Transport, again: Again, ca: CA, config: Config, *, exposed: bool) -> None:
        self.successor: asyncio.Protocol | None = None
        self._transport = transport
        self._again = again
        self._ca = ca
        self._config = config
        self._exposed = exposed
        self._data = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(HEAD_TIME, self._late)

    def data_received(self, data: bytes) -> None:
        if self._task is not None:
            self._transport.abort()  # reading was paused: these bytes can only be out of order
            return
        self._data += data
        if head.for_a_proxy(self._data) is False:
            self._serve(bytes(self._data))
            return
        end = self._data.find(b"\r\n\r\n")
        try:
            if end < 0 and len(self._data) <= head.LIMIT:
                return
            if not 0 <= end <= head.LIMIT:
                raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too long.")  # noqa: TRY301 - one place answers
            self._go(head.read(bytes(self._data[:end])), bytes(self._data[end + 4 :]))
        except Refused as refused:
            self._refuse(refused)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _go(self, asked: Head, rest: bytes) -> None:
        """Raises Refused."""
        if not asked.connects and self._is_this(asked):  # https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2-8
            self._serve(asked.in_origin_form() + rest)
            return
        if self._config.proxy_peers == "loopback" and not self._is_near():
            raise Refused(
                HTTPStatus.FORBIDDEN,
                "This proxy is for the programs of its own machine; Clary's setting proxy_peers opens it to others.",
            )
        if asked.connects:
            if _AWS.fullmatch(asked.host):
                if asked.port not in (80, 443) or rest:
                    raise Refused(HTTPStatus.BAD_GATEWAY, f"Clary answers for {asked.host} on ports 443 and 80.")
                self._connect(asked)
            else:
                self._allow(asked)
                self._start(self._tunnel(asked, Pipe(IDLE_TIME), rest, ESTABLISHED))
        elif _AWS.fullmatch(asked.host):
            self._serve(asked.in_origin_form() + rest)
        else:
            self._allow(asked)
            request = asked.in_origin_form() + rest
            client = SingleRequest(IDLE_TIME)
            if not client.passes(request):
                raise Refused(HTTPStatus.BAD_REQUEST, "The request is malformed.")
            self._start(self._tunnel(asked, client, request, b""))

    def _allow(self, asked: Head) -> None:
        if self._config.proxy_other == "refuse":
            raise Refused(
                HTTPStatus.FORBIDDEN,
                f"This proxy is for AWS's hosts; {asked.host} is refused by Clary's setting proxy_other.",
            )

    def _is_this(self, asked: Head) -> bool:
        own = self._transport.get_extra_info("sockname")
        return asked.port == own[1] and asked.host in {"localhost", self._config.host, own[0]}

    def _is_near(self) -> bool:
        """Whether the client is on this machine: it comes from a loopback address, or from the one that it came to."""
        peer, own = (self._transport.get_extra_info(name) for name in ("peername", "sockname"))
        return bool(peer) and (address(peer[0]).is_loopback or peer[0] == own[0])

    def _connect(self, asked: Head) -> None:
        self._timer.cancel()
        if asked.port == 80:
            self._transport.write(ESTABLISHED)
            self._serve(b"")
        else:
            self._start(self._answer_as(asked.host))

    def _serve(self, data: bytes) -> None:
        """Goes on as plain HTTP that begins with `data`."""
        self._timer.cancel()
        self.successor = self._again()
        self.successor.connection_made(self._transport)
        self._transport.set_protocol(self.successor)
        if data:
            self.successor.data_received(data)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._timer.cancel()
        self._transport.pause_reading()
        self._task = asyncio.get_running_loop().create_task(work)

    async def _answer_as(self, host: str) -> None:
        """Goes on as `host` itself, inside TLS."""
        loop = asyncio.get_running_loop()
        context = await loop.run_in_executor(None, self._ca.context, host)
        self._transport.write(ESTABLISHED)
        held = Held()
        try:
            transport = await loop.start_tls(
                self._transport, held, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_TIME
            )
        except (OSError, TimeoutError) as error:
            log.info("no TLS as %s: %s (does the client trust %s?)", host, error, self._ca.bundle)
            self._transport.abort()
            return
        if transport is not None:  # None if the client left meanwhile
            held.hand_over(transport, self._again())

    async def _tunnel(self, asked: Head, here: Pipe, first: bytes, answer: bytes) -> None:
        """Joins the client, whose end is `here`, with the host; that is sent `first`, and the client `answer`."""
        try:
            async with asyncio.timeout(CONNECT_TIME):
                transport, there = await self._reach(asked)
        except Refused as refused:
            self._refuse(refused)
            return
        except TimeoutError:
            self._refuse(Refused(HTTPStatus.GATEWAY_TIMEOUT, f"{asked.host}:{asked.port} does not answer."))
            return
        except (OSError, UnicodeError) as error:
            sentence = f"{asked.host}:{asked.port} cannot be reached: {error}"
            self._refuse(Refused(HTTPStatus.BAD_GATEWAY, sentence))
            return
        here.connection_made(self._transport)
        here.join(there)
        transport.write(first)
        if self._transport.is_closing():
            transport.abort()
            return
        self._transport.write(answer)
        self._transport.set_protocol(here)
        self._transport.resume_reading()

    async def _reach(self, asked: Head) -> tuple[asyncio.Transport, Pipe]:
        """A connection to the host. Raises Refused, OSError or UnicodeError.

        The addresses are those that were looked at: a name may have others a moment later.
        """
        loop = asyncio.get_running_loop()
        named = await loop.getaddrinfo(asked.host, asked.port, type=socket.SOCK_STREAM)
        hosts = [str(found[4][0]) for found in named]
        allowed = [host for host in hosts if not (self._exposed and is_inner(address(host)))]
        if not allowed:
            raise Refused(
                HTTPStatus.FORBIDDEN,
                f"{asked.host} is this machine or its link; Clary tunnels there only while it listens on loopback.",
            )
        for host in allowed[:-1]:
            with suppress(OSError):
                return await loop.create_connection(lambda: Pipe(IDLE_TIME), host, asked.port)
        return await loop.create_connection(lambda: Pipe(IDLE_TIME), allowed[-1], asked.port)

    def _refuse(self, refused: Refused) -> None:
        self._timer.cancel()
        text = f"{refused}\n".encode("utf-8", "replace")
        lines = (
            f"HTTP/1.1 {refused.status} {refused.status.phrase}",
            "content-type: text/plain; charset=utf-8",
            f"content-length: {len(text)}",
            "connection: close",
        )
        self._transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + text)
        self._transport.close()

    def _late(self) -> None:
        self._refuse(Refused(HTTPStatus.REQUEST_TIMEOUT, "The head of the request did not arrive in time."))


def address(text: str) -> IPv4Address | IPv6Address:
    """An address as a socket tells it; an IPv4 one that a socket for both shows as ::ffff:… is taken for itself."""
    found = ip_address(text)
    return getattr(found, "ipv4_mapped", None) or found


def is_inner(found: IPv4Address | IPv6Address) -> bool:
    """Whether it leads to what is there for this machine alone: its loopback, or its link, where clouds have their
    metadata services. The unspecified address is the loopback's to a client.
    """
    return found.is_loopback or found.is_link_local or found.is_unspecified
