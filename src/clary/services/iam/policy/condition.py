"""The condition operators.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and, for keys
with several values,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

import base64
import binascii
import ipaddress
import operator as op
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from clary.services.iam.policy.pattern import Context, Part, regex, resolve, split, unmark

# Does this value of the request match this value of the policy, whose variables are filled in?
Test = Callable[[str, str], bool]
Condition = Callable[[Context], bool]


def _arn(value: str, pattern: str) -> bool:
    """The six parts are compared each by itself."""
    values, patterns = value.split(":", 5), pattern.split(":", 5)
    return len(values) == len(patterns) == 6 and all(map(_like, values, patterns))


def _number(compare: Callable[[float, float], bool]) -> Test:
    def test(value: str, wanted: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return test


def moment(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 date, or of such a number. Raises ValueError.
    https://www.w3.org/TR/NOTE-datetime
    """
    try:
        return float(text)
    except ValueError:
        if re.fullmatch(r"\d{4}-\d\d", text):
            text += "-01"
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _date(compare: Callable[[float, float], bool]) -> Test:
    def test(value: str, wanted: str) -> bool:
        try:
            return compare(moment(value), moment(wanted))
        except ValueError:
            return False

    return test


def _binary(value: str, wanted: str) -> bool:
    try:
        return base64.b64decode(value, validate=True) == base64.b64decode(wanted, validate=True)
    except binascii.Error:
        return False


@lru_cache(4096)
def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _address(value: str, wanted: str) -> bool:
    try:
        address, wanted_network = ipaddress.ip_address(value), network(wanted)
    except ValueError:
        return False
    return address.version == wanted_network.version and address in wanted_network


def _like(value: str, pattern: str) -> bool:
    return regex(pattern).fullmatch(value) is not None


def _same(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


# name -> (test, whether the condition is that it fails)
OPERATORS: Final[dict[str, tuple[Test, bool]]] = {
    "StringEquals": (op.eq, False),
    "StringNotEquals": (op.eq, True),
    "StringEqualsIgnoreCase": (_same, False),
    "StringNotEqualsIgnoreCase": (_same, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "NumericEquals": (_number(op.eq), False),
    "NumericNotEquals": (_number(op.eq), True),
    "NumericLessThan": (_number(op.lt), False),
    "NumericLessThanEquals": (_number(op.le), False),
    "NumericGreaterThan": (_number(op.gt), False),
    "NumericGreaterThanEquals": (_number(op.ge), False),
    "DateEquals": (_date(op.eq), False),
    "DateNotEquals": (_date(op.eq), True),
    "DateLessThan": (_date(op.lt), False),
    "DateLessThanEquals": (_date(op.le), False),
    "DateGreaterThan": (_date(op.gt), False),
    "DateGreaterThanEquals": (_date(op.ge), False),
    "Bool": (_same, False),
    "BinaryEquals": (_binary, False),
    "IpAddress": (_address, False),
    "NotIpAddress": (_address, True),
    "ArnEquals": (_arn, False),
    "ArnNotEquals": (_arn, True),
    "ArnLike": (_arn, False),
    "ArnNotLike": (_arn, True),
}
NAMES: Final = {name.lower(): name for name in (*OPERATORS, "Null")}
_WILD: Final = (_like, _arn)


def read(name: str) -> tuple[str, str, bool]:
    """`ForAnyValue:StringLikeIfExists` is ("StringLike", "foranyvalue", True). Raises ValueError."""
    quantifier, _, rest = name.rpartition(":")
    bare = rest[: -len("IfExists")] if rest.lower().endswith("ifexists") else rest
    known = NAMES.get(bare.lower())
    if known is None or quantifier.lower() not in {"", "forallvalues", "foranyvalue"}:
        raise ValueError(name)
    if known == "Null" and (quantifier or bare != rest):
        raise ValueError(name)
    return known, quantifier.lower(), bare != rest


def texts(value: Any) -> list[str]:
    """What a condition lists, as strings: JSON's true is "true"."""
    values = value if isinstance(value, list) else [value]
    return [("true" if v else "false") if isinstance(v, bool) else str(v) for v in values]


def compile_condition(name: str, key: str, value: Any, *, variables: bool) -> Condition:
    """The function that says whether a request meets one operator's condition on one key."""
    kind, quantifier, if_exists = read(name)
    key = key.lower()
    if kind == "Null":
        absent = {text.lower() == "true" for text in texts(value)}
        return lambda context: (not context.get(key)) in absent
    test, negated = OPERATORS[kind]
    wanted = [split(text, variables=variables) for text in texts(value)]
    wild = test in _WILD
    constant = all(isinstance(part, str) for parts in wanted for part in parts)
    fixed = _fill(wanted, Context(), wild=wild) if constant else None

    def holds(context: Context) -> bool:
        values = context.get(key)
        if not values:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
            return if_exists or quantifier == "forallvalues" or (negated and not quantifier)
        patterns = _fill(wanted, context, wild=wild) if fixed is None else fixed
        hits = (any(test(value, pattern) for pattern in patterns) for value in values)
        if quantifier == "forallvalues":
            return all(hit != negated for hit in hits)
        if quantifier == "foranyvalue":
            return any(hit != negated for hit in hits)
        return any(hits) != negated

    return holds


def _fill(wanted: Iterable[list[Part]], context: Context, *, wild: bool) -> list[str]:
    filled = [text for parts in wanted if (text := resolve(parts, context)) is not None]
    return filled if wild else [unmark(text) for text in filled]
