"""The images that an engine is given: file trees, and an empty one over which this machine's system is shown.

Their names say what is in them, so they are made once; one whose tree is gone goes with the next that is made.
"""

import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

from clary.compute import system
from clary.compute.engine import Engine, answers
from clary.errors import ClaryError

LABEL = "clary.tree"
PIECE = 1 << 20
EMPTY = ("dev", "etc", "opt", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var")
ONE_AT_A_TIME = threading.Lock()


def base(engine: Engine) -> str:
    """Has folders and links alone; the same bytes on one machine whenever it is made."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in sorted({*EMPTY, *(name for name in system.FOLDERS if Path("/", name).exists())}):
            link = Path("/", name).readlink() if Path("/", name).is_symlink() else None
            if link is not None and name != "sbin":
                tar.addfile(_entry(name, str(link)))
                continue
            tar.addfile(_entry(name))
            if link is not None:  # a folder: dockerd shows its docker-init there
                for program in sorted(os.listdir("/sbin")):  # noqa: PTH208 - names are all it takes
                    tar.addfile(_entry(f"sbin/{program}", f"/usr/sbin/{program}"))
        tar.addfile(_entry("var/tmp"))
    data = packed.getvalue()
    return _made(engine, f"clary-base-{hashlib.sha256(data).hexdigest()[:16]}", iter([data]), "")


def tree(engine: Engine, root: str) -> str:
    """The file tree that is in this folder."""
    found = os.stat(root)  # noqa: PTH116 - text
    key = hashlib.sha256(f"{root}\0{found.st_ino}\0{found.st_ctime_ns}".encode()).hexdigest()[:32]
    return _made(engine, f"clary-tree-{key}", _packed(root), root)


def _made(engine: Engine, name: str, data: Iterator[bytes], root: str) -> str:
    with ONE_AT_A_TIME, answers():
        if (found := _id(engine, name)) is not None:
            return found
        if root:
            _clear(engine)
        engine.api.import_image_from_data(data, repository=name, changes=[f"LABEL {LABEL}={root or '-'}"])
        made = _id(engine, name)
    if made is None:
        raise ClaryError(f"the container engine did not take {root or 'the empty image'}")
    return made


def _id(engine: Engine, name: str) -> str | None:
    found = engine.api.images(filters={"label": [LABEL]})
    for image in found:
        if any(tag.rpartition("/")[2].partition(":")[0] == name for tag in image.get("RepoTags") or ()):
            return str(image["Id"])
    return None


def _clear(engine: Engine) -> None:
    """Those whose tree is no longer there; one that a container still has stays until the next time."""
    for image in engine.api.images(filters={"label": [LABEL]}):
        root = (image.get("Labels") or {}).get(LABEL, "-")
        if root != "-" and not os.path.isdir(root):  # noqa: PTH112 - text
            engine.drop(image["Id"])


def _entry(name: str, link: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mode = (tarfile.SYMTYPE, link, 0o777) if link else (tarfile.DIRTYPE, "", 0o755)
    return entry


def _packed(root: str) -> Iterator[bytes]:
    """As a tar file, with its owners; where Clary is an ordinary user's, all that was unpacked is theirs: root's, then.
    Raises OSError where it cannot be read.
    """
    failed: list[OSError] = []

    def owned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        if os.geteuid():
            entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    def pack(target: int) -> None:
        try:
            with (
                os.fdopen(target, "wb") as file,
                tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar,
            ):
                tar.add(root, arcname=".", filter=owned)
        except OSError as error:
            failed.append(error)

    source, target = os.pipe()
    packing = threading.Thread(target=pack, args=(target,), daemon=True)
    packing.start()
    with os.fdopen(source, "rb") as file:
        while data := file.read(PIECE):
            yield data
    packing.join()
    if failed:
        raise failed[0]
