"""Jobs: how long until the user's code runs, many at once, and what a list of ten thousand costs.

The code is a script-mode job on a warm image; its peer is the same entry point started bare, in the same run.
"""

import io
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench import servers
from bench.servers import ROOT, Server
from bench.table import Section, number, publish

IMAGES = ROOT / ".envs" / "images"  # built once for tests and benches
SKLEARN = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1"
SCRIPT = """import time
print("first line", time.time(), flush=True)
import os
os.makedirs("/opt/ml/model", exist_ok=True)
open("/opt/ml/model/model.txt", "w").write("trained")
"""
GROUP = "/aws/sagemaker/TrainingJobs"
ENDED = {"Completed", "Failed", "Stopped"}


def run(starts: int = 20, gib: int = 10, many: int = 200) -> list[Section]:
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    with servers.clary() as server:
        jobs = Jobs(server)
        jobs.one("warm-up")  # builds the image if it isn't there
        bare = [_bare() for _ in range(starts)]
        empty = [jobs.until_first_line(f"empty-{n}") for n in range(starts)]
        jobs.fill(gib)
        large = [jobs.until_first_line(f"large-{n}", "large") for n in range(starts)]
        queued = jobs.at_once(many)
        rows = [
            ("bare python, to its first line", *_quantiles(bare), ""),
            ("job without input", *_quantiles(empty), "p50 under 250 ms"),
            (f"job with {gib} GiB of input", *_quantiles(large), "within 30 ms of that without"),
        ]
    text = "Milliseconds from before CreateTrainingJob to the first line of the user's script."
    started = Section("jobs", "Starting a job", text, ("", "p50", "worst", "goal"), rows)
    started = Section("jobs", started.title, f"{text}\n\n{queued}", started.head, rows)
    return [started]


class Jobs:
    """Training jobs of one server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.sagemaker, self.s3, self.logs = (server.client(name) for name in ("sagemaker", "s3", "logs"))
        account = server.client("sts").get_caller_identity()["Account"]
        self.role = f"arn:aws:iam::{account}:role/service-role/AmazonSageMaker-ExecutionRole"
        self.s3.create_bucket(Bucket="jobs", CreateBucketConfiguration={"LocationConstraint": server.region})
        self.s3.put_object(Bucket="jobs", Key="source/sourcedir.tar.gz", Body=_archive())

    def create(self, name: str, channel: str = "") -> None:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://jobs/{channel}/"}
        given = [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}] if channel else []
        self.sagemaker.create_training_job(
            TrainingJobName=name,
            AlgorithmSpecification={"TrainingImage": SKLEARN, "TrainingInputMode": "File"},
            RoleArn=self.role,
            HyperParameters={
                "sagemaker_program": '"train.py"',
                "sagemaker_submit_directory": '"s3://jobs/source/sourcedir.tar.gz"',
                "sagemaker_region": f'"{self.server.region}"',
            },
            **({"InputDataConfig": given} if given else {}),
            OutputDataConfig={"S3OutputPath": "s3://jobs/models"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
        )

    def one(self, name: str, channel: str = "") -> dict[str, Any]:
        self.create(name, channel)
        return self.ended(name)

    def ended(self, name: str) -> dict[str, Any]:
        while True:
            described: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
            if described["TrainingJobStatus"] in ENDED:
                if described["TrainingJobStatus"] != "Completed":
                    raise RuntimeError(f"{name}: {described.get('FailureReason')}")
                return described
            time.sleep(0.02)

    def until_first_line(self, name: str, channel: str = "") -> float:
        """Seconds."""
        began = time.time()
        self.one(name, channel)
        streams = self.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
        events = self.logs.get_log_events(
            logGroupName=GROUP, logStreamName=streams[0]["logStreamName"], startFromHead=True
        )["events"]
        line = next(event["message"] for event in events if event["message"].startswith("first line"))
        return float(line.split()[2]) - began

    def fill(self, gib: int) -> None:
        with tempfile.NamedTemporaryFile(dir=ROOT / ".bench") as file:
            file.truncate(1 << 30)
            for n in range(gib):
                self.s3.upload_file(file.name, "jobs", f"large/{n}.bin")

    def at_once(self, count: int) -> str:
        """Queues `count` jobs, and calls the API meanwhile."""
        took: list[float] = []
        over = threading.Event()

        def call() -> None:
            client = self.server.client("sagemaker")
            while not over.is_set():
                before = time.perf_counter()
                client.describe_training_job(TrainingJobName="warm-up")
                took.append(time.perf_counter() - before)
                time.sleep(0.05)

        caller = threading.Thread(target=call)
        caller.start()
        began = time.monotonic()
        for n in range(count):
            self.create(f"many-{n}")
        for n in range(count):
            self.ended(f"many-{n}")
        seconds = time.monotonic() - began
        over.set()
        caller.join()
        p99 = statistics.quantiles(took, n=100, method="inclusive")[98] * 1000
        return (
            f"{count} such jobs queued at once: all Completed, {count / seconds * 60:,.0f} a minute; "
            f"DescribeTrainingJob meanwhile p99 {p99:.0f} ms over {len(took)} calls (goal 100 ms)."
        )


def _archive() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        entry = tarfile.TarInfo("train.py")
        entry.size = len(SCRIPT)
        archive.addfile(entry, io.BytesIO(SCRIPT.encode()))
    return held.getvalue()


def _bare() -> float:
    python = next(path for path in sorted(IMAGES.glob("*scikit-learn-1.2-1*/bin/python")))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "train.py")
        script.write_text(SCRIPT.replace("/opt/ml/model", folder))
        began = time.time()
        said = subprocess.check_output([python, script], text=True)
        return float(said.split()[2]) - began


def _quantiles(seconds: list[float]) -> tuple[str, str]:
    return number(statistics.median(seconds) * 1000), number(max(seconds) * 1000)


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
