"""Where a bundle lies: a folder, or a zip or tar archive, or a folder inside one.

As MLeap's BundleFile: file:/folder, jar:file:/archive.zip, jar:file:/archive.zip!/folder, and plain paths.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .errors import BundleError

LARGEST = 2 << 30  # bytes: of a file in an archive, and of all in a tar archive, which is held as a whole


def path_of(uri: str) -> str:
    """The local path of a URI or path, without what is inside the archive.

    Raises BundleError for a scheme that is no local file's.
    """
    return split(uri)[0]


def split(uri: str) -> tuple[str, str, bool]:
    """The local path, the folder inside the archive, and whether it is an archive. Raises BundleError."""
    text = uri.replace("\\", "/")
    archived = text.startswith("jar:")
    text, _, inside = text[4:].partition("!") if archived else (text, "", "")
    scheme, colon, _ = text.partition(":")
    if colon and "/" not in scheme:
        if scheme != "file":
            raise BundleError(f"{uri}: bundles are read and written at file: and jar:file: only")
        text = unquote(urlsplit(text).path)
    elif archived:
        raise BundleError(f"{uri}: after jar: comes file:")
    return text, inside.strip("/"), archived or text.endswith(".zip")


class Place:
    """The files of a bundle by their paths, which use "/"."""

    def __init__(self, uri: str) -> None:
        self.path, inside, _ = split(uri)
        self._prefix = inside + "/" if inside else ""
        self._zip: Any = None
        self._tar: dict[str, bytes] = {}
        if Path(self.path).is_dir():
            self._names = [self._prefix + name for name in _walk(Path(self.path, inside))]
        elif not Path(self.path).exists():
            raise BundleError(f"there is no file {self.path}")
        elif zipfile.is_zipfile(self.path):
            self._zip = zipfile.ZipFile(self.path)
            self._names = [name for name in self._zip.namelist() if not name.endswith("/")]
        else:
            self._tar = _tar(self.path)
            self._names = list(self._tar)
        self.names = {name[len(self._prefix) :] for name in self._names if name.startswith(self._prefix)}

    def read(self, name: str) -> bytes:
        """Raises BundleError."""
        if name not in self.names:
            raise BundleError(f"{self.path} has no {self._prefix}{name}")
        full = self._prefix + name
        try:
            if self._zip is not None:
                _bounded(self.path, full, self._zip.getinfo(full).file_size)  # no more is read, whatever follows
                return bytes(self._zip.read(full))
            if self._tar:
                return self._tar[full]
            return Path(self.path, full).read_bytes()
        except BundleError:
            raise
        except (OSError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
            raise BundleError(f"{self.path}: {full}: {error}") from None

    def folders(self, folder: str) -> list[str]:
        """The folders right below one, sorted."""
        start = folder + "/"
        below = (name[len(start) :] for name in self.names if name.startswith(start))
        return sorted({name.partition("/")[0] for name in below if "/" in name})

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()


def _walk(folder: Path) -> list[str]:
    """Regular files only: who made the folder may have put a pipe there."""
    files = (Path(at, name) for at, _folders, names in os.walk(str(folder)) for name in names)
    return [path.relative_to(folder).as_posix() for path in files if path.is_file()]


def _tar(path: str) -> dict[str, bytes]:
    found, total = {}, 0
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None:
                    name = member.name
                    total += member.size
                    _bounded(path, name, total)
                    found[name[2:] if name.startswith("./") else name] = file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BundleError(f"{path} is neither a folder nor a zip nor a tar archive: {error}") from None
    return found


def _bounded(path: str, name: str, size: int) -> None:
    if size > LARGEST:
        raise BundleError(f"{path}: {name} makes {size} bytes: more than {LARGEST} are not read from an archive")
