"""Where the bytes of objects lie: immutable files with numbers for names, in a local folder.

A blob is written under its number, made durable, and only then named by a row: what no row names does not exist, so no
second, temporary name is needed. Blobs that no row names (a crash between the two) are found by `sweep`.

The number's upper bits are its folder, 4,096 to each, filled one after another; a process begins with a folder of its
own. So what a sweep looks at, the folders of earlier processes, is never where an upload is under way.
"""

import errno
import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

BITS = 12  # 4,096 blobs a folder
GRACE = 3.0  # seconds from a delete to the unlink: an answer that was just decided may still have to open the file
FLUSH = 8 << 20  # the disk begins to write after so many bytes, not only at the fsync
# The folders above let only their owner in. A job, which has an account of its own, sees links to these files by an
# overlay, and what it writes goes into the overlay's upper folder; for that it must seem to be allowed to write.
MODE = 0o666
VECTOR = 1024  # buffers in one writev: IOV_MAX of Linux

_FOLDER, _FILE = re.compile(r"[0-9a-f]{8,}"), re.compile(r"[0-9a-f]{3}")  # as `Folder.path` names them

log = logging.getLogger(__name__)


class Writer(Protocol):
    """The way in. Ends by `finish` or by `abort`, which may come twice, or after `finish`."""

    blob: int

    def write(self, chunks: list[bytes]) -> None: ...

    def finish(self) -> None:
        """Returns when the bytes are on the disk; the name is once it is settled."""

    def abort(self) -> None:
        """Nothing remains but, for a writer that `place` gave, unnamed bytes inside the blob."""


class Blobs(Protocol):
    """A store of blobs. Numbers are positive and never used again while the process lives."""

    def create(self) -> Writer: ...

    def place(self, blob: int, offset: int, size: int = 0) -> Writer:
        """Writes into a blob that no row names as a whole yet, from `offset` on: a part of a multipart upload. Raises
        OSError (EFBIG) where no blob can be large enough for `size` bytes there.
        """

    def put(self, data: bytes) -> int:
        """A small blob in one go; its bytes, as its name, are on the disk once it is settled."""

    def settle(self, blob: int) -> None:
        """Returns when the name of the blob, and all its bytes, are on the disk. Called by the store's writer, before
        the row that names the blob: one call then settles all that wait for the same commit.
        """

    def link(self, blob: int) -> int:
        """Another blob with the same bytes, which costs no copy where the store can help it; finished."""

    def adopt(self, file: str) -> int:
        """The file becomes a blob, by renaming it where it lies on the same disk; finished."""

    def join(self, pieces: Iterable[tuple[int, int, int]], into: int = 0) -> int:
        """Writes (blob, offset, length) one behind the other into a new blob, finished on return. Given a blob, pieces
        of it that lie where they belong are left alone, and it is cut to the whole's length.
        """

    def path(self, blob: int) -> str: ...

    def delete(self, blobs: Iterable[int]) -> None:
        """Soon, so that answers that were just given can still be read."""

    def free(self) -> int:
        """Bytes that can still be written."""

    def close(self) -> None: ...


