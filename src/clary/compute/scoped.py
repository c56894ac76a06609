"""Paths of a container's tree as seen from outside: a link there leads within the tree, however it is written."""

import os
from collections import deque
from pathlib import Path

from clary.errors import ClaryError

LINKS = 40  # to follow before it is a circle: as the kernel has it


class Outside(OSError):
    """A path leads out of the tree."""


def inside(root: str, path: str, *, last: bool = True, strict: bool = False) -> str:
    """Where `path` is on this machine, below `root`, as a process with that root would find it; what is missing of it
    is taken as it is written. `last`: its last part may be a link, too. Raises Outside for a circle of links, and where
    it is `strict` for more `..` than there are folders.
    """
    left, there, followed = deque(path.split("/")), list[str](), 0
    while left:
        part = left.popleft()
        if part in ("", "."):
            continue
        if part == "..":
            if strict and not there:
                raise Outside(f"{path!r} leads out of the tree")
            del there[-1:]
            continue
        place = os.path.join(root, *there, part)  # noqa: PTH118 - text, for speed
        if (left or last) and os.path.islink(place):  # noqa: PTH114 - likewise
            followed += 1
            if followed > LINKS:
                raise Outside(f"{path!r} is a circle of links")
            target = os.readlink(place)  # noqa: PTH115 - likewise
            if target.startswith("/"):
                there.clear()
            left.extendleft(reversed(target.split("/")))
            continue
        there.append(part)
    return os.path.join(root, *there)  # noqa: PTH118 - likewise


def folder(root: str, path: str) -> None:
    """Raises ClaryError if there can be no folder there: a file is there, or on the way."""
    place = Path(inside(root, path))
    nearest = next(each for each in (place, *place.parents) if each.exists())
    if not nearest.is_dir():
        raise ClaryError(f"/{nearest.relative_to(root)} is no folder")


def text(root: str, path: str, most: int = 1 << 20) -> str:
    """What a file of the tree says, or nothing: no device or pipe is read, nor more than `most` bytes."""
    try:
        place = os.open(inside(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(place, "rb") as file:
        if not os.path.isfile(place):  # noqa: PTH113 - a descriptor
            return ""
        return file.read(most).decode(errors="replace")
