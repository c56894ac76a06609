"""Events as statuses."""

from typing import Any

import orjson

from clary.jobs.view import entered, statuses


def event(at: float, state: str, status: str = "", message: str = "") -> dict[str, Any]:
    return {
        "at": at,
        "state": state,
        "message": message,
        "detail": orjson.dumps({"status": status}) if status else None,
    }


def test_each_status_ends_where_the_next_begins() -> None:
    events = [
        event(1, "pending"),
        event(2, "preparing", "Starting", "a"),
        event(3, "preparing", "Starting"),
        event(4, "preparing", "Training", "b"),
        event(5, "running"),
        event(6, "finishing"),
        event(7, "completed", "Completed", "c"),
    ]
    found = [(status.name, status.start, status.end, status.message) for status in statuses(events)]
    assert found == [("Starting", 2, 4, "a"), ("Training", 4, 7, "b"), ("Completed", 7, 7, "c")]
    assert [status.end for status in statuses(events[:5])] == [4, None]
    assert entered(events, "running") == 5
    assert entered(events, "stopped") is None


def test_of_two_attempts_the_last_counts() -> None:
    events = [event(1, "running"), event(2, "finishing"), event(3, "pending", "Restarting"), event(4, "running")]
    assert entered(events, "running") == 4
