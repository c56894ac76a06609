"""Cross-origin requests: preflights, and the headers of actual answers."""

from typing import Any

import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from clary.services.s3.settings.cors import fits
from s3.settings.buckets import ask, bucket, refused

RULES = [
    {
        "AllowedOrigins": ["https://*.example.com"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["x-amz-*", "content-type"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 600,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},
]
ORIGIN = "https://www.example.com"


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


@pytest.fixture(scope="module")
def shared(s3: Any) -> str:
    name = bucket(s3)
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": RULES})
    return name


def test_comes_back(s3: Any) -> None:
    name = bucket(s3)
    with refused("NoSuchCORSConfiguration", "The CORS configuration does not exist"):
        s3.get_bucket_cors(Bucket=name)
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": RULES})
    assert s3.get_bucket_cors(Bucket=name)["CORSRules"] == RULES
    s3.delete_bucket_cors(Bucket=name)
    with refused("NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=name)


@pytest.mark.parametrize(
    ("rule", "code", "sentence"),
    [
        ({"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}, "InvalidRequest", "Unsupported method is PATCH"),
        ({"AllowedMethods": ["GET"], "AllowedOrigins": ["*.*"]}, "InvalidRequest", "more than one wildcard"),
        ({"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": ["x*"]}, "InvalidRequest", "wildcard"),
        (
            {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": ["日"]},
            "InvalidArgument",
            "ISO-8859-1",
        ),
    ],
)
def test_bad_rules_are_refused(s3: Any, rule: dict[str, Any], code: str, sentence: str) -> None:
    with refused(code, sentence):
        s3.put_bucket_cors(Bucket=bucket(s3), CORSConfiguration={"CORSRules": [rule]})


def preflight(platform: Any, name: str, method: str, origin: str = ORIGIN, headers: str = "") -> Any:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = headers
    return ask(platform.port, "OPTIONS", f"/{name}/k", asked)


def test_preflight_of_a_named_origin(platform: Any, shared: str) -> None:
    answer = preflight(platform, shared, "PUT", headers="X-Amz-Date, Content-Type")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-methods"] == "GET, PUT"
    assert answer.headers["access-control-allow-headers"] == "x-amz-date, content-type"
    assert answer.headers["access-control-expose-headers"] == "ETag"
    assert answer.headers["access-control-max-age"] == "600"
    assert answer.headers["access-control-allow-credentials"] == "true"


def test_preflight_of_anybody(platform: Any, shared: str) -> None:
    answer = preflight(platform, shared, "GET", "http://elsewhere")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_refused_preflights(platform: Any, shared: str, s3: Any) -> None:
    for answer, sentence in (
        (preflight(platform, shared, "PUT", "http://elsewhere"), b"This CORS request is not allowed"),
        (preflight(platform, shared, "PUT", headers="authorization"), b"This CORS request is not allowed"),
        (preflight(platform, bucket(s3), "GET"), b"CORS is not enabled for this bucket"),
        (preflight(platform, "there-is-no-such-bucket", "GET"), b"Bucket not found"),
    ):
        assert answer.status == 403
        assert b"<Code>AccessForbidden</Code>" in answer.body
        assert sentence in answer.body
    assert preflight(platform, shared, "PATCH").status == 400
    assert ask(platform.port, "OPTIONS", f"/{shared}/k").status == 400


def test_actual_answers(platform: Any, shared: str, s3: Any) -> None:
    s3.put_object(Bucket=shared, Key="k", Body=b"hello")
    signing = platform.client("s3", config=Config(signature_version="s3v4"))
    url = signing.generate_presigned_url("get_object", Params={"Bucket": shared, "Key": "k"})
    url = url.removeprefix(platform.url)
    answer = ask(platform.port, "GET", url, {"Origin": ORIGIN})
    assert answer.body == b"hello"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-expose-headers"] == "ETag"
    assert "access-control-allow-origin" not in ask(platform.port, "GET", url).headers
    refusal = ask(platform.port, "GET", f"/{shared}/k", {"Origin": ORIGIN})
    assert refusal.status == 403
    assert refusal.headers["access-control-allow-origin"] == ORIGIN


@given(st.text("ab", max_size=4), st.text("ab", max_size=4), st.text("ab", max_size=8))
def test_one_wildcard_fits_what_is_between(head: str, tail: str, text: str) -> None:
    assert fits(f"{head}*{tail}", head + text + tail)
    assert fits(f"{head}*{tail}", text) == any(
        text[:n] == head and text[m:] == tail for n in range(len(text) + 1) for m in range(n, len(text) + 1)
    )
