"""Multi-model endpoints: a container that has room for two models."""

import hashlib
import json
import threading
from typing import Any

import pytest

from serving.bed import Plane, refused
from serving.web import announce, say, serving

ROOM = 2


class Multi:
    """The container: https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html"""

    def __init__(self) -> None:
        self.loaded: dict[str, str] = {}
        self.lock = threading.Lock()
        self.log: list[str] = []

    def __call__(self, handler: Any, body: bytes) -> None:
        with self.lock:
            status, answer = self._answer(handler, body)
        say(handler, status, answer)

    def _answer(self, handler: Any, body: bytes) -> tuple[int, bytes]:
        parts = handler.path.strip("/").split("/")
        if handler.command == "POST" and parts == ["models"]:
            told = json.loads(body)
            if told["url"].endswith("broken"):
                return 500, b"no model in it"
            if len(self.loaded) >= ROOM:
                return 507, b"full"
            self.loaded[told["model_name"]] = told["url"]
            self.log.append("load " + told["url"])
            return 200, b"{}"
        if handler.command == "DELETE":
            self.log.append("unload " + self.loaded.pop(parts[1]))
            return 200, b"{}"
        if parts[-1] == "invoke" and parts[1] in self.loaded:
            return 200, self.loaded[parts[1]].encode() + b":" + body
        return 404, b"no such model"


def main(handler: Any, body: bytes) -> None:
    """Lays a model on the replica's disk, unless there is none."""
    model = json.loads(body)["model"]
    if model.startswith("missing"):
        say(handler, 400, json.dumps({"message": f"There is no {model}."}).encode())
    else:
        say(handler, 200, json.dumps({"url": f"/opt/ml/models/{model}"}).encode())


@pytest.fixture
def multi(plane: Plane) -> Any:
    container = Multi()
    with serving(container) as server, serving(main) as owner:
        announce(plane.home, owner)
        plane.serve("multi", server.container(), mode="Multi")
        plane.metrics("multi")
        yield container, server, owner
        (plane.home / "run.json").unlink()


def ask(plane: Plane, model: str) -> bytes:
    answer: bytes = plane.client().invoke_endpoint(EndpointName="multi", Body=b"1", TargetModel=model)["Body"].read()
    return answer


def test_models_are_loaded_when_asked_for_and_the_oldest_makes_room(plane: Plane, multi: Any) -> None:
    container, server, owner = multi
    for model in ("a", "b", "a", "c", "a", "b"):
        assert ask(plane, model) == f"/opt/ml/models/{model}:1".encode()
    base = "/opt/ml/models/"
    expected = ["load a", "load b", "unload b", "load c", "unload c", "load b"]
    assert container.log == [each.replace(" ", " " + base) for each in expected]
    wanted = json.loads(owner.asked[0][3])
    assert wanted["endpoint"] == plane.arn("multi")
    assert (wanted["variant"], wanted["container"], wanted["model"]) == ("AllTraffic", "primary", "a")
    assert isinstance(wanted["replica"], int)
    invoked = [path for _, path, _, _ in server.asked if path.endswith("/invoke")]
    assert invoked[0] == f"/models/{hashlib.sha256(b'a').hexdigest()[:32]}/invoke"
    found = plane.metrics("multi")
    assert found["ModelCacheHit", "AllTraffic"] == {0: 4, 1: 2}
    assert sum(found["ModelLoadingTime", "AllTraffic"].values()) == 4
    assert sum(found["ModelDownloadingTime", "AllTraffic"].values()) == 4
    assert sum(found["ModelUnloadingTime", "AllTraffic"].values()) == 2
    assert sum(found["ModelLoadingWaitTime", "AllTraffic"].values()) == 4


def test_many_at_once_load_a_model_once(plane: Plane, multi: Any) -> None:
    container = multi[0]
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(plane, "many"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"/opt/ml/models/many:1"] * 8
    assert len(container.log) == 1


def test_models_that_cannot_be_had(plane: Plane, multi: Any) -> None:
    call = plane.client().invoke_endpoint
    given = {"EndpointName": "multi", "Body": b""}
    assert refused(call, **given, TargetModel="missing.tar.gz")[:2] == (
        "ValidationError",
        "There is no missing.tar.gz.",
    )
    told = refused(call, **given, TargetModel="broken")
    assert told[0] == "ModelError"
    assert told[1].startswith('Received server error (500) from primary with message "no model in it".')
    told = refused(call, **given)
    assert told[0] == "ValidationError"
    assert told[1].endswith(" is missing a target model header.")
    assert ask(plane, "fine") == b"/opt/ml/models/fine:1"
