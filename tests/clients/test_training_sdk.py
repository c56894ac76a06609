"""Training by both SageMaker Python SDKs, unchanged: they wait for the job and show its log, as on AWS."""

from pathlib import Path
from typing import Any

import pytest

from conftest import Platform

# Everything that an SDK user writes, with the SDK's own defaults for bucket, names and upload of the script.
SDK_2 = """
import sagemaker
from sagemaker.xgboost import XGBoost
session = sagemaker.Session()
inputs = session.upload_data("data", key_prefix="sdk2")
estimator = XGBoost(entry_point="train.py", framework_version="1.7-1", role=sagemaker.get_execution_role(),
                    instance_count=1, instance_type="ml.m5.large", hyperparameters={"depth": 3},
                    metric_definitions=[{"Name": "loss", "Regex": "loss=(.*?);"}])
estimator.fit({"train": inputs}, wait=True, logs=True)
print("model at", estimator.model_data)
print("metrics", [float(value) for value in estimator.training_job_analytics.dataframe()["value"]])
"""

BUILT_IN = """
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
session = sagemaker.Session()
inputs = TrainingInput(session.upload_data("data", key_prefix="builtin"), content_type="text/csv")
image = sagemaker.image_uris.retrieve("xgboost", "us-west-2", "1.7-1")
estimator = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large", sagemaker_session=session)
estimator.set_hyperparameters(num_round=3, objective="binary:logistic")
estimator.fit({"train": inputs})
print("model at", estimator.model_data)
"""

# SDK 3 shows the log by Python's logging, which shows INFO to whoever asks for it.
SDK_3 = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode
session = Session()
inputs = session.upload_data("data", key_prefix="train3")
trainer = ModelTrainer(
    training_image="246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1",
    role=get_execution_role(session),
    source_code=SourceCode(source_dir=".", entry_script="train.py", requirements="requirements.txt"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
    hyperparameters={"depth": 3},
)
trainer.train(input_data_config=[InputData(channel_name="train", data_source=inputs)], wait=True, logs=True)
print("model at", trainer._latest_training_job.model_artifacts.s3_model_artifacts)
"""

SCRIPT = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
depth = parser.parse_args().depth
print("depth", depth, "files", os.listdir(os.environ["SM_CHANNEL_TRAIN"]))
print("loss=0.25;")
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model"), "w") as model:
    model.write(str(depth))
"""


# Longer than the five seconds between two looks of SDK 3 at the log.
SLOW = """
import six, time
print("required", six.__version__)
for step in range(7):
    print("step", step, "[of 7]", flush=True)
    time.sleep(1)
open("/opt/ml/model/model", "w").close()
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text("".join(f"{n % 2},{n},{n % 2}\n" for n in range(100)))
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "requirements.txt").write_text("six==1.16.0\n")  # the image has a newer one
    return tmp_path


def run(outside: Any, environment: str, program: str) -> str:
    done = outside("run", environment, "python", "-c", program)
    assert done.returncode == 0, (done.stdout, done.stderr)
    said: str = done.stdout + done.stderr
    return said


@pytest.mark.usefixtures("here")
def test_sdk_2_trains_a_script(outside: Any) -> None:
    said = run(outside, "sagemaker2", SDK_2)
    assert "depth 3 files ['train.csv']" in said
    assert "/output/model.tar.gz" in said
    assert "Completed - Training job completed" in said
    assert "metrics [0.25]" in said


@pytest.mark.usefixtures("here")
def test_sdk_2_trains_the_built_in_xgboost(outside: Any) -> None:
    said = run(outside, "sagemaker2", BUILT_IN)
    assert "[2]#011train-logloss:" in said
    assert "/output/model.tar.gz" in said


@pytest.mark.usefixtures("here")
def test_sdk_3_trains_a_script(outside: Any, platform: Platform) -> None:
    said = run(outside, "sagemaker3", SDK_3)
    assert "depth 3 files ['train.csv']\n" in said
    name = said.rpartition("/output/model.tar.gz")[0].rpartition("/")[2]
    logs = platform.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/"
    )
    assert "depth 3 files ['train.csv']" in [event["message"] for event in logs["events"]]


def test_sdk_3_shows_the_log_as_it_comes(outside: Any, here: Path) -> None:
    (here / "train.py").write_text(SLOW)
    said = run(outside, "sagemaker3", SDK_3)
    assert "required 1.16.0\n" in said
    steps = [line for line in said.splitlines() if line.startswith("step ")]
    assert steps == [f"step {step} [of 7]" for step in range(7)]
