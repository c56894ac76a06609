"""Layers on their way in: each upload is one blob, which grows until its digest is told.

What was acknowledged survives a crash: the bytes are on the disk and the row says how many count. The hash is kept in
memory while bytes come; after a restart it is made from the file. An upload that nobody goes on with for a day goes.
"""

import hashlib
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clary.errors import AWSError
from clary.services.ecr.digests import USUAL
from clary.services.s3.blobs import Blobs, Writer
from clary.services.s3.state import RESERVE, disk_full, space
from clary.store.db import Store
from clary.store.sql import queries

SQL = queries("clary.services.ecr")
KEPT = 86400.0  # seconds that an upload waits for more, and a layer for an image that is made of it
PIECE = 4 << 20
LOOK = 16 << 20  # bytes between two looks at how much the disk still takes; no more than RESERVE


@dataclass(slots=True)
class Uploads:
    """Those under way."""

    store: Store
    blobs: Blobs
    clock: Callable[[], float]
    hashes: dict[str, tuple[Any, int]] = field(default_factory=dict)  # by upload: the usual one, of so many bytes
    _busy: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, repository: int) -> str:
        name = str(uuid.uuid4())
        values = {"id": name, "repository": repository, "touched": self.clock()}
        try:
            with space():
                self.store.write(lambda connection: connection.execute(SQL["upload_add"], values))
        except sqlite3.IntegrityError as error:
            raise vanished() from error
        self.hashes[name] = hashlib.new(USUAL), 0
        return name

    def find(self, repository: int, name: str) -> sqlite3.Row:
        """Raises UploadNotFoundException."""
        row: sqlite3.Row | None
        row = self.store.read().execute(SQL["upload"], {"id": name, "repository": repository}).fetchone()
        if row is None:
            raise gone(name)
        return row

    def take(self, repository: int, name: str) -> sqlite3.Row:
        """The upload, which is the caller's alone until it is released. Raises UploadNotFoundException, and
        InvalidLayerPartException while somebody else has it.
        """
        with self._lock:
            if name in self._busy:
                raise AWSError("InvalidLayerPartException", f"The upload {name} is being written to already")
            self._busy.add(name)
        try:
            return self.find(repository, name)
        except BaseException:
            self.release(name)
            raise

    def release(self, name: str) -> None:
        with self._lock:
            self._busy.discard(name)

    def receive(self, row: sqlite3.Row, expected: int = -1) -> "Inflow":
        """Where further bytes go, of an upload that the caller has taken. `expected`: how many, if that is known."""
        return Inflow(self, row, expected)

    def hash_of(self, name: str, blob: int, size: int, algorithm: str) -> str:
        """The digest of what has come."""
        made, counted = self.hashes.get(name, (None, -1))
        if made is None or counted != size or algorithm != USUAL:
            made = hashlib.new(algorithm)
            with Path(self.blobs.path(blob)).open("rb") as file:
                left = size
                while left and (piece := file.read(min(left, PIECE))):
                    made.update(piece)
                    left -= len(piece)
        return f"{algorithm}:{made.hexdigest()}"

    def cut(self, blob: int, size: int) -> None:
        """The file has these bytes and no more: an interrupted write may have left others behind them."""
        if Path(self.blobs.path(blob)).stat().st_size != size:
            self.blobs.join([(blob, 0, size)], into=blob)

    def forget(self, name: str) -> None:
        self.hashes.pop(name, None)

    def remove(self, name: str) -> None:
        """An upload that is over without a layer."""
        self.forget(name)
        with space():
            rows = self.store.write(
                lambda connection: connection.execute(SQL["upload_delete"], {"id": name}).fetchall()
            )
        self.blobs.delete(row["blob"] for row in rows)

    def expire(self) -> None:
        before = {"before": self.clock() - KEPT}
        for row in self.store.read().execute(SQL["uploads_old"], before).fetchall():
            if row["id"] not in self._busy:
                self.remove(row["id"])


