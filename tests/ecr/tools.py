"""What the tests of the registry share: a client of the distribution API, and images of a few bytes."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import uuid
from dataclasses import dataclass, field
from typing import Any

import plain_http

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def unique(prefix: str = "r") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def layer_of(**files: str) -> bytes:
    """A layer with these files."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(raw.getvalue(), mtime=0)


@dataclass(frozen=True)
class Image:
    """What an image consists of."""

    layers: tuple[bytes, ...]
    architecture: str = "amd64"
    extra: dict[str, Any] = field(default_factory=dict)  # members of the manifest

    @property
    def config(self) -> bytes:
        config = {"architecture": self.architecture, "os": "linux", "config": {"Cmd": ["/bin/true"]}}
        diffs = [digest_of(gzip.decompress(layer)) for layer in self.layers]
        return json.dumps(config | {"rootfs": {"type": "layers", "diff_ids": diffs}}).encode()

    @property
    def manifest(self) -> bytes:
        document = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": described(self.config, CONFIG),
            "layers": [described(layer, LAYER) for layer in self.layers],
        }
        return json.dumps(document | self.extra).encode()

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)


def image(*marks: str, architecture: str = "amd64", **extra: Any) -> Image:
    """A layer for each mark; no two tests have the same unless they want to."""
    marks = marks or (uuid.uuid4().hex,)
    return Image(tuple(layer_of(**{f"file-{mark}": mark}) for mark in marks), architecture, extra)


def described(data: bytes, media: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media, "digest": digest_of(data), "size": len(data), **more}


def index(*images: Image) -> bytes:
    listed = [
        described(each.manifest, OCI, platform={"os": "linux", "architecture": each.architecture}) for each in images
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()


class Answer(plain_http.Answer):
    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.json["errors"][0]["code"]


class Door:
    """The distribution API as a client sees it that has logged in."""

    def __init__(self, platform: Any, *, keys: tuple[str, ...] | None = None, region: str = "us-west-2") -> None:
        self.platform = platform
        self.ecr = platform.client("ecr", keys=keys, region=region)
        (given,) = self.ecr.get_authorization_token()["authorizationData"]
        self.token: str = given["authorizationToken"]
        self.host: str = given["proxyEndpoint"].removeprefix("http://")

    def __call__(self, method: str, path: str, body: Any = None, *, anonymous: bool = False, **headers: str) -> Answer:
        """Header names with `_` for `-`."""
        sent = {"Host": self.host, "Authorization": f"Basic {self.token}"}
        if anonymous:
            del sent["Authorization"]
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(*plain_http.send(self.platform.port, method, path, body, sent))

    def repository(self, **given: Any) -> str:
        name = unique()
        self.ecr.create_repository(repositoryName=name, **given)
        return name

    def bring(self, repository: str, data: bytes) -> str:
        """A blob in one request."""
        digest = digest_of(data)
        answer = self("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", data)
        assert answer.status == 201, answer
        return digest

    def push(self, repository: str, pushed: Image, tag: str = "") -> str:
        for blob in (*pushed.layers, pushed.config):
            self.bring(repository, blob)
        answer = self("PUT", f"/v2/{repository}/manifests/{tag or pushed.digest}", pushed.manifest, Content_Type=OCI)
        assert answer.status == 201, answer
        return pushed.digest


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
