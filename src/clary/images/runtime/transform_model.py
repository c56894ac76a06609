"""The model as the agent asks it: its containers in a row, tried again where that may help."""

from __future__ import annotations

import json
import time
from typing import Any

from .transform_client import Client, Lost, Reply, Sink
from .transform_told import Told

PING = 2.0  # seconds that a container has to answer /ping
PAUSE = 0.05  # seconds before it is asked again
OK = 200


class Refused(Exception):
    """The model does not answer a payload. `status` is 0 where there was no answer at all."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def head(self) -> str:
        """As AWS's data log has it."""
        if not self.status:
            return "Unable to get response from algorithm"
        if self.status < 500:
            return f"ClientError: {self.status}"
        return f"Bad HTTP status received from algorithm: {self.status}"


class Model:
    """One per thread."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._clients = [(one["name"], Client(one["socket"], one["url"])) for one in told.containers]

    def ready(self) -> str:
        """Waits until every container is well. What is wrong, if one will not be; "" for nothing."""
        deadline = time.monotonic() + self._told.startup
        for name, client in self._clients:
            while True:
                said = self._ping(name, client)
                if not said:
                    break
                if time.monotonic() > deadline:
                    return said
                time.sleep(PAUSE)
        return ""

    @staticmethod
    def _ping(name: str, client: Client) -> str:
        try:
            status = client.ask("GET", "/ping", {}, b"", PING).status
        except Lost as error:
            return f"{name} does not answer /ping ({error})"
        return "" if status == OK else f"{name} answers /ping with {status}"

    def parameters(self) -> dict[str, Any]:
        """What the first container offers at /execution-parameters; nothing where it offers none."""
        try:
            reply = self._clients[0][1].ask("GET", "/execution-parameters", {}, b"", PING)
            found = json.loads(reply.body.decode()) if reply.status == OK else {}
        except (Lost, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def ask(self, body: Any, sink: Sink | None = None) -> Reply:
        """Raises Refused."""
        tries = self._told.retries + 1 if isinstance(body, bytes) else 1  # what streams cannot be sent again
        for number in range(1, tries + 1):
            try:
                return self._row(body, sink)
            except Refused as refused:
                if number == tries or 400 <= refused.status < 500:
                    raise
                time.sleep(PAUSE * number)
        raise AssertionError("the last try has returned or raised")

    def _row(self, body: Any, sink: Sink | None) -> Reply:
        """Each container's answer is what the next one is asked."""
        content_type = self._told.content_type
        last = len(self._clients) - 1
        reply = Reply(OK, content_type, b"")
        for place, (name, client) in enumerate(self._clients):
            headers = {"content-type": content_type} if content_type else {}
            if place == last and self._told.accept:
                headers["accept"] = self._told.accept
            into = sink if place == last else None
            try:
                reply = client.ask("POST", "/invocations", headers, body, self._told.timeout, into)
            except Lost as error:
                raise Refused(0, f"{name}: {error}") from error
            if not 200 <= reply.status < 300:
                raise Refused(reply.status, reply.body.decode(errors="replace"))
            body, content_type = reply.body, reply.content_type
        return reply
