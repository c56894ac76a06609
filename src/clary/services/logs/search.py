"""The lines of a whole group, in the order of time, and those of them that a pattern fits."""

import hashlib
import heapq
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from clary.errors import AWSError
from clary.resource import pages
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.logs import events, pattern, state
from clary.services.logs.state import Logs
from clary.store.journal import Entry, Group
from clary.store.lines import Line, Place

LOOKED_AT = 300_000  # lines that one call looks at: about a second. What is left, the next page goes on with

Document = dict[str, Any]


class Found(NamedTuple):
    """In the order of time, and of streams where that is the same."""

    at: int
    stream: int
    number: int
    entry: Entry
    line: Line


def lines_of(entries: list[Entry], low: int, high: int, after: tuple[int, int, int] | None = None) -> Iterator[Found]:
    """The lines of all these streams with low <= time < high, those behind the place `after` only. A stream's file is
    opened when its time comes.
    """
    waiting = [(begin, entry.number, entry) for entry in entries if (begin := _begin(entry, low, high)) is not None]
    waiting.sort(key=lambda one: one[:2], reverse=True)
    running: list[tuple[Found, Iterator[Found]]] = []
    while waiting or running:
        while waiting and (not running or waiting[-1][0] <= running[0][0].at):
            entry = waiting.pop()[2]
            lines = _lines(entry, low, high, after)
            if (first := next(lines, None)) is not None:
                heapq.heappush(running, (first, lines))
        if not running:
            continue
        found, lines = running[0]
        yield found
        if (following := next(lines, None)) is None:
            heapq.heappop(running)
        else:
            heapq.heapreplace(running, (following, lines))


def _begin(entry: Entry, low: int, high: int) -> int | None:
    """The earliest time that a line of the stream in this range can have."""
    inside = [block.low for block in entry.lines.blocks() if block.held and block.high >= low and block.low < high]
    return max(low, min(inside)) if inside else None


def _lines(entry: Entry, low: int, high: int, after: tuple[int, int, int] | None) -> Iterator[Found]:
    begin: Place = (low, 0)
    if after is not None:
        at, stream, number = after
        begin = max(
            begin, (at, number + 1) if entry.number == stream else (at, 0 if entry.number > stream else 1 << 62)
        )
    for line in entry.lines.read(begin, (high, 0)):
        yield Found(line.at, entry.number, line.number, entry, line)


@operation("FilterLogEvents")
def filter_events(call: Call[Logs], request: Document) -> Document:
    group = state.group_of(call, state.named(request))
    fits = pattern.parse(request.get("filterPattern", ""))
    if request.get("startFromHead") is False:
        raise state.invalid("FilterLogEvents answers with the earliest events first here: startFromHead must be true.")
    asked = {key: value for key, value in request.items() if key not in {"nextToken", "limit"}}
    query = [call.region, asked]
    opened = state.place(request.get("nextToken"), query)
    low = max(request.get("startTime", 0), state.kept_since(group, call.state.journal.now()))
    high = request.get("endTime", sys.maxsize >> 1)
    limit = request.get("limit", events.PAGE)
    after = (opened[0], opened[1], opened[2]) if opened else None
    found: list[Document] = []
    size, last = 0, opened
    for looked, one in enumerate(lines_of(_asked_for(group, request), low, high + 1, after)):
        if looked == LOOKED_AT or len(found) == limit or size > events.PAGE_BYTES:
            return {"events": found, "searchedLogStreams": [], "nextToken": pages.sealed(last or [], query)}
        if fits(one.line.text):
            size += len(one.line.text.encode()) + events.OVERHEAD
            found.append(_shown(group, one))
        last = list(one[:3])
    return {"events": found, "searchedLogStreams": []}


def _asked_for(group: Group, request: Document) -> list[Entry]:
    names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix")
    if names and prefix:
        raise state.invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
    if names:
        return [state.stream_of(group, name) for name in sorted(set(names))]
    return group.streams(prefix or "")


def _shown(group: Group, found: Found) -> Document:
    own = pointer(group, found)
    return {"logStreamName": found.entry.name, **events.shown(found.line), "eventId": own}


def pointer(group: Group, found: Found) -> str:
    """What names a line: 56 digits, as AWS's event ids are; time, group, stream and number within it."""
    mark = int.from_bytes(hashlib.blake2s(group.name.encode(), digest_size=6).digest())
    return f"{found.at:015d}{mark:015d}{found.stream:012d}{found.number:014d}"


@operation("GetLogRecord")
def record(call: Call[Logs], request: Document) -> Document:
    """By what an Insights query gives as @ptr."""
    digits = request["logRecordPointer"]
    if len(digits) == 56 and digits.isdecimal():
        at, mark, stream, number = int(digits[:15]), digits[15:30], int(digits[30:42]), int(digits[42:])
        for group in call.state.journal.groups(call.region):
            for entry in group.streams():
                if entry.number != stream:
                    continue
                line = next(entry.lines.read((at, number), (at, number + 1)), None)
                if line and pointer(group, Found(at, stream, number, entry, line))[15:30] == mark:
                    return {"logRecord": _record(call, group, entry, line)}
    raise AWSError("ResourceNotFoundException", "The specified log record does not exist.")


def _record(call: Call[Logs], group: Group, entry: Entry, line: Line) -> dict[str, str]:
    return {
        "@timestamp": str(line.at),
        "@ingestionTime": str(line.ingested),
        "@message": line.text,
        "@logStream": entry.name,
        "@log": f"{call.account}:{group.name}",
    }


@operation("TestMetricFilter", inline=True)
def try_pattern(_call: Call[Logs], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html"""
    fits = pattern.parse(request["filterPattern"])
    matches = [
        {"eventNumber": number, "eventMessage": message, "extractedValues": {}}
        for number, message in enumerate(request["logEventMessages"], start=1)
        if fits(message)
    ]
    return {"matches": matches}
