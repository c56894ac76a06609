"""kill -9 of Clary, again and again, while five training jobs run: what is lost, what runs twice."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from bench import jobs as jobs_bench
from bench.jobs import ENDED, GROUP, IMAGES, Jobs
from bench.servers import ROOT, Server, free_ports
from bench.table import Section, publish

JOBS = 5
LINES = 200
jobs_bench.SCRIPT = f"""import os, time
print("run begins", flush=True)
for n in range({LINES}):
    print("line", n, flush=True)
    time.sleep(0.005)
os.makedirs("/opt/ml/model", exist_ok=True)
open("/opt/ml/model/model.txt", "w").write("trained")
"""


def run(rounds: int = 100) -> list[Section]:
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    (ROOT / ".bench").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="crash-", dir=ROOT / ".bench"))
    (port,) = free_ports(1)
    found: Counter[str] = Counter()
    try:
        server = _up(folder, port)
        jobs = Jobs(server)
        jobs.one("warm-up")
        for number in range(rounds):
            names = [f"round-{number}-{n}" for n in range(JOBS)]
            for name in names:
                jobs.create(name)
            time.sleep(random.uniform(0, 2.5))
            server.process.kill()
            server.process.wait()
            server = _up(folder, port)
            for name in names:
                found.update(_judge(jobs, name))
        server.process.terminate()
        server.process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = (
        f"{rounds} rounds: {JOBS} jobs of {LINES} log lines each are started, Clary is killed with SIGKILL at a random "
        "moment within 2.5 s, and started again."
    )
    rows = [
        (what, str(found[what]))
        for what in ("completed", "lost", "run twice", "wrong status", "log lines lost", "log lines twice")
    ]
    return [Section("crash", "Crashes", text, ("jobs", "count"), rows)]


def _judge(jobs: Jobs, name: str) -> Counter[str]:
    deadline = time.monotonic() + 120
    while (described := jobs.sagemaker.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] not in ENDED:
        if time.monotonic() > deadline:
            return Counter({"lost": 1})
        time.sleep(0.05)
    found: Counter[str] = Counter({"completed": 1})
    if described["TrainingJobStatus"] != "Completed":
        print(name, described.get("FailureReason"))
        found["wrong status"] += 1
    said = _said(jobs, name)
    found["run twice"] += said.count("run begins") > 1
    found["log lines lost"] += LINES - len({line for line in said if line.startswith("line ")})
    found["log lines twice"] += len([line for line in said if line.startswith("line ")]) > LINES
    return found


def _said(jobs: Jobs, name: str) -> list[str]:
    lines: list[str] = []
    for stream in jobs.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]:
        token: dict[str, Any] = {}
        while True:
            page = jobs.logs.get_log_events(
                logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True, **token
            )
            if not page["events"]:
                break
            lines += [event["message"] for event in page["events"]]
            token = {"nextToken": page["nextForwardToken"]}
    return lines


def _up(folder: Path, port: int) -> Server:
    program = Path(sys.executable).parent / "clary"
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [program, "up", "--home", folder / "home", "--port", str(port)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    for _ in range(3000):
        try:
            with urllib.request.urlopen(url + "/health", timeout=5):
                break
        except OSError:
            time.sleep(0.01)
    root = json.loads((folder / "home" / "root.json").read_text())
    return Server("Clary", url, process, folder, root["AccessKeyId"], root["SecretAccessKey"])


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
