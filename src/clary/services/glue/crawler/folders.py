"""Which folders are tables, and which of them partitions of one.

https://docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html
"""

import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import regex  # type: ignore[import-untyped]  # it ships no types

from clary.services.glue.catalog.state import PATIENCE
from clary.services.glue.crawler.kinds import Found
from clary.services.glue.state import invalid

HIVE: Final = re.compile(r"([^=/]+)=(.*)")
DEEPEST: Final = 100


@dataclass(slots=True)
class Part:
    """A folder of files of one kind. `values` are the folders' names between the table's root and it."""

    values: tuple[str, ...]
    found: Found
    files: int
    size: int
    prefix: str  # of its keys


@dataclass
class Table:
    """`root`: the prefix of its keys, or the one key; `parts`: one without values for a table without partitions. They
    may be many: what is asked of all of them is worked out once.
    """

    root: str
    parts: list[Part]

    @cached_property
    def found(self) -> Found:
        found = self.parts[0].found
        for part in self.parts[1:]:
            found = found.merged(part.found)
        return found

    @property
    def depth(self) -> int:
        return len(self.parts[0].values)

    @cached_property
    def keys(self) -> list[str]:
        """Names of the partition keys: those of year=2024, or partition_0 for what has no name."""
        names = []
        for level in range(self.depth):
            matches = [HIVE.fullmatch(part.values[level]) for part in self.parts]
            named = {match[1].lower() if match else "" for match in matches}
            names.append(named.pop() if len(named) == 1 and "" not in named else f"partition_{level}")
        return names

    def values(self, part: Part) -> list[str]:
        """Of a partition, one for each of its keys."""
        found = []
        for level, name in enumerate(self.keys):
            match = HIVE.fullmatch(part.values[level])
            found.append(match[2] if match and match[1].lower() == name else part.values[level])
        return found


@dataclass(slots=True)
class Folder:
    prefix: str
    folders: dict[str, "Folder"] = field(default_factory=dict)
    files: dict[str, tuple[Found, int]] = field(default_factory=dict)  # by key: what it is, and its bytes

    def add(self, key: str, found: Found, size: int) -> None:
        """A file below this folder."""
        *names, _ = key[len(self.prefix) :].split("/")
        folder = self
        for name in names[:DEEPEST]:
            if name not in folder.folders:
                folder.folders[name] = Folder(f"{folder.prefix}{name}/")
            folder = folder.folders[name]
        folder.files[key] = (found, size)


def tables(folder: Folder, *, combine: bool = False, level: int = 0) -> list[Table]:
    """Of all that is below a folder. `combine`: what is compatible is one table, whatever its columns are; `level`: so
    many folders further down every folder is a table of its own.
    """
    if level > 0:
        below = [tables(each, combine=combine, level=level - 1) for each in folder.folders.values()]
        return [*_files(folder, combine=combine), *(table for each in below for table in each)]
    own = _files(folder, combine=combine)
    below = [tables(each, combine=combine) for each in folder.folders.values()]
    if not below:
        return own
    every = [table for each in below for table in each]
    if not own and all(len(each) == 1 for each in below) and _one(every, combine=combine):
        parts = []
        for name, table in zip(folder.folders, every, strict=True):
            for part in table.parts:
                part.values = (name, *part.values)
                parts.append(part)
        return [Table(folder.prefix, parts)]
    return [*own, *every]


def _files(folder: Folder, *, combine: bool) -> list[Table]:
    """The files of one folder: a table, or each of them one."""
    if not folder.files:
        return []
    each = [Table(key, [Part((), found, 1, size, key)]) for key, (found, size) in folder.files.items()]
    if not _one(each, combine=combine):
        return each
    found = each[0].found
    for table in each[1:]:
        found = found.merged(table.found)
    size = sum(size for _, size in folder.files.values())
    return [Table(folder.prefix, [Part((), found, len(each), size, folder.prefix)])]


def _one(each: list[Table], *, combine: bool) -> bool:
    """Whether these could be one table: as deep, of the same kind, and with similar columns."""
    first = each[0].found
    for table in each[1:]:
        if table.depth != each[0].depth or not first.compatible(table.found):
            return False
        if not combine and not first.similar(table.found):
            return False
    return all(not table.root.endswith("/") for table in each) or all(table.root.endswith("/") for table in each)


def excluded(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether Exclusions, glob patterns, mean the path below the target. Raises InvalidInputException for patterns that
    take too long: they are matched in the process that answers requests.
    https://docs.aws.amazon.com/glue/latest/dg/define-crawler-choose-data-sources.html#crawler-data-stores-exclude
    """
    compiled = regex.compile("|".join(f"(?:{_glob(each)})" for each in patterns) or "(?!)")

    def matches(path: str) -> bool:
        try:
            return compiled.fullmatch(path, timeout=PATIENCE) is not None
        except TimeoutError as error:
            raise invalid(f"The exclusion patterns take too long to match {path}") from error

    return matches


def _glob(pattern: str) -> str:
    """* is anything within a name, ** across folders, ? one character, [ab] one of them, {a,b} one of those."""
    found, depth = "", 0
    for piece in re.findall(r"\*\*|\\.|\[[^\]]*\]|.", pattern, re.DOTALL):
        if piece in ("**", "*", "?"):
            found += {"**": ".*", "*": "[^/]*", "?": "[^/]"}[piece]
        elif len(piece) > 2 and piece[0] == "[":
            found += fnmatch.translate(piece).removeprefix("(?s:").removesuffix(r")\Z")
        elif piece == "{":
            found, depth = f"{found}(?:", depth + 1
        elif piece == "}" and depth:
            found, depth = f"{found})", depth - 1
        elif piece == "," and depth:
            found += "|"
        else:
            found += re.escape(piece[-1])
    return found + ")" * depth
