"""Clary's side of the benches of serving: a model in S3, endpoints of it, requests that are signed, and what the
processes of a home hold.
"""

import contextlib
import io
import json
import os
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.jobs import IMAGES, say
from bench.peers import Rows, as_csv, pss
from bench.servers import Server, clary, environment

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:3.2-0"
SKLEARN = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1"
FEATURES, TREES = 50, 100
MAKE = """
import json, sys, numpy, xgboost
folder, rows = sys.argv[1], int(sys.argv[2])
values = numpy.random.default_rng(0).random((20000 + rows, 50), dtype="float32").round(4)
label = (values[:, :5].sum(axis=1) > 2.5).astype("float32")
params = {"objective": "binary:logistic", "max_depth": 6, "tree_method": "hist", "nthread": 2}
booster = xgboost.train(params, xgboost.DMatrix(values[:20000], label[:20000]), 100)
booster.save_model(folder + "/model.ubj")
asked = values[20000:]
found = booster.inplace_predict(asked)
json.dump([[[round(float(v), 4) for v in row] for row in asked], found.tolist()], open(folder + "/rows.json", "w"))
"""


def made(folder: Path, rows: int) -> tuple[Path, list[list[float]], list[float]]:
    """The model's file, rows that it was not trained on, and what xgboost itself says of them."""
    python = environment("plainserve") / "bin" / "python"
    subprocess.run([python, "-c", MAKE, folder, str(rows)], check=True)
    asked, truth = json.loads((folder / "rows.json").read_text())
    return folder / "model.ubj", asked, truth


@contextlib.contextmanager
def hosted(rows: int) -> Iterator[tuple["Hosting", list[list[float]], list[float]]]:
    """Clary with the model in S3, rows to ask it for, and what xgboost itself says of them. No endpoint is left."""
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    with tempfile.TemporaryDirectory(prefix="bench-serving-") as place, clary() as server:
        model, asked, truth = made(Path(place), rows)
        hosting = Hosting(server, model)
        try:
            say("the first endpoint, which builds its image where there is none")
            hosting.create("first", hosting.config())
            hosting.sagemaker.delete_endpoint(EndpointName="first")
            hosting.alone(0)
            yield hosting, asked, truth
        finally:
            hosting.clear()


