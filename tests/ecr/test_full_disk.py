"""A disk that is full: it is told, nothing of what did not fit stays, and what was there goes on."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Platform
from ecr.tools import Door, image
from waiting import until

MiB = 1 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Any]:
    """A platform whose home has 64 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "small", disk], check=False).returncode:
        pytest.skip("only root can make a small disk")
    running = Platform(disk / "home").start()
    yield running
    running.stop()
    subprocess.run(["umount", disk], check=True)


def used(platform: Any) -> int:
    """Bytes in blobs."""
    return sum(path.stat().st_size for path in (platform.home / "blobs").rglob("*") if path.is_file())


def pieces(count: int) -> Iterator[bytes]:
    piece = os.urandom(MiB)
    for _ in range(count):
        yield piece


def test_a_full_disk(small: Any) -> None:
    door = Door(small)
    name, made = door.repository(), image()
    door.push(name, made, "v1")
    before = used(small)
    where = door("POST", f"/v2/{name}/blobs/uploads/").headers["location"]
    assert door("PATCH", where, os.urandom(100 * MiB)).error == (507, "UNKNOWN")  # told by its length
    door("PATCH", where, b"first")
    answer = door("PATCH", where, pieces(55))  # nobody says how long
    assert answer.error == (507, "UNKNOWN")
    assert "no space left" in answer.json["errors"][0]["message"]
    assert door("GET", where).headers["range"] == "0-4"  # what was acknowledged stays
    until(lambda: used(small) == before + 5, lambda: used(small) - before, absent=(FileNotFoundError,))
    door.push(name, image(), "v2")
    assert door("GET", f"/v2/{name}/manifests/v1").body == made.manifest
    assert door("DELETE", where).status == 204
