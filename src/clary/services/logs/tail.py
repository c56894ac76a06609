"""Live tail: what arrives in some groups, a message each second for as long as the client listens.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html
"""

import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.logs import pattern, state
from clary.services.logs.state import Logs
from clary.store.journal import Group

PAUSE = 1.0  # seconds between two updates
MOST = 500  # events in one of them
LONGEST = 3 * 3600  # seconds that a session lasts

Document = dict[str, Any]


class Tail:
    """What has come since the last update."""

    def __init__(self, request: Document, groups: dict[tuple[str, str], str]) -> None:
        """`groups`: region and name -> how the answer names it."""
        self.groups = groups
        self.names = set(request.get("logStreamNames", ()))
        self.prefixes = tuple(request.get("logStreamNamePrefixes", ()))
        self.fits = pattern.parse(request.get("logEventFilterPattern", ""))
        self.lock = threading.Lock()
        self.waiting: list[Document] = []
        self.sampled = False

    def hear(self, group: Group, stream: str, lines: list[tuple[int, str]], now: int) -> None:
        """A listener of the journal."""
        shown = self.groups.get((group.region, group.name))
        if shown is None or (self.names and stream not in self.names):
            return
        if self.prefixes and not stream.startswith(self.prefixes):
            return
        start = {"logGroupIdentifier": shown, "logStreamName": stream, "ingestionTime": now}
        found = [{**start, "timestamp": at, "message": text} for at, text in lines if self.fits(text)]
        with self.lock:
            room = MOST - len(self.waiting)
            self.sampled = self.sampled or len(found) > room
            self.waiting += found[:room]

    def take(self) -> Document:
        with self.lock:
            found, sampled = self.waiting, self.sampled
            self.waiting, self.sampled = [], False
        return {"sessionUpdate": {"sessionMetadata": {"sampled": sampled}, "sessionResults": found}}


@operation("StartLiveTail")
def start(call: Call[Logs], request: Document) -> Document:
    identifiers = request["logGroupIdentifiers"]
    if (request.get("logStreamNames") or request.get("logStreamNamePrefixes")) and len(identifiers) > 1:
        raise state.invalid("Log streams can be named for one log group only.")
    if request.get("logStreamNames") and request.get("logStreamNamePrefixes"):
        raise state.invalid("logStreamNames and logStreamNamePrefixes are mutually exclusive.")
    if wrong := next((one for one in identifiers if not one.startswith("arn:")), None):
        raise state.invalid(f"The specified log group identifier is not an ARN: {wrong}")
    groups = {}
    for identifier in identifiers:
        group = state.group_of(call, state.name_of(identifier))
        groups[group.region, group.name] = f"{call.account}:{group.name}"
    tail = Tail(request, groups)
    known = ("logGroupIdentifiers", "logStreamNames", "logStreamNamePrefixes", "logEventFilterPattern")
    said = {member: request.get(member, [] if member.endswith("s") else "") for member in known}
    call.state.journal.listeners.append(tail.hear)  # now, so that nothing is missed between the answer and the first
    return {
        "responseStream": _updates(call.state, tail, {**said, "requestId": call.id, "sessionId": str(uuid.uuid4())})
    }


def _updates(state: Logs, tail: Tail, said: Document) -> Iterator[Document]:
    end = time.monotonic() + LONGEST
    try:
        yield {"sessionStart": said}
        while not state.closing.wait(PAUSE):
            if time.monotonic() > end:
                raise AWSError("SessionTimeoutException", "The session has been open for three hours.")
            yield tail.take()
    finally:
        state.journal.listeners.remove(tail.hear)
