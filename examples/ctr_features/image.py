"""The image of the Dockerfile, made and pushed by Python alone: no Docker, no internet.

python image.py root         lays out root/, for `docker build` or `podman build`
python image.py --push NAME  makes the image, and pushes it as NAME: HOST/REPOSITORY:TAG
"""

import gzip
import hashlib
import io
import json
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3

HERE = Path(__file__).resolve().parent
OCI = "application/vnd.oci.image"  # https://github.com/opencontainers/image-spec/blob/main/media-types.md
ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), "amd64")  # of the programs, which are this machine's
CONFIG = {  # as the Dockerfile says
    "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONUNBUFFERED=1"],
    "Entrypoint": ["python3", "/opt/program/features.py"],
}
UNUSED = (
    "__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip", "*tk*",
    "config-*", "*.a",
)  # fmt: skip


def lay(root: Path) -> None:
    """The Python that runs this as a whole file tree: its program, its library, and what the system's loader brings."""
    program, library = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    place = root / "usr" / "local"
    unused = shutil.ignore_patterns(*UNUSED)
    shutil.copytree(library, place / "lib" / version, ignore=unused, ignore_dangling_symlinks=True)
    (place / "bin").mkdir()
    shutil.copy(program, place / "bin" / version)
    for name in ("python3", "python"):
        (place / "bin" / name).symlink_to(version)
    for needed in _needed([program, *(place / "lib" / version / "lib-dynload").iterdir()]):
        target = root / needed.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(needed, target)  # what a link leads to, by the link's name
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)


def _needed(programs: list[Path]) -> list[Path]:
    """The shared libraries, and the loader itself."""
    told = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    return [Path(found) for found in sorted(set(re.findall(r"(?:=> |^\s)(/\S+) \(0x", told, re.MULTILINE)))]


def layers() -> list[bytes]:
    """Two tar files: Python, and our script. The same files make the same layer: a registry has it already."""
    with tempfile.TemporaryDirectory() as folder:
        lay(Path(folder))
        return [_packed({".": Path(folder)}), _packed({"opt/program/features.py": HERE / "features.py"})]


def _packed(paths: dict[str, Path]) -> bytes:
    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        return member

    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, path in paths.items():
            archive.add(path, name, filter=plain)
    return made.getvalue()


class Registry:
    """Pushes by the OCI distribution API, with what `aws ecr get-login-password` gives.
    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
    """

    def __init__(self) -> None:
        (given,) = boto3.client("ecr").get_authorization_token()["authorizationData"]
        self.url = given["proxyEndpoint"]
        self._basic = f"Basic {given['authorizationToken']}"

    def push(self, name: str, layers: list[bytes], config: dict[str, Any]) -> str:
        """The digest of the image."""
        repository, _, tag = name.partition("/")[2].partition(":")
        packed = [gzip.compress(layer, 1, mtime=0) for layer in layers]
        image = json.dumps(
            {
                "architecture": ARCHITECTURE,
                "os": "linux",
                "config": config,
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": f"{OCI}.manifest.v1+json",
                "config": self._blob(repository, image, f"{OCI}.config.v1+json"),
                "layers": [self._blob(repository, layer, f"{OCI}.layer.v1.tar+gzip") for layer in packed],
            }
        ).encode()
        self._ask("PUT", f"/v2/{repository}/manifests/{tag or 'latest'}", manifest, f"{OCI}.manifest.v1+json")
        return _digest(manifest)

    def _blob(self, repository: str, data: bytes, media: str) -> dict[str, Any]:
        """What the manifest says of it, once the registry has it."""
        digest = _digest(data)
        try:
            self._ask("HEAD", f"/v2/{repository}/blobs/{digest}")
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            where = self._ask("POST", f"/v2/{repository}/blobs/uploads/", b"")
            self._ask("PUT", f"{where}{'&' if '?' in where else '?'}digest={digest}", data, "application/octet-stream")
        return {"mediaType": media, "digest": digest, "size": len(data)}

    def _ask(self, method: str, path: str, body: bytes | None = None, media: str = "") -> str:
        """Where the answer leads."""
        headers = {"Authorization": self._basic, **({"Content-Type": media} if media else {})}
        url = path if path.startswith("http") else self.url + path
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method)) as answer:
            return str(answer.headers.get("Location", ""))


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def push(name: str) -> str:
    return Registry().push(name, layers(), CONFIG)


if __name__ == "__main__":
    if sys.argv[1] == "--push":
        print(push(sys.argv[2]))
    else:
        lay(Path(sys.argv[1]))
