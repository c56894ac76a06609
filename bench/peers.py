"""The servers of models that Clary's endpoints are measured against: each one worker, with the same model."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.servers import ROOT, environment, free_ports, ready, running, tree

APPS = ROOT / "bench" / "apps"
Rows = Sequence[Sequence[float]]


@dataclass
class Peer:
    """One that answers."""

    name: str
    address: str  # host:port
    paths: dict[str, str]  # by what the client sends, "json" or "csv", where that is understood
    pids: Callable[[], list[int]]
    wrapped: Callable[[Rows], dict[str, Any]] = field(default=lambda rows: {"rows": rows})
    unwrapped: Callable[[Any], list[float]] = field(default=list)

    def requests(self, kind: str, batches: Sequence[Rows]) -> list[bytes]:
        return [self._request(kind, as_csv(rows) if kind == "csv" else self._as_json(rows)) for rows in batches]

    def read(self, kind: str, answer: bytes) -> list[float]:
        return self.unwrapped(json.loads(answer)) if kind == "json" else list(map(float, answer.split()))

    def _as_json(self, rows: Rows) -> bytes:
        return json.dumps(self.wrapped(rows), separators=(",", ":")).encode()

    def _request(self, kind: str, content: bytes) -> bytes:
        media = {"json": "application/json", "csv": "text/csv"}[kind]
        head = f"POST {self.paths[kind]} HTTP/1.1\r\nHost: {self.address}\r\nContent-Type: {media}\r\n"
        return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def as_csv(rows: Rows) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in rows).encode()


Start = Callable[[Path, Path], AbstractContextManager[Peer]]


@contextlib.contextmanager
def _started(
    name: str, command: list[Any], port: int, folder: Path, model: Path, paths: dict[str, str], **more: Any
) -> Iterator[Peer]:
    place = folder / name.split(maxsplit=1)[0]
    place.mkdir(exist_ok=True)
    settings = {"MODEL": str(model), "BENTOML_HOME": str(place), "BENTOML_DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
    with running(command, place, {**os.environ, **settings}) as process:
        ready(f"http://127.0.0.1:{port}/", process, place, patience=60)
        yield Peer(name, f"127.0.0.1:{port}", paths, lambda: tree(process.pid), **more)


def mlserver(folder: Path, model: Path) -> AbstractContextManager[Peer]:
    http, grpc, metrics = free_ports(3)
    place = folder / "MLServer"
    place.mkdir()
    alone = {"parallel_workers": 0, "debug": False, "host": "127.0.0.1"}
    ports = {"http_port": http, "grpc_port": grpc, "metrics_port": metrics}
    (place / "settings.json").write_text(json.dumps({**alone, **ports}))
    runtime = {"name": "bench", "implementation": "mlserver_xgboost.XGBoostModel", "parameters": {"uri": str(model)}}
    (place / "model-settings.json").write_text(json.dumps(runtime))

    def wrapped(rows: Rows) -> dict[str, Any]:
        flat = [value for row in rows for value in row]
        return {"inputs": [{"name": "x", "shape": [len(rows), len(rows[0])], "datatype": "FP32", "data": flat}]}

    return _started(
        "MLServer", [environment("mlserver") / "bin" / "mlserver", "start", place], http, folder, model,
        {"json": "/v2/models/bench/infer"}, wrapped=wrapped, unwrapped=lambda answer: answer["outputs"][0]["data"],
    )  # fmt: skip


def bentoml(folder: Path, model: Path) -> AbstractContextManager[Peer]:
    (port,) = free_ports(1)
    program = environment("bentoml") / "bin" / "bentoml"
    command = [program, "serve", "bento:Model", "--working-dir", APPS, "--host", "127.0.0.1", "--port", port]
    return _started("BentoML", command, port, folder, model, {"json": "/predict"})


def litserve(folder: Path, model: Path) -> AbstractContextManager[Peer]:
    (port,) = free_ports(1)
    command = [environment("litserve") / "bin" / "python", APPS / "lit.py", port]
    return _started("LitServe", command, port, folder, model, {"json": "/predict"})


def flask(folder: Path, model: Path) -> AbstractContextManager[Peer]:
    """With threads: gunicorn's plain worker keeps no connections."""
    (port,) = free_ports(1)
    threads = ("-k", "gthread", "--threads", "8", "--keep-alive", "60", "--worker-connections", "1000")
    command = [environment("plainserve") / "bin" / "gunicorn", "--chdir", APPS, *threads, "-b", f"127.0.0.1:{port}"]
    return _started("Flask + gunicorn", [*command, "flasked:app"], port, folder, model, BOTH)


def plainest(folder: Path, model: Path) -> AbstractContextManager[Peer]:
    (port,) = free_ports(1)
    command = [environment("plainserve") / "bin" / "python", APPS / "plainest.py", port]
    return _started("uvicorn by hand", command, port, folder, model, BOTH)


BOTH = {"json": "/json", "csv": "/csv"}
PEERS: tuple[Start, ...] = (mlserver, bentoml, litserve, flask, plainest)


def pss(pids: Sequence[int]) -> float:
    """MiB, each shared page counted in parts. https://docs.kernel.org/filesystems/proc.html"""
    total = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024
