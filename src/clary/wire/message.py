"""An HTTP request before it means anything, and the answer to it: what crosses between sockets and the core."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import unquote_plus


@dataclass(slots=True)
class Request:
    """One HTTP request. `path` and `query` are as sent, still percent-encoded: signatures are over these bytes."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case; values of repeated ones joined by ","
    body: bytes = b""
    scheme: str = "http"
    peer: str = ""
    caller: str = ""  # the ARN of who asks, where that was found out beside the gateway's steps; for the access log
    _items: tuple[str, list[tuple[str, str]]] = ("", [])  # of which query

    @property
    def host(self) -> str:
        return self.headers.get("host", "")

    def query_items(self) -> list[tuple[str, str]]:
        """The decoded query, in order; a name without `=` has the value ""."""
        if self._items[0] != self.query:
            pairs = [item.partition("=") for item in self.query.split("&") if item]
            self._items = self.query, [(_unquoted(name), _unquoted(value)) for name, _, value in pairs]
        return self._items[1]


def _unquoted(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


@dataclass(slots=True, frozen=True)
class FileSlice:
    """Bytes of a file, which the gateway sends without reading them where the system can (sendfile).

    `path` is opened when the answer starts, before anything else runs, so that a later unlink does no harm.
    """

    path: str
    offset: int
    length: int


Body = bytes | FileSlice | Iterator[bytes]


@dataclass(slots=True)
class Response:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case
    body: Body = b""


class Sink(Protocol):
    """Where a streamed request body goes. One thread at a time calls it; the sizes of what it gets vary."""

    def write(self, chunks: Iterable[bytes]) -> None: ...

    def trailers(self, trailers: dict[str, str]) -> None:
        """What an aws-chunked body said at its end (checksums), names in lower case; after the last write."""

    def abort(self) -> None:
        """The body did not arrive whole, or the operation failed before it took the sink over. May come twice."""
