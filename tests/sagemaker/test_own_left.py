"""What containers of users' images leave that is odd: it is told, or stays behind, and never Clary's internal error."""

from typing import Any

import pytest

from conftest import Platform
from own_images import Own
from sagemaker_inputs import fresh
from training_jobs import Jobs
from waiting import until


@pytest.fixture(scope="module")
def own(platform: Platform) -> Own:
    return Own(platform)


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> Jobs:
    return Jobs(platform, fresh("own"))


def by(uri: str, **more: Any) -> dict[str, Any]:
    return {"AlgorithmSpecification": {"TrainingImage": uri, "TrainingInputMode": "File", **more}}


def test_what_is_no_file_stays_behind(jobs: Jobs, own: Own) -> None:
    """A server leaves its socket in /opt/ml/model, and a pipe; a link is a link, wherever it leads."""
    text = """
import os, socket
os.chdir("/opt/ml/model")
with socket.socket(socket.AF_UNIX) as left, open("model", "w") as model:
    left.bind("server.sock")
    model.write("x")
os.mkfifo("pipe")
os.symlink("/etc/passwd", "link")
"""
    name = fresh()
    found = jobs.run(name, {}, **by(own.program(text)))
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert jobs.model(name) == {"model": b"x"}


def test_folders_deeper_than_a_walk(jobs: Jobs, own: Own) -> None:
    """In the model they are an error that says so; elsewhere they go with the job."""
    text = """
import os, sys
where = "/opt/ml/model" if len(sys.argv) > 2 else "/var"
os.makedirs(where, exist_ok=True)
os.chdir(where)
for _ in range(5000):
    os.mkdir("a")
    os.chdir("a")
"""
    uri = own.program(text)
    found = jobs.run(fresh(), {}, **by(uri, ContainerArguments=["into the model"]))
    assert found["TrainingJobStatus"] == "Failed"
    assert "a key has at most 1024 bytes" in found["FailureReason"]
    assert jobs.run(fresh(), {}, **by(uri))["TrainingJobStatus"] == "Completed"
    until(lambda: not list(jobs.platform.home.glob("jobs/*/algo-1/upper-image/var/a")), absent=(OSError,))
