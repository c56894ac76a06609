"""File trees of images that users pushed: each layer is unpacked once, and an image's tree is made of links to that.

HOME/images/layers/<digest>/          a layer: data/ and layer.json, complete from the moment it is there
HOME/images/trees/<digest>/           an image: tree/; tree.json, which names its layers; users/: links to jobs' folders
HOME/images/{layers,trees}/.<digest>* what is being made, or what a pull that was killed left; the next begins anew

Containers see a tree by an overlay, so that nobody changes it.
"""
# ruff: noqa: PTH101, PTH102, PTH103, PTH108, PTH112, PTH114, PTH116, PTH118, PTH120, PTH208 - paths are text here, of which there are many

import errno
import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary.compute.places import is_root, private_users
from clary.compute.scoped import Outside, inside
from clary.images import unpack
from clary.images.locks import locked
from clary.images.registry import Layer, Pushed
from clary.images.unpack import DATA, DEEPEST, BadLayer, Check, Told, depth

TREE, MADE = "tree", "tree.json"
FORM = "1"  # of what is unpacked; another one makes all be unpacked anew
THREADS = min(4, os.cpu_count() or 1)
LAST_DIGITS = 24  # of a digest, for a folder's name
KEEP = 3600.0  # seconds that a tree stays after its last job has begun, once there is a newer one
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pulled:
    """An image that is unpacked. `uri`: what it was when that was done; `size`: with what it shares with others."""

    uri: str
    digest: str
    size: int  # bytes


