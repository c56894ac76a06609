"""W3, one code path for training and inference: examples/car_evaluation as a user runs it, and all of its answers
against what Spark and xgboost give by hand.
"""

import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from clary.config import Config
from clary.images.image import resolve
from clary.images.pull import Images
from conftest import IMAGES, Platform
from sagemaker_runtime.asynchronous import statistics
from spark.conftest import oracle, spark_image
from spark.oracle import Oracle
from waiting import until

__all__ = ["oracle", "spark_image"]
EXAMPLE = Path(__file__).parents[2] / "examples" / "car_evaluation"
NAME = "car-evaluation"
PREDICTS = """
import json, pickle, sys, numpy, xgboost
path, rows = sys.argv[1], json.load(sys.stdin)
booster = pickle.load(open(path, "rb"))
print(json.dumps(booster.predict(xgboost.DMatrix(numpy.array(rows, "float32"))).tolist()))
"""


def by_hand(spark: Any, path: str) -> tuple[list[list[float]], list[str]]:
    """The features of each car in the order of the file, and the labels of the classes: Spark alone, without MLeap."""
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import OneHotEncoder, StringIndexer, VectorAssembler

    names = ["buying", "maint", "doors", "persons", "lug_boot", "safety"]
    cars = spark.read.csv(path).toDF(*names, "cat")
    stages = [StringIndexer(inputCol=name, outputCol=f"{name}Index") for name in names]
    stages += [OneHotEncoder(inputCol=f"{name}Index", outputCol=f"{name}Vec") for name in names]
    stages.append(VectorAssembler(inputCols=[f"{name}Vec" for name in names], outputCol="features"))
    rows = Pipeline(stages=stages).fit(cars).transform(cars).select("features").collect()
    labels = StringIndexer(inputCol="cat", outputCol="label").fit(cars).labels
    return [[float(number) for number in row.features.toArray()] for row in rows], labels


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """Where the notebook runs: its files, and MLeap's as users bring them for AWS, which are taken and left alone."""
    for file in ("car.data", "preprocessor.py"):
        shutil.copy(EXAMPLE / file, tmp_path)
    for name, member in (("python.zip", "mleap/__init__.py"), ("mleap_spark_assembly.jar", "ml/combust/Nothing.class")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, "raise ImportError('that of the zip')\n")
    return tmp_path


def cells() -> list[str]:
    """The notebook's code."""
    every = json.loads((EXAMPLE / "car_evaluation.ipynb").read_text())["cells"]
    return ["".join(cell["source"]) for cell in every if cell["cell_type"] == "code"]


@pytest.mark.parametrize("way", ["env"])
def test_all_labels_are_what_spark_and_xgboost_give_by_hand(
    outside: Any, way: str, platform: Platform, oracle: Oracle, beside: Path
) -> None:
    """The notebook from its first cell to its last."""
    setup, *work, clean_up = cells()

    def notebook(*code: str) -> list[str]:
        (beside / "cells.py").write_text("\n".join(code))
        done = outside(way, "sagemaker2", "python", "cells.py")
        assert done.returncode == 0, (done.stdout, done.stderr)
        return str(done.stdout).splitlines()

    said = notebook(setup, *work)
    assert "vgood" in said
    cars = [line.split(",") for line in (EXAMPLE / "car.data").read_text().split()]
    s3, bucket = platform.client("s3"), said[0].removeprefix("s3://")
    labels = s3.get_object(Bucket=bucket, Key="labels/cars.csv.out")["Body"].read().decode().split()

    features, classes = oracle(by_hand, str(EXAMPLE / "car.data"))
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="xgb/")["Contents"]
    (key,) = [one["Key"] for one in listed if one["Key"].endswith("model.tar.gz")]
    with tarfile.open(fileobj=io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as archive:
        archive.extractall(beside, filter="data")
    python = Images(Config(images_home=str(IMAGES))).built(resolve("xgboost:latest"), print).folder / "bin" / "python"
    done = subprocess.run(
        [python, "-c", PREDICTS, beside / "xgboost-model"],
        input=json.dumps(features), capture_output=True, text=True, check=True,
    )  # fmt: skip
    predicted = [classes[int(number)] for number in json.loads(done.stdout)]
    assert len(predicted) == 1728
    assert labels == predicted  # of the batch transform job

    runtime = platform.client("sagemaker-runtime")
    told = {"EndpointName": NAME, "ContentType": "text/csv"}
    answers = [runtime.invoke_endpoint(**told, Body=",".join(car[:-1]))["Body"].read().decode() for car in cars]
    assert answers == predicted

    (run,) = platform.client("glue").get_job_runs(JobName=NAME)["JobRuns"]
    logs = platform.client("logs")
    events = logs.get_log_events(logGroupName="/aws-glue/jobs/output", logStreamName=run["Id"])["events"]
    assert any("train: 1397 cars, 15 features" in event["message"] for event in events)
    told = {"logGroupName": "/aws/sagemaker/TransformJobs", "logStreamNamePrefix": NAME}
    own = {each["logStreamName"].rpartition("/")[2] for each in logs.describe_log_streams(**told)["logStreams"]}
    assert {"container-1", "container-2", "container-3", "data-log"} <= own
    streams = logs.describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{NAME}")["logStreams"]
    assert sorted(each["logStreamName"].rpartition("/")[2] for each in streams) == [f"container-{n}" for n in (1, 2, 3)]
    variant = {"EndpointName": NAME, "VariantName": "DefaultVariant"}
    until(lambda: statistics(platform, "Invocations", **variant).get("Sum") == 1 + len(cars))
    notebook(setup, clean_up)
    assert bucket not in {found["Name"] for found in s3.list_buckets()["Buckets"]}
    assert not platform.client("sagemaker").list_endpoints(NameContains=NAME)["Endpoints"]
