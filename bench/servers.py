"""The servers under load, each its own process tree on loopback, with its data in a folder of its own.

What each does before it acknowledges a write differs, and the tables say so: Clary has synced file and folder and
committed the row; SeaweedFS has written to the page cache; moto holds it in memory.
"""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    name: str
    url: str
    process: subprocess.Popen[bytes]
    folder: Path
    access_key: str
    secret_key: str
    token: str | None = None
    region: str = "us-west-2"
    ready_in: float = field(default=0.0)  # seconds from exec to the first answer

    def client(self, service: str, **settings: Any) -> Any:
        """A boto3 client whose session is its own, so that threads may each have one."""
        import boto3.session  # noqa: PLC0415 - costs 0.2 s and only some benches use it
        from botocore.config import Config  # noqa: PLC0415 - likewise

        session = boto3.session.Session(self.access_key, self.secret_key, self.token, region_name=self.region)
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **settings)
        return session.client(service, endpoint_url=self.url, config=config)

    def cpu(self) -> float:
        """Seconds of CPU that the process tree has used."""
        return sum(_cpu(pid) for pid in self._tree())

    def memory(self) -> float:
        """Resident MiB of the process tree now."""
        return sum(_status(pid, "VmRSS") for pid in self._tree())

    def memory_peak(self) -> float:
        """Resident MiB at most since `forget_peak`: the sum over the tree, so never less than the truth."""
        return sum(_status(pid, "VmHWM") for pid in self._tree())

    def forget_peak(self) -> None:
        for pid in self._tree():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def _tree(self) -> list[int]:
        return tree(self.process.pid)


Start = Callable[[], AbstractContextManager[Server]]


@contextlib.contextmanager
def clary(home: Path | None = None) -> Iterator[Server]:
    """Clary as a user starts it, called with an IAM user's permanent keys, as the peers are with theirs."""
    with _folder("clary", home) as folder:
        (port,) = free_ports(1)
        program = Path(sys.executable).parent / "clary"
        with running([program, "up", "--home", folder / "home", "--port", port], folder) as process:
            url = f"http://127.0.0.1:{port}"
            ready_in = ready(url + "/health", process, folder)
            root = json.loads((folder / "home" / "root.json").read_text())
            server = Server("Clary", url, process, folder, root["AccessKeyId"], root["SecretAccessKey"])
            keys = _user(server.client("iam"))
            yield replace(server, access_key=keys[0], secret_key=keys[1], ready_in=ready_in)


def _user(iam: Any) -> tuple[str, str]:
    """Access key id and secret of a new user who may do what the benches do."""
    name = f"bench-{secrets.token_hex(4)}"  # a home may be started again
    iam.create_user(UserName=name)
    for policy in ("AmazonS3FullAccess", "AmazonSageMakerFullAccess", "AWSGlueConsoleFullAccess"):
        iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


@contextlib.contextmanager
def uvicorn() -> Iterator[Server]:
    """The limit: what the server under ours does when there is nothing to do."""
    with _folder("uvicorn") as folder:
        (port,) = free_ports(1)
        with running([sys.executable, ROOT / "bench" / "plain.py", port], folder) as process:
            url = f"http://127.0.0.1:{port}"
            ready_in = ready(url, process, folder)
            yield Server("uvicorn, from memory", url, process, folder, "none", "none", ready_in=ready_in)


@contextlib.contextmanager
def moto() -> Iterator[Server]:
    program = environment("moto") / "bin" / "moto_server"
    with _folder("moto") as folder:
        (port,) = free_ports(1)
        with running([program, "-H", "127.0.0.1", "-p", port], folder) as process:
            url = f"http://127.0.0.1:{port}"
            ready_in = ready(url + "/moto-api/data.json", process, folder)
            yield Server("moto", url, process, folder, "bench", "bench-secret", ready_in=ready_in)


@contextlib.contextmanager
def seaweedfs() -> Iterator[Server]:
    """`weed mini`, all on loopback, telemetry and the services that no bench uses off."""
    program = environment("seaweedfs") / "bin" / "weed"
    with _folder("seaweedfs") as folder:
        keys = "bench", "bench-secret"
        credentials = [{"accessKey": keys[0], "secretKey": keys[1]}]
        identity = {"name": "bench", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (folder / "data").mkdir()
        names = ("s3.port", "master.port", "filer.port", "volume.port", "admin.port")
        ports = dict(zip(names, free_ports(len(names), beside=10_000), strict=True))
        here = ("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-webdav=false", "-admin.ui=false")
        unused = ("-s3.port.iceberg=0", "-s3.port.lance=0", f"-dir={folder / 'data'}", f"-s3.config={folder}/s3.json")
        command = [program, "mini", *here, *unused, *(f"-{name}={port}" for name, port in ports.items())]
        with running(command, folder) as process:
            url = f"http://127.0.0.1:{ports['s3.port']}"
            ready_in = ready(url + "/healthz", process, folder)
            yield Server("SeaweedFS", url, process, folder, *keys, ready_in=ready_in)


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for each in found:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for thread in Path(f"/proc/{each}/task").iterdir():
                found.extend(map(int, (thread / "children").read_text().split()))
    return found


def environment(name: str) -> Path:
    """The folder of one of the separate environments, made if it isn't there (scripts/environments.py)."""
    made = subprocess.check_output([sys.executable, ROOT / "scripts" / "environments.py", name], text=True)
    return Path(made.strip())


def free_ports(count: int, beside: int = 0) -> list[int]:
    """Ports of 127.0.0.1 that nothing listens on, nor on the port `beside` above each (SeaweedFS's gRPC)."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        while len(found) < count:
            one = held.enter_context(socket.socket())
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            if port + beside > 65_535:
                continue
            with socket.socket() as other:
                if not beside or other.connect_ex(("127.0.0.1", port + beside)):
                    found.append(port)
    return found


@contextlib.contextmanager
def running(
    command: list[Any], folder: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            list(map(str, command)), env=environment, cwd=folder,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _folder(name: str, given: Path | None = None) -> Iterator[Path]:
    """On the disk that holds the repository: /tmp may be memory, where a sync costs nothing."""
    if given:
        yield given
        return
    place = ROOT / ".bench"
    place.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ready(url: str, process: subprocess.Popen[bytes], folder: Path, patience: float = 30) -> float:
    """Seconds until `url` answers at all."""
    began = time.perf_counter()
    while time.perf_counter() - began < patience and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return time.perf_counter() - began
        except urllib.error.HTTPError:
            return time.perf_counter() - began
        except OSError:
            time.sleep(0.005)
    raise RuntimeError(f"{process.args!r} doesn't answer at {url}: {(folder / 'server.log').read_text()[-2000:]}")


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS  # user, system, and those of children that have ended


def _status(pid: int, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name + ":")), 0.0)
