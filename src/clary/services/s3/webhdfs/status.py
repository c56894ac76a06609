"""What is there: GETFILESTATUS, LISTSTATUS, GETCONTENTSUMMARY and block locations.

Directories are what keys have before a slash; an object whose key ends with one is an empty directory.
https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
https://hadoop.apache.org/docs/r3.3.4/hadoop-aws/tools/hadoop-aws/directory_markers.html
"""

from typing import Any

import orjson

from clary.services.s3.listing import behind, page
from clary.services.s3.webhdfs import faults
from clary.services.s3.webhdfs.visit import SQL, Visit, end
from clary.wire.message import Response

Document = dict[str, Any]
BLOCK = 64 << 20  # bytes: what one task of an RDD reads, as EMR's file system has it
MOST = 1 << 62  # entries: a directory is listed whole


def json(document: Document) -> Response:
    return Response(200, {"content-type": "application/json"}, orjson.dumps(document))


def status(visit: Visit) -> Response:
    """GETFILESTATUS. Raises FileNotFoundException and AccessControlException."""
    place = visit.place
    if place.key:
        row = visit.file(place)
        visit.may("GetObject", place.bucket, [place.key])
        if row is not None:
            return json({"FileStatus": _file(visit, "", row["size"], row["modified"])})
    visit.may_list(place)
    if not visit.folder(place):
        raise faults.missing(place.bucket, place.key)
    return json({"FileStatus": _folder(visit, "")})


def listing(visit: Visit) -> Response:
    """LISTSTATUS: all entries at once, however many."""
    return json({"FileStatuses": {"FileStatus": _entries(visit, "")}})


def batch(visit: Visit) -> Response:
    """LISTSTATUS_BATCH: likewise. A client may still begin behind an entry."""
    entries = _entries(visit, visit.asked.get("startafter", ""))
    listed = {"FileStatuses": {"FileStatus": entries}}
    return json({"DirectoryListing": {"partialListing": listed, "remainingEntries": 0}})


def _entries(visit: Visit, after: str) -> list[Document]:
    place = visit.place
    row = visit.file(place)
    if row is not None:
        visit.may("GetObject", place.bucket, [place.key])
        return [_file(visit, "", row["size"], row["modified"])]
    visit.may_list(place)
    prefix, connection = place.folder, visit.connection
    start = behind(f"{prefix}{after}/") if after else prefix
    listed = page(
        lambda position: connection.execute(SQL["children"], (place.bucket, position)),
        lambda each: str(each["key"]),
        prefix=prefix,
        delimiter="/",
        start=start or "",
        most=MOST,
    )
    if not listed.items and not listed.prefixes and not after and not visit.folder(place):
        raise faults.missing(place.bucket, place.key)
    cut = len(prefix)
    files = [_file(visit, each["key"][cut:], each["size"], each["modified"]) for each in listed.items]
    # A key with two slashes one behind the other has a directory without a name in it: no path leads there.
    folders = [_folder(visit, each[cut:-1]) for each in listed.prefixes if len(each) > cut + 1]
    found = [entry for entry in files if entry["pathSuffix"]] + folders
    for entry in found:
        if ":" in entry["pathSuffix"]:  # to Hadoop's Path what is before the colon would be a scheme
            entry["pathSuffix"] = f"./{entry['pathSuffix']}"
    return found


def _file(visit: Visit, name: str, size: int, modified: float) -> Document:
    at = int(modified * 1000)
    return _status(visit, name, "FILE", "666") | {
        "accessTime": at,
        "blockSize": BLOCK,
        "length": size,
        "modificationTime": at,
        "replication": 1,
    }


def _folder(visit: Visit, name: str) -> Document:
    return _status(visit, name, "DIRECTORY", "777") | {
        "accessTime": 0,
        "blockSize": 0,
        "length": 0,
        "modificationTime": int(visit.platform.clock() * 1000),  # S3 knows none, and S3A says the same
        "replication": 0,
    }


def _status(visit: Visit, name: str, kind: str, permission: str) -> Document:
    """Owner and permission say nothing here: IAM decides. https://hadoop.apache.org/docs/r3.3.4/hadoop-aws/tools/hadoop-aws/index.html#Warnings"""
    owner = visit.asked.get("user.name", "")
    return {
        "childrenNum": 0,
        "fileId": 0,
        "group": owner,
        "owner": owner,
        "pathSuffix": name,
        "permission": permission,
        "storagePolicy": 0,
        "type": kind,
    }


def summary(visit: Visit) -> Response:
    """GETCONTENTSUMMARY: everything below."""
    place = visit.place
    row = visit.file(place)
    files = folders = size = 0
    if row is not None:
        visit.may("GetObject", place.bucket, [place.key])
        files, size = 1, row["size"]
    else:
        visit.may_list(place)
        if not visit.folder(place):
            raise faults.missing(place.bucket, place.key)
        scope = {"bucket": place.bucket, "start": place.folder, "end": end(place.folder)}
        seen = {place.folder}
        for each in visit.connection.execute(SQL["tree"], scope):
            key: str = each["key"]
            folder = key[: key.rfind("/") + 1]
            while len(folder) > len(place.folder) and folder not in seen:
                seen.add(folder)
                folder = folder[: folder.rfind("/", 0, -1) + 1]
            files, size = files + (not key.endswith("/")), size + each["size"]
        folders = len(seen)
    counted = {"directoryCount": folders, "fileCount": files, "length": size, "spaceConsumed": size}
    return json({"ContentSummary": {**counted, "quota": -1, "spaceQuota": -1, "typeQuota": {}}})


def _blocks(visit: Visit) -> tuple[int, int]:
    """The range that is asked about."""
    place = visit.place
    row = visit.file(place)
    visit.may("GetObject", place.bucket, [place.key])
    if row is None:
        raise faults.missing(place.bucket, place.key)
    size = row["size"]
    offset = min(visit.number("offset", 0), size)
    return offset, min(visit.number("length", size), size - offset)


def locations(visit: Visit) -> Response:
    """GETFILEBLOCKLOCATIONS: one block, everywhere."""
    offset, length = _blocks(visit)
    block = {
        "cachedHosts": [],
        "corrupt": False,
        "hosts": ["localhost"],
        "length": length,
        "names": ["localhost:9866"],
        "offset": offset,
        "storageTypes": ["DISK"],
        "topologyPaths": ["/default/localhost:9866"],
    }
    return json({"BlockLocations": {"BlockLocation": [block] if length else []}})


def located(visit: Visit) -> Response:
    """GET_BLOCK_LOCATIONS: likewise, on no server in particular."""
    offset, length = _blocks(visit)
    block = {
        "block": {"blockId": 0, "blockPoolId": "s3", "generationStamp": 0, "numBytes": length},
        "blockToken": {"urlString": "AAAAAA"},  # none: four empty fields
        "cachedLocations": [],
        "isCorrupt": False,
        "locations": [],
        "startOffset": offset,
        "storageTypes": [],
    }
    told = {"fileLength": offset + length, "isLastBlockComplete": True, "isUnderConstruction": False}
    blocks = [block] if length else []
    return json({"LocatedBlocks": {**told, "lastLocatedBlock": None, "locatedBlocks": blocks}})


def home(visit: Visit) -> Response:
    return json({"Path": f"/user/{visit.asked.get('user.name', 'spark')}"})
