"""What the tests of bucket settings share."""

import http.client
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from waiting import PATIENCE


def bucket(s3: Any) -> str:
    """A new bucket."""
    name = f"settings-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return name


@contextmanager
def refused(code: str, sentence: str = "") -> Iterator[None]:
    """The client gets this error."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert sentence in error["Message"], error


def opened(s3: Any, name: str) -> None:
    """Takes the public access block away."""
    s3.delete_public_access_block(Bucket=name)


class Answer:
    """What a plain HTTP client gets."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()


def ask(port: int, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Answer:
    """An unsigned request, as a browser or curl would send it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()
