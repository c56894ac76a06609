"""A container engine of this machine, dockerd or podman, by Docker's API: found, asked, and its errors as ours.

https://docs.docker.com/reference/api/engine/ and https://docs.podman.io/en/latest/_static/api.html (its compat part).
The PyPI package `docker` is imported here alone, when this driver was chosen.
"""

import contextlib
import os
import socket
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clary.errors import ClaryError, NoEngine

if TYPE_CHECKING:
    from docker.api.client import APIClient

# Docker's, podman's, and those of an ordinary user; the first that is there and answers.
USUAL = (
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    "{runtime}/docker.sock",
    "{runtime}/podman/podman.sock",
)
PATIENCE = 120  # seconds that one call may take: to start a container on a busy machine
GONE = 404
MISSING = 'driver = "container" needs the package docker: pip install "clary[container]"'
NONE = (
    "No container engine answers at {places}: start dockerd or `podman system service`, or say in the setting engine "
    "where it listens (unix:///run/podman/podman.sock)"
)


class Engine:
    """One connection; a process that forks, or a thread, makes its own."""

    def __init__(self, address: str) -> None:
        """Raises ClaryError."""
        try:
            from docker.client import DockerClient  # noqa: PLC0415 - see above
        except ModuleNotFoundError as error:
            raise ClaryError(MISSING) from error
        if not address.startswith("unix:///"):
            raise ClaryError(f"engine: {address!r} is no unix:///socket: its containers must run on this machine")
        self.address = address
        self.reach()
        with answers():
            self.client: DockerClient = DockerClient(base_url=address, timeout=PATIENCE)
            told: dict[str, Any] = self.client.version()
        weakref.finalize(self, self.client.close)  # its connections end with it
        parts = [part.get("Name", "") for part in told.get("Components") or ()]
        self.podman = any("podman" in part.lower() for part in parts)

    def reach(self) -> None:
        """Raises NoEngine where nobody listens; the package would try several times, and leave its sockets open."""
        with socket.socket(socket.AF_UNIX) as asking:
            try:
                asking.connect(self.address.removeprefix("unix://"))
            except OSError as error:
                raise NoEngine(f"The container engine at {self.address} does not answer: {error.strerror}") from error

    @property
    def api(self) -> "APIClient":
        return self.client.api

    def rootless(self) -> bool:
        with answers():
            return "name=rootless" in (self.client.info().get("SecurityOptions") or ())

    def state(self, container: str) -> dict[str, Any] | None:
        """What the engine says of a container; None if it has none of that name."""
        self.reach()
        with answers():
            try:
                found: dict[str, Any] = self.api.inspect_container(container)
            except Exception as error:
                if missing(error):
                    return None
                raise
            return found

    def kill(self, container: str, signal: str) -> None:
        """Nothing, where it has ended already."""
        self.reach()
        with answers(), over():
            self.api.kill(container, signal)

    def remove(self, container: str) -> None:
        with answers(), over():
            self.api.remove_container(container, v=True, force=True)

    def drop(self, image: str) -> None:
        """Nothing, where a container has it."""
        with answers(), over():
            self.api.remove_image(image, force=False)


def opened(address: str) -> Engine:
    """The engine at the address, or the first of the usual ones. Raises ClaryError."""
    told = address or os.environ.get("DOCKER_HOST", "")
    if told:
        return Engine(told)
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    places = [place.format(runtime=runtime) for place in USUAL]
    for place in places:
        if Path(place).exists() and os.access(place, os.W_OK):
            with contextlib.suppress(NoEngine):
                return Engine(f"unix://{place}")
    raise NoEngine(NONE.format(places=", ".join(places)))


@contextlib.contextmanager
def answers() -> Iterator[None]:
    """Errors of the engine's are ClaryError, with what it says; NoEngine if it says nothing."""
    import docker.errors  # noqa: PLC0415 - see above
    import requests  # noqa: PLC0415 - likewise

    try:
        yield
    except docker.errors.APIError as error:
        raise ClaryError(f"the container engine says: {error.explanation or error}") from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise NoEngine(f"The container engine does not answer: {error}") from error


@contextlib.contextmanager
def over() -> Iterator[None]:
    """Without the errors that say that a container has ended, or is gone, or being removed."""
    import docker.errors  # noqa: PLC0415 - see above

    try:
        yield
    except docker.errors.APIError as error:
        ended = error.status_code in {GONE, 409} or "not running" in str(error.explanation).lower()
        if not ended:
            raise


def missing(error: Exception) -> bool:
    return getattr(error, "status_code", None) == GONE
