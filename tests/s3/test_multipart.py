"""Multipart uploads: parts in any order, twice, of any size; and what S3 says of those that cannot be put together."""

import base64
import hashlib
import io
import os
import resource
import threading
from pathlib import Path
from typing import Any

import pytest
from awscrt import checksums
from boto3.s3.transfer import TransferConfig

from s3.settings.inside import Inside
from s3.tools import MiB, body, new_bucket, refused, signed
from waiting import until

PART = 5 * MiB
DATA = os.urandom(PART + 1000) * 3  # three different parts in any way of cutting it


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    return new_bucket(s3)


class Upload:
    """One upload under a key."""

    def __init__(self, s3: Any, bucket: str, key: str, **given: Any) -> None:
        self.s3, self.where = s3, {"Bucket": bucket, "Key": key}
        self.where["UploadId"] = s3.create_multipart_upload(**self.where, **given)["UploadId"]

    def put(self, number: int, data: bytes, **given: Any) -> dict[str, Any]:
        answer = self.s3.upload_part(**self.where, PartNumber=number, Body=data, **given)
        sums = {name: value for name, value in answer.items() if name.startswith("Checksum")}
        return {"PartNumber": number, "ETag": answer["ETag"], **sums}

    def complete(self, parts: list[dict[str, Any]], **given: Any) -> dict[str, Any]:
        kept = [{name: part[name] for name in ("PartNumber", "ETag")} for part in parts]
        answer: dict[str, Any] = self.s3.complete_multipart_upload(
            **self.where, MultipartUpload={"Parts": kept if not given.pop("sums", False) else parts}, **given
        )
        return answer


def etag_of(parts: list[bytes]) -> str:
    digests = b"".join(hashlib.md5(part).digest() for part in parts)  # noqa: S324 - S3's etag
    return f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'  # noqa: S324 - likewise


def cut(*sizes: int) -> list[bytes]:
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    return [DATA[end - size : end] for end, size in zip(ends, sizes, strict=True)]


@pytest.mark.parametrize(
    ("sizes", "order"),
    [
        ((PART, PART, 7), (1, 2, 3)),
        ((PART, PART, 7), (3, 2, 1)),
        ((PART, PART, PART), (2, 3, 1)),
        ((PART + 1, PART, 7), (1, 2, 3)),
        ((PART, PART + 1000, 7), (2, 1, 3)),
        ((PART,), (1,)),
        ((3,), (1,)),
        ((0,), (1,)),
    ],
)
def test_parts_of_any_size_in_any_order(s3: Any, bucket: str, sizes: tuple[int, ...], order: tuple[int, ...]) -> None:
    parts = cut(*sizes)
    upload = Upload(s3, bucket, "k")
    done = {number: upload.put(number, parts[number - 1]) for number in order}
    answer = upload.complete([done[number] for number in sorted(done)])
    assert answer["ETag"] == etag_of(parts)
    whole = b"".join(parts)
    assert body(s3.get_object(Bucket=bucket, Key="k")) == whole
    assert answer["ChecksumCRC64NVME"] == base64.b64encode(checksums.crc64nvme(whole).to_bytes(8, "big")).decode()
    head = s3.head_object(Bucket=bucket, Key="k", PartNumber=len(parts))
    assert (head["PartsCount"], head["ContentLength"]) == (len(parts), sizes[-1])


def test_numbers_with_gaps_and_parts_left_out(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, "gaps")
    one, two, three = cut(PART, PART, 9)
    done = [upload.put(number, part) for number, part in ((2, one), (5, two), (7, b"left out"), (9, three))]
    upload.complete([done[0], done[1], done[3]])
    assert body(s3.get_object(Bucket=bucket, Key="gaps")) == one + two + three


def test_a_part_that_is_sent_again(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, "again")
    one, two, three = cut(PART, PART, 9)
    first = upload.put(1, b"x" * PART)
    last = upload.put(2, three)
    second = upload.put(1, one)
    with refused("InvalidPart", "One or more of the specified parts could not be found."):
        upload.complete([first, last])
    upload.complete([second, last])
    assert body(s3.get_object(Bucket=bucket, Key="again")) == one + three
    assert two


