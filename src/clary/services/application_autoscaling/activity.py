"""What was scaled, when and why.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalingActivity.html
"""

import sqlite3
import uuid
from typing import Any

import orjson

from clary.resource.call import Call, Platform
from clary.resource.service import operation
from clary.services.application_autoscaling.state import COUNT, SQL, Document, Scaling, answer, page, shown

# Six weeks: https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingActivities.html
KEPT = 42 * 86400  # seconds
NOBODY = "Change successfully fulfilled by sagemaker."


def what(dimension: str) -> str:
    return "desired instance count" if dimension == COUNT else "desired provisioned concurrency"


def begin(platform: Platform, row: Any, wanted: int, cause: str) -> int:
    """Its number."""
    setting = f"{what(row['dimension'])} to {wanted}"
    document = {"ActivityId": str(uuid.uuid4()), "Description": f"Setting {setting}.", "Cause": cause}
    values = {name: row[name] for name in ("region", "resource", "dimension")}
    stored = {
        **values,
        "now": platform.clock(),
        "ended": None,
        "status": "InProgress",
        "document": orjson.dumps({**document, "StatusMessage": f"Successfully set {setting}. Waiting for change to be "
                                                               "fulfilled by sagemaker."}),
    }  # fmt: skip
    return platform.store.write(lambda connection: int(connection.execute(SQL["activity_add"], stored).lastrowid or 0))


def end(platform: Platform, number: int, reason: str) -> None:
    """It did not come to anything."""

    def work(connection: sqlite3.Connection) -> None:
        row = connection.execute(SQL["activity_find"], {"id": number}).fetchone()
        _close(connection, row, platform.clock(), reason)

    platform.store.write(work)


def settle(platform: Platform, region: str, prefix: str, reason: str) -> None:
    """Those of an endpoint that has got where it was to go, or not."""
    like = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"

    def work(connection: sqlite3.Connection) -> None:
        for row in connection.execute(SQL["activity_open"], {"region": region, "resource": like}).fetchall():
            _close(connection, row, platform.clock(), reason)

    if platform.store.read().execute(SQL["activity_open"], {"region": region, "resource": like}).fetchone():
        platform.store.write(work)


def _close(connection: sqlite3.Connection, row: Any, now: float, reason: str) -> None:
    document = orjson.loads(row["document"])
    setting = document["Description"].removeprefix("Setting ").removesuffix(".")
    said = f"Failed to set {setting}. Reason: {reason}" if reason else f"Successfully set {setting}. {NOBODY}"
    status = "Failed" if reason else "Successful"
    values = {
        "id": row["id"],
        "now": now,
        "status": status,
        "document": orjson.dumps({**document, "StatusMessage": said}),
    }
    connection.execute(SQL["activity_end"], values)


def forget(platform: Platform) -> None:
    before = {"before": platform.clock() - KEPT}
    platform.store.write(lambda connection: connection.execute(SQL["activity_expire"], before).rowcount)


@operation("DescribeScalingActivities")
def described(call: Call[Scaling], request: Document) -> Document:
    rows, token = page(call, request, "activity_page", ("id",))
    found = []
    for row in rows:
        times = {"StartTime": row["at"], **({"EndTime": row["ended"]} if row["ended"] else {})}
        found.append({**shown(row), "StatusCode": row["status"], **times})
    return answer("ScalingActivities", found, token)
