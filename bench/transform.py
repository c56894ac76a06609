"""Batch transform by the built-in XGBoost, against Booster.predict over the same file in the same run.

Bare is the quickest of the ways that xgboost has for the file: its own reader of text, or pyarrow's reader straight to
float32, into a DMatrix or predicted in place. It writes nothing; the job's output is an object in S3, which is checked
against bare's predictions. Rounds take turns, so that what else runs meets all of them.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from bench import servers
from bench.jobs import IMAGES, Jobs
from bench.table import Section, goal, number, publish, ratio
from bench.training import IMAGE, train

READERS = ("text", "DMatrix", "in place")
GOAL = 0.7
EVERY = 0.1  # seconds between looks at the job
MAKE = """
import sys, numpy, pyarrow, pyarrow.csv
rows, folder = int(sys.argv[1]), sys.argv[2]
values = numpy.random.default_rng(0).random((rows, 50), dtype="float32").round(4)
bare = pyarrow.csv.WriteOptions(include_header=False)
def write(name, columns):
    pyarrow.csv.write_csv(pyarrow.table({str(n): column for n, column in enumerate(columns)}), folder + name, bare)
write("/rows.csv", values.T)
few = values[:20000]
write("/train.csv", [(few[:, :5].sum(axis=1) > 2.5).astype("float32"), *few.T])
"""
BARE = """
import sys, tarfile, warnings
import numpy, xgboost
path, packed, reader, out = sys.argv[1:]
model = xgboost.Booster()
with tarfile.open(packed) as archive:
    model.load_model(bytearray(archive.extractfile(archive.next()).read()))
if reader == "text":
    warnings.simplefilter("ignore")
    found = model.predict(xgboost.DMatrix(path + "?format=csv"))
else:
    import pyarrow, pyarrow.csv
    names = [str(n) for n in range(50)]
    to = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.float32()))
    table = pyarrow.csv.read_csv(path, pyarrow.csv.ReadOptions(column_names=names), convert_options=to)
    values = numpy.empty((table.num_rows, table.num_columns), dtype="float32")
    for n in range(table.num_columns):
        values[:, n] = table.column(n).to_numpy()
    del table
    found = model.inplace_predict(values) if reader == "in place" else model.predict(xgboost.DMatrix(values))
if out:
    numpy.save(out, found)
"""
COMPARE = """
import sys, numpy
ours, bare = numpy.loadtxt(sys.argv[1]), numpy.load(sys.argv[2])
assert ours.shape == bare.shape and numpy.allclose(ours, bare, atol=1e-6), "other predictions"
"""


def run(rows: int = 1_000_000, rounds: int = 3) -> list[Section]:
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    with servers.clary() as server:
        jobs, folder = Jobs(server), server.folder
        small = folder / "small.csv"
        small.write_text("".join(f"{n % 2},{n},{n * n % 7}\n" for n in range(100)))
        train(jobs, "build", [small])  # builds the image if it isn't there
        python = max(IMAGES.glob("*xgboost-1.7-1*/bin/python"), key=lambda path: path.parents[1].stat().st_mtime)
        subprocess.run([python, "-c", MAKE, str(rows), str(folder)], check=True)
        train(jobs, "model", [folder / "train.csv"], num_round="100")
        packed = folder / "model.tar.gz"
        jobs.s3.download_file("jobs", "models/model/output/model.tar.gz", str(packed))
        container = {"Image": IMAGE, "ModelDataUrl": "s3://jobs/models/model/output/model.tar.gz"}
        jobs.sagemaker.create_model(ModelName="model", ExecutionRoleArn=jobs.role, PrimaryContainer=container)
        jobs.s3.upload_file(str(folder / "rows.csv"), "jobs", "batch/rows.csv")
        jobs.s3.upload_file(str(small), "jobs", "tiny/rows.csv")
        bare: dict[str, list[float]] = {reader: [] for reader in READERS}
        ours, tiny = [], []
        for n in range(rounds):
            for reader, times in bare.items():
                times.append(_bare(python, folder, packed, reader))
            ours.append(_job(jobs, f"round-{n}", "batch"))
            tiny.append(_job(jobs, f"tiny-{n}", "tiny"))
        _bare(python, folder, packed, "in place", str(folder / "bare.npy"))
        jobs.s3.download_file("jobs", "out/round-0/rows.csv.out", str(folder / "ours.txt"))
        subprocess.run([python, "-c", COMPARE, folder / "ours.txt", folder / "bare.npy"], check=True)
    medians = {reader: sorted(times)[(rounds - 1) // 2] for reader, times in bare.items()}
    best = min(medians.values())
    job = sorted(ours)[(rounds - 1) // 2]
    text = (
        f"{rows:,} rows of 50 features, 100 trees. Medians of {rounds} rounds by turns: seconds from the call to "
        f"Completed, against a process that reads the file and predicts; a job of 100 rows takes "
        f"{number(sorted(tiny)[(rounds - 1) // 2])} s. Goal, rows a second against the best bare way: "
        f"{goal(best / job >= GOAL, f'≥ {GOAL:.0%}')}."
    )
    lines = [(f"bare, by {reader}", number(each), f"{rows / each:,.0f}", "") for reader, each in medians.items()]
    lines.append(("transform job", number(job), f"{rows / job:,.0f}", ratio(best, job)))
    return [Section("transform", "Batch transform", text, ("", "s", "rows/s", "of the best bare"), lines)]


def _bare(python: Path, folder: Path, packed: Path, reader: str, out: str = "") -> float:
    began = time.monotonic()
    subprocess.run([python, "-c", BARE, str(folder / "rows.csv"), str(packed), reader, out], check=True)
    return time.monotonic() - began


def _job(jobs: Jobs, name: str, prefix: str) -> float:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://jobs/{prefix}/"}
    began = time.monotonic()
    jobs.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName="model",
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://jobs/out/{name}", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
    )
    while True:
        described = jobs.sagemaker.describe_transform_job(TransformJobName=name)
        if described["TransformJobStatus"] in {"Completed", "Failed", "Stopped"}:
            break
        time.sleep(EVERY)
    wall = time.monotonic() - began
    if described["TransformJobStatus"] != "Completed":
        raise RuntimeError(described.get("FailureReason"))
    return wall


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
