"""The distribution API: push and pull, request by request."""

import hashlib
import http.client
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecr.tools import INDEX, OCI, Door, digest_of, image, unique
from waiting import PATIENCE, until

MiB = 1 << 20


def begin(door: Door, repository: str) -> str:
    answer = door("POST", f"/v2/{repository}/blobs/uploads/")
    assert answer.status == 202, answer
    assert answer.headers["docker-upload-uuid"] in answer.headers["location"]
    return answer.headers["location"]


def test_push_and_pull(door: Door) -> None:
    name, made = f"deep/er/{unique()}", image("x", "y")
    door.ecr.create_repository(repositoryName=name)
    blob = made.layers[0]
    digest = digest_of(blob)
    assert door("HEAD", f"/v2/{name}/blobs/{digest}").status == 404
    where = begin(door, name)
    patched = door("PATCH", where, blob, Content_Type="application/octet-stream")
    assert (patched.status, patched.headers["range"]) == (202, f"0-{len(blob) - 1}")
    ended = door("PUT", f"{patched.headers['location']}?digest={digest}")
    assert (ended.status, ended.headers["location"]) == (201, f"/v2/{name}/blobs/{digest}")
    assert ended.headers["docker-content-digest"] == digest
    ended = door("PUT", f"{begin(door, name)}?digest={digest_of(made.layers[1])}", made.layers[1])  # all in the PUT
    assert ended.status == 201
    door.bring(name, made.config)
    put = door("PUT", f"/v2/{name}/manifests/v1.0_x", made.manifest, Content_Type=OCI)
    assert put.headers["location"] == f"/v2/{name}/manifests/{made.digest}"
    for reference in ("v1.0_x", made.digest):
        for method, body in (("GET", made.manifest), ("HEAD", b"")):
            got = door(method, f"/v2/{name}/manifests/{reference}", Accept=INDEX)
            assert (got.status, got.body, got.headers["content-type"]) == (200, body, OCI)
            assert got.headers["content-length"] == str(len(made.manifest))
            assert got.headers["docker-content-digest"] == made.digest
    got = door("HEAD", f"/v2/{name}/blobs/{digest}")
    assert (got.status, got.headers["content-length"]) == (200, str(len(blob)))
    got = door("GET", f"/v2/{name}/blobs/{digest}")
    assert (got.status, got.body, got.headers["accept-ranges"]) == (200, blob, "bytes")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-3", (0, 4)),
        ("bytes=4-", (4, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=5-100", (5, 10)),
        ("bytes=-100", (0, 10)),
        ("bytes=10-", None),
        ("bytes=5-4", None),
        ("bytes=1-2,4-5", (0, 0)),  # several: all of it, as HTTP allows
        ("lines=1-2", (0, 0)),
    ],
)
def test_ranges(door: Door, asked: str, expected: tuple[int, int] | None) -> None:
    name, data = door.repository(), b"0123456789"
    digest = door.bring(name, data)
    got = door("GET", f"/v2/{name}/blobs/{digest}", Range=asked)
    if expected is None:
        assert got.status == 416
        assert got.headers["content-range"] == "bytes */10"
    elif expected == (0, 0):
        assert (got.status, got.body) == (200, data)
    else:
        start, end = expected
        assert (got.status, got.body) == (206, data[start:end])
        assert got.headers["content-range"] == f"bytes {start}-{end - 1}/10"


def test_chunks_in_order(door: Door) -> None:
    name, data = door.repository(), os.urandom(5000)
    where = begin(door, name)
    assert door("GET", where).headers["range"] == "0-0"
    one = door("PATCH", where, data[:2000], Content_Range="0-1999")
    assert one.headers["range"] == "0-1999"
    for wrong in ("2001-3999", "0-1999", "1000-1999", "nonsense"):
        answer = door("PATCH", where, data[:10], Content_Range=wrong)
        assert answer.error == (416, "BLOB_UPLOAD_INVALID"), wrong
        assert answer.headers["range"] == "0-1999"
    assert door("PATCH", where, data[2000:2010], Content_Range="2000-2500").error == (400, "SIZE_INVALID")
    status = door("GET", where)
    assert (status.status, status.headers["range"], status.headers["location"]) == (204, "0-1999", where)
    door("PATCH", where, data[2000:4000], Content_Range="2000-3999")
    answer = door("PUT", f"{where}?digest={digest_of(data)}", data[4000:], Content_Range="4000-4999")
    assert answer.status == 201
    assert door("GET", f"/v2/{name}/blobs/{digest_of(data)}").body == data
    assert door("GET", where).error == (404, "BLOB_UPLOAD_UNKNOWN")


