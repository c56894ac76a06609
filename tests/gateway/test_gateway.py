"""The front door: what every service shares, asked by real clients and by raw sockets."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import IO, Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from conftest import Platform
from waiting import PATIENCE, until


def signed(platform: Platform, service: str, body: bytes, **headers: str) -> AWSRequest:
    request = AWSRequest("POST", platform.url + "/", data=body, headers=headers)
    SigV4Auth(Credentials(*platform.root), service, "us-west-2").add_auth(request)
    return request


def send(platform: Platform, request: AWSRequest, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=PATIENCE)
    connection.request("POST", "/", body=request.data if body is None else body, headers=dict(request.headers))
    response = connection.getresponse()
    answer = response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    connection.close()
    return answer


def test_health_names_the_services(platform: Platform) -> None:
    with urllib.request.urlopen(platform.url + "/health") as answer:
        assert json.load(answer)["status"] == "ok"


def test_metrics_count_requests_by_operation_and_status(platform: Platform) -> None:
    platform.client("sts").get_caller_identity()

    def counted() -> str:
        """It is counted once it has been answered."""
        with urllib.request.urlopen(platform.url + "/metrics") as answer:
            return str(answer.read().decode())

    until(lambda: 'clary_requests_total{operation="GetCallerIdentity",service="sts",status="200"}' in counted())


def test_each_request_is_a_line_in_the_access_log(platform: Platform) -> None:
    answer = platform.client("sts").get_caller_identity()
    line = wait_for_line(platform.home / "logs" / "access.log", answer["ResponseMetadata"]["RequestId"])
    assert " sts:GetCallerIdentity 200 " in line


def wait_for_line(path: Path, word: str) -> str:
    def found() -> str:
        return next((line for line in path.read_text().splitlines() if word in line), "")

    return until(found, lambda: f"{word} is not in {path}")


@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [
        ("sagemaker", "create_auto_ml_job_v2", {}),  # a service that we have, in json
        ("iam", "get_credential_report", {}),  # in query
        ("s3", "get_object_torrent", {"Bucket": "b", "Key": "k"}),
        ("lambda", "list_functions", {}),  # services that we don't have: rest-json,
        ("ec2", "describe_instances", {}),  # ec2,
        ("dynamodb", "list_tables", {}),  # json 1.0,
        ("sns", "list_topics", {}),  # and whatever botocore prefers there
    ],
)
def test_what_is_absent_says_so_by_name(platform: Platform, service: str, operation: str, given: Any) -> None:
    client = platform.client(service)
    name = client.meta.method_to_api_mapping[operation]
    with pytest.raises(ClientError, match="Clary does not have") as error:
        getattr(client, operation)(**given)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert error.value.response["Error"]["Code"].startswith("NotImplemented")
    assert name in error.value.response["Error"]["Message"]


def test_an_unsigned_request_is_refused(platform: Platform) -> None:
    request = AWSRequest("POST", platform.url, data=b"Action=GetCallerIdentity&Version=2011-06-15")
    request.headers["content-type"] = "application/x-www-form-urlencoded"
    status, headers, body = send(platform, request)
    assert (status, b"<Code>MissingAuthenticationToken</Code>" in body) == (403, True)
    assert headers["x-amzn-requestid"].encode() in body


def test_an_unknown_operation(platform: Platform) -> None:
    target = {"X-Amz-Target": "SageMaker.Nonsense", "Content-Type": "application/x-amz-json-1.1"}
    status, headers, body = send(platform, signed(platform, "sagemaker", b"{}", **target))
    assert (status, json.loads(body)["__type"]) == (400, "UnknownOperationException")
    assert headers["x-amzn-requestid"]


def test_a_body_that_does_not_parse(platform: Platform) -> None:
    target = {"X-Amz-Target": "SageMaker.DescribeModel", "Content-Type": "application/x-amz-json-1.1"}
    status, _, body = send(platform, signed(platform, "sagemaker", b'{"ModelName": ', **target))
    assert (status, json.loads(body)["__type"]) == (400, "SerializationException")


def test_a_body_changed_after_signing(platform: Platform) -> None:
    target = {"X-Amz-Target": "SageMaker.DescribeModel", "Content-Type": "application/x-amz-json-1.1"}
    request = signed(platform, "sagemaker", b'{"ModelName": "a"}', **target)
    status, _, body = send(platform, request, b'{"ModelName": "b"}')
    assert (status, json.loads(body)["__type"]) == (400, "InvalidSignatureException")


def test_a_body_over_the_limit_is_not_read(platform: Platform) -> None:
    target = {"X-Amz-Target": "SageMaker.DescribeModel", "Content-Type": "application/x-amz-json-1.1"}
    request = signed(platform, "sagemaker", b"{}", **target)
    said = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    with socket.create_connection(("127.0.0.1", platform.port), timeout=PATIENCE) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 40}\r\n{head}\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_headers_over_the_limit(platform: Platform) -> None:
    with socket.create_connection(("127.0.0.1", platform.port), timeout=PATIENCE) as connection:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):  # it answers before it has heard all
            connection.sendall(b"GET / HTTP/1.1\r\n" + b"x-filler: 0123456789\r\n" * 10_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")


CRASHING = """
import sys
from clary.app import App
from clary.config import Config
from clary.resource.service import Operation

