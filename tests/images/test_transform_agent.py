"""The agent of transform jobs by itself, against a container that is not ours: plain HTTP/1.1."""

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clary.images.image import FOLDER
from waiting import PATIENCE, until

MIB = 1 << 20
# Runs a program, and leaves what /proc says of the process at its end.
MEASURED = """
import atexit, runpy, shutil, sys
atexit.register(shutil.copyfile, "/proc/self/status", sys.argv[2])
runpy.run_path(sys.argv[1], run_name="__main__")
"""


class Container(ThreadingHTTPServer):
    """Answers with its input, and remembers what it was asked. `moods` are statuses for the next requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.together = 0  # nothing is answered until so many were asked at once
        self.parameters: dict[str, Any] = {}
        self.moods: list[int] = []
        self.pings = [503, 200]
        self.asked: list[tuple[dict[str, str], int]] = []
        self.running = self.most = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Container

    def do_GET(self) -> None:
        server = self.server
        if self.path == "/ping":
            self.answer(server.pings.pop(0) if len(server.pings) > 1 else server.pings[0], b"")
        elif server.parameters:
            self.answer(200, json.dumps(server.parameters).encode())
        else:
            self.answer(404, b"")

    def do_POST(self) -> None:
        server = self.server
        with server.lock:
            server.running += 1
            server.most = max(server.most, server.running)
            mood = server.moods.pop(0) if server.moods else 200
        chunked = self.headers.get("transfer-encoding") == "chunked"
        body = b"".join(self.chunks()) if chunked else self.rfile.read(int(self.headers["content-length"]))
        until(lambda: server.most >= server.together)
        headers = {name.lower(): value for name, value in self.headers.items()}
        with server.lock:
            server.asked.append((headers, len(body)))
            server.running -= 1
        self.answer(400 if b"bad" in body else mood, body)

    def chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-type", "text/csv")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nobody reads it."""


class Agent:
    def __init__(self, folder: Path, container: Container) -> None:
        self.input, self.output, self.container = folder / "input", folder / "output", container
        self.python = sys.executable
        self.input.mkdir()
        self.output.mkdir()
        self.said = ""
        self.peak = 0.0  # MiB

    def run(self, **job: Any) -> int:
        """The exit code."""
        source = {"ContentType": "text/csv", "SplitType": "Line", **job.pop("source", {})}
        result = {"AssembleWith": "Line", **job.pop("result", {})}
        told = {
            "containers": [{"name": "theirs", "socket": "", "url": self.container.url}],
            "input": str(self.input),
            "output": str(self.output),
            "base": "bucket/prefix/",
            "startup": job.pop("startup", PATIENCE),
            "job": {"TransformInput": source, "TransformOutput": result, **job},
        }
        program = FOLDER / "runtime" / "transform.py"
        log, status = self.output / "log", self.output / "status"
        command = [self.python, "-c", MEASURED, str(program), str(status)]
        with log.open("wb") as out:
            ended = subprocess.run(
                command, env={"CLARY_TRANSFORM": json.dumps(told)}, stdout=out, stderr=out, check=False
            )
        (peak,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        self.peak = int(peak.split()[1]) / 1024
        self.said = log.read_text()
        return ended.returncode

    def found(self) -> dict[str, bytes]:
        top = self.output / "files"
        return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}

    def failure(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.output / "failure.json").read_text())
        return told


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Container() as container:
        threading.Thread(target=container.serve_forever, daemon=True).start()
        yield Agent(tmp_path, container)
        container.shutdown()


def test_files_and_folders(agent: Agent) -> None:
    (agent.input / "sub").mkdir()
    (agent.input / "a.csv").write_bytes(b"1\n2\n")
    (agent.input / "sub" / "b.csv").write_bytes(b"3")
    assert agent.run() == 0
    assert agent.found() == {"a.csv.out": b"1\n2\n", "sub/b.csv.out": b"3\n"}
    assert "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD" in agent.said
    assert [headers["content-type"] for headers, _ in agent.container.asked] == ["text/csv"] * 2
    assert all("accept" not in headers or headers["accept"] == "identity" for headers, _ in agent.container.asked)


def test_nothing_to_do_asks_nobody(agent: Agent) -> None:
    assert agent.run() == 0
    assert agent.container.asked == []
    assert agent.said == ""


