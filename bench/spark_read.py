"""Spark reading a CSV and a Parquet from S3, against the same files by file://, in one session, in turns."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import servers
from bench.jobs import IMAGES, say
from bench.servers import Server
from bench.table import Section, number, publish
from clary.config import Config
from clary.images.image import resolve
from clary.images.pull import Images

ROW = 93  # bytes of a row as CSV, about
GOAL = 1.3
MAKE = """
import sys, numpy, pyarrow, pyarrow.csv, pyarrow.parquet
rows, folder = int(sys.argv[1]), sys.argv[2]
random, step = numpy.random.default_rng(0), 500_000
csv = parquet = None
for first in range(0, rows, step):
    count = min(step, rows - first)
    columns = {f"x{n}": random.normal(size=count).round(6) for n in range(8)}
    names = pyarrow.array([f"name {n % 1000}" for n in range(count)])
    table = pyarrow.table({"id": numpy.arange(first, first + count), **columns, "name": names})
    csv = csv or pyarrow.csv.CSVWriter(folder + "/rows.csv", table.schema)
    csv.write_table(table)
csv.close()
# Doubles without a pattern: a Parquet of the same size has more rows.
for first in range(0, rows * 4 // 3, step):
    columns = {f"x{n}": random.normal(size=step) for n in range(8)}
    table = pyarrow.table({"id": numpy.arange(first, first + step), **columns})
    parquet = parquet or pyarrow.parquet.ParquetWriter(folder + "/rows.parquet", table.schema)
    parquet.write_table(table)
parquet.close()
"""
READ = """
import json, sys, time
from pyspark.sql import SparkSession
rounds, folder = int(sys.argv[1]), sys.argv[2]
sys.path.append(sys.argv[3])
import os
from spark import files
build = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
build = build.config("spark.ui.showConsoleProgress", "false")
for name, value in files.configuration(os.environ).items():
    build = build.config(name, value)
spark = build.getOrCreate()
fields = "id long," + ",".join(f"x{n} double" for n in range(8)) + ",name string"
sums = [f"sum(x{n})" for n in range(8)]
reads = {
    "csv": lambda place: spark.read.csv(place, schema=fields, header=True).selectExpr(*sums, "max(name)").collect(),
    "parquet": lambda place: spark.read.parquet(place).selectExpr(*sums).collect(),
    "text": lambda place: spark.read.text(place.replace("parquet", "csv")).count(),
}
took, found = {}, {}
for turn in range(rounds + 1):
    for kind, read in reads.items():
        for place in ("file://" + folder, "s3://reads"):
            began = time.perf_counter()
            said = str(read(f"{place}/rows.{'csv' if kind == 'text' else kind}"))
            if turn:  # the first warms up
                took.setdefault(f"{kind} {place[:2]}", []).append(time.perf_counter() - began)
            found.setdefault(kind, []).append(said)
assert all(len(set(each)) <= 2 for each in found.values()), found  # sums of doubles depend on the order of tasks
print(json.dumps(took))
"""


def run(megabytes: int = 1024, rounds: int = 5) -> list[Section]:
    """`megabytes` of each file."""
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    image = Images(Config(images_home=os.environ["CLARY_IMAGES_HOME"])).built(resolve("aws-glue:4.0"), say)
    python = f"{image.folder}/bin/python"
    with servers.clary() as server, tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-c", MAKE, str((megabytes << 20) // ROW), folder], check=True)
        s3 = server.client("s3")
        s3.create_bucket(Bucket="reads", CreateBucketConfiguration={"LocationConstraint": server.region})
        for name in ("rows.csv", "rows.parquet"):
            say(f"{name}: {(Path(folder) / name).stat().st_size >> 20} MiB")
            s3.upload_file(f"{folder}/{name}", "reads", name)
        took = _read(server, python, str(image.java.home) if image.java else "", rounds, folder)
    rows = []
    for kind in ("csv", "parquet", "text"):
        theirs, ours = min(took[f"{kind} fi"]), min(took[f"{kind} s3"])
        goal = "" if kind == "text" else f"{GOAL} or less"
        rows.append((kind, number(theirs), number(ours), f"{ours / theirs:.2f}", goal))
    text = (
        f"Seconds to sum all columns of {megabytes:,} MiB of CSV and of Parquet, and to count the lines of the CSV, "
        f"with two tasks at a time: from S3 and from the same file by file://. The best of {rounds}, in turns, in one "
        "session that has read all of it before."
    )
    return [Section("spark_read", "Spark reads S3", text, ("", "file://", "s3://", "ratio", "goal"), rows)]


def _read(server: Server, python: str, java: str, rounds: int, folder: str) -> dict[str, list[float]]:
    code = Path(resolve("aws-glue:4.0").code).parent  # where the package `spark` is
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": folder,
        "PYSPARK_PYTHON": python,
        "PYSPARK_SUBMIT_ARGS": "--driver-memory 1g --driver-java-options -Dfile.encoding=UTF-8 pyspark-shell",
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        **({"AWS_SESSION_TOKEN": server.token} if server.token else {}),
        **({"JAVA_HOME": java} if java else {}),
    }
    done = subprocess.run(
        [python, "-c", READ, str(rounds), folder, str(code)], env=environment, check=True, stdout=subprocess.PIPE
    )
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
