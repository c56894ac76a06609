"""aws-chunked bodies: uploads in chunks that carry a signature each, or trailers, or both.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Literal

from clary.errors import AccessDenied, AWSError, Invalid, NotImplementedHere, SignatureMismatch
from clary.wire.canonical import trimmed
from clary.wire.message import Request, Sink
from clary.wire.sigv4 import ALGORITHM, Signature, sign

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SMALLEST = 8192  # bytes of a chunk, but for the last
LINE_LIMIT = 4096  # bytes of a chunk's first line, and of a trailer
TRAILER_LIMIT = 16  # trailers; AWS has one checksum

_EMPTY = hashlib.sha256().hexdigest()
_HEAD = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
_TRAILER = re.compile(r"([a-z0-9-]+):(.*)", re.IGNORECASE)


class Decoder:
    """A sink for the body as it was sent, which hands the payload on to `sink`, piece by piece as it arrives.

    A chunk's signature comes to light at its end, so `sink` has already got bytes when it proves wrong: what it holds
    counts only once `finish` has returned. Every method may raise AWSError of S3's codes.
    """

    def __init__(self, signature: Signature | None, secret: str, request: Request, sink: Sink) -> None:
        """`signature` is the request's own, verified; None for one that is anonymous, whose chunks cannot be signed."""
        self._signature = signature
        self._secret = secret
        self._sink = sink
        claimed = signature.payload_hash if signature else request.headers.get("x-amz-content-sha256", "")
        if claimed not in {SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER}:
            raise NotImplementedHere(f"Clary does not have the payload encoding {claimed}.")
        self._signed = claimed != UNSIGNED_TRAILER
        if self._signed and signature is None:
            raise AccessDenied
        self._previous = signature.signature if signature else ""
        self._expected = _decoded_length(request)
        trailers = request.headers.get("x-amz-trailer", "") if claimed != SIGNED else ""
        self._declared = {name.strip().lower() for name in trailers.split(",") if name.strip()}
        self._trailers: dict[str, str] = {}
        self._trailer_signature = ""
        self._state: Literal["head", "data", "end of chunk", "trailers", "done"] = "head"
        self._line = bytearray()
        self._hash = hashlib.sha256()
        self._chunk_signature = ""
        self._number = 0  # of the chunk
        self._size = 0  # bytes of the chunk
        self._left = 0  # of which still to come
        self._total = 0

    def write(self, chunks: Iterable[bytes]) -> None:
        payload: list[bytes] = []
        for piece in chunks:
            self._feed(piece, payload)
        if payload:
            self._sink.write(payload)

    def trailers(self, trailers: dict[str, str]) -> None:
        self._sink.trailers(trailers)

    def abort(self) -> None:
        self._sink.abort()

    def finish(self) -> dict[str, str]:
        """The body has come whole: checks what only its end shows, and returns the trailers, names in lower case."""
        if self._state == "trailers" and self._line:
            self._end_line()
        if self._state == "trailers":  # some clients leave out the last empty line
            self._end_trailers()
        if self._state != "done" or self._total != self._expected:
            raise _incomplete()
        return self._trailers

    def _feed(self, piece: bytes, payload: list[bytes]) -> None:
        start, end = 0, len(piece)
        while start < end:
            if self._left:
                stop = min(start + self._left, end)
                part = piece[start:stop]  # no copy where it is all of the piece
                if self._signed:
                    self._hash.update(part)
                payload.append(part)
                self._left -= stop - start
                start = stop
                if not self._left:
                    self._end_chunk()
                continue
            newline = piece.find(b"\n", start, start + LINE_LIMIT)
            stop = newline if newline >= 0 else end
            if len(self._line) + stop - start > LINE_LIMIT:
                raise _malformed()
            self._line += piece[start:stop]
            start = stop + 1
            if newline >= 0:
                self._end_line()

    def _end_line(self) -> None:
        line = bytes(self._line.removesuffix(b"\r"))
        self._line.clear()
        if self._state == "head":
            self._begin_chunk(line)
        elif self._state == "end of chunk":
            if line:
                raise _malformed()
            self._state = "head"
        elif self._state == "trailers":
            self._read_trailer(line)
        else:
            raise _malformed()

    def _begin_chunk(self, line: bytes) -> None:
        match = _HEAD.fullmatch(line)
        if match is None:
            raise _malformed()
        size = int(match[1], 16)
        if size and self._number and self._size < SMALLEST:
            raise AWSError(
                "InvalidChunkSizeError",
                "Only the last chunk is allowed to have a size less than 8192 bytes",
                403,
                Chunk=str(self._number),
                BadChunkSize=str(self._size),
            )
        self._number += 1
        self._size = self._left = size
        self._total += size
        if self._total > self._expected:
            raise _incomplete()
        self._chunk_signature = (match[2] or b"").decode()
        if size:
            self._state = "data"
        else:
            self._end_chunk()

    def _end_chunk(self) -> None:
        self._state = "end of chunk" if self._size else "trailers"
        if self._signed:
            self._check("PAYLOAD", f"{_EMPTY}\n{self._hash.hexdigest()}", self._chunk_signature)
            self._hash = hashlib.sha256()

    def _read_trailer(self, line: bytes) -> None:
        if not line:
            # Some clients end the last chunk with an empty line, as AWS's page shows it, before the trailers.
            if self._trailers or not self._declared or self._trailer_signature:
                self._end_trailers()
            return
        match = _TRAILER.fullmatch(line.decode("latin-1"))
        if match is None or len(self._trailers) == TRAILER_LIMIT:
            raise _malformed_trailer()
        name, value = match[1].lower(), trimmed(match[2])
        if name == "x-amz-trailer-signature":
            self._trailer_signature = value
        elif name in self._declared and name not in self._trailers:
            self._trailers[name] = value
        else:
            raise _malformed_trailer()

    def _end_trailers(self) -> None:
        if self._trailers.keys() != self._declared:
            raise _malformed_trailer()
        if self._signed and self._declared:
            canonical = "".join(f"{name}:{value}\n" for name, value in self._trailers.items())
            self._check("TRAILER", hashlib.sha256(canonical.encode("latin-1")).hexdigest(), self._trailer_signature)
        self._state = "done"

    def _check(self, kind: str, hashes: str, provided: str) -> None:
        assert self._signature is not None
        signature = self._signature
        text = f"{ALGORITHM}-{kind}\n{signature.timestamp}\n{signature.scope}\n{self._previous}\n{hashes}"
        self._previous = sign(signature, self._secret, text)
        if not hmac.compare_digest(self._previous.encode(), provided.encode()):
            raise SignatureMismatch(
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.",
                AWSAccessKeyId=signature.access_key,
                StringToSign=text,
                SignatureProvided=provided,
            )


def _decoded_length(request: Request) -> int:
    text = request.headers.get("x-amz-decoded-content-length", "")
    if not text:
        raise AWSError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Invalid("x-amz-decoded-content-length must be a number of bytes.")
    return int(text)


def _incomplete() -> AWSError:
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header"
    return AWSError("IncompleteBody", message, 400)


def _malformed() -> AWSError:
    return AWSError("IncompleteBody", "The request body terminated unexpectedly", 400)


def _malformed_trailer() -> AWSError:
    message = "The request contained trailing data that was not well-formed or did not conform to our published schema."
    return AWSError("MalformedTrailerError", message, 400)
