"""Log streams: what one source says, within a group."""

from typing import Any

from clary.errors import AWSError
from clary.resource import pages
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.logs import state
from clary.services.logs.state import Logs
from clary.store.journal import Entry

Document = dict[str, Any]


@operation("CreateLogStream")
def create(call: Call[Logs], request: Document) -> None:
    group, name = state.group_of(call, request["logGroupName"]), request["logStreamName"]
    if not group.add(name, call.state.journal.now()):
        raise AWSError("ResourceAlreadyExistsException", "The specified log stream already exists")


@operation("DeleteLogStream")
def delete(call: Call[Logs], request: Document) -> None:
    group = state.group_of(call, request["logGroupName"])
    if not group.drop(request["logStreamName"]):
        raise AWSError("ResourceNotFoundException", "The specified log stream does not exist.")


@operation("DescribeLogStreams")
def describe(call: Call[Logs], request: Document) -> Document:
    group = state.group_of(call, state.named(request))
    by_time, prefix = request.get("orderBy") == "LastEventTime", request.get("logStreamNamePrefix", "")
    if by_time and prefix:
        raise state.invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
    found = [((_last(entry) if by_time else 0, entry.name), entry) for entry in group.streams(prefix)]
    descending = bool(request.get("descending"))
    found.sort(key=lambda pair: pair[0], reverse=descending)
    query = [group.name, prefix, by_time, descending]
    if (opened := state.place(request.get("nextToken"), query)) is not None:
        after = (opened[0], opened[1])
        found = [pair for pair in found if (pair[0] < after if descending else pair[0] > after)]
    size = request.get("limit", 50)
    answer: Document = {"logStreams": [_shown(call, group.name, entry) for _, entry in found[:size]]}
    if len(found) > size:
        answer["nextToken"] = pages.sealed(list(found[size - 1][0]), query)
    return answer


def _last(entry: Entry) -> int:
    return max((block.high for block in entry.lines.blocks() if block.held), default=0)


def _shown(call: Call[Logs], group: str, entry: Entry) -> Document:
    found: Document = {
        "logStreamName": entry.name,
        "creationTime": entry.created,
        "arn": call.arn(f"log-group:{group}:log-stream:{entry.name}"),
        "storedBytes": 0,  # AWS: "no longer supported for log streams, and always reports zero"
    }
    if blocks := [block for block in entry.lines.blocks() if block.held]:
        found["firstEventTimestamp"] = min(block.low for block in blocks)
        found["lastEventTimestamp"] = max(block.high for block in blocks)
        found["lastIngestionTime"] = blocks[-1].ingested
        found["uploadSequenceToken"] = f"{blocks[-1].first + blocks[-1].held:056d}"
    return found
