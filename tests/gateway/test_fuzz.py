"""Whatever comes in at the front door is answered, by nothing worse than 501, and writes nowhere but in the home."""

import json
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Platform

REGION = "us-west-2"
NOTHING: Mapping[str, str] = MappingProxyType({})


class Fuzzed:
    """A platform that this module may maltreat, and its root's signatures over requests that no client would make."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.bucket = f"fuzz-{uuid4().hex[:12]}"
        self.s3 = platform.client("s3")
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def signed(
        self,
        service: str,
        method: str,
        target: str,
        *,
        body: bytes = b"",
        keys: tuple[str, ...] = (),
        claim: str = "",
        headers: Mapping[str, str] = NOTHING,
    ) -> dict[str, str]:
        """The headers of a rightly signed request. `target` is sent as it is."""
        host = f"127.0.0.1:{self.platform.port}"
        request = AWSRequest(method, f"http://{host}{target}", data=body, headers=dict(headers))
        signer: Any = Claiming if service == "s3" else auth.SigV4Auth
        request.context["claim"] = claim
        signer(Credentials(*(keys or self.platform.root)), service, REGION).add_auth(request)
        return {"host": host, **dict(request.headers.items())}

    def ask(
        self,
        service: str,
        method: str,
        target: str,
        *,
        body: bytes = b"",
        keys: tuple[str, ...] = (),
        claim: str = "",
        headers: Mapping[str, str] = NOTHING,
    ) -> tuple[int, bytes]:
        signed = self.signed(service, method, target, body=body, keys=keys, claim=claim, headers=headers)
        return self.send(raw(method, target, signed, body))

    def send(self, data: bytes, *, end: bool = False) -> tuple[int, bytes]:
        """Status and body of what is answered to these bytes; status 0 if the connection is just closed."""
        with socket.create_connection(("127.0.0.1", self.platform.port), timeout=20) as client:
            with suppress(OSError):  # it may have answered, and closed, before it has heard all
                client.sendall(data)
                if end:
                    client.shutdown(socket.SHUT_WR)
            answer = b""
            with suppress(ConnectionResetError, TimeoutError):
                while piece := client.recv(1 << 16):
                    answer += piece
        if not answer:
            return 0, b""
        head, _, rest = answer.partition(b"\r\n\r\n")
        match = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        assert match, answer[:100]
        status = int(match[1])
        assert status < 500 or status == 501, answer[:2000]
        return status, rest


class Claiming(auth.S3SigV4Auth):
    """Says of the payload what it is told to."""

    def payload(self, request: AWSRequest) -> str:
        claimed: str = request.context["claim"] or super().payload(request)  # type: ignore[no-untyped-call]  # botocore
        return claimed


def raw(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    names = {name.lower() for name in headers}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if not names & {"content-length", "transfer-encoding"}:
        lines.append(f"content-length: {len(body)}")
    if "connection" not in names:
        lines.append("connection: close")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Fuzzed]:
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    platform = Platform(folder / "home").start()
    process = platform.process
    assert process is not None
    try:
        fuzzed = Fuzzed(platform)
        yield fuzzed
        assert process.poll() is None
        assert fuzzed.send(b"GET /health HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")[0] == 200
        assert {path.name for path in folder.iterdir()} == {"home", "out.txt"}
        for name in files(folder):
            assert name.isascii(), name
            assert re.fullmatch(r"[A-Za-z0-9._/-]+", name), name
            assert "evil" not in name
        for path in (folder / "out.txt", *folder.rglob("*.log")):
            assert "Traceback" not in path.read_text(), path.read_text()[-3000:]
    finally:
        if process.poll() is None:
            platform.stop()
        shutil.rmtree(folder)


# Bytes that are no request, or hardly one


@settings(max_examples=100)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"GET ", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nhost: h\r\n"])
)
def test_random_bytes(fuzzed: Fuzzed, data: bytes, start: bytes) -> None:
    status, _ = fuzzed.send(start + data, end=True)
    assert status < 500


@settings(max_examples=100)
@given(st.data())
def test_a_damaged_request(fuzzed: Fuzzed, data: st.DataObject) -> None:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    kind = "application/x-www-form-urlencoded"
    request = bytearray(
        raw("POST", "/", fuzzed.signed("sts", "POST", "/", body=body, headers={"content-type": kind}), body)
    )
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(request) - 1))
        change = data.draw(st.sampled_from(["flip", "cut", "insert", "repeat"]))
        if change == "flip":
            request[at] ^= 1 << data.draw(st.integers(0, 7))
        elif change == "cut":
            del request[at : at + data.draw(st.integers(1, 10))]
        elif change == "insert":
            request[at:at] = data.draw(st.binary(min_size=1, max_size=5))
        else:
            request[at:at] = request[at : at + 40]
    fuzzed.send(bytes(request), end=True)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
        b"GET / HTTP/1.1\r\na: " + b"b" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /?" + b"a=b&" * 50_000 + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\nhost: h\r\n\r\n",
        b"GET /%zz%00%ff HTTP/1.1\r\nhost: h\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: \xf0\x9f\x91\xbe\r\nauthorization: \x80\r\nx-amz-date: \xff\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_heads(fuzzed: Fuzzed, head: bytes) -> None:
    fuzzed.send(head, end=True)


# Signatures


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda headers: headers.update({"X-Amz-Date": "20200101T000000Z"}), b"AuthorizationHeaderMalformed"),
        (lambda headers: headers.update({"x-amz-acl": "public-read"}), b"AccessDenied"),
        (lambda headers: headers.update({"Authorization": headers["Authorization"][:-3] + "000"}), b"SignatureDoesNot"),
        (lambda headers: headers.update({"Authorization": "AWS a:b"}), b"InvalidRequest"),
        (lambda headers: headers.update({"Authorization": ""}), b""),
        (lambda headers: headers.pop("Authorization"), b"AccessDenied"),
        (lambda headers: headers.update({"X-Amz-Security-Token": "abc"}), b""),
        (lambda headers: headers.update({"X-Amz-Content-SHA256": "0" * 64}), b""),
        (lambda headers: headers.pop("X-Amz-Content-SHA256"), b""),
        (lambda headers: headers.update({"host": "elsewhere"}), b"SignatureDoesNotMatch"),
    ],
)
def test_wrong_signatures(fuzzed: Fuzzed, change: Callable[[dict[str, str]], Any], code: bytes) -> None:
    target = f"/{fuzzed.bucket}/evil-signature"
    headers = fuzzed.signed("s3", "PUT", target, body=b"abc")
    change(headers)
    status, answer = fuzzed.send(raw("PUT", target, headers, b"abc"))
    assert status in {400, 403}
    assert code in answer
    with pytest.raises(ClientError):
        fuzzed.s3.head_object(Bucket=fuzzed.bucket, Key="evil-signature")


def test_another_body_under_the_same_signature(fuzzed: Fuzzed) -> None:
    target = f"/{fuzzed.bucket}/evil-body"
    headers = fuzzed.signed("s3", "PUT", target, body=b"abc")
    status, answer = fuzzed.send(raw("PUT", target, headers, b"abd"))
    assert (status, b"XAmzContentSHA256Mismatch" in answer) == (400, True)
    with pytest.raises(ClientError):
        fuzzed.s3.head_object(Bucket=fuzzed.bucket, Key="evil-body")


def test_other_peoples_keys(fuzzed: Fuzzed) -> None:
    """A user without a policy may nothing; no pair of halves makes a whole; the clock does not turn back."""
    iam = fuzzed.platform.client("iam")
    pairs = []
    for _ in range(2):
        name = f"u-{uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        pairs.append((made["AccessKeyId"], made["SecretAccessKey"]))
    one, two = pairs
    fuzzed.s3.put_object(Bucket=fuzzed.bucket, Key="private", Body=b"private")
    target = f"/{fuzzed.bucket}/private"
    for keys, code in (
        (one, b"AccessDenied"),
        ((one[0], two[1]), b"SignatureDoesNotMatch"),
        ((fuzzed.platform.root[0], one[1]), b"SignatureDoesNotMatch"),
        ((*one, "a token that was never given"), b"<Code>"),
        (("AKIAIOSFODNN7EXAMPLE", "x"), b"InvalidAccessKeyId"),
        (("../../etc/passwd", "x"), b"<Code>"),
        (("a" * 5000, "x"), b"<Code>"),
    ):
        for method in ("GET", "PUT", "DELETE"):
            status, answer = fuzzed.ask("s3", method, target, keys=keys)
            assert status in {400, 403}
            assert code in answer
    iam.update_access_key(UserName=name, AccessKeyId=two[0], Status="Inactive")
    assert fuzzed.ask("s3", "GET", target, keys=two)[0] == 403
    assert fuzzed.s3.get_object(Bucket=fuzzed.bucket, Key="private")["Body"].read() == b"private"


# Keys


TRICKS = [
    *("..", ".", "../evil", "../../../../tmp/evil", "/etc/evil", "//evil", "a/../../evil", "a/./b", "a//b", "a/", "/"),
    *("..\\evil", "C:\\evil", "%2e%2e/evil", "%2e%2e%2fevil", "..%2fevil", "%00", "%", "%zz", "a b+c", " ", "~"),
    *(
        "a\nb",
        "a\tb",
        "\x01",
        "\x7f",
        "ü",
        "u\u0308",
        "👾",
        "\u202e",
        "-rf",
        "*",
        "?a=b",
        "#",
        "&<>\"'",
        ";ls",
        "$(ls)",
    ),
    *("state.db", "tls/ca.key", "a" * 1024, "ü" * 512, "d/" * 512, ".hidden", "con", "évil\u2028"),
]


@pytest.mark.parametrize("key", TRICKS)
def test_a_key_is_just_a_name(fuzzed: Fuzzed, key: str) -> None:
    target = f"/{fuzzed.bucket}/{quote(key, safe='/~')}"
    body = key.encode()
    status, answer = fuzzed.ask("s3", "PUT", target, body=body)
    assert status == 200, answer
    assert fuzzed.ask("s3", "GET", target) == (200, body)
    assert fuzzed.ask("s3", "GET", f"/{fuzzed.bucket}/{quote(key, safe='')}") == (200, body)


def test_all_those_names_are_listed(fuzzed: Fuzzed) -> None:
    for key in TRICKS:
        fuzzed.ask("s3", "PUT", f"/{fuzzed.bucket}/{quote(key, safe='/~')}", body=b"x")
    pages = fuzzed.s3.get_paginator("list_objects_v2").paginate(Bucket=fuzzed.bucket, PaginationConfig={"PageSize": 7})
    listed = [found["Key"] for page in pages for found in page["Contents"]]
    assert set(TRICKS) <= set(listed)
    assert listed == sorted(listed, key=str.encode)
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("key", ["a" * 1025, "ü" * 513, "%ff", "%00", "a%00b", "%c3", "%ed%a0%80", "%f5%80%80%80"])
def test_names_that_are_none(fuzzed: Fuzzed, key: str) -> None:
    target = f"/{fuzzed.bucket}/" + (key if "%" in key else quote(key))
    status, _ = fuzzed.ask("s3", "PUT", target, body=b"x")
    assert status == 400 or "%" in key
    assert fuzzed.ask("s3", "GET", target)[0] in {200, 400, 404}
    fuzzed.ask("s3", "GET", f"/{fuzzed.bucket}?list-type=2")


@pytest.mark.parametrize(
    "path",
    [
        *("/..", "/../..", "/%2e%2e", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd", "//", "/./", "/%00"),
        *("/" + "a" * 64, "/A", "/a_b", "/.a", "/a..b", "/xn--a", "/127.0.0.1", "/%ff", "/-", "/a" * 300),
    ],
)
def test_buckets_that_are_none(fuzzed: Fuzzed, path: str) -> None:
    for method in ("PUT", "GET", "DELETE", "HEAD", "POST"):
        for query in ("", "?policy", "?uploads", "?delete", "?versioning"):
            status, _ = fuzzed.ask("s3", method, path + query)
            assert status != 200 or path in {"//", "/./"} or method != "PUT", path


@settings(max_examples=100)
@given(st.text(max_size=30), st.text(max_size=10), st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"]))
def test_any_query(fuzzed: Fuzzed, key: str, query: str, method: str) -> None:
    target = f"/{fuzzed.bucket}/{quote(key, errors='replace')}"
    names = (
        "uploadId",
        "partNumber",
        "versionId",
        "tagging",
        "uploads",
        "acl",
        "range",
        "max-keys",
        "marker",
        "select",
    )
    for name in names[len(query) % len(names) :][:2]:
        fuzzed.ask("s3", method, f"{target}?{name}={quote(query, errors='replace')}")


# Headers


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-meta-a": "b" * 3000},
        {f"x-amz-meta-{number}": "b" for number in range(500)},
        {"content-type": "é\xff"},
        {"content-md5": "nonsense"},
        {"content-md5": "AAAA"},
        {"x-amz-checksum-crc32": "AAAAAA=="},
        {"x-amz-checksum-sha256": "nonsense"},
        {"x-amz-sdk-checksum-algorithm": "NONE"},
        {"x-amz-copy-source": "../../etc/passwd"},
        {"x-amz-copy-source": "%00"},
        {"x-amz-copy-source": "/"},
        {"x-amz-copy-source": "a" * 4000},
        {"x-amz-tagging": "a=b&" * 100},
        {"x-amz-tagging": "%%%"},
        {"x-amz-acl": "nonsense"},
        {"x-amz-grant-read": 'id="'},
        {"x-amz-storage-class": "nonsense"},
        {"x-amz-server-side-encryption": "nonsense"},
        {"if-match": '"'},
        {"if-none-match": "*"},
        {"if-modified-since": "yesterday"},
        {"range": "bytes=9999999999999999999999-"},
        {"range": "bytes=-0"},
        {"range": "lines=1-2"},
        {"range": "bytes=" + "1-2," * 5000},
        {"expires": "\x01"},
        {"x-amz-expected-bucket-owner": "nobody"},
        {"x-amz-object-lock-retain-until-date": "never"},
        {"expect": "nonsense"},
        {"content-encoding": "aws-chunked"},
        {"x-amz-decoded-content-length": "-1"},
    ],
)
def test_headers_of_objects(fuzzed: Fuzzed, headers: dict[str, str]) -> None:
    target = f"/{fuzzed.bucket}/{uuid4().hex}"
    for method, body in (("PUT", b"abc"), ("GET", b""), ("HEAD", b""), ("POST", b"")):
        given = {name: value for name, value in headers.items() if value.isprintable()} if method != "PUT" else headers
        fuzzed.ask("s3", method, target, body=body, headers=given)


# Bodies


@pytest.mark.parametrize("size", [0, 1, 100, 70_000, 1_200_000])
def test_a_truncated_body_leaves_nothing(fuzzed: Fuzzed, size: int) -> None:
    key = f"evil-{uuid4().hex}"
    target = f"/{fuzzed.bucket}/{key}"
    whole = os.urandom(1_500_000)
    for claim in ("", "UNSIGNED-PAYLOAD"):
        headers = fuzzed.signed("s3", "PUT", target, body=whole, claim=claim)
        fuzzed.send(raw("PUT", target, headers, whole)[: size - len(whole)], end=True)
        with pytest.raises(ClientError):
            fuzzed.s3.head_object(Bucket=fuzzed.bucket, Key=key)


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from([b"3\r\nabc\r\n", b"0\r\n", b"\r\n", b"5;x=y\r\n"])),
        max_size=6,
    ),
    st.sampled_from(
        [
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
            "STREAMING-NONSENSE",
        ]
    ),
    st.sampled_from(["", "0", "3", "-1", "x", "99999999999999999999"]),
    st.sampled_from(["", "x-amz-checksum-crc32", "x-amz-checksum-crc32,x-amz-checksum-sha1", "nonsense"]),
)
def test_chunked_bodies(fuzzed: Fuzzed, parts: list[bytes], claim: str, length: str, trailer: str) -> None:
    target = f"/{fuzzed.bucket}/evil-chunks"
    more = {"x-amz-decoded-content-length": length, "x-amz-trailer": trailer, "content-encoding": "aws-chunked"}
    headers = {name: value for name, value in more.items() if value}
    body = b"".join(parts)
    fuzzed.ask("s3", "PUT", target, body=body, claim=claim, headers=headers)
    fuzzed.ask("s3", "POST", f"/{fuzzed.bucket}?delete", body=body, claim=claim, headers=headers)


XML_OPERATIONS = [
    *(("PUT", f"?{name}") for name in ("tagging", "policy", "cors", "lifecycle", "versioning", "acl", "notification")),
    *(("PUT", f"?{name}") for name in ("publicAccessBlock", "ownershipControls", "encryption", "logging", "website")),
    *(("POST", "?delete"), ("PUT", "/k?tagging"), ("PUT", "/k?acl"), ("POST", "/k?uploadId=x"), ("POST", "/k?restore")),
    *(("PUT", ""), ("POST", "/k?select&select-type=2"), ("PUT", "/k?legal-hold"), ("PUT", "?replication")),
]
LAUGHS = (
    b'<!DOCTYPE l [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in range(ord("b"), ord("k")))
    + b"]><Delete>&j;</Delete>"
)
XML_BODIES = [
    LAUGHS,
    b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&x;</Key></Object></Delete>',
    b'<?xml version="1.0" encoding="utf-7"?><a/>',
    b"<a>" * 20_000,
    b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>",
    b"<Delete><Object><Key>\xff</Key></Object></Delete>",
    b"<Delete><Object/></Delete>",
    b"<Tagging><TagSet>" + b"<Tag><Key>k</Key></Tag>" * 100 + b"</TagSet></Tagging>",
    b"<CreateBucketConfiguration><LocationConstraint>../evil</LocationConstraint></CreateBucketConfiguration>",
    b"{}",
    b"\x00",
    b"\xff\xfe<\x00a\x00",
    b"",
]


@pytest.mark.parametrize(("method", "target"), XML_OPERATIONS)
def test_bad_xml(fuzzed: Fuzzed, method: str, target: str) -> None:
    for body in XML_BODIES:
        status, answer = fuzzed.ask("s3", method, f"/{fuzzed.bucket}{target}", body=body)
        assert b"root:" not in answer
        assert status, body[:50]
    assert fuzzed.s3.get_bucket_location(Bucket=fuzzed.bucket)["LocationConstraint"] == REGION


JSON_BODIES = [
    *(b"", b"{", b"null", b"[]", b"1", b'"a"', b"NaN", b'{"a":NaN}', b"\xff", b'{"a":"\xff"}', b'{"\\ud800":1}'),
    *(
        b"[" * 100_000,
        b'{"a":' * 5000,
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":1,"a":2}',
        b"\x00",
        b"{}x",
    ),
]
TARGETS = [
    *(
        "SageMaker.CreateModel",
        "SageMaker.ListModels",
        "SageMaker.AddTags",
        "SageMaker.DescribeModel",
        "SageMaker.Nonsense",
    ),
    *("SageMaker.", "Nonsense.ListModels", "", "Logs_20140328.DescribeLogGroups", "SageMaker.CreateModel\x7f"),
]


@pytest.mark.parametrize("target", TARGETS)
def test_bad_json(fuzzed: Fuzzed, target: str) -> None:
    for kind in ("application/x-amz-json-1.1", "application/x-amz-json-1.0", "text/plain", ""):
        for body in JSON_BODIES:
            headers = {"x-amz-target": target, "content-type": kind} if target.isprintable() else {"content-type": kind}
            status, _ = fuzzed.ask("sagemaker", "POST", "/", body=body, headers=headers)
            assert status >= 400 or b"{}" in body or "List" in target, (body[:40], status)


documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.just("a" * 3000)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


@cache
def members(service: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """An operation of the service, and for its members whatever."""
    model = Session().get_service_model(service)
    operations = [name for name in model.operation_names if model.operation_model(name).input_shape is not None]

    def fill(operation: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
        names = list(model.operation_model(operation).input_shape.members) or ["Nonsense"]
        filled = st.dictionaries(st.sampled_from([*names, "Nonsense"]), documents, max_size=6)
        return st.tuples(st.just(operation), filled)

    return st.sampled_from(operations).flatmap(fill)


@settings(max_examples=100)
@given(members("sagemaker"))
def test_any_document_for_any_operation(fuzzed: Fuzzed, asked: tuple[str, dict[str, Any]]) -> None:
    operation, document = asked
    headers = {"x-amz-target": f"SageMaker.{operation}", "content-type": "application/x-amz-json-1.1"}
    status, _ = fuzzed.ask("sagemaker", "POST", "/", body=json.dumps(document).encode(), headers=headers)
    assert status


@settings(max_examples=100)
@given(st.sampled_from(["iam", "sts"]).flatmap(lambda service: st.tuples(st.just(service), members(service))))
def test_any_form_for_any_operation(fuzzed: Fuzzed, asked: tuple[str, tuple[str, dict[str, Any]]]) -> None:
    service, (operation, document) = asked
    version = {"iam": "2010-05-08", "sts": "2011-06-15"}[service]
    pairs = [("Action", operation), ("Version", version)]
    for name, value in document.items():
        suffix = ("", ".member.1", ".member.0", ".member.99999999999", ".member.-1.Key", ".entry.1.key")[len(pairs) % 6]
        pairs.append((name + suffix, str(value)))
    body = "&".join(f"{quote(name)}={quote(value, errors='replace')}" for name, value in pairs).encode()
    status, _ = fuzzed.ask(
        service, "POST", "/", body=body, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert status


@pytest.mark.parametrize(
    "body",
    [
        *(b"Action", b"Action=", b"Action=&Action=", b"&&&&", b"=", b"Action=ListUsers&Action=GetUser", b"%", b"\xff"),
        *(b"Action=ListUsers&Version=nonsense", b"Action=GetUser&Version=2010-05-08&UserName=%00", b"{}", b"<a/>"),
        b"Action=ListUsers&Version=2010-05-08&MaxItems=" + b"9" * 5000,
        b"Action=TagUser&Version=2010-05-08&UserName=u&" + b"&".join(b"Tags.member.%d.Key=k" % i for i in range(2000)),
        b"Action=CreatePolicy&Version=2010-05-08&PolicyName=p&PolicyDocument=" + b"%5B" * 5000,
        b"Action=AssumeRole&Version=2011-06-15&RoleArn=../../evil&RoleSessionName=%2e%2e",
    ],
)
def test_bad_forms(fuzzed: Fuzzed, body: bytes) -> None:
    for service in ("iam", "sts"):
        fuzzed.ask(service, "POST", "/", body=body, headers={"content-type": "application/x-www-form-urlencoded"})
        with suppress(UnicodeDecodeError):
            fuzzed.ask(service, "GET", f"/?{quote(body.decode()[:2000], safe='&=%.')}")


@pytest.mark.parametrize(
    "body", [b"", b"\xa0", b"\xbf\xff", b"\x9f" * 5000, b"\x81" * 5000, b"\xbb" + b"\xff" * 8, b"\xff"]
)
def test_bad_cbor(fuzzed: Fuzzed, body: bytes) -> None:
    for path in ("GraniteServiceVersion20100801/operation/PutMetricData", "Nonsense/operation/X", "/operation/", ".."):
        headers = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}
        for service in ("monitoring", "sagemaker", "nonsense"):
            fuzzed.ask(service, "POST", f"/service/{path}", body=body, headers=headers)


@pytest.mark.parametrize("service", ["nonsense", "..", "s3x", "sagemaker/evil", "%00"])
def test_services_that_are_none(fuzzed: Fuzzed, service: str) -> None:
    for method, target in (("GET", "/"), ("POST", "/"), ("PUT", "/a/b?c")):
        status, _ = fuzzed.ask(service, method, target, body=b"{}")
        assert status in {400, 403, 404, 405, 501}
