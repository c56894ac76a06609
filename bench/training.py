"""The built-in XGBoost on a million rows, against bare xgboost on the same file in the same run; and two instances of
one thread against one.

Bare is the quickest of the ways that xgboost has for the file: its own reader of text, or pyarrow's reader straight to
float32, into a DMatrix or a QuantileDMatrix, each with threads that spin or sleep while they wait. Rounds take turns,
so that what else runs meets all of them.
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import servers
from bench.jobs import IMAGES, Jobs
from bench.servers import TICKS
from bench.table import Section, number, publish, ratio

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"
HYPERPARAMETERS = {"objective": "binary:logistic", "num_round": "20", "max_depth": "6", "tree_method": "hist"}
CONTENT = {"csv": "text/csv", "parquet": "application/x-parquet"}
READERS = {"csv": ("text", "DMatrix", "QuantileDMatrix"), "parquet": ("DMatrix", "QuantileDMatrix")}
WAITING = {"": {}, ", passive": {"OMP_WAIT_POLICY": "passive"}}
EVERY = 0.2  # seconds between looks at a job: looking takes CPU from it
ALIKE = 0.03  # relative difference of the log loss of one instance and of two, whose quantiles are merged
MAKE = """
import sys, numpy, pyarrow, pyarrow.csv, pyarrow.parquet
rows, folder = int(sys.argv[1]), sys.argv[2]
values = numpy.random.default_rng(0).random((rows, 50), dtype="float32").round(4)
label = (values[:, :5].sum(axis=1) > 2.5).astype("float32")
table = pyarrow.table({"label": label, **{f"f{n}": values[:, n] for n in range(50)}})
bare = pyarrow.csv.WriteOptions(include_header=False)
pyarrow.csv.write_csv(table, folder + "/rows.csv", bare)
pyarrow.parquet.write_table(table, folder + "/rows.parquet")
for half in range(2):
    pyarrow.csv.write_csv(table.slice(half * (rows // 2), rows // 2), f"{folder}/half-{half}.csv", bare)
"""
BARE = """
import json, resource, sys, warnings
import numpy, xgboost
path, reader = sys.argv[1:]
if reader == "text":
    warnings.simplefilter("ignore")
    matrix = xgboost.DMatrix(path + "?format=csv&label_column=0")
else:
    if path.endswith(".csv"):
        import pyarrow, pyarrow.csv
        names = [str(n) for n in range(51)]
        to = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.float32()))
        table = pyarrow.csv.read_csv(path, pyarrow.csv.ReadOptions(column_names=names), convert_options=to)
    else:
        import pyarrow.parquet
        table = pyarrow.parquet.read_table(path)
    label = table.column(0).to_numpy()
    values = numpy.empty((table.num_rows, table.num_columns - 1), dtype="float32")
    for n in range(1, table.num_columns):
        values[:, n - 1] = table.column(n).to_numpy()
    del table
    matrix = getattr(xgboost, reader)(values, label)
    del values
params = {"objective": "binary:logistic", "max_depth": 6, "tree_method": "hist"}
xgboost.train(params, matrix, 20, evals=[(matrix, "train")], verbose_eval=False).save_raw()
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


@dataclass(frozen=True)
class Run:
    """Seconds of the clock and of the CPU, MiB at most, and what the model was off by on its own data."""

    wall: float
    cpu: float
    peak: float
    loss: float = 0.0


def run(rows: int = 1_000_000, rounds: int = 3) -> list[Section]:
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    with servers.clary() as server:
        jobs = Jobs(server)
        small = server.folder / "small.csv"
        small.write_text("".join(f"{n % 2},{n},{n * n % 7}\n" for n in range(100)))
        train(jobs, "build", [small])  # builds the image if it isn't there
        python = max(IMAGES.glob("*xgboost-1.7-1*/bin/python"), key=lambda path: path.parents[1].stat().st_mtime)
        subprocess.run([python, "-c", MAKE, str(rows), str(server.folder)], check=True)
        alone = [_against_bare(jobs, python, server.folder / f"rows.{kind}", rounds) for kind in CONTENT]
        pair = _two_against_one(jobs, [server.folder / f"half-{half}.csv" for half in range(2)], rounds)
    text = (
        f"{rows:,} rows of 50 features, 20 rounds, hist. Medians of {rounds} rounds by turns: seconds from the call to "
        "Completed, upload of the data not counted; of CPU, the server's with it; MiB at most of the process. Goals: "
        "1.10 x the time, 1.2 x the memory."
    )
    head = ("", "bare, by", "bare s", "job s", "ratio", "bare CPU s", "job CPU s", "ratio", "bare MiB", "job MiB")
    return [Section("training", "Training XGBoost", f"{text}\n\n{pair}", head, alone)]


def _against_bare(jobs: Jobs, python: Path, file: Path, rounds: int) -> tuple[str, ...]:
    kind = file.suffix[1:]
    bare: dict[tuple[str, str], list[Run]] = {way: [] for way in itertools.product(READERS[kind], WAITING)}
    ours = []
    for n in range(rounds):
        for (reader, waiting), runs in bare.items():
            runs.append(_bare(python, file, reader, WAITING[waiting]))
        ours.append(train(jobs, f"one-{kind}-{n}", [file]))
    way, theirs = min(((way, _median(runs)) for way, runs in bare.items()), key=lambda found: found[1].wall)
    job = _median(ours)
    clock = (number(theirs.wall), number(job.wall), ratio(job.wall, theirs.wall))
    return kind, "".join(way), *clock, *_beside(theirs, job)


def _beside(theirs: Run, job: Run) -> tuple[str, ...]:
    cpu = (number(theirs.cpu), number(job.cpu), ratio(job.cpu, theirs.cpu))
    return *cpu, number(theirs.peak), number(job.peak)


def _two_against_one(jobs: Jobs, halves: list[Path], rounds: int) -> str:
    runs: dict[int, list[Run]] = {1: [], 2: []}
    for n in range(rounds):
        for count, found in runs.items():
            found.append(train(jobs, f"of-{count}-{n}", halves, count, nthread="1"))
    one, two = _median(runs[1]), _median(runs[2])
    if abs(one.loss - two.loss) > ALIKE * one.loss:
        raise RuntimeError(f"Two instances train another model than one: log loss {two.loss} and {one.loss}")
    return (
        f"Two instances of one thread, each with half of the CSV (ShardedByS3Key), against one with all of it: "
        f"{number(two.wall)} s and {number(one.wall)} s, {ratio(two.wall, one.wall)}; log loss on the training data "
        f"{two.loss:.5f} and {one.loss:.5f}."
    )


def _median(runs: list[Run]) -> Run:
    return sorted(runs, key=lambda run: run.wall)[(len(runs) - 1) // 2]


def _bare(python: Path, file: Path, reader: str, more: dict[str, str]) -> Run:
    began = time.monotonic()
    said = subprocess.check_output([python, "-c", BARE, str(file), reader], text=True, env=os.environ | more)
    return Run(time.monotonic() - began, *json.loads(said))


def train(jobs: Jobs, name: str, files: list[Path], instances: int = 1, **more: str) -> Run:
    for file in files:
        jobs.s3.upload_file(str(file), "jobs", f"{name}/{file.name}")
    source: dict[str, Any] = {"S3DataType": "S3Prefix", "S3Uri": f"s3://jobs/{name}/"}
    if instances > 1:
        source["S3DataDistributionType"] = "ShardedByS3Key"
    content = CONTENT[files[0].suffix[1:]]
    others = _used().keys()
    server, began = jobs.server.cpu(), time.monotonic()
    jobs.sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=jobs.role,
        HyperParameters=HYPERPARAMETERS | more,
        InputDataConfig=[{"ChannelName": "train", "ContentType": content, "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": "s3://jobs/models"},
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": instances, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    used: dict[int, tuple[float, float]] = {}
    while True:
        described = jobs.sagemaker.describe_training_job(TrainingJobName=name)
        if described["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"}:
            break
        used |= {pid: found for pid, found in _used().items() if pid not in others}
        time.sleep(EVERY)
    wall = time.monotonic() - began
    if described["TrainingJobStatus"] != "Completed":
        raise RuntimeError(described.get("FailureReason"))
    cpu = jobs.server.cpu() - server + sum(seconds for seconds, _ in used.values())
    losses = [one["Value"] for one in described["FinalMetricDataList"] if one["MetricName"] == "train:logloss"]
    return Run(wall, cpu, max((peak for _, peak in used.values()), default=0.0), statistics.mean(losses))


def _used() -> dict[int, tuple[float, float]]:
    """By process under /opt/clary, which run the algorithm: seconds of CPU, and MiB at most, so far."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"/opt/clary" not in (process / "cmdline").read_bytes():
                continue
            times = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
            lines = (process / "status").read_text().splitlines()
        except OSError:
            continue
        peaks = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")]
        found[int(process.name)] = (sum(map(int, times)) / TICKS, max(peaks, default=0.0))
    return found


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
