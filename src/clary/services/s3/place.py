"""Where the parts of multipart uploads lie while they come.

An upload has one file, its future object, and parts of the usual size are written into it where they belong: part n
begins at (n - 1) * size. What does not fit there (another size, or a part that is sent again) gets a blob of its own,
and is moved in at the end. docs/decisions/0003-objects.md says why.
"""

import errno
import sqlite3
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from clary.services.s3.blobs import Blobs, Writer
from clary.store.db import Store
from clary.store.sql import queries

SQL = queries("clary.services.s3")

MiB = 1 << 20
LARGEST = 5 << 40  # bytes of an object: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
REMEMBERED = 1024  # uploads whose slots are held in memory; the others' are in the rows


@dataclass(slots=True)
class Upload:
    """What is known of one upload. `taken` holds the parts that are in place, or on their way there."""

    blob: int = 0
    part_size: int = 0
    taken: set[int] = field(default_factory=set)
    busy: int = 0  # parts on their way
    ending: bool = False  # being completed: nobody may write into the blob any more


@dataclass(frozen=True, slots=True)
class Slot:
    """A place inside the upload's blob; `writer` writes there and nowhere else."""

    blob: int
    part_size: int
    offset: int
    writer: Writer


class Places:
    """The slots of all uploads."""

    def __init__(self, store: Store, blobs: Blobs) -> None:
        self._store, self._blobs = store, blobs
        self._uploads: OrderedDict[str, Upload] = OrderedDict()
        self._lock = threading.Lock()

    def reserve(self, row: sqlite3.Row, number: int, size: int) -> Slot | None:
        """A slot for the part, or None if it needs a blob of its own. `row` is the upload's."""
        with self._lock:
            upload = self._of(row)
            if not upload.part_size:
                # The first part of an upload sets the size, unless it looks like a last one: clients choose whole MiB.
                if size <= 0 or (number > 1 and size % MiB):
                    return None
                writer = self._blobs.create()
                upload.blob, upload.part_size = writer.blob, size
                writer.finish()
            offset = (number - 1) * upload.part_size
            if upload.ending or size > upload.part_size or size <= 0 or number in upload.taken:
                return None
            placed = self._place(upload.blob, offset, size) if offset + size <= LARGEST else None
            if placed is None:
                return None
            upload.taken.add(number)
            upload.busy += 1
            return Slot(upload.blob, upload.part_size, offset, placed)

    def _place(self, blob: int, offset: int, size: int) -> Writer | None:
        """None where the file system has no files that large."""
        try:
            return self._blobs.place(blob, offset, size)
        except OSError as error:
            if error.errno != errno.EFBIG:
                raise
            return None

    def release(self, upload_id: str, number: int, *, kept: bool) -> None:
        """The part is there, or will not come: then its slot is free again."""
        with self._lock:
            if (upload := self._uploads.get(upload_id)) is not None:
                upload.busy -= 1
                if not kept:
                    upload.taken.discard(number)

    def end(self, row: sqlite3.Row) -> bool:
        """Whether the upload's blob is the caller's alone from now on, until `resume` or `forget`."""
        with self._lock:
            upload = self._of(row)
            alone = not upload.busy and not upload.ending
            upload.ending = upload.ending or alone
            return alone

    def resume(self, upload_id: str) -> None:
        """It was not completed after all."""
        with self._lock:
            if (upload := self._uploads.get(upload_id)) is not None:
                upload.ending = False

    def forget(self, upload_id: str) -> int:
        """The upload is over; its blob, also where no row names it yet."""
        with self._lock:
            upload = self._uploads.pop(upload_id, None)
            return upload.blob if upload is not None else 0

    def _of(self, row: sqlite3.Row) -> Upload:
        upload = self._uploads.get(row["id"])
        if upload is None:
            numbers = self._store.read().execute(SQL["parts_in"], (row["id"], row["blob"]))
            taken = {part["number"] for part in numbers} if row["blob"] else set()
            upload = self._uploads[row["id"]] = Upload(row["blob"], row["part_size"], taken)
            self._shrink()
        self._uploads.move_to_end(row["id"])
        return upload

    def _shrink(self) -> None:
        idle = [name for name, upload in self._uploads.items() if not upload.busy and not upload.ending]
        for name in idle[: max(0, len(self._uploads) - REMEMBERED)]:
            del self._uploads[name]
