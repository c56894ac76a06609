"""What an image is once it is ready to run, whoever made it: how a launch becomes one of its containers."""

from pathlib import Path
from typing import Literal, Protocol

from clary.compute.driver import Launch

What = Literal["train", "serve", "process"]


class Environment(Protocol):
    @property
    def builtin(self) -> bool:
        """Whether it is one of Clary's own, whose programs keep to images/runtime."""

    @property
    def root(self) -> Path | None:
        """A whole file tree; None for a built-in one, which lies over the system's."""

    def command(self, what: What) -> tuple[str, ...]:
        """What its container runs when it is started to `train`, to `serve`, or, without a command of the request's, to
        `process`; nothing where it has no program of its own for that.
        """

    @property
    def entrypoint(self) -> tuple[str, ...]:
        """Of an image's configuration."""

    def launch(self, launch: Launch, upper: str) -> Launch:
        """One that runs in it. `upper` is a folder of the job's for what it installs or changes in its environment.
        What the launch says of variables goes before what the image says.
        """


def processing(environment: Environment, entrypoint: list[str], arguments: list[str]) -> tuple[str, ...]:
    """The command of a processing job, by Docker's rules: an entry point of the request's stands for the image's and
    for its arguments, arguments of the request's for the image's alone.
    https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact
    """
    if entrypoint:
        return (*entrypoint, *arguments)
    return (*environment.entrypoint, *arguments) if arguments else environment.command("process")