class Hosting:
    """The endpoints of one server."""

    def __init__(self, server: Server, model: Path) -> None:
        self.server, self.model = server, model
        self.sagemaker, self.s3 = server.client("sagemaker"), server.client("s3")
        account = server.client("sts").get_caller_identity()["Account"]
        self.role = f"arn:aws:iam::{account}:role/service-role/AmazonSageMaker-ExecutionRole"
        self.home = server.folder / "home"
        self.address = f"127.0.0.1:{json.loads((self.home / 'run.json').read_text())['serving_port']}"
        self.s3.create_bucket(Bucket="serving", CreateBucketConfiguration={"LocationConstraint": server.region})
        self.data = self.put("model.tar.gz", {"xgboost-model": model.read_bytes()})
        self._made = 0

    def put(self, key: str, files: dict[str, bytes]) -> str:
        """An archive in S3; its URL."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        self.s3.put_object(Bucket="serving", Key=key, Body=packed.getvalue())
        return f"s3://serving/{key}"

    def config(self, *containers: dict[str, Any], instances: int = 1) -> str:
        """The name of a configuration of a model of these containers, or of the one that all benches use."""
        self._made += 1
        name = f"bench-{self._made}"
        given = list(containers) or [{"Image": IMAGE, "ModelDataUrl": self.data}]
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, Containers=given)
        variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.t2.medium"}
        variants = [{**variant, "InitialInstanceCount": instances}]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        return name

    def create(self, name: str, config: str) -> float:
        """Seconds from the call until it is in service. Raises RuntimeError."""
        began = time.perf_counter()
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        self.until(name)
        return time.perf_counter() - began

    def until(self, name: str, seconds: float = 120) -> None:
        """Raises RuntimeError unless it is in service."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.sagemaker.describe_endpoint(EndpointName=name)
            if found["EndpointStatus"] == "InService":
                return
            if found["EndpointStatus"] == "Failed" or time.monotonic() > deadline:
                raise RuntimeError(f"{name} is {found['EndpointStatus']}: {found.get('FailureReason', '')}")
            time.sleep(0.02)

    def status(self, name: str) -> str:
        found: str = self.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]
        return found

    def requests(self, name: str, batches: Sequence[Rows], accept: str = "text/csv") -> list[bytes]:
        """As they go over the wire, each signed as every client does; good for 15 minutes."""
        return signed(self.server, self.address, name, [as_csv(rows) for rows in batches], accept)

    def pids(self) -> list[int]:
        """All processes of the home: those that were started with it, and those in sandboxes that have it mounted."""
        own = str(self.home).encode()
        below = own.removeprefix(str(self.home.parents[1]).encode())  # a mount's root is told from its file system's
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if own in (place / "cmdline").read_bytes() or below in (place / "mountinfo").read_bytes():
                    found.append(int(place.name))
        return found

    def replicas(self) -> list[int]:
        """Those of `pids` that serve models."""
        found = []
        for pid in self.pids():
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if words[1:2] == [b"/opt/clary/runtime/serve.py"]:
                    found.append(pid)
        return found

    def beside(self, replica: int) -> list[int]:
        """The replica's process and what there is for it alone: its sandbox's two, and its supervisor."""
        found = [replica]
        for _ in range(3):
            status = Path(f"/proc/{found[-1]}/status").read_text().splitlines()
            found.append(next(int(line.split()[1]) for line in status if line.startswith("PPid:")))
        return found

    def sizes(self) -> list[float]:
        """MiB of each replica, with all that is there for it alone."""
        return [pss(self.beside(pid)) for pid in self.replicas()]

    def plane(self) -> int:
        """The process that answers invocations."""
        told = json.loads((self.home / "serving" / "plane.json").read_text())
        return int(told["pid"])

    def alone(self, count: int, seconds: float = 30) -> None:
        """Waits until there are so many replicas and no more. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while len(left := self.replicas()) > count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(left)} instances of models still run; there should be {count}")
            time.sleep(0.2)

    def clear(self) -> None:
        """Whatever happens, no endpoint outlives its Clary."""
        pages = self.sagemaker.get_paginator("list_endpoints")
        while left := [one for page in pages.paginate(MaxResults=100) for one in page["Endpoints"]]:
            for one in left:
                if one["EndpointStatus"] != "Deleting":
                    self.sagemaker.delete_endpoint(EndpointName=one["EndpointName"])
            time.sleep(0.2)
        self.alone(0)


def signed(server: Server, address: str, name: str, contents: Sequence[bytes], accept: str = "text/csv") -> list[bytes]:
    """CSV for an endpoint, as it goes over the wire."""
    signer = SigV4Auth(Credentials(server.access_key, server.secret_key), "sagemaker", server.region)
    target = f"/endpoints/{name}/invocations"
    found = []
    for content in contents:
        headers = {"Content-Type": "text/csv", "Accept": accept}
        request = AWSRequest("POST", f"http://{address}{target}", headers, content)
        signer.add_auth(request)
        lines = "".join(f"{key}: {value}\r\n" for key, value in request.headers.items())
        head = f"POST {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(content)}\r\n{lines}\r\n"
        found.append(head.encode() + content)
    return found


def ask(address: str, request: bytes) -> bytes:
    """The body of one answer. Raises RuntimeError unless it is a success."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection, connection.makefile("rb") as answer:
        connection.sendall(request)
        status = answer.readline()
        headers = dict(line.lower().split(b":", 1) for line in iter(answer.readline, b"\r\n"))
        length = int(headers.get(b"content-length", b"-1"))
        content = answer.read(length) if length >= 0 else _chunks(answer)
    if not status.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{address} answered {status!r} {content[:500]!r}")
    return content


def _chunks(answer: Any) -> bytes:
    content = b""
    while size := int(answer.readline(), 16):
        content += answer.read(size)
        answer.readline()
    return content
