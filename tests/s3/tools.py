"""What the tests of S3's data share."""

import http.client
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from waiting import PATIENCE

MiB = 1 << 20


def new_bucket(s3: Any, *, versions: bool = False) -> str:
    name = f"data-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    if versions:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@contextmanager
def refused(code: str, sentence: str = "", status: int = 0) -> Iterator[dict[str, Any]]:
    """The client gets this error; gives its members."""
    members: dict[str, Any] = {}
    with pytest.raises(ClientError) as caught:
        yield members
    response = caught.value.response
    assert response["Error"]["Code"] == code, response["Error"]
    assert sentence in response["Error"]["Message"], response["Error"]
    assert status in {0, response["ResponseMetadata"]["HTTPStatusCode"]}, response
    members |= response["Error"]


def send(
    url: str, method: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case) and body of one request as it stands."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, headers or {})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def signed(
    platform: Any, method: str, path: str, headers: dict[str, str], body: bytes, *, trailing: bool = False
) -> tuple[int, dict[str, str], bytes]:
    """As `send`, signed by header as root. `trailing`: the body is aws-chunked with a trailer."""
    request = AWSRequest(method, f"{platform.url}{path}", dict(headers), body)
    if trailing:
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    S3SigV4Auth(Credentials(*platform.root), "s3", "us-west-2").add_auth(request)
    return send(request.url, method, dict(request.headers), body)


def body(answer: dict[str, Any]) -> bytes:
    """The bytes of a GetObject."""
    read: bytes = answer["Body"].read()
    return read
