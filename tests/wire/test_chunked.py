"""aws-chunked bodies: AWS's own examples, a signer written from AWS's page, and botocore's wrapper, in any split."""

import base64
import hashlib
import hmac
import io
import time
from collections.abc import Iterable
from typing import Any

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Sha256Checksum
from hypothesis import given
from hypothesis import strategies as st

from clary.errors import AWSError
from clary.wire.chunked import SIGNED, SIGNED_TRAILER, SMALLEST, UNSIGNED_TRAILER, Decoder
from clary.wire.message import Request
from clary.wire.sigv4 import Signature, signing_key

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TIMESTAMP, SCOPE = "20130524T000000Z", "20130524/us-east-1/s3/aws4_request"
KEY = signing_key(SECRET, "20130524", "us-east-1", "s3")
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
SEED_TRAILER = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
CHECKSUM = "x-amz-checksum-sha256"


class Memory:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.aborted = 0
        self.said: dict[str, str] = {}

    def write(self, chunks: Iterable[bytes]) -> None:
        for chunk in chunks:
            self.data += chunk

    def trailers(self, trailers: dict[str, str]) -> None:
        self.said = trailers

    def abort(self) -> None:
        self.aborted += 1


def signature(payload_hash: str, seed: str = SEED) -> Signature:
    key = "AKIAIOSFODNN7EXAMPLE"
    return Signature(
        key, "20130524", "us-east-1", "s3", "host", seed, TIMESTAMP, None, "", payload_hash, presigned=False
    )


def decoder(kind: str, length: int, trailer: str = "", seed: str = SEED, **headers: str) -> tuple[Decoder, Memory]:
    sink = Memory()
    sent = {"x-amz-decoded-content-length": str(length), "x-amz-content-sha256": kind}
    if trailer:
        sent["x-amz-trailer"] = trailer
    request = Request("PUT", "/b/k", headers={**sent, **headers})
    return Decoder(signature(kind, seed), SECRET, request, sink), sink


def decode(kind: str, body: bytes, length: int, trailer: str = "", *, step: int = 0, seed: str = SEED) -> Any:
    made, sink = decoder(kind, length, trailer, seed)
    step = step or len(body) or 1
    made.write(body[at : at + step] for at in range(0, len(body), step))
    return bytes(sink.data), made.finish()


def failure(*given: Any, **named: Any) -> tuple[str, str]:
    with pytest.raises(AWSError) as raised:
        decode(*given, **named)
    return raised.value.code("s3"), raised.value.message


def digest(text: str) -> str:
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


def signed_body(chunks: list[bytes], trailers: dict[str, str] | None = None, seed: str = SEED) -> bytes:
    """As https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html describes it."""
    previous, parts = seed, []
    empty = hashlib.sha256(b"").hexdigest()
    for chunk in [*chunks, b""]:
        head = f"AWS4-HMAC-SHA256-PAYLOAD\n{TIMESTAMP}\n{SCOPE}\n{previous}\n{empty}\n"
        previous = digest(head + hashlib.sha256(chunk).hexdigest())
        parts += [f"{len(chunk):x};chunk-signature={previous}\r\n".encode(), chunk, b"\r\n" if chunk else b""]
    if trailers:
        text = "".join(f"{name}:{value}\n" for name, value in trailers.items())
        head = f"AWS4-HMAC-SHA256-TRAILER\n{TIMESTAMP}\n{SCOPE}\n{previous}\n"
        last = digest(head + hashlib.sha256(text.encode()).hexdigest())
        parts += [text.replace("\n", "\r\n").encode(), f"x-amz-trailer-signature:{last}\r\n".encode()]
    return b"".join([*parts, b"\r\n"])


EXAMPLE = [b"a" * 65536, b"a" * 1024]


def test_the_example_of_awss_page() -> None:
    body = signed_body(EXAMPLE)
    for part in (
        b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n",
        b"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
        b"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n",
    ):
        assert part in body
    assert decode(SIGNED, body, 66560) == (b"a" * 66560, {})


