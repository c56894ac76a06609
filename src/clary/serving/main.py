"""What the data plane asks of Clary's main process, and the requests that it hands on to it as they came."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from clary.serving import answers, refusals
from clary.serving.answers import Head
from clary.serving.web import WebContainer
from clary.wire.message import Request

if TYPE_CHECKING:
    from clary.serving.server import Connection

log = logging.getLogger(__name__)
Then = Callable[[int, bytes], None]  # gets the HTTP status, or 0 if there was no answer, and the body
PATIENCE = 60.0  # seconds
LIMIT = 64 << 20  # bytes of an answer
AWAY = "Clary's main process does not answer."
FROM = "x-clary-from"  # of what is handed on: our token, and the client's address


class Errand:
    """A request whose answer goes to a function. Implements container.Call."""

    def __init__(self, then: Callable[[Head | None, bytes], None]) -> None:
        self._then = then
        self.sent = 0.0
        self.patience = PATIENCE
        self.limit = LIMIT
        self.streams = False
        self.handle: object = None
        self._head: Head | None = None
        self._pieces: list[bytes] = []

    def answered(self, head: Head, body: bytes) -> None:
        self._then(head, body)

    def stepped(self, lasted: list[float]) -> None:
        """No errand goes to a pipeline."""

    def began(self, head: Head) -> None:
        self._head = head

    def part(self, data: bytes) -> None:
        self._pieces.append(data)

    def ended(self) -> None:
        self._then(self._head, b"".join(self._pieces))

    def lost(self) -> None:
        self._then(None, b"")

    def late(self) -> None:
        self._then(None, b"")


class Main:
    def __init__(self, home: Path) -> None:
        self._run = home / "run.json"
        self._token = token(home / "serving" / "token")
        self._where: tuple[str, int] | None = None
        self._web: WebContainer | None = None

    def ask(self, what: str, document: dict[str, Any], then: Then) -> None:
        """POST /.clary/serving/<what>; `then` is called, perhaps at once."""
        gateway = self._gateway()
        if gateway is None:
            then(0, b"")
            return
        headers = (("authorization", self._token), ("content-type", "application/json"))
        errand = Errand(lambda head, body: then(head.status if head else 0, body))
        gateway.send(errand, f"/.clary/serving/{what}", headers, orjson.dumps(document))

    def forward(self, connection: "Connection", request: Request, request_id: str) -> None:
        """As it came, since the signature is over these very headers; and who sent it, which main would take us for.
        Raises AWSError.
        """
        gateway = self._gateway()
        if gateway is None:
            raise refusals.unavailable(AWAY)

        def then(head: Head | None, body: bytes) -> None:
            if head is None:
                connection.refused(refusals.unavailable(AWAY), request_id)
                return
            kept = {k: v for k, v in head.headers.items() if k not in {"connection", "content-length", "date"}}
            kept.pop("transfer-encoding", None)
            connection.write(answers.plain(head.status, body, kept.get("x-amzn-requestid", request_id), headers=kept))

        hop = {"connection", "content-length", "transfer-encoding", "expect", FROM}
        lines = b"".join(answers.line(k, v) for k, v in request.headers.items() if k not in hop)
        target = f"{request.path}?{request.query}" if request.query else request.path
        start = f"{request.method} {target} HTTP/1.1\r\n".encode("latin-1")
        client = answers.line(FROM, f"{self._token} {connection.peer}")
        size = b"content-length: %d\r\n\r\n" % len(request.body)
        gateway.send_raw(Errand(then), b"".join((start, lines, client, size, request.body)))

    def sweep(self, now: float) -> None:
        if self._web is not None:
            self._web.sweep(now)

    def _gateway(self) -> WebContainer | None:
        """Where the main process listens now; None if none does."""
        try:
            told = json.loads(self._run.read_text())
            where = told["host"], told["port"]
        except (OSError, ValueError, KeyError):
            return None
        if self._web is None or where != self._where:
            if self._web is not None:
                self._web.close()
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(where[0], where[0])  # noqa: S104 - compared with
            self._where = where
            self._web = WebContainer(
                "main", f"http://[{host}]:{where[1]}" if ":" in host else f"http://{host}:{where[1]}", "", lambda: None
            )
        return self._web


def token(path: Path) -> str:
    """What the data plane proves itself with; made if there is none yet."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        made = os.urandom(32).hex()
        file.write(made)
    return made


def said(body: bytes, otherwise: str) -> str:
    """The message of a refusal by main."""
    try:
        return str(orjson.loads(body).get("message") or otherwise)
    except (ValueError, AttributeError):
        return otherwise