def test_parts_sent_at_once(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, "race")
    versions = [bytes([number]) * PART for number in range(6)]
    threads = [threading.Thread(target=upload.put, args=(1, data)) for data in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (listed,) = s3.list_parts(**upload.where)["Parts"]
    upload.complete([listed])
    got = body(s3.get_object(Bucket=bucket, Key="race"))
    assert got in versions
    assert f'"{hashlib.md5(got).hexdigest()}"' == listed["ETag"]  # noqa: S324 - S3's etag


def test_what_cannot_be_completed(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, "bad")
    small, last = upload.put(1, b"small"), upload.put(2, b"last")
    with refused("EntityTooSmall", "smaller than the minimum allowed size", 400) as error:
        upload.complete([small, last])
    assert error["PartNumber"] == "1"
    with refused("InvalidPartOrder", "not in ascending order"):
        upload.complete([last, small])
    with refused("InvalidPart"):
        upload.complete([{"PartNumber": 3, "ETag": last["ETag"]}])
    with refused("MalformedXML"):
        upload.complete([])
    with refused("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive"):
        upload.put(10_001, b"x")
    s3.put_object(Bucket=bucket, Key="bad", Body=b"here")
    with refused("PreconditionFailed"):
        upload.complete([last], IfNoneMatch="*")
    s3.abort_multipart_upload(**upload.where)
    for call in (lambda: upload.complete([last]), lambda: upload.put(1, b"x"), lambda: s3.list_parts(**upload.where)):
        with refused("NoSuchUpload", "The specified upload does not exist.", 404):
            call()
    with refused("NoSuchUpload"):
        s3.abort_multipart_upload(**upload.where)


def test_completed_twice(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, "twice")
    parts = [upload.put(1, b"x")]
    first, second = upload.complete(parts), upload.complete(parts)
    assert first["ETag"] == second["ETag"]
    s3.put_object(Bucket=bucket, Key="twice", Body=b"newer")
    assert upload.complete(parts)["ETag"] == first["ETag"]
    assert body(s3.get_object(Bucket=bucket, Key="twice")) == b"newer"


@pytest.mark.parametrize(
    ("algorithm", "kind"), [("CRC32", "COMPOSITE"), ("SHA256", "COMPOSITE"), ("CRC32C", "FULL_OBJECT")]
)
def test_checksums_of_the_whole(s3: Any, bucket: str, algorithm: str, kind: str) -> None:
    upload = Upload(s3, bucket, "sum", ChecksumAlgorithm=algorithm, ChecksumType=kind)
    one, two = cut(PART, 9)
    parts = [upload.put(n, part, ChecksumAlgorithm=algorithm) for n, part in ((1, one), (2, two))]
    member = f"Checksum{algorithm}"
    if kind == "COMPOSITE":
        with refused("InvalidRequest", "The complete request must include the checksum for each part."):
            upload.complete(parts)
        digest = hashlib.sha256 if algorithm == "SHA256" else None
        raw = b"".join(base64.b64decode(part[member]) for part in parts)
        made = digest(raw).digest() if digest else checksums.crc32(raw).to_bytes(4, "big")
        expected = f"{base64.b64encode(made).decode()}-2"
    else:
        expected = base64.b64encode(checksums.crc32c(one + two).to_bytes(4, "big")).decode()
        with refused("BadDigest"):
            upload.complete(parts, sums=True, ChecksumCRC32C="AAAAAA==", ChecksumType=kind)
    answer = upload.complete(parts, sums=True)
    assert (answer[member], answer["ChecksumType"]) == (expected, kind)
    found = s3.get_object_attributes(Bucket=bucket, Key="sum", ObjectAttributes=["Checksum", "ObjectParts"])
    assert found["Checksum"][member] == expected
    assert found["ObjectParts"]["TotalPartsCount"] == 2


def test_a_part_must_keep_to_the_algorithm(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, "mismatch", ChecksumAlgorithm="SHA256")
    with refused("InvalidRequest", "Checksum Type mismatch occurred, expected checksum Type: sha256"):
        upload.put(1, b"x", ChecksumAlgorithm="CRC32")
    with refused("InvalidRequest", "cannot be used with the sha1 checksum algorithm"):
        Upload(s3, bucket, "mismatch", ChecksumAlgorithm="SHA1", ChecksumType="FULL_OBJECT")


def test_uploads_and_parts_are_listed(s3: Any) -> None:
    bucket = new_bucket(s3)
    uploads = [Upload(s3, bucket, key) for key in ("a", "a", "b/1", "b/2", "c")]
    ids = [upload.where["UploadId"] for upload in uploads]
    listed = s3.list_multipart_uploads(Bucket=bucket)
    assert [(entry["Key"], entry["UploadId"]) for entry in listed["Uploads"]] == [
        (upload.where["Key"], upload.where["UploadId"]) for upload in uploads
    ]
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [entry["Key"] for entry in rolled["Uploads"]] == ["a", "a", "c"]
    assert rolled["CommonPrefixes"] == [{"Prefix": "b/"}]
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    assert [entry["UploadId"] for page in pages for entry in page.get("Uploads", [])] == ids
    for number in (3, 1, 7):
        uploads[0].put(number, b"x" * number)
    parts = s3.list_parts(**uploads[0].where, MaxParts=2)
    assert [part["PartNumber"] for part in parts["Parts"]] == [1, 3]
    assert (parts["IsTruncated"], parts["NextPartNumberMarker"]) == (True, 3)
    rest = s3.list_parts(**uploads[0].where, PartNumberMarker=3)
    assert [(part["PartNumber"], part["Size"]) for part in rest["Parts"]] == [(7, 7)]


def test_parts_copied_from_objects(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=DATA)
    upload = Upload(s3, bucket, "copied")
    source = {"Bucket": bucket, "Key": "source"}
    parts = []
    for number, (first, last) in enumerate(((0, PART - 1), (PART, 2 * PART + 99)), start=1):
        answer = s3.upload_part_copy(
            **upload.where, PartNumber=number, CopySource=source, CopySourceRange=f"bytes={first}-{last}"
        )
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    upload.complete(parts)
    assert body(s3.get_object(Bucket=bucket, Key="copied")) == DATA[: 2 * PART + 100]
    with refused("InvalidArgument", "Range specified is not valid for source object of size"):
        s3.upload_part_copy(
            **upload.where | {"UploadId": Upload(s3, bucket, "copied").where["UploadId"]},
            PartNumber=1,
            CopySource=source,
            CopySourceRange=f"bytes=0-{len(DATA)}",
        )


def test_as_the_transfer_manager_does_it(s3: Any, bucket: str, platform: Any) -> None:
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    s3.upload_fileobj(io.BytesIO(DATA), bucket, "managed", Config=config)
    got = io.BytesIO()
    s3.download_fileobj(bucket, "managed", got, Config=config)
    assert got.getvalue() == DATA

    def sizes() -> list[int]:
        return [file.stat().st_size for file in Path(platform.home, "blobs").rglob("*") if file.is_file()]

    until(lambda: len(DATA) in sizes(), absent=(FileNotFoundError,))  # one file, as a mount wants it; others go


def test_an_upload_is_aborted_only_if_it_began_then(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, "begun")
    began = s3.list_multipart_uploads(Bucket=bucket, Prefix="begun")["Uploads"][0]["Initiated"]
    with refused("PreconditionFailed", status=412):
        s3.abort_multipart_upload(**upload.where, IfMatchInitiatedTime=began.replace(year=2001))
    s3.abort_multipart_upload(**upload.where, IfMatchInitiatedTime=began)
    with refused("NoSuchUpload"):
        s3.abort_multipart_upload(**upload.where, IfMatchInitiatedTime=began)


def test_numbers_beyond_all_sizes(s3: Any, platform: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, "numbers")
    s3.put_object(Bucket=bucket, Key="source", Body=b"12345")
    asked = f"bytes=0-{'9' * 5000}"
    with refused("InvalidArgument", "Range specified is not valid for source object of size"):
        s3.upload_part_copy(**upload.where, PartNumber=1, CopySource=f"{bucket}/source", CopySourceRange=asked)
    for marker in ("abc", "9" * 20):
        query = f"part-number-marker={marker}&uploadId={upload.where['UploadId']}"
        status, _, answer = signed(platform, "GET", f"/{bucket}/numbers?{query}", {}, b"")
        assert status == 400, answer


def test_parts_far_behind_what_a_file_can_hold(tmp_path: Path) -> None:
    inside = Inside(tmp_path)
    inside.create("far")
    where: dict[str, Any] = {"Bucket": "far", "Key": "k"}
    upload = where | {"UploadId": inside.call("CreateMultipartUpload", **where)["UploadId"]}
    (row,) = inside.store.read().execute("SELECT * FROM upload").fetchall()
    assert inside.state.places.reserve(row, 9999, 3 << 30) is None
    etags = {}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * MiB, before[1]))
    try:
        for number, data in ((1, b"1" * PART), (20, b"2" * PART)):
            etags[number] = inside.call("UploadPart", data, **upload, PartNumber=number).headers["etag"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in etags.items()]
    inside.call("CompleteMultipartUpload", **upload, MultipartUpload={"Parts": parts})
    got = inside.call("GetObject", **where).body
    assert Path(got.path).read_bytes() == b"1" * PART + b"2" * PART
    inside.close()
