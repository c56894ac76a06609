"""Invocations by way of the gateway, as at the data plane's own port."""

import json
import os
import signal
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from clary.services.sagemaker.hosting.plane import Plane
from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh

ROW = "1,2\n"


@pytest.fixture(scope="module")
def endpoints(platform: Platform) -> Endpoints:
    return Endpoints(platform)


@pytest.fixture(scope="module")
def serving(endpoints: Endpoints) -> str:
    return endpoints.serving()


@pytest.fixture(scope="module", params=["gateway", "plane"])
def runtime(request: pytest.FixtureRequest, platform: Platform) -> Any:
    """A client of each of the two ports."""
    if request.param == "gateway":
        return platform.client("sagemaker-runtime")
    port = json.loads((platform.home / "run.json").read_text())["serving_port"]
    return platform.client("sagemaker-runtime", endpoint_url=f"http://127.0.0.1:{port}")


def invoke(runtime: Any, name: str, **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = runtime.invoke_endpoint(
        **{"EndpointName": name, "ContentType": "text/csv", "Body": ROW, **given}
    )
    return answer


def test_a_model_answers(runtime: Any, serving: str) -> None:
    answer = invoke(runtime, serving)
    assert 0 <= float(answer["Body"].read()) <= 1
    assert answer["InvokedProductionVariant"] == "all"
    assert answer["ContentType"].startswith("text/csv")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]


def test_an_endpoint_that_is_not_there(runtime: Any) -> None:
    name = fresh("nowhere")
    with pytest.raises(ClientError, match=f"Endpoint {name} of account .* not found") as raised:
        invoke(runtime, name)
    assert raised.value.response["Error"]["Code"] == "ValidationError"


def test_a_region_has_its_own_endpoints(platform: Platform, serving: str) -> None:
    with pytest.raises(ClientError, match="not found"):
        invoke(platform.client("sagemaker-runtime", region="eu-west-1"), serving)


def test_what_the_model_refuses_is_the_models_error(runtime: Any, serving: str) -> None:
    with pytest.raises(ClientError) as raised:
        invoke(runtime, serving, ContentType="image/png", Body=b"no")
    found = raised.value.response
    assert found["Error"]["Code"] == "ModelError"
    assert found["OriginalStatusCode"] == 415
    assert f"/aws/sagemaker/Endpoints/{serving}" in found["LogStreamArn"]


def test_a_body_has_a_limit(runtime: Any, serving: str) -> None:
    with pytest.raises(ClientError) as raised:
        invoke(runtime, serving, Body=b"1" * (6 * 1024 * 1024 + 1))
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_a_variant_that_is_not_there(runtime: Any, serving: str) -> None:
    with pytest.raises(ClientError, match=r"Variant blue of endpoint .* not found"):
        invoke(runtime, serving, TargetVariant="blue")


def test_a_stream_comes_in_parts(runtime: Any, serving: str) -> None:
    answer = runtime.invoke_endpoint_with_response_stream(EndpointName=serving, ContentType="text/csv", Body=ROW * 3)
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert len(b"".join(parts).split()) == 3
    assert answer["InvokedProductionVariant"] == "all"


def test_a_stream_of_an_endpoint_that_is_not_there(runtime: Any) -> None:
    with pytest.raises(ClientError, match="not found"):
        runtime.invoke_endpoint_with_response_stream(EndpointName=fresh("nowhere"), Body=ROW)


def test_who_may_not_is_refused(platform: Platform, serving: str) -> None:
    iam, user = platform.client("iam"), fresh("user")
    iam.create_user(UserName=user)
    made = iam.create_access_key(UserName=user)["AccessKey"]
    theirs = platform.client("sagemaker-runtime", keys=(made["AccessKeyId"], made["SecretAccessKey"]))
    with pytest.raises(ClientError, match=f"sagemaker:InvokeEndpoint on resource: .*endpoint/{serving}"):
        invoke(theirs, serving)
    arn = f"arn:aws:sagemaker:*:*:endpoint/{serving}"
    statement = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=user, PolicyName="invoke", PolicyDocument=policy)
    assert invoke(theirs, serving)["Body"].read()
    with pytest.raises(ClientError, match="sagemaker:InvokeEndpointWithResponseStream"):
        theirs.invoke_endpoint_with_response_stream(EndpointName=serving, Body=ROW)
    with pytest.raises(ClientError, match=f"sagemaker:InvokeEndpointAsync on resource: .*endpoint/{serving}"):
        theirs.invoke_endpoint_async(EndpointName=serving, Body=ROW)


