"""All objects of a prefix as they are at one moment, column by column.

SQLite makes a JSON array of each column, and does so without Python's lock: a row object for each of 100,000 objects
would take ten times as long, and hold everybody else up meanwhile.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from clary.jobs.objects import Found
from clary.services.s3.rows import SQL

PAGE = 1 << 16  # objects in one statement: SQLite's texts end at 1 GB, and a key may have 6 KB as JSON


@dataclass(slots=True)
class Listing:
    """Implements jobs.objects.Listing."""

    path: Callable[[int], str]  # of a blob
    digest: str = ""
    size: int = 0
    keys: list[str] = field(default_factory=list)
    odd: dict[str, sqlite3.Row] = field(default_factory=dict)  # those that have tags, or a key of the customer's
    pages: list[tuple[str, str, str]] = field(default_factory=list)  # blobs, sizes, etags, as JSON

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Found]:
        return map(Found, self.keys, self._column(1), self.paths(), self._column(2))

    def paths(self) -> list[str]:
        path = self.path
        return [path(blob) if blob else "" for blob in self._column(0)]

    def _column(self, number: int) -> list[Any]:
        return [each for page in self.pages for each in orjson.loads(page[number])]


def take(connection: sqlite3.Connection, bucket: str, prefix: str, path: Callable[[int], str]) -> Listing:
    made = Listing(path)
    digest = hashlib.blake2b(digest_size=20)
    connection.execute("BEGIN")  # what one page shows, the next one must not contradict
    try:
        start: str | None = prefix
        end = prefix.encode() + b"\xff"  # no UTF-8 has this byte
        while start is not None:
            scope = {"bucket": bucket, "start": start, "end": end}
            following = connection.execute(SQL["bulk_next"], {**scope, "page": PAGE}).fetchone()
            start = following["key"] if following else None
            if start is not None:
                scope["end"] = start.encode()
            page = connection.execute(SQL["bulk_page"], scope).fetchone()
            columns = page["blobs"], page["sizes"], page["etags"]
            for text in (page["keys"], *columns):
                digest.update(b"%d " % len(text))
                digest.update(text.encode())
            made.keys += orjson.loads(page["keys"])
            made.pages.append(columns)
            made.size += page["size"]
            if page["odd"]:
                made.odd |= {row["key"]: row for row in connection.execute(SQL["bulk_odd"], scope)}
    finally:
        connection.execute("COMMIT")
    made.digest = digest.hexdigest()
    return made
