"""CloudWatch's own errors, and its tokens."""

from typing import Any

from clary.errors import AWSError, Invalid
from clary.resource import pages


def invalid(message: str) -> AWSError:
    return AWSError("InvalidParameterValue", message, 400)


def combined(message: str) -> AWSError:
    return AWSError("InvalidParameterCombination", message, 400)


def missing(message: str) -> AWSError:
    return AWSError("MissingParameter", message, 400)


def opened(token: str | None, query: list[Any]) -> list[Any] | None:
    """The place that a NextToken names. Raises InvalidNextToken."""
    try:
        return pages.opened(token, query)
    except Invalid as error:
        raise AWSError("InvalidNextToken", "The next token specified is invalid.", 400) from error
