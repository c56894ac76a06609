"""Models: what is refused, and in which words."""

import concurrent.futures
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import account, client, fresh, refused, role

IMAGE = {"Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"}

SOURCE = {
    "ModelDataSource": {"S3DataSource": {"S3Uri": "s3://b/m", "S3DataType": "S3Prefix", "CompressionType": "None"}}
}


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    return client(platform)


@pytest.fixture(scope="module")
def data(platform: Platform) -> str:
    """Where there is a model's data, or what could be."""
    s3, bucket = platform.client("s3"), fresh("models")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket=bucket, Key="a/model.tar.gz", Body=b"data")
    return f"s3://{bucket}/a/model.tar.gz"


def arn(platform: Platform, sagemaker: Any, rest: str) -> str:
    return f"arn:aws:sagemaker:{sagemaker.meta.region_name}:{account(platform)}:{rest}"


def test_words_for_missing_and_existing(platform: Platform, sagemaker: Any) -> None:
    model = arn(platform, sagemaker, "model/mine")
    for method in (sagemaker.describe_model, sagemaker.delete_model):
        with pytest.raises(ClientError) as error:
            method(ModelName="mine")
        assert refused(error.value) == ("ValidationException", f'Could not find model "{model}".')
    assert sagemaker.create_model(ModelName="mine", PrimaryContainer=IMAGE)["ModelArn"] == model
    with pytest.raises(ClientError) as error:
        sagemaker.create_model(ModelName="mine", PrimaryContainer=IMAGE)
    assert refused(error.value) == ("ValidationException", f'Cannot create already existing model "{model}".')


def test_an_image_of_ones_own_that_is_not_there(platform: Platform, sagemaker: Any) -> None:
    repository, registry = fresh("own"), f"{account(platform)}.dkr.ecr.{sagemaker.meta.region_name}.amazonaws.com"
    for made in (False, True):
        if made:
            platform.client("ecr", region=sagemaker.meta.region_name).create_repository(repositoryName=repository)
        uri = f"{registry}/{repository}:typo"
        with pytest.raises(ClientError) as error:
            sagemaker.create_model(ModelName=fresh(), PrimaryContainer={"Image": uri}, ExecutionRoleArn=role(platform))
        code, said = refused(error.value)
        assert code == "ValidationException"
        assert said.startswith(f"Requested image {uri} not found. ")
        assert f"aws ecr list-images --repository-name {repository} " in said


def test_names_differ_in_more_than_case(platform: Platform, sagemaker: Any) -> None:
    made = sagemaker.create_model(ModelName="Mine", PrimaryContainer=IMAGE)["ModelArn"]
    assert made == arn(platform, sagemaker, "model/mine")
    with pytest.raises(ClientError, match="Cannot create already existing model"):
        sagemaker.create_model(ModelName="mINE", PrimaryContainer=IMAGE)
    assert sagemaker.describe_model(ModelName="mine")["ModelName"] == "Mine"


