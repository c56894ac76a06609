"""Log groups: made, listed, told how long to keep what they hold, tagged, deleted."""

from typing import Any

from clary.errors import AWSError
from clary.resource import pages
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.logs import state
from clary.services.logs.state import Logs
from clary.store.journal import Group

RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
TAGS = 50

Document = dict[str, Any]


def arn(call: Call[Logs], group: Group) -> str:
    return call.arn(f"log-group:{group.name}")


@operation("CreateLogGroup")
def create(call: Call[Logs], request: Document) -> None:
    document = {"logGroupClass": request.get("logGroupClass", "STANDARD"), "tags": request.get("tags", {})}
    _check_tags(document["tags"])
    for member in ("kmsKeyId", "deletionProtectionEnabled"):
        if request.get(member):
            document[member] = request[member]
    try:
        call.state.journal.create(call.region, request["logGroupName"], document)
    except FileExistsError as error:
        raise AWSError("ResourceAlreadyExistsException", "The specified log group already exists") from error


@operation("DeleteLogGroup")
def delete(call: Call[Logs], request: Document) -> None:
    group = state.group_of(call, request["logGroupName"])
    if group.document.get("deletionProtectionEnabled"):
        raise AWSError("ValidationException", "The log group is protected from deletion.")
    call.state.journal.drop(group)


@operation("PutLogGroupDeletionProtection")
def protect(call: Call[Logs], request: Document) -> None:
    group = state.group_of(call, state.name_of(request["logGroupIdentifier"]))
    group.keep({**group.document, "deletionProtectionEnabled": request["deletionProtectionEnabled"]})


@operation("DescribeLogGroups")
def describe(call: Call[Logs], request: Document) -> Document:
    prefix, part = request.get("logGroupNamePrefix"), request.get("logGroupNamePattern")
    if prefix and part:
        raise state.invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    groups = call.state.journal.groups(call.region)
    if identifiers := request.get("logGroupIdentifiers"):
        groups = [state.group_of(call, name) for name in sorted({*map(state.name_of, identifiers)})]
    kept = [
        group
        for group in groups
        if group.name.startswith(prefix or "")
        and (part or "") in group.name
        and request.get("logGroupClass") in {None, _class(group)}
    ]
    found, token = _page(call, request, kept)
    return {"logGroups": [_shown(call, group, brief=bool(part)) for group in found], **token}


@operation("ListLogGroups")
def list_groups(call: Call[Logs], request: Document) -> Document:
    """Names by up to five parts of a name, `^` before one that names begin with."""
    if unknown := sorted({"dataSources", "fieldIndexNames", "logGroupTags"} & request.keys()):
        raise state.invalid(f"ListLogGroups cannot filter by {', '.join(unknown)} here.")
    parts = (request.get("logGroupNamePattern") or "").split("|")
    kept = [
        group
        for group in call.state.journal.groups(call.region)
        if any(group.name.startswith(part[1:]) if part.startswith("^") else part in group.name for part in parts)
        and request.get("logGroupClass") in {None, _class(group)}
    ]
    found, token = _page(call, request, kept)
    shown = [
        {"logGroupName": group.name, "logGroupArn": arn(call, group), "logGroupClass": _class(group)} for group in found
    ]
    return {"logGroups": shown, **token}


def _page(call: Call[Logs], request: Document, groups: list[Group]) -> tuple[list[Group], Document]:
    """One page in the order of names, and the token of the next if there is one."""
    query = [call.operation.name, {key: value for key, value in request.items() if key not in {"nextToken", "limit"}}]
    after = state.place(request.get("nextToken"), query)
    rest = [group for group in groups if after is None or group.name > after[0]]
    size = request.get("limit", 50)
    return rest[:size], {"nextToken": pages.sealed([rest[size - 1].name], query)} if len(rest) > size else {}


def _class(group: Group) -> str:
    return str(group.document.get("logGroupClass", "STANDARD"))


def _shown(call: Call[Logs], group: Group, *, brief: bool) -> Document:
    own = arn(call, group)
    found: Document = {"logGroupName": group.name, "creationTime": group.document["created"], "arn": f"{own}:*"}
    if brief:
        return found
    known = ("retentionInDays", "kmsKeyId", "deletionProtectionEnabled")
    return {
        **found,
        **{member: group.document[member] for member in known if member in group.document},
        "metricFilterCount": 0,
        "storedBytes": sum(block.size for entry in group.streams() for block in entry.lines.blocks()),
        "logGroupClass": _class(group),
        "logGroupArn": own,
    }


@operation("PutRetentionPolicy")
def retain(call: Call[Logs], request: Document) -> None:
    days = request["retentionInDays"]
    if days not in RETENTIONS:
        raise state.invalid(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(map(str, RETENTIONS))}]"
        )
    group = state.group_of(call, request["logGroupName"])
    group.keep({**group.document, "retentionInDays": days})


@operation("DeleteRetentionPolicy")
def retain_for_ever(call: Call[Logs], request: Document) -> None:
    group = state.group_of(call, request["logGroupName"])
    group.keep({key: value for key, value in group.document.items() if key != "retentionInDays"})


@operation("TagResource")
def tag(call: Call[Logs], request: Document) -> None:
    _tag(state.group_of(call, state.name_of(request["resourceArn"])), request["tags"])


@operation("UntagResource")
def untag(call: Call[Logs], request: Document) -> None:
    _untag(state.group_of(call, state.name_of(request["resourceArn"])), request["tagKeys"])


@operation("ListTagsForResource", inline=True)
def tags(call: Call[Logs], request: Document) -> Document:
    return {"tags": state.group_of(call, state.name_of(request["resourceArn"])).document.get("tags", {})}


@operation("TagLogGroup")
def tag_group(call: Call[Logs], request: Document) -> None:
    _tag(state.group_of(call, request["logGroupName"]), request["tags"])


@operation("UntagLogGroup")
def untag_group(call: Call[Logs], request: Document) -> None:
    _untag(state.group_of(call, request["logGroupName"]), request["tags"])


@operation("ListTagsLogGroup", inline=True)
def group_tags(call: Call[Logs], request: Document) -> Document:
    return {"tags": state.group_of(call, request["logGroupName"]).document.get("tags", {})}


def _tag(group: Group, given: dict[str, str]) -> None:
    held = {**group.document.get("tags", {}), **given}
    _check_tags(held)
    group.keep({**group.document, "tags": held})


def _untag(group: Group, keys: list[str]) -> None:
    held = {key: value for key, value in group.document.get("tags", {}).items() if key not in keys}
    group.keep({**group.document, "tags": held})


def _check_tags(held: dict[str, str]) -> None:
    if wrong := [key for key in held if key.lower().startswith("aws:")]:
        raise state.invalid(f"Tag keys starting with 'aws:' are reserved for system use: {wrong[0]}")
    if len(held) > TAGS:
        raise AWSError("TooManyTagsException", f"A log group can have {TAGS} tags at most.")
