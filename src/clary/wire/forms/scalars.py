"""The scalars that every form shares: times, numbers as text, base64."""

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from clary.errors import Malformed

Shape = Any  # a botocore.model.Shape: which kind its type_name says, not its class
Read = Callable[[Any], Any]
Write = Callable[[Any], Any]

INTEGERS = {"integer": (-(1 << 31), (1 << 31) - 1, "an Integer"), "long": (-(1 << 63), (1 << 63) - 1, "a Long")}
FLOATS = {"float": "a Float", "double": "a Double"}
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[-+]?\d{1,20}", re.ASCII)
_FRACTION = re.compile(r"(:\d\d)(\.\d+) ")
_EPOCH_LIMIT = 253402300800  # the year 10000: no calendar format goes beyond


def seconds(value: Any) -> float:
    """Seconds since the epoch of what a service gives as a time."""
    return value.timestamp() if isinstance(value, datetime) else value


def iso8601(value: Any, *, millis: bool = False) -> str:
    """`2023-11-14T22:13:20Z`; milliseconds only if there are some, or if `millis`."""
    count = round(seconds(value) * 1000)
    whole, rest = divmod(count, 1000)
    text = datetime.fromtimestamp(whole, UTC).isoformat()[:19]
    return f"{text}.{rest:03d}Z" if rest or millis else text + "Z"


def rfc822(value: Any) -> str:
    """`Tue, 14 Nov 2023 22:13:20 GMT`"""
    return format_datetime(datetime.fromtimestamp(int(seconds(value)), UTC), usegmt=True)


def unix(value: Any) -> float:
    """Seconds with at most three decimals, as AWS has them; whole ones as an int."""
    number = round(seconds(value), 3)
    return int(number) if number == int(number) else number


def time_writer(style: str) -> Write:
    return {"iso8601": iso8601, "rfc822": rfc822, "unixtimestamp": unix}[style]


def time_reader(style: str) -> Callable[[str], float]:
    return {"iso8601": _read_iso8601, "rfc822": _read_rfc822, "unixtimestamp": _read_unix}[style]


def _bad_time(text: str) -> Malformed:
    return Malformed(f"Invalid timestamp: {text[:100]}")


def epoch(value: float) -> float:
    """The number itself, if it is a time that a calendar has; raises errors.Malformed otherwise."""
    if not -_EPOCH_LIMIT < value < _EPOCH_LIMIT:  # NaN fails this too
        raise _bad_time(str(value))
    return float(value)


def _read_iso8601(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise _bad_time(text) from error


def _read_rfc822(text: str) -> float:
    fraction = _FRACTION.search(text)
    try:
        moment = parsedate_to_datetime(_FRACTION.sub(r"\1 ", text) if fraction else text)
        whole = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError) as error:
        raise _bad_time(text) from error
    return whole + (float(fraction[2]) if fraction else 0.0)


def _read_unix(text: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise _bad_time(text)
    return epoch(float(text))


def real(value: Any) -> Any:
    """A float as JSON and XML can carry it: the three that are no numbers as text."""
    if math.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - the test for NaN


def special(text: str) -> float | None:
    return _SPECIAL.get(text)


def base64_text(value: Any) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


def base64_bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text if "\n" not in text else "".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("Invalid base64 data") from error


def text_reader(shape: Shape, time_style: str) -> Callable[[str], Any]:
    """From the text of a header, a query, a label, a form field or an XML element to the value."""
    kind = shape.type_name
    if kind == "timestamp":
        return time_reader(shape.serialization.get("timestampFormat", time_style).lower())
    if kind in INTEGERS:
        return _integer_reader(kind)
    if kind in FLOATS:
        return _read_float
    if kind == "boolean":
        return _read_boolean
    return base64_bytes if kind == "blob" else str


def text_writer(shape: Shape, time_style: str) -> Callable[[Any], str]:
    kind = shape.type_name
    if kind == "timestamp":
        write = time_writer(shape.serialization.get("timestampFormat", time_style).lower())
        return lambda value: str(write(value))
    if kind in FLOATS:
        return lambda value: str(real(value))
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    return base64_text if kind == "blob" else str


def _integer_reader(kind: str) -> Callable[[str], int]:
    low, high, name = INTEGERS[kind]

    def read(text: str) -> int:
        if not _INTEGER.fullmatch(text.strip()) or not low <= (value := int(text)) <= high:
            raise Malformed(f"{text[:100]!r} can not be converted to {name}")
        return value

    return read


def _read_float(text: str) -> float:
    found = _SPECIAL.get(text)
    if found is not None:
        return found
    if not _NUMBER.fullmatch(text.strip()):
        raise Malformed(f"{text[:100]!r} can not be converted to a Double")
    return float(text)


def _read_boolean(text: str) -> bool:
    # SDKs in C++ and the old command line tools write True and False.
    lower = text.strip().lower()
    if lower not in {"true", "false"}:
        raise Malformed(f"{text[:100]!r} can not be converted to a Boolean")
    return lower == "true"
