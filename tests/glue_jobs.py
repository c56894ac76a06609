"""What the tests of Glue's jobs share: a bucket with scripts, jobs, and runs to their ends."""

from typing import Any

from conftest import Platform
from sagemaker_inputs import fresh, role
from waiting import until

# For a script: `until_gone(held)` returns when Clary ends, to which it is connected; Clary itself tells who has asked
# nothing for a while that it waits no more.
HOLD = """
import contextlib, os, socket, urllib.parse

def connected():
    place = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
    return socket.create_connection((place.hostname, place.port))

def until_gone(held):
    with contextlib.suppress(ConnectionError):
        while held.recv(1):
            held = connected()

held = connected()
"""
ENDS = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT")


class GlueJobs:
    """Over one bucket. A job is a Python shell unless something else is said."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.bucket = platform, fresh("glue")
        self.s3, self.glue, self.logs = (platform.client(name) for name in ("s3", "glue", "logs"))
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})

    def put(self, key: str, body: str | bytes) -> str:
        """The object's URI."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def create(self, script: str = "pass\n", name: str = "", command: str = "pythonshell", **changed: Any) -> str:
        name = name or fresh("job")
        location = self.put(f"{name}/script.py", script)
        told = {"Name": command, "ScriptLocation": location, "PythonVersion": "3", **changed.pop("Command", {})}
        self.glue.create_job(Name=name, **{"Role": role(self.platform), **changed}, Command=told)
        return name

    def start(self, name: str, **request: Any) -> str:
        run: str = self.glue.start_job_run(JobName=name, **request)["JobRunId"]
        return run

    def get(self, name: str, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.glue.get_job_run(JobName=name, RunId=run)["JobRun"]
        return found

    def until(self, name: str, run: str, *states: str) -> dict[str, Any]:
        """The run, once it has ended, or is in one of the states."""

        def look() -> dict[str, Any] | None:
            found = self.get(name, run)
            if found["JobRunState"] in (states or ENDS):
                return found
            assert found["JobRunState"] not in ENDS, found
            return None

        return until(look, lambda: self.get(name, run)) or {}

    def run(self, script: str, arguments: dict[str, str] | None = None, **changed: Any) -> dict[str, Any]:
        """A run of a new job, at its end."""
        name = self.create(script, **changed)
        return self.until(name, self.start(name, Arguments=arguments or {}))

    def said(self, run: dict[str, Any], where: str = "output") -> str:
        """What the run wrote to standard output, or to standard error: `error`."""
        group = f"{run['LogGroupName']}/{where}"
        try:
            found = self.logs.get_log_events(logGroupName=group, logStreamName=run["Id"], startFromHead=True)
        except self.logs.exceptions.ResourceNotFoundException:
            return ""
        return "\n".join(event["message"] for event in found["events"])
