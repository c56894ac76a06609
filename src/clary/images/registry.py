"""A registry of images that users pushed, as those see it who run them. `services/ecr/inside.py` is one.

Its files are the registry's own: who runs an image reads them, and must keep a handle, a link or a copy of what it goes
on needing, since an image may be deleted while it is being unpacked.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from clary.images.image import UnknownImage


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as it was pushed: a tar file, most often compressed, as `media_type` says."""

    digest: str  # of the file, as in the manifest: sha256:…
    media_type: str
    size: int  # bytes of the file
    path: Path


@dataclass(frozen=True, slots=True)
class Pushed:
    """An image that somebody pushed, for this machine's platform."""

    uri: str  # as it was asked for
    digest: str  # of the image's manifest; where the uri named an index, that of the one for linux/amd64
    config: dict[str, Any]  # https://github.com/opencontainers/image-spec/blob/main/config.md
    layers: tuple[Layer, ...]  # the lowest first


class Untagged(UnknownImage):
    """There is the repository, and no image of this tag or digest in it."""

    def __init__(self, uri: str, tag: str | None, digest: str | None) -> None:
        super().__init__(f"There is no image {uri}")
        self.tag, self.digest = tag, digest


class Registry(Protocol):
    def find(self, role_arn: str, region: str, uri: str) -> Pushed | None:
        """The image that the uri names, by tag or digest, as the role may have it (ecr:BatchGetImage and
        ecr:GetDownloadUrlForLayer on the repository); None if it names no repository of this registry.
        `region` is the asker's: a uri that names none of its own is of that one.

        Raises Untagged; AccessDenied if the role may not or is gone, and AWSError for an image that cannot run here,
        such as one for another platform.
        """