class Folder:
    """Blobs as files below a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        if not root.is_dir():
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sync_folder(root.parent)
        self._lock = threading.Lock()
        self.first = 1 + max((int(name, 16) for name in self._folders()), default=0)  # our own folders begin here
        self._next = self.first << BITS
        self._handles: dict[int, int] = {}  # of our folders, by number
        self._unsettled: dict[int, int] = {}  # blobs with a handle to sync too, or -1
        self._lost: dict[int, int | None] = {}  # could not be settled, by errno: to ask again might wrongly say yes
        self._doomed: deque[tuple[float, int]] = deque()
        self._wake = threading.Event()
        self._closed = False
        self._reaper = threading.Thread(target=self._reap, name="s3-reaper", daemon=True)
        self._reaper.start()

    def create(self) -> "FileWriter":
        blob = self._allocate()
        handle = os.open(self.path(blob), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        os.fchmod(handle, MODE)  # whatever the umask is
        return FileWriter(self, blob, handle)

    def place(self, blob: int, offset: int, size: int = 0) -> "FileWriter":
        handle = os.open(self.path(blob), os.O_RDWR | os.O_CLOEXEC)
        try:
            os.pwrite(handle, b"\0" * min(size, 1), offset + size - min(size, 1))  # the last byte, to be overwritten
        except BaseException:
            os.close(handle)
            raise
        return FileWriter(self, blob, handle, offset, placed=True)

    def put(self, data: bytes) -> int:
        writer = self.create()
        try:
            writer.write([data])
        except BaseException:
            writer.abort()
            raise
        # The disk begins at once; `settle` then finds most of the work done, for all blobs of a commit.
        os.posix_fadvise(writer.handle, 0, 0, os.POSIX_FADV_DONTNEED)
        self._unsettled[writer.blob] = writer.handle
        return writer.blob

    def created(self, blob: int) -> None:
        self._unsettled[blob] = -1

    def settle(self, blob: int) -> None:
        if blob in self._lost:
            raise OSError(self._lost[blob] or errno.EIO, f"blob {blob} is not on the disk")
        if blob not in self._unsettled:
            return
        waiting = dict(self._unsettled)
        try:
            for handle in waiting.values():
                if handle >= 0:
                    os.fsync(handle)
            for folder in {each >> BITS for each in waiting}:
                os.fsync(self._handles[folder])
        except OSError as error:
            self._lost |= dict.fromkeys(waiting, error.errno)
            raise
        finally:
            for each, handle in waiting.items():
                del self._unsettled[each]
                if handle >= 0:
                    os.close(handle)

    def link(self, blob: int) -> int:
        copy = self._allocate()
        try:
            os.link(self.path(blob), self.path(copy))
        except OSError as error:
            if error.errno not in {errno.EMLINK, errno.EPERM, errno.ENOTSUP}:
                raise
            return self.join([(blob, 0, Path(self.path(blob)).stat().st_size)])
        self.created(copy)
        return copy

    def adopt(self, file: str) -> int:
        blob = self._allocate()
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchown(handle, os.geteuid(), os.getegid())
            os.fchmod(handle, MODE)
            os.fsync(handle)
            try:
                os.rename(file, self.path(blob))  # noqa: PTH104 - both are strings, as everywhere here
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                return self._copied(handle)
        finally:
            os.close(handle)
        self.created(blob)
        return blob

    def _copied(self, source: int) -> int:
        """From another disk."""
        writer = self.create()
        try:
            while piece := os.read(source, FLUSH):
                writer.write([piece])
            writer.finish()
        except BaseException:
            writer.abort()
            raise
        return writer.blob

    def join(self, pieces: Iterable[tuple[int, int, int]], into: int = 0) -> int:
        writer = self.place(into, 0) if into else self.create()
        try:
            end = 0
            for blob, offset, length in pieces:
                if not (blob == into and offset == end):
                    self._copy(blob, offset, length, writer.handle, end)
                end += length
            os.ftruncate(writer.handle, end)
            writer.finish()
        except BaseException:
            writer.abort()
            raise
        return writer.blob

    def path(self, blob: int) -> str:
        return f"{self.root}/{blob >> BITS:08x}/{blob & (1 << BITS) - 1:03x}"

    def delete(self, blobs: Iterable[int]) -> None:
        now = time.monotonic()
        self._doomed.extend((now, blob) for blob in blobs if blob)
        if self._doomed:
            self._wake.set()

    def free(self) -> int:
        stat = os.statvfs(self.root)
        return stat.f_bavail * stat.f_frsize

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        self._reaper.join()
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    def sweep(self, named: Iterator[int]) -> int:
        """Unlinks what earlier processes left and no row names; `named` gives every blob that rows name. Returns how
        many. Memory: half a KiB for each folder.
        """
        alive: dict[int, bytearray] = {}
        for blob in named:
            if blob >> BITS < self.first:
                bits = alive.setdefault(blob >> BITS, bytearray(1 << BITS - 3))
                low = blob & (1 << BITS) - 1
                bits[low >> 3] |= 1 << (low & 7)
        gone = 0
        for name in sorted(self._folders()):
            folder = int(name, 16)
            if folder >= self.first:
                continue
            bits = alive.get(folder, bytearray(1 << BITS - 3))
            for file in [each for each in (self.root / name).iterdir() if _FILE.fullmatch(each.name)]:
                low = int(file.name, 16)
                if not bits[low >> 3] & 1 << (low & 7):
                    gone += self._unlink(folder << BITS | low)
            if folder not in alive and not self._busy(folder):
                (self.root / name).rmdir()
        return gone

    def _busy(self, folder: int) -> bool:
        return any((self.root / f"{folder:08x}").iterdir())

    def _folders(self) -> list[str]:
        """Ours alone: the root of a disk has a lost+found, too."""
        return [entry.name for entry in os.scandir(self.root) if _FOLDER.fullmatch(entry.name) and entry.is_dir()]

    def _allocate(self) -> int:
        """The next number; its folder is there."""
        with self._lock:
            blob = self._next
            if blob >> BITS not in self._handles:
                self._begin(blob >> BITS)
            self._next = blob + 1
            return blob

    def _begin(self, folder: int) -> None:
        path = self.root / f"{folder:08x}"
        path.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(self.root)
        # Handles of full folders stay open, since blobs in them may still be on their way; one for 4,096 blobs.
        self._handles[folder] = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _copy(self, blob: int, offset: int, length: int, target: int, position: int) -> None:
        """Inside the kernel, and without a copy where the file system shares extents (XFS, Btrfs)."""
        source = os.open(self.path(blob), os.O_RDONLY | os.O_CLOEXEC)
        try:
            while length:
                done = os.copy_file_range(source, target, min(length, 1 << 30), offset, position)
                if not done:
                    raise OSError(errno.EIO, f"blob {blob} is shorter than its row says")
                length, offset, position = length - done, offset + done, position + done
        finally:
            os.close(source)

    def _reap(self) -> None:
        while not self._closed or self._doomed:
            if not self._doomed:
                self._wake.wait()
                self._wake.clear()
                continue
            at, blob = self._doomed[0]
            if not self._closed and (rest := at + GRACE - time.monotonic()) > 0:
                time.sleep(min(rest, 0.2))
                continue
            self._doomed.popleft()
            self._lost.pop(blob, None)
            self._unlink(blob)

    def _unlink(self, blob: int) -> bool:
        try:
            Path(self.path(blob)).unlink()
        except FileNotFoundError:
            return False
        except OSError:
            log.exception("blob %s could not be removed; the sweep at the next start tries again", blob)
            return False
        return True


def _sync_folder(path: Path) -> None:
    """The names in it are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FileWriter:
    """A blob on its way to the disk."""

    def __init__(self, store: Folder, blob: int, handle: int, offset: int = 0, *, placed: bool = False) -> None:
        """`placed`: inside a blob that is there already, and stays."""
        self.blob = blob
        self.handle = handle
        self._store = store
        self._placed = placed
        self._offset = self._flushed = offset

    def write(self, chunks: list[bytes]) -> None:
        if sum(map(len, chunks)) == 0:
            return
        views: list[bytes | memoryview] = list(chunks)
        while views:
            done = os.pwritev(self.handle, views[:VECTOR], self._offset)
            self._offset += done
            while views and done >= len(views[0]):
                done -= len(views.pop(0))
            if done:
                views[0] = memoryview(views[0])[done:]
        if self._offset - self._flushed >= FLUSH:
            # Starts to write these pages out and waits for nothing (the kernel's own reading of DONTNEED), so that
            # the fsync finds little left to do.
            os.posix_fadvise(self.handle, self._flushed, self._offset - self._flushed, os.POSIX_FADV_DONTNEED)
            self._flushed = self._offset

    def finish(self) -> None:
        os.fsync(self.handle)
        os.close(self.handle)
        self.handle = -1
        if not self._placed:
            self._store.created(self.blob)

    def abort(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1
        if not self._placed:
            self._store.delete([self.blob])
