"""Container engines for tests: podman's service, or dockerd, on a socket and a folder of this process's own."""

import atexit
import os
import resource
import shutil
import socket
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

import debian
from waiting import PATIENCE, until

FOLDERS: dict[int, Path] = {}
CONFIGURATION = """
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
init_path = "{init}"
runtime = "{runtime}"
[containers]
default_ulimits = ["nofile={files}:{files}"]
"""


@cache
def address(name: str) -> str:
    """Of a running one, with nothing in it, which ends with this process. Skips the test where none can be had."""
    place, process = start(name)
    atexit.register(end, process)
    return place


def start(name: str) -> tuple[str, "subprocess.Popen[bytes]"]:
    programs = ("podman", "catatonit") if name == "podman" else ("dockerd",)
    if os.geteuid():
        pytest.skip("only root can start a container engine here")
    if not debian.ready(*programs):
        pytest.skip(f"{' and '.join(programs)} cannot be had here")
    folder = Path(tempfile.mkdtemp(prefix="clary-engine-"))
    place = folder / "engine.sock"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            _podman(folder, place) if name == "podman" else _dockerd(folder, place),
            env={**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf"), "TMPDIR": str(folder)},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    def said() -> str:
        return (folder / "log").read_text(errors="replace")

    until(lambda: _answers(place) or process.poll() is not None, said)
    if process.poll() is not None:
        told = said()
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"{name} cannot run here: {told[-1000:]}")
    FOLDERS[process.pid] = folder
    return f"unix://{place}", process


def _podman(folder: Path, place: Path) -> list[str]:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    init = shutil.which("catatonit")
    runtime = (
        "runc" if shutil.which("runc") else "crun"
    )  # on this and that version of control groups crun does not work
    (folder / "containers.conf").write_text(CONFIGURATION.format(init=init, runtime=runtime, files=files))
    storage = ["--root", f"{folder}/root", "--runroot", f"{folder}/run"]
    return ["podman", *storage, "system", "service", "--time=0", f"unix://{place}"]


def _dockerd(folder: Path, place: Path) -> list[str]:
    own = ["--data-root", f"{folder}/root", "--exec-root", f"{folder}/run", "--pidfile", f"{folder}/pid"]
    return ["dockerd", *own, "--bridge=none", "--iptables=false", "--ip-masq=false", "-H", f"unix://{place}"]


def _answers(place: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(place))
            asking.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b"200 OK" in asking.recv(100)
    except OSError:
        return False


def end(process: "subprocess.Popen[bytes]") -> None:
    """And all that it has."""
    folder = FOLDERS.pop(process.pid)
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for line in sorted(Path("/proc/mounts").read_text().splitlines(), reverse=True):
        place = line.split()[1]
        if place.startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", place], check=False)
    shutil.rmtree(folder, ignore_errors=True)
