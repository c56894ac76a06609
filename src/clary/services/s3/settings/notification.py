"""What a bucket tells others: S3's own records to queues, topics and functions, and EventBridge events.

Both go onto the in-process bus. A record's event has the destination's ARN in `resources` and the detail type
"S3 Notification"; its detail is what AWS would send there.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from clary.resource.bus import Event
from clary.resource.call import Call
from clary.services.s3.settings import bad
from clary.services.s3.settings.acl import canonical_id
from clary.services.s3.settings.book import Settings
from clary.services.s3.state import S3
from clary.wire.models import service_model

Document = dict[str, Any]
RECORD = "S3 Notification"

# By kind of destination: the member that holds its ARN, and what such an ARN looks like.
DESTINATIONS = {
    "TopicConfigurations": ("TopicArn", re.compile(r"arn:aws[\w-]*:sns:[\w-]+:\d{12}:[\w-]+(\.fifo)?")),
    "QueueConfigurations": ("QueueArn", re.compile(r"arn:aws[\w-]*:sqs:[\w-]+:\d{12}:[\w-]+(\.fifo)?")),
    "LambdaFunctionConfigurations": (
        "LambdaFunctionArn",
        re.compile(r"arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:[\w-]+(:[\w$-]+)?"),
    ),
}

# EventBridge's names for our events: detail type and reason.
EVENTBRIDGE = {
    "ObjectCreated:Put": ("Object Created", "PutObject"),
    "ObjectCreated:Post": ("Object Created", "POST Object"),
    "ObjectCreated:Copy": ("Object Created", "CopyObject"),
    "ObjectCreated:CompleteMultipartUpload": ("Object Created", "CompleteMultipartUpload"),
    "ObjectRemoved:Delete": ("Object Deleted", "DeleteObject"),
    "ObjectRemoved:DeleteMarkerCreated": ("Object Deleted", "DeleteObject"),
    "LifecycleExpiration:Delete": ("Object Deleted", "Lifecycle Expiration"),
    "LifecycleExpiration:DeleteMarkerCreated": ("Object Deleted", "Lifecycle Expiration"),
    "ObjectTagging:Put": ("Object Tags Added", ""),
    "ObjectTagging:Delete": ("Object Tags Deleted", ""),
    "ObjectAcl:Put": ("Object ACL Updated", ""),
}


@dataclass(frozen=True, slots=True)
class Target:
    id: str
    arn: str
    events: tuple[str, ...]  # ObjectCreated:* has become ObjectCreated:
    prefix: str
    suffix: str

    def wants(self, event: str, key: str) -> bool:
        if not key.startswith(self.prefix) or not key.endswith(self.suffix):
            return False
        return any(event.startswith(wanted) if wanted.endswith(":") else event == wanted for wanted in self.events)


def check(call: Call[S3], document: Document, bucket: str) -> Document:
    """The configuration, with an id for each part of it. Raises what AWS says of it; each new destination is told
    of it by an `s3:TestEvent`.
    """
    known = set(service_model("s3").shape_for("Event").enum)
    taken: list[Target] = []
    for family, (member, pattern) in DESTINATIONS.items():
        for given in document.get(family, []):
            given.setdefault("Id", str(uuid.uuid4()))
            if not pattern.fullmatch(given.get(member, "")):
                raise bad.argument("The ARN could not be parsed", member, given.get(member, ""))
            if not given.get("Events") or not set(given["Events"]) <= known:
                raise bad.malformed()
            target = _target(given, member)
            if any(_overlap(target, other) for other in taken):
                raise bad.argument(
                    "Configurations overlap. Configurations on the same bucket cannot share a common event type."
                )
            taken.append(target)
    for target in taken:
        _publish(call.state, target, _test(call, bucket))
    return document


def _target(given: Document, member: str) -> Target:
    affixes: dict[str, str] = {}
    for rule in given.get("Filter", {}).get("Key", {}).get("FilterRules", []):
        name = str(rule.get("Name", "")).lower()
        if name not in {"prefix", "suffix"}:
            raise bad.argument("filter rule name must be either prefix or suffix", "FilterRule.Name", rule.get("Name"))
        if name in affixes:
            raise bad.argument(f"Cannot specify more than one {name} rule in a filter.", "FilterRule.Name", name)
        affixes[name] = rule.get("Value", "")
    events = tuple(event.removeprefix("s3:").removesuffix("*") for event in given["Events"])
    return Target(given["Id"], given[member], events, affixes.get("prefix", ""), affixes.get("suffix", ""))


def _overlap(one: Target, other: Target) -> bool:
    """Whether some event on some key would go to both.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
    """
    shared = any(a.startswith(b) or b.startswith(a) for a in one.events for b in other.events)
    prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    suffixes = one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)
    return shared and prefixes and suffixes


def targets(settings: Settings) -> list[Target]:
    found: list[Target] = settings.derive("notification", _targets)
    return found


def _targets(settings: Settings) -> list[Target]:
    document = settings.get("notification") or {}
    return [
        _target(given, member) for family, (member, _) in DESTINATIONS.items() for given in document.get(family, [])
    ]


def notify(
    state: S3,
    bucket: str,
    event: str,
    *,
    key: str,
    size: int | None = None,  # bytes
    etag: str = "",
    version_id: str | None = None,
    sequencer: str = "",
    call: Call[S3] | None = None,  # None: the lifecycle did it
) -> None:
    """To be called after the commit. `event` is S3's name of it, `s3:ObjectCreated:Put`; nothing happens where nobody
    has asked for it.
    """
    settings = state.settings.of(bucket)
    document = settings.get("notification")
    if not document:
        return
    name = event.removeprefix("s3:")
    obj = {"key": key, "size": size, "etag": etag, "version-id": version_id, "sequencer": sequencer}
    obj = {member: value for member, value in obj.items() if value not in {None, ""}}
    if "EventBridgeConfiguration" in document and name in EVENTBRIDGE:
        _eventbridge(state, bucket, name, obj, call)
    for target in targets(settings):
        if target.wants(name, key):
            record = _record(state, bucket, name, obj, call)
            record["s3"]["configurationId"] = target.id
            _publish(state, target, {"Records": [record]})


def _eventbridge(state: S3, bucket: str, name: str, obj: Document, call: Call[S3] | None) -> None:
    kind, reason = EVENTBRIDGE[name]
    detail: Document = {"version": "0", "bucket": {"name": bucket}, "object": obj}
    detail["request-id"] = call.id if call else str(uuid.uuid4())
    detail["requester"] = call.caller.account or "anonymous" if call else "s3.amazonaws.com"
    if call:
        detail["source-ip-address"] = call.request.peer
    if reason:
        detail["reason"] = reason
    if kind == "Object Deleted":
        marker = name.endswith("DeleteMarkerCreated")
        detail["deletion-type"] = "Delete Marker Created" if marker else "Permanently Deleted"
    found = state.bucket(bucket)
    state.bus.publish(
        Event(
            source="aws.s3",
            detail_type=kind,
            detail=detail,
            resources=(f"arn:aws:s3:::{bucket}",),
            account=found.account,
            region=found.region,
            time=state.clock(),
            id=str(uuid.uuid4()),
        )
    )


def _record(state: S3, bucket: str, name: str, obj: Document, call: Call[S3] | None) -> Document:
    found = state.bucket(bucket)
    told: Document = {"key": quote_plus(obj["key"], safe="/")}
    for member, source in (("size", "size"), ("eTag", "etag"), ("versionId", "version-id"), ("sequencer", "sequencer")):
        if source in obj:
            told[member] = obj[source]
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": found.region,
        "eventTime": _time(state.clock()),
        "eventName": name,
        "userIdentity": {"principalId": call.caller.user_id if call else "s3.amazonaws.com"},
        "requestParameters": {"sourceIPAddress": call.request.peer if call else ""},
        "responseElements": {"x-amz-request-id": call.id if call else "", "x-amz-id-2": call.id if call else ""},
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": canonical_id(found.account)},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": told,
        },
    }


def _test(call: Call[S3], bucket: str) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-enable-disable-notification-intro.html"""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": _time(call.state.clock()),
        "Bucket": bucket,
        "RequestId": call.id,
        "HostId": call.id,
    }


def _publish(state: S3, target: Target, detail: Document) -> None:
    state.bus.publish(
        Event(
            source="aws.s3",
            detail_type=RECORD,
            detail=detail,
            resources=(target.arn,),
            account=state.config.account_id,
            region=state.config.region,
            time=state.clock(),
            id=str(uuid.uuid4()),
        )
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
