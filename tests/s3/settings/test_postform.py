"""POST of an object by a form, as a browser sends what generate_presigned_post gave it."""

import base64
import itertools
import json
import random
from collections.abc import Iterable
from typing import Any

import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from clary.errors import AWSError
from clary.services.s3.settings.multipart import Form
from s3.settings.buckets import Answer, ask, bucket, opened

BOUNDARY = "----boundary"
V4 = Config(signature_version="s3v4")


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3", config=V4)


@pytest.fixture(scope="module")
def name(s3: Any) -> str:
    return bucket(s3)


def encode(fields: Iterable[tuple[str, str]], file: bytes | None = b"", filename: str = "f.txt") -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields
    ]
    body = "".join(parts).encode()
    if file is not None:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        body += f"{head}Content-Type: text/plain\r\n\r\n".encode() + file + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def post(platform: Any, name: str, fields: dict[str, str], file: bytes | None = b"", filename: str = "f.txt") -> Answer:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return ask(platform.port, "POST", f"/{name}", headers, encode(fields.items(), file, filename))


def signed(s3: Any, name: str, key: str, fields: dict[str, str] | None = None, conditions: Any = ()) -> dict[str, str]:
    covered = [{field: value} for field, value in (fields or {}).items()]
    made: dict[str, str] = s3.generate_presigned_post(name, key, fields, [*covered, *conditions])["fields"]
    return made


def refusal(answer: Answer, status: int, code: str, sentence: str = "") -> None:
    assert answer.status == status, answer.body
    assert f"<Code>{code}</Code>".encode() in answer.body, answer.body
    assert sentence.encode() in answer.body.replace(b"&quot;", b'"'), answer.body


def test_a_file_arrives(platform: Any, s3: Any, name: str) -> None:
    given = {"Content-Type": "text/csv", "x-amz-meta-from": "browser", "Cache-Control": "no-store"}
    tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b &amp; c</Value></Tag></TagSet></Tagging>"
    answer = post(platform, name, signed(s3, name, "in/a b.csv", {**given, "tagging": tags}), b"1,2\r\n3,4")
    assert answer.status == 204, answer.body
    assert answer.headers["location"].endswith(f"/{name}/in/a%20b.csv")
    got = s3.get_object(Bucket=name, Key="in/a b.csv")
    assert got["Body"].read() == b"1,2\r\n3,4"
    assert got["ETag"] == answer.headers["etag"]
    assert got["ContentType"] == "text/csv"
    assert got["CacheControl"] == "no-store"
    assert got["Metadata"] == {"from": "browser"}
    assert s3.get_object_tagging(Bucket=name, Key="in/a b.csv")["TagSet"] == [{"Key": "a", "Value": "b & c"}]


def test_the_files_name_may_be_in_the_key(platform: Any, s3: Any, name: str) -> None:
    fields = signed(s3, name, "named/${filename}")
    assert post(platform, name, fields, b"x", "C:\\\\data\\\\über.txt").status == 204
    assert s3.get_object(Bucket=name, Key="named/über.txt")["Body"].read() == b"x"


def test_a_large_file_is_streamed(platform: Any, s3: Any, name: str) -> None:
    data = random.Random(1).randbytes(5 << 20)
    assert post(platform, name, signed(s3, name, "large"), data).status == 204
    assert s3.get_object(Bucket=name, Key="large")["Body"].read() == data


def test_the_answer_that_was_asked_for(platform: Any, s3: Any, name: str) -> None:
    answer = post(platform, name, signed(s3, name, "k", {"success_action_status": "201"}), b"x")
    assert answer.status == 201
    assert f"<Bucket>{name}</Bucket><Key>k</Key>".encode() in answer.body
    assert post(platform, name, signed(s3, name, "k", {"success_action_status": "200"}), b"x").status == 200
    back = {"success_action_redirect": "https://example.com/done?x=1"}
    answer = post(platform, name, signed(s3, name, "k", back), b"x")
    assert answer.status == 303
    assert answer.headers["location"].startswith(f"https://example.com/done?x=1&bucket={name}&key=k&etag=%22")


