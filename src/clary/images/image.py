"""What an image URI means: which libraries, which Python, which code. An image is data: `<folder>/image.toml`.

The account and the region of a URI are ignored; the repository and the tag decide. A tag means what it means on AWS:
the versions are those of the public container repositories, which each tag's `source` names.
https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
"""

import difflib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clary.errors import ClaryError

FOLDER = Path(__file__).resolve().parent
# Account, region, repository and tag; whoever pulls by hand leaves the registry out.
_URI = re.compile(
    r"(?:[^/]+\.dkr\.ecr[^/]*/|[^/:]+(?:\.|:\d)[^/]*/)?(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?P<digest>@.+)?"
)
# What follows a framework's version: 1.2-1-cpu-py3, 2.5.1-cpu-py311-ubuntu22.04-sagemaker, 2.13-cpu-amzn2023-sagemaker.
# https://aws.github.io/deep-learning-containers/reference/available_images/
_SUFFIX = re.compile(
    r"(?:-(?P<processor>cpu|gpu|cu\d+))?(?:-(?P<python>py\d+))?(?:-cu\d+)?(?:-(?:ubuntu[\d.]+|amzn\d+))?"
    r"(?:-sagemaker)?(?:-v[\d.]+)?$"
)


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
    aliases: tuple[str, ...] = ()  # other tags of it: 2.5 is 2.5.1
    processors: tuple[str, ...] = ("cpu", "gpu")  # that its tags on AWS may name and that it can stand for here
    language: str = "py3"  # as its tags on AWS name it: py311; empty if it stands for each that they may name
    guest: bool = False  # whether it serves as well in the environment of another image of its pipeline
    java: str = ""  # the version of Java that it needs
    env: tuple[tuple[str, str], ...] = ()
    apart: tuple[str, ...] = ()  # pip's requirements, with hashes, for what PyPI doesn't have: torch==2.13.0+cpu

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

    @property
    def scripted(self) -> bool:
        """Whether it serves by a script of the user's alone."""
        return not self.algorithm and not self.guest

    @property
    def server(self) -> bool:
        """Whether it serves models."""
        return (self.code / "serving.py").exists()

    @property
    def no_server(self) -> str:
        return f"The image {self.reference} trains and processes; it has no model server here."


def resolve(uri: str) -> Image:
    """Raises UnknownImage, which says what there is."""
    found = _URI.fullmatch(uri.strip())
    there = {image.reference: image for image in images()}
    if found and not found["digest"]:
        repository, tag = found["repository"], found["tag"] or "latest"
        there |= {
            f"{repository}:{also}": one for one in images() if one.repository == repository for also in one.aliases
        }
        suffix = _SUFFIX.search(tag)
        assert suffix  # of nothing, if need be
        image = there.get(f"{repository}:{tag}") or there.get(f"{repository}:{tag[: suffix.start()]}")
        if image and (not image.language or suffix["python"] in (None, "py3", image.language)):
            if suffix["processor"] in (None, *image.processors):
                return image
            raise UnknownImage(f"There is no image {uri}: {image.reference} is there for {image.processors[0]} alone.")
    raise UnknownImage(
        f"There is no image {uri}. There are {', '.join(_listed(found['repository'] if found else ''))}."
    )


def _listed(repository: str) -> list[str]:
    """What there is by that name, or by one that looks like it, and tags that the same image has by others; else all,
    without the other tags that they go by.
    """
    near = difflib.get_close_matches(repository, {image.repository for image in images()}, n=1, cutoff=0.8)
    mine = [image for image in images() if image.repository in near]
    if not mine:
        return [image.reference for image in images()]
    names, tags = {image.name for image in mine}, {image.tag for image in mine}
    others = [image.reference for image in images() if image.name in names and image.tag not in tags]
    return [*(f"{image.repository}:{tag}" for image in mine for tag in (image.tag, *image.aliases)), *others]


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
            repository=repository,
            tag=name,
            library=tag["library"],
            python=tag["python"],
            requirements=(*told.get("requirements", []), *tag["requirements"]),
            source=tag["source"],
            code=file.parent,
            metrics=metrics,
            gpu=tuple(told.get("gpu", [])),
            startup=tag.get("startup", ""),
            notice=tag.get("notice", told.get("notice", "")),
            aliases=_aliases(tag, repository),
            processors=tuple(told.get("processors", ["cpu", "gpu"])),
            language=tag.get("language", "py3"),
            java=told.get("java", ""),
            env=tuple(told.get("env", {}).items()),
            guest=told.get("guest", False),
            apart=tuple(tag.get("apart", [])),
        )
        for name, tag in told["tags"].items()
        for repository in tag.get("repositories", [tag.get("repository", told["repository"])])
    ]


def _aliases(tag: dict[str, Any], repository: str) -> tuple[str, ...]:
    """A list, or where its repositories differ, a table with a list for each."""
    told = tag.get("aliases", [])
    return tuple(told.get(repository, []) if isinstance(told, dict) else told)
