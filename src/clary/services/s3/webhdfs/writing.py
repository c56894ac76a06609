"""CREATE and MKDIRS. An object is there when all of it is: a writer that dies leaves nothing.
https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/WebHDFS.html#Create_and_Write_to_a_File
"""

import sqlite3
from collections.abc import Callable

import orjson

from clary.services.s3 import checksums, head, names, rows, writing
from clary.services.s3.intake import Intake, length
from clary.services.s3.place import LARGEST
from clary.services.s3.state import result_of
from clary.services.s3.webhdfs import faults, status
from clary.services.s3.webhdfs.reading import FROM, redirected
from clary.services.s3.webhdfs.visit import SQL, Place, Visit
from clary.wire.message import Response

MARKER = "application/x-directory"  # what S3A calls an empty directory's object, too
PLAIN = "application/octet-stream"


def begin(visit: Visit) -> Response:
    """The first request of CREATE, which brings nothing. Raises what is known to be wrong already."""
    _check(visit)
    answer = redirected(visit)
    if answer is None:
        raise faults.illegal("CREATE without a body: send it to the Location of the first answer")
    return answer


def brings(asked: str) -> bool:
    """Whether a CREATE with this query brings the bytes."""
    return f"{FROM}=" in asked or "data=true" in asked


class Bringing(Intake):
    """The bytes of a CREATE; `visit` is whose."""

    most = LARGEST  # S3A would send so many in parts

    def __init__(self, visit: Visit) -> None:
        _check(visit)
        self.visit = visit
        headers = visit.request.headers
        chunked = "transfer-encoding" in headers
        super().__init__(visit.state, {}, -1 if chunked else length(headers))


def _check(visit: Visit) -> None:
    place = visit.place
    visit.state.bucket(place.bucket)
    if not place.key:
        raise faults.exists(place.bucket, "", "is a bucket")
    names.check_key(place.key)
    visit.may("PutObject", place.bucket, [place.key])
    if visit.inhabited(place):
        raise faults.exists(place.bucket, place.key, "is a directory")
    if not visit.true("overwrite") and visit.file(place) is not None:
        raise faults.exists(place.bucket, place.key, "already exists")


def finish(brought: Bringing) -> Response:
    visit = brought.visit
    state, place = visit.state, visit.place
    bucket = state.bucket(place.bucket)
    call = visit.call("PutObject")
    made = head.make({"ContentType": PLAIN}, state.settings.of(bucket.name))
    brought.finish()
    made["checksum"] = [brought.algorithm, brought.checksum, "FULL_OBJECT"]
    new = rows.New(brought.blob, brought.size, brought.etag, float(int(state.clock())), orjson.dumps(made))
    condition = None if visit.true("overwrite") else _absent(place)

    def work(connection: sqlite3.Connection) -> rows.Change:
        change = rows.put(connection, bucket.name, place.key, new, condition)
        settle(connection, place, new.modified)
        return change

    change = result_of(state.submit(work, blob=new.blob))
    brought.take()
    writing.after(call, bucket, place.key, new, change, event="Put")
    return Response(201, {"content-type": PLAIN})


def _absent(place: Place) -> Callable[[sqlite3.Row | None], None]:
    def condition(row: sqlite3.Row | None) -> None:
        if row is not None:
            raise faults.exists(place.bucket, place.key, "already exists")

    return condition


def make_folder(visit: Visit) -> Response:
    """MKDIRS."""
    place, state = visit.place, visit.state
    bucket = state.bucket(place.bucket)
    above = place
    while above.key:
        if visit.file(above) is not None:
            raise faults.exists(above.bucket, above.key, "is a file")
        above = above.above
    if visit.folder(place):
        return status.json({"boolean": True})
    names.check_key(place.folder)
    visit.may("PutObject", place.bucket, [place.folder])
    new = marker(visit)

    def work(connection: sqlite3.Connection) -> rows.Change:
        change = rows.put(connection, place.bucket, place.folder, new)
        settle(connection, place, new.modified)
        return change

    change = state.write(work)
    writing.after(visit.call("PutObject"), bucket, place.folder, new, change, event="Put")
    return status.json({"boolean": True})


def marker(visit: Visit) -> rows.New:
    """The object of an empty directory."""
    checksum = checksums.base64_of(checksums.digest(checksums.DEFAULT, b""))
    made = {"headers": {"content-type": MARKER}, "checksum": [checksums.DEFAULT, checksum, "FULL_OBJECT"]}
    return rows.New(0, 0, checksums.digest("MD5", b"").hex(), float(int(visit.state.clock())), orjson.dumps(made))


def settle(connection: sqlite3.Connection, place: Place, now: float) -> None:
    """Something is at the place: the directories above are not empty any more, and need no object of their own. Those
    of others stay.
    """
    above = place.above
    while above.key:
        row = connection.execute(SQL["marker"], (above.bucket, above.folder)).fetchone()
        if row is not None and not row["size"] and f'"{MARKER}"'.encode() in row["head"]:
            rows.delete(connection, above.bucket, above.folder, now)
        above = above.above
