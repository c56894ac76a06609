"""A data plane on a home that a real `clary up` has made, with small real containers behind it.

What the hosting controller does is done by hand: rows of the routing table are put by the test itself.
"""

import contextlib
import http.client
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.store import routes
from clary.store.routes import Fleet, Framed, Mode, Replica, Route, Variant, Web
from conftest import Platform
from waiting import PATIENCE, until

REPLICA = Path(__file__).with_name("replica.py")
TIMEOUT = 10.0  # seconds that a container has which is to be late


class Plane:
    """The process, and the rows that it reads. Its containers have all the time that a busy machine makes them take."""

    def __init__(self, platform: Platform, **settings: str) -> None:
        self.platform = platform
        self.home = platform.home
        self.folder = Path(tempfile.mkdtemp(prefix="clary-serving-"))
        self.account: str = json.loads((self.home / "root.json").read_text())["Account"]
        self.containers: dict[str, subprocess.Popen[str]] = {}  # by socket
        self.process: subprocess.Popen[bytes] | None = None
        self._settings = settings
        self._ids = count(1)
        self._rows: list[Route | Replica] = []
        state = self.home / "state.db"
        self._database = sqlite3.connect(state, isolation_level=None, timeout=PATIENCE, check_same_thread=False)
        self._database.row_factory = sqlite3.Row

    def start(self, listener: socket.socket | None = None) -> "Plane":
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CLARY_"))}
        usual = {"CLARY_SERVING_PORT": "0", "CLARY_SERVING_TIMEOUT": str(PATIENCE), "CLARY_HARVEST": str(PATIENCE)}
        environment |= {**usual, **self._settings}
        told = self.home / "serving" / "plane.json"
        told.unlink(missing_ok=True)
        command = [sys.executable, "-m", "clary.plane", str(self.home)]
        inherited: dict[str, Any] = {}
        if listener is not None:  # as descriptor 3, which Popen cannot say by itself
            code = f"import os, sys; os.dup2({listener.fileno()}, 3); os.execv(sys.argv[1], sys.argv[1:])"
            command = [sys.executable, "-c", code, *command]
            inherited["pass_fds"] = (listener.fileno(),)
        self.process = subprocess.Popen(command, env=environment, **inherited)
        until(told.exists)
        self.port: int = json.loads(told.read_text())["port"]
        return self

    def stop(self) -> int:
        assert self.process is not None
        process, self.process = self.process, None
        process.terminate()
        return process.wait(PATIENCE)

    def close(self) -> None:
        if self.process is not None:
            self.stop()
        for process in self.containers.values():
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        self.remove(*self._rows)
        self._database.close()
        shutil.rmtree(self.folder)

    def client(self, keys: tuple[str, ...] | None = None, region: str = "us-west-2") -> Any:
        url = f"http://127.0.0.1:{self.port}"
        return self.platform.client("sagemaker-runtime", endpoint_url=url, keys=keys, region=region)

    def arn(self, name: str) -> str:
        return f"arn:aws:sagemaker:us-west-2:{self.account}:endpoint/{name.lower()}"

    def put(self, *entries: Route | Replica) -> None:
        self._rows += entries
        self._database.execute("BEGIN IMMEDIATE")
        for entry in entries:
            routes.put(self._database, entry)
        self._database.execute("COMMIT")

    def remove(self, *entries: Route | Replica) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        for entry in entries:
            if isinstance(entry, Route):
                routes.remove_route(self._database, entry.arn)
            else:
                routes.remove_replica(self._database, entry.id)
        self._database.execute("COMMIT")

    def container(self, name: str = "echo", hostname: str = "primary") -> Framed:
        """A container of frames that runs."""
        path = str(self.folder / f"{next(self._ids)}.sock")
        process = subprocess.Popen([sys.executable, REPLICA, path, name], stdout=subprocess.PIPE, text=True)
        self.containers[path] = process
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return Framed(hostname, socket=path)

    def again(self, container: Framed) -> None:
        """Starts a container that has ended once more, on its socket."""
        process = self.containers[container.socket]
        process.wait(PATIENCE)
        assert process.stdout is not None
        process.stdout.close()
        Path(container.socket).unlink(missing_ok=True)
        fresh = subprocess.Popen(process.args, stdout=subprocess.PIPE, text=True)
        self.containers[container.socket] = fresh
        assert fresh.stdout is not None
        assert fresh.stdout.readline() == "ready\n"

    def route(self, name: str, *variants: Variant, **fleet: Any) -> Route:
        told = {"id": "f1", "share": 1.0, "config": "c", **fleet}
        return Route(self.arn(name), name, "us-west-2", (Fleet(variants=variants, **told),))

    def replica(self, name: str, *containers: Framed | Web, variant: str = "AllTraffic", fleet: str = "f1") -> Replica:
        number = int(time.time() * 1000) * 1000 + next(self._ids)
        log = (f"/aws/sagemaker/Endpoints/{name}", f"{variant}/i-1")
        return Replica(number, self.arn(name), fleet, variant, "ready", containers, log)

    def serve(self, name: str, *containers: Framed | Web, mode: Mode = "Single", **variant: Any) -> list[Replica]:
        """An endpoint with one variant, and a replica for each container; in a pipeline one replica for all."""
        row = [containers] if mode in {"Serial", "Direct"} else [(each,) for each in containers]
        replicas = [self.replica(name, *each) for each in row]
        self.put(self.route(name, Variant("AllTraffic", 1.0, mode, **variant)), *replicas)
        return replicas

    def inside(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """A request on the unix socket."""
        connection = http.client.HTTPConnection("inside")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(PATIENCE)
        with contextlib.closing(connection):
            connection.sock.connect(str(self.home / "serving" / "inside.sock"))
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()

    def running(self, name: str) -> int:
        """An endpoint's invocations; it has no state before the first."""
        found = self.state()["endpoints"].get(self.arn(name))
        return int(found["running"]) if found else 0

    def state(self) -> Any:
        status, body = self.inside("GET", "/.clary/state")
        assert status == 200
        return json.loads(body)

    def metrics(self, name: str) -> dict[tuple[str, ...], dict[float, int]]:
        """{(metric, variant, …): {value: how often}} of an endpoint; and of all endpoints, they are taken."""
        found: dict[tuple[str, ...], dict[float, int]] = {}
        samples = json.loads(self.inside("POST", "/.clary/metrics")[1])["samples"]["AWS/SageMaker"]
        for metric, dimensions, values, counts, _unit, _at in samples:
            if dimensions["EndpointName"] == name:
                key = (metric, *(v for k, v in dimensions.items() if k != "EndpointName"))
                known = found.setdefault(key, {})
                for value, times in zip(values, counts, strict=True):
                    known[value] = known.get(value, 0) + times
        return found


def refused(call: Any, **given: Any) -> tuple[str, str, int]:
    """Code, message and status of what a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    response = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]
