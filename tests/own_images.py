"""Images as users build them, pushed to our registry by its API: this machine's own Python, and a program."""

import http.client
import json
import platform as machine
import shutil
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from conftest import Platform
from ecr.tools import CONFIG, OCI, Door, described, digest_of
from layers import TAR, archive, entry, packed
from sagemaker_inputs import fresh
from trees import libraries, plant, put

ARCHITECTURE = {"aarch64": "arm64"}.get(machine.machine(), "amd64")
UNUSED = ("site-packages", "test", "idlelib", "tkinter", "ensurepip", "lib2to3", "config-*", "__pycache__")
# What a user's program does when it is started to train, to serve and to process.
PROGRAM = r"""
import http.server, json, os, pathlib, signal, sys, urllib.request
ml = pathlib.Path("/opt/ml")

def train():
    told = json.loads((ml / "input/config/hyperparameters.json").read_text())
    if told.get("fail"):
        (ml / "output/failure").write_text("it was told to fail")
        sys.exit(3)
    rows = sum(len(path.read_text().splitlines()) for path in (ml / "input/data/train").iterdir())
    (ml / "model/model.json").write_text(json.dumps({"rows": rows, "told": told}))
    (ml / "output/data/seen.json").write_text(json.dumps({"uid": os.getuid(), "env": dict(os.environ)}))
    os.chown(ml / "model/model.json", 33, 33)
    print("rows=%d;" % rows)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    models = {}

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def do_GET(self):
        if self.path == "/ping":
            self.answer(200, b"")
        elif self.path == "/execution-parameters":
            self.answer(200, b'{"MaxConcurrentTransforms": 2, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 6}')
        elif self.path == "/models":
            self.answer(200, json.dumps({"models": [{"modelName": name} for name in self.models]}).encode())
        else:
            name = self.path.rpartition("/")[2]
            self.answer(200 if name in self.models else 404, json.dumps({"modelName": name}).encode())

    def do_DELETE(self):
        self.models.pop(self.path.rpartition("/")[2], None)
        self.answer(200, b"{}")

    def do_POST(self):
        data = self.body()
        if self.path == "/models":
            told = json.loads(data)
            self.models[told["model_name"]] = pathlib.Path(told["url"], "name").read_text()
            return self.answer(200, b"{}")
        if self.path != "/invocations":
            name = self.path.split("/")[2]
            return self.answer(200, self.models[name].encode() + b" " + data)
        if data == b"fail":
            return self.answer(500, b"it was told to fail", "text/plain")
        if data == b"who":
            said = {"port": PORT, "uid": os.getuid(), "env": dict(os.environ), "host": os.uname().nodename}
            try:
                with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/health", timeout=5) as health:
                    said["gateway"] = health.status
            except OSError as error:
                said["gateway"] = str(error)
            return self.answer(200, json.dumps(said).encode())
        model = ml / "model/model.json"
        rows = json.loads(model.read_text())["rows"] if model.exists() else 0
        mark = os.environ.get("MARK", "")
        lines = [line + "|%d%s" % (rows, mark) for line in data.decode().splitlines()]
        self.answer(200, "\n".join(lines).encode(), "text/csv")

    def log_message(self, *given):
        pass

PORT = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", 8080))

def serve():
    server = http.server.ThreadingHTTPServer(("0.0.0.0", PORT), Handler)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print("serving at", PORT, flush=True)
    server.serve_forever()

def process():
    given, made = (pathlib.Path("/opt/ml/processing", name) for name in ("input", "output"))
    text = "".join(path.read_text() for path in sorted(given.iterdir()))
    (made / "out.txt").write_text(text.upper() + " ".join(sys.argv[1:]))

{"train": train, "serve": serve}.get(sys.argv[1] if len(sys.argv) > 1 else "", process)()
"""


@cache
def base() -> bytes:
    """A layer with a shell, a few programs and this machine's Python."""
    root = Path(tempfile.mkdtemp(prefix="clary-base-"))
    plant(root)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copytree(sysconfig.get_paths()["stdlib"], root / "usr/lib" / version, ignore=shutil.ignore_patterns(*UNUSED))
    python = Path(sys.base_prefix, "bin", version)
    put(root, "/usr/bin/python3", str(python))
    for program in (python, *(root / "usr/lib" / version / "lib-dynload").glob("*.so")):
        for library in libraries(str(program)):
            put(root, library, library)
    (root / "tmp").mkdir()
    data = packed(root)
    shutil.rmtree(root)
    return data


class Own:
    """Images of users in the registry of a platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.door = platform, Door(platform)
        account = platform.client("sts").get_caller_identity()["Account"]
        self.aws = f"{account}.dkr.ecr.us-west-2.amazonaws.com"  # the registry's name as AWS has it

    def push(self, *layers: bytes, repository: str = "", tag: str = "1", **config: Any) -> str:
        """The URI of an image. Layers are tar archives."""
        name = repository or fresh("own")
        self.door.ecr.create_repository(repositoryName=name)
        document = {"architecture": ARCHITECTURE, "os": "linux", "config": config}
        told = json.dumps(document | {"rootfs": {"type": "layers", "diff_ids": [digest_of(one) for one in layers]}})
        for blob in (*layers, told.encode()):
            self.bring(name, blob)
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": described(told.encode(), CONFIG),
            "layers": [described(one, TAR) for one in layers],
        }
        answer = self.door("PUT", f"/v2/{name}/manifests/{tag}", json.dumps(manifest).encode(), Content_Type=OCI)
        assert answer.status == http.client.CREATED, answer
        return f"{self.aws}/{name}:{tag}"

    def bring(self, repository: str, data: bytes) -> None:
        self.door.bring(repository, data)

    def program(self, text: str = PROGRAM, **config: Any) -> str:
        """The URI of one that runs a Python program, by its entry point."""
        usual = {"Entrypoint": ["python3", "/opt/program/main.py"], "Env": ["PATH=/usr/bin:/bin", "OWN=of the image"]}
        return self.push(base(), archive(entry("opt/program/main.py", text)), **{**usual, **config})