def test_an_endpoint_s_tags_are_condition_keys_at_both_ports(platform: Platform, serving: str) -> None:
    iam, user = platform.client("iam"), fresh("user")
    iam.create_user(UserName=user)
    made = iam.create_access_key(UserName=user)["AccessKey"]
    condition = {"StringEquals": {"aws:ResourceTag/team": "theirs"}}
    statements = [
        {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": "*"},
        {"Effect": "Deny", "Action": "sagemaker:InvokeEndpoint", "Resource": "*", "Condition": condition},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=user, PolicyName="invoke", PolicyDocument=policy)
    port = json.loads((platform.home / "run.json").read_text())["serving_port"]
    keys = (made["AccessKeyId"], made["SecretAccessKey"])
    theirs = [
        platform.client("sagemaker-runtime", keys=keys, endpoint_url=url)
        for url in (platform.url, f"http://127.0.0.1:{port}")
    ]
    for client in theirs:
        assert invoke(client, serving)["Body"].read()
    sagemaker = platform.client("sagemaker")
    arn = sagemaker.describe_endpoint(EndpointName=serving)["EndpointArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "theirs"}])
    Plane(platform.home).refresh()  # it learns by itself, a moment later
    for client in theirs:
        with pytest.raises(ClientError, match="with an explicit deny in an identity-based policy"):
            invoke(client, serving)
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])


def test_unchanged_clients_invoke_through_the_proxy(platform: Platform, serving: str) -> None:
    through = platform.client(
        "sagemaker-runtime",
        endpoint_url="https://runtime.sagemaker.us-west-2.amazonaws.com",
        verify=str(platform.home / "tls" / "bundle.pem"),
        config=Config(proxies={"https": platform.url}),
    )
    assert invoke(through, serving)["Body"].read()
    parts = through.invoke_endpoint_with_response_stream(EndpointName=serving, ContentType="text/csv", Body=ROW)["Body"]
    assert b"".join(event["PayloadPart"]["Bytes"] for event in parts)


def test_a_data_plane_that_dies_is_waited_for(own_platform: Platform) -> None:
    runtime = own_platform.client("sagemaker-runtime")
    with pytest.raises(ClientError, match="not found"):  # also by one that nobody has needed so far
        invoke(runtime, fresh("nowhere"))
    name = Endpoints(own_platform).serving()
    told = own_platform.home / "serving" / "plane.json"
    before = json.loads(told.read_text())["pid"]
    os.kill(before, signal.SIGKILL)
    answers = [invoke(runtime, name)["Body"].read() for _ in range(3)]
    assert len(set(answers)) == 1
    assert json.loads(told.read_text())["pid"] != before


def test_a_data_plane_that_was_taken_over_is_followed_by_one_at_its_port(own_platform: Platform) -> None:
    """Main was killed and has begun anew, so the socket that it had bound is the data plane's alone."""
    endpoints = Endpoints(own_platform)
    name = endpoints.serving()
    port = json.loads((own_platform.home / "run.json").read_text())["serving_port"]
    runtime = own_platform.client("sagemaker-runtime", endpoint_url=f"http://127.0.0.1:{port}")
    invoke(runtime, name)
    own_platform.kill()
    told = own_platform.home / "serving" / "plane.json"
    os.kill(json.loads(told.read_text())["pid"], 0)  # it is there
    own_platform.start()
    os.kill(json.loads(told.read_text())["pid"], signal.SIGKILL)
    invoke(own_platform.client("sagemaker-runtime"), name)  # the gateway waits until the next one is there
    assert json.loads(told.read_text())["port"] == port
    invoke(runtime, name)


def test_what_is_allowed_is_allowed_at_once(platform: Platform, serving: str) -> None:
    """The data plane looks at the tables now and then, and once more before it refuses."""
    user, iam = fresh("user"), platform.client("iam")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    port = json.loads((platform.home / "run.json").read_text())["serving_port"]
    keys = (key["AccessKeyId"], key["SecretAccessKey"])
    runtime = platform.client("sagemaker-runtime", keys=keys, endpoint_url=f"http://127.0.0.1:{port}")
    statement = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    for _ in range(5):
        with pytest.raises(ClientError, match="is not authorized to perform"):
            invoke(runtime, serving)
        iam.put_user_policy(UserName=user, PolicyName="may", PolicyDocument=document)
        invoke(runtime, serving)
        iam.delete_user_policy(UserName=user, PolicyName="may")
        Plane(platform.home).refresh()  # what is refused, it learns by itself a moment later
