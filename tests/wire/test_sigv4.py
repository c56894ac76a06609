"""Signatures: what botocore signs is accepted, anything else is refused in AWS's words."""

import calendar
import hashlib
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from clary.errors import AWSError
from clary.wire import sigv4
from clary.wire.canonical import normal_path, respelled_path, sorted_query
from clary.wire.message import Request

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REGION = "us-west-2"

Sign = Callable[..., Request]


def wire(request: AWSRequest) -> Request:
    """What the gateway reads when botocore sends this."""
    sent = request.prepare()
    parts = urlsplit(sent.url)
    headers = {
        name.lower(): (value if isinstance(value, bytes) else value.encode()).decode("latin-1")
        for name, value in sent.headers.items()
    }
    headers.setdefault("host", auth._host_from_url(sent.url))
    body = sent.body or b""
    return Request(
        sent.method, parts.path or "/", parts.query, headers, body if isinstance(body, bytes) else body.encode()
    )


def signed(signer: type[auth.SigV4Auth], service: str, url: str, *, token: str = "", **given: Any) -> Request:
    expires = {"expires": given.pop("expires")} if "expires" in given else {}
    request = AWSRequest(given.pop("method", "GET"), url, **given)
    signer(Credentials(KEY, SECRET, token or None), service, REGION, **expires).add_auth(request)
    return wire(request)


def check(request: Request, secret: str = SECRET, now: float | None = None, body: bytes | None = None) -> None:
    signature = sigv4.read(request)
    assert signature is not None
    digest = hashlib.sha256(request.body if body is None else body).hexdigest()
    if signature.payload_hash == "UNSIGNED-PAYLOAD":
        digest = ""
    sigv4.verify(signature, request, secret, digest, time.time() if now is None else now, 900)


def refused(request: Request, family: Any = "s3", **given: Any) -> AWSError:
    with pytest.raises(AWSError) as raised:
        check(request, **given)
    assert raised.value.code(family)
    return raised.value


hosts = st.sampled_from(["127.0.0.1:4510", "localhost", "bucket.s3.us-west-2.amazonaws.com", "[::1]:4510", "a.b:80"])
segments = st.one_of(
    st.sampled_from(["", ".", "..", "a", "~x", "a%2Fb", "%20", "+", "*", "(x)", "%C3%A9", ";", "@:", "..a"]),
    st.text(max_size=6).map(lambda text: quote(text, safe="-_.~")),
)
paths = st.lists(segments, max_size=5).map(lambda parts: "/" + "/".join(parts))
names = st.one_of(st.sampled_from(["a", "a-b", "a.b", "A", "list-type", "%C3%A9"]), st.text("az-_.09", max_size=3))
values = st.one_of(st.just(""), st.text(max_size=5)).map(lambda text: quote(text, safe="-_.~"))
queries = st.lists(st.one_of(st.tuples(names, values).map("=".join), names.filter(bool)), max_size=5).map("&".join)
headers = st.dictionaries(
    st.sampled_from(["X-Amz-Meta-A", "X-Amz-Target", "Content-Type", "Range", "X-Other"]),
    st.text("ab ,;=\tü€", max_size=12),
    max_size=4,
)
methods = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"])
bodies = st.binary(max_size=20)


def url(host: str, path: str, query: str) -> str:
    return f"http://{host}{path}" + (f"?{query}" if query else "")


@given(methods, hosts, paths, queries, headers, bodies, st.sampled_from(["", "token/+="]))
def test_header_signatures_of_botocore_are_accepted(
    method: str, host: str, path: str, query: str, more: dict[str, str], body: bytes, token: str
) -> None:
    for signer, service in ((auth.SigV4Auth, "sagemaker"), (auth.S3SigV4Auth, "s3")):
        target = url(host, path, query)
        request = signed(signer, service, target, token=token, method=method, data=body, headers=dict(more))
        check(request)
        signature = sigv4.read(request)
        assert signature is not None
        assert (signature.access_key, signature.service, signature.token) == (KEY, service, token)
        refused(request, secret="not the secret")
        refused(request, body=body + b"x")


