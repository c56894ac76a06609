"""Spark over a job's instances: a standalone master beside the driver on the first, a worker on each.
https://spark.apache.org/docs/3.5.0/spark-standalone.html

What the others run lasts as long as the driver: they hold a connection to the first instance, over which the end is
told. Who is not of the job does not know the secret that master, workers and executors ask of each other.
"""

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import files, java, options
from .settings import EXECUTOR, MIB, Instance

MASTER, WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
PORT, DOOR = 7077, 7078
HEAP = "512m"  # of master and worker, which only tell others what to do
PATIENCE = 120.0  # seconds for an instance to be there
END = b"end"
OUTPUTS = "app-*/*/std*"  # of executors, in a worker's folder


def address(host: str) -> str:
    """As the job's /etc/hosts says."""
    return socket.gethostbyname(host)


def _settings() -> dict[str, str]:
    """What all of a cluster's programs share. The job's own token for its role's credentials makes the secret."""
    token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if not token:
        return {}  # its network is its own
    secret = hashlib.sha256(b"spark" + token.encode()).hexdigest()
    return {"spark.authenticate": "true", "spark.authenticate.secret": secret}


def _daemon(here: Instance, folder: Path, main: str, *arguments: str) -> "subprocess.Popen[bytes]":
    file = folder / "daemons.conf"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(options.write(_settings()))
    command = java.plain(here, HEAP, main, "--properties-file", str(file), *arguments)
    # Of a session of its own, so that it ends when we say so.
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


def _worker(here: Instance, folder: Path) -> "subprocess.Popen[bytes]":
    work = folder / "work"
    threading.Thread(target=_tell, args=(work,), daemon=True).start()
    size = ("--cores", str(here.cpus), "--memory", f"{here.share(EXECUTOR)}m")
    place = ("--host", here.name, "--webui-port", "0", "--work-dir", str(work))
    return _daemon(here, folder, WORKER, *size, *place, f"spark://{here.hosts[0]}:{PORT}")


def _tell(work: Path) -> None:
    """What executors print goes to the job's log."""
    read: dict[Path, int] = {}
    while True:
        for file in work.glob(OUTPUTS):
            with contextlib.suppress(OSError), file.open("rb") as content:
                content.seek(read.get(file, 0))
                if text := content.read(MIB):
                    whole = text.rfind(b"\n") + 1 or (len(text) if len(text) == MIB else 0)
                    read[file] = read.get(file, 0) + whole
                    sys.stderr.buffer.write(text[:whole])
                    sys.stderr.flush()
        time.sleep(0.5)


class Leading:
    """Master and worker of the first instance."""

    def __init__(self, here: Instance, folder: Path) -> None:
        self.settings = _settings()
        self._others = len(here.hosts) - 1
        self._door = socket.create_server((address(here.name), DOOR))
        place = ("--host", here.name, "--port", str(PORT), "--webui-port", "0")
        self._daemons = [_daemon(here, folder, MASTER, *place), _worker(here, folder)]

    def close(self) -> None:
        """Tells all others of the end, also who only comes now."""
        self._door.settimeout(PATIENCE)
        with self._door, contextlib.suppress(OSError):
            for _ in range(self._others):
                other, _ = self._door.accept()
                with other:
                    other.sendall(END)
        for daemon in self._daemons:
            daemon.terminate()
        for daemon in self._daemons:
            daemon.wait()


def lead(here: Instance, folder: Path) -> Leading:
    return Leading(here, folder)


def follow(here: Instance) -> int:
    """A worker, until the driver's end. The job's exit code is the driver's."""
    files.login(os.environ)  # executors inherit it
    worker = _worker(here, java.folder())
    try:
        told = _wait(here, worker)
    except OSError as error:
        print(f"{here.hosts[0]} cannot be reached: {error}", file=sys.stderr)
        return 1
    finally:
        worker.terminate()
        worker.wait()
    return 0 if told else 1


def _wait(here: Instance, worker: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            leader = socket.create_connection((address(here.hosts[0]), DOOR), 5)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    with leader:
        leader.settimeout(1)
        while True:
            with contextlib.suppress(TimeoutError):
                if leader.recv(len(END)) == END:
                    return True
                print(f"{here.hosts[0]} is gone", file=sys.stderr)
                return False
            if (code := worker.poll()) is not None:
                print(f"Spark's worker ended with exit code {code}", file=sys.stderr)
                return False
