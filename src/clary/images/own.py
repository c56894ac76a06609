"""An image that a user pushed, unpacked: its file tree and what its configuration says of it.

https://github.com/opencontainers/image-spec/blob/main/config.md
"""

import posixpath
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clary.compute.driver import Launch
from clary.images.environment import What
from clary.images.pip import sources

DEFAULT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


@dataclass(frozen=True, slots=True)
class Own:
    uri: str
    digest: str
    root: Path
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = ""

    @property
    def builtin(self) -> bool:
        return False

    def command(self, what: What) -> tuple[str, ...]:
        """`docker run <image> train`, `docker run <image> serve`, `docker run <image>`:
        https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-dockerfile.html,
        https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html,
        https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
        """
        return (*self.entrypoint, *self.cmd) if what == "process" else (*self.entrypoint, what)

    def launch(self, launch: Launch, upper: str) -> Launch:
        """pip is told what this machine's own pip is told, unless the image says otherwise."""
        return replace(
            launch,
            env={**DEFAULT, **sources().env, **self.env, **launch.env},
            mounts=(*sources().mounts, *launch.mounts),
            cwd=self.workdir,
            root=str(self.root),
            root_upper=upper,
            user=self.user,
        )


def own(uri: str, digest: str, root: Path, config: dict[str, Any]) -> Own:
    """`config`: the image's whole configuration, as it was pushed, which may be anything."""
    told = found if isinstance(found := config.get("config"), dict) else {}
    pairs = [line.partition("=") for line in _words(told, "Env")]
    return Own(
        uri,
        digest,
        root,
        _words(told, "Entrypoint"),
        _words(told, "Cmd"),
        {name: value for name, _, value in pairs if name},
        posixpath.normpath("/" + str(told.get("WorkingDir") or "").strip("/")),
        str(told.get("User") or ""),
    )


def _words(told: dict[str, Any], member: str) -> tuple[str, ...]:
    found = told.get(member) or []
    return tuple(str(word) for word in found) if isinstance(found, list) else ()