def test_what_is_shown_is_what_was_asked(platform: Platform, sagemaker: Any, data: str) -> None:
    containers: list[dict[str, Any]] = [
        {**IMAGE, "ModelDataUrl": data, "Environment": {"A": "1"}, "ContainerHostname": "one"},
        {**IMAGE, "ContainerHostname": "two"},
    ]
    sagemaker.create_model(ModelName="m", Containers=containers, ExecutionRoleArn=role(platform))
    shown = sagemaker.describe_model(ModelName="m")
    assert shown["Containers"] == [{**container, "Mode": "SingleModel"} for container in containers]
    assert shown["ExecutionRoleArn"] == role(platform)
    assert shown["EnableNetworkIsolation"] is False
    assert "PrimaryContainer" not in shown
    assert "Tags" not in shown


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "One of PrimaryContainer and Containers"),
        ({"PrimaryContainer": IMAGE, "Containers": [IMAGE]}, "Only one of"),
        ({"PrimaryContainer": {"Environment": {}}}, "must have an Image"),
        ({"Containers": [{**IMAGE, "Mode": "MultiModel"}, IMAGE]}, "MultiModel mode is not supported"),
        ({"Containers": [{**IMAGE, "ContainerHostname": "a"}] * 2}, "must be unique"),
        ({"Containers": [IMAGE, IMAGE], "InferenceExecutionConfig": {"Mode": "Direct"}}, "ContainerHostname"),
        ({"Containers": [IMAGE] * 16}, "length less than or equal to 15"),
        ({"PrimaryContainer": {"ModelPackageName": "none"}}, "does not exist"),
        ({"PrimaryContainer": {**IMAGE, "ModelPackageName": "mine"}}, "must not have both"),
        ({"PrimaryContainer": IMAGE, "InferenceExecutionConfig": {"Mode": "Serial"}}, "goes with Containers"),
        ({"PrimaryContainer": {**IMAGE, "Mode": "MultiModel"}}, "needs a ModelDataUrl"),
        ({"PrimaryContainer": {**IMAGE, "MultiModelConfig": {"ModelCacheSetting": "Disabled"}}}, "MultiModel only"),
        ({"PrimaryContainer": {**IMAGE, "ModelDataUrl": "https://example.com/m.tar.gz"}}, "must be an S3 URI"),
        ({"PrimaryContainer": {**IMAGE, "ModelDataUrl": "file:///m.tar.gz"}}, "regular expression pattern"),
        ({"PrimaryContainer": {**IMAGE, **SOURCE, "ModelDataUrl": "s3://b/m.tar.gz"}}, "Only one of ModelDataUrl"),
        ({"PrimaryContainer": {**IMAGE, **SOURCE}}, "must end with a forward slash"),
        ({"PrimaryContainer": {**IMAGE, "Environment": {"1 A": "x"}}}, "regular expression pattern"),
        ({"PrimaryContainer": IMAGE, "Tags": [{"Key": "a", "Value": ""}] * 2}, "Duplicate"),
    ],
)
def test_what_makes_no_model(sagemaker: Any, members: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_model(ModelName="m", **members)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert said in str(error.value)
    assert sagemaker.list_models()["Models"] == []


def test_a_role_must_be_there(platform: Platform, sagemaker: Any) -> None:
    nobody = f"arn:aws:iam::{account(platform)}:role/{fresh()}"
    with pytest.raises(ClientError) as error:
        sagemaker.create_model(ModelName="m", PrimaryContainer=IMAGE, ExecutionRoleArn=nobody)
    code, message = refused(error.value)
    assert code == "ValidationException"
    assert message.startswith(f"Could not assume role {nobody}")


def test_its_data_must_be_there_for_the_role(platform: Platform, sagemaker: Any, data: str) -> None:
    """As AWS looks, when a model is made: not for the models of a multi-model container, which may come later."""

    def said(uri: str, asked: str = "", **changed: Any) -> str:
        container = {**IMAGE, "ModelDataUrl": uri, **changed}
        with pytest.raises(ClientError) as error:
            sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=asked or role(platform))
        code, message = refused(error.value)
        assert code == "ValidationException"
        return message

    for uri in (data + "x", "s3://nowhere-at-all/model.tar.gz"):
        assert said(uri) == f"Could not find model data at {uri}."
    prefix = {"S3Uri": "s3://nowhere-at-all/m/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    source = {"ModelDataSource": {"S3DataSource": prefix}}
    with pytest.raises(ClientError, match="Could not find model data at s3://nowhere-at-all/m/"):
        sagemaker.create_model(ModelName="m", PrimaryContainer={**IMAGE, **source}, ExecutionRoleArn=role(platform))
    iam, name = platform.client("iam"), fresh("role")
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    blind = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    message = said(data, blind)
    assert message.startswith(f'Could not access model data at {data}. Please ensure that the role "{blind}" exists')
    sagemaker.create_model(
        ModelName="m",
        PrimaryContainer={**IMAGE, "Mode": "MultiModel", "ModelDataUrl": "s3://nowhere-at-all/models/"},
        ExecutionRoleArn=role(platform),
    )


def test_one_of_many_at_once_wins(sagemaker: Any) -> None:
    def make(number: int) -> str:
        try:
            sagemaker.create_model(ModelName="same", PrimaryContainer={**IMAGE, "Environment": {"N": str(number)}})
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return f"made {number}"

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(make, range(8)))
    (won,) = [answer for answer in answers if answer.startswith("made")]
    assert answers.count("ValidationException") == 7
    shown = sagemaker.describe_model(ModelName="same")["PrimaryContainer"]["Environment"]["N"]
    assert won == f"made {shown}"


def test_pages_hold_while_models_come_and_go(sagemaker: Any) -> None:
    names = [f"m-{number:02}" for number in range(25)]
    for name in names:
        sagemaker.create_model(ModelName=name, PrimaryContainer=IMAGE)
    first = sagemaker.list_models(SortBy="Name", SortOrder="Ascending", MaxResults=10)
    assert [model["ModelName"] for model in first["Models"]] == names[:10]
    sagemaker.delete_model(ModelName="m-09")  # the very place that the token stands for
    sagemaker.create_model(ModelName="m-00a", PrimaryContainer=IMAGE)
    token = first["NextToken"]
    second = sagemaker.list_models(SortBy="Name", SortOrder="Ascending", MaxResults=20, NextToken=token)
    assert [model["ModelName"] for model in second["Models"]] == names[10:]
    assert "NextToken" not in second
    with pytest.raises(ClientError) as error:  # a token belongs to its question
        sagemaker.list_models(SortBy="CreationTime", NextToken=token)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    times = [model["CreationTime"] for model in sagemaker.list_models(MaxResults=100)["Models"]]
    assert len(sagemaker.list_models()["Models"]) == 10, "AWS's default"
    assert times == sorted(set(times), reverse=True), "no two at one time, the newest first"
    middle = times[5]
    after = sagemaker.list_models(CreationTimeAfter=middle, MaxResults=100)["Models"]
    assert [model["CreationTime"] for model in after] == times[:5]


def test_what_is_kept_outlives_a_kill(own_platform: Platform) -> None:
    sagemaker = client(own_platform, "us-west-2")
    sagemaker.create_model(ModelName="kept", PrimaryContainer=IMAGE, Tags=[{"Key": "a", "Value": "b"}])
    before = sagemaker.describe_model(ModelName="kept")
    own_platform.kill()
    own_platform.start()
    sagemaker = client(own_platform, "us-west-2")
    after = sagemaker.describe_model(ModelName="kept")
    assert {**after, "ResponseMetadata": 0} == {**before, "ResponseMetadata": 0}
    assert sagemaker.list_tags(ResourceArn=after["ModelArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
