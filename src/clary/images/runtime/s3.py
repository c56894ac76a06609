"""One object from S3, by the standard library: boto3 takes 150 ms to import, and the user's first line waits for it.

Where the job has no endpoint and credentials of Clary's, boto3 does it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path
    from urllib.parse import SplitResult

_UNSIGNED = "UNSIGNED-PAYLOAD"
_PATIENCE = 60.0  # seconds: Clary may be started again while the job goes on


class DownloadFailed(Exception):
    """S3 said no."""


def download(url: str, to: Path) -> None:
    """`url` is s3://bucket/key. Raises DownloadFailed."""
    bucket, _, key = url[len("s3://") :].partition("/")
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "")
    credentials = urlsplit(os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""))
    if endpoint.scheme != "http" or credentials.scheme != "http":
        import boto3  # noqa: PLC0415 - only where it is needed

        boto3.client("s3").download_file(bucket, key, str(to))
        return
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            _fetch(endpoint.netloc, credentials, f"/{bucket}/{quote(key, safe='/~')}", url, to)
        except (ConnectionError, TimeoutError, http.client.HTTPException):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


def _fetch(host: str, credentials: SplitResult, path: str, url: str, to: Path) -> None:
    token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    keys = json.loads(_get(credentials.netloc, credentials.path, {"Authorization": token}, url).read())
    with _get(host, path, _signed(host, path, keys), url) as answer, to.open("wb") as file:
        shutil.copyfileobj(answer, file, 1 << 20)
        if answer.length:  # bytes that were announced and did not come
            raise ConnectionResetError(f"{url} broke off")


def _get(host: str, path: str, headers: dict[str, str], what: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    if answer.status != 200:
        said = answer.read(2000).decode("utf-8", "replace")
        found = re.search("<Code>(.*?)</Code><Message>(.*?)</Message>", said, re.DOTALL)
        why = ": ".join(found.groups()) if found else said
        raise DownloadFailed(f"{what} could not be downloaded: {answer.status} {answer.reason}: {why}")
    return answer


def _signed(host: str, path: str, keys: dict[str, Any]) -> dict[str, str]:
    """The headers that sign a GET. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    now = dt.datetime.now(dt.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    headers = {
        "host": host,
        "x-amz-content-sha256": _UNSIGNED,
        "x-amz-date": now,
        "x-amz-security-token": keys["Token"],
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = hashlib.sha256(f"GET\n{path}\n\n{lines}\n{names}\n{_UNSIGNED}".encode()).hexdigest()
    key = ("AWS4" + keys["SecretAccessKey"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{canonical}"
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"AWS4-HMAC-SHA256 Credential={keys['AccessKeyId']}/{scope}"
    headers["authorization"] = f"{credential}, SignedHeaders={names}, Signature={signature}"
    return headers
