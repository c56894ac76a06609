"""Whatever comes in at the front door is answered, by nothing worse than 501, and writes nowhere but in the home."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzed import Fuzzed, raw

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