def patching(door: Door, where: str, length: int) -> bytes:
    """The head of a request that is not sent whole at once."""
    login = f"Authorization: Basic {door.token}"
    return f"PATCH {where} HTTP/1.1\r\nHost: x\r\n{login}\r\nContent-Length: {length}\r\n\r\n".encode()


def test_a_broken_connection_is_gone_on_with(door: Door, platform: Any) -> None:
    name, data = door.repository(), os.urandom(4 * MiB)
    where = begin(door, name)
    with socket.create_connection(("127.0.0.1", platform.port)) as connection:
        connection.sendall(patching(door, where, len(data)) + data[: 3 * MiB])
        time.sleep(0.3)
    start = until(lambda: int(door("GET", where).headers["range"].partition("-")[2])) + 1
    assert MiB <= start <= 3 * MiB
    rest = door("PATCH", where, data[start:], Content_Range=f"{start}-{len(data) - 1}")
    assert rest.status == 202, rest
    assert door("PUT", f"{where}?digest={digest_of(data)}").status == 201
    assert door("GET", f"/v2/{name}/blobs/{digest_of(data)}").body == data


def test_cancel(door: Door) -> None:
    name = door.repository()
    where = begin(door, name)
    door("PATCH", where, b"abc")
    assert door("DELETE", where).status == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert door(method, where, b"x" if method == "PATCH" else None).error == (404, "BLOB_UPLOAD_UNKNOWN")
    assert door("PATCH", f"/v2/{name}/blobs/uploads/{uuid.uuid4()}", b"x").error == (404, "BLOB_UPLOAD_UNKNOWN")
    other = door.repository()
    assert door("PATCH", begin(door, name).replace(name, other), b"x").error == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_digest_must_match(door: Door) -> None:
    name, wrong = door.repository(), digest_of(b"something else")
    assert door("POST", f"/v2/{name}/blobs/uploads/?digest={wrong}", b"data").error == (400, "DIGEST_INVALID")
    where = begin(door, name)
    door("PATCH", where, b"data")
    assert door("PUT", f"{where}?digest={wrong}").error == (400, "DIGEST_INVALID")
    assert door("GET", where).error == (404, "BLOB_UPLOAD_UNKNOWN")  # nothing of it stays
    assert door("HEAD", f"/v2/{name}/blobs/{wrong}").status == 404
    for digest in ("sha256:abc", "md5:0", "", "sha256:" + "A" * 64):
        assert door("PUT", f"{begin(door, name)}?digest={digest}", b"data").error == (400, "DIGEST_INVALID")
    manifest = image().manifest
    answer = door("PUT", f"/v2/{name}/manifests/{wrong}", manifest, Content_Type=OCI)
    assert answer.error == (400, "DIGEST_INVALID")
    assert door("GET", f"/v2/{name}/manifests/sha256:1").error == (400, "DIGEST_INVALID")
    assert door("GET", f"/v2/{name}/blobs/sha256:1").error == (400, "DIGEST_INVALID")


def test_sha512(door: Door) -> None:
    name, data = door.repository(), os.urandom(3000)
    digest = f"sha512:{hashlib.sha512(data).hexdigest()}"
    where = begin(door, name)
    door("PATCH", where, data[:1000])
    assert door("PUT", f"{where}?digest={digest}", data[1000:]).status == 201
    assert door("GET", f"/v2/{name}/blobs/{digest}").body == data
    wrong = f"sha512:{'0' * 128}"
    assert door("POST", f"/v2/{name}/blobs/uploads/?digest={wrong}", data).error == (400, "DIGEST_INVALID")
    made = image()
    for blob in (*made.layers, made.config):
        door.bring(name, blob)
    manifest = f"sha512:{hashlib.sha512(made.manifest).hexdigest()}"
    put = door("PUT", f"/v2/{name}/manifests/{manifest}", made.manifest, Content_Type=OCI)
    assert (put.status, put.headers["docker-content-digest"]) == (201, manifest)
    assert door("GET", f"/v2/{name}/manifests/{manifest}").body == made.manifest
    assert door("PUT", f"/v2/{name}/manifests/{wrong}", made.manifest, Content_Type=OCI).error == (
        400,
        "DIGEST_INVALID",
    )


