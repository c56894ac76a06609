"""Digests: what layers and manifests are called by.
https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
"""

import hashlib
import re

PATTERN = "(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})"
DIGEST = re.compile(PATTERN)
USUAL = "sha256"


def of(data: bytes, like: str = "") -> str:
    """By the algorithm of the digest `like`, or the usual one."""
    algorithm = algorithm_of(like)
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def algorithm_of(digest: str) -> str:
    return digest.partition(":")[0] or USUAL
