"""Digests: computed, told again, and compared with what the client says."""

import base64
import hashlib
import zlib
from typing import Any

import pytest
from awscrt import checksums
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from s3.tools import body, new_bucket, refused, send, signed

DATA = b"some data" * 1000


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    return new_bucket(s3)


def encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


KNOWN = {
    "CRC32": encoded(zlib.crc32(DATA).to_bytes(4, "big")),
    "CRC32C": encoded(checksums.crc32c(DATA).to_bytes(4, "big")),
    "CRC64NVME": encoded(checksums.crc64nvme(DATA).to_bytes(8, "big")),
    "SHA1": encoded(hashlib.sha1(DATA).digest()),  # noqa: S324 - one of S3's algorithms
    "SHA256": encoded(hashlib.sha256(DATA).digest()),
}


@pytest.mark.parametrize("algorithm", KNOWN)
def test_each_algorithm(s3: Any, bucket: str, algorithm: str) -> None:
    member = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key=algorithm, Body=DATA, ChecksumAlgorithm=algorithm)
    assert put[member] == KNOWN[algorithm]
    assert put["ChecksumType"] == "FULL_OBJECT"
    head = s3.head_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
    assert head[member] == KNOWN[algorithm]
    assert member not in s3.head_object(Bucket=bucket, Key=algorithm)
    assert body(s3.get_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")) == DATA
    wrong = encoded(b"\0" * len(base64.b64decode(KNOWN[algorithm])))
    with refused("BadDigest", f"The {algorithm} you specified did not match the calculated checksum."):
        s3.put_object(Bucket=bucket, Key="wrong", Body=DATA, **{member: wrong})
    with refused("InvalidRequest", f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."):
        s3.put_object(Bucket=bucket, Key="wrong", Body=DATA, **{member: "AAAA" * 3})
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="wrong")


def test_crc64nvme_where_nobody_says(platform: Any, bucket: str) -> None:
    status, headers, said = signed(platform, "PUT", f"/{bucket}/silent", {}, DATA)
    assert status == 200, said
    assert headers["x-amz-checksum-crc64nvme"] == KNOWN["CRC64NVME"]
    assert headers["x-amz-checksum-type"] == "FULL_OBJECT"


def test_content_md5(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="md5", Body=DATA, ContentMD5=encoded(hashlib.md5(DATA).digest()))  # noqa: S324 - likewise
    with refused("BadDigest", "The Content-MD5 you specified did not match what we received."):
        s3.put_object(Bucket=bucket, Key="md5", Body=DATA, ContentMD5=encoded(b"\0" * 16))
    with refused("InvalidDigest", "The Content-MD5 you specified was invalid."):
        s3.put_object(Bucket=bucket, Key="md5", Body=DATA, ContentMD5="short")


@pytest.mark.parametrize("size", [10, 2_000_000])
def test_a_checksum_in_the_trailer(platform: Any, s3: Any, bucket: str, size: int) -> None:
    data = b"t" * size

    def put(value: str) -> tuple[int, dict[str, str], bytes]:
        headers = {
            "x-amz-trailer": "x-amz-checksum-crc32c",
            "x-amz-decoded-content-length": str(size),
            "content-encoding": "aws-chunked",
        }
        framed = b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32c:%s\r\n\r\n" % (size, data, value.encode())
        return signed(platform, "PUT", f"/{bucket}/trailer", headers, framed, trailing=True)

    right = encoded(checksums.crc32c(data).to_bytes(4, "big"))
    status, headers, said = put(right)
    assert status == 200, said
    assert headers["x-amz-checksum-crc32c"] == right
    got = s3.get_object(Bucket=bucket, Key="trailer")
    assert body(got) == data
    assert "ContentEncoding" not in got
    status, _, said = put("AAAAAA==")
    assert (status, b"BadDigest" in said) == (400, True)


def test_a_body_that_is_longer_than_it_says(platform: Any, s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="long")["UploadId"]
    headers = {"x-amz-trailer": "x-amz-checksum-crc32c", "x-amz-decoded-content-length": "5"}
    framed = b"a\r\n0123456789\r\n0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n"
    path = f"/{bucket}/long?partNumber=1&uploadId={upload}"
    status, _, said = signed(platform, "PUT", path, headers, framed, trailing=True)
    assert (status, b"IncompleteBody" in said) == (400, True), said


def test_one_checksum_only(platform: Any, bucket: str) -> None:
    headers = {f"x-amz-checksum-{name.lower()}": KNOWN[name] for name in ("CRC32", "SHA1")}
    status, _, said = signed(platform, "PUT", f"/{bucket}/two", headers, DATA)
    assert (status, b"Expecting a single x-amz-checksum- header" in said) == (400, True)
    headers = {"x-amz-sdk-checksum-algorithm": "CRC32"}
    status, _, said = signed(platform, "PUT", f"/{bucket}/none", headers, DATA)
    assert (status, b"no corresponding x-amz-checksum-* or x-amz-trailer headers were found" in said) == (400, True)


def test_the_hash_that_was_signed(platform: Any, s3: Any, bucket: str) -> None:
    request = AWSRequest("PUT", f"{platform.url}/{bucket}/signed", {}, DATA)
    S3SigV4Auth(Credentials(*platform.root), "s3", "us-west-2").add_auth(request)
    status, _, said = send(request.url, "PUT", dict(request.headers), DATA[:-1] + b"!")
    assert (status, b"XAmzContentSHA256Mismatch" in said) == (400, True)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="signed")


def test_delete_objects_needs_a_digest(platform: Any, bucket: str) -> None:
    document = b"<Delete><Object><Key>k</Key></Object></Delete>"
    status, _, said = signed(platform, "POST", f"/{bucket}?delete", {}, document)
    assert (status, b"Missing required header for this request: Content-MD5" in said) == (400, True)


def test_bodies_of_settings_are_checked_too(platform: Any, s3: Any) -> None:
    bucket = new_bucket(s3)
    path, text = f"/{bucket}?versioning", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    wrong = base64.b64encode(bytes(16)).decode()
    for headers, code in (
        ({"content-md5": wrong}, b"BadDigest"),
        ({"content-md5": "no"}, b"InvalidDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, b"BadDigest"),
        ({"x-amz-checksum-sha256": "AAAA"}, b"InvalidRequest"),
    ):
        status, _, answer = signed(platform, "PUT", path, headers, text)
        assert (status, b"<Code>" + code + b"</Code>" in answer) == (400, True), answer
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    right = base64.b64encode(hashlib.md5(text).digest()).decode()  # noqa: S324 - what the header asks for
    status, _, answer = signed(platform, "PUT", path, {"content-md5": right}, text)
    assert status == 200, answer
