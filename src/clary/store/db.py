"""The state: SQLite in WAL mode, any number of readers and one writer.

Reads go straight to SQLite: `read()` gives this thread's own read-only connection, which never waits. Writes go to the
one writer thread, which carries out everything that is waiting in a single transaction and then commits once, so that
many requests share one flush to the disk (group commit). `write()` returns when its work is on the disk.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from clary.store.sql import versions

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

BATCH = 256  # works in one transaction at most: bounds how long the first of them waits


class _Lent:
    """A thread's connection, which is closed with the thread: what a thread-local holds goes when its thread ends."""

    def __init__(self, connection: sqlite3.Connection, readers: set[sqlite3.Connection]) -> None:
        self.connection = connection
        self._readers = readers
        readers.add(connection)

    def __del__(self) -> None:
        self._readers.discard(self.connection)
        self.connection.close()


class Reader:
    """For any process of ours, while another one writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._readers: set[sqlite3.Connection] = set()  # open; a set's single steps need no lock

    def read(self) -> sqlite3.Connection:
        """This thread's connection for reading; it sees everything that `Store.write` has returned for."""
        lent: _Lent | None = getattr(self._local, "lent", None)
        if lent is None:
            lent = self._local.lent = _Lent(self._open(), self._readers)
            lent.connection.execute("PRAGMA query_only = ON")
        return lent.connection

    @contextmanager
    def moment(self) -> Iterator[sqlite3.Connection]:
        """As `read`, and all that is read within is as one moment had it, however many statements it takes."""
        connection = self.read()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("COMMIT")

    def close(self) -> None:
        for connection in self._readers.copy():
            connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection


class Store(Reader):
    """Not opened by two processes at once: the home's lock (cli) sees to that."""

    def __init__(self, path: Path, schemas: Iterable[str] = ()) -> None:
        """`schemas` are packages with a schema.sql, beside our own; missing versions of each are run now."""
        super().__init__(path)
        self._queue: SimpleQueue[tuple[Work, Future[Any]] | None] = SimpleQueue()
        self._writer = self._open()
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")
        for package in ("clary.store", *schemas):
            self._migrate(package)
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in the writer's transaction and returns its result once that is durable.

        What `work` raises undoes its own writes only, and is raised here. It must not call `write` again.
        """
        assert threading.current_thread() is not self._thread, "write inside write"
        future: Future[T] = Future()
        self._queue.put((work, future))
        return future.result()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """As `write`, but returns at once; the future ends when the work is durable."""
        future: Future[T] = Future()
        self._queue.put((work, future))
        return future

    def close(self) -> None:
        """Carries out what waits, then closes every connection."""
        self._queue.put(None)
        self._thread.join()
        super().close()
        self._writer.close()

    def _migrate(self, package: str) -> None:
        self._writer.execute(
            "CREATE TABLE IF NOT EXISTS migration (package TEXT, version INTEGER, PRIMARY KEY (package, version))"
        )
        row = self._writer.execute(
            "SELECT max(version) AS done FROM migration WHERE package = ?", (package,)
        ).fetchone()
        for number, text in enumerate(versions(package), start=1):
            if number > (row["done"] or 0):
                note = f"INSERT INTO migration VALUES ('{package}', {number});"  # noqa: S608 - our own words
                self._writer.executescript(f"BEGIN IMMEDIATE;\n{text}\n{note}\nCOMMIT;")

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            while len(batch) < BATCH and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    self._queue.put(None)
                    break
                batch.append(following)
            self._transact(batch)

    def _transact(self, batch: list[tuple[Work, "Future[Any]"]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for work, future in batch:
                if not future.set_running_or_notify_cancel():
                    continue  # nobody wants it any more; from here on it can't be cancelled
                self._writer.execute("SAVEPOINT work")
                try:
                    done.append((future, work(self._writer)))
                except Exception as error:
                    if not self._writer.in_transaction:
                        raise  # SQLite has undone the whole transaction: a full disk
                    self._writer.execute("ROLLBACK TO work")
                    future.set_exception(error)
                self._writer.execute("RELEASE work")
            self._writer.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the disk is full, say: nothing of this batch happened
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for future, result in done:
            future.set_result(result)
