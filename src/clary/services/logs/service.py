"""Logs as a service: what it is made of, what it asks of IAM, and what it forgets in time."""

from typing import Any

from clary.resource.call import Call, Permission, Platform
from clary.resource.service import Service, collect
from clary.services.logs import events, groups, refused, search, state, streams, tail
from clary.services.logs.insights import operations as insights
from clary.services.logs.insights.queries import Queries
from clary.services.logs.state import Logs
from clary.store.journal import Journal

MODULES = (groups, streams, events, search, tail, insights, refused)

# On what an operation is allowed: a stream, a group without more, or the account's logs. All others: a group's streams.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
STREAM = {"PutLogEvents", "GetLogEvents", "DeleteLogStream"}
BARE = {"TagResource", "UntagResource", "ListTagsForResource", "StartLiveTail"}
ACCOUNT = {"GetQueryResults", "StopQuery", "DescribeQueries", "GetLogRecord", "TestMetricFilter", "ListLogGroups"}
NAMES = ("logGroupName", "logGroupIdentifier", "resourceArn", "logGroupNamePrefix")


def build(platform: Platform, journal: Journal) -> Service:
    shared = Logs(journal, Queries(platform.clock))

    def tick() -> None:
        for group in journal.every():
            if (before := state.kept_since(group, journal.now())) > 0:
                group.expire(before)
        shared.queries.forget()

    def close() -> None:
        shared.closing.set()
        shared.queries.close()

    return Service("logs", collect(MODULES), shared, permissions, tick=tick, close=close, unused=UNUSED)


def permissions(call: Call[Logs], request: dict[str, Any]) -> list[Permission]:
    name = call.operation.name
    action = f"logs:{name}"
    if name in ACCOUNT:
        return [Permission(action)]
    asked = [request[member] for member in NAMES if request.get(member)]
    for member in ("logGroupIdentifiers", "logGroupNames"):
        asked += request.get(member) or []
    found = []
    for identifier in asked or [""]:
        resource = f"log-group:{state.name_of(identifier)}"
        if name not in BARE:
            resource += f":log-stream:{request['logStreamName'] if name in STREAM else ''}"
        tags = request.get("tags") if isinstance(request.get("tags"), dict) else None
        keys = {f"aws:RequestTag/{key}": [value] for key, value in (tags or {}).items()}
        found.append(Permission(action, call.arn(resource), keys | ({"aws:TagKeys": list(tags)} if tags else {})))
    return found


UNUSED = {  # accepted, but nothing is done with it: the disk is not encrypted by us, and nothing is masked
    "CreateLogGroup": {"kmsKeyId"},
    "PutLogEvents": {"sequenceToken", "entity"},
    "GetLogEvents": {"unmask"},
    "FilterLogEvents": {"interleaved", "unmask"},
    "GetLogRecord": {"unmask"},
    "DescribeLogGroups": {"accountIdentifiers", "includeLinkedAccounts"},
    "ListLogGroups": {"accountIdentifiers", "includeLinkedAccounts"},
}
