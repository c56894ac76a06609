"""The built-in XGBoost on a million rows, against bare xgboost on the same file in the same run.

Bare is the best way that xgboost has for the file: numpy's or pyarrow's reader into a QuantileDMatrix.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench import servers
from bench.jobs import IMAGES, Jobs
from bench.table import Section, number, publish, ratio

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"
HYPERPARAMETERS = {"objective": "binary:logistic", "num_round": "20", "max_depth": "6", "tree_method": "hist"}
MAKE = """
import sys, numpy, pyarrow, pyarrow.csv, pyarrow.parquet
rows, folder = int(sys.argv[1]), sys.argv[2]
values = numpy.random.default_rng(0).random((rows, 50), dtype="float32").round(4)
label = (values[:, :5].sum(axis=1) > 2.5).astype("float32")
table = pyarrow.table({"label": label, **{f"f{n}": values[:, n] for n in range(50)}})
pyarrow.csv.write_csv(table, folder + "/rows.csv", pyarrow.csv.WriteOptions(include_header=False))
pyarrow.parquet.write_table(table, folder + "/rows.parquet")
"""
BARE = """
import json, resource, sys, time
began = time.time()
import numpy, pyarrow.csv, pyarrow.parquet, xgboost
path = sys.argv[1]
if path.endswith(".csv"):
    table = pyarrow.csv.read_csv(path, pyarrow.csv.ReadOptions(autogenerate_column_names=True))
else:
    table = pyarrow.parquet.read_table(path)
label = table.column(0).to_numpy()
values = numpy.empty((table.num_rows, table.num_columns - 1), dtype="float32")
for n in range(1, table.num_columns):
    values[:, n - 1] = table.column(n).to_numpy()
del table
matrix = xgboost.DMatrix(values, label)
del values
params = {"objective": "binary:logistic", "max_depth": 6, "tree_method": "hist"}
xgboost.train(params, matrix, 20, evals=[(matrix, "train")], verbose_eval=False).save_raw()
print(json.dumps([time.time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def run(rows: int = 1_000_000) -> list[Section]:
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    found = []
    with servers.clary() as server:
        jobs = Jobs(server)
        jobs.one("warm-up")
        _train(jobs, "build", "csv", _small(server.folder), 1)
        python = next(path for path in sorted(IMAGES.glob("*xgboost-1.7-1*/bin/python")))
        subprocess.run([python, "-c", MAKE, str(rows), str(server.folder)], check=True)
        for kind in ("csv", "parquet"):
            file = server.folder / f"rows.{kind}"
            before = time.monotonic()
            said = subprocess.check_output([python, "-c", BARE, str(file)], text=True)
            bare = time.monotonic() - before
            memory = float(said.strip("[]\n ").split(",")[1])
            ours, peak = _train(jobs, f"one-{kind}", kind, file, 1)
            found.append((kind, number(bare), number(ours), ratio(ours, bare), number(memory), number(peak)))
    text = (
        f"{rows:,} rows of 50 features, 20 rounds, hist. Seconds from the call to Completed, upload of the data not "
        "counted; MiB at most of the process. Goals: 1.10 x the time, 1.2 x the memory."
    )
    head = ("", "bare s", "job s", "ratio", "bare MiB", "job MiB")
    return [Section("training", "Training XGBoost", text, head, found)]


def _small(folder: Path) -> Path:
    small = folder / "small.csv"
    small.write_text("".join(f"{n % 2},{n},{n * n % 7}\n" for n in range(100)))
    return small


def _train(jobs: Jobs, name: str, kind: str, file: Path, instances: int) -> tuple[float, float]:
    jobs.s3.upload_file(str(file), "jobs", f"{name}/{file.name}")
    source: dict[str, Any] = {"S3DataType": "S3Prefix", "S3Uri": f"s3://jobs/{name}/"}
    content = "text/csv" if kind == "csv" else "application/x-parquet"
    began = time.monotonic()
    jobs.sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=jobs.role,
        HyperParameters=HYPERPARAMETERS,
        InputDataConfig=[
            {"ChannelName": "train", "ContentType": content, "DataSource": {"S3DataSource": source}},
        ],
        OutputDataConfig={"S3OutputPath": "s3://jobs/models"},
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": instances, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    peak = 0.0
    while True:
        described = jobs.sagemaker.describe_training_job(TrainingJobName=name)
        peak = max(peak, _largest())
        if described["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"}:
            if described["TrainingJobStatus"] != "Completed":
                raise RuntimeError(described.get("FailureReason"))
            return time.monotonic() - began, peak
        time.sleep(0.05)


def _largest() -> float:
    """MiB at most, so far, of the process that runs the algorithm: the largest under /opt/clary."""
    found = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes()
            if b"/opt/clary" in command:
                line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
                found = max(found, int(line.split()[1]) / 1024)
        except (OSError, StopIteration):
            continue
    return found


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
