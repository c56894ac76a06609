"""Jobs and `clary down`: what runs goes on without Clary, and the next `clary up` takes it over."""

import subprocess
from pathlib import Path

from conftest import CLARY, Platform
from sagemaker_inputs import fresh
from training_jobs import IMAGE, Jobs
from waiting import PATIENCE, until

GROUP = "/aws/sagemaker/TrainingJobs"
COUNT = "i=0; while [ ! -e /opt/ml/model/m ]; do echo WORD $i; i=$((i+1)); sleep 0.1; done; echo WORD-ends; "


def test_jobs_run_on_while_clary_is_down(own_platform: Platform) -> None:
    """One ends well and one badly meanwhile, one is still at work when Clary comes back."""
    jobs = Jobs(own_platform, fresh("down"))
    good, bad, long = (fresh() for _ in range(3))
    _create(jobs, good, COUNT.replace("WORD", "good"))
    _create(jobs, bad, COUNT.replace("WORD", "bad") + "exit 7")
    _create(jobs, long, COUNT.replace("WORD", "long"))
    for name in (good, bad, long):
        jobs.until(name, "Training")
    unsaid = (own_platform.client("logs").exceptions.ResourceNotFoundException,)  # no job has said anything yet
    until(lambda: all("1" in _said(own_platform, name) for name in (good, bad, long)), absent=unsaid)

    down = subprocess.run([CLARY, "down", "--home", own_platform.home], capture_output=True, text=True, check=True)
    assert "has stopped" in down.stdout
    assert own_platform.process is not None
    assert own_platform.process.wait(PATIENCE) == 0
    written = own_platform.home / "jobs"
    _end(written, "good")
    _end(written, "bad")

    own_platform.start()
    jobs.sagemaker, jobs.s3 = own_platform.client("sagemaker"), own_platform.client("s3")
    assert jobs.until(good, "Completed")["TrainingJobStatus"] == "Completed"
    failed = jobs.until(bad, "Failed")
    assert "7" in failed["FailureReason"]
    seen = len(_said(own_platform, long))
    assert jobs.describe(long)["TrainingJobStatus"] == "InProgress"
    until(lambda: len(_said(own_platform, long)) > seen)
    _end(written, "long")
    assert jobs.until(long, "Completed")["TrainingJobStatus"] == "Completed"
    for name, word in ((good, "good"), (bad, "bad"), (long, "long")):
        said = _said(own_platform, name, word)
        assert len(said) > (seen if name == long else 1)
        assert said == [str(step) for step in range(len(said))]
    assert jobs.model(good) == jobs.model(long) == {"m": b"made\n"}


def _create(jobs: Jobs, name: str, command: str) -> None:
    algorithm = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/sh", "-c", command],
    }
    jobs.create(name, {}, AlgorithmSpecification=algorithm)


def _said(platform: Platform, name: str, word: str = "") -> list[str]:
    """What follows the word in the job's log, line by line."""
    logs = platform.client("logs")
    found: list[str] = []
    streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    for stream in streams:
        given = {"logGroupName": GROUP, "logStreamName": stream["logStreamName"], "startFromHead": True}
        lines = [event["message"].split() for event in logs.get_log_events(**given)["events"]]
        found += [words[1] for words in lines if len(words) == 2 and words[0].startswith(word)]
    return found


def _end(jobs: Path, word: str) -> None:
    """Gives the job that says this word its model, which it waits for, and waits until it has ended."""
    (log,) = (path for path in jobs.glob("*/algo-1/log") if f"{word} 0\n" in path.read_text())
    (log.parent / "ml" / "model" / "m").write_text("made\n")
    until(lambda: not log.exists() or f"{word}-ends\n" in log.read_text(), absent=(FileNotFoundError,))