def crash(call, request):
    raise RuntimeError("deliberate")

app = App(Config.load(home=sys.argv[1], port=0))
app.gateway.services["sts"].operations["GetSessionToken"] = Operation(crash)
app.serve(lambda: print(app.port, flush=True))
"""


def test_a_crash_of_ours_is_answered_and_logged_and_the_process_lives(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    with subprocess.Popen(
        [sys.executable, "-c", CRASHING, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        broken = Platform(tmp_path)
        broken.port = int(process.stdout.readline())
        client = broken.client("sts")
        with pytest.raises(ClientError) as error:
            client.get_session_token()
        assert error.value.response["Error"]["Code"] == "InternalFailure"
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert client.get_caller_identity()["Account"]
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE)
    assert b"RuntimeError: deliberate" in said
    assert process.returncode == 0


def test_pipelined_requests_are_answered_in_order(platform: Platform) -> None:
    s3, bucket = platform.client("s3"), f"pipeline-{os.getpid()}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    bodies = {"small": b"s" * 10, "large": b"l" * 300_000, "middle": b"m" * 30_000}
    ask = b""
    for key, body in bodies.items():
        put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key})
        ask += f"PUT {put.removeprefix(platform.url)} HTTP/1.1\r\nContent-Length: {len(body)}\r\n".encode()
        ask += f"Host: 127.0.0.1:{platform.port}\r\n\r\n".encode() + body
    for key in bodies:
        get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
        ask += f"GET {get.removeprefix(platform.url)} HTTP/1.1\r\nHost: 127.0.0.1:{platform.port}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", platform.port), timeout=PATIENCE) as connection:
        connection.sendall(ask)
        answers = connection.makefile("rb")
        for _ in bodies:
            assert read_answer(answers) == (200, b"")
        for body in bodies.values():
            assert read_answer(answers) == (200, body)
        answers.close()


def read_answer(stream: IO[bytes]) -> tuple[int, bytes]:
    status = int(stream.readline().split()[1])
    length = 0
    while (line := stream.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        length = int(value) if name == b"content-length" else length
    return status, stream.read(length)


def test_objects_and_buckets_may_be_called_as_our_own_pages(platform: Platform) -> None:
    s3 = platform.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket="metrics", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="metrics", Key="health", Body=b"mine")
    assert [found["Key"] for found in s3.list_objects_v2(Bucket="metrics")["Contents"]] == ["health"]
    with urllib.request.urlopen(s3.generate_presigned_url("list_objects_v2", Params={"Bucket": "metrics"})) as answer:
        assert b"ListBucketResult" in answer.read()
    connection = http.client.HTTPConnection("127.0.0.1", platform.port)
    connection.request("GET", "/health", headers={"Host": "metrics.s3.amazonaws.com"})
    assert b"AccessDenied" in connection.getresponse().read()
    connection.close()


def test_a_client_that_hangs_up_half_way_leaves_nothing(platform: Platform) -> None:
    s3 = platform.client("s3")
    bucket = f"hang-up-{os.getpid()}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "half"})
    path = url.removeprefix(platform.url)
    with socket.create_connection(("127.0.0.1", platform.port), timeout=PATIENCE) as connection:
        host = f"127.0.0.1:{platform.port}"
        connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5000000\r\n\r\n".encode())
        connection.sendall(b"x" * 3_000_000)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("size", [100, 300_000])
def test_an_object_whose_file_was_lost_is_an_error_in_words_of_s3(own_platform: Platform, size: int) -> None:
    s3 = own_platform.client("s3")
    s3.create_bucket(Bucket="lost", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="lost", Key="k", Body=b"x" * size)
    (blob,) = [path for path in (own_platform.home / "blobs").rglob("*") if path.is_file()]
    os.truncate(blob, size // 2)
    with pytest.raises(ClientError, match="InternalError"):
        s3.get_object(Bucket="lost", Key="k")
    blob.unlink()
    with pytest.raises(ClientError, match="InternalError"):
        s3.get_object(Bucket="lost", Key="k")
    assert s3.list_objects_v2(Bucket="lost")["KeyCount"] == 1
