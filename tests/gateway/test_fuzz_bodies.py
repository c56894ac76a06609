"""Bodies of every protocol, rightly signed and wrong in themselves, are answered by nothing worse than 501."""

import json
import os
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzed import REGION, Fuzzed, raw


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
