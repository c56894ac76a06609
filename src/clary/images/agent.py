"""A program of ours beside a container, such as the one that reads a transform job's input: standard library alone."""

import sys
from dataclasses import replace
from pathlib import Path

from clary.compute.driver import Launch, Mount
from clary.images.environment import Environment
from clary.images.image import FOLDER
from clary.images.pull import CODE, BuiltIn


def agent(launch: Launch, what: str, environment: Environment, upper: str) -> Launch:
    """The launch as one that runs images/runtime/<what>.py: in a built-in image's own environment, which is there
    anyway, and else by the Python that Clary itself runs on.
    """
    if isinstance(environment, BuiltIn):
        return environment.launch(replace(launch, argv=environment.command(what)), upper)
    base, version = Path(sys.base_prefix), f"{sys.version_info.major}.{sys.version_info.minor}"
    seen = [] if base.is_relative_to("/usr") else [Mount(str(base), str(base))]
    argv = (str(base / "bin" / f"python{version}"), f"{CODE}/runtime/{what}.py")
    mounts = (*seen, Mount(str(FOLDER / "runtime"), f"{CODE}/runtime"), *launch.mounts)
    return replace(launch, argv=argv, mounts=mounts)
