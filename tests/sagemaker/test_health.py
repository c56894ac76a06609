"""How containers that do not answer /ping as they should are told from those that do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from clary.images.runtime import frames
from clary.services.sagemaker.hosting import health
from clary.store.routes import Framed, Web
from waiting import PATIENCE

WEB = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
FRAME = frames.pack(1, frames.WHOLE, frames.head(status=200, headers={}))


@contextmanager
def serving(pieces: list[bytes], pause: float, place: Path | None = None) -> Iterator[Framed | Web]:
    """A container that says these pieces to whoever connects, with a pause before each but the first; at a socket if
    there is a place for one.
    """
    listener = socket.socket(socket.AF_UNIX if place else socket.AF_INET)
    listener.bind(str(place) if place else ("127.0.0.1", 0))
    listener.listen()
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(1 << 16)
            for number, piece in enumerate(pieces):
                if number and over.wait(pause):
                    return
                connection.sendall(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        port = 0 if place else listener.getsockname()[1]
        yield Framed("c", socket=str(place)) if place else Web("c", url=f"http://127.0.0.1:{port}")
    finally:
        over.set()
        thread.join()
        listener.close()


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([WEB], ""),
        ([bytes([each]) for each in WEB], ""),
        ([b"HTTP/1.0 503 Busy\r\n"], "c answers /ping with 503"),
        ([b"HTTP/1.1 200 OK"], "c does not answer /ping (it closed the connection)"),
        ([b"SSH-2.0-OpenSSH_9\r\n"], "c does not answer /ping (its answer is not HTTP/1.1)"),
        ([b"\r\n"], "c does not answer /ping (its answer is not HTTP/1.1)"),
        ([b"HTTP/1.1 2000 OK\r\n"], "c does not answer /ping (its answer is not HTTP/1.1)"),
    ],
)
def test_what_a_container_says(monkeypatch: pytest.MonkeyPatch, pieces: list[bytes], said: str) -> None:
    monkeypatch.setattr(health, "ANSWER", PATIENCE)
    with serving(pieces, 0.0) as container:
        found = health.ping(container)
    assert found.startswith(said)
    assert bool(found) == bool(said)


@pytest.mark.parametrize("whole", [WEB, FRAME], ids=["http", "frames"])
def test_one_that_trickles_is_not_waited_for(whole: bytes, tmp_path: Path) -> None:
    """Each byte comes in time, and all of them would take as long as it likes."""
    place = tmp_path / "c.sock" if whole is FRAME else None
    with serving([bytes([each]) for each in whole], health.ANSWER / 4, place) as container:
        assert health.ping(container) == "c does not answer /ping (timed out)"


def test_frames_in_pieces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(health, "ANSWER", PATIENCE)
    with serving([FRAME[:9], FRAME[9:]], 0.01, tmp_path / "c.sock") as container:
        assert health.ping(container) == ""
