"""The head of a request to a proxy: whom it is for, and what is passed on of it."""

import re
from dataclasses import dataclass
from http import HTTPStatus

LIMIT = 64 * 1024  # bytes

_CONNECT = re.compile(rb"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_ABSOLUTE = re.compile(rb"http://((\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?)([/?][!-~]*)?", re.IGNORECASE)
_METHOD = re.compile(rb"[A-Z]{1,32}")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)")
# What belongs to the connection with the proxy: https://www.rfc-editor.org/rfc/rfc9110#name-connection
_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"upgrade",
    }
)


class Refused(Exception):
    """What the proxy answers instead."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(slots=True)
class Head:
    method: bytes
    host: str  # lower case, an IPv6 address without brackets
    port: int
    authority: bytes  # as sent, for the Host header
    path: bytes  # with the query; empty for CONNECT
    headers: list[tuple[bytes, bytes]]

    @property
    def connects(self) -> bool:
        return self.method == b"CONNECT"

    def in_origin_form(self) -> bytes:
        """What the host itself is sent: its own name in Host, and the connection ends after the answer."""
        kept = [pair for pair in self.headers if pair[0].lower() not in _HOP and pair[0].lower() != b"host"]
        headers = [(b"host", self.authority), *kept, (b"connection", b"close")]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        return self.method + b" " + self.path + b" HTTP/1.1\r\n" + lines + b"\r\n"


def for_a_proxy(data: bytes | bytearray) -> bool | None:
    """Whether a connection that begins so asks for a proxy; None if that is not to be seen yet."""
    method, space, rest = bytes(data[:40]).partition(b" ")
    if not space:
        return None if len(data) <= 32 and _METHOD.fullmatch(method) else False
    if not _METHOD.fullmatch(method):
        return False
    if method == b"CONNECT":
        return True
    return rest[:1] not in (b"/", b"*") if rest else None


def read(raw: bytes) -> Head:
    """`raw` ends before the empty line. Raises Refused."""
    request_line, *lines = raw.split(b"\r\n")
    parts = request_line.split(b" ")
    if len(parts) != 3 or parts[2] not in (b"HTTP/1.1", b"HTTP/1.0") or not _METHOD.fullmatch(parts[0]):
        raise Refused(HTTPStatus.BAD_REQUEST, "The request line is malformed.")
    headers = [_header(line) for line in lines]
    if parts[0] == b"CONNECT":
        match = _CONNECT.fullmatch(parts[1])
        if match is None:
            raise Refused(HTTPStatus.BAD_REQUEST, "CONNECT takes host:port.")
        return Head(parts[0], _host(match[1]), _port(match[2]), parts[1], b"", headers)
    match = _ABSOLUTE.fullmatch(parts[1])
    if match is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "The proxy takes CONNECT host:port and http://host/path.")
    path = match[4] or b"/"
    path = path if path.startswith(b"/") else b"/" + path
    return Head(parts[0], _host(match[2]), _port(match[3] or b"80"), match[1], path, headers)


def _header(line: bytes) -> tuple[bytes, bytes]:
    match = _HEADER.fullmatch(line)
    if match is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "A header is malformed.")
    return match[1], match[2].strip(b" \t")


def _host(text: bytes) -> str:
    return text.decode("ascii").strip("[]").rstrip(".").lower()


def _port(text: bytes) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise Refused(HTTPStatus.BAD_REQUEST, "The port is malformed.")
    return port
