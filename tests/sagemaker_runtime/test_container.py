"""A container that speaks HTTP, as asynchronous invocations ask it: what breaks off is no answer."""

import io
import time
from pathlib import Path
from typing import Any

import pytest

from clary.services.sagemaker_runtime.container import Answer, Late, Lost, Unreached, ask
from clary.store.routes import Web
from serving.web import CUSTOM, Server, as_told, serving
from waiting import PATIENCE


def asked(server: Server, into: Path, wish: str, seconds: float = PATIENCE) -> Answer:
    headers = {"content-type": "text/csv", CUSTOM: wish}
    container = Web("primary", url=f"http://127.0.0.1:{server.port}")
    return ask(container, headers, io.BytesIO(b"1,2"), 3, into, time.monotonic() + seconds)


@pytest.mark.parametrize(
    ("wish", "said"),
    [("", b"web:1,2"), ("chunked", b"one;two;three"), ("until-close", b"1,2"), ("status=500", b"web:1,2")],
)
def test_answers_come_whole(tmp_path: Path, wish: str, said: bytes) -> None:
    with serving(as_told) as server:
        answer = asked(server, tmp_path / "out", wish)
        assert (answer.file.read_bytes(), answer.size, answer.good) == (said, len(said), "500" not in wish)
        method, path, headers, body = server.asked[-1]
        assert (method, path, headers["content-type"], body) == ("POST", "/invocations", "text/csv", b"1,2")


def _short(handler: Any, _body: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
    handler.close_connection = True


@pytest.mark.parametrize(("answer", "wish"), [(as_told, "cut"), (as_told, "reset"), (as_told, "garbage"), (_short, "")])
def test_what_breaks_off_is_lost(tmp_path: Path, answer: Any, wish: str) -> None:
    with serving(answer) as server, pytest.raises(Lost) as caught:
        asked(server, tmp_path / "out", wish)
    assert not isinstance(caught.value, Unreached)


def test_what_hangs_is_late_and_what_is_away_is_unreached(tmp_path: Path) -> None:
    with serving(as_told) as server, pytest.raises(Late):
        asked(server, tmp_path / "out", "hang", seconds=0.5)
    with pytest.raises(Unreached):
        asked(server, tmp_path / "out", "")
