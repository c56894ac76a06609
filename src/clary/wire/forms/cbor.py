"""CBOR, as `smithy-rpc-v2-cbor` has it: JSON's rules, with real bytes and tagged times.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

import math
from datetime import datetime
from typing import Any

import cbor2

from clary.errors import Malformed
from clary.wire.forms import json, scalars
from clary.wire.forms.objects import wrong
from clary.wire.forms.scalars import Read, Shape, Write


def loads(body: bytes) -> Any:
    """Raises errors.Malformed, also for what nests deeper than 400. An empty body is an empty document."""
    try:
        return cbor2.loads(body) if body else {}
    except (cbor2.CBORError, ValueError, TypeError, OverflowError) as error:
        raise Malformed(f"Could not parse request body into cbor: {error}") from error


def dumps(value: Any) -> bytes:
    return cbor2.dumps(value)


def read_scalar(shape: Shape) -> Read:
    return {"blob": _blob, "timestamp": _timestamp}.get(shape.type_name) or json.read_scalar(shape)


def _blob(value: Any) -> bytes:
    if type(value) is not bytes:
        raise wrong(value, "a Blob")
    return value


def _timestamp(value: Any) -> float:
    if isinstance(value, datetime):  # tag 1, which cbor2 has turned into one
        return value.timestamp()
    if type(value) not in {int, float}:
        raise wrong(value, "milliseconds since epoch")
    return scalars.epoch(value)


def write_scalar(shape: Shape) -> Write | None:
    kind = shape.type_name
    if kind == "timestamp":
        return lambda value: cbor2.CBORTag(1, scalars.unix(value))
    if kind in scalars.FLOATS:
        return _real
    return _bytes if kind == "blob" else None


def _real(value: Any) -> Any:
    # A whole number in a float's place must still be a float to SDKs that check.
    return float(value) if math.isfinite(value) else value


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)
