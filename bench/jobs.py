"""Jobs: how long until the user's code runs, and many at once.

The code is a script-mode job on a warm image; its peer is the same entry point started bare, in the same run. It says
on stderr how far it is, and takes six minutes at most: what is not done by then is stopped, and the table says so.
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
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
ONE = 60.0  # seconds that a single job may take: one that waits for more is broken
STARTS = 60.0  # seconds for each row of starts
MANY = 150.0  # seconds for the jobs that are queued at once
CLEAR = 30.0  # seconds for jobs that still run at the end to stop


def run(starts: int = 20, gib: int = 10, many: int = 200) -> list[Section]:
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    with servers.clary() as server, _cleared(Jobs(server)) as jobs:
        say("the first job, which builds its image where there is none")
        jobs.one("warm-up", seconds=600)
        bare = _several("bare", starts, lambda _n: _bare())
        empty = _several("without input", starts, lambda n: jobs.until_first_line(f"empty-{n}"))
        say(f"{gib} GiB of input")
        jobs.fill(gib)
        large = _several(f"with {gib} GiB", starts, lambda n: jobs.until_first_line(f"large-{n}", "large"))
        queued = jobs.at_once(many)
    rows = [
        ("bare python, to its first line", *_quantiles(bare), ""),
        ("job without input", *_quantiles(empty), "p50 under 250 ms"),
        (f"job with {gib} GiB of input", *_quantiles(large), "within 30 ms of that without"),
    ]
    text = (
        "Milliseconds from before CreateTrainingJob to the first line of the user's script, of "
        f"{len(bare)}, {len(empty)} and {len(large)} starts.\n\n{queued}"
    )
    return [Section("jobs", "Starting a job", text, ("", "p50", "worst", "goal"), rows)]


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def _several(what: str, count: int, once: Callable[[int], float]) -> list[float]:
    """Seconds of each; fewer than `count` where the time is up before."""
    found: list[float] = []
    began = time.monotonic()
    while len(found) < count and time.monotonic() - began < STARTS:
        found.append(once(len(found)))
    say(f"{what}: {len(found)} starts in {time.monotonic() - began:.0f} s")
    return found


@contextmanager
def _cleared(jobs: "Jobs") -> Iterator["Jobs"]:
    """Whatever happens, no job outlives its Clary."""
    try:
        yield jobs
    finally:
        deadline = time.monotonic() + CLEAR
        asked: set[str] = set()
        while (left := jobs.running()) and time.monotonic() < deadline:
            for name in left - asked:
                jobs.sagemaker.stop_training_job(TrainingJobName=name)
            asked |= left
            time.sleep(0.5)
        if left:
            say(f"still running: {', '.join(sorted(left))}")


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

    def one(self, name: str, channel: str = "", seconds: float = ONE) -> dict[str, Any]:
        self.create(name, channel)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            described: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
            if described["TrainingJobStatus"] in ENDED:
                if described["TrainingJobStatus"] != "Completed":
                    raise RuntimeError(f"{name}: {described.get('FailureReason')}")
                return described
            time.sleep(0.02)
        raise TimeoutError(f"{name}: {described['SecondaryStatus']} after {seconds:.0f} s")

    def statuses(self, **chosen: str) -> dict[str, str]:
        """By name."""
        pages = self.sagemaker.get_paginator("list_training_jobs").paginate(MaxResults=100, **chosen)
        found = (each for page in pages for each in page["TrainingJobSummaries"])
        return {each["TrainingJobName"]: each["TrainingJobStatus"] for each in found}

    def running(self) -> set[str]:
        return {name for name, status in self.statuses().items() if status not in ENDED}

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
        """One GiB that is put, and copies of it: objects with files of their own names, as any others."""
        with tempfile.NamedTemporaryFile(dir=ROOT / ".bench") as file:
            file.truncate(1 << 30)
            self.s3.upload_file(file.name, "jobs", "large/0.bin")
        for n in range(1, gib):
            self.s3.copy_object(Bucket="jobs", Key=f"large/{n}.bin", CopySource="jobs/large/0.bin")

    def at_once(self, count: int) -> str:
        """Queues `count` jobs, and calls the API meanwhile."""
        took: list[float] = []
        over = threading.Event()

        def call() -> None:
            client = self.server.client("sagemaker")
            while not over.wait(0.05):
                before = time.perf_counter()
                client.describe_training_job(TrainingJobName="warm-up")
                took.append(time.perf_counter() - before)

        caller = threading.Thread(target=call)
        caller.start()
        began = told = time.monotonic()
        try:
            for n in range(count):
                self.create(f"many-{n}")
            while (statuses := self.statuses(NameContains="many-")) and time.monotonic() - began < MANY:
                if set(statuses.values()) <= ENDED:
                    break
                if time.monotonic() - told > 10:
                    told = time.monotonic()
                    say(f"{count} at once: {dict(Counter(statuses.values()))}")
                time.sleep(0.5)
            seconds = time.monotonic() - began
        finally:
            over.set()
            caller.join()
        counted = Counter(statuses.values())
        said = ", ".join(f"{many} {status}" for status, many in counted.most_common())
        lost = count - len(statuses)
        p99 = statistics.quantiles(took, n=100, method="inclusive")[98] * 1000
        return (
            f"{count} such jobs queued at once: {said}, {lost} lost, after {seconds:.0f} s, which is "
            f"{counted['Completed'] / seconds * 60:,.0f} a minute; DescribeTrainingJob meanwhile p99 {p99:.0f} ms over "
            f"{len(took)} calls (goal 100 ms)."
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