def test_mount(door: Door) -> None:
    source, target = door.repository(), door.repository()
    digest = door.bring(source, b"a layer of both")
    mounted = door("POST", f"/v2/{target}/blobs/uploads/?mount={digest}&from={source}")
    assert (mounted.status, mounted.headers["location"]) == (201, f"/v2/{target}/blobs/{digest}")
    assert door("GET", f"/v2/{target}/blobs/{digest}").body == b"a layer of both"
    for query in (f"mount={digest_of(b'none')}&from={source}", f"mount={digest}&from=none", "mount=x&from=y"):
        assert door("POST", f"/v2/{target}/blobs/uploads/?{query}").status == 202, query
    door.ecr.delete_repository(repositoryName=source, force=True)
    assert door("GET", f"/v2/{target}/blobs/{digest}").body == b"a layer of both"


def test_tags_by_pages(door: Door) -> None:
    name, made = door.repository(), image()
    tags = sorted(f"t{number:02}" for number in range(7))
    for tag in tags:
        door.push(name, made, tag)
    assert door("GET", f"/v2/{name}/tags/list").json == {"name": name, "tags": tags}
    found: list[str] = []
    path = f"/v2/{name}/tags/list?n=3"
    while path:
        answer = door("GET", path)
        found += answer.json["tags"]
        link = answer.headers.get("link", "")
        assert not link or link.endswith('; rel="next"')
        path = link[1:].partition(">")[0]
    assert found == tags
    assert door("GET", f"/v2/{name}/tags/list?n=0").json["tags"] == []
    assert door("GET", f"/v2/{name}/tags/list?n=x").error == (400, "PAGINATION_NUMBER_INVALID")
    assert door("GET", f"/v2/{name}/tags/list?last=t04").json["tags"] == ["t05", "t06"]
    assert name in door("GET", "/v2/_catalog").json["repositories"]
    assert len(door("GET", "/v2/_catalog?n=1").json["repositories"]) == 1


def test_delete(door: Door) -> None:
    name, made = door.repository(), image()
    door.push(name, made, "a")
    door.push(name, made, "b")
    layer = digest_of(made.layers[0])
    assert door("DELETE", f"/v2/{name}/blobs/{layer}").error == (405, "UNSUPPORTED")
    assert door("DELETE", f"/v2/{name}/manifests/a").status == 202
    assert door("GET", f"/v2/{name}/manifests/a").error == (404, "MANIFEST_UNKNOWN")
    assert door("GET", f"/v2/{name}/manifests/b").status == 200
    assert door("DELETE", f"/v2/{name}/manifests/{made.digest}").status == 202
    assert door("GET", f"/v2/{name}/manifests/b").error == (404, "MANIFEST_UNKNOWN")
    assert door("DELETE", f"/v2/{name}/manifests/{made.digest}").error == (404, "MANIFEST_UNKNOWN")
    assert door("HEAD", f"/v2/{name}/blobs/{layer}").status == 404
    loose = door.bring(name, b"loose")
    assert door("DELETE", f"/v2/{name}/blobs/{loose}").status == 202
    assert door("DELETE", f"/v2/{name}/blobs/{loose}").error == (404, "BLOB_UNKNOWN")


