"""What CreateTrainingJob refuses at the call, of which nothing stays."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conftest import Platform
from sagemaker_inputs import fresh, refused
from training_jobs import IMAGE, Jobs

XGBOOST = {"num_round": "3"}
ECR = "246618743249.dkr.ecr.us-west-2.amazonaws.com"
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
KEEP = 'printf %s "$VALUE" > /opt/ml/model/value'


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> Jobs:
    return Jobs(platform, fresh("refused"))


def refusal(jobs: Jobs, hyperparameters: dict[str, str], **changed: Any) -> tuple[str, str]:
    name = fresh()
    with pytest.raises(ClientError) as error:
        jobs.create(name, hyperparameters, **changed)
    assert not jobs.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    return refused(error.value)


def role(jobs: Jobs, *actions: str) -> str:
    """Which may do this everywhere in S3, and nothing else."""
    iam, name = jobs.platform.client("iam"), fresh("role")
    document = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    if actions:
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=text)
    return arn


def channel(uri: str) -> list[dict[str, Any]]:
    return [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}]


@pytest.mark.parametrize("case", ["bucket", "prefix", "role"])
def test_input_that_the_role_does_not_see(jobs: Jobs, case: str) -> None:
    """The sentence, and that it comes at the call: https://github.com/aws/amazon-sagemaker-examples/issues/2489"""
    bucket = fresh("none") if case == "bucket" else jobs.bucket
    uri = f"s3://{bucket}/in/" if case != "prefix" else f"s3://{bucket}/nothing/"
    arn = role(jobs) if case == "role" else role(jobs, "s3:*")
    code, message = refusal(jobs, XGBOOST, InputDataConfig=channel(uri), RoleArn=arn)
    assert code == "ValidationException"
    assert message == (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in '
        "the selected region (us-west-2), that objects exist under that S3 prefix, and that the role "
        f'"{arn}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )


def test_nobody_sees_by_a_role_that_they_may_not_pass(jobs: Jobs) -> None:
    """Whether there is an object or not, the answer is the same."""
    foreign = "arn:aws:iam::123456789012:role/nobody"
    here, there = (
        refusal(jobs, XGBOOST, InputDataConfig=channel(f"s3://{jobs.bucket}/{prefix}"), RoleArn=foreign)
        for prefix in ("in/", "nothing/")
    )
    assert here == there
    assert "No S3 objects" not in here[1]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("nobody/nothing:1", "Invalid training image. Please provide a valid Amazon Elastic Container Registry path "),
        (f"{ECR}/mine/train:1", "Cannot find repository: mine/train in registry ID: 246618743249 Please check if "),
        (f"{ECR}/sagemaker-xgboost:0.1-1", f"Cannot find the requested image: {ECR}/sagemaker-xgboost:0.1-1."),
    ],
)
def test_an_image_that_is_not_there(jobs: Jobs, uri: str, said: str) -> None:
    """Which says too what there is."""
    algorithm = {"TrainingImage": uri, "TrainingInputMode": "File"}
    code, message = refusal(jobs, XGBOOST, AlgorithmSpecification=algorithm)
    assert code == "ValidationException"
    assert message.startswith(said)
    assert f"There is no image {uri}. There are " in message
    assert "sagemaker-xgboost:1.7-1" in message


def test_an_image_of_ones_own_that_is_not_there(jobs: Jobs) -> None:
    """By either name of the registry: where to look is told, not what Clary's own images are."""
    account = jobs.platform.client("sts").get_caller_identity()["Account"]
    repository = fresh("mine")
    jobs.platform.client("ecr").create_repository(repositoryName=repository)
    for registry in (f"{account}.dkr.ecr.us-west-2.amazonaws.com", jobs.platform.url.removeprefix("http://")):
        uri = f"{registry}/{repository}:typo"
        algorithm = {"TrainingImage": uri, "TrainingInputMode": "File"}
        code, message = refusal(jobs, XGBOOST, AlgorithmSpecification=algorithm)
        assert code == "ValidationException"
        assert message.startswith(f"Cannot find the requested image: {uri} with tag: typo and digest: null. Please ")
        assert f"aws ecr list-images --repository-name {repository} --region us-west-2" in message
        assert "xgboost" not in message


def test_a_role_that_may_list_but_not_read(jobs: Jobs) -> None:
    found = jobs.run(fresh(), XGBOOST, RoleArn=role(jobs, "s3:ListBucket"))
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith("ClientError: Data download failed:")
    assert "s3:GetObject" in found["FailureReason"]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("a\nb\r\n 'c' \"d\" $HOME \\ =\t")
@example("")
@given(st.text(max_size=128))
def test_any_variable_arrives_or_is_refused(jobs: Jobs, value: str) -> None:
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "ContainerEntrypoint": ["sh", "-c", KEEP]}
    changed = {"AlgorithmSpecification": algorithm, "Environment": {"VALUE": value}}
    if "\0" in value:
        code, message = refusal(jobs, {}, **changed)
        assert (code, "'environment' failed to satisfy constraint" in message) == ("ValidationException", True)
        return
    name = fresh()
    found = jobs.run(name, {}, **changed)
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert jobs.model(name) == {"value": value.encode()}


