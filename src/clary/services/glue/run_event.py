"""What the bus is told of a run's end.
https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
"""

from typing import Final

from clary.resource import crud
from clary.resource.bus import Event
from clary.resource.call import Platform
from clary.services.glue.run_view import ENDS, shown
from clary.services.glue.state import Place

DETAIL: Final = "Glue Job State Change"
WORDS: Final = {"SUCCEEDED": "Job run succeeded", "STOPPED": "Job run stopped", "TIMEOUT": "Job run timed out"}
SEVERITIES: Final = {"SUCCEEDED": "INFO", "STOPPED": "INFO", "FAILED": "ERROR", "TIMEOUT": "WARN"}


def tell(platform: Platform, arn: str) -> bool:
    """Whether the run has ended; if so the bus knows now."""
    with platform.store.moment() as connection:
        row = crud.find(connection, arn)
        run = shown(connection, row) if row is not None else {}
    now = run.get("JobRunState")
    if now not in ENDS:
        return False
    detail = {
        "jobName": run["JobName"],
        "severity": SEVERITIES[now],
        "state": now,
        "jobRunId": run["Id"],
        "message": run.get("ErrorMessage") or WORDS.get(now, "Job run failed"),
    }
    place = Place.of(arn)
    platform.bus.publish(Event("aws.glue", DETAIL, detail, (), place.account, place.region, platform.clock()))
    return True
