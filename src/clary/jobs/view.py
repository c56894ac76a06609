"""What the users of a job see of its events: a line of statuses, each with its time and its words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from clary.jobs.recipe import Document
from clary.jobs.states import ENDED


@dataclass(slots=True)
class Status:
    """Times in seconds since the epoch."""

    name: str
    start: float
    end: float | None  # None: it is the present one
    message: str


def statuses(events: Iterable[Any]) -> list[Status]:
    """In order. What comes again at once, as after a crash of ours, is one status, with the later words."""
    found: list[Status] = []
    for event in events:
        name = detail(event).get("status")
        if name and found and found[-1].name == name:
            found[-1].message = event["message"] or found[-1].message
        elif name:
            if found:
                found[-1].end = event["at"]
            found.append(Status(name, event["at"], None, event["message"]))
        if found and event["state"] in ENDED:
            found[-1].end = event["at"]
    return found


def detail(event: Any) -> Document:
    """What came with an event."""
    found: Document = orjson.loads(event["detail"]) if event["detail"] else {}
    return found


def entered(events: Iterable[Any], state: str) -> float | None:
    """When the job was last in this state of the engine's for the first time of that attempt: `running` is when its
    containers were started, `finishing` when they had ended.
    """
    at: float | None = None
    before = ""
    for event in events:
        if event["state"] == state and before != state:
            at = event["at"]
        before = event["state"]
    return at