def test_what_the_policy_does_not_let_through(platform: Any, s3: Any, name: str) -> None:
    fields = signed(s3, name, "k")
    refusal(post(platform, name, {**fields, "acl": "private"}), 403, "AccessDenied", "Extra input fields: acl")
    failed = 'Policy Condition failed: ["eq", "$key", "k"]'
    refusal(post(platform, name, {**fields, "key": "other"}), 403, "AccessDenied", failed)
    starts = signed(s3, name, "k", None, [["starts-with", "$Content-Type", "image/"]])
    assert post(platform, name, {**starts, "Content-Type": "image/png"}).status == 204
    refusal(post(platform, name, {**starts, "Content-Type": "text/html"}), 403, "AccessDenied", "starts-with")
    other = bucket(s3)
    refusal(post(platform, other, fields), 403, "AccessDenied", '"$bucket"')


def test_sizes(platform: Any, s3: Any, name: str) -> None:
    fields = signed(s3, name, "sized", None, [["content-length-range", 2, 4]])
    assert post(platform, name, fields, b"123").status == 204
    refusal(post(platform, name, fields, b"12345"), 400, "EntityTooLarge", "<MaxSizeAllowed>4</MaxSizeAllowed>")
    refusal(post(platform, name, fields, b"1"), 400, "EntityTooSmall")
    refusal(post(platform, name, fields, (3 << 20) * b"x"), 400, "EntityTooLarge")
    assert s3.get_object(Bucket=name, Key="sized")["Body"].read() == b"123"


def test_expired(platform: Any, s3: Any, name: str) -> None:
    made = s3.generate_presigned_post(name, "k", ExpiresIn=-60)["fields"]
    refusal(post(platform, name, made), 403, "AccessDenied", "Invalid according to Policy: Policy expired.")


def test_signatures(platform: Any, s3: Any, name: str) -> None:
    fields = signed(s3, name, "k")
    document = json.loads(base64.b64decode(fields["policy"]))
    document["conditions"] = [["starts-with", f"${field}", ""] for field in fields] + [["starts-with", "$bucket", ""]]
    forged = base64.b64encode(json.dumps(document).encode()).decode()
    refusal(post(platform, name, {**fields, "policy": forged}), 403, "SignatureDoesNotMatch")
    stranger = platform.client("s3", keys=("AKIAIOSFODNN7EXAMPLE", "secret"), config=V4)
    refusal(post(platform, name, signed(stranger, name, "k")), 403, "InvalidAccessKeyId")
    unsigned = {key: value for key, value in fields.items() if key != "x-amz-signature"}
    refusal(post(platform, name, unsigned), 400, "InvalidArgument", "x-amz-signature")


def test_signature_version_2_which_is_boto3s_default(platform: Any, s3: Any, name: str) -> None:
    fields = signed(platform.client("s3"), name, "v2")
    assert "AWSAccessKeyId" in fields
    assert post(platform, name, fields, b"two").status == 204
    assert s3.get_object(Bucket=name, Key="v2")["Body"].read() == b"two"
    refusal(post(platform, name, {**fields, "signature": "AAAA"}), 403, "SignatureDoesNotMatch")


