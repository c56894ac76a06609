"""Lifecycle rules: which are legal, and which objects each is about.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from clary.errors import AWSError
from clary.services.s3.settings import bad
from clary.services.s3.settings.book import Settings

Document = dict[str, Any]
DAY = 86400
RULES = 1000
SIZES = "all_storage_classes_128K"
ACTIONS = (
    "Expiration", "Transitions", "NoncurrentVersionTransitions", "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
)  # fmt: skip
ONE_OF = ("Prefix", "Tag", "And", "ObjectSizeGreaterThan", "ObjectSizeLessThan")


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    prefix: str
    tags: Mapping[str, str]
    larger: int  # bytes: objects of more than this
    smaller: float  # and of less than this
    days: int | None  # after which a current version expires
    date: float | None  # or at which
    markers: bool  # whether delete markers go that hide nothing any more
    noncurrent_days: int | None
    noncurrent_kept: int
    abort_days: int | None

    def about(self, key: str, size: int, tags: Mapping[str, str]) -> bool:
        if not key.startswith(self.prefix) or not self.larger < size < self.smaller:
            return False
        return all(tags.get(name) == value for name, value in self.tags.items())

    def due(self, modified: float) -> float | None:
        """When a current version expires: days are counted full, from the next midnight UTC on."""
        if self.days is not None:
            return (math.ceil(modified / DAY) + self.days) * DAY
        return self.date

    def cutoff(self, days: int, now: float) -> float:
        """What is from then or before has been there for so many days at `now`."""
        return (math.floor(now / DAY) - days) * DAY


def of(settings: Settings) -> list[Rule]:
    """The enabled rules."""
    found: list[Rule] = settings.derive("lifecycle", _of)
    return found


def _of(settings: Settings) -> list[Rule]:
    document = settings.get("lifecycle") or {}
    return [_rule(rule) for rule in document.get("Rules", []) if rule["Status"] == "Enabled"]


def _rule(rule: Document) -> Rule:
    given = rule.get("Filter", {})
    scope = given.get("And", given)
    tags = scope.get("Tags", [scope["Tag"]] if "Tag" in scope else [])
    expiration, noncurrent = rule.get("Expiration", {}), rule.get("NoncurrentVersionExpiration", {})
    return Rule(
        id=rule["ID"],
        prefix=scope.get("Prefix", rule.get("Prefix", "")),
        tags={tag["Key"]: tag["Value"] for tag in tags},
        larger=scope.get("ObjectSizeGreaterThan", -1),
        smaller=scope.get("ObjectSizeLessThan", math.inf),
        days=expiration.get("Days"),
        date=expiration.get("Date"),
        markers=bool(expiration.get("ExpiredObjectDeleteMarker")),
        noncurrent_days=noncurrent.get("NoncurrentDays"),
        noncurrent_kept=noncurrent.get("NewerNoncurrentVersions", 0),
        abort_days=rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
    )


def expiration(settings: Settings, key: str, size: int, tags: Mapping[str, str], modified: float) -> str:
    """The header x-amz-expiration of an object, or "".
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#AmazonS3-GetObject-response-header-Expiration
    """
    found = [(due, rule.id) for rule in of(settings) if rule.about(key, size, tags) and (due := rule.due(modified))]
    if not found:
        return ""
    due, name = min(found)
    when = format_datetime(datetime.fromtimestamp(due, UTC), usegmt=True)
    return f'expiry-date="{when}", rule-id="{quote(name)}"'


def check(document: Document) -> Document:
    """The configuration, with an id for each rule. Raises what AWS says of it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
    """
    rules = document.get("Rules", [])
    if not 1 <= len(rules) <= RULES:
        raise bad.malformed()
    ids: set[str] = set()
    for rule in rules:
        rule.setdefault("ID", secrets.token_urlsafe(36))
        if len(rule["ID"]) > 255:
            raise bad.argument("ID length should not exceed allowed limit of 255")
        if rule["ID"] in ids:
            raise bad.argument("Rule ID must be unique. Found same ID for more than one rule")
        ids.add(rule["ID"])
        _check_rule(rule)
    return document


def _check_rule(rule: Document) -> None:
    if rule.get("Status") not in {"Enabled", "Disabled"} or ("Filter" in rule) == ("Prefix" in rule):
        raise bad.malformed()
    if not any(rule.get(action) for action in ACTIONS):
        raise bad.request("At least one action needs to be specified in a rule")
    tagged = _check_filter(rule.get("Filter", {}))
    _check_expiration(rule, tagged=tagged)
    if noncurrent := rule.get("NoncurrentVersionExpiration"):
        _positive(noncurrent.get("NoncurrentDays"), "NoncurrentDays", "NoncurrentVersionExpiration")
        if not 1 <= noncurrent.get("NewerNoncurrentVersions", 1) <= 100:
            raise bad.argument(
                "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 and 100"
            )
    if "AbortIncompleteMultipartUpload" in rule:
        if tagged:
            raise bad.request("AbortIncompleteMultipartUpload cannot be specified with Tags")
        days = rule["AbortIncompleteMultipartUpload"].get("DaysAfterInitiation")
        _positive(days, "DaysAfterInitiation", "AbortIncompleteMultipartUpload")
    _check_transitions(rule)


def _check_filter(given: Document) -> bool:
    """Whether it asks for tags."""
    if sum(member in given for member in ONE_OF) > 1:
        raise bad.malformed()
    scope = given.get("And", given)
    if "And" in given and len(scope.get("Tags", [])) + sum(member in scope for member in ONE_OF) < 2:
        raise bad.malformed()
    tags = scope.get("Tags", [scope["Tag"]] if "Tag" in scope else [])
    if len({tag.get("Key") for tag in tags}) < len(tags):
        raise bad.request("Duplicate Tag Keys are not allowed.")
    if not scope.get("ObjectSizeGreaterThan", -1) < scope.get("ObjectSizeLessThan", math.inf):
        raise bad.request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.")
    return bool(tags)


def _check_expiration(rule: Document, *, tagged: bool) -> None:
    expiration = rule.get("Expiration")
    if expiration is None:
        return
    if len(expiration.keys() & {"Days", "Date", "ExpiredObjectDeleteMarker"}) != 1:
        raise bad.malformed()
    if "Days" in expiration:
        _positive(expiration["Days"], "Days", "Expiration")
    if "Date" in expiration and expiration["Date"] % DAY:
        raise bad.argument("'Date' must be at midnight GMT")
    if tagged and "ExpiredObjectDeleteMarker" in expiration:
        raise bad.request("ExpiredObjectDeleteMarker cannot be specified with tags")


def _check_transitions(rule: Document) -> None:
    days = rule.get("Expiration", {}).get("Days")
    for transition in rule.get("Transitions", []):
        storage, after = transition.get("StorageClass"), transition.get("Days")
        if not storage or (after is None) == ("Date" not in transition):
            raise bad.malformed()
        if after is None:
            continue
        if after < 0:
            raise bad.argument("'Days' for Transition action must be nonnegative")
        if storage in {"STANDARD_IA", "ONEZONE_IA"} and after < 30:
            raise bad.argument(
                f"'Days' in Transition action must be greater than or equal to 30 for storageClass '{storage}'"
            )
        if days is not None and days <= after:
            prefix = rule.get("Prefix", rule.get("Filter", {}).get("Prefix", ""))
            raise bad.argument(
                f"'Days' in the Expiration action for filter '(prefix={prefix})' must be greater than 'Days' in the "
                "Transition action"
            )


def _positive(days: Any, member: str, action: str) -> None:
    if days is None:
        raise bad.malformed()
    if days <= 0:
        raise bad.argument(f"'{member}' for {action} action must be a positive integer")


def default_size(request: Document) -> str:
    """TransitionDefaultMinimumObjectSize of a request."""
    size = str(request.get("TransitionDefaultMinimumObjectSize", SIZES))
    if size not in {SIZES, "varies_by_storage_class"}:
        raise AWSError("InvalidRequest", "Invalid TransitionDefaultMinimumObjectSize", 400)
    return size
