"""Checksums of bodies: which one a request speaks of, what it is, and what S3 says where the two differ.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol

from clary.errors import AWSError

DEFAULT = "CRC64NVME"  # what S3 computes when nobody says
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html: which may be which
Kind = Literal["FULL_OBJECT", "COMPOSITE"]
KINDS: dict[str, tuple[Kind, ...]] = {  # the first is the default
    "CRC64NVME": ("FULL_OBJECT",),
    "CRC32": ("COMPOSITE", "FULL_OBJECT"),
    "CRC32C": ("COMPOSITE", "FULL_OBJECT"),
}


@cache
def crt() -> Any:
    """AWS's own implementation, loaded when it is first asked for: it takes 50 ms."""
    from awscrt import checksums  # noqa: PLC0415 - see above

    return checksums


class Hash(Protocol):
    def update(self, data: Any, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    def __init__(self, function: Callable[[Any, int], int], width: int) -> None:
        self._function, self._width, self._value = function, width, 0

    def update(self, data: Any, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


class _XXHash:
    def __init__(self, hash_: Any) -> None:
        self._hash = hash_

    def update(self, data: Any, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return bytes(self._hash.finalize())


def md5() -> Hash:
    return hashlib.md5(usedforsecurity=False)


NEW: dict[str, Callable[[], Hash]] = {
    "CRC32": lambda: _Crc(crt().crc32, 4),
    "CRC32C": lambda: _Crc(crt().crc32c, 4),
    "CRC64NVME": lambda: _Crc(crt().crc64nvme, 8),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": md5,
    "XXHASH64": lambda: _XXHash(crt().XXHash.new_xxhash64()),
    "XXHASH3": lambda: _XXHash(crt().XXHash.new_xxhash3_64()),
    "XXHASH128": lambda: _XXHash(crt().XXHash.new_xxhash3_128()),
}
SIZES = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64, "MD5": 16} | {
    "XXHASH64": 8,
    "XXHASH3": 8,
    "XXHASH128": 16,
}
HEADER = {f"x-amz-checksum-{name.lower()}": name for name in NEW}


@dataclass(slots=True)
class Claim:
    """What the client says of its body. `value` is base64, "" while it is still to come in the trailer."""

    algorithm: str
    value: str = ""
    trailing: bool = False


def claim(headers: Mapping[str, str]) -> Claim | None:
    """The checksum that the headers speak of. Raises InvalidRequest."""
    found = [(name, headers[header]) for header, name in HEADER.items() if header in headers]
    trailers = [part.strip().lower() for part in headers.get("x-amz-trailer", "").split(",") if part.strip()]
    if trailers and not all(name in HEADER for name in trailers):
        raise AWSError("InvalidRequest", "The value specified in the x-amz-trailer header is not supported", 400)
    if len(found) + len(trailers) > 1:
        raise AWSError(
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            400,
        )
    if trailers:
        return Claim(HEADER[trailers[0]], trailing=True)
    if found:
        return Claim(found[0][0], valid(*found[0]))
    if "x-amz-sdk-checksum-algorithm" in headers:
        raise AWSError(
            "InvalidRequest",
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers "
            "were found.",
            400,
        )
    return None


def valid(algorithm: str, value: str) -> str:
    """The value, if it can be one of this algorithm. Raises InvalidRequest."""
    if len(_decoded(value)) != SIZES[algorithm]:
        raise AWSError("InvalidRequest", f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.", 400)
    return value


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""


def base64_of(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def content_md5(headers: Mapping[str, str]) -> bytes:
    """What Content-MD5 says, b"" if nothing. Raises InvalidDigest."""
    value = headers.get("content-md5")
    if value is None:
        return b""
    if len(digest := _decoded(value)) != 16:
        raise AWSError("InvalidDigest", "The Content-MD5 you specified was invalid.", 400)
    return digest


def differs(algorithm: str) -> AWSError:
    return AWSError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.", 400)


def md5_differs(claimed: bytes, computed: bytes) -> AWSError:
    return AWSError(
        "BadDigest",
        "The Content-MD5 you specified did not match what we received.",
        400,
        ExpectedDigest=base64_of(claimed),
        CalculatedDigest=base64_of(computed),
    )


def check(headers: Mapping[str, str], body: bytes) -> bool:
    """Of a body in memory: whether it came with a digest. Raises BadDigest, InvalidDigest and InvalidRequest."""
    if claimed := content_md5(headers):
        computed = digest("MD5", body)
        if computed != claimed:
            raise md5_differs(claimed, computed)
    said = claim(headers)
    if said is not None and said.value != of(said.algorithm, body):
        raise differs(said.algorithm)
    return bool(claimed) or said is not None


def digest(algorithm: str, body: bytes) -> bytes:
    made = NEW[algorithm]()
    made.update(body)
    return made.digest()


def of(algorithm: str, body: bytes) -> str:
    return base64_of(digest(algorithm, body))


def whole(algorithm: str, parts: Iterable[tuple[str, int]]) -> str:
    """The checksum of the parts one behind the other, of their checksums and sizes."""
    combine: Callable[[int, int, int], int] = getattr(crt(), f"combine_{algorithm.lower()}")
    width, value = SIZES[algorithm], 0
    for text, size in parts:
        value = combine(value, int.from_bytes(_decoded(text), "big"), size)
    return base64_of(value.to_bytes(width, "big"))


def composite(algorithm: str, parts: list[str]) -> str:
    """The checksum of the parts' checksums, and how many there are."""
    return f"{of(algorithm, b''.join(map(_decoded, parts)))}-{len(parts)}"
