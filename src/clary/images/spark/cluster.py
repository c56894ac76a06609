"""Spark over a job's instances: a standalone master beside the driver on the first, a worker on each.
https://spark.apache.org/docs/3.5.0/spark-standalone.html

What the others run lasts as long as the driver: they hold a connection to the first instance, over which the end is
told. Who is not of the job does not know the secret that master, workers and executors ask of each other.
"""

import contextlib
import hashlib
import hmac
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import files, java, options
from .repeated import Repeated
from .settings import EXECUTOR, MIB, Instance

MASTER, WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
PORT, DOOR = 7077, 7078
HEAP = "512m"  # of master and worker, which only tell others what to do
PATIENCE = 120.0  # seconds for an instance to be there
END = b"end"
HEAD = (b"Spark Executor Command: ", b"========================================")
OUTPUTS = "app-*/*/std*"  # of executors, in a worker's folder


def address(host: str) -> str:
    """As the job's /etc/hosts says."""
    return socket.gethostbyname(host)


def _settings() -> dict[str, str]:
    """What all of a cluster's programs share. The job's own token for its role's credentials makes the secret."""
    return {"spark.authenticate": "true", "spark.authenticate.secret": _secret()}


def _secret() -> str:
    """Without a token the network is the job's alone, and so is who could read its name."""
    token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    return hashlib.sha256(b"spark" + token.encode()).hexdigest()


def _daemon(here: Instance, folder: Path, main: str, *arguments: str) -> "subprocess.Popen[bytes]":
    file = folder / "daemons.conf"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(options.write(_settings()), "utf-8")
    command = java.plain(here, HEAP, main, "--properties-file", str(file), *arguments)
    # Of a session of its own, so that it ends when we say so.
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


class Outputs:
    """What executors print goes to the job's log, line by line, without the head that Spark puts before it. Spark puts
    it into files, of which nothing tells that they grow.
    """

    def __init__(self, work: Path) -> None:
        self._work = work
        self._read: dict[Path, int] = {}
        self._telling = Repeated(self._tell, 0.5)

    def close(self) -> None:
        """With what they printed last."""
        self._telling.close()
        self._tell(last=True)

    def _tell(self, *, last: bool = False) -> None:
        for file in self._work.glob(OUTPUTS):
            with contextlib.suppress(OSError):
                while lines := self._lines(file, last=last):
                    sys.stderr.buffer.write(b"".join(line for line in lines if not line.startswith(HEAD)))
                    sys.stderr.flush()

    def _lines(self, file: Path, *, last: bool) -> list[bytes]:
        """The next ones; at last also one that has no end."""
        with file.open("rb") as content:
            content.seek(self._read.get(file, 0))
            text = content.read(MIB)
        whole = text.rfind(b"\n") + 1 or (len(text) if last or len(text) == MIB else 0)
        self._read[file] = self._read.get(file, 0) + whole
        return text[:whole].splitlines(keepends=True)


class Worker:
    """Spark's worker of this instance, with the executor that it starts."""

    def __init__(self, here: Instance, folder: Path) -> None:
        work = folder / "work"
        size = ("--cores", str(here.cpus), "--memory", f"{here.share(EXECUTOR)}m")
        place = ("--host", here.name, "--webui-port", "0", "--work-dir", str(work))
        self.process = _daemon(here, folder, WORKER, *size, *place, f"spark://{here.hosts[0]}:{PORT}")
        self._outputs = Outputs(work)

    def close(self) -> None:
        _end(self.process)
        self._outputs.close()


def _end(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.kill()  # there is nothing that it would have to finish
    daemon.wait()


class Leading:
    """Master and worker of the first instance."""

    def __init__(self, here: Instance, folder: Path) -> None:
        self.settings = {**java.executors(), **_settings()}
        self._others = len(here.hosts) - 1
        self._door = socket.create_server((address(here.name), DOOR))
        place = ("--host", here.name, "--port", str(PORT), "--webui-port", "0")
        self._master = address(here.name), PORT
        self._daemon = _daemon(here, folder, MASTER, *place)
        self._worker: Worker | None = None
        self._starting = threading.Thread(target=self._start, args=(here, folder), daemon=True)
        self._starting.start()

    def _start(self, here: Instance, folder: Path) -> None:
        self.join()
        self._worker = Worker(here, folder)

    def join(self) -> None:
        """Until there is a master: who asks one that isn't there asks again only after a long while."""
        _connected(*self._master).close()

    def close(self) -> None:
        """Tells all others of the end, also who only comes now."""
        self._door.settimeout(PATIENCE)
        left = self._others
        with self._door, contextlib.suppress(OSError):
            while left:
                other, _ = self._door.accept()
                with other:
                    left -= _told(other)
        self._starting.join()
        if self._worker is not None:
            self._worker.close()
        _end(self._daemon)


def _told(other: socket.socket) -> bool:
    """Whether it is one of the job's, which says so."""
    other.settimeout(5)
    with contextlib.suppress(OSError):
        if hmac.compare_digest(other.recv(len(_secret())), _secret().encode()):
            other.sendall(END)
            return True
    return False


def follow(here: Instance) -> int:
    """A worker, until the driver's end. The job's exit code is the driver's."""
    try:
        leader = _connected(address(here.hosts[0]), DOOR)
        _connected(address(here.hosts[0]), PORT).close()
    except OSError as error:
        print(f"{here.hosts[0]} cannot be reached: {error}", file=sys.stderr)
        return 1
    files.login(os.environ)  # executors inherit it
    worker = Worker(here, java.folder())
    threading.Thread(target=_hang_up, args=(leader, worker.process), daemon=True).start()
    try:
        with leader:
            return _wait(leader, here.hosts[0], worker.process)
    finally:
        worker.close()


def _hang_up(leader: socket.socket, worker: "subprocess.Popen[bytes]") -> None:
    """When the worker ends, so that who waits for the leader wakes up."""
    worker.wait()
    with contextlib.suppress(OSError):
        leader.shutdown(socket.SHUT_RDWR)


def _wait(leader: socket.socket, name: str, worker: "subprocess.Popen[bytes]") -> int:
    leader.sendall(_secret().encode())
    leader.settimeout(None)
    with contextlib.suppress(ConnectionError):
        if leader.recv(len(END)) == END:
            return 0
    code = worker.poll()
    print(f"Spark's worker ended with exit code {code}" if code is not None else f"{name} is gone", file=sys.stderr)
    return 1


def _connected(host: str, port: int) -> socket.socket:
    """Raises OSError, after a while. Nothing tells that somebody listens there now."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection((host, port), 5)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
