"""What `clary run` gives programs as `docker`: so much as the SageMaker SDKs ask of it for Spark's history server. That
runs as a processing job, and its logs are read as the execution role. All else goes to the `docker` behind it in PATH.
https://sagemaker.readthedocs.io/en/v2/amazon_sagemaker_processing.html#spark-history-server
"""

import os
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from clary.services.iam.identity import ROLE, ROLE_PATH

SERVER = "smspark-history-server"
VALUED = {"--env", "-e", "--name", "-p", "--network", "--entrypoint"}
SAID = f"docker: Clary has no Docker; of images it runs {SERVER} of sagemaker-spark-processing by this name"
REFUSED = 125  # docker's own exit code where it does not begin
ENDED = {"Completed", "Failed", "Stopped"}


def place(home: Path) -> str:
    """The folder for the beginning of PATH."""
    folder = home / "bin"
    folder.mkdir(mode=0o700, exist_ok=True)
    program = folder / "docker"
    text = f"#!{sys.executable}\nimport sys\nfrom clary.cli.docker import main\nsys.exit(main(sys.argv[1:]))\n"
    if not program.exists() or program.read_text() != text:
        part = folder / f".docker.{os.getpid()}"
        part.write_text(text)
        part.chmod(0o700)
        part.replace(program)
    return str(folder)


def main(words: list[str]) -> int:
    match words:
        case ["images", "-q", image] if "sagemaker-spark-processing" in image:
            print("there")
            return 0
        case ["run", *rest] if (asked := _read(rest))[0].get("--entrypoint") == SERVER:
            return _run(*asked)
        case ["stop", "history_server"]:
            return _stop(words[1])
        case ["rm", "history_server"]:
            return 0  # nothing is left of it
    return _other(words)


def _other(words: list[str]) -> int:
    """The `docker` that comes after this one in PATH."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    ours = str(Path(sys.argv[0]).parent)
    behind = folders[folders.index(ours) + 1 :] if ours in folders else []
    if found := shutil.which("docker", path=os.pathsep.join(behind) or os.devnull):
        os.execv(found, [found, *words])  # noqa: S606 - what the user would have run
    print(SAID, file=sys.stderr)
    return REFUSED


def _read(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Options, and the image with its arguments. The environment's credentials stay where they are."""
    options, rest = {}, list(words)
    while len(rest) > 1 and rest[0] in VALUED:
        options[rest[0]] = rest[1]
        del rest[:2]
    return options, rest


def _run(options: dict[str, str], rest: list[str]) -> int:
    """In the foreground, as docker has it, to its end."""
    if not rest or "sagemaker-spark-processing" not in rest[0]:
        print(SAID, file=sys.stderr)
        return REFUSED
    sagemaker = _client("sagemaker")
    account = _client("sts").get_caller_identity()["Account"]
    name = f"{_prefix(options.get('--name', 'history_server'))}{time.time_ns()}"
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=f"arn:aws:iam::{account}:role{ROLE_PATH}{ROLE}",
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
        },
        AppSpecification={"ImageUri": rest[0], "ContainerEntrypoint": [SERVER], "ContainerArguments": rest[1:]},
    )
    while True:
        found = sagemaker.describe_processing_job(ProcessingJobName=name)
        if found["ProcessingJobStatus"] in ENDED:
            print(found.get("FailureReason", ""), file=sys.stderr)
            return 0 if found["ProcessingJobStatus"] != "Failed" else 1
        time.sleep(1)


def _stop(container: str) -> int:
    """And waits for it."""
    sagemaker = _client("sagemaker")
    asked: dict[str, Any] = {"NameContains": _prefix(container)}
    listed = [
        job["ProcessingJobName"]
        for status in ("InProgress", "Stopping")
        for job in sagemaker.list_processing_jobs(**asked, StatusEquals=status)["ProcessingJobSummaries"]
    ]
    for name in listed:
        sagemaker.stop_processing_job(ProcessingJobName=name)
    for name in listed:
        while sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"] not in ENDED:
            time.sleep(0.2)
    if not listed:
        print(f"Error response from daemon: No such container: {container}", file=sys.stderr)
    return 0 if listed else 1


def _prefix(container: str) -> str:
    return f"docker-{re.sub('[^A-Za-z0-9]+', '-', container)[:30]}-"


def _client(service: str) -> Any:
    import boto3  # noqa: PLC0415 - the command line starts without it

    return boto3.client(service, region_name=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"))