def test_the_example_of_awss_page_with_a_trailer() -> None:
    trailer = {"x-amz-checksum-crc32c": "sOO8/Q=="}
    body = signed_body(EXAMPLE, trailer, SEED_TRAILER)
    assert b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435" in body
    assert decode(SIGNED_TRAILER, body, 66560, "x-amz-checksum-crc32c", seed=SEED_TRAILER) == (b"a" * 66560, trailer)


chunk_lists = st.lists(st.integers(SMALLEST, SMALLEST + 50), max_size=3).flatmap(
    lambda sizes: st.integers(1, 50).map(lambda last: [b"\r\n0;x" * (size // 5) for size in [*sizes, last * 5]])
)


@given(chunk_lists, st.integers(1, 9000), st.booleans())
def test_signed_bodies_in_any_split(chunks: list[bytes], step: int, trailing: bool) -> None:
    chunks = [chunk.ljust(SMALLEST, b"!") if at < len(chunks) - 1 else chunk for at, chunk in enumerate(chunks)]
    payload = b"".join(chunks)
    trailers = {CHECKSUM: base64.b64encode(hashlib.sha256(payload).digest()).decode()} if trailing else {}
    body = signed_body(chunks, trailers)
    kind = SIGNED_TRAILER if trailing else SIGNED
    assert decode(kind, body, len(payload), ",".join(trailers), step=step) == (payload, trailers)


@given(st.binary(max_size=30000), st.integers(SMALLEST, 20000), st.integers(1, 9000))
def test_unsigned_bodies_of_botocore(payload: bytes, chunk: int, step: int) -> None:
    body = AwsChunkedWrapper(io.BytesIO(payload), Sha256Checksum, CHECKSUM, chunk).read()
    trailers = {CHECKSUM: base64.b64encode(hashlib.sha256(payload).digest()).decode()}
    assert decode(UNSIGNED_TRAILER, body, len(payload), CHECKSUM, step=step) == (payload, trailers)


@given(st.data())
def test_a_changed_body_is_refused(data: st.DataObject) -> None:
    body = bytearray(signed_body([b"x" * SMALLEST, b"yz"], {CHECKSUM: "AAAA"}))
    at = data.draw(st.integers(0, len(body) - 5))
    body[at] ^= data.draw(st.sampled_from([1, 2, 4, 64]))
    code, _ = failure(SIGNED_TRAILER, bytes(body), SMALLEST + 2, CHECKSUM)
    assert code in {"SignatureDoesNotMatch", "IncompleteBody", "MalformedTrailerError", "InvalidChunkSizeError"}


@given(st.integers(0, 8500))
def test_a_truncated_body_is_refused(length: int) -> None:
    body = signed_body([b"x" * SMALLEST, b"yz"], {CHECKSUM: "AAAA"})
    code, _ = failure(SIGNED_TRAILER, body[: min(length, len(body) - 6)], SMALLEST + 2, CHECKSUM)
    assert code in {"SignatureDoesNotMatch", "IncompleteBody", "MalformedTrailerError"}


def test_chunks_out_of_order_are_refused() -> None:
    one, two = (bytes([letter]) * SMALLEST for letter in b"ab")
    body = signed_body([one, two])
    end = body.index(b"2000;", 10)
    size = end
    swapped = body[end : end + size] + body[:end] + body[end + size :]
    assert failure(SIGNED, swapped, 2 * SMALLEST)[0] == "SignatureDoesNotMatch"


def test_unsigned_bytes_do_not_pass_for_signed_ones() -> None:
    assert failure(SIGNED, b"3\r\nabc\r\n0\r\n\r\n", 3)[0] == "SignatureDoesNotMatch"
    body = signed_body([b"abc"], {CHECKSUM: "AAAA"})
    without = body[: body.index(b"x-amz-trailer-signature")] + b"\r\n"
    assert failure(SIGNED_TRAILER, without, 3, CHECKSUM)[0] == "SignatureDoesNotMatch"
    with pytest.raises(AWSError, match="Access Denied"):
        Decoder(None, "", Request("PUT", "/", headers={"x-amz-content-sha256": SIGNED}), Memory())


@pytest.mark.parametrize(
    ("body", "length", "code", "words"),
    [
        (b"3\r\nabc\r\n0\r\nx-amz-checksum-sha256:A\r\n\r\n", 4, "IncompleteBody", "did not provide the number"),
        (b"3\r\nabc\r\n0\r\nx-amz-checksum-sha256:A\r\n\r\n", 2, "IncompleteBody", "did not provide the number"),
        (b"3\r\nabc\r\n1\r\nd\r\n0\r\nx-amz-checksum-sha256:A\r\n\r\n", 4, "InvalidChunkSizeError", "less than 8192"),
        (b"3\r\nabcd\r\n0\r\n", 3, "IncompleteBody", "terminated"),
        (b"x\r\nabc\r\n", 3, "IncompleteBody", "terminated"),
        (b"-3\r\nabc\r\n", 3, "IncompleteBody", "terminated"),
        (b"0x3\r\nabc\r\n", 3, "IncompleteBody", "terminated"),
        (b"ffffffffffffffff\r\nabc\r\n", 3, "IncompleteBody", "did not provide the number"),
        (b"3" * 5000, 3, "IncompleteBody", "terminated"),
        (b"3\r\nabc\r\n0\r\n\r\n", 3, "MalformedTrailerError", "well-formed"),
        (b"3\r\nabc\r\n0\r\nx-amz-checksum-md5:A\r\n\r\n", 3, "MalformedTrailerError", "well-formed"),
        (b"3\r\nabc\r\n0\r\nno colon\r\n\r\n", 3, "MalformedTrailerError", "well-formed"),
        (b"3\r\nabc\r\n0\r\nx-amz-checksum-sha256:A\r\n\r\nmore\r\n", 3, "IncompleteBody", "terminated"),
    ],
)
def test_malformed_bodies(body: bytes, length: int, code: str, words: str) -> None:
    got, message = failure(UNSIGNED_TRAILER, body, length, CHECKSUM)
    assert got == code
    assert words in message


def test_last_lines_as_clients_differ() -> None:
    for end in (
        b"0\r\nx-amz-checksum-sha256: A",
        b"0\r\n\r\nx-amz-checksum-sha256:A\r\n\r\n",
        b"0\nX-Amz-Checksum-SHA256:A\n",
    ):
        assert decode(UNSIGNED_TRAILER, b"3\r\nabc\r\n" + end, 3, "X-Amz-Checksum-SHA256") == (b"abc", {CHECKSUM: "A"})


def test_the_length_must_be_said() -> None:
    for length, code in (("", "MissingContentLength"), ("many", "InvalidArgument")):
        with pytest.raises(AWSError) as raised:
            decoder(SIGNED, 0, **{"x-amz-decoded-content-length": length})
        assert raised.value.code("s3") == code


def test_what_we_do_not_have_is_named() -> None:
    with pytest.raises(AWSError, match="STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"):
        decoder("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", 0)


def test_the_sink_behind_hears_of_the_end() -> None:
    made, sink = decoder(UNSIGNED_TRAILER, 0, CHECKSUM)
    made.trailers({CHECKSUM: "A"})
    made.abort()
    assert (sink.said, sink.aborted) == ({CHECKSUM: "A"}, 1)


def test_decoding_costs_little_beside_the_hash() -> None:
    """64 MiB in pieces of 64 KiB that never begin where a chunk does."""
    chunk = bytes(1 << 20)
    body = signed_body([chunk] * 64)
    pieces = [body[at : at + 65536] for at in range(0, len(body), 65536)]

    class Nowhere(Memory):
        def write(self, chunks: Iterable[bytes]) -> None:
            for _ in chunks:
                pass

    request = Request("PUT", "/", headers={"x-amz-decoded-content-length": str(64 << 20)})
    made = Decoder(signature(SIGNED), SECRET, request, Nowhere())
    started = time.process_time()
    for piece in pieces:
        made.write((piece,))
    made.finish()
    spent = time.process_time() - started
    started = time.process_time()
    for _ in range(64):
        hashlib.sha256(chunk).digest()
    hashing = time.process_time() - started
    assert spent < 2 * hashing + 0.1  # on an idle machine 1.05 times
