"""Clary and a training job, all of it as an ordinary user."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Platform
from nobody import BECOME, NOBODY, ROOT, environment, python
from sagemaker_inputs import fresh
from training_jobs import Jobs

IMAGES = ROOT / ".envs" / "images-of-nobody"  # pulled once: root's have a Python that may be open to root alone
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
PATIENCE = 30.0  # seconds
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
    found = jobs.until(name, "Completed", seconds=300)
    assert found["TrainingJobStatus"] == "Completed"
    assert jobs.model(name) == {"model.txt": b"train.csv"}
    left = theirs.home / "jobs"
    deadline = time.monotonic() + PATIENCE
    while any(left.iterdir()):
        assert time.monotonic() < deadline, list(left.rglob("*"))
        time.sleep(0.05)
