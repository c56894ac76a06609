"""RENAME and DELETE: rows change, bytes stay where they are; one transaction, so nobody sees half of it.

What a rename does with what is there already is S3A's way: onto a file or a directory that has something in it, none.
https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-common/filesystem/filesystem.html#Object_Stores
"""

import sqlite3
from dataclasses import dataclass, field

from clary.errors import AWSError
from clary.services.s3 import names, removal, rows, writing
from clary.services.s3.webhdfs import faults, status
from clary.services.s3.webhdfs.visit import SQL, Place, Visit, end, inhabited, place_of
from clary.services.s3.webhdfs.writing import marker, settle
from clary.wire.message import Response

TRIES = 16


class _Changed(Exception):
    """Something came or went while it was asked whether the caller may."""


@dataclass(slots=True)
class _Done:
    """For those who are told afterwards: what was removed, and what came."""

    removed: list[tuple[str, rows.Change]] = field(default_factory=list)
    made: list[tuple[str, rows.New, rows.Change]] = field(default_factory=list)


def rename(visit: Visit) -> Response:
    """Answers {"boolean": false} where it cannot be; with `renameoptions`, raises why."""
    options = visit.asked.get("renameoptions")
    try:
        _rename(visit, visit.place, place_of(visit.asked.get("destination", "")), overwrite=options == "OVERWRITE")
    except AWSError as error:
        if options is not None or error.code("s3") not in {faults.NOT_FOUND, faults.EXISTS, faults.OTHER}:
            raise
        return status.json({"boolean": False})
    return Response(200) if options is not None else status.json({"boolean": True})


def _rename(visit: Visit, source: Place, target: Place, *, overwrite: bool) -> None:
    visit.state.bucket(source.bucket)
    if not source.key:
        raise faults.exists(source.bucket, "", "is a bucket, which cannot be renamed")
    if source.bucket != target.bucket:
        raise faults.unsupported(f"A rename from s3://{source.bucket} to s3://{target.bucket}: copy instead")
    for _ in range(TRIES):
        try:
            return _rename_once(visit, source, target, overwrite=overwrite)
        except _Changed:
            continue
    raise AWSError(faults.OTHER, f"s3://{source.bucket}/{source.key} changes all the time")


def _rename_once(visit: Visit, source: Place, target: Place, *, overwrite: bool) -> None:
    """Raises _Changed."""
    moved = _tree(visit.connection, source)
    visit.may("GetObject", source.bucket, [row["key"] for row in moved] or [source.key], _tagged(moved))
    if not moved:
        raise faults.missing(source.bucket, source.key)
    is_file = moved[0]["key"] == source.key
    target = _landing(visit, source, target, is_file=is_file, overwrite=overwrite)
    if target == source:
        return
    if f"{target.key}/".startswith(source.folder):
        raise faults.exists(target.bucket, target.key, f"is inside of {source.key}")
    keys = {row["key"]: target.key + row["key"][len(source.key) :] for row in moved}
    _may_move(visit, source.bucket, moved, keys)
    versions = bool(visit.state.bucket(source.bucket).versioning)
    links = {row["key"]: visit.state.blobs.link(row["blob"]) for row in moved if row["blob"]} if versions else {}
    move = _Move(visit, source, target, moved, keys, links, overwrite, visit.may_write(source.above))
    try:
        done = visit.state.write(move.carry_out if not versions else move.carry_out_versions)
    except BaseException:
        visit.state.blobs.delete(links.values())
        raise
    _tell(visit, source.bucket, done)


def _may_move(visit: Visit, bucket: str, moved: list[sqlite3.Row], keys: dict[str, str]) -> None:
    """What S3 asks for a copy of each object with its tags, and for removing it. (To read it was asked already.)
    https://aws.amazon.com/premiumsupport/knowledge-center/s3-troubleshoot-copy-between-buckets/
    """
    for key in keys.values():
        names.check_key(key)
    visit.may("PutObject", bucket, keys.values())
    visit.may("DeleteObject", bucket, keys, _tagged(moved))
    tagged = _tagged(moved)
    visit.may("GetObjectTagging", bucket, tagged, tagged)
    visit.may("PutObjectTagging", bucket, [keys[key] for key in tagged], [keys[key] for key in tagged])


@dataclass(frozen=True, slots=True)
class _Move:
    """A rename that may be: `keys` by the old ones, `links` the bytes of copies by old keys."""

    visit: Visit
    source: Place
    target: Place
    moved: list[sqlite3.Row]
    keys: dict[str, str]
    links: dict[str, int]
    overwrite: bool
    keep: bool  # the directory above, also when it is empty

    @property
    def now(self) -> float:
        return float(int(self.visit.state.clock()))

    def carry_out(self, connection: sqlite3.Connection) -> _Done:
        """No version is kept: the rows get other keys. Raises _Changed."""
        done, now = self._begin(connection), self.now
        if self.moved[0]["key"] == self.source.key:
            one = {"bucket": self.source.bucket, "key": self.source.key, "to": self.target.key, "now": now}
            connection.execute(SQL["move_one"], one)
        else:
            scope = {"bucket": self.source.bucket, "start": self.source.folder, "end": end(self.source.folder)}
            named = {"to": self.target.folder, "cut": len(self.source.folder) + 1, "now": now}
            connection.execute(SQL["move"], {**scope, **named})
        for row in self.moved:
            change = rows.Change(seq=row["seq"])
            done.made.append((self.keys[row["key"]], _new(row, row["blob"], now), change))
            done.removed.append((row["key"], change))
        return self._end(connection, done)

    def carry_out_versions(self, connection: sqlite3.Connection) -> _Done:
        """Versions are kept: each object is copied, and a delete marker comes in its place. Raises _Changed."""
        for blob in self.links.values():
            self.visit.state.blobs.settle(blob)
        done, now, bucket = self._begin(connection), self.now, self.source.bucket
        for row in self.moved:
            key, new = self.keys[row["key"]], _new(row, self.links.get(row["key"], 0), now)
            done.made.append((key, new, rows.put(connection, bucket, key, new)))
            done.removed.append((row["key"], rows.delete(connection, bucket, row["key"], now)))
        return self._end(connection, done)

    def _begin(self, connection: sqlite3.Connection) -> _Done:
        """All is as it was when it was asked for; the place is free, but for a file to overwrite or the marker of an
        empty directory.
        """
        if [(row["key"], row["seq"]) for row in _tree(connection, self.source)] != [
            (row["key"], row["seq"]) for row in self.moved
        ]:
            raise _Changed
        done, target = _Done(), self.target
        there = [row["key"] for row in _tree(connection, target)]
        if there and there != [target.folder] and not (self.overwrite and there == [target.key]):
            raise _Changed
        for key in there:
            done.removed.append((key, rows.delete(connection, target.bucket, key, self.now)))
        return done

    def _end(self, connection: sqlite3.Connection, done: _Done) -> _Done:
        settle(connection, self.target, self.now)
        if self.keep:
            _keep(self.visit, connection, self.source.above)
        return done


