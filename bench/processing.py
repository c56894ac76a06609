"""Processing jobs against their scripts run bare, with the same Python, in the same run: what the job costs, how long
an output takes to be in S3, and the features of a million click rows (examples/ctr_features).
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import servers
from bench.jobs import IMAGES, SKLEARN, Jobs, say
from bench.servers import ROOT
from bench.table import Section, goal, number, publish, ratio

EXAMPLE = ROOT / "examples" / "ctr_features"
BASE = "/opt/ml/processing"
EVERY = 0.01  # seconds between looks at a job
LOOK = """import os, sys
base = sys.argv[1]
sizes = [os.path.getsize(os.path.join(top, name)) for top, _, names in os.walk(base + "/input/data") for name in names]
open(base + "/output/result/sizes.txt", "w").write(f"{len(sizes)} {sum(sizes)}")
"""
WRITE = """import os, sys, time
block = os.urandom(1 << 20)
with open(sys.argv[1] + "/output/result/large.bin", "wb") as file:
    for _ in range(int(sys.argv[2])):
        file.write(block)
print("ended", time.time(), flush=True)
"""
OVERHEAD, IN_S3 = 0.3, 1.0  # seconds: the goals


def run(rows: int = 1_000_000, rounds: int = 7, gib: int = 10) -> list[Section]:
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    place = ROOT / ".bench"
    place.mkdir(exist_ok=True)
    with servers.clary() as server, tempfile.TemporaryDirectory(prefix="processing-", dir=place) as folder:
        jobs = Processing(Jobs(server), Path(folder))
        say("the first job, which builds its image where there is none")
        jobs.put("small/0.bin", os.urandom(1 << 20))
        jobs.run("warm-up", LOOK, "small", seconds=600)
        overhead = _overhead(jobs, rounds, gib)
        output = _output(jobs, min(rounds, 5))
        features = _features(jobs, rows)
    return [overhead, output, features]


class Processing:
    """Jobs of the scikit-learn image, and the same scripts run bare by that image's Python."""

    def __init__(self, jobs: Jobs, folder: Path) -> None:
        self.jobs, self.folder = jobs, folder
        self.sagemaker, self.s3 = jobs.sagemaker, jobs.s3

    @property
    def python(self) -> Path:
        return max(IMAGES.glob("scikit-learn-1.2-1-*/bin/python"), key=lambda path: path.parents[1].stat().st_mtime)

    def put(self, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket="jobs", Key=key, Body=data)

    def run(
        self,
        name: str,
        script: str,
        data: str,
        *arguments: str,
        outputs: Sequence[str] = ("result",),
        seconds: float = 300,
    ) -> float:
        """Seconds from the call to Completed, as a client that asks often sees it."""
        self.put(f"code/{name}/script.py", script.encode())
        given = [_input("code", f"code/{name}"), _input("data", data)]
        began = time.monotonic()
        self.sagemaker.create_processing_job(
            ProcessingJobName=name,
            ProcessingInputs=given,
            ProcessingOutputConfig={"Outputs": [_output_to(each, f"out/{name}/{each}") for each in outputs]},
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
            },
            AppSpecification={
                "ImageUri": SKLEARN,
                "ContainerEntrypoint": ["python3", f"{BASE}/input/code/script.py"],
                "ContainerArguments": arguments or [BASE],
            },
            RoleArn=self.jobs.role,
        )
        while time.monotonic() - began < seconds:
            described = self.sagemaker.describe_processing_job(ProcessingJobName=name)
            if described["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"}:
                break
            time.sleep(EVERY)
        took = time.monotonic() - began
        if described["ProcessingJobStatus"] != "Completed":
            raise RuntimeError(f"{name}: {described.get('FailureReason')} {described.get('ExitMessage')}")
        return took

    def bare(self, script: str, base: Path, *arguments: str) -> float:
        """Seconds; `base` is what /opt/ml/processing is to the job."""
        path = self.folder / "script.py"
        path.write_text(script)
        began = time.monotonic()
        subprocess.run([self.python, path, *(arguments or [str(base)])], check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began

    def base(self, name: str, *outputs: str) -> Path:
        made = self.folder / name
        for each in ("input/data", *(f"output/{output}" for output in outputs)):
            (made / each).mkdir(parents=True, exist_ok=True)
        return made


def said(jobs: Jobs, name: str) -> list[str]:
    """The lines of a processing job of one instance."""
    group = "/aws/sagemaker/ProcessingJobs"
    (stream,) = jobs.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    events = jobs.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)[
        "events"
    ]
    return [event["message"] for event in events]


