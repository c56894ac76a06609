"""Transform jobs that cannot be: what is refused at the call, and what a FailureReason names."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagemaker_inputs import fresh, role
from training_jobs import IMAGE
from transforms import Transforms

# Answers with its input, but for the records that say how it should go wrong.
MOODY = """
import os, signal, time

def model_fn(folder):
    return None

def transform_fn(model, body, content_type, accept):
    text = body if isinstance(body, str) else body.decode()
    if "broken" in text:
        raise ValueError("this record is broken")
    if "slow" in text:
        time.sleep(600)
    if "once" in text:
        path = "/tmp/asked"
        if not os.path.exists(path):
            open(path, "w").close()
            raise ValueError("not this time")
    return text, "text/csv"
"""
CRASHING = "raise RuntimeError('nothing can be loaded here')"


@pytest.fixture(scope="module")
def moody(transforms: Transforms) -> str:
    return transforms.script(MOODY)


@pytest.mark.parametrize("strategy", ["SingleRecord", "MultiRecord"])
def test_a_bad_record_is_named(transforms: Transforms, moody: str, strategy: str) -> None:
    lines = [f"line,{number}" for number in range(1, 301)]
    lines[122] = "broken,123"
    files = {"bad.csv": "\n".join(lines).encode(), "good.csv": b"1\n2\n", "sub/also.csv": b"3\n"}
    name, reason = transforms.fail(
        files, ModelName=moody, BatchStrategy=strategy, ModelClientConfig={"InvocationsMaxRetries": 0}
    )
    assert reason.startswith("AlgorithmError: See job logs for more information")
    assert f"bad.csv of s3://{transforms.bucket}/{name}/, line 123: " in reason
    assert "this record is broken" in reason
    assert transforms.output(name) == {"good.csv.out": b"1\n2\n", "sub/also.csv.out": b"3\n"}, "the others are there"
    said = transforms.log(name)["data-log"]
    assert any(
        f"{transforms.bucket}/{name}/bad.csv: Bad HTTP status received from algorithm: 500" in line for line in said
    )
    assert any("line 123" in line for line in said)


def test_a_bad_row_of_a_built_in_model(transforms: Transforms) -> None:
    lines = ["1,2"] * 50
    lines[30] = "1,two"
    _, reason = transforms.fail({"a.csv": "\n".join(lines).encode()})
    assert reason.startswith("ClientError: See job logs for more information")
    assert "line 31: ClientError: 4" in reason


def test_it_is_tried_again(transforms: Transforms, moody: str) -> None:
    assert transforms.run({"a.csv": b"once,1\n"}, ModelName=moody) == {"a.csv.out": b"once,1\n"}


def test_no_answer_in_time(transforms: Transforms, moody: str) -> None:
    client = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}
    files = {"a.csv": b"slow,1\n"}
    _, reason = transforms.fail(files, ModelName=moody, ModelClientConfig=client)
    assert "Unable to get response from algorithm" in reason
    assert "a.csv" in reason


def test_a_model_that_crashes_at_load(transforms: Transforms) -> None:
    name, reason = transforms.fail({"a.csv": b"1\n"}, ModelName=transforms.script(CRASHING))
    assert reason.startswith("AlgorithmError: See job logs for more information")
    assert "nothing can be loaded here" in reason
    assert any("nothing can be loaded here" in line for line in transforms.log(name)[""])
    assert transforms.output(name) == {}


def test_data_that_cannot_be_joined_or_decompressed(transforms: Transforms, moody: str) -> None:
    told = {"InputFilter": "$[2]"}
    _, reason = transforms.fail({"a.csv": b"1,2,3\n\n1,2\n"}, ModelName=moody, DataProcessing=told)
    assert "line 3" in reason
    assert "index 2 is not within" in reason
    _, reason = transforms.fail({"a.csv": b"plain"}, ModelName=moody, source={"CompressionType": "Gzip"})
    assert "cannot be decompressed" in reason


def test_an_output_bucket_that_is_not_there(transforms: Transforms) -> None:
    _, reason = transforms.fail({"a.csv": b"1,2\n"}, result={"S3OutputPath": f"s3://{fresh('nowhere')}/out"})
    assert reason.startswith("ClientError: Unable to upload to s3://nowhere")
    assert "bucket does not exist" in reason


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ModelName": "no-such-model"}, "Could not find model"),
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB"),
        ({"MaxPayloadInMB": 51, "MaxConcurrentTransforms": 2}, "MaxConcurrentTransforms"),
        ({"DataProcessing": {"InputFilter": "$.name"}}, "cannot be used for CSV"),
        ({"DataProcessing": {"OutputFilter": "nonsense"}}, "no JSONPath"),
        ({"DataProcessing": {"JoinSource": "Input"}, "result": {"Accept": "application/json"}}, "must both be"),
        ({"DataProcessing": {"JoinSource": "Input"}, "source": {"ContentType": "image/png"}}, "ContentType must be"),
        ({"resources": {"InstanceCount": 21}}, "20 instances"),
        ({"resources": {"InstanceType": "ml.z9.huge"}}, "InstanceType|instanceType"),
    ],
)
def test_what_is_refused_at_the_call(transforms: Transforms, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        transforms.start({"a.csv": b"1,2\n"}, **changed)


def test_input_that_is_not_there(transforms: Transforms) -> None:
    with pytest.raises(ClientError, match="No S3 objects found under S3 URL"):
        transforms.start({})
    source = {"S3DataType": "AugmentedManifestFile", "S3Uri": f"s3://{transforms.bucket}/in/"}
    with pytest.raises(ClientError, match="AugmentedManifestFile"):
        transforms.start({}, source={"DataSource": {"S3DataSource": source}})


def test_names_are_used_once(transforms: Transforms) -> None:
    name = transforms.start({"a.csv": b"1,2\n"})
    with pytest.raises(ClientError, match="already exists"):
        transforms.sagemaker.create_transform_job(**transforms.request(name))
    transforms.until(name, "Completed")
    with pytest.raises(ClientError, match="terminal state"):
        transforms.sagemaker.stop_transform_job(TransformJobName=name)
    with pytest.raises(ClientError, match="Could not find requested job"):
        transforms.describe("none")
    with pytest.raises(ClientError, match="Could not find requested job"):
        transforms.sagemaker.stop_transform_job(TransformJobName="none")


def test_a_model_that_cannot_be_batched(transforms: Transforms) -> None:
    several = transforms.models.model(Mode="MultiModel", ModelDataUrl=f"s3://{transforms.bucket}/models/")
    with pytest.raises(ClientError, match="Multi-model"):
        transforms.start({"a.csv": b"1,2\n"}, ModelName=several)
    name = fresh("model")
    transforms.sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE})
    with pytest.raises(ClientError, match="has no ExecutionRoleArn"):
        transforms.start({"a.csv": b"1,2\n"}, ModelName=name)
    containers = [{"Image": IMAGE, "ContainerHostname": name} for name in ("one", "two")]
    name = fresh("model")
    transforms.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role(transforms.platform),
        Containers=containers,
        InferenceExecutionConfig={"Mode": "Direct"},
    )
    with pytest.raises(ClientError, match="invoked directly"):
        transforms.start({"a.csv": b"1,2\n"}, ModelName=name)


def test_a_role_that_may_not_read(transforms: Transforms) -> None:
    """The model's role is what reads and writes."""
    iam = transforms.platform.client("iam")
    name = fresh("role")
    trust = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
        '"Principal": {"Service": "sagemaker.amazonaws.com"}}]}'
    )
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    model = {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{transforms.bucket}/out/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [model]})
    iam.put_role_policy(RoleName=name, PolicyName="model", PolicyDocument=policy)
    container = transforms.sagemaker.describe_model(ModelName=transforms.model)["PrimaryContainer"]
    assert arn != role(transforms.platform)
    transforms.sagemaker.create_model(ModelName=name, ExecutionRoleArn=arn, PrimaryContainer=container)
    with pytest.raises(ClientError, match="No S3 objects found"):
        transforms.start({"a.csv": b"1,2\n"}, ModelName=name)
