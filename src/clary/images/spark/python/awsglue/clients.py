"""boto3's clients, each made once: to make one takes as long as a few calls."""

from functools import cache
from typing import Any


@cache
def client(service: str) -> Any:
    import boto3  # noqa: PLC0415 - takes its time, and not every job needs one

    return boto3.client(service)
