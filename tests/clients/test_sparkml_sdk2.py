"""SparkMLModel of SDK 2: an endpoint and a transform job of a bundle."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from images import sparkml_bundles as bundles

SCRIPT = """
import sys
from sagemaker import Session, get_execution_role
from sagemaker.sparkml.model import SparkMLModel

schema = sys.argv[1]
session = Session()
model = SparkMLModel(
    model_data=session.upload_data("model.tar.gz", key_prefix="sparkml-sdk2"),
    role=get_execution_role(),
    env={"SAGEMAKER_SPARKML_SCHEMA": schema},
    spark_version="2.4",
    name=session.default_bucket().replace("sagemaker-", "sparkml-sdk2-"),
)
predictor = model.deploy(1, "ml.m5.large", wait=False, endpoint_name=model.name)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)
print("\\nIMAGE", model.image_uri)
print("\\nLABEL", predictor.predict("2.0").decode())
transformer = model.transformer(
    1, "ml.m5.large", output_path=f"s3://{session.default_bucket()}/sparkml-sdk2/out", assemble_with="Line"
)
data = session.upload_data("rows.csv", key_prefix="sparkml-sdk2/in")
transformer.transform(data, content_type="text/csv", split_type="Line", logs=False)
print("\\nLABELS", ",".join(session.read_s3_file(session.default_bucket(), "sparkml-sdk2/out/rows.csv.out").split()))
predictor.delete_endpoint()
"""


@pytest.mark.parametrize("way", ["env"])
def test_a_bundle_is_deployed_and_transforms(outside: Any, way: str, tmp_path: Path) -> None:
    folder = bundles.labels(tmp_path / "labels")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for part in folder.iterdir():
            archive.add(part, part.name)
    (tmp_path / "model.tar.gz").write_bytes(packed.getvalue())
    (tmp_path / "rows.csv").write_text("0.0\n3.0\n1.0\n")
    (tmp_path / "script.py").write_text(SCRIPT)
    done = outside(way, "sagemaker2", "python", "script.py", json.dumps(bundles.LABEL))
    assert done.returncode == 0, (done.stdout, done.stderr)
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.split(" ")[0].isupper())
    assert said["IMAGE"].endswith("/sagemaker-sparkml-serving:2.4")
    assert said["LABEL"] == "good"
    assert said["LABELS"] == "unacc,vgood,acc"
