"""The store: durable writes in groups, reads that see them, forward migrations."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.store.db import Store

PUT = "INSERT INTO fact VALUES (?, ?)"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "state.db")
    yield store
    store.close()


def facts(store: Store) -> dict[str, str]:
    return dict(store.read().execute("SELECT key, value FROM fact").fetchall())


def test_a_write_is_seen_by_every_thread_once_it_returns(store: Store) -> None:
    seen: list[dict[str, str]] = []

    def work() -> None:
        name = threading.current_thread().name
        store.write(lambda db: db.execute(PUT, (name, "x")))
        seen.append(facts(store))

    threads = [threading.Thread(target=work, name=f"t{n}") for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(facts(store)) == 16
    assert len(seen) == 16


def test_what_fails_undoes_only_itself(store: Store) -> None:
    def half(db: sqlite3.Connection) -> None:
        db.execute(PUT, ("half", "x"))
        raise ValueError("no")

    gate = threading.Event()
    blocked = store.submit(lambda _db: gate.wait())  # the next three wait, and share a transaction
    first = store.submit(lambda db: db.execute(PUT, ("first", "x")))
    failing = store.submit(half)
    last = store.submit(lambda db: db.execute(PUT, ("last", "x")))
    gate.set()
    for future in (blocked, first, last):
        future.result()
    with pytest.raises(ValueError, match="no"):
        failing.result()
    assert facts(store).keys() == {"first", "last"}


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.read().execute(PUT, ("k", "v"))


def test_a_full_disk_fails_the_whole_batch_and_the_store_lives_on(store: Store) -> None:
    store.write(lambda db: db.execute("PRAGMA max_page_count = 60"))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.write(lambda db: db.execute(PUT, ("big", "x" * 1_000_000)))
    store.write(lambda db: db.execute("PRAGMA max_page_count = 1000000"))
    store.write(lambda db: db.execute(PUT, ("small", "x")))
    assert facts(store).keys() == {"small"}


def test_opening_again_keeps_everything(tmp_path: Path) -> None:
    for number in range(3):
        store = Store(tmp_path / "state.db")
        store.write(lambda db, n=number: db.execute(PUT, (str(n), "x")))  # type: ignore[misc]  # a default in a lambda
        assert len(facts(store)) == number + 1
        store.close()


def test_versions_of_a_schema_run_once_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "shelf"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    schema = package / "schema.sql"
    one = "-- version: 1\nCREATE TABLE book (title TEXT);\nINSERT INTO book VALUES ('old');\n"
    schema.write_text(one)
    Store(tmp_path / "state.db", ["shelf"]).close()
    schema.write_text(one + "-- version: 2\nALTER TABLE book ADD COLUMN year INTEGER DEFAULT 7;\n")
    store = Store(tmp_path / "state.db", ["shelf"])
    assert [tuple(row) for row in store.read().execute("SELECT * FROM book")] == [("old", 7)]
    store.close()


WRITER = """
import os, sys, threading
from pathlib import Path
from clary.store.db import Store
store = Store(Path(sys.argv[1]))
def work(name):
    for n in range(10_000):
        store.write(lambda db: db.execute("INSERT INTO fact VALUES (?, 'x')", (f"{name}-{n}",)))
        os.write(1, f"{name}-{n}\n".encode())
for name in "abcd":
    threading.Thread(target=work, args=name).start()
"""


def test_kill_loses_no_acknowledged_write(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, tmp_path / "state.db"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(200)]
        process.kill()
        said += process.stdout.readlines()
    store = Store(tmp_path / "state.db")
    assert {line.strip() for line in said if line} <= facts(store).keys()
    store.close()


def test_who_no_longer_waits_stops_nobody_else(store: Store) -> None:
    gate = threading.Event()
    blocked = store.submit(lambda _db: gate.wait())
    given_up = store.submit(lambda db: db.execute(PUT, ("given up", "x")))
    last = store.submit(lambda db: db.execute(PUT, ("last", "x")))
    assert given_up.cancel()
    gate.set()
    blocked.result()
    last.result()
    assert facts(store).keys() == {"last"}


def test_a_thread_s_connection_ends_with_it(store: Store) -> None:
    """Each job and each asynchronous invocation has a thread of its own."""
    open_now: list[int] = []
    for _ in range(20):
        thread = threading.Thread(target=facts, args=(store,))
        thread.start()
        thread.join()
        links = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
        open_now.append(sum(link.name.startswith(store.path.name) for link in links))
    assert len(set(open_now)) == 1  # SQLite itself keeps one file for the next
