"""The policy document of a POST form: what the one who signed it lets a browser upload.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clary.errors import AccessDenied, AWSError

# Fields that need no condition.
FREE = {"policy", "file", "x-amz-signature", "signature", "awsaccesskeyid", "submit"}
MATCHERS = {"eq", "starts-with"}


@dataclass(frozen=True, slots=True)
class Limits:
    """The bytes that the file may have."""

    least: int = 0
    most: int | None = None

    def check(self, size: int) -> None:
        """To be called while the file arrives, too: raises EntityTooLarge early."""
        if self.most is not None and size > self.most:
            raise AWSError(
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed size",
                400,
                ProposedSize=str(size),
                MaxSizeAllowed=str(self.most),
            )

    def check_end(self, size: int) -> None:
        self.check(size)
        if size < self.least:
            raise AWSError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                400,
                ProposedSize=str(size),
                MinSizeAllowed=str(self.least),
            )


def check(encoded: str, fields: Mapping[str, str], now: float) -> Limits:
    """Whether the form keeps to the policy. `fields` by their names in lower case, with the bucket among them."""
    document = _read(encoded)
    if now >= _expiration(document):
        raise AccessDenied("Invalid according to Policy: Policy expired.")
    limits, covered = Limits(), set(FREE)
    conditions = document.get("conditions")
    if not isinstance(conditions, list):
        raise _invalid("Invalid Policy: Missing 'conditions'.")
    for condition in conditions:
        if isinstance(condition, list) and condition and str(condition[0]).lower() == "content-length-range":
            limits = _limits(condition)
            continue
        for matcher, name, value in _tests(condition):
            covered.add(name)
            if not _holds(matcher, name, value, fields.get(name, "")):
                told = json.dumps(condition if isinstance(condition, list) else [matcher, f"${name}", value])
                raise AccessDenied(f"Invalid according to Policy: Policy Condition failed: {told}")
    extra = sorted(name for name in fields if name not in covered and not name.startswith("x-ignore-"))
    if extra := [name for name in extra if name != "bucket"]:
        raise AccessDenied(f"Invalid according to Policy: Extra input fields: {', '.join(extra)}")
    return limits


def _read(encoded: str) -> dict[str, Any]:
    try:
        document = json.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _invalid("Invalid Policy: Invalid JSON.") from error
    if not isinstance(document, dict):
        raise _invalid("Invalid Policy: Invalid JSON.")
    return document


def _expiration(document: dict[str, Any]) -> float:
    text = document.get("expiration")
    if not isinstance(text, str):
        raise _invalid("Invalid Policy: Missing 'expiration'.")
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise _invalid(f"Invalid Policy: Invalid 'expiration' value: '{text}'") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _tests(condition: Any) -> list[tuple[str, str, str]]:
    """Matcher, name of the field, value."""
    if isinstance(condition, dict) and condition:
        return [("eq", name.lower(), _text(value)) for name, value in condition.items()]
    if isinstance(condition, list) and len(condition) == 3 and str(condition[0]).lower() in MATCHERS:
        matcher, name, value = condition
        if isinstance(name, str) and name.startswith("$"):
            return [(matcher.lower(), name[1:].lower(), _text(value))]
    raise _invalid(f"Invalid Policy: Invalid Condition: {json.dumps(condition)}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _invalid("Invalid Policy: Invalid Simple-Condition: value must be a string.")
    return value


def _limits(condition: list[Any]) -> Limits:
    try:
        least, most = (int(value) for value in condition[1:])
    except (TypeError, ValueError, OverflowError) as error:
        raise _invalid("Invalid Policy: Invalid content-length-range.") from error
    return Limits(least, most)


def _holds(matcher: str, name: str, wanted: str, given: str) -> bool:
    if matcher == "eq":
        return given == wanted
    if name == "content-type":  # a list of them has to fit one by one
        return all(value.strip().startswith(wanted) for value in given.split(","))
    return given.startswith(wanted)


def _invalid(message: str) -> AWSError:
    return AWSError("InvalidPolicyDocument", message, 400)
