"""The way of a body into a blob: written and hashed while it arrives, checked and made durable at its end."""

from collections.abc import Iterable, Mapping

from clary.errors import AWSError
from clary.services.s3 import checksums
from clary.services.s3.blobs import Writer
from clary.services.s3.state import RESERVE, S3, disk_full, space

SMALL = 256 << 10  # bytes: a body up to here waits in memory and becomes a blob in one go, where its request ends
LARGEST = (
    5 << 30
)  # bytes of one PutObject or UploadPart: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html


class Intake:
    """A Sink. `finish` gives the body over: `blob`, `size`, `etag` and `checksum` hold from then on."""

    most = LARGEST  # bytes

    def __init__(
        self,
        state: S3,
        headers: Mapping[str, str],
        expected: int = -1,
        algorithm: str = "",
        place: Writer | None = None,
    ) -> None:
        """`expected` bytes, -1 where nobody knows. `algorithm`: of the checksum to keep, if not the client's or the
        default. `place`: where to write, if not into a blob of its own. Raises what is wrong with the headers.
        """
        self.claim = checksums.claim(headers)
        self.algorithm = algorithm or (self.claim.algorithm if self.claim else checksums.DEFAULT)
        self._state = state
        self._content_md5 = checksums.content_md5(headers)
        claimed = headers.get("x-amz-content-sha256", "")
        self._sha256 = claimed.lower() if len(claimed) == 64 else ""
        self._hashes: dict[str, checksums.Hash] = {}
        self._small: list[bytes] = []
        self._writer = place
        self.expected = expected
        self.size = 0
        self.blob = place.blob if place else 0
        self.etag = ""
        self.checksum = ""
        if self.expected > self.most:
            raise too_large(self.expected)
        if self.expected > SMALL and self.expected > state.blobs.free() - RESERVE:
            raise disk_full()

    def write(self, chunks: Iterable[bytes]) -> None:
        pieces = [chunk for chunk in chunks if chunk]
        self.size += sum(map(len, pieces))
        if self.size > self.most:
            raise too_large(self.size)
        if 0 <= self.expected < self.size:
            raise incomplete()  # before it runs over its place
        if self._writer is None and self.size <= SMALL:
            self._small += pieces
            return
        with space():
            if self._writer is None:
                self._writer = self._state.blobs.create()
                pieces, self._small = self._small + pieces, []
            self._writer.write(pieces)
        if not self._hashes:
            self._hashes = self._new_hashes()
        for made in self._hashes.values():
            for piece in pieces:
                made.update(piece)

    def trailers(self, trailers: dict[str, str]) -> None:
        if self.claim is not None and self.claim.trailing:
            name = self.claim.algorithm
            self.claim.value = checksums.valid(name, trailers.get(f"x-amz-checksum-{name.lower()}", ""))

    def finish(self) -> None:
        """The body is whole: checks it against all that was claimed, and makes it durable. Raises BadDigest,
        XAmzContentSHA256Mismatch, InvalidRequest and IncompleteBody, after which nothing of it remains.
        """
        try:
            with space():
                self._finish()
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        self._small = []
        if self._writer is not None:
            self._writer.abort()
        elif self.blob:
            self._state.blobs.delete([self.blob])
        self.blob, self._writer = 0, None

    def take(self) -> int:
        """The blob, whose fate is the caller's from now on: `abort` has no power over it any more."""
        blob, self.blob, self._writer = self.blob, 0, None
        return blob

    def _new_hashes(self) -> dict[str, checksums.Hash]:
        return {name: checksums.NEW[name]() for name in self._names()}

    def _names(self) -> set[str]:
        names = {"MD5", self.algorithm}
        if self._sha256:
            names.add("SHA256")
        if self.claim is not None:
            names.add(self.claim.algorithm)
        return names

    def _finish(self) -> None:
        if self.expected >= 0 and self.size != self.expected:
            raise incomplete()
        if self._writer is None:
            data = self._small[0] if len(self._small) == 1 else b"".join(self._small)
            self._verify({name: checksums.digest(name, data) for name in self._names()})
            if data:
                self.blob = self._state.blobs.put(data)
            self._small = []
            return
        if self._small or not self._hashes:
            pieces, self._small = self._small, []
            self._writer.write(pieces)
            self._hashes = self._new_hashes()
            for made in self._hashes.values():
                for piece in pieces:
                    made.update(piece)
        self._verify({name: made.digest() for name, made in self._hashes.items()})
        self._writer.finish()
        self.blob = self._writer.blob

    def _verify(self, digests: dict[str, bytes]) -> None:
        if self._sha256 and digests["SHA256"].hex() != self._sha256:
            raise AWSError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                400,
                ClientComputedContentSHA256=self._sha256,
                S3ComputedContentSHA256=digests["SHA256"].hex(),
            )
        if self._content_md5 and digests["MD5"] != self._content_md5:
            raise checksums.md5_differs(self._content_md5, digests["MD5"])
        self.checksum = checksums.base64_of(digests[self.algorithm])
        if self.claim is not None and self.claim.value != checksums.base64_of(digests[self.claim.algorithm]):
            raise checksums.differs(self.claim.algorithm)
        self.etag = digests["MD5"].hex()


def length(headers: Mapping[str, str]) -> int:
    """Of the body without the framing of aws-chunked; -1 where nobody says. Raises MissingContentLength."""
    text = headers.get("x-amz-decoded-content-length") or headers.get("content-length", "")
    if text.isdecimal():
        return number(text)
    if "transfer-encoding" in headers:
        raise AWSError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    return -1


def number(digits: str) -> int:
    """Of a header that has as many digits as its client likes: beyond all sizes, one is as good as another."""
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) < 19 else 10**18


def incomplete() -> AWSError:
    return AWSError(
        "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header", 400
    )


def too_large(size: int) -> AWSError:
    return AWSError(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        400,
        ProposedSize=str(size),
        MaxSizeAllowed=str(LARGEST),
    )
