"""Endpoints from outside: who asks them, and which processes and logs their replicas have."""

import json
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import botocore.exceptions

from conftest import Platform

ROW = "0.1,0.2"
ERRORS = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)


def runtime(platform: Platform, *, direct: bool = False) -> Any:
    """A client of the gateway, or of the data plane's own port."""
    url = platform.url
    if direct:
        url = f"http://127.0.0.1:{json.loads((platform.home / 'run.json').read_text())['serving_port']}"
    return platform.client("sagemaker-runtime", endpoint_url=url)


def ask(client: Any, name: str) -> str:
    answer = client.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=ROW)
    return str(answer["Body"].read().decode())


def streams(platform: Platform, name: str) -> list[str]:
    """One for each replica that there ever was."""
    logs = platform.client("logs")
    try:
        found = logs.describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{name}")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []  # nothing that they have said is there yet
    return [stream["logStreamName"] for stream in found]


def servers(platform: Platform) -> list[int]:
    """The processes that serve models in this home's containers."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                command = (place / "cmdline").read_bytes().split(b"\0")
                environment = (place / "environ").read_bytes()
            except OSError:
                continue
            if b"/opt/clary/runtime/serve.py" in command and platform.url.encode() in environment:
                found.append(int(place.name))
    return sorted(found)


def folders(platform: Platform) -> int:
    """Of jobs that run: on a home without other jobs, one for each replica."""
    return len(list((platform.home / "jobs").iterdir()))


class Load:
    """Asks an endpoint, many times at once and again and again, at the port that answers also while Clary is away."""

    def __init__(self, platform: Platform, name: str, clients: int = 4) -> None:
        self.answers: list[str] = []
        self.errors: list[str] = []
        self._name = name
        self._over = threading.Event()
        made = [runtime(platform, direct=True) for _ in range(clients)]
        self._threads = [threading.Thread(target=self._run, args=(client,)) for client in made]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, client: Any) -> None:
        while not self._over.is_set():
            try:
                self.answers.append(ask(client, self._name))
            except ERRORS as error:
                self.errors.append(str(error))
                self._over.wait(0.1)
