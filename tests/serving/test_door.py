"""Who may invoke: IAM decides each request, and a change counts at once."""

import http.client
import json
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh
from serving.bed import refused
from waiting import PATIENCE, until


class Door:
    """The data plane of a home whose main process runs, and two endpoints."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.endpoints = Endpoints(platform)
        config = self.endpoints.config()
        self.open, self.shut = self.endpoints.create(config), self.endpoints.create(config)
        for name in (self.open, self.shut):
            self.endpoints.until(name)
        self.port: int = json.loads((platform.home / "run.json").read_text())["serving_port"]
        self.account: str = json.loads((platform.home / "root.json").read_text())["Account"]

    def client(self, keys: tuple[str, ...] | None = None) -> Any:
        return self.platform.client("sagemaker-runtime", endpoint_url=f"http://127.0.0.1:{self.port}", keys=keys)

    def arn(self, name: str) -> str:
        return f"arn:aws:sagemaker:us-west-2:{self.account}:endpoint/{name.lower()}"

    def user(self, *statements: dict[str, Any]) -> tuple[str, tuple[str, str]]:
        """Its name and its keys."""
        iam, name = self.platform.client("iam"), fresh("user")
        iam.create_user(UserName=name)
        text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=text)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return name, (key["AccessKeyId"], key["SecretAccessKey"])

    def invoke(self, client: Any, name: str) -> float:
        answer = client.invoke_endpoint(EndpointName=name, Body=b"1,2", ContentType="text/csv")
        return float(answer["Body"].read())


@pytest.fixture(scope="module")
def door(platform: Platform) -> Door:
    return Door(platform)


def test_policies_decide_by_endpoint_operation_and_condition(door: Door) -> None:
    name, keys = door.user(
        {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": door.arn(door.open)},
        {
            "Effect": "Allow",
            "Action": "sagemaker:InvokeEndpointWithResponseStream",
            "Resource": "*",
            "Condition": {"StringLike": {"aws:UserAgent": "*Boto3*"}},
        },
    )
    client = door.client(keys)
    assert 0 <= door.invoke(client, door.open) <= 1
    told = refused(client.invoke_endpoint, EndpointName=door.shut, Body=b"1")
    assert told[0] == "AccessDeniedException"
    who = f"User: arn:aws:iam::{door.account}:user/{name} is not authorized to perform: sagemaker:InvokeEndpoint"
    reason = "because no identity-based policy allows the sagemaker:InvokeEndpoint action"
    assert told[1] == f"{who} on resource: {door.arn(door.shut)} {reason}"
    stream = client.invoke_endpoint_with_response_stream(EndpointName=door.shut, Body=b"1,2", ContentType="text/csv")
    assert list(stream["Body"])
    iam = door.platform.client("iam")
    iam.put_user_policy(
        UserName=name,
        PolicyName="no",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}
        ),
    )
    until(lambda: _is_refused(door, client))
    iam.delete_user_policy(UserName=name, PolicyName="no")
    until(lambda: not _is_refused(door, client))
    iam.update_access_key(UserName=name, AccessKeyId=keys[0], Status="Inactive")
    until(lambda: _is_refused(door, client))


def _is_refused(door: Door, client: Any) -> bool:
    try:
        door.invoke(client, door.open)
    except client.exceptions.ClientError as error:
        return error.response["Error"]["Code"] in {"AccessDeniedException", "UnrecognizedClientException"}
    return False


def test_the_target_model_is_a_condition_key(door: Door) -> None:
    condition = {"StringLike": {"sagemaker:TargetModel": ["mine/*"]}}
    grant = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": "*", "Condition": condition}
    call = door.client(door.user(grant)[1]).invoke_endpoint
    assert refused(call, EndpointName=door.open, Body=b"1", TargetModel="yours/m")[0] == "AccessDeniedException"
    told = refused(call, EndpointName=door.open, Body=b"1", TargetModel="mine/m")  # let in: it has no models to name
    assert told[0] == "ValidationError"


def test_a_role_s_session_is_known(door: Door) -> None:
    _, anybody = door.user({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    sts = door.platform.client("sts", keys=anybody)
    role = f"arn:aws:iam::{door.account}:role/service-role/AmazonSageMaker-ExecutionRole"
    made = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    keys = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    assert 0 <= door.invoke(door.client(keys), door.open) <= 1
    wrong = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"][:-4] + "AAAA"
    told = refused(door.client(wrong).invoke_endpoint, EndpointName=door.open, Body=b"1")
    assert told[0] == "UnrecognizedClientException"


def test_what_is_handed_on_to_main_has_its_client_s_address(door: Door) -> None:
    statement = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpointAsync", "Resource": "*"}
    _, keys = door.user({**statement, "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.7"}}})
    elsewhere = "127.0.0.1"
    for port in (door.port, door.platform.port):
        assert _refused(keys, port, "127.0.0.7") == "ValidationError"  # let in: there is no such endpoint
        assert _refused(keys, port, elsewhere) == "AccessDeniedException"
        for said in (f"{'0' * 64} 127.0.0.7", " 127.0.0.7", "127.0.0.7"):  # the word of others is not taken
            assert _refused(keys, port, elsewhere, **{"x-clary-from": said}) == "AccessDeniedException"


def _refused(keys: tuple[str, str], port: int, source: str, **more: str) -> str | None:
    """The code for an asynchronous invocation that comes from this address: boto3 cannot choose its own."""
    url = f"http://127.0.0.1:{port}/endpoints/nobody/async-invocations"
    request = AWSRequest("POST", url, {"x-amzn-sagemaker-inputlocation": "s3://b/k"}, b"")
    SigV4Auth(Credentials(*keys), "sagemaker", "us-west-2").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE, source_address=(source, 0))
    with closing(connection):
        connection.request("POST", urlsplit(url).path, b"", {**request.headers, **more})
        return connection.getresponse().getheader("x-amzn-errortype")


def test_main_verifies_what_is_handed_on_to_it(door: Door) -> None:
    given = {"EndpointName": "nobody", "InputLocation": "s3://bucket/key"}
    told = refused(door.client().invoke_endpoint_async, **given)
    assert told[0] == "ValidationError"
    assert "nobody" in told[1]
    key, _ = door.platform.root
    told = refused(door.client((key, "wrong")).invoke_endpoint_async, **given)
    assert told[0] == "InvalidSignatureException"
