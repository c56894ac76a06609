"""Manifests: what images are made of, and lists of images.

https://github.com/opencontainers/image-spec/blob/main/manifest.md
https://github.com/opencontainers/image-spec/blob/main/image-index.md
"""

from dataclasses import dataclass
from typing import Any

import orjson

from clary.services.ecr import digests
from clary.services.ecr.digests import DIGEST

LARGEST = 4 << 20  # bytes: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
MOST = 1 << 53  # bytes that anything may be said to have
OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
SINGLE, LISTS = (OCI, DOCKER), (OCI_INDEX, DOCKER_LIST)


class Unfit(Exception):
    """It is no manifest that this registry takes; the message says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    digest: str
    media: str
    raw: bytes
    layers: tuple[str, ...]  # digests of the config and the layers, none twice
    images: tuple[str, ...]  # of a list
    size: int  # bytes of config and layers, as they say
    artifact: str
    subject: str

    @property
    def uses(self) -> tuple[str, ...]:
        return self.layers + self.images


def read(raw: bytes, media: str = "", digest: str = "") -> Manifest:
    """`media` and `digest` are what its bringer calls it, "" if nothing; it gets a digest of the same algorithm. Raises
    Unfit.
    """
    if len(raw) > LARGEST:
        raise Unfit(f"A manifest has {LARGEST} bytes at most")
    try:
        document = orjson.loads(raw)
        said = media.partition(";")[0].strip()
        return _read(raw, document, "" if said == "application/json" else said, digest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unfit(f"Invalid image manifest: {type(error).__name__} {error}") from error


def _read(raw: bytes, document: dict[str, Any], said: str, like: str) -> Manifest:
    media = document.get("mediaType") or said or (OCI_INDEX if "manifests" in document else OCI)
    if said not in {"", media}:
        raise Unfit(f"The manifest's mediaType is {media}, and not {said}")
    if media not in SINGLE + LISTS or document["schemaVersion"] != 2:
        raise Unfit(f"Manifests of the type {media} and schema {document.get('schemaVersion')} are not supported")
    subject = document["subject"]["digest"] if document.get("subject") else ""
    parts, layers, images = [], [], []
    if media in LISTS:
        images = [each["digest"] for each in document["manifests"]]
        if not all(isinstance(each.get("platform") or {}, dict) for each in document["manifests"]):
            raise Unfit("A platform is an object")
    else:
        parts = [document["config"], *document["layers"]]
        # What has URLs lies elsewhere: the base layers of Windows.
        layers = [each["digest"] for each in parts if not each.get("urls")]
    if not all(isinstance(each["mediaType"], str) and 0 <= each["size"] < MOST for each in parts):
        raise Unfit("A descriptor has a mediaType and a size")
    for digest in (*layers, *images, *([subject] if subject else ())):
        if not DIGEST.fullmatch(digest):
            raise Unfit(f"{str(digest)[:100]} is no digest")
    return Manifest(
        digest=digests.of(raw, like),
        media=media,
        raw=raw,
        layers=tuple(dict.fromkeys(layers)),
        images=tuple(dict.fromkeys(images)),
        size=min(sum(int(each["size"]) for each in parts), MOST),
        artifact=str(document.get("artifactType") or (parts[0]["mediaType"] if parts else "")),
        subject=subject,
    )
