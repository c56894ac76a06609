"""Batch transform by version 2 of the SageMaker Python SDK, unchanged: it waits for the job and shows its log."""

from pathlib import Path
from typing import Any

import pytest

SDK_2 = """
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
session = sagemaker.Session()
inputs = TrainingInput(session.upload_data("data", key_prefix="transform"), content_type="text/csv")
image = sagemaker.image_uris.retrieve("xgboost", "us-west-2", "1.7-1")
estimator = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large", sagemaker_session=session)
estimator.set_hyperparameters(num_round=3, objective="binary:logistic")
estimator.fit({"train": inputs}, logs=False)
transformer = estimator.transformer(1, "ml.m5.large", strategy="MultiRecord", assemble_with="Line", accept="text/csv")
transformer.transform(session.upload_data("batch", key_prefix="batch"), content_type="text/csv", split_type="Line",
                      input_filter="$[1:]", join_source="Input", output_filter="$[0,-1]", wait=True, logs=True)
print("output at", transformer.output_path)
sagemaker.s3.S3Downloader.download(transformer.output_path, "got", sagemaker_session=session)
attached = sagemaker.transformer.Transformer.attach(transformer.latest_transform_job.name, sagemaker_session=session)
print("attached to", attached.model_name == transformer.model_name)
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for folder in ("data", "batch"):
        (tmp_path / folder).mkdir()
    (tmp_path / "data" / "train.csv").write_text("".join(f"{n % 2},{n},{n % 2}\n" for n in range(100)))
    (tmp_path / "batch" / "rows.csv").write_text("".join(f"id{n},{n},{n % 2}\n" for n in range(50)))
    return tmp_path


def test_sdk_2_transforms(outside: Any, here: Path) -> None:
    done = outside("run", "sagemaker2", "python", "-c", SDK_2)
    assert done.returncode == 0, (done.stdout, done.stderr)
    said = done.stdout + done.stderr
    assert "MaxConcurrentTransforms=" in said, "the data log is shown"
    assert "attached to True" in said
    rows = [line.split(",") for line in (here / "got" / "rows.csv.out").read_text().splitlines()]
    assert [name for name, _ in rows] == [f"id{number}" for number in range(50)]
    assert all((float(score) > 0.5) == bool(number % 2) for number, (_, score) in enumerate(rows))
