"""Jobs and endpoints whose containers are an engine's, `driver = "container"`: by the front door, as on the sandbox."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import engines
from conftest import Platform
from endpoints import Endpoints
from own_images import Own
from processing_jobs import Processing
from sagemaker_inputs import fresh
from training_jobs import Jobs
from waiting import until

WAITS = """
import os, time, sklearn
open("/opt/ml/processing/output/result/begun", "w").write("1")
print("begun", flush=True)
time.sleep(8)
print("done by", sklearn.__version__)
open("/opt/ml/processing/output/result/done", "w").write(str(os.getuid()))
"""


@pytest.fixture(scope="module")
def contained() -> Iterator[Platform]:
    address = engines.address("dockerd")
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    platform = Platform(folder / "home", CLARY_DRIVER="container", CLARY_ENGINE=address).start()
    yield platform
    platform.stop()
    shutil.rmtree(folder)


def test_a_processing_job_of_a_built_in_image_outlives_clary(contained: Platform) -> None:
    processing = Processing(contained)
    name = processing.start(WAITS)
    until(lambda: "begun" in processing.log(name))
    contained.kill()
    contained.start()
    again = Processing.__new__(Processing)
    again.platform, again.bucket = contained, processing.bucket
    again.s3, again.sagemaker = contained.client("s3"), contained.client("sagemaker")
    again.until(name, "Completed")
    made = again.left(f"{name}/out")
    assert made["begun"] == b"1"
    assert int(made["done"]) > 0
    assert again.log(name).count("begun") == 1


def test_an_image_of_the_users_trains_and_serves(contained: Platform) -> None:
    own = Own(contained)
    image, jobs, name = own.program(), Jobs(contained, fresh("engine")), fresh()
    found = jobs.run(name, {}, AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"})
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert json.loads(jobs.model(name)["model.json"])["rows"] == 200
    endpoints = Endpoints(contained)
    model = endpoints.model(Image=image, Environment={"MARK": "own"})
    served = endpoints.serving(endpoints.variant(model))
    answer = contained.client("sagemaker-runtime").invoke_endpoint(EndpointName=served, Body=b"1,2")
    assert answer["Body"].read().endswith(b"own")
    contained.client("sagemaker").delete_endpoint(EndpointName=served)
