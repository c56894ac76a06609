"""Images as somebody would push them, made by Python alone: layers are tar archives, an image is a list of them."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

from clary.images.registry import Layer, Pushed

TAR = "application/vnd.oci.image.layer.v1.tar"


def entry(name: str, content: bytes | str | None = b"", **given: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A file; without content a folder. `given` are TarInfo's: type, linkname, mode, uid, ..."""
    found = tarfile.TarInfo(name)
    data = content.encode() if isinstance(content, str) else content or b""
    found.mode, found.size = (0o755 if content is None else 0o644), len(data)
    found.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    for member, value in given.items():
        setattr(found, member, value)
    return found, data


def link(name: str, target: str, *, hard: bool = False) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, b"", type=tarfile.LNKTYPE if hard else tarfile.SYMTYPE, linkname=target)


def archive(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as packed:
        for member, data in entries:
            packed.addfile(member, io.BytesIO(data))
    return made.getvalue()


def layer(folder: Path, data: bytes, *, compressed: bool = True) -> Layer:
    data = gzip.compress(data, 1, mtime=0) if compressed else data
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    path = folder / digest.partition(":")[2]
    path.write_bytes(data)
    return Layer(digest, TAR + ("+gzip" if compressed else ""), len(data), path)


def packed(tree: Path) -> bytes:
    """A tree of this machine as a layer, all of it root's, the same whenever it is made."""
    made = io.BytesIO()

    def of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.add(tree, ".", filter=of_root)
    return made.getvalue()


def pushed(*layers: Layer, **config: Any) -> Pushed:
    digest = hashlib.sha256(repr([one.digest for one in layers]).encode()).hexdigest()
    return Pushed("123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1", f"sha256:{digest}", {"config": config}, layers)
