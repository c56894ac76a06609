"""Requests by plain HTTP, for clients that are not AWS's."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from waiting import PATIENCE


@dataclass
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(port: int, method: str, target: str, body: Any, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """What an Answer is made of. A body that is no bytes or text goes in chunks."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        chunked = not isinstance(body, bytes | str | None)
        connection.request(method, target, body, headers, encode_chunked=chunked)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return response.status, found, response.read()
    finally:
        connection.close()
