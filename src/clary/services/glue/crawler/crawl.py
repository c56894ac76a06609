"""One crawl: what lies below the targets becomes tables and partitions, as the crawler's role may.

Only the beginnings and ends of files are read, in this process: a megabyte of each at most.
"""

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from clary.errors import AccessDenied, AWSError
from clary.jobs.objects import Found as Object
from clary.jobs.objects import Objects
from clary.resource.call import Caller, Permission, Platform
from clary.services.glue import state
from clary.services.glue.catalog.state import DATABASE
from clary.services.glue.crawler import files, folders
from clary.services.glue.crawler.classifier import CLASSIFIER
from clary.services.glue.crawler.folders import Folder, Part, Table
from clary.services.glue.crawler.writing import Options, Writing, in_place
from clary.services.glue.state import Document, Place

HIDDEN: Final = ("_", ".")  # such as _SUCCESS: neither Hive nor Spark reads them
PLACEHOLDER: Final = "_$folder$"


class Stopped(Exception):
    """Somebody wants the crawl to end."""


@dataclass(slots=True)
class Crawl:
    platform: Platform
    objects: Objects
    caller: Caller
    place: Place
    crawler: Document
    stopped: Callable[[], bool]
    say: Callable[[str], None]
    _options: Options = field(init=False)

    def run(self) -> Document:
        """How many tables and partitions came of it. Raises Stopped, and AWSError for what fails it."""
        name = self.crawler["Name"]
        self.say(f"BENCHMARK : Running Start Crawl for Crawler {name}")
        self._options = Options.of(self.crawler)
        classifiers = self._classifiers()
        database = self._database()
        found: list[tuple[str, Table]] = []
        for target in self.crawler["Targets"]["S3Targets"]:
            found += self._target(target, classifiers)
        self.say(f"BENCHMARK : Classification complete, writing results to database {database}")
        policy = json.dumps(self.crawler["SchemaChangePolicy"], separators=(",", ":"))
        self.say(f"INFO : Crawler configured with SchemaChangePolicy {policy}.")
        for action in ("GetTable", "GetTables", "GetPartitions", "CreateTable", "UpdateTable", "BatchCreatePartition"):
            self._allow(action, database, "*")
        for action in ("DeleteTable", "BatchDeletePartition", "UpdatePartition"):
            if self._options.deletes or action == "UpdatePartition":
                self._allow(action, database, "*")
        self._check()
        writing = Writing(self.place, self.crawler, database, self._options, self.caller.arn, state.now(self.platform))
        targets = [in_place(*_place(each["Path"])) for each in self.crawler["Targets"]["S3Targets"]]
        told = self.platform.store.write(lambda connection: writing.write(connection, found, targets))
        for line in writing.said:
            self.say(line)
        self.say("BENCHMARK : Finished writing to Catalog")
        return told

    def _check(self) -> None:
        if self.stopped():
            raise Stopped

    def _classifiers(self) -> list[Document]:
        connection = self.platform.store.read()
        rows = [state.find(connection, self.place, CLASSIFIER, name) for name in self.crawler.get("Classifiers", [])]
        return [state.loaded(row) for row in rows if row is not None]

    def _database(self) -> str:
        """Its name; it is made if it is not there. Raises AWSError."""
        name = str(self.crawler.get("DatabaseName") or "default").lower()
        self._allow("GetDatabase", name)
        if state.find(self.platform.store.read(), self.place, DATABASE, name) is None:
            self._allow("CreateDatabase", name)
            now = state.now(self.platform)

            def work(connection: sqlite3.Connection) -> None:
                if state.find(connection, self.place, DATABASE, name) is None:
                    state.add(connection, self.place, DATABASE, f"database/{name}", name, {"Name": name}, now)

            self.platform.store.write(work)
        return name

    def _allow(self, action: str, database: str, table: str = "") -> None:
        """Raises AccessDenied."""
        rests = ["catalog", f"database/{database}", *([f"table/{database}/{table}"] if table else [])]
        for rest in rests:
            permission = Permission(f"glue:{action}", self.place.arn(rest))
            self.platform.authority.allow(self.caller, permission, self.caller.context)

    def _target(self, target: Document, classifiers: list[Document]) -> list[tuple[str, Table]]:
        """Bucket and table of each that lies there."""
        bucket, prefix = _place(target["Path"])
        left_out = folders.excluded(target.get("Exclusions", []))
        root = Folder(prefix if prefix.endswith("/") or not prefix else f"{prefix}/")
        taken: dict[str, int] = {}
        unknown = 0
        for each in self._objects(bucket, prefix):
            self._check()
            below = each.key[len(prefix) :].lstrip("/")
            if left_out(below) or not _counts(each):
                continue
            folder = each.key.rpartition("/")[0]
            taken[folder] = taken.get(folder, 0) + 1
            if taken[folder] > target.get("SampleSize", 1 << 30):
                continue
            found = files.classified(each.path, each.size, classifiers)
            if found is None:
                unknown += 1
                self.say(f"WARN : The format of s3://{bucket}/{each.key} is not known.")
                continue
            if each.key == prefix:  # the path names a file
                return [(bucket, Table(prefix, [Part((), found, 1, each.size, prefix)]))]
            root.add(each.key, found, each.size)
            time.sleep(0)  # whoever answers requests meanwhile goes first
        if not taken:
            self.say(f"WARN : There is nothing to crawl below {target['Path']}.")
        level = self._options.level - 1 - root.prefix.count("/") if self._options.level else 0
        return [(bucket, table) for table in folders.tables(root, combine=self._options.combine, level=level)]

    def _objects(self, bucket: str, prefix: str) -> list[Object]:
        """Those below a folder; or the one that the path names. Raises AWSError."""
        role = self.crawler["RoleArn"]
        try:
            folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
            if found := list(self.objects.list(role, bucket, folder)):
                return found
            return [self.objects.find(role, bucket, prefix)] if prefix and not prefix.endswith("/") else []
        except AccessDenied:
            raise
        except AWSError as error:
            if error.code("s3") == "NoSuchKey":
                return []
            raise


def _place(path: str) -> tuple[str, str]:
    """Bucket and prefix of s3://bucket/prefix, or bucket/prefix."""
    bucket, _, prefix = path.removeprefix("s3://").partition("/")
    return bucket, prefix


def _counts(each: Object) -> bool:
    name = each.key.rpartition("/")[2]
    return bool(each.size) and bool(name) and not name.startswith(HIDDEN) and not name.endswith(PLACEHOLDER)