@given(methods, hosts, paths, st.dictionaries(st.text("abA-_é ", min_size=1, max_size=3), st.text(max_size=4)))
def test_query_signatures_of_botocore_are_accepted(method: str, host: str, path: str, query: dict[str, str]) -> None:
    for signer, service in ((auth.SigV4QueryAuth, "sts"), (auth.S3SigV4QueryAuth, "s3")):
        request = signed(signer, service, f"http://{host}{path}", method=method, params=query, token="t/+=")
        check(request)
        signature = sigv4.read(request)
        assert signature is not None
        assert (signature.presigned, signature.expires, signature.token) == (True, 3600, "t/+=")
        refused(request, secret="not the secret")


@given(paths, queries)
def test_canonical_forms_are_those_of_botocore(path: str, query: str) -> None:
    signer = auth.SigV4Auth(Credentials(KEY, SECRET), "x", REGION)
    assert normal_path(path) == signer._normalize_url_path(path)
    assert sorted_query(query) == signer._canonical_query_string_url(urlsplit(f"http://h/?{query}"))


@given(st.text(max_size=20))
def test_a_key_has_one_spelling(key: str) -> None:
    assert respelled_path("/" + quote(key, safe="!*'()/")) == "/" + quote(key, safe="/~")


@given(st.binary(max_size=300))
def test_post_forms(policy: bytes) -> None:
    request = AWSRequest("POST", "http://h/b")
    request.context["s3-presign-post-policy"] = {"conditions": [{"x": policy.hex()}]}
    auth.S3SigV4PostAuth(Credentials(KEY, SECRET), "s3", REGION).add_auth(request)
    fields = request.context["s3-presign-post-fields"]
    date = fields["x-amz-date"][:8]
    assert sigv4.post_policy(SECRET, date, REGION, fields["policy"]) == fields["x-amz-signature"]


def test_every_signed_part_counts() -> None:
    def make() -> Request:
        request = signed(auth.S3SigV4Auth, "s3", "http://h/b/k?a=1", method="PUT", headers={"x-amz-meta-a": "1"})
        check(request)
        return request

    for change in ("method", "path", "query", "x-amz-meta-a", "host", "x-amz-date", "authorization"):
        request = make()
        if change in {"method", "path", "query"}:
            setattr(request, change, getattr(request, change) + "2")
        elif change == "x-amz-date":
            request.headers[change] = request.headers[change][:-3] + "00Z"
            request.headers[change] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + 61))
        elif change == "authorization":
            last = request.headers[change][-1]
            request.headers[change] = request.headers[change][:-1] + ("0" if last != "0" else "1")
        else:
            request.headers[change] += "2"
        assert refused(request).code("s3") == "SignatureDoesNotMatch", change


def test_a_mismatch_in_s3_tells_what_was_signed() -> None:
    error = refused(signed(auth.S3SigV4Auth, "s3", "http://h/b/k?b=2&a=1"), secret="x")
    assert error.members["AWSAccessKeyId"] == KEY
    assert error.members["StringToSign"].startswith("AWS4-HMAC-SHA256\n")
    assert error.members["CanonicalRequest"].startswith("GET\n/b/k\na=1&b=2\nhost:h\n")
    assert len(error.members["SignatureProvided"]) == 64
    other = refused(signed(auth.SigV4Auth, "sts", "http://h/"), secret="x")
    assert not other.members
    assert other.message.endswith("Consult the service documentation for details.")


def test_another_spelling_of_the_same_request_is_accepted() -> None:
    """curl and Go sign AWS's spelling and send their own."""
    request = signed(auth.S3SigV4Auth, "s3", "http://h/b/a%20%21.txt?prefix=a%2Fb%20c&delimiter=")
    request.path, request.query = "/b/a%20!.txt", "prefix=a/b+c&delimiter"
    check(request)
    request.query = "prefix=a/b+d&delimiter"
    refused(request)


