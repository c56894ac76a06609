"""Clary and a training job, all of it as an ordinary user."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Platform
from nobody import BECOME, NOBODY, ROOT, environment, python
from own_images import PROGRAM, Own
from sagemaker_inputs import fresh, role
from training_jobs import Jobs
from waiting import PATIENCE, until

IMAGES = ROOT / ".envs" / "images-of-nobody"  # pulled once: root's have a Python that may be open to root alone
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SCRIPT = """
import os
print("uid", os.getuid())
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.txt"), "w") as model:
    model.write(",".join(sorted(os.listdir(os.environ["SM_CHANNEL_TRAIN"]))))
"""


@pytest.fixture
def theirs() -> Iterator[Platform]:
    """A `clary up` of nobody's."""
    command = [*BECOME, python(), "-m", "clary.cli", "up", "--port", "0"]
    IMAGES.mkdir(parents=True, exist_ok=True)
    os.chown(IMAGES, NOBODY, NOBODY)
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    os.chown(folder, NOBODY, NOBODY)
    platform = Platform(folder / "home")
    given = {**environment(folder), "CLARY_HOME": str(platform.home), "CLARY_IMAGES_HOME": str(IMAGES)}
    with subprocess.Popen(command, env=given, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.readline().decode()
        assert "Clary is ready at " in said
        platform.port = int(said.split(",")[0].rpartition(":")[2])
        until((platform.home / "tls" / "bundle.pem").exists)  # the last of what it makes
        yield platform
        process.terminate()
        assert "has stopped" in process.communicate(timeout=PATIENCE)[0].decode()
    assert process.returncode == 0
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; an ordinary one is tested anyway")
def test_a_job_of_an_ordinary_user(theirs: Platform) -> None:
    assert {path.stat().st_uid for path in theirs.home.rglob("*")} == {NOBODY}
    jobs, name = Jobs(theirs, fresh("user")), fresh()
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File"}
    jobs.create(name, jobs.script(SCRIPT), AlgorithmSpecification=algorithm)
    jobs.until(name, "Training", "Completed")  # it may have an image to pull
    found = jobs.until(name, "Completed")
    assert found["TrainingJobStatus"] == "Completed"
    assert jobs.model(name) == {"model.txt": b"train.csv"}
    left = theirs.home / "jobs"
    until(lambda: not any(left.iterdir()), lambda: list(left.rglob("*")))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; an ordinary one is tested anyway")
def test_own_images_of_an_ordinary_user(theirs: Platform) -> None:
    """Who has one user id to give: the container's root is that one, which may seem to become others."""
    own, jobs, name = Own(theirs), Jobs(theirs, fresh("user")), fresh()
    image = own.program(PROGRAM.replace("os.chown(", "os.setgid(33); os.setuid(33); os.chown("))
    algorithm = {"TrainingImage": image, "TrainingInputMode": "File"}
    jobs.create(name, {}, AlgorithmSpecification=algorithm)
    jobs.until(name, "Completed")
    assert json.loads(jobs.model(name)["model.json"])["rows"] == 200
    runtime, names = theirs.client("sagemaker-runtime"), [fresh("endpoint"), fresh("endpoint")]
    for each in names:
        primary = {"Image": image, "Environment": {"MARK": each}}
        jobs.sagemaker.create_model(ModelName=each, ExecutionRoleArn=role(theirs), PrimaryContainer=primary)
        variant = {"VariantName": "all", "ModelName": each, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        jobs.sagemaker.create_endpoint_config(EndpointConfigName=each, ProductionVariants=[variant])
        jobs.sagemaker.create_endpoint(EndpointName=each, EndpointConfigName=each)
    waiter = jobs.sagemaker.get_waiter("endpoint_in_service")
    for each in names:
        waiter.wait(EndpointName=each, WaiterConfig={"Delay": 1, "MaxAttempts": int(PATIENCE)})
        answer = runtime.invoke_endpoint(EndpointName=each, Body=b"1", ContentType="text/csv")["Body"].read()
        assert answer == f"1|0{each}".encode()
        said = json.loads(runtime.invoke_endpoint(EndpointName=each, Body=b"who")["Body"].read())
        assert (said["uid"], said["gateway"]) == (0, 200)