def test_what_is_not_there(door: Door) -> None:
    name = door.repository()
    for path in ("/v2/none/tags/list", "/v2/none/manifests/x", f"/v2/none/blobs/{digest_of(b'')}"):
        assert door("GET", path).error == (404, "NAME_UNKNOWN"), path
    assert door("POST", "/v2/none/blobs/uploads/").error == (404, "NAME_UNKNOWN")
    assert door("GET", f"/v2/{name}/nothing").error == (404, "UNSUPPORTED")
    assert door("POST", f"/v2/{name}/tags/list").error == (405, "UNSUPPORTED")
    assert door("GET", f"/v2/{name}/manifests/{'x' * 200}").error == (400, "TAG_INVALID")
    assert door("PUT", f"/v2/{name}/manifests/-x", b"{}").error == (400, "TAG_INVALID")
    assert door("PUT", f"/v2/{name}/manifests/x", b" " * (4 * MiB + 1)).error == (413, "SIZE_INVALID")
    account = "123456789012"
    elsewhere = door("GET", f"/v2/{name}/tags/list", Host=f"{account}.dkr.ecr.us-west-2.amazonaws.com")
    assert elsewhere.error == (404, "NAME_UNKNOWN")
    assert account in elsewhere.json["errors"][0]["message"]


def test_other_services_keep_their_paths(platform: Any, door: Door) -> None:
    """Some have paths that begin with /v2/, and objects may have such keys."""
    s3 = platform.client("s3")
    bucket = unique()
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket=bucket, Key="v2/tags/list", Body=b"mine")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", '
        f'"Action": "s3:GetObject", "Resource": "arn:aws:s3:::{bucket}/*"}}]}}',
    )
    got = door("GET", "/v2/tags/list", anonymous=True, Host=f"{bucket}.s3.us-west-2.amazonaws.com")
    assert (got.status, got.body) == (200, b"mine")
    signed = platform.client("apigatewayv2")
    with pytest.raises(signed.exceptions.ClientError, match="does not have the service apigatewayv2"):
        signed.get_apis()


def resident(platform: Any) -> int:
    """Bytes."""
    text = Path(f"/proc/{platform.process.pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) << 10


def test_memory_stays_flat(door: Door, platform: Any) -> None:
    """Whatever the size: here 300 MiB, sent without a length."""
    name, piece, count = door.repository(), os.urandom(MiB), 300
    whole = hashlib.sha256()
    before = resident(platform)
    most = 0

    def pieces() -> Iterator[bytes]:
        nonlocal most
        for number in range(count):
            whole.update(piece)
            if number % 20 == 0:
                most = max(most, resident(platform))
            yield piece

    where = begin(door, name)
    assert door("PATCH", where, pieces()).headers["range"] == f"0-{count * MiB - 1}"
    digest = f"sha256:{whole.hexdigest()}"
    assert door("PUT", f"{where}?digest={digest}").status == 201
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=PATIENCE)
    path = f"/v2/{name}/blobs/{digest}"
    connection.request("GET", path, headers={"Host": door.host, "Authorization": f"Basic {door.token}"})
    answer, read = connection.getresponse(), hashlib.sha256()
    while got := answer.read(MiB):
        read.update(got)
    connection.close()
    assert f"sha256:{read.hexdigest()}" == digest
    most = max(most, resident(platform))
    assert most - before < 64 * MiB
    door.ecr.delete_repository(repositoryName=name, force=True)


def test_many_push_at_once(door: Door) -> None:
    """The same image to one repository, by all: each is told it is there, and it is there once."""
    name, made = door.repository(), image("one", "two")
    failed: list[BaseException] = []

    def push(number: int) -> None:
        try:
            door.push(name, made, f"t{number}")
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    (detail,) = door.ecr.describe_images(repositoryName=name)["imageDetails"]
    assert detail["imageTags"] == [f"t{number}" for number in range(8)]


def test_one_writes_to_an_upload_at_a_time(door: Door, platform: Any) -> None:
    name = door.repository()
    where = begin(door, name)
    with socket.create_connection(("127.0.0.1", platform.port)) as connection:
        connection.sendall(patching(door, where, 10) + b"12345")
        until(lambda: door("PATCH", where, b"", Content_Range="0-0").status == 416)
        connection.sendall(b"67890")
        assert connection.recv(100).startswith(b"HTTP/1.1 202")
    assert door("PUT", f"{where}?digest={digest_of(b'1234567890')}").status == 201