def test_anonymous_forms_need_a_bucket_policy(platform: Any, s3: Any) -> None:
    name = bucket(s3)
    refusal(post(platform, name, {"key": "k"}, b"x"), 403, "AccessDenied")
    opened(s3, name)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/in/*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Statement": statement}))
    assert post(platform, name, {"key": "in/k"}, b"x").status == 204
    refusal(post(platform, name, {"key": "out/k"}, b"x"), 403, "AccessDenied")


def test_malformed(platform: Any, s3: Any, name: str) -> None:
    fields = signed(s3, name, "k")
    refusal(post(platform, name, fields, None), 400, "InvalidArgument", "exactly one file upload")
    del fields["key"]
    refusal(post(platform, name, fields), 400, "InvalidArgument", "must contain a field named 'key'")
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    cut = encode(signed(s3, name, "cut").items(), b"data")[:-20]
    refusal(ask(platform.port, "POST", f"/{name}", headers, cut), 400, "MalformedPOSTRequest")
    headers = {"Content-Type": "multipart/form-data"}
    refusal(ask(platform.port, "POST", f"/{name}", headers, cut), 400, "MalformedPOSTRequest")
    refusal(post(platform, name, {"x": 30000 * "y", "key": "k"}), 400, "MaxPostPreDataLengthExceeded")
    refusal(post(platform, "there-is-no-such-bucket", {"key": "k"}), 404, "NoSuchBucket")
    assert "Contents" not in s3.list_objects_v2(Bucket=name, Prefix="cut")


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, chunks: Iterable[bytes]) -> None:
        self.data += b"".join(chunks)

    def trailers(self, trailers: dict[str, str]) -> None:
        pass

    def abort(self) -> None:
        self.data = b""


def read(body: bytes, cuts: list[int]) -> tuple[Form, Kept]:
    kept = Kept()
    form = Form(f'multipart/form-data; boundary="{BOUNDARY}"', lambda _fields, _filename: kept)
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    form.write(body[a:b] for a, b in itertools.pairwise(edges))
    return form, kept


VALUE = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20) | st.sampled_from(["\r\n", "\r\n--", "--"])
FILE = st.lists(st.binary(max_size=40) | st.sampled_from([b"\r\n", b"\r\n--", b"\r\n------bound", b"-"])).map(b"".join)


@given(st.dictionaries(st.sampled_from("abcd"), VALUE), FILE, st.lists(st.integers(0, 1000), max_size=6))
def test_cut_anywhere_it_reads_the_same(fields: dict[str, str], file: bytes, cuts: list[int]) -> None:
    form, kept = read(encode(fields.items(), file), cuts)
    assert form.complete
    assert form.fields == fields
    assert kept.data == file
    assert form.size == len(file)


@given(st.binary(max_size=200), st.lists(st.integers(0, 1000), max_size=4))
def test_no_bytes_break_it(body: bytes, cuts: list[int]) -> None:
    try:
        read(body, cuts)
        read(f"--{BOUNDARY}\r\n".encode() + body, cuts)
    except AWSError as error:
        assert error.code("s3") in {"MalformedPOSTRequest", "MaxPostPreDataLengthExceeded"}  # noqa: PT017 - or none


@pytest.mark.parametrize("value", ["q\r\nSet-Cookie: evil=1", "a\0", "x\x7f"])
@pytest.mark.parametrize("field", ["x-amz-meta-a", "Content-Type", "success_action_redirect"])
def test_fields_that_would_break_a_header(platform: Any, s3: Any, name: str, field: str, value: str) -> None:
    given = "https://example.com/" + value
    fields = signed(s3, name, "broken", None, [["starts-with", f"${field}", ""]])
    refusal(post(platform, name, {**fields, field: given}, b"x"), 400, "InvalidArgument", "control characters")
    assert "Contents" not in s3.list_objects_v2(Bucket=name, Prefix="broken")


def test_names_of_fields_that_are_no_headers(platform: Any, s3: Any, name: str) -> None:
    fields = signed(s3, name, "broken", None, [["starts-with", "$x-amz-meta-ü", ""]])
    refusal(post(platform, name, {**fields, "x-amz-meta-ü": "x"}, b"x"), 400, "InvalidArgument", "not a token")
    fields = signed(s3, name, "broken", None, [["starts-with", "$Content-Type", ""]])
    refusal(post(platform, name, {**fields, "Content-Type": "日本"}, b"x"), 400, "InvalidArgument", "ISO-8859-1")


def test_a_page_of_another_origin_may_read_the_answer(platform: Any, s3: Any) -> None:
    name = bucket(s3)
    rule = {"AllowedMethods": ["POST"], "AllowedOrigins": ["https://page.example"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [rule]})
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Origin": "https://page.example"}
    fields = signed(s3, name, "k", None, [["content-length-range", 0, 1 << 20]])
    forged = {**fields, "x-amz-signature": "0"}
    for sent, file, status in ((fields, b"x", 204), (forged, b"x", 403), (fields, b"x" * (5 << 20), 400)):
        answer = ask(platform.port, "POST", f"/{name}", headers, encode(sent.items(), file))
        assert answer.status == status, answer.body
        assert answer.headers["access-control-allow-origin"] == "https://page.example"
        assert answer.headers["access-control-expose-headers"] == "ETag"
    headers["Origin"] = "https://other.example"
    answer = ask(platform.port, "POST", f"/{name}", headers, encode(fields.items(), b"x"))
    assert (answer.status, "access-control-allow-origin" in answer.headers) == (204, False)


@given(st.sampled_from([b"", b"a"]), st.sampled_from([30, 4000]))
def test_memory_is_bounded_whatever_the_parts_are(value: bytes, long: int) -> None:
    """Nothing of it is signed until the file begins."""
    form = Form(f"multipart/form-data; boundary={BOUNDARY}", lambda _fields, _filename: Kept())
    names = (f"{number}".zfill(long) for number in range(1000))
    heads = (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() for name in names)
    with pytest.raises(AWSError) as caught:
        form.write(head + value + b"\r\n" for head in heads)
    assert caught.value.code("s3") == "MaxPostPreDataLengthExceeded"
    assert sum(map(len, form.fields)) < 20 * 1024
