"""OPEN: bytes of an object, from file to socket."""

from clary.errors import AWSError
from clary.services.s3.webhdfs import faults, status
from clary.services.s3.webhdfs.visit import Visit
from clary.wire.message import FileSlice, Response

FROM = "clary.data"  # in the query of a request that was redirected: so that the answer is the bytes


def redirected(visit: Visit) -> Response | None:
    """The client asks a first time for where to go: to the same place. None the second time.
    https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/WebHDFS.html#Open_and_Read_a_File
    """
    request = visit.request
    if FROM in visit.asked:
        return None
    location = f"{request.scheme}://{request.host}{request.path}?{request.query}&{FROM}=true"
    if visit.true("noredirect"):
        return status.json({"Location": location})
    return Response(307, {"location": location, "content-type": "application/octet-stream"})


def open_file(visit: Visit) -> Response:
    """Raises FileNotFoundException and AccessControlException."""
    place = visit.place
    visit.state.bucket(place.bucket)
    row = visit.file(place)
    visit.may("GetObject", place.bucket, [place.key])
    if row is None:
        if visit.folder(place):
            raise AWSError(faults.NOT_FOUND, f"Path is not a file: s3://{place.bucket}/{place.key}")
        raise faults.missing(place.bucket, place.key)
    if b'"customer"' in row["head"]:
        said = f"s3://{place.bucket}/{place.key} was put with a key of the customer's (SSE-C), which is not here"
        raise AWSError(faults.ACCESS, said)
    if (first := redirected(visit)) is not None:
        return first
    offset, size = visit.number("offset", 0), row["size"]
    if offset > size:
        raise AWSError(faults.OTHER, f"Offset={offset} out of the range [0, {size}); OPEN, path={place.key}")
    length = min(visit.number("length", size), size - offset)
    headers = {"content-type": "application/octet-stream"}
    if not length:
        return Response(200, headers)
    return Response(200, headers, FileSlice(visit.state.blobs.path(row["blob"]), offset, length))
