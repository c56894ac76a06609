"""Farms: folders of hard links to the store's blobs, which appear in containers as channels, by overlay.

A farm is named by the digest of what is in it and is shared by all jobs that ask for the same; the second one has it at
once. HOME/channels/<digest>/data holds the links, HOME/channels/<digest>/users a file named like the folder of each job
that uses it: once those folders are gone the farm goes too, since links keep bytes on the disk that S3 deleted.
"""

import errno
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from weakref import WeakValueDictionary

from clary.jobs.ml.data import FAILED, Files
from clary.jobs.ml.place import OPEN
from clary.jobs.recipe import Job, JobFailed

LINKS = 2048  # between two looks at whether the job was stopped
# A link costs the kernel 8 to 12 us of computing on ext4, and several can be made at once, if not in one folder.
THREADS = min(4, os.cpu_count() or 1)
FILE = 0o666  # as blobs are
KEEP = 600.0  # seconds that a farm stays after its last job
PAUSE = 60.0  # seconds between two looks for farms that no job uses

PIECE = 1 << 20  # bytes that are copied at a time

Sources = Iterable[tuple[str, str]]  # path below the channel's folder; the file that it shows, "" for an empty one
Folder = tuple[list[str], list[str]]  # the names in it, and the file that each shows
Take = Callable[[str, str, int], None]  # (file, its name in a folder, that folder's handle)

_lock = threading.Lock()  # between taking a farm into use and removing it
_building: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
_tidying: set[Path] = set()  # homes

log = logging.getLogger(__name__)

Build = Callable[[Path, Callable[[], None]], None]


class Gone(JobFailed):
    """An object was deleted, or replaced, after it was listed."""


def plant(home: Path, job: Job, files: Files) -> Path:
    """The folder with all the files. Raises Gone, JobFailed, JobStopped."""
    return grow(home, job, files.name, lambda root, check: lay(root, files.sources(), check, link))


def grow(home: Path, job: Job, name: str, build: Build) -> Path:
    """The folder of this name; `build` makes it where it is not there yet, and is given the path and what to call now
    and then. Raises what that raises.
    """
    folder = home / "channels" / name
    with _lock:
        building = _building.setdefault(str(folder), threading.Lock())
    with building:
        if not _use(folder, job):
            _build(folder, build, job.check)
            if not _use(folder, job):
                raise FileNotFoundError(folder)
    return folder / "data"


def _use(folder: Path, job: Job) -> bool:
    with _lock:
        users = folder / "users"
        if not users.is_dir():
            return False
        (users / job.folder.name).touch()
        os.utime(users)
        return True


def _build(folder: Path, build: Build, check: Callable[[], None]) -> None:
    """Whole or not at all, by a rename."""
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    part = folder.parent / f".{folder.name}-{uuid.uuid4().hex}"

    def alive() -> None:
        check()
        os.utime(part)  # so that nobody takes it for what a crash left

    try:
        (part / "users").mkdir(parents=True)
        build(part / "data", alive)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def lay(root: Path, sources: Sources, check: Callable[[], None], take: Take) -> None:
    """The files below `root`, each as `take` takes it; `check` and `take` are called in several threads. Raises Gone,
    and JobFailed where keys cannot be paths.
    """
    root.mkdir()
    root.chmod(OPEN)
    folders = _by_folder(str(root), sources)

    def fill(batch: list[str]) -> None:
        for parent in batch:
            handle = os.open(root / parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                _fill(handle, parent, folders[parent])
            finally:
                os.close(handle)

    def _fill(handle: int, parent: str, files: Folder) -> None:
        for number, (name, source) in enumerate(zip(*files, strict=True)):
            if not number % LINKS:
                check()
            try:
                if source:
                    take(source, name, handle)
                else:
                    os.close(_new(name, handle))
            except OSError as error:
                raise _refused(f"{parent}/{name}" if parent else name, source, error) from error

    with ThreadPoolExecutor(THREADS, "farm") as pool:
        futures = [pool.submit(fill, batch) for batch in _batches(folders)]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _by_folder(top: str, sources: Sources) -> dict[str, Folder]:
    """By the path of the folder, which is there then."""
    folders: dict[str, Folder] = {"": ([], [])}
    for path, source in sources:
        parent, _, name = path.rpartition("/")
        if parent not in folders:
            _folders(top, parent, folders)
        if name in {".", ".."} or "\0" in name or (not parent and path[:1] == "/"):
            raise _no_path(path)
        if name:  # a key that ends in / is a folder, as S3's console makes them
            names, paths = folders[parent]
            names.append(name)
            paths.append(source)
    return folders


def _batches(folders: dict[str, Folder]) -> Iterator[list[str]]:
    """Folders, whole ones, that are worth a thread together."""
    batch: list[str] = []
    size = 0
    for parent, (names, _) in folders.items():
        batch.append(parent)
        size += len(names)
        if size >= LINKS:
            yield batch
            batch, size = [], 0
    yield batch


def link(source: str, name: str, folder: int) -> None:
    try:
        os.link(source, name, dst_dir_fd=folder)
        if os.stat(name, dir_fd=folder).st_mode & FILE != FILE:
            os.chmod(source, FILE)  # noqa: PTH101 - a blob of before jobs were, for its owner alone
    except OSError as error:
        if error.errno not in {errno.EMLINK, errno.EXDEV, errno.EPERM, errno.ENOTSUP}:
            raise
        copy(source, name, folder)


def copy(source: str, name: str, folder: int) -> None:
    with open(source, "rb") as taken, os.fdopen(_new(name, folder), "wb") as made:  # noqa: PTH123 - a string, for speed
        shutil.copyfileobj(taken, made, PIECE)


def _new(name: str, folder: int) -> int:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE, dir_fd=folder)
    os.fchmod(handle, FILE)  # whatever the umask is
    return handle


