"""Farms: folders of hard links to the store's blobs, which appear in containers as channels, by overlay.

A farm is named by the digest of what is in it and is shared by all jobs that ask for the same; the second one has it at
once. HOME/channels/<digest>/data holds the links, HOME/channels/<digest>/users a file named like the folder of each job
that uses it: once those folders are gone the farm goes too, since links keep bytes on the disk that S3 deleted.
"""

import errno
import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

from clary.jobs.ml.data import FAILED, Files
from clary.jobs.ml.place import OPEN
from clary.jobs.recipe import Job, JobFailed

LINKS = 2048  # between two looks at whether the job was stopped
FILE = 0o666  # as blobs are
KEEP = 600.0  # seconds that a farm stays after its last job

_lock = threading.Lock()  # between taking a farm into use and removing it
_building: dict[str, threading.Lock] = {}


def plant(home: Path, job: Job, files: Files) -> Path:
    """The folder with all the files. Raises JobFailed, JobStopped."""
    name = digest(files)
    folder = home / "channels" / name
    with _lock:
        building = _building.setdefault(name, threading.Lock())
    with building:
        if not _use(folder, job):
            _build(folder, files, job.check)
            if not _use(folder, job):
                raise FileNotFoundError(folder)
    return folder / "data"


def digest(files: Files) -> str:
    made = hashlib.blake2b(digest_size=20)
    for path, found in sorted((path, found.path) for path, found in files):
        made.update(f"{path}\0{found}\0".encode())
    return made.hexdigest()


def _use(folder: Path, job: Job) -> bool:
    with _lock:
        users = folder / "users"
        if not users.is_dir():
            return False
        (users / job.folder.name).touch()
        os.utime(users)
        return True


def _build(folder: Path, files: Files, check: Callable[[], None]) -> None:
    """Whole or not at all, by a rename."""
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    part = folder.parent / f".{folder.name}-{uuid.uuid4().hex}"
    try:
        (part / "users").mkdir(parents=True)
        lay(part / "data", files, check, link)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def lay(root: Path, files: Files, check: Callable[[], None], take: Callable[[str, str], None]) -> None:
    """The files below `root`, each by `take(source, target)`. Raises JobFailed where keys cannot be paths."""
    root.mkdir()
    root.chmod(OPEN)
    made = {""}
    top = str(root)
    for number, (path, found) in enumerate(files):
        if not number % LINKS:
            check()
        parent, _, name = path.rpartition("/")
        if parent not in made:
            _folders(top, parent, made)
        if not name:
            continue  # a key that ends in / is a folder, as S3's console makes them
        if name in {".", ".."} or "\0" in name:
            raise _no_path(path)
        try:
            if found.path:
                take(found.path, f"{top}/{path}")
            else:
                _empty(f"{top}/{path}")
        except OSError as error:
            raise _refused(path, error) from error


def link(source: str, target: str) -> None:
    try:
        os.link(source, target)
        if os.stat(target).st_mode & FILE != FILE:  # noqa: PTH116 - strings, for speed
            os.chmod(target, FILE)  # noqa: PTH101 - a blob of before jobs were, for its owner alone
    except OSError as error:
        if error.errno not in {errno.EMLINK, errno.EXDEV, errno.EPERM, errno.ENOTSUP}:
            raise
        copy(source, target)


def copy(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    os.chmod(target, FILE)  # noqa: PTH101 - strings, for speed


def _empty(target: str) -> None:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE)
    os.fchmod(handle, FILE)
    os.close(handle)


def _folders(top: str, parent: str, made: set[str]) -> None:
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
            raise _refused(path, error) from error
        made.add(path)


def _no_path(path: str) -> JobFailed:
    return JobFailed(f"{FAILED}the key {path!r} cannot be the path of a file: rename the object, or choose a prefix")


def _refused(path: str, error: OSError) -> JobFailed:
    if error.errno in {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}:
        return JobFailed(
            f"{FAILED}{path!r} would be a file and a folder, or two files, in the channel: rename an object, or choose "
            "a prefix that ends in /"
        )
    return JobFailed(f"{FAILED}{path!r}: {error.strerror}")


def evict(home: Path, now: float, keep: float = KEEP) -> int:
    """Removes farms that no job uses any more, and what a crash left half built. Returns how many."""
    root = home / "channels"
    gone = 0
    for entry in list(os.scandir(root)) if root.is_dir() else []:
        folder = root / entry.name
        if entry.name.startswith("."):
            if now - entry.stat().st_mtime < keep:
                continue
        elif not _leave(home, folder, now - keep):
            continue
        else:
            folder = folder.rename(root / f".{entry.name}-{uuid.uuid4().hex}")
        shutil.rmtree(folder, ignore_errors=True)
        gone += 1
    return gone


def _leave(home: Path, folder: Path, before: float) -> bool:
    """Whether nobody uses it; then nobody can begin to, either."""
    with _lock:
        users = folder / "users"
        for name in os.listdir(users):  # noqa: PTH208 - strings
            if (home / "jobs" / name).exists():
                return False
            (users / name).unlink()
        if users.stat().st_mtime > before:
            return False
        users.rmdir()
        return True
