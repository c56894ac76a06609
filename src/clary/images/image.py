"""What an image URI means: which libraries, which Python, which code. An image is data: `<folder>/image.toml`.

The account and the region of a URI are ignored; the repository and the tag decide. A tag means what it means on AWS:
the versions are those of the public container repositories, which each tag's `source` names.
https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clary.errors import ClaryError

FOLDER = Path(__file__).resolve().parent
# Account, region, repository and tag; whoever pulls by hand leaves the registry out.
_URI = re.compile(
    r"(?:[^/]+\.dkr\.ecr[^/]*/|[^/:]+(?:\.|:\d)[^/]*/)?(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?P<digest>@.+)?"
)
# The processor and the language that the SDKs append to a framework's version: 1.2-1-cpu-py3.
_SUFFIX = re.compile(r"(-(cpu|gpu))?(-py3)?$")


class UnknownImage(ClaryError):
    """There is no such image."""


@dataclass(frozen=True, slots=True)
class Image:
    """`metrics` are (name, regular expression), as in AlgorithmSpecification.MetricDefinitions. `code` is the folder
    with the image's own code, for /opt/clary/<its name>. `notice` is what a job's log says when it differs from AWS's.
    """

    name: str
    repository: str
    tag: str
    library: str  # what it is known for, with its version: xgboost 1.7.4
    python: str  # 3.11
    requirements: tuple[str, ...]
    source: str
    code: Path
    metrics: tuple[tuple[str, str], ...] = ()
    gpu: tuple[str, ...] = ()  # packages that only a GPU needs
    startup: str = ""  # a line that its Python runs first
    notice: str = ""

    @property
    def reference(self) -> str:
        return f"{self.repository}:{self.tag}"

    @property
    def lock(self) -> Path:
        """Every package of the environment with its version and hashes, for pip and uv."""
        return self.code / "locks" / f"{self.tag}.txt"

    @property
    def algorithm(self) -> bool:
        """Whether it trains without a script of the user's."""
        return (self.code / "algorithm.py").exists()


def resolve(uri: str) -> Image:
    """Raises UnknownImage, which says what there is."""
    found = _URI.fullmatch(uri.strip())
    there = {image.reference: image for image in images()}
    if found and not found["digest"]:
        tag = found["tag"] or "latest"
        for wanted in (tag, _SUFFIX.sub("", tag)):
            if image := there.get(f"{found['repository']}:{wanted}"):
                return image
    raise UnknownImage(f"There is no image {uri}. There are {', '.join(there)}.")


@cache
def images() -> tuple[Image, ...]:
    """All of them, a tag each, the newest of each image last."""
    return tuple(image for file in sorted(FOLDER.glob("*/image.toml")) for image in _read(file))


def _read(file: Path) -> list[Image]:
    told = tomllib.loads(file.read_text())
    metrics = tuple((metric["Name"], metric["Regex"]) for metric in told.get("metrics", []))
    return [
        Image(
            name=told["name"],
            repository=tag.get("repository", told["repository"]),
            tag=name,
            library=tag["library"],
            python=tag["python"],
            requirements=(*told.get("requirements", []), *tag["requirements"]),
            source=tag["source"],
            code=file.parent,
            metrics=metrics,
            gpu=tuple(told.get("gpu", [])),
            startup=tag.get("startup", ""),
            notice=tag.get("notice", ""),
        )
        for name, tag in told["tags"].items()
    ]
