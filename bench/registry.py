"""The registry against Debian's docker-registry, by skopeo over loopback in the same run; then how soon a program of
the image that was pushed says its first line, against `podman run` of the same image from the same registry.
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import servers
from bench.jobs import ENDED, IMAGES, SKLEARN, Jobs, say
from bench.processing import load, said
from bench.servers import ROOT, Server
from bench.table import Section, goal, number, publish, ratio
from clary.compute.driver import Launch, Spec
from clary.compute.drivers import open_driver
from clary.config import Config
from clary.images.own import own
from clary.images.registry import Pushed
from clary.images.rootfs import Trees

NAME = "sagemaker-bench"  # a name that AmazonSageMakerFullAccess may push to
OCI = "application/vnd.oci.image"
LAYERS, FILES = 4, 1000  # beside that of Python; files in each
CONFIG = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Entrypoint": ["python3"]}
PROGRAM = "import time; print('first line', time.time(), flush=True)"
SHARE, SECOND = 0.8, 0.05  # the goals: of docker-registry's speed; seconds
SETTINGS = "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {0}}}}}\nhttp: {{addr: {1}}}\n"


@dataclass(frozen=True)
class Registry:
    host: str
    auth: Path  # who skopeo and podman are there
    server: Server | None = None


@dataclass(frozen=True)
class Made:
    """An OCI layout in a folder."""

    folder: Path
    digest: str
    config: dict[str, Any]
    size: int


def run(megabytes: int = 500, rounds: int = 3) -> list[Section]:
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    programs = ("docker-registry", "skopeo", "podman")
    subprocess.run([sys.executable, ROOT / "scripts" / "debian.py", *programs], check=True)
    place = ROOT / ".bench"
    place.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="registry-", dir=place) as folder:
        say(f"an image of {megabytes} MB")
        made = _made(Path(folder), megabytes)
        moved = _moved(made, Path(folder), rounds)
        try:
            started = _started(made, Path(folder))
        finally:
            Trees(IMAGES).remove(made.digest)
    return [moved, started]


def _moved(made: Made, folder: Path, rounds: int) -> Section:
    """A registry begins empty in each round: neither may have a layer already."""
    took: dict[tuple[str, str], list[float]] = {}
    for n in range(rounds):
        for name, start in (("Clary", clary), ("docker-registry", peer)):
            with start(folder) as registry:
                for what in ("push", "pull"):
                    there = f"docker://{registry.host}/{NAME}:1"
                    ends = (f"oci:{made.folder}:1", there) if what == "push" else (there, f"dir:{folder}/pulled")
                    began = time.monotonic()
                    _skopeo(registry, *ends)
                    took.setdefault((what, name), []).append(time.monotonic() - began)
                subprocess.run(["rm", "-r", f"{folder}/pulled"], check=True)
        say(f"round {n}: " + ", ".join(f"{what} {name} {times[-1]:.1f} s" for (what, name), times in took.items()))
    lines = []
    for what in ("push", "pull"):
        ours, theirs = (statistics.median(took[what, name]) for name in ("Clary", "docker-registry"))
        speed = [number(made.size / 1e6 / seconds) for seconds in (ours, theirs)]
        lines.append((what, number(ours), number(theirs), *speed, ratio(theirs, ours),
                      goal(theirs / ours >= SHARE, f"≥ {SHARE} x")))  # fmt: skip
    text = (
        f"{made.size / 1e6:,.0f} MB in {LAYERS + 1} layers, by skopeo, to and from a registry that was empty; medians "
        f"of {rounds} rounds by turns. Clary knows who pushes; docker-registry here lets everybody. {load()}"
    )
    head = ("", "Clary s", "docker-registry s", "Clary MB/s", "docker-registry MB/s", "speed", "goal")
    return Section("registry", "Push and pull", text, head, lines)


def _started(made: Made, folder: Path) -> Section:
    say("starts")
    with clary(folder) as registry, _podman(folder, registry) as podman:
        assert registry.server is not None
        uri = f"{registry.host}/{NAME}:1"
        _skopeo(registry, f"oci:{made.folder}:1", f"docker://{uri}")
        jobs = Jobs(registry.server)
        _job(jobs, SKLEARN, "warm-up", 600)
        builtin = [_job(jobs, SKLEARN, f"builtin-{n}") for n in range(5)]
        first = _job(jobs, uri, "first", 300)
        again = [_job(jobs, uri, f"again-{n}") for n in range(5)]
        alone = [_container(made, uri, folder / f"alone-{n}") for n in range(7)]
        command = [sys.executable, "-c", PROGRAM]
        bare = [_until_line(command) for _ in range(7)]
        theirs, refused = [], ""
        try:
            theirs = [_until_line([*podman, uri, "-c", PROGRAM]) for _ in range(6)]
        except subprocess.CalledProcessError as error:
            refused = f" podman does not run here: {error.stderr.strip().splitlines()[-1]}"
    next_, usual = statistics.median(again), statistics.median(builtin)
    lines = [
        ("the first job of a pushed image, unpacking it", number(first), ""),
        ("the next jobs of it", number(next_), goal(next_ - usual <= SECOND, "≤ 50 ms for the image")),
        ("jobs of a built-in image", number(usual), ""),
        ("a container of the unpacked image, without the job", number(statistics.median(alone)), ""),
        ("Python alone", number(statistics.median(bare)), ""),
    ]
    if theirs:
        lines.append(("podman run, the first, which pulls", number(theirs[0]), ""))
        lines.append(("podman run, the next", number(statistics.median(theirs[1:])), ""))
    text = (
        "Seconds until Python in the image says its first line: of a job from CreateProcessingJob; of a container "
        f"from the look whether the image is unpacked; of podman from the command. What the image costs the "
        f"next job is the difference to one of a built-in image. Medians of five or more. {load()}"
        f"{refused}"
    )
    return Section("registry_start", "Starting a pushed image", text, ("", "s", "goal"), lines, "registry")


@contextlib.contextmanager
def clary(folder: Path) -> Iterator[Registry]:
    with servers.clary() as server:
        ecr = server.client("ecr")
        ecr.create_repository(repositoryName=NAME)
        (given,) = ecr.get_authorization_token()["authorizationData"]
        host = given["proxyEndpoint"].partition("://")[2]
        auth = folder / "auth.json"
        auth.write_text(json.dumps({"auths": {host: {"auth": given["authorizationToken"]}}}))
        yield Registry(host, auth, server)


@contextlib.contextmanager
def peer(folder: Path) -> Iterator[Registry]:
    (port,) = servers.free_ports(1)
    with tempfile.TemporaryDirectory(prefix="peer-", dir=folder) as place:
        told = Path(place, "config.yml")
        told.write_text(SETTINGS.format(f"{place}/data", f"127.0.0.1:{port}"))
        with servers.running(["docker-registry", "serve", told], Path(place)) as process:
            servers.ready(f"http://127.0.0.1:{port}/v2/", process, Path(place))
            auth = Path(place, "auth.json")
            auth.write_text("{}")
            yield Registry(f"127.0.0.1:{port}", auth)


@contextlib.contextmanager
def _podman(folder: Path, registry: Registry) -> Iterator[list[Any]]:
    """The command up to the image: with storage of its own, and the network of this machine, as the job has."""
    store = folder / "podman"
    podman: list[Any] = ["podman", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
    podman += ["--root", store / "storage", "--runroot", store / "running", "--storage-driver", "overlay"]
    if shutil.which("runc"):  # crun does not work with every kind of control groups
        podman += ["--runtime", "runc"]
    # What podman asks for otherwise may be more than it may have.
    alike = ["--rm", "--quiet", "--network", "host", "--ulimit", "nofile=4096", "--ulimit", "nproc=4096"]
    try:
        yield [*podman, "run", *alike, "--tls-verify=false", "--authfile", registry.auth]
    finally:
        subprocess.run([*map(str, podman), "rmi", "--all", "--force"], check=False, capture_output=True)
        subprocess.run(["umount", str(store / "storage" / "overlay")], check=False, capture_output=True)


def _skopeo(registry: Registry, source: str, target: str) -> None:
    secure = ("--src-tls-verify=false", "--dest-tls-verify=false", "--authfile", str(registry.auth))
    subprocess.run(["skopeo", "copy", "--quiet", *secure, source, target], check=True)


def _job(jobs: Jobs, image: str, name: str, seconds: float = 60) -> float:
    """Seconds from the call to the first line."""
    entry = {"ContainerEntrypoint": ["python3"]} if image == SKLEARN else {}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    began = time.time()
    jobs.sagemaker.create_processing_job(
        ProcessingJobName=name,
        ProcessingResources={"ClusterConfig": cluster},
        AppSpecification={"ImageUri": image, "ContainerArguments": ["-c", PROGRAM], **entry},
        RoleArn=jobs.role,
    )
    while time.time() - began < seconds:
        described = jobs.sagemaker.describe_processing_job(ProcessingJobName=name)
        if described["ProcessingJobStatus"] in ENDED:
            break
        time.sleep(0.02)
    if described["ProcessingJobStatus"] != "Completed":
        raise RuntimeError(f"{name}: {described.get('FailureReason')} {described.get('ExitMessage')}")
    return next(float(line.split()[2]) for line in said(jobs, name) if line.startswith("first")) - began


def _container(made: Made, uri: str, home: Path) -> float:
    """Seconds from the look whether the image is there until its program's first line: what a job adds is left out."""
    home.mkdir()
    driver = open_driver(Config.load(home=home))
    log = home / "log"
    began = time.time()
    tree = Trees(IMAGES).ready(Pushed(uri, made.digest, made.config, ()), say)
    group = home / "group"
    group.mkdir()
    handle = driver.reserve(Spec("bench-1", str(group)))
    try:
        image = own(uri, made.digest, tree, made.config)
        launch = Launch("algo-1", (*image.entrypoint, "-c", PROGRAM), str(log))
        driver.start(handle, [image.launch(launch, str(group / "upper"))])
        while driver.describe(handle)[0].state == "running":
            driver.wait(handle, 10)
        return float(log.read_text().split()[2]) - began
    finally:
        driver.release(handle)