def test_what_the_container_offers_comes_behind_what_the_job_says(agent: Agent) -> None:
    agent.container.parameters = {"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 2}
    agent.container.together = 3
    (agent.input / "a.csv").write_bytes(b"1\n" * 60)
    assert agent.run(MaxConcurrentTransforms=0) == 0
    assert "MaxConcurrentTransforms=3, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD" in agent.said
    assert agent.container.most == 3
    assert len(agent.container.asked) == 60
    assert agent.found() == {"a.csv.out": b"1\n" * 60}
    agent.container.together = 0
    assert agent.run(BatchStrategy="MultiRecord", MaxConcurrentTransforms=1, result={"Accept": "text/plain"}) == 0
    assert "MaxConcurrentTransforms=1, MaxPayloadInMB=2, BatchStrategy=MULTI_RECORD" in agent.said
    assert len(agent.container.asked) == 61
    assert agent.container.asked[-1][0]["accept"] == "text/plain"


def test_tried_again_but_not_where_the_request_is_at_fault(agent: Agent) -> None:
    (agent.input / "a.csv").write_bytes(b"1\n")
    agent.container.moods = [500, 503, 500]
    assert agent.run() == 0
    assert len(agent.container.asked) == 4
    agent.container.moods = [429]
    assert agent.run() == 1
    assert len(agent.container.asked) == 5
    assert agent.failure() == {
        "fault": "ClientError",
        "path": "a.csv",
        "place": "line 1",
        "message": "ClientError: 429: 1",
    }
    agent.container.moods = [500] * 2
    assert agent.run(ModelClientConfig={"InvocationsMaxRetries": 1}) == 1
    assert agent.failure()["message"].startswith("Bad HTTP status received from algorithm: 500")


def test_the_bad_line_is_found_by_halves(agent: Agent) -> None:
    lines = [b"%d" % number for number in range(1, 1001)]
    lines[776] = b"bad"
    (agent.input / "a.csv").write_bytes(b"\n".join(lines))
    (agent.input / "b.csv").write_bytes(b"1\n")
    assert agent.run() == 1
    assert agent.failure()["place"] == "line 777"
    assert len(agent.container.asked) < 40
    assert agent.found() == {"b.csv.out": b"1\n"}
    assert "bucket/prefix/a.csv: ClientError: 400" in agent.said
    assert "bucket/prefix/a.csv: Message:" in agent.said
    assert "bucket/prefix/a.csv: line 777" in agent.said


@pytest.mark.parametrize("body", [b"1,2\n\n3,4\n5\n", b'\n"1",2\n3,4\n5\n'], ids=["plain", "quoted"])
def test_empty_lines_count_where_a_line_is_named(agent: Agent, body: bytes) -> None:
    (agent.input / "a.csv").write_bytes(body)
    for changed in ({}, {"source": {"SplitType": "None"}}):
        assert agent.run(DataProcessing={"InputFilter": "$[1]"}, **changed) == 1
        assert agent.failure()["place"] == ("record 4" if changed else "line 4")
        assert "index 1 is not within" in agent.failure()["message"]


def test_a_document_that_is_refused_is_not_cut(agent: Agent) -> None:
    (agent.input / "a.json").write_bytes(b"{\n1:\nbad\n}")
    for strategy in ("MultiRecord", "SingleRecord"):
        for payload in (1, 0):
            agent.container.asked.clear()
            told = {"SplitType": "None", "ContentType": "application/json"}
            assert agent.run(source=told, MaxPayloadInMB=payload, BatchStrategy=strategy) == 1
            assert len(agent.container.asked) == 1
            assert agent.failure()["place"] == ""
            assert agent.failure()["message"].startswith("ClientError: 400")


def test_a_container_that_is_never_well(agent: Agent) -> None:
    (agent.input / "a.csv").write_bytes(b"1\n")
    agent.container.pings = [500]
    assert agent.run(startup=0.3) == 1
    assert agent.failure()["message"] == "theirs answers /ping with 500"
    assert agent.container.asked == []


def test_a_large_file_takes_little_memory(agent: Agent) -> None:
    row = b"0.1234," * 16 + b"0.5\n"
    large = row * (60 * MIB // len(row))
    (agent.input / "a.csv").write_bytes(b"1\n")
    assert agent.run(MaxPayloadInMB=1) == 0
    little = agent.peak
    (agent.input / "b.csv").write_bytes(large)
    assert agent.run(MaxPayloadInMB=1) == 0
    assert (agent.output / "files" / "b.csv.out").read_bytes() == large
    assert agent.peak < little + 30
    (agent.input / "b.csv").write_bytes(gzip.compress(large, 1))
    assert agent.run(MaxPayloadInMB=1, source={"CompressionType": "Gzip"}) == 1, "a.csv is none"
    assert (agent.output / "files" / "b.csv.out").read_bytes() == large
    assert agent.peak < little + 30


@pytest.mark.parametrize("split", ["None", "Line", "RecordIO", "TFRecord"])
@pytest.mark.parametrize("assemble", ["None", "Line"])
def test_without_a_limit_it_streams(agent: Agent, split: str, assemble: str) -> None:
    large = b"line\n" * (2 * MIB) + b"end"
    (agent.input / "a").write_bytes(large)
    assert agent.run(MaxPayloadInMB=0, source={"SplitType": split}, result={"AssembleWith": assemble}) == 0
    assert agent.found() == {"a.out": large if assemble == "None" else large + b"\n"}
    ((headers, size),) = agent.container.asked
    assert (headers["transfer-encoding"], size) == ("chunked", len(large))
    agent.container.asked.clear()
    (agent.input / "a").write_bytes(b"")
    assert agent.run(MaxPayloadInMB=0, source={"SplitType": split}) == 0
    assert agent.found() == {"a.out": b""}
    assert len(agent.container.asked) == (split == "None"), "what has no records asks for nothing"


def test_on_the_oldest_python(agent: Agent) -> None:
    """The images of scikit-learn 0.23 have Python 3.7."""
    found = sorted((Path(__file__).parents[2] / ".envs" / "images").glob("scikit-learn-0.23-1-*/bin/python"))
    if not found:
        pytest.skip("no environment with Python 3.7 is here")
    agent.python = str(found[0])
    (agent.input / "a.csv").write_bytes(b"7,1\n8,2\n")
    told = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    assert agent.run(DataProcessing=told, BatchStrategy="SingleRecord") == 0, agent.said
    assert agent.found() == {"a.csv.out": b"7,1\n8,2\n"}
    (agent.input / "b.csv").write_bytes(b"no gzip")
    (agent.input / "a.csv").write_bytes(gzip.compress(b"bad\n"))
    assert agent.run(source={"CompressionType": "Gzip"}) == 1
    assert "line 1" in agent.said
    assert "cannot be decompressed" in agent.said