class Trees:
    """Those of a home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Where each container has all of the image's users: else all files belong to the only one there is.
        self.owners = is_root() and private_users(0)[1] > 1

    def place(self, pushed: Pushed) -> Path:
        return self.folder / "trees" / self._name(pushed.digest)

    def there(self, pushed: Pushed) -> bool:
        return (self.place(pushed) / MADE).exists()

    def kept(self, uri: str) -> Pushed | None:
        """What the URI names by digest, where it is unpacked: without layers, which the registry may have no more."""
        digest = uri.rpartition("@")[2]
        made = self.folder / "trees" / self._name(digest) / MADE
        if digest == uri or not made.exists():
            return None
        return Pushed(uri, digest, json.loads(made.read_text())["config"], ())

    def ready(self, pushed: Pushed, say: Say, check: Check = lambda: None, user: Path | None = None) -> Path:
        """The image's tree. Several may ask at once: the first unpacks, the others wait. It stays as long as the folder
        `user` does. Raises BadLayer.
        """
        place, pulled = self.place(pushed), False
        for name in ("trees", "layers"):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        own = place.with_name(f".{place.name}.lock")
        with locked(self._all(), shared=True):
            if not (place / MADE).exists():
                with locked(own, lambda: say(f"Waiting for the pull of {pushed.uri}")):
                    if pulled := not (place / MADE).exists():
                        self._pull(pushed, place, say, check)
            _used(place, user)
        if pulled:
            self.tidy(pushed)
        return place / TREE

    def tidy(self, newer: Pushed) -> None:
        """What was pulled from the same repository before goes once nobody has used it for a while: whoever changes an
        image and pushes it again, again and again, would fill the disk.
        """
        repository = _repository(newer.uri)
        for one in self.pulled():
            place = self.folder / "trees" / self._name(one.digest)
            if one.digest != newer.digest and _repository(one.uri) == repository and not _in_use(place):
                self.remove(one.digest, unused=True)

    def remove(self, digest: str, *, unused: bool = False) -> bool:
        """The tree of an image, and layers that no other has. Says whether there was one. What runs in it breaks; but
        `unused` removes none that is in use.
        """
        place = self.folder / "trees" / self._name(digest)
        if not (place / MADE).exists():
            return False
        with locked(self._all()):
            if unused and _in_use(place):
                return False
            (place / MADE).unlink(missing_ok=True)  # first: half a removal is no image
            discard(place)
            used = {name for one in self._made() for name in one["layers"]}
            for layer in self.folder.glob("layers/[!.]*"):
                if layer.name not in used:
                    discard(layer)
        return True

    def pulled(self) -> list[Pulled]:
        return [Pulled(one["uri"], one["digest"], one["size"]) for one in self._made()]

    def _made(self) -> list[dict[str, Any]]:
        return [json.loads(made.read_text()) for made in self.folder.glob(f"trees/[!.]*/{MADE}")]

    def _pull(self, pushed: Pushed, place: Path, say: Say, check: Check) -> None:
        began = time.monotonic()
        say(f"Pulling {pushed.uri}: {len(pushed.layers)} layers")
        building = place.with_name(f".{place.name}.building")
        for left in (building, place):
            discard(left)
        try:
            layers = self._layers(pushed.layers, check)
            building.mkdir(mode=0o700)
            top = building / TREE
            top.mkdir(mode=0o755)
            top.chmod(0o755)
            for layer in layers:
                Merge(str(top), layer, self.owners, check).all()
            size = sum(unpack.told(layer).size for layer in layers)
            names = [layer.name for layer in layers]
            made = {"uri": pushed.uri, "digest": pushed.digest, "layers": names, "size": size, "config": pushed.config}
            (building / MADE).write_text(json.dumps(made))
        except BaseException:
            discard(building)
            raise
        building.rename(place)
        say(f"Pulled {pushed.uri} in {time.monotonic() - began:.1f} s")

    def _layers(self, layers: tuple[Layer, ...], check: Check) -> list[Path]:
        """Their folders, in order."""
        wanted = {self._name(layer.digest): layer for layer in layers}
        missing = [layer for name, layer in wanted.items() if not (self.folder / "layers" / name).exists()]
        with ThreadPoolExecutor(THREADS, "unpack") as pool:
            failed: list[BaseException] = []

            def go_on() -> None:
                check()
                if failed:
                    raise failed[0]

            def one(layer: Layer) -> None:
                try:
                    self._unpacked(layer, go_on)
                except BaseException as error:
                    failed.append(error)
                    raise

            list(pool.map(one, missing))
        return [self.folder / "layers" / self._name(layer.digest) for layer in layers]

    def _unpacked(self, layer: Layer, check: Check) -> None:
        place = self.folder / "layers" / self._name(layer.digest)
        building = place.with_name(f".{place.name}.building")
        with locked(place.with_name(f".{place.name}.lock")):
            if place.exists():
                return  # another image has it too, and was pulled meanwhile
            discard(building)
            try:
                building.mkdir(mode=0o700)
                unpack.unpack(layer, building, unpack.room(building), owners=self.owners, check=check)
                building.rename(place)
            except BaseException:
                discard(building)
                raise

    def _name(self, digest: str) -> str:
        """Of a folder: short, and another one where files are made ready otherwise."""
        kind, _, text = digest.partition(":")
        return f"{kind}-{text[:LAST_DIGITS]}-{FORM}{'u' if self.owners else 'o'}"

    def _all(self) -> Path:
        """The lock that pulls share, and that a removal has alone."""
        return self.folder / ".trees.lock"


class Merge:
    """A layer over a tree: folders are made, files are linked to, so that each is on the disk once."""

    def __init__(self, top: str, layer: Path, owners: bool, check: Check) -> None:
        self.top, self.data, self.owners, self.check = top, str(layer / DATA), owners, check
        self.told: Told = unpack.told(layer)
        self.implied = set(self.told.implied)

    def all(self) -> None:
        try:
            for path in self.told.opaque:
                self._empty(inside(self.top, path))
            for path in self.told.whiteouts:
                _remove(self._place(path))
            self._folder(self.data, self.top)
            self._like(self.data, self.top)
            for name, target in self.told.links:
                self._link(name, target)
        except Outside as error:
            raise BadLayer(f"the layers of the image cannot be laid over each other: {error}") from error
        except OSError as error:
            raise BadLayer(f"the image cannot be unpacked: {error}") from error

    def _place(self, path: str) -> str:
        """Where it is in the tree, whose last part may be a link, the others are followed."""
        return self._not_deep(inside(self.top, path, last=False))

    def _not_deep(self, place: str) -> str:
        """Links of one layer lead what another one has deeper than either goes."""
        if depth(self.top, place) > DEEPEST + 1:
            name = place[len(self.top) :][:200]
            raise BadLayer(f"the image cannot be unpacked: {name!r} lies in more than {DEEPEST} folders")
        return place

    def _empty(self, folder: str) -> None:
        if os.path.isdir(folder):
            for name in os.listdir(folder):
                _remove(os.path.join(folder, name))

    def _folder(self, source: str, target: str) -> None:
        self.check()
        with os.scandir(source) as entries:
            for entry in entries:
                place = os.path.join(target, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    self._into(entry.path, place)
                else:
                    _remove(place)
                    _linked(entry.path, place)

    def _into(self, source: str, place: str) -> None:
        """One folder, with all in it."""
        implied = source[len(self.data) + 1 :] in self.implied
        if implied and os.path.islink(place):
            place = self._not_deep(inside(self.top, place[len(self.top) :]))
            os.makedirs(place, exist_ok=True)
        there = os.path.lexists(place)
        if there and not stat.S_ISDIR(os.lstat(place).st_mode):
            _remove(place)
            there = False
        if not there:
            os.mkdir(self._not_deep(place))
        self._folder(source, place)
        if not there or not implied:
            self._like(source, place)

    def _like(self, source: str, place: str) -> None:
        """Owner, mode and times of a folder."""
        found = os.stat(source)
        if self.owners:
            os.chown(place, found.st_uid, found.st_gid)
        shutil.copystat(source, place)

    def _link(self, name: str, target: str) -> None:
        """One that leads to a file of a layer below."""
        found, place = self._place(target), self._place(name)
        if not os.path.lexists(found) or os.path.isdir(found):
            raise BadLayer(f"the image cannot be unpacked: {name!r} is a hard link to {target!r}, which is not there")
        if found != place:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            _remove(place)
            _linked(found, place)


def _used(place: Path, user: Path | None) -> None:
    users = place / "users"
    users.mkdir(exist_ok=True)
    os.utime(users)
    if user is not None:
        link = users / hashlib.sha256(str(user).encode()).hexdigest()[:16]
        link.unlink(missing_ok=True)
        link.symlink_to(user)


def _in_use(place: Path) -> bool:
    """By a job whose folder is there, or a moment ago."""
    users = place / "users"
    try:
        recent = time.time() - users.stat().st_mtime < KEEP
        return recent or any(link.exists() for link in users.iterdir())
    except FileNotFoundError:
        return False


def _repository(uri: str) -> str:
    host, _, name = uri.partition("@")[0].rpartition("/")
    return f"{host}/{name.partition(':')[0]}"


def _linked(source: str, place: str) -> None:
    try:
        os.link(source, place, follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.EMLINK:  # as many names as a file can have
            raise
        shutil.copy2(source, place, follow_symlinks=False)
        found = os.lstat(source)
        os.chown(place, found.st_uid, found.st_gid, follow_symlinks=False)


def _remove(place: str) -> None:
    """Whatever is there."""
    try:
        mode = os.lstat(place).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(mode):
        discard(Path(place))
    else:
        os.unlink(place)


def discard(folder: Path) -> None:
    """Also what its own modes would keep us from."""
    if not folder.exists():
        return
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
    shutil.rmtree(folder)
