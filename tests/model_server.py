"""The model server as a container has it, with an image's own Python, and folders in place of /opt/ml."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import clary.images
from clary.images.runtime import frames
from waiting import PATIENCE, until

SERVE = Path(clary.images.__file__).parent / "runtime" / "serve.py"


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ModelServer:
    """`with ModelServer(python, image, folders) as server`; a folder for each model, one behind the other."""

    python: Path
    image: str
    folders: Sequence[Path]
    environ: dict[str, str] = field(default_factory=dict)
    images: Sequence[str] = ()  # of the folders, where they differ
    told: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port = free_port()
        self.place = Path(tempfile.mkdtemp(prefix="clary-serve-"))
        self.socket = str(self.place / "frames.sock")

    def start(self) -> "subprocess.Popen[bytes]":
        models = [
            {"folder": str(folder), "image": image, "environ": self.environ}
            for folder, image in zip(self.folders, self.images or [self.image] * len(self.folders), strict=True)
        ]
        told = {"socket": self.socket, "models": models, "workers": 1, **self.told}
        env = {"PATH": os.environ["PATH"], "SAGEMAKER_BIND_TO_PORT": str(self.port), "PYTHONDONTWRITEBYTECODE": "1"}
        with (self.place / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(self.python), str(SERVE), self.image],
                env={**env, "CLARY_SERVING": json.dumps(told)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self.process

    def __enter__(self) -> Self:
        self.start()
        until(self._ready, lambda: self.log, absent=(ConnectionRefusedError,))
        return self

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.log
        return self.ask("GET", "/ping").status == 200

    def __exit__(self, *_error: object) -> None:
        self.stop()
        shutil.rmtree(self.place)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    @property
    def log(self) -> str:
        return (self.place / "log").read_text()

    def ask(self, method: str, path: str, body: bytes | str = b"", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body.encode() if isinstance(body, str) else body, named)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()})
        finally:
            connection.close()

    def invoke(self, body: bytes | str, content_type: str = "text/csv", accept: str = "", **headers: str) -> Answer:
        said = {"content-type": content_type, "accept": accept}
        return self.ask("POST", "/invocations", body, **{k: v for k, v in said.items() if v}, **headers)

    def channel(self) -> "Channel":
        return Channel(self.socket)


class Channel:
    """The plane's side of frames."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(path)
        self._reader = frames.Reader()
        self.seen: list[tuple[int, int]] = []  # id and kind, as they came
        self.steps: dict[int, list[float]] = {}  # what the models of a pipeline took

    def close(self) -> None:
        self._socket.close()

    def send(self, *messages: bytes) -> None:
        self._socket.sendall(b"".join(messages))

    def ask(self, bodies: Sequence[bytes], path: str = "/invocations", **headers: str) -> list[Answer]:
        """All at once; the answers by their numbers."""
        head = frames.head(method="POST", path=path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        self.send(*(frames.pack(number, frames.WHOLE, head, body) for number, body in enumerate(bodies)))
        return self.answers(len(bodies))

    def answers(self, count: int) -> list[Answer]:
        heads: dict[int, Any] = {}
        bodies: dict[int, bytes] = {}
        ended: set[int] = set()
        while len(ended) < count:
            data = self._socket.recv(1 << 18)
            assert data, "the server has ended the connection"
            for number, kind, head, body in self._reader.feed(data):
                self.seen.append((number, kind))
                if kind == frames.STEPS:
                    self.steps[number] = frames.lasted(body)
                    continue
                if head:
                    heads[number] = head
                bodies[number] = bodies.get(number, b"") + body
                if kind in {frames.WHOLE, frames.END, frames.CANCEL}:
                    ended.add(number)
        return [Answer(heads[n]["status"], bodies[n], heads[n]["headers"]) for n in sorted(ended)]