@pytest.mark.parametrize(
    ("place", "changed"),
    [
        ("environment", {"Environment": {"A": "b\0c"}}),
        ("hyperParameters", {"HyperParameters": {"num_round": "3", "x": "b\0c"}}),
        ("hyperParameters", {"HyperParameters": {"num_round": "3", "x\0": "b"}}),
        ("algorithmSpecification.containerEntrypoint", {"ContainerEntrypoint": ["a\0b"]}),
        ("algorithmSpecification.containerArguments", {"ContainerEntrypoint": ["a"], "ContainerArguments": ["\0"]}),
    ],
)
def test_a_nul_character(jobs: Jobs, place: str, changed: dict[str, Any]) -> None:
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File"}
    own = {member: changed.pop(member) for member in list(changed) if member.startswith("Container")}
    # A script's hyperparameters are not looked at otherwise.
    script = {"sagemaker_program": "train.py", "sagemaker_submit_directory": f"s3://{jobs.bucket}/in/train.csv"}
    given = {**script, **changed.pop("HyperParameters", {})}
    code, message = refusal(jobs, given, AlgorithmSpecification=algorithm | own, **changed)
    assert code == "ValidationException"
    assert message.startswith(f"1 validation error detected: Value at '{place}' failed to satisfy constraint: ")


@pytest.mark.parametrize(
    "regex", ["(", "a{99999999999999999999}", "(" * 80 + "a" + "{9})" * 80, "(" * 249 + "a" + ")" * 249]
)
def test_a_metric_that_cannot_be_looked_for(jobs: Jobs, regex: str) -> None:
    """Or can, where it only nests deep: never an internal error."""
    metrics = [{"Name": "loss", "Regex": regex}]
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": metrics}
    if "{" not in regex and regex.endswith(")"):
        own = algorithm | {"ContainerEntrypoint": ["true"]}
        assert jobs.run(fresh(), {}, AlgorithmSpecification=own)["TrainingJobStatus"] == "Completed"
        return
    code, message = refusal(jobs, XGBOOST, AlgorithmSpecification=algorithm)
    assert code == "ValidationException"
    assert message.startswith(f"Invalid metric definition loss: {regex}: ")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("checkpoints", "absolute"),
        ("", "absolute"),
        ("/", "absolute"),
        ("/opt/ml/../../etc", "absolute"),
        ("/a\0b", "absolute"),
        ("/" + "x" * 256, "255 bytes"),
        *((path, "cannot start with the following reserved path: [/bin, ") for path in (
            "/usr", "/etc/passwd", "/proc/self", "//usr/lib", "/./sys/", "/dev/shm", "/opt/ml/input",
            "/opt/ml/input/data/train", "/opt/ml", "/opt", "/opt/venv/bin", "/opt/clary",
        )),
    ],
)  # fmt: skip
def test_checkpoints_in_a_place_that_is_taken(jobs: Jobs, path: str, said: str) -> None:
    config = {"S3Uri": f"s3://{jobs.bucket}/checkpoints/", "LocalPath": path}
    code, message = refusal(jobs, XGBOOST, CheckpointConfig=config)
    assert code == "ValidationException"
    assert message.startswith('"LocalPath" of "CheckpointConfig" ')
    assert said in message


@pytest.mark.parametrize("path", ["/opt/ml/model", "/opt/ml/model/x", "/opt/ml/output", "/opt/ml/output/data/"])
def test_checkpoints_where_the_model_is_to_be(jobs: Jobs, path: str) -> None:
    """On AWS one folder can be both; here it would be lost at the end."""
    config = {"S3Uri": f"s3://{jobs.bucket}/checkpoints/", "LocalPath": path}
    code, message = refusal(jobs, XGBOOST, CheckpointConfig=config)
    assert (code, path in message) == ("NotImplementedException", True)


@pytest.mark.parametrize("path", ["/opt/ml/checkpoints/", "/opt/ml/output/tensorboard", "/state", "/var/lib/job"])
def test_checkpoints_elsewhere(jobs: Jobs, path: str) -> None:
    prefix = fresh()
    algorithm = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["sh", "-c", f"echo 1 > {path}/step"],
    }
    config = {"S3Uri": f"s3://{jobs.bucket}/{prefix}", "LocalPath": path}
    found = jobs.run(fresh(), {}, AlgorithmSpecification=algorithm, CheckpointConfig=config)
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert jobs.s3.get_object(Bucket=jobs.bucket, Key=f"{prefix}/step")["Body"].read() == b"1\n"


def test_a_channel_that_would_lead_elsewhere(jobs: Jobs) -> None:
    one = channel(f"s3://{jobs.bucket}/in/")[0] | {"ChannelName": ".."}
    assert refusal(jobs, XGBOOST, InputDataConfig=[one]) == ("ValidationException", "Invalid channel name: ..")


def test_checkpoints_outside_s3(jobs: Jobs) -> None:
    code, message = refusal(jobs, XGBOOST, CheckpointConfig={"S3Uri": f"https://{jobs.bucket}/x"})
    assert (code, "CheckpointConfig" in message) == ("ValidationException", True)
