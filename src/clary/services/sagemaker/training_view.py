"""How a training job shows itself: what Describe and List tell beside the request, out of its job and its events.

An event's `detail` has "status", the secondary status, and, at the end, members of Describe as they are.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
"""

from typing import Any

import orjson

from clary.resource.service import Document

# What the engine's states are called where a recipe has not said more, and what SageMaker says of them.
WORDS = {
    "pending": ("Starting", "Starting the training job"),
    "preparing": ("Starting", "Preparing the instances for training"),
    "running": ("Training", "Training image download completed. Training in progress."),
    "finishing": ("Uploading", "Uploading generated training model"),
    "completed": ("Completed", "Training job completed"),
    "failed": ("Failed", "Training job failed"),
    "stopped": ("Stopped", "Training job stopped"),
}
ENDS = {"completed": "Completed", "failed": "Failed", "stopped": "Stopped"}
SAID = {  # of statuses whose events have no message of their own
    "Stopping": "Stopping the training job",
    "Downloading": "Downloading input data",
}
BEGUN = ("Downloading", "Training")  # from here on it runs on its instances, and is paid for


def view(_document: Document, job: Any, events: list[Any]) -> Document:
    shown = status(job)  # no ModelArtifacts until the job's end tells them, as on AWS, whatever the model says
    transitions = _transitions(events)
    ended = job is not None and job["state"] in ENDS
    if transitions:
        shown["SecondaryStatusTransitions"] = transitions
        shown["LastModifiedTime"] = events[-1]["at"]
        if ended or not shown.get("SecondaryStatus"):
            shown["SecondaryStatus"] = transitions[-1]["Status"]
    started = next((step["StartTime"] for step in transitions if step["Status"] in BEGUN), None)
    if started is not None:
        shown["TrainingStartTime"] = started
    if ended and transitions:
        transitions[-1]["EndTime"] = events[-1]["at"]
        shown["TrainingEndTime"] = events[-1]["at"]
        seconds = max(1, round(events[-1]["at"] - started)) if started is not None else 0
        shown["TrainingTimeInSeconds"] = seconds
        shown["BillableTimeInSeconds"] = seconds  # nothing is saved by spot instances that are never interrupted
        if job["state"] == "failed":
            shown["FailureReason"] = events[-1]["message"]
    for event in events:
        shown |= {member: value for member, value in _detail(event).items() if member[0].isupper()}
    return shown


def status(job: Any) -> Document:
    """TrainingJobStatus, and the secondary status where the job alone tells it."""
    if job is None or job["state"] in ENDS:
        return {"TrainingJobStatus": ENDS[job["state"]] if job is not None else "Failed"}
    if job["stop"]:
        return {"TrainingJobStatus": "Stopping", "SecondaryStatus": "Stopping"}
    return {"TrainingJobStatus": "InProgress"}


def secondary(event: Any) -> tuple[str, str]:
    """Status and message of an event, in SageMaker's words."""
    status, message = WORDS.get(event["state"], ("Starting", ""))
    status = _detail(event).get("status") or status
    if event["state"] in ENDS:
        return status, _END_WORDS.get(status, message)
    return status, event["message"] or SAID.get(status, message)


_END_WORDS = {
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job exceeded MaxWaitTimeInSeconds provided",
}


def _detail(event: Any) -> Document:
    return orjson.loads(event["detail"]) if event["detail"] else {}


def _transitions(events: list[Any]) -> list[Document]:
    """One for each secondary status in turn, with the last thing that was said of it."""
    found: list[Document] = []
    for event in events:
        status, message = secondary(event)
        if found and found[-1]["Status"] == status:
            found[-1]["StatusMessage"] = message
            continue
        if found:
            found[-1]["EndTime"] = event["at"]
        found.append({"Status": status, "StartTime": event["at"], "StatusMessage": message})
    return found