def test_skew() -> None:
    for service, signer in (("sts", auth.SigV4Auth), ("s3", auth.S3SigV4Auth)):
        request = signed(signer, service, "http://h/")
        at = calendar.timegm(time.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ"))
        check(request, now=at - 890)
        check(request, now=at + 890)
        early, late = refused(request, now=time.time() - 1000), refused(request, now=time.time() + 1000)
        if service == "s3":
            assert early.code("s3") == late.code("s3") == "RequestTimeTooSkewed"
            assert late.members["MaxAllowedSkewMilliseconds"] == "900000"
        else:
            assert early.message.startswith("Signature not yet current: ")
            assert late.message.startswith("Signature expired: ")
            assert late.message.endswith("- 15 min.)")
            assert late.code("query") == "SignatureDoesNotMatch"


def test_presigned_times() -> None:
    request = signed(auth.S3SigV4QueryAuth, "s3", "http://h/b/k", expires=100)
    check(request, now=time.time() + 50)
    error = refused(request, now=time.time() + 200)
    assert (error.code("s3"), error.message) == ("AccessDenied", "Request has expired")
    assert error.members["X-Amz-Expires"] == "100"
    assert refused(request, now=time.time() - 1000).message == "Request is not valid yet"
    check(signed(auth.S3SigV4QueryAuth, "s3", "http://h/b/k", expires=604800), now=time.time() + 604000)
    for expires, words in (("604801", "less than a week"), ("-1", "non-negative"), ("ten", "should be a number")):
        request = signed(auth.S3SigV4QueryAuth, "s3", "http://h/b/k", expires=expires)
        error = refused(request)
        assert error.code("s3") == "AuthorizationQueryParametersError"
        assert words in error.message


def test_a_date_header_stands_in() -> None:
    request = signed(auth.SigV4Auth, "sts", "http://h/", headers={"Date": formatdate()})
    assert "x-amz-date" not in request.headers
    check(request)
    request.headers["date"] = "yesterday"
    assert "ISO-8601" in refused(request).message


def test_the_payload_is_checked() -> None:
    request = signed(auth.S3SigV4Auth, "s3", "http://h/b/k", method="PUT", data=b"abc")
    error = refused(request, body=b"abd")
    assert error.code("s3") == "XAmzContentSHA256Mismatch"
    assert error.members["ClientComputedContentSHA256"] == hashlib.sha256(b"abc").hexdigest()
    request.headers["x-amz-content-sha256"] = "nonsense"
    assert "must be UNSIGNED-PAYLOAD" in refused(request, body=b"abc").message
    del request.headers["x-amz-content-sha256"]
    assert refused(request, body=b"abc").message == "Missing required header for this request: x-amz-content-sha256"


def test_an_unsigned_payload() -> None:
    request = AWSRequest("PUT", "https://h/b/k", data=b"abc")
    request.context["payload_signing_enabled"] = False
    auth.SigV4Auth(Credentials(KEY, SECRET), "lex", REGION).add_auth(request)
    check(wire(request))


def test_headers_that_must_be_signed() -> None:
    request = signed(auth.S3SigV4Auth, "s3", "http://h/b/k")
    request.headers["x-amz-acl"] = "public-read"
    error = refused(request)
    assert (error.code("s3"), error.members["HeadersNotSigned"]) == ("AccessDenied", "x-amz-acl")
    for service, signer in (("sts", auth.SigV4Auth), ("s3", auth.S3SigV4Auth)):
        request = signed(signer, service, "http://h/b/k")
        request.headers["authorization"] = request.headers["authorization"].replace("host;", "")
        assert "host" in refused(request).message.lower() or refused(request).members["HeadersNotSigned"] == "host"


def test_the_scope_must_fit() -> None:
    request = signed(auth.S3SigV4Auth, "s3", "http://b.s3.eu-west-1.amazonaws.com/k")
    error = refused(request)
    assert error.code("s3") == "AuthorizationHeaderMalformed"
    assert error.message.endswith("the region 'us-west-2' is wrong; expecting 'eu-west-1'")
    assert error.members["Region"] == "eu-west-1"
    request = signed(auth.SigV4Auth, "sts", "http://sts.eu-west-1.amazonaws.com/")
    assert refused(request).message == "Credential should be scoped to a valid region."
    for service, signer, words in (
        ("sts", auth.SigV4Auth, "Date in Credential scope does not match"),
        ("s3", auth.S3SigV4Auth, "Invalid credential date"),
    ):
        request = signed(signer, service, "http://h/")
        today = request.headers["x-amz-date"][:8]
        request.headers["authorization"] = request.headers["authorization"].replace(today, "20200101")
        assert words in refused(request).message


QUERY = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
HASH = "0" * 64
SCOPE = f"{KEY}/20260101/us-west-2/s3/aws4_request"


@pytest.mark.parametrize(
    ("authorization", "code", "words"),
    [
        ("AWS AKIA:c2lnbmF0dXJl", "InvalidRequest", "Please use AWS4-HMAC-SHA256"),
        ("AWS4-ECDSA-P256-SHA256 Credential=a/20260101/s3/aws4_request", None, "Signature Version 4A"),
        ("Bearer abc", None, "Unsupported Authorization Type 'Bearer'"),
        ("AWS4-HMAC-SHA256", None, "requires 'Credential' parameter"),
        (f"AWS4-HMAC-SHA256 Credential={SCOPE}, Signature={HASH}", None, "requires 'SignedHeaders' parameter"),
        (f"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature={HASH}", None, "exactly 5 slash-delimited"),
        (
            f"AWS4-HMAC-SHA256 Credential={SCOPE}4, SignedHeaders=host, Signature={HASH}",
            None,
            "valid terminator: 'aws4_request', not 'aws4_request4'",
        ),
        (f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=été", None, "malformed"),
    ],
)
def test_headers_that_are_no_signature(authorization: str, code: str | None, words: str) -> None:
    error = refused(Request("GET", "/", headers={"host": "h", "authorization": authorization}))
    assert words in error.message
    assert error.code("s3") == (code or "AuthorizationHeaderMalformed")


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Signature=00", None, "Signature Version 4A"),
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00", None, "requires the X-Amz-Algorithm"),
        (
            f"{QUERY}&X-Amz-Credential=a%2Fb&X-Amz-Date=1",
            None,
            "the Credential is mal-formed",
        ),
        (
            f"{QUERY}&X-Amz-Credential={SCOPE}&X-Amz-Date=20261301T000000Z&X-Amz-Expires=1",
            None,
            "Date must be in ISO-8601",
        ),
    ],
)
def test_queries_that_are_no_signature(query: str, code: str | None, words: str) -> None:
    error = refused(Request("GET", "/", query, {"host": "h"}))
    assert words in error.message
    assert error.code("s3") == (code or "AuthorizationQueryParametersError")


def test_two_signatures_are_one_too_many() -> None:
    request = signed(auth.S3SigV4Auth, "s3", "http://h/b/k?X-Amz-Signature=1")
    assert "Only one auth mechanism allowed" in refused(request).message


def test_no_signature() -> None:
    assert sigv4.read(Request("GET", "/", "prefix=X-Amz-Signature", {"host": "h"})) is None


@given(st.text(max_size=200), st.text(max_size=100))
def test_whatever_comes_is_an_answer(authorization: str, query: str) -> None:
    for prefix in ("", "AWS4-HMAC-SHA256 Credential=", "AWS4-HMAC-SHA256 "):
        request = Request("GET", "/", query, {"host": "h", "authorization": prefix + authorization})
        refused(request)
    del request.headers["authorization"]
    request.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + query
    refused(request)
