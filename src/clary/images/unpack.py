"""One layer of an image, unpacked into a folder of its own: what it adds as files, what it takes away as a list.

https://github.com/opencontainers/image-spec/blob/main/layer.md. Nothing of a layer is trusted: a path that leads out of
it, a device, or more than there is room for ends it. No link of the layer is followed but within it, and nothing is
written through one.
"""
# ruff: noqa: PTH101, PTH102, PTH108, PTH118, PTH119, PTH120, PTH211 - paths are text here, of which there are many

import gzip
import hashlib
import importlib
import io
import json
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from clary.compute.scoped import Outside, inside
from clary.errors import ClaryError
from clary.images.registry import Layer

DATA, TOLD = "data", "layer.json"  # in the layer's folder
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
BLOCK = 4096  # bytes that even an empty file takes
ENTRIES = 5_000_000  # of a layer
DIGESTS = ("sha256", "sha512")
LONGEST = 4096  # bytes of a path: PATH_MAX of limits.h
DEEPEST = 200  # folders in each other: Python goes into them by recursion, to take them away, too
NOBODY, IDS = 65534, 65535  # where owners end that a container can have (compute/places.py)
LONGEST_HEADER = 1 << 20  # extended attributes are among it
HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
PIECE = 1 << 20
MODE = 0o1777  # without the bits that make programs run as their owner: nothing does here
BAD = (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError)
ZSTD = ("compression.zstd", "zstandard", "pyzstd")  # of Python 3.14; packages that whoever likes installs

Check = Callable[[], None]


class BadLayer(ClaryError):
    """A layer of an image cannot be unpacked."""


@dataclass(slots=True)
class Told:
    """What of a layer files cannot say, by paths in it. `implied`: folders that it names only as parts of paths."""

    size: int = 0  # bytes
    implied: list[str] = field(default_factory=list)
    whiteouts: list[str] = field(default_factory=list)
    opaque: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)  # hard links to files of layers below: name, target


def unpack(layer: Layer, folder: Path, room: int, *, owners: bool, check: Check) -> Told:
    """`folder` is made; it has the files in DATA, and TOLD. `room`: bytes that it may take. `owners`: files are given
    to the users that the layer names; else they are ours. Raises BadLayer, and what `check` raises.
    """
    top = folder / DATA
    top.mkdir(parents=True)
    top.chmod(0o755)
    unpacking = _Unpacking(str(top), layer, room, owners, check)
    try:
        with _opened(layer) as file:
            source = _Forward(file)
            packed = tarfile.open(fileobj=cast("IO[bytes]", source), tarinfo=_Member, errorlevel=2, mode="r:")  # noqa: SIM115 - it owns nothing
            while (member := packed.next()) is not None:
                packed.members = []  # type: ignore[attr-defined]  # it keeps all, and of a large layer that is much
                unpacking.add(member, packed, source)
    except OSError as error:
        raise BadLayer(f"the layer {layer.digest} cannot be unpacked: {error}") from error
    except BAD as error:
        raise BadLayer(f"the layer {layer.digest} is no whole tar archive ({error})") from error
    unpacking.finish()
    (folder / TOLD).write_text(json.dumps(asdict(unpacking.told)))
    return unpacking.told


def depth(top: str, path: str) -> int:
    return path.count("/") - top.count("/")


def told(folder: Path) -> Told:
    return Told(**json.loads((folder / TOLD).read_text()))


