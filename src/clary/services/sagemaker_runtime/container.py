"""A container of a replica asked for a prediction, from file to file: memory stays flat whatever the sizes.

Asynchronous invocations don't go through the data plane: what they send and get may be 1 GB each, and may take an hour.
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""

import contextlib
import http.client
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from clary.compute.reach import inside, reached
from clary.errors import ClaryError
from clary.services.sagemaker_runtime import framed
from clary.store.routes import Framed, Web

PIECE = 1 << 20
LARGEST = 1 << 30  # bytes of an input, and of an answer
CONNECT = 5.0  # seconds


class Lost(ClaryError):
    """The container did not answer, or not to the end: its instance has ended, or is about to."""


class Unreached(Lost):
    """The container takes no connection: it has had nothing of the request."""


class Late(ClaryError):
    """The container did not answer in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    file: Path
    size: int  # bytes

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300


def ask(container: Web, headers: Mapping[str, str], source: BinaryIO, size: int, into: Path, deadline: float) -> Answer:
    """`source` has `size` bytes, the answer's go to `into`. `deadline` is of time.monotonic. Raises Lost and Late."""
    place = urlsplit(container.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=CONNECT, blocksize=PIECE)
    with contextlib.closing(connection):
        try:
            connection.sock = inside(container.door, place.hostname or "", place.port or 80, CONNECT)
        except OSError as error:
            raise Unreached from error
        try:
            _wait(connection, deadline)
            _send(connection, headers, source, size, deadline)
            response = connection.getresponse()
            with contextlib.closing(response), into.open("wb") as file:
                while file.tell() <= LARGEST and (piece := response.read1(PIECE)):
                    file.write(piece)
                    _wait(connection, deadline)
                if response.length and file.tell() <= LARGEST:  # read1 says nothing of an answer that breaks off
                    raise http.client.IncompleteRead(b"", response.length)
        except TimeoutError as error:
            raise Late from error
        except (OSError, http.client.HTTPException) as error:
            raise Lost(f"{Lost.__doc__} ({error})") from error
    return Answer(response.status, response.getheader("content-type", ""), into, into.stat().st_size)


def ask_inside(container: Framed, headers: Mapping[str, str], source: BinaryIO, into: Path, deadline: float) -> Answer:
    """As `ask`, of a model server of ours. Raises Lost and Late."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            with reached(container.socket) as place:
                connection.connect(place)
        except OSError as error:
            raise Unreached from error
        try:
            status, kind = framed.ask(connection, headers, source, into, deadline, LARGEST)
        except TimeoutError as error:
            raise Late from error
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise Lost(f"{Lost.__doc__} ({error})") from error
    return Answer(status, kind, into, into.stat().st_size)


def _send(
    connection: http.client.HTTPConnection, headers: Mapping[str, str], source: BinaryIO, size: int, deadline: float
) -> None:
    connection.putrequest("POST", "/invocations", skip_accept_encoding=True)
    for name, value in {**headers, "content-length": str(size), "connection": "close"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it had read all
        while piece := source.read(PIECE):
            connection.send(piece)
            _wait(connection, deadline)


def _wait(connection: http.client.HTTPConnection, deadline: float) -> None:
    """From here on a step may last until the deadline. Raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    if connection.sock is not None:  # which the response may have taken over
        connection.sock.settimeout(left)
