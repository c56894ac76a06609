"""Log lines by group and stream, as CloudWatch Logs has them: append-only files, not rows.

A group is a folder: `group.json` is what is said of it, `streams` a line of JSON for each stream made or deleted, and
`<number>.log` with `<number>.idx` the lines of one (lines.py). What `append` has returned for survives a kill -9.

A group is named by its region and its name; written as one word, `us-west-2:/aws/sagemaker/TrainingJobs`, or without a
region, which then is the configured one.
"""

import hashlib
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary.store.lines import Stream, write_whole

log = logging.getLogger(__name__)

Listener = Callable[["Group", str, list[tuple[int, str]], int], None]  # group, stream, lines, when they came


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream of a group. `created` in milliseconds, as all times here."""

    number: int
    name: str
    created: int
    lines: Stream


class Group:
    def __init__(self, folder: Path, region: str, name: str, document: dict[str, Any]) -> None:
        self.folder = folder
        self.region = region
        self.name = name
        self.document = document  # JSON; `created`, and what services keep there
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] | None = None
        self._next = 1

    def streams(self, prefix: str = "") -> list[Entry]:
        """Those whose names begin so, in the order of their names."""
        with self._lock:
            found = [entry for entry in self._load().values() if entry.name.startswith(prefix)]
        return sorted(found, key=lambda entry: entry.name)

    def stream(self, name: str) -> Entry | None:
        with self._lock:
            return self._load().get(name)

    def create(self, name: str, now: int) -> Entry:
        """The stream of that name, made if there is none."""
        with self._lock:
            entries = self._load()
            if name not in entries:
                self._say({"number": self._next, "name": name, "created": now})
                entries[name] = self._entry(self._next, name, now)
            return entries[name]

    def add(self, name: str, now: int) -> bool:
        """Makes a stream; False if there is one of that name."""
        with self._lock:
            return name not in self._load() and bool(self.create(name, now))

    def drop(self, name: str) -> bool:
        """Deletes a stream; False if there is none of that name."""
        with self._lock:
            entry = self._load().get(name)
            if entry is not None:
                self._say({"deleted": entry.number})
                del self._load()[name]
                entry.lines.remove()
            return entry is not None

    def keep(self, document: dict[str, Any]) -> None:
        """What is said of the group from now on."""
        with self._lock:
            self.document = document
            said = {"region": self.region, "name": self.name, **document}
            _replace(self.folder / "group.json", json.dumps(said).encode())

    def expire(self, before: int) -> None:
        """Forgets lines that are older, for the most part (lines.Stream.trim)."""
        for entry in self.streams():
            entry.lines.trim(before)

    def _load(self) -> dict[str, Entry]:
        if self._entries is None:
            self._entries = {}
            known: dict[int, str] = {}
            path = self.folder / "streams"
            content = path.read_bytes() if path.exists() else b""
            whole = content[: content.rfind(b"\n") + 1]
            for line in whole.splitlines():
                said = json.loads(line)
                if "deleted" in said:
                    self._entries.pop(known.pop(said["deleted"]))
                else:
                    known[said["number"]] = said["name"]
                    self._entries[said["name"]] = self._entry(said["number"], said["name"], said["created"])
            if len(whole) < len(content):
                os.truncate(path, len(whole))
            self._sweep()
        return self._entries

    def _sweep(self) -> None:
        """Files of no stream: a crash came between."""
        assert self._entries is not None
        used = {str(entry.number) for entry in self._entries.values()}
        for path in self.folder.glob("*.*"):
            if path.suffix in {".log", ".idx"} and path.stem not in used:
                path.unlink()

    def _entry(self, number: int, name: str, created: int) -> Entry:
        self._next = max(self._next, number + 1)
        return Entry(number, name, created, Stream(self.folder / str(number)))

    def _say(self, line: dict[str, Any]) -> None:
        """Into the list of streams, whole, or, with OSError, not at all."""
        file = os.open(self.folder / "streams", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            write_whole(file, os.fstat(file).st_size, json.dumps(line).encode() + b"\n")
        finally:
            os.close(file)


class Journal:
    """Not opened by two processes at once: the home's lock sees to that."""

    def __init__(self, folder: Path, region: str = "", clock: Callable[[], float] = time.time) -> None:
        """`region` is that of groups that are named without one."""
        self.folder = folder
        self.listeners: list[Listener] = []  # called after each append, in its thread
        self._region = region
        self._clock = clock
        self._lock = threading.Lock()
        self._groups: dict[tuple[str, str], Group] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in folder.iterdir():
            self._found(path)

    def append(self, group: str, stream: str, lines: list[tuple[int, str]], origin: int = 0) -> None:
        """(milliseconds since the epoch, text) each; group and stream are made if they are not there. `origin` is how
        far the source has been read now: it is written with the lines, all or nothing. Raises OSError: a full disk.
        """
        found = self.create(*self._place(group))
        self.put(found, found.create(stream, self.now()), lines, origin)

    def put(self, group: Group, entry: Entry, lines: list[tuple[int, str]], origin: int = 0) -> None:
        now = self.now()
        entry.lines.append(lines, origin, now)
        for listener in self.listeners.copy():
            try:
                listener(group, entry.name, lines, now)
            except Exception:  # the lines are kept: who appends them must not believe that they are not
                log.exception("a listener failed on %s of %s", entry.name, group.name)

    def origin(self, group: str, stream: str) -> int:
        """The last `origin` of the stream; 0 for none."""
        found = self.group(*self._place(group))
        entry = found.stream(stream) if found else None
        return entry.lines.origin if entry else 0

    def now(self) -> int:
        return int(self._clock() * 1000)

    def groups(self, region: str) -> list[Group]:
        """In the order of their names."""
        with self._lock:
            found = [group for group in self._groups.values() if group.region == region]
        return sorted(found, key=lambda group: group.name)

    def every(self) -> list[Group]:
        with self._lock:
            return list(self._groups.values())

    def group(self, region: str, name: str) -> Group | None:
        return self._groups.get((region, name))

    def create(self, region: str, name: str, document: dict[str, Any] | None = None) -> Group:
        """The group of that name, made if there is none; with a document, FileExistsError if there is one."""
        found = self._groups.get((region, name))
        if found is None or document is not None:
            with self._lock:
                found = self._groups.get((region, name))
                if found is not None and document is not None:
                    raise FileExistsError(name)
                if found is None:
                    folder = self.folder / hashlib.blake2s(f"{region}:{name}".encode(), digest_size=16).hexdigest()
                    folder.mkdir(mode=0o700, exist_ok=True)
                    found = Group(folder, region, name, {})
                    found.keep({"created": self.now(), **(document or {})})
                    self._groups[region, name] = found
        return found

    def drop(self, group: Group) -> None:
        with self._lock:
            del self._groups[group.region, group.name]
            gone = group.folder.with_name(f"gone-{group.folder.name}-{time.monotonic_ns()}")
            group.folder.rename(gone)
        shutil.rmtree(gone)

    def _place(self, group: str) -> tuple[str, str]:
        region, _, name = group.rpartition(":")
        return region or self._region, name

    def _found(self, path: Path) -> None:
        if not (path / "group.json").exists() or path.name.startswith("gone-"):  # a crash while it came or went
            shutil.rmtree(path)
            return
        said = json.loads((path / "group.json").read_bytes())
        region, name = said.pop("region"), said.pop("name")
        self._groups[region, name] = Group(path, region, name, said)


def _replace(path: Path, content: bytes) -> None:
    """Durably, all or nothing."""
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
