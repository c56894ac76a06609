"""How a processing or transform job shows itself: what Describe and List tell beside the request, out of the job and
its events. https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTransformJob.html,
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html
"""

from typing import Any

from clary.jobs.view import detail, entered
from clary.resource.service import Document

ENDS = {"completed": "Completed", "failed": "Failed", "stopped": "Stopped"}


def view(noun: str, _document: Document, job: Any, events: list[Any]) -> Document:
    """`noun` is what the members begin with: Transform. Those that an answer does not have are left out of it."""
    shown: Document = {f"{noun}JobStatus": _status(job)}
    if (started := entered(events, "running")) is not None:
        shown[f"{noun}StartTime"] = started
    if events:
        shown["LastModifiedTime"] = events[-1]["at"]
    if events and job is not None and job["state"] in ENDS:
        shown[f"{noun}EndTime"] = events[-1]["at"]
        if job["state"] == "failed":
            shown["FailureReason"] = events[-1]["message"]
        if message := detail(events[-1]).get("ExitMessage"):
            shown["ExitMessage"] = message
    return shown


def _status(job: Any) -> str:
    if job is None:
        return "Failed"
    if job["state"] in ENDS:
        return ENDS[job["state"]]
    return "Stopping" if job["stop"] else "InProgress"
