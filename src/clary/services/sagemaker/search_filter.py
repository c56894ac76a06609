"""The conditions of Search: filters, nested filters and expressions of them, over records.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SearchExpression.html
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any, Final

from clary.errors import Invalid
from clary.resource.service import Document
from clary.services.sagemaker.search_property import Property, find, meant

Test = Callable[[Any], bool]
MOST: Final = 50  # conditions and expressions, all together
ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
# Of these there may be any number of Contains: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Filter.html
OFTEN: Final = (
    "DisplayName",
    "ExperimentName",
    "TrialName",
    "TrialComponentName",
    "Tags",
    "InputArtifacts",
    "OutputArtifacts",
)


def test(shape: Any, expression: Document) -> Test:
    """What records of the shape must meet. Raises Invalid."""
    parts = list(_parts(expression))
    if len(parts) > MOST:
        raise Invalid(f"The search expression has {len(parts)} conditions, and may have {MOST}.")
    contains = [one for one in parts if one.get("Operator") == "Contains" and "Name" in one]
    if len([one for one in contains if one["Name"].partition(".")[0] not in OFTEN]) > 1:
        raise Invalid("'CONTAINS' operator usage limit of 1 exceeded.")
    return _expression(shape, expression)


def _parts(expression: Document) -> Iterator[Document]:
    yield from expression.get("Filters", [])
    for nested in expression.get("NestedFilters", []):
        yield nested
        yield from nested["Filters"]
    for one in expression.get("SubExpressions", []):
        yield one
        yield from _parts(one)


def _expression(shape: Any, expression: Document) -> Test:
    tests = [_filter(shape, one) for one in expression.get("Filters", [])]
    tests += [_nested(shape, one) for one in expression.get("NestedFilters", [])]
    tests += [_expression(shape, one) for one in expression.get("SubExpressions", [])]
    if not tests:
        raise Invalid("A search expression must have at least one filter, nested filter or subexpression.")
    enough = any if expression.get("Operator") == "Or" else all
    return lambda record: enough(one(record) for one in tests)


def _nested(shape: Any, nested: Document) -> Test:
    """A list one of whose elements meets all the filters."""
    name = nested["NestedPropertyName"]
    member = next((known for known in shape.members if known.lower() == name.lower()), None)
    if member is None or shape.members[member].type_name != "list":
        raise Invalid(f"Unknown nested property name: {name}")
    element = shape.members[member].member
    tests = []
    for one in nested["Filters"]:
        head, _, rest = one["Name"].partition(".")
        if head.lower() != name.lower() or not rest:
            raise Invalid(f"Filter {one['Name']} is not of the nested property {name}.")
        tests.append(_filter(element, {**one, "Name": rest}))
    return lambda record: any(all(met(each) for met in tests) for each in record.get(member) or [])


def _filter(shape: Any, given: Document) -> Test:
    of = find(shape, given["Name"])
    text = given.get("Value")
    how = given.get("Operator", "Equals")
    if how in ("Exists", "NotExists"):
        return lambda record: bool(of.values(record)) == (how == "Exists")
    if text is None:
        raise Invalid(f"A filter by {how} must have a value: {of.name}")
    if of.kind == "whole":
        raise Invalid(f"Property {of.name} has no value of its own, and can only be asked for by Exists and NotExists.")
    if how in ORDERS:
        return _ordered(of, ORDERS[how], text, how)
    if how in ("Contains", "In"):
        if of.kind not in ("text", "loose"):
            raise Invalid(f"Operator {how} is not supported for property {of.name} of type {of.kind}.")
        among = text.split(",")
        if how == "In":
            return lambda record: any(str(value) in among for value in of.values(record))
        return lambda record: any(text in str(value) for value in of.values(record))
    same = _same(of, text)
    return lambda record: any(same(value) for value in of.values(record)) == (how == "Equals")


def _ordered(of: Property, order: Callable[[Any, Any], bool], text: str, how: str) -> Test:
    if of.kind in ("text", "boolean"):
        raise Invalid(f"Operator {how} is not supported for property {of.name} of type {of.kind}.")
    if of.kind != "loose":
        wanted = meant(of, text)
        return lambda record: any(order(value, wanted) for value in of.values(record))
    limit, whole = _number(text)
    if limit is None:
        raise Invalid(f"Invalid value for property {of.name} of type number: {text}")

    def met(value: Any) -> bool:
        number, _ = _number(value)
        return number is not None and order(int(number) if whole else number, limit)

    return lambda record: any(met(value) for value in of.values(record))


def _same(of: Property, text: str) -> Test:
    if of.kind != "loose":
        wanted = meant(of, text)
        return lambda value: bool(value == wanted)
    limit, whole = _number(text)

    def same(value: Any) -> bool:
        number, _ = _number(value)
        if number is None or limit is None:
            return str(value) == text
        return (int(number) if whole else number) == limit

    return same


def _number(value: Any) -> tuple[float | None, bool]:
    """And whether it is written as an integer: then decimals are compared as integers, as AWS has it."""
    try:
        number = float(value)
    except ValueError:
        return None, False
    if number != number or abs(number) == float("inf"):  # noqa: PLR0124 - only NaN is not itself
        return None, False
    return number, isinstance(value, str) and value.strip().lstrip("+-").isdigit()
