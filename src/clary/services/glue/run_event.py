"""What the bus is told of a run's end.
https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
"""

from typing import Final

from clary.resource.bus import Event
from clary.resource.service import Document
from clary.services.glue.state import Place

DETAIL: Final = "Glue Job State Change"
WORDS: Final = {"SUCCEEDED": "Job run succeeded", "STOPPED": "Job run stopped", "TIMEOUT": "Job run timed out"}
SEVERITIES: Final = {"SUCCEEDED": "INFO", "STOPPED": "INFO", "FAILED": "ERROR", "TIMEOUT": "WARN"}


def of(run: Document, place: Place, at: float) -> Event:
    """`run`: a JobRun that has ended."""
    now = run["JobRunState"]
    detail = {
        "jobName": run["JobName"],
        "severity": SEVERITIES[now],
        "state": now,
        "jobRunId": run["Id"],
        "message": run.get("ErrorMessage") or WORDS.get(now, "Job run failed"),
    }
    return Event("aws.glue", DETAIL, detail, (), place.account, place.region, at)