class Inflow:
    """A Sink: bytes at the end of an upload. Ends by `finish`, or by `abort`, which keeps what has come: the client may
    go on there. Where they cannot be written, nothing of them stays.
    """

    def __init__(self, uploads: Uploads, row: sqlite3.Row, expected: int) -> None:
        self.name: str = row["id"]
        self.blob: int = row["blob"]
        self.size: int = row["size"]
        self._uploads = uploads
        self._before = self.size
        self._writer: Writer | None = None
        self._fresh = not self.blob  # no row names the blob yet
        self._settled = self._ended = self._full = False
        self._looked = self.size
        made, counted = uploads.hashes.pop(self.name, (None, -1))
        self._hash = made if counted == self.size else None
        if expected > uploads.blobs.free() - RESERVE:
            uploads.release(self.name)
            raise disk_full()

    def write(self, chunks: Iterable[bytes]) -> None:
        pieces = [chunk for chunk in chunks if chunk]
        if not pieces:
            return
        self._full = True  # until it is written
        with space():
            if self._writer is None:
                self._writer = self._open()
            self._writer.write(pieces)
        self.size += sum(map(len, pieces))
        if self.size - self._looked >= LOOK:
            self._looked = self.size
            if self._uploads.blobs.free() < RESERVE:
                raise disk_full()
        self._full = False
        if self._hash is not None:
            for piece in pieces:
                self._hash.update(piece)

    def _open(self) -> Writer:
        blobs = self._uploads.blobs
        if self.blob:
            return blobs.place(self.blob, self.size)
        writer = blobs.create()
        self.blob = writer.blob
        return writer

    def trailers(self, trailers: dict[str, str]) -> None:
        """There are none that mean anything."""

    def settle(self) -> None:
        """What has come is on the disk, but no row says so yet: the next is `keep`, or the upload's end."""
        with space():
            if self._writer is None and not self.blob:
                self._writer = self._open()  # of no bytes, which are a layer too
            if self._writer is not None:
                self._writer.finish()
        self._settled, self._writer = True, None
        if self._hash is not None:
            self._uploads.hashes[self.name] = self._hash, self.size

    def finish(self) -> None:
        """Acknowledged, from here on."""
        self.settle()
        self._keep()
        self.end()

    def _keep(self) -> None:
        uploads = self._uploads
        values = {"id": self.name, "blob": self.blob, "size": self.size, "touched": uploads.clock()}

        def work(connection: sqlite3.Connection) -> int:
            uploads.blobs.settle(self.blob)
            return connection.execute(SQL["upload_grown"], values).rowcount

        with space():
            found = uploads.store.write(work)
        if not found:  # it was cancelled meanwhile, or its repository is gone
            uploads.blobs.delete([self.blob])
            uploads.forget(self.name)
            raise gone(self.name)

    def end(self) -> None:
        """The upload is free for others."""
        if not self._ended:
            self._ended = True
            self._uploads.release(self.name)

    def abort(self) -> None:
        if self._ended:
            return
        kept = False
        try:
            with suppress(AWSError, OSError, sqlite3.Error):
                if self.size > self._before and not (self._settled or self._full):
                    self.settle()
                    self._keep()
                    kept = True
        finally:
            if self._writer is not None:
                self._writer.abort()
            if self._fresh and not kept:
                self._uploads.blobs.delete([self.blob])
            elif self._full:
                with suppress(OSError):
                    self._uploads.cut(self.blob, self._before)
            if self._full:
                self._uploads.forget(self.name)
            self.end()


def vanished() -> AWSError:
    return AWSError("RepositoryNotFoundException", "The repository was deleted meanwhile")


def gone(name: str) -> AWSError:
    return AWSError(
        "UploadNotFoundException",
        f"The upload with upload id '{name}' does not exist, or it is not of this repository and registry",
    )