def _overhead(jobs: Processing, rounds: int, gib: int) -> Section:
    say(f"{gib} GiB of input")
    jobs.jobs.fill(gib)
    bases = {"small": jobs.base("small", "result"), "large": jobs.base("large", "result")}
    (bases["small"] / "input/data/0.bin").write_bytes(bytes(1 << 20))
    for n in range(gib):
        with (bases["large"] / f"input/data/{n}.bin").open("wb") as file:
            file.truncate(1 << 30)
    bare: dict[str, list[float]] = {data: [] for data in bases}
    ours: dict[str, list[float]] = {data: [] for data in bases}
    for n in range(rounds):
        for data, base in bases.items():
            bare[data].append(jobs.bare(LOOK, base))
            ours[data].append(jobs.run(f"{data}-{n}", LOOK, data))
    lines = []
    for data, size in (("small", "1 MiB"), ("large", f"{gib} GiB")):
        one, other = statistics.median(bare[data]), statistics.median(ours[data])
        lines.append((size, number(one * 1000), number(other * 1000), number((other - one) * 1000),
                      number((max(ours[data]) - one) * 1000), goal(other - one <= OVERHEAD, "≤ 300 ms")))  # fmt: skip
    text = (
        f"A script that looks at each file of its input and writes one line, run bare and as a job, by turns, the "
        f"image warm. Milliseconds, medians of {rounds}: a job's are from CreateProcessingJob to Completed, with the "
        f"output in S3. {load()}"
    )
    head = ("input", "bare", "job", "overhead", "worst overhead", "goal")
    return Section("processing", "A processing job", text, head, lines)


def _output(jobs: Processing, rounds: int) -> Section:
    say("1 GiB of output")
    waits, syncs, bares = [], [], []
    base = jobs.base("written", "result")
    for n in range(rounds):
        name = f"written-{n}"
        jobs.run(name, WRITE, "small", BASE, "1024")
        now = time.time()
        ended = next(float(line.split()[1]) for line in said(jobs.jobs, name) if line.startswith("ended"))
        size = jobs.s3.head_object(Bucket="jobs", Key=f"out/{name}/result/large.bin")["ContentLength"]
        if size != 1 << 30:
            raise RuntimeError(f"the output has {size} bytes")
        waits.append(now - ended)
        bares.append(jobs.bare(WRITE, base, str(base), "1024"))
        syncs.append(_sync(base / "output/result/large.bin"))
        jobs.s3.delete_object(Bucket="jobs", Key=f"out/{name}/result/large.bin")
    wait = statistics.median(waits)
    text = (
        f"A script that writes 1 GiB and ends, without a sync of its own. Seconds, medians of {rounds} by turns. S3 "
        f"says that it has an object when that is on the disk, so the wait has in it what a sync of the same bytes "
        f"costs after the bare script. {load()}"
    )
    lines = [
        (
            "from the script's end until the output is in S3",
            number(wait),
            number(max(waits)),
            goal(wait <= IN_S3, "≤ 1 s"),
        ),
        ("fsync of the same, written by the bare script", number(statistics.median(syncs)), number(max(syncs)), ""),
        ("the bare script, until it has ended", number(statistics.median(bares)), number(max(bares)), ""),
    ]
    return Section("processing_output", "1 GiB of output", text, ("", "s", "worst", "goal"), lines, "processing")


def _features(jobs: Processing, rows: int, rounds: int = 2) -> Section:
    say(f"{rows:,} rows of clicks")
    base = jobs.base("clicks", "train", "test")
    (base / "input" / "clicks").mkdir(exist_ok=True)
    clicks = base / "input" / "clicks" / "clicks.csv"
    subprocess.run([sys.executable, EXAMPLE / "clicks.py", str(rows), clicks], check=True)
    jobs.s3.upload_file(str(clicks), "jobs", "clicks/clicks.csv")
    script = (EXAMPLE / "preprocess.py").read_text()
    bare, ours = [], []
    for n in range(rounds):
        bare.append(jobs.bare(script, base, "--base", str(base)))
        say(f"bare {bare[-1]:.1f} s")
        asked = (script.replace("input/clicks", "input/data"), "clicks", "--base", BASE)
        ours.append(jobs.run(f"clicks-{n}", *asked, outputs=("train", "test"), seconds=900))
        say(f"job {ours[-1]:.1f} s")
    for part in ("train", "test"):
        held = jobs.folder / f"{part}.svm"
        jobs.s3.download_file("jobs", f"out/clicks-0/{part}/{part}.svm", str(held))
        subprocess.run(["cmp", held, base / "output" / part / f"{part}.svm"], check=True)
    one, other = min(bare), min(ours)
    text = (
        f"{rows:,} rows of 24 columns, split and hashed by pandas and scikit-learn (preprocess.py of "
        f"examples/ctr_features); the better of {rounds} by turns, the job's from CreateProcessingJob to Completed. "
        f"Both wrote the same. {load()}"
    )
    lines = [
        ("bare", number(one), f"{rows / one:,.0f}", "1.00 x"),
        ("job", number(other), f"{rows / other:,.0f}", ratio(one, other)),
    ]
    head = ("", "s", "rows/s", "of bare")
    return Section("processing_features", "Features of click rows", text, head, lines, "processing")


def _input(name: str, prefix: str) -> dict[str, Any]:
    told = {"S3Uri": f"s3://jobs/{prefix}/", "LocalPath": f"{BASE}/input/{name}", "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": {**told, "S3InputMode": "File"}}


def _output_to(name: str, prefix: str) -> dict[str, Any]:
    told = {"S3Uri": f"s3://jobs/{prefix}", "LocalPath": f"{BASE}/output/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": told}


def _sync(path: Path) -> float:
    began = time.monotonic()
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return time.monotonic() - began


def load() -> str:
    """What else this machine did, since that is in the numbers."""
    return f"Load of the machine then: {os.getloadavg()[0]:.1f}."


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
