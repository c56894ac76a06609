"""What CreateProcessingJob refuses, and what lists and policies do."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from processing_jobs import IMAGE, Processing
from sagemaker_inputs import fresh, role

EMPTY = "pass\n"


@pytest.fixture(scope="module")
def processing(platform: Platform) -> Processing:
    return Processing(platform)


def refused(processing: Processing, **changed: Any) -> tuple[str, str]:
    """Code and message."""
    with pytest.raises(ClientError) as error:
        processing.start(EMPTY, **changed)
    said = error.value.response["Error"]
    return said["Code"], said["Message"]


def changed_output(processing: Processing, **changed: Any) -> dict[str, Any]:
    return {"Outputs": [{**processing.output("result", "out"), **changed}]}


@pytest.mark.parametrize(
    ("application", "said"),
    [
        ({"ImageUri": "no-such-image:1"}, "Invalid image. Please provide a valid Amazon Elastic Container Registry"),
        ({"ImageUri": IMAGE, "ContainerEntrypoint": None}, "has no program of its own for processing jobs"),
        ({"ContainerArguments": ["a\0b"]}, "has a NUL character in it"),
    ],
)
def test_applications(processing: Processing, application: dict[str, Any], said: str) -> None:
    code, message = refused(processing, application=application)
    assert code == "ValidationException"
    assert said in message


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"LocalPath": "/opt/ml/input/data"}, "must be an absolute path that starts with /opt/ml/processing/"),
        ({"LocalPath": "/opt/ml/processing/../x"}, "must be an absolute path that starts with /opt/ml/processing/"),
        ({"LocalPath": None}, "LocalPath is required unless AppManaged is true"),
        ({"S3InputMode": None}, "S3InputMode is required unless AppManaged is true"),
        ({"S3CompressionType": "Gzip"}, "Gzip can only be used with the S3InputMode Pipe"),
        ({"LocalPath": "/opt/ml/processing/input/code/"}, "Each must have its own"),
        ({"LocalPath": "/opt/ml/processing/output/result"}, "Each must have its own"),
        ({"LocalPath": "/opt/ml/processing/input/code/x", "S3InputMode": "Pipe"}, "cannot lie within that of Input"),
        (
            {"S3Uri": "s3://no-such-bucket-of-mine/x"},
            'No S3 objects found under S3 URL "s3://no-such-bucket-of-mine/x"',
        ),
        ({"S3Uri": "https://x/y"}, "invalid S3Uri: https://x/y"),
    ],
)
def test_inputs(processing: Processing, changed: dict[str, Any], said: str) -> None:
    given = processing.input("data", f"s3://{processing.bucket}/", **changed)
    given["S3Input"] = {name: value for name, value in given["S3Input"].items() if value is not None}
    code, message = refused(processing, inputs=[given])
    assert code == "ValidationException"
    assert said in message


def test_names_that_come_twice(processing: Processing) -> None:
    twice = processing.input("code", f"s3://{processing.bucket}/", LocalPath="/opt/ml/processing/other")
    assert "must be unique: code" in refused(processing, inputs=[twice])[1]


@pytest.mark.parametrize(
    ("definition", "what"),
    [
        ({"AthenaDatasetDefinition": {"Catalog": "c", "Database": "d", "QueryString": "q"}}, "AthenaDatasetDefinition"),
        ({"RedshiftDatasetDefinition": {"ClusterId": "c"}}, "RedshiftDatasetDefinition"),
    ],
)
def test_what_is_not_there_yet(processing: Processing, definition: dict[str, Any], what: str) -> None:
    told = {"LocalPath": "/opt/ml/processing/input/x", **definition}
    for members in told.values():
        if isinstance(members, dict):
            members |= {"OutputS3Uri": "s3://b/x", "OutputFormat": "PARQUET"}
            if what.startswith("Redshift"):
                arn = role(processing.platform)
                members |= {"Database": "d", "DbUser": "u", "QueryString": "q", "ClusterRoleArn": arn}
    code, message = refused(processing, inputs=[{"InputName": "x", "DatasetDefinition": told}])
    assert code == "NotImplementedException"
    assert what in message


def test_outputs(processing: Processing) -> None:
    store = {"OutputName": "result", "FeatureStoreOutput": {"FeatureGroupName": "g"}}
    code, message = refused(processing, ProcessingOutputConfig={"Outputs": [store]})
    assert code == "NotImplementedException"
    assert "FeatureStoreOutput" in message
    none = {"Outputs": [{"OutputName": "result"}]}
    assert "exactly one of S3Output and FeatureStoreOutput" in refused(processing, ProcessingOutputConfig=none)[1]
    two = {"Outputs": [processing.output("result", "a"), processing.output("result", "b")]}
    assert "must be unique: result" in refused(processing, ProcessingOutputConfig=two)[1]


def test_what_the_program_manages_itself(processing: Processing) -> None:
    """Neither brought nor taken."""
    own = processing.input("own", "s3://no-such-bucket-of-mine/x")
    own["AppManaged"] = True
    output = {**processing.output("result", "x"), "AppManaged": True}
    script = "import os\nassert os.listdir('/opt/ml/processing/input') == ['code']\n"
    name = processing.start(script, inputs=[own], ProcessingOutputConfig={"Outputs": [output]})
    found = processing.until(name, "Completed")
    assert found["ProcessingInputs"][1]["AppManaged"] is True


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"InstanceCount": 21}, "A processing job can have 20 instances here, not 21."),
        ({"InstanceCount": 0}, "greater than or equal to 1"),
        ({"InstanceType": "ml.no.such"}, "Member must satisfy enum value set"),
        ({"VolumeSizeInGB": 0}, "greater than or equal to 1"),
    ],
)
def test_clusters(processing: Processing, cluster: dict[str, Any], said: str) -> None:
    assert said in refused(processing, cluster=cluster)[1]


def test_time_limits(processing: Processing) -> None:
    long = refused(processing, StoppingCondition={"MaxRuntimeInSeconds": 432001})
    assert long == ("ValidationException", "Invalid MaxRuntimeInSeconds. It must not be greater than 432000.")


def test_a_name_that_is_taken(processing: Processing) -> None:
    name = processing.start(EMPTY)
    code, message = refused(processing, name=name)
    assert code == "ResourceInUse"
    assert message.startswith("Job name must be unique within an AWS account and region, and a job with this name")
    processing.until(name, "Completed")


def test_a_role_that_may_not_read(processing: Processing, platform: Platform) -> None:
    iam, name = platform.client("iam"), fresh("role")
    trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
    trust += '"Principal": {"Service": "sagemaker.amazonaws.com"}}]}'
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    assert "No S3 objects found" in refused(processing, RoleArn=arn)[1]


def test_lists(processing: Processing) -> None:
    prefix = fresh("list")
    names = [f"{prefix}-{letter}" for letter in "ba"]
    processing.start("raise SystemExit(3)\n", name=names[0])
    processing.start(EMPTY, name=names[1])
    failed = processing.until(names[0], "Failed")
    processing.until(names[1], "Completed")
    listed = processing.sagemaker.list_processing_jobs(NameContains=prefix, SortBy="Name", SortOrder="Ascending")
    found = listed["ProcessingJobSummaries"]
    assert [each["ProcessingJobName"] for each in found] == sorted(names)
    assert found[1]["ProcessingJobStatus"] == "Failed"
    assert found[1]["FailureReason"] == failed["FailureReason"]
    assert found[0]["ProcessingEndTime"] >= found[0]["CreationTime"]
    only = processing.sagemaker.list_processing_jobs(NameContains=prefix, StatusEquals="Failed")
    assert [each["ProcessingJobName"] for each in only["ProcessingJobSummaries"]] == [names[0]]
    page = processing.sagemaker.list_processing_jobs(NameContains=prefix, MaxResults=1)
    rest = processing.sagemaker.list_processing_jobs(NameContains=prefix, MaxResults=1, NextToken=page["NextToken"])
    assert "NextToken" not in rest


def test_a_folder_where_an_input_has_a_file(processing: Processing) -> None:
    name = fresh("job")
    processing.put(name, {"in/a": b"1", "more/b": b"2"})
    where = f"s3://{processing.bucket}/{name}"
    inputs = [
        processing.input("data", f"{where}/in/"),
        processing.input("more", f"{where}/more/", LocalPath="/opt/ml/processing/input/data/a/more"),
    ]
    found = processing.end("", name=name, inputs=inputs)
    assert found["FailureReason"] == (
        "ClientError: Data download failed:the LocalPath /opt/ml/processing/input/data/a/more cannot be a folder: "
        "/opt/ml/processing/input/data brings a file there"
    )