def _landing(visit: Visit, source: Place, target: Place, *, is_file: bool, overwrite: bool) -> Place:
    """Where it comes to lie. Raises FileAlreadyExistsException."""
    if target == source:
        return target
    if visit.file(target) is not None:
        if not (overwrite and is_file):
            raise faults.exists(target.bucket, target.key, "is a file")
        return target
    if not visit.folder(target):
        return target
    if is_file and not overwrite:
        target = target.below(source.name)
        if visit.file(target) is not None or visit.inhabited(target):
            raise faults.exists(target.bucket, target.key, "already exists")
        return target
    if [row["key"] for row in _tree(visit.connection, target)] != [target.folder]:
        raise faults.exists(target.bucket, target.key, "is a directory that is not empty")
    return target


def _new(row: sqlite3.Row, blob: int, now: float) -> rows.New:
    return rows.New(blob, row["size"], row["etag"], now, row["head"], row["tags"], row["parts"])


def delete(visit: Visit) -> Response:
    """DELETE: false where nothing is. Raises PathIsNotEmptyDirectoryException unless it is `recursive`."""
    place, state = visit.place, visit.state
    state.bucket(place.bucket)
    if not place.key:  # as S3A: a bucket goes by its own API, and is not emptied by mistake
        return status.json({"boolean": False})
    recursive = visit.true("recursive")
    for _ in range(TRIES):
        doomed = _tree(visit.connection, place)
        if not doomed:
            visit.may_list(place)
            return status.json({"boolean": False})
        keys = [row["key"] for row in doomed]
        is_file = keys[0] == place.key
        if not recursive and not is_file and keys != [place.folder]:
            raise AWSError(faults.NOT_EMPTY, f"`s3://{place.bucket}/{place.key}': Directory is not empty")
        visit.may("DeleteObject", place.bucket, keys, _tagged(doomed))
        try:
            done = _delete(visit, place, keys, is_file=is_file)
        except _Changed:
            continue
        _tell(visit, place.bucket, done)
        return status.json({"boolean": True})
    raise AWSError(faults.OTHER, f"s3://{place.bucket}/{place.key} changes all the time")


def _delete(visit: Visit, place: Place, keys: list[str], *, is_file: bool) -> _Done:
    state = visit.state
    now = float(int(state.clock()))
    keep = visit.may_write(place.above)
    versions = bool(state.bucket(place.bucket).versioning)

    def work(connection: sqlite3.Connection) -> _Done:
        there = _tree(connection, place)
        if [row["key"] for row in there] != keys:
            raise _Changed
        if versions or is_file:
            done = _Done([(key, rows.delete(connection, place.bucket, key, now)) for key in keys])
        else:
            scope = {"bucket": place.bucket, "start": place.folder, "end": end(place.folder)}
            connection.execute(SQL["remove"], scope)
            done = _Done([(row["key"], rows.Change(seq=row["seq"], doomed=[row["blob"]])) for row in there])
        if keep:
            _keep(visit, connection, place.above)
        return done

    return state.write(work)


def _keep(visit: Visit, connection: sqlite3.Connection, above: Place) -> None:
    """A directory stays when the last thing in it goes."""
    if above.key and not inhabited(connection, above):
        rows.put(connection, above.bucket, above.folder, marker(visit))


def _tree(connection: sqlite3.Connection, place: Place) -> list[sqlite3.Row]:
    """The object, or all that the directory holds; a file that has a directory's name hides that."""
    row = connection.execute(SQL["one"], {"bucket": place.bucket, "key": place.key}).fetchall()
    if row:
        return row
    scope = {"bucket": place.bucket, "start": place.folder, "end": end(place.folder)}
    return connection.execute(SQL["tree"], scope).fetchall()


def _tagged(found: list[sqlite3.Row]) -> list[str]:
    return [row["key"] for row in found if row["tags"]]


def _tell(visit: Visit, bucket_name: str, done: _Done) -> None:
    bucket = visit.state.bucket(bucket_name)
    copied, deleted = visit.call("CopyObject"), visit.call("DeleteObject")
    for key, new, change in done.made:
        writing.after(copied, bucket, key, new, change, event="Copy")
    for key, change in done.removed:
        removal.after(visit.state, bucket, key, None, change, call=deleted)
