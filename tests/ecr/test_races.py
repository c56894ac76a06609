"""Pushes, deletes and repositories that go, all at once: no server error, each blob has a name, each name a blob."""

import random
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from ecr.tools import Door, Image, digest_of, layer_of
from waiting import until

ASKED = 800
NAMES = ("one", "two")
LAYERS = [layer_of(**{f"file{number}": "x" * number}) for number in range(6)]
TOLD = {200, 201, 202, 204, 400, 404, 405, 409, 416}


def work(door: Door, turn: int, told: list[tuple[str, int, bytes]]) -> None:
    rng = random.Random(turn)

    def ask(method: str, path: str, body: bytes | None = None) -> None:
        answer = door(method, path, body)
        told.append((f"{method} {path}", answer.status, answer.body))

    while len(told) < ASKED:
        name, made = rng.choice(NAMES), Image(tuple(rng.sample(LAYERS, 2)))
        what = rng.random()
        if what < 0.5:
            for blob in (*made.layers, made.config):
                ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(blob)}", blob)
            ask("PUT", f"/v2/{name}/manifests/t{rng.randrange(3)}", made.manifest)
        elif what < 0.6:
            source = NAMES[name == NAMES[0]]
            ask("POST", f"/v2/{name}/blobs/uploads/?mount={digest_of(rng.choice(LAYERS))}&from={source}")
        elif what < 0.7:
            ask("GET", f"/v2/{name}/blobs/{digest_of(rng.choice(LAYERS))}")
        elif what < 0.8:
            ask("DELETE", f"/v2/{name}/manifests/t{rng.randrange(3)}")
        elif what < 0.9:
            ask("DELETE", f"/v2/{name}/blobs/{digest_of(rng.choice(LAYERS))}")
        else:
            answer = door("POST", f"/v2/{name}/blobs/uploads/")
            if answer.status == 202:
                ask("PATCH", answer.headers["location"], b"left")


def renew(door: Door, told: list[tuple[str, int, bytes]]) -> None:
    """Repositories come and go."""
    while len(told) < ASKED:
        for name in NAMES:
            door.ecr.delete_repository(repositoryName=name, force=True)
            door.ecr.create_repository(repositoryName=name)
        time.sleep(0.3)


def test_all_at_once(own_platform: Any) -> None:
    door = Door(own_platform)
    for name in NAMES:
        door.ecr.create_repository(repositoryName=name)
    told: list[tuple[str, int, bytes]] = []
    threads = [threading.Thread(target=work, args=(door, turn, told)) for turn in range(6)]
    threads.append(threading.Thread(target=renew, args=(door, told)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each for each in told if each[1] not in TOLD] == []
    with closing(sqlite3.connect(own_platform.home / "state.db")) as connection:
        rows = connection.execute("SELECT blob FROM ecr_layer UNION SELECT blob FROM ecr_upload WHERE blob > 0")
        named = {f"{blob >> 12:08x}/{blob & 0xFFF:03x}" for (blob,) in rows}
        lost = connection.execute(
            "SELECT count(*) FROM ecr_use u JOIN ecr_image i ON i.repository = u.repository AND i.digest = u.image "
            "WHERE NOT EXISTS (SELECT 1 FROM ecr_layer l WHERE l.repository = u.repository AND l.digest = u.used)"
        ).fetchone()[0]
    assert lost == 0  # every image has all its layers
    root: Path = own_platform.home / "blobs"

    def found() -> set[str]:
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    until(lambda: found() == named, lambda: found() ^ named)