class _Member(tarfile.TarInfo):
    """What stands before a member to describe it is read into memory: so it is short, or this is no layer."""

    def _proc_member(self, packed: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in HEADERS and self.size > LONGEST_HEADER:
            raise tarfile.ReadError("a header of it is too long")
        found: tarfile.TarInfo = super()._proc_member(packed)  # type: ignore[misc]  # which is there to be overridden
        return found


class _Unpacking:
    def __init__(self, top: str, layer: Layer, room: int, owners: bool, check: Check) -> None:
        self.top, self.layer, self.left, self.owners, self.check = top, layer, room, owners, check
        self.told = Told()
        self.entries = 0
        self.folders: dict[str, tarfile.TarInfo | None] = {top: None}  # that are there, and what was said of them

    def add(self, member: tarfile.TarInfo, packed: tarfile.TarFile, source: "_Forward") -> None:
        self.check()
        name = self._name(member.name)
        self._take(member.size if member.isreg() else 0)
        base = os.path.basename(name)
        if not name:
            self._folder(self.top, member)
        elif base == OPAQUE:
            self.told.opaque.append(os.path.dirname(name))
            self._parent(name)
        elif base.startswith(WHITEOUT):
            hidden = base.removeprefix(WHITEOUT)
            if hidden in ("", ".", ".."):
                raise self._bad(member, "takes away what is no file")
            self.told.whiteouts.append(os.path.join(os.path.dirname(name), hidden))
            self._parent(name)
        elif member.isdir():
            self._folder(os.path.join(self._parent(name), base), member)
        else:
            self._other(os.path.join(self._parent(name), base), name, member, packed, source)

    def _name(self, name: str) -> str:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise self._wrong(name, "leads out of the image by `..`")
        if "\0" in name or len(name.encode(errors="surrogateescape")) > LONGEST:
            raise self._wrong(name[:100], "is no path")
        return "/".join(parts)

    def _take(self, size: int) -> None:
        self.entries += 1
        self.left -= max(size, BLOCK)
        self.told.size += size
        if self.left < 0 or self.entries > ENTRIES:
            raise BadLayer(f"the layer {self.layer.digest} cannot be unpacked: there is no room for so much")

    def _parent(self, name: str) -> str:
        """The folder that the path is in, made where the layer has not named it."""
        usual = f"{self.top}/{os.path.dirname(name)}".rstrip("/")
        if usual in self.folders and depth(self.top, usual) <= DEEPEST:  # nothing on the way there is a link
            return usual
        try:
            found = inside(self.top, os.path.dirname(name), strict=True)
        except Outside as error:
            raise self._wrong(name, f"leads out of the image by a link ({error})") from error
        if depth(self.top, found) > DEEPEST:
            raise self._wrong(name[:200], f"lies in more than {DEEPEST} folders")
        if found not in self.folders:
            self._make(found, name)
        return found

    def _make(self, path: str, name: str) -> None:
        above = os.path.dirname(path)
        if above not in self.folders:
            self._make(above, name)
        try:
            os.mkdir(path)
        except FileExistsError as error:
            raise self._wrong(name, "lies in what is no folder") from error
        Path(path).chmod(0o755)  # for the image's user, too, whatever this process's umask is
        self.folders[path] = None
        self.told.implied.append(path[len(self.top) + 1 :])

    def _folder(self, path: str, member: tarfile.TarInfo) -> None:
        if path not in self.folders:
            _clear(path)
            os.mkdir(path, 0o755)
        self.folders[path] = member  # what it says holds once nothing more is put there

    def _other(
        self, path: str, name: str, member: tarfile.TarInfo, packed: tarfile.TarFile, source: "_Forward"
    ) -> None:
        if path in self.folders:
            raise self._bad(member, "is a folder and something else")
        if os.path.lexists(path):
            os.unlink(path)
        if member.isreg():
            self._file(path, member, packed.extractfile(member) if member.issparse() else source)
        elif member.issym():
            os.symlink(self._text(member), path)
        elif member.islnk():
            self._link(path, name, member)
            return
        elif member.isfifo():
            os.mkfifo(path)
        else:
            raise self._bad(member, "is a device, and images have none")
        self._give(path, member)

    def _text(self, member: tarfile.TarInfo) -> str:
        if not member.linkname or "\0" in member.linkname or len(os.fsencode(member.linkname)) >= LONGEST:
            raise self._bad(member, "is a link that leads nowhere")
        return member.linkname

    def _file(self, path: str, member: tarfile.TarInfo, source: "IO[bytes] | _Forward | None") -> None:
        assert source is not None
        if isinstance(source, _Forward):
            source.seek(member.offset_data)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            left = member.size
            while left > 0:
                piece = source.read(min(PIECE, left))
                if not piece:
                    raise self._bad(member, "is not whole")
                left -= len(piece)
                while piece:
                    piece = piece[os.write(handle, piece) :]
                self.check()
        finally:
            os.close(handle)

    def _link(self, path: str, name: str, member: tarfile.TarInfo) -> None:
        target = self._name(self._text(member))
        try:
            found = inside(self.top, target, last=False, strict=True)
        except Outside as error:
            raise self._bad(member, f"leads out of the image by a link ({error})") from error
        if found in self.folders:
            raise self._bad(member, "is a hard link to a folder")
        if found == path:
            raise self._bad(member, "is a hard link to itself")
        if os.path.lexists(found):
            os.link(found, path, follow_symlinks=False)
        else:
            self.told.links.append((name, target))  # a file of a layer below, perhaps

    def _give(self, path: str, member: tarfile.TarInfo) -> None:
        """Owners come first: a change of them takes bits from the mode."""
        if self.owners and (member.uid or member.gid):  # what is made here is root's
            os.chown(path, _id(member.uid), _id(member.gid), follow_symlinks=False)
        if not member.issym():
            mode = member.mode & MODE
            if not self.owners:  # what its owner, us, must be able to read, to list and to remove
                mode |= 0o700 if member.isdir() else 0o400
            os.chmod(path, mode)
        moment = max(0.0, min(float(member.mtime), 1e11))
        os.utime(path, (moment, moment), follow_symlinks=False)

    def finish(self) -> None:
        """The folders as the layer says, the deepest first: a folder's time changes with what is put into it."""
        for path in sorted(self.folders, key=len, reverse=True):
            if (member := self.folders[path]) is not None:
                self._give(path, member)

    def _bad(self, member: tarfile.TarInfo, what: str) -> BadLayer:
        return self._wrong(member.name[:200], what)

    def _wrong(self, name: str, what: str) -> BadLayer:
        return BadLayer(f"the layer {self.layer.digest} cannot be unpacked: {name!r} {what}")


def _id(number: int) -> int:
    return number if 0 <= number <= IDS else NOBODY


def _clear(path: str) -> None:
    """Something that is no folder, if there is anything."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        os.unlink(path)


class _Digested(io.RawIOBase):
    """A file whose bytes are counted into a digest as they are read."""

    def __init__(self, file: IO[bytes], kind: str) -> None:
        self.file, self.digest = file, hashlib.new(kind)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count: int = self.file.readinto(buffer)  # type: ignore[attr-defined]  # a file that is opened raw has it
        self.digest.update(memoryview(buffer)[:count])
        return count


class _Forward:
    """A stream as tarfile reads an archive: onward, but that it looks at one byte again before each member."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.at, self.last, self.again = file, 0, b"", False

    def read(self, size: int) -> bytes:
        if not size:
            return b""
        begins, self.again = (self.last if self.again else b""), False
        data = begins + self.file.read(size - len(begins)) if begins else self.file.read(size)
        self.at += len(data) - len(begins)
        self.last = data[-1:] or self.last
        return data

    def tell(self) -> int:
        return self.at - self.again

    def seek(self, place: int) -> int:
        self.again = place == self.at - 1
        if place < self.at - 1:
            raise tarfile.ReadError("a header of it leads back")
        while self.at < place and self.read(min(PIECE, place - self.at)):
            pass
        return place


@contextmanager
def _opened(layer: Layer) -> Iterator[IO[bytes]]:
    """Its tar archive. Raises BadLayer at the end where the bytes were not those of its digest."""
    with layer.path.open("rb", buffering=0) as raw:
        begins = raw.read(4)
        raw.seek(0)
        kind, _, wanted = layer.digest.partition(":")
        if kind not in DIGESTS:
            raise BadLayer(f"the layer {layer.digest} has a digest of another kind than {' and '.join(DIGESTS)}")
        counted = _Digested(raw, kind)
        source = io.BufferedReader(counted, PIECE)
        if begins[:2] == b"\x1f\x8b":
            yield gzip.GzipFile(fileobj=source, mode="rb")  # type: ignore[misc]  # it reads as a file does
        elif begins == b"\x28\xb5\x2f\xfd":
            yield _zstd(layer, source)
        else:
            yield source
        while source.read(PIECE):
            pass
        if counted.digest.hexdigest() != wanted:
            raise BadLayer(f"the file of the layer {layer.digest} has other bytes than its digest says")


def _zstd(layer: Layer, source: IO[bytes]) -> IO[bytes]:
    for name in ZSTD:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        opened = getattr(module, "ZstdFile", None) or module.open
        found: IO[bytes] = opened(source)
        return found
    raise BadLayer(
        f"the layer {layer.digest} is compressed by zstd, which this Python cannot read: Python 3.14 can, or with the "
        "package zstandard; or push the image with layers that are compressed by gzip"
    )


def room(folder: Path) -> int:
    """Bytes that may be unpacked there: not the last of the disk, which Clary needs itself."""
    return int(shutil.disk_usage(folder).free * 0.95)
