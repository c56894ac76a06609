"""kill -9 in the middle of pushes: what was acknowledged is there, uploads go on, and no blob stays behind."""

import hashlib
import http.client
import os
import random
import socket
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from ecr.tools import Door, digest_of, image
from waiting import until

ROUNDS = 3
PUSHERS = 4
MiB = 1 << 20


class Pushers:
    """Threads that push images and delete some of them until the server is gone."""

    def __init__(self, door: Door, repository: str) -> None:
        self.door, self.repository = door, repository
        self.kept: dict[str, bytes] = {}  # tag -> manifest
        self.layers: dict[str, bytes] = {}  # of them
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(PUSHERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        count = 0
        while True:
            count += 1
            made, tag = image(), f"{number}-{count}-{random.getrandbits(32)}"
            try:
                self.door.push(self.repository, made, tag)
                if count % 3 == 0:
                    self.door("DELETE", f"/v2/{self.repository}/manifests/{made.digest}")
                    continue
            except (OSError, http.client.HTTPException):
                return
            self.kept[tag] = made.manifest
            self.layers |= {digest_of(layer): layer for layer in (*made.layers, made.config)}


def named(platform: Any) -> set[str]:
    """The files of blobs that rows name."""
    with closing(sqlite3.connect(platform.home / "state.db")) as connection:
        rows = connection.execute("SELECT blob FROM ecr_layer UNION SELECT blob FROM ecr_upload WHERE blob > 0")
        return {f"{blob >> 12:08x}/{blob & 0xFFF:03x}" for (blob,) in rows}


def files(platform: Any) -> set[str]:
    root: Path = platform.home / "blobs"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_pushes_survive(own_platform: Any) -> None:
    door = Door(own_platform)
    name = door.repository()
    for turn in range(ROUNDS):
        pushers = Pushers(door, name)
        pushers.start()
        until(lambda: pushers.kept)  # noqa: B023 - called at once
        time.sleep(0.3 * turn)
        own_platform.kill()
        pushers.join()
        own_platform.start()
        for tag, manifest in pushers.kept.items():
            assert door("GET", f"/v2/{name}/manifests/{tag}").body == manifest
        for digest, layer in pushers.layers.items():
            assert door("GET", f"/v2/{name}/blobs/{digest}").body == layer
    # The sweep of the start, and what is deleted a little later.
    until(lambda: files(own_platform) == named(own_platform), lambda: files(own_platform) ^ named(own_platform))


def test_an_upload_goes_on(own_platform: Any) -> None:
    """The hash of what had come is made anew."""
    door = Door(own_platform)
    name, data = door.repository(), os.urandom(3 * MiB)
    where = door("POST", f"/v2/{name}/blobs/uploads/").headers["location"]
    door("PATCH", where, data[:MiB])
    with socket.create_connection(("127.0.0.1", own_platform.port)) as connection:
        head = (
            f"PATCH {where} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {door.token}\r\nContent-Length: {MiB}\r\n\r\n"
        )
        connection.sendall(head.encode() + os.urandom(MiB // 2))  # not acknowledged: bytes that do not count
        time.sleep(0.3)
        own_platform.kill()
    own_platform.start()
    assert door("GET", where).headers["range"] == f"0-{MiB - 1}"
    assert door("PATCH", where, data[MiB:], Content_Range=f"{MiB}-{3 * MiB - 1}").status == 202
    own_platform.kill()
    own_platform.start()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert door("PUT", f"{where}?digest={digest}").status == 201
    assert door("GET", f"/v2/{name}/blobs/{digest}").body == data