def _until_line(command: list[Any]) -> float:
    began = time.time()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return float(done.stdout.split()[2]) - began


def _made(folder: Path, megabytes: int) -> Made:
    """Python (examples/ctr_features/image.py), and files that no compression makes smaller."""
    blobs, roots = folder / "layout" / "blobs" / "sha256", [folder / "root"]
    blobs.mkdir(parents=True)
    subprocess.run([sys.executable, ROOT / "examples" / "ctr_features" / "image.py", roots[0]], check=True)
    for layer in range(LAYERS):
        files = folder / f"layer-{layer}" / "opt" / f"data-{layer}"
        files.mkdir(parents=True)
        for n in range(FILES):
            (files / f"{n}.bin").write_bytes(os.urandom((megabytes - 20) * 1_000_000 // LAYERS // FILES))
        roots.append(files.parents[1])
    packed = [_packed(root, blobs) for root in roots]
    config = {"architecture": "amd64", "os": "linux", "config": CONFIG}
    config["rootfs"] = {"type": "layers", "diff_ids": [raw for raw, _ in packed]}
    listed = _blob(blobs, json.dumps(config).encode(), "config.v1+json")
    told = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": listed}
    manifest = _blob(blobs, json.dumps({**told, "layers": [layer for _, layer in packed]}).encode(), "manifest.v1+json")
    named = {**manifest, "annotations": {"org.opencontainers.image.ref.name": "1"}}
    (folder / "layout" / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (folder / "layout" / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    size = sum(layer["size"] for _, layer in packed)
    return Made(folder / "layout", manifest["digest"], config, size)


def _packed(root: Path, blobs: Path) -> tuple[str, dict[str, Any]]:
    """The digest of the tar file, and what the manifest says of the layer. The folder goes."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.add(root, ".")
    subprocess.run(["rm", "-r", root], check=True)
    raw = held.getvalue()
    layer = _blob(blobs, gzip.compress(raw, 1, mtime=0), "layer.v1.tar+gzip")
    return f"sha256:{hashlib.sha256(raw).hexdigest()}", layer


def _blob(blobs: Path, data: bytes, kind: str) -> dict[str, Any]:
    name = hashlib.sha256(data).hexdigest()
    (blobs / name).write_bytes(data)
    return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{name}", "size": len(data)}


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
