"""Spark: a small script as a Glue job, from the call to its end, against stock `spark-submit` of the same script, which
has no sandbox, no role and no log to keep. The two take turns.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import servers
from bench.jobs import IMAGES, say
from bench.servers import Server
from bench.table import Section, number, publish
from clary.config import Config
from clary.images.image import resolve
from clary.images.pull import BuiltIn, Images

SCRIPT = """
import tempfile
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.appName("small").getOrCreate()
rows = [(n, f"name {n % 7}", n / 3) for n in range(1728)]
frame = spark.createDataFrame(rows, "id long, name string, value double")
folder = tempfile.mkdtemp()
frame.write.csv(f"{folder}/in", header=True)
read = spark.read.csv(f"{folder}/in", header=True, inferSchema=True)
found = read.groupBy("name").agg(F.count("*").alias("n"), F.sum("value").alias("total")).orderBy("name")
found.write.parquet(f"{folder}/out")
print(found.collect())
"""
GOAL = 0.6
WARM = 3  # seconds
PATIENCE = 300.0  # seconds for one
ENDED = {"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR"}


def run(rounds: int = 5) -> list[Section]:
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    stock: list[float] = []
    ours: list[float] = []
    with servers.clary() as server, tempfile.TemporaryDirectory() as folder:
        image = Images(Config(images_home=os.environ["CLARY_IMAGES_HOME"])).built(resolve("aws-glue:4.0"), say)
        file = Path(folder) / "small.py"
        file.write_text(SCRIPT)
        glue = Glue(server)
        glue.once()  # what a home makes first is not a job's start
        _stock(image, file)
        for _ in range(rounds):
            stock.append(_stock(image, file))
            ours.append(glue.once())
            say(f"spark-submit {stock[-1]:.1f} s, Glue job {ours[-1]:.1f} s")
    warm = _warm(rounds)
    ratio = statistics.median(ours) / statistics.median(stock)
    rows = [
        ("stock spark-submit", number(statistics.median(stock)), number(max(stock)), "", ""),
        ("Glue job", number(statistics.median(ours)), number(max(ours)), f"{ratio:.2f}", f"{GOAL} or less"),
        ("Glue job, a driver waits", number(statistics.median(warm)), number(max(warm)), "", f"{WARM} s or less"),
    ]
    text = (
        f"Seconds from StartJobRun to SUCCEEDED of a script that writes, reads and groups 1,728 rows, and of "
        f"`spark-submit` with the same script, Spark and Java; {rounds} of each, in turns."
    )
    return [Section("spark", "A Spark job", text, ("", "median", "worst", "of spark-submit's", "goal"), rows)]


def _warm(rounds: int) -> list[float]:
    """Seconds of runs each of which finds a driver that waits (the setting spark_drivers)."""
    os.environ["CLARY_SPARK_DRIVERS"] = "1"
    try:
        with servers.clary() as server:
            glue, found = Glue(server), []
            for _ in range(rounds + 1):
                _parked(server)
                found.append(glue.once())
                say(f"Glue job, a driver waits: {found[-1]:.1f} s")
            return found[1:]
    finally:
        del os.environ["CLARY_SPARK_DRIVERS"]


def _parked(server: Server) -> None:
    began = time.monotonic()
    while not any(
        not (each.parents[1] / "word" / "go").exists() for each in server.folder.glob("home/parked/*/ready/yes")
    ):
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError("no driver waits")
        time.sleep(0.1)
    time.sleep(1)  # the pool looks now and then


class Glue:
    """A job with the script."""

    def __init__(self, server: Server) -> None:
        self.glue, s3 = server.client("glue"), server.client("s3")
        account = server.client("sts").get_caller_identity()["Account"]
        s3.create_bucket(Bucket="spark", CreateBucketConfiguration={"LocationConstraint": server.region})
        s3.put_object(Bucket="spark", Key="small.py", Body=SCRIPT.encode())
        self.glue.create_job(
            Name="small",
            Role=f"arn:aws:iam::{account}:role/service-role/AmazonSageMaker-ExecutionRole",
            Command={"Name": "glueetl", "ScriptLocation": "s3://spark/small.py", "PythonVersion": "3"},
            GlueVersion="4.0",
            WorkerType="G.1X",
            NumberOfWorkers=2,
        )

    def once(self) -> float:
        """Seconds."""
        began = time.monotonic()
        run = self.glue.start_job_run(JobName="small")["JobRunId"]
        while time.monotonic() - began < PATIENCE:
            found = self.glue.get_job_run(JobName="small", RunId=run)["JobRun"]
            if found["JobRunState"] in ENDED:
                if found["JobRunState"] != "SUCCEEDED":
                    raise RuntimeError(f"{run}: {found.get('ErrorMessage')}")
                return time.monotonic() - began
            time.sleep(0.02)
        raise TimeoutError(f"{run}: {found['JobRunState']}")


def _stock(image: BuiltIn, script: Path) -> float:
    """Seconds."""
    assert image.java is not None
    environment = {
        "PATH": f"{image.folder}/bin:{os.environ['PATH']}",
        "JAVA_HOME": str(image.java.home),
        "PYSPARK_PYTHON": f"{image.folder}/bin/python",
        "HOME": str(script.parent),
    }
    began = time.monotonic()
    subprocess.run(
        [f"{image.folder}/bin/spark-submit", str(script)],
        env=environment,
        cwd=script.parent,
        check=True,
        capture_output=True,
    )
    return time.monotonic() - began


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
