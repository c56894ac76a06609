"""The platform of the fuzz tests, and what must hold of it when they are through."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Platform
from fuzzed import Fuzzed


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Fuzzed]:
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    platform = Platform(folder / "home").start()
    process = platform.process
    assert process is not None
    try:
        fuzzed = Fuzzed(platform)
        yield fuzzed
        assert process.poll() is None
        assert fuzzed.send(b"GET /health HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")[0] == 200
        assert {path.name for path in folder.iterdir()} == {"home", "out.txt"}
        for name in files(folder):
            assert name.isascii(), name
            assert re.fullmatch(r"[A-Za-z0-9._/-]+", name), name
            assert "evil" not in name
        for path in (folder / "out.txt", *folder.rglob("*.log")):
            assert "Traceback" not in path.read_text(), path.read_text()[-3000:]
    finally:
        if process.poll() is None:
            platform.stop()
        shutil.rmtree(folder)
