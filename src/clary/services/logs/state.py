"""What the operations of Logs share: the journal, how a request names a group, and Logs' own words for what is wrong.

The errors: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html#API_GetLogEvents_Errors
"""

import threading
from dataclasses import dataclass, field
from typing import Any

from clary.errors import AWSError, Invalid
from clary.resource import pages
from clary.resource.call import Call
from clary.services.logs.insights.queries import Queries
from clary.store.journal import Entry, Group, Journal

DAY = 86_400_000  # milliseconds


@dataclass(slots=True)
class Logs:
    journal: Journal
    queries: Queries
    closing: threading.Event = field(default_factory=threading.Event)  # live tails end


def invalid(message: str) -> AWSError:
    return AWSError("InvalidParameterException", message)


def name_of(identifier: str) -> str:
    """The name in what may be a name or an ARN: arn:aws:logs:us-west-2:123456789012:log-group:NAME, or with :*"""
    return identifier.split(":")[6] if identifier.startswith("arn:") and identifier.count(":") >= 6 else identifier


def named(request: dict[str, Any]) -> str:
    """The name of the group that a request asks for by name or identifier. Raises InvalidParameterException."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if name and identifier:
        raise invalid("LogGroup name and LogGroup identifier are mutually exclusive.")
    if not (name or identifier):
        raise invalid("Either logGroupName or logGroupIdentifier must be specified.")
    return name_of(str(name or identifier))


def group_of(call: Call[Logs], name: str) -> Group:
    """Raises ResourceNotFoundException."""
    found = call.state.journal.group(call.region, name)
    if found is None:
        raise AWSError("ResourceNotFoundException", "The specified log group does not exist.")
    return found


def stream_of(group: Group, name: str) -> Entry:
    """Raises ResourceNotFoundException."""
    found = group.stream(name)
    if found is None:
        raise AWSError("ResourceNotFoundException", "The specified log stream does not exist.")
    return found


def kept_since(group: Group, now: int) -> int:
    """The time before which the group's lines have expired."""
    days = group.document.get("retentionInDays")
    return now - days * DAY if days else 0


def place(token: str | None, query: list[Any]) -> list[Any] | None:
    """What a page's token holds. Raises InvalidParameterException."""
    try:
        return pages.opened(token, query)
    except Invalid as error:
        raise invalid("The specified nextToken is invalid.") from error
