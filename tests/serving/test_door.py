"""Who may invoke: IAM decides each request, and a change counts at once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import Platform
from serving.bed import Plane, refused, wait_for


@pytest.fixture
def guarded(own_platform: Platform) -> Iterator[Plane]:
    """A data plane beside a main process that runs."""
    running = Plane(own_platform)
    if (own_platform.home / "serving" / "plane.json").exists():
        running.join()
    else:
        running.start()
    yield running
    running.close()


def user(plane: Plane, *statements: dict[str, Any]) -> tuple[str, str]:
    iam = plane.platform.client("iam")
    iam.create_user(UserName="u")
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=text)
    key = iam.create_access_key(UserName="u")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_policies_decide_by_endpoint_operation_and_condition(guarded: Plane) -> None:
    plane = guarded
    plane.serve("open", plane.container())
    plane.serve("shut", plane.container())
    keys = user(
        plane,
        {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": plane.arn("open")},
        {
            "Effect": "Allow",
            "Action": "sagemaker:InvokeEndpointWithResponseStream",
            "Resource": "*",
            "Condition": {"StringLike": {"aws:UserAgent": "*Boto3*"}},
        },
    )
    client = plane.client(keys)
    assert client.invoke_endpoint(EndpointName="open", Body=b"1")["Body"].read() == b"echo:1"
    told = refused(client.invoke_endpoint, EndpointName="shut", Body=b"1")
    assert told[0] == "AccessDeniedException"
    who = f"User: arn:aws:iam::{plane.account}:user/u is not authorized to perform: sagemaker:InvokeEndpoint"
    reason = "because no identity-based policy allows the sagemaker:InvokeEndpoint action"
    assert told[1] == f"{who} on resource: {plane.arn('shut')} {reason}"
    assert list(client.invoke_endpoint_with_response_stream(EndpointName="shut", Body=b"1")["Body"])
    iam = plane.platform.client("iam")
    iam.put_user_policy(
        UserName="u",
        PolicyName="no",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}
        ),
    )
    wait_for(lambda: _is_refused(client))
    iam.delete_user_policy(UserName="u", PolicyName="no")
    wait_for(lambda: not _is_refused(client))
    iam.update_access_key(UserName="u", AccessKeyId=keys[0], Status="Inactive")
    wait_for(lambda: _is_refused(client))


def _is_refused(client: Any) -> bool:
    try:
        client.invoke_endpoint(EndpointName="open", Body=b"1")
    except client.exceptions.ClientError as error:
        return error.response["Error"]["Code"] in {"AccessDeniedException", "UnrecognizedClientException"}
    return False


def test_the_target_model_is_a_condition_key(guarded: Plane) -> None:
    plane = guarded
    plane.serve("models", plane.container(), mode="Multi")
    condition = {"StringLike": {"sagemaker:TargetModel": ["mine/*"]}}
    grant = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": "*", "Condition": condition}
    client = plane.client(user(plane, grant))
    told = refused(client.invoke_endpoint, EndpointName="models", Body=b"1", TargetModel="yours/m")
    assert told[0] == "AccessDeniedException"
    told = refused(client.invoke_endpoint, EndpointName="models", Body=b"1", TargetModel="mine/m")
    assert told[0] != "AccessDeniedException"


def test_a_role_s_session_is_known(guarded: Plane) -> None:
    plane = guarded
    plane.serve("session", plane.container())
    anybody = user(plane, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    sts = plane.platform.client("sts", keys=anybody)
    role = f"arn:aws:iam::{plane.account}:role/service-role/AmazonSageMaker-ExecutionRole"
    made = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    keys = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    answer = plane.client(keys).invoke_endpoint(EndpointName="session", Body=b"1")
    assert answer["Body"].read() == b"echo:1"
    wrong = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"][:-4] + "AAAA"
    told = refused(plane.client(wrong).invoke_endpoint, EndpointName="session", Body=b"1")
    assert told[0] == "UnrecognizedClientException"


def test_main_verifies_what_is_handed_on_to_it(guarded: Plane) -> None:
    plane = guarded
    given = {"EndpointName": "nobody", "InputLocation": "s3://bucket/key"}
    told = refused(plane.client().invoke_endpoint_async, **given)
    assert told[0] == "ValidationError"
    assert "nobody" in told[1]
    key, _ = plane.platform.root
    told = refused(plane.client((key, "wrong")).invoke_endpoint_async, **given)
    assert told[0] == "InvalidSignatureException"
