"""What the bus is told of a job's state: Describe's answer, and its tags.
https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from typing import Any

from clary.resource import crud, tags
from clary.resource.bus import Event
from clary.resource.call import Call, Platform
from clary.resource.crud import Nouns
from clary.resource.resource import Plan
from clary.resource.service import Document


def tell(platform: Platform, plan: Plan, detail_type: str, arn: str) -> None:
    """Tells the bus how the job is now."""
    if (event := of(platform, plan, detail_type, arn)) is not None:
        platform.bus.publish(event)


def delete(plan: Plan, call: Call[Nouns], request: Document, detail_type: str) -> Document:
    """crud.delete, and tells the bus how it was."""
    gone = of(call.platform, plan, detail_type, plan.locate(call, request))
    answer = crud.delete(plan, call, request)
    if gone is not None:
        call.platform.bus.publish(gone)
    return answer


def of(platform: Platform, plan: Plan, detail_type: str, arn: str) -> Event | None:
    """What there is to tell; None if it was deleted meanwhile."""
    with platform.store.moment() as connection:
        row = crud.find(connection, arn)
        if row is None:
            return None
        shown, tagged = crud.show(plan, connection, row), tags.read(connection, arn)
    _, _, _, region, account, _ = arn.split(":", 5)
    detail = {member: _milliseconds(member, value) for member, value in shown.items()}
    detail["Tags"] = tagged
    return Event("aws.sagemaker", detail_type, detail, (arn,), account, region, platform.clock())


def _milliseconds(member: str, value: Any) -> Any:
    """Times as such events have them."""
    if member.endswith(("Time", "Timestamp")) and isinstance(value, float):
        return int(value * 1000)
    if isinstance(value, list):
        return [_milliseconds(member, one) for one in value]
    if isinstance(value, dict):
        return {name: _milliseconds(name, one) for name, one in value.items()}
    return value