def _folders(top: str, parent: str, made: dict[str, Folder]) -> None:
    path = ""
    for part in parent.split("/"):
        if part in {"", ".", ".."} or "\0" in part:
            raise _no_path(parent)
        path = f"{path}/{part}" if path else part
        if path in made:
            continue
        try:
            os.mkdir(f"{top}/{path}")  # noqa: PTH102 - strings, for speed
            os.chmod(f"{top}/{path}", OPEN)  # noqa: PTH101 - likewise
        except OSError as error:
            raise _refused(path, "", error) from error
        made[path] = [], []


def _no_path(path: str) -> JobFailed:
    return JobFailed(f"{FAILED}the key {path!r} cannot be the path of a file: rename the object, or choose a prefix")


def _refused(path: str, source: str, error: OSError) -> JobFailed:
    if error.errno == errno.ENOENT and source and not os.path.exists(source):  # noqa: PTH110 - a string
        return Gone(f"{FAILED}{path!r} was deleted, or written anew, while the job began: start it again")
    if error.errno in {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}:
        return JobFailed(
            f"{FAILED}{path!r} would be a file and a folder, or two files, in the channel: rename an object, or choose "
            "a prefix that ends in /"
        )
    return JobFailed(f"{FAILED}{path!r}: {error.strerror}")


def tidy(home: Path) -> None:
    """Evicts what nobody uses, now and from time to time until nothing is left, in a thread of its own: to remove
    100,000 links takes a second, for which no job should wait.
    """
    with _lock:
        if home in _tidying:
            return
        _tidying.add(home)
    threading.Thread(target=_tidy, args=(home,), name="farm-tidy", daemon=True).start()


def _tidy(home: Path) -> None:
    while True:
        try:
            evict(home, time.time())
        except OSError:
            log.exception("channels that no job uses could not be removed; the next round tries again")
        with _lock:
            if not (home / "channels").is_dir() or not os.listdir(home / "channels"):  # noqa: PTH208 - only whether
                _tidying.discard(home)
                return
        time.sleep(PAUSE)


def evict(home: Path, now: float, keep: float = KEEP) -> int:
    """Removes farms that no job uses any more, and what a crash left half built. Returns how many."""
    root = home / "channels"
    gone = 0
    for entry in list(os.scandir(root)) if root.is_dir() else []:
        folder: Path | None = root / entry.name
        if not entry.name.startswith("."):
            folder = _take_away(home, root / entry.name, now - keep)
        elif now - entry.stat().st_mtime < keep:  # one that is being built looks alive
            continue
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
            gone += 1
    return gone


def _take_away(home: Path, folder: Path, before: float) -> Path | None:
    """Where it lies now, if nobody has used it since; then nobody can begin to, either."""
    users = folder / "users"
    with _lock:
        for name in os.listdir(users):  # noqa: PTH208 - strings
            if (home / "jobs" / name).exists():
                return None
            (users / name).unlink()
        if users.stat().st_mtime > before:
            return None
        return folder.rename(folder.parent / f".{folder.name}-{uuid.uuid4().hex}")
