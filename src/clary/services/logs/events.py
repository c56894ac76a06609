"""Log events: put into a stream, and read from it page by page."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.logs import state
from clary.services.logs.state import DAY, Logs
from clary.store.lines import ENDLESS, Line, Place

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
BATCH = 1_048_576  # bytes
OVERHEAD = 26  # bytes that each event counts beside its text
FUTURE = 2 * 3_600_000
PAST = 14 * DAY
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
PAGE = 10_000
PAGE_BYTES = 1_048_576

Document = dict[str, Any]


@operation("PutLogEvents")
def put(call: Call[Logs], request: Document) -> Document:
    group = state.group_of(call, request["logGroupName"])
    entry = state.stream_of(group, request["logStreamName"])
    events = [(event["timestamp"], event["message"]) for event in request["logEvents"]]
    now = call.state.journal.now()
    expired = state.kept_since(group, now)
    size = sum(len(text.encode()) + OVERHEAD for _, text in events)
    if size > BATCH:
        raise state.invalid(f"Upload too large: {size} bytes exceeds limit of {BATCH}")
    if any(later[0] < earlier[0] for earlier, later in pairwise(events)):
        raise state.invalid("Log events in a single PutLogEvents request must be in chronological order.")
    taken = [event for event in events if max(now - PAST, expired) <= event[0] <= now + FUTURE]
    if taken and taken[-1][0] - taken[0][0] > DAY:
        raise state.invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    if taken:
        call.state.journal.put(group, entry, taken)
    answer: Document = {"nextSequenceToken": f"{sum(b.held for b in entry.lines.blocks()[-1:]):056d}"}
    if rejected := _rejected([at for at, _ in events], now, expired):
        answer["rejectedLogEventsInfo"] = rejected
    return answer


def _rejected(times: list[int], now: int, expired: int) -> Document:
    """Where the refused ones end and begin: both ends are exclusive of the accepted."""
    found: Document = {}
    for member, before in (("tooOldLogEventEndIndex", now - PAST), ("expiredLogEventEndIndex", expired)):
        if times[0] < before:
            found[member] = sum(at < before for at in times)
    if times[-1] > now + FUTURE:
        found["tooNewLogEventStartIndex"] = sum(at <= now + FUTURE for at in times)
    return found


@operation("GetLogEvents")
def get(call: Call[Logs], request: Document) -> Document:
    """A token is a place between two lines and the way on from there: at the end it stays where it is."""
    group = state.group_of(call, state.named(request))
    lines = state.stream_of(group, request["logStreamName"]).lines
    low: Place = (max(request.get("startTime", 0), state.kept_since(group, call.state.journal.now())), 0)
    high: Place = (request["endTime"], 0) if "endTime" in request else ENDLESS
    forwards, at = _opened(request.get("nextToken")) or (bool(request.get("startFromHead")), None)
    if at is not None:
        low, high = (max(low, at), high) if forwards else (low, min(high, at))
    limit = request.get("limit", PAGE)
    found = list(page(lines.read(low, high, backwards=not forwards), limit)) if low < high else []
    if not forwards:
        found.reverse()
    if found:
        begin, end = (found[0].at, found[0].number), (found[-1].at, found[-1].number + 1)
    else:
        begin = end = at or low
    return {
        "events": [shown(line) for line in found],
        "nextForwardToken": _sealed("f", end),
        "nextBackwardToken": _sealed("b", begin),
    }


def page(lines: Iterable[Line], limit: int) -> Iterator[Line]:
    """As many as fit into an answer, at least one."""
    size = 0
    for count, line in enumerate(lines):
        size += len(line.text.encode()) + OVERHEAD
        if count == limit or (count and size > PAGE_BYTES):
            return
        yield line


def shown(line: Line) -> Document:
    return {"timestamp": line.at, "message": line.text, "ingestionTime": line.ingested}


def _sealed(way: str, place: Place) -> str:
    """As AWS's look: f/56 digits/s"""
    return f"{way}/{place[0]:020d}{place[1]:036d}/s"


def _opened(token: str | None) -> tuple[bool, Place | None] | None:
    if token is None:
        return None
    if not (parts := re.fullmatch(r"([fb])/(\d{20})(\d{36})/s", token)):
        raise state.invalid("The specified nextToken is invalid.")
    return parts[1] == "f", (int(parts[2]), int(parts[3]))
