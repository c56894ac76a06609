"""Jobs of Glue: what is kept of them, and what is refused."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from glue_jobs import GlueJobs
from sagemaker_inputs import fresh, role

ETL = {"command": "glueetl"}


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> GlueJobs:
    return GlueJobs(platform)


def refused(call: Any, **request: Any) -> tuple[str, str]:
    """Code and message."""
    with pytest.raises(ClientError) as error:
        call(**request)
    said = error.value.response["Error"]
    return said["Code"], said["Message"]


def test_a_job_has_what_was_asked_and_what_follows(jobs: GlueJobs) -> None:
    given = {"--job-language": "python", "--extra-jars": "s3://b/mleap.jar"}
    name = jobs.create(**ETL, DefaultArguments=given, AllocatedCapacity=5, Timeout=60, Command={"PythonVersion": "2"})
    found = jobs.glue.get_job(JobName=name)["Job"]
    assert found["CreatedOn"] == found["LastModifiedOn"]
    assert (found["Name"], found["DefaultArguments"], found["Timeout"]) == (name, given, 60)
    assert (found["AllocatedCapacity"], found["MaxCapacity"], found["MaxRetries"]) == (5, 5.0, 0)
    assert found["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
    assert found["Command"]["PythonVersion"] == "2"
    assert "RoleArn" not in found


def test_workers_are_counted_in_units(jobs: GlueJobs) -> None:
    name = jobs.create(**ETL, WorkerType="G.2X", NumberOfWorkers=3, GlueVersion="4.0")
    found = jobs.glue.get_job(JobName=name)["Job"]
    assert (found["MaxCapacity"], found["WorkerType"], found["NumberOfWorkers"]) == (6.0, "G.2X", 3)


def test_update_job_resets_what_it_does_not_say(jobs: GlueJobs) -> None:
    name = jobs.create(**ETL, Description="the first", MaxRetries=2, GlueVersion="3.0")
    location = jobs.put("other.py", "pass")
    told = {"Role": role(jobs.platform), "Command": {"Name": "glueetl", "ScriptLocation": location}, "Timeout": 5}
    assert jobs.glue.update_job(JobName=name, JobUpdate=told)["JobName"] == name
    found = jobs.glue.get_job(JobName=name)["Job"]
    assert found["Command"]["ScriptLocation"] == location
    assert (found["Timeout"], found["MaxRetries"], found.get("Description")) == (5, 0, None)
    assert found["LastModifiedOn"] > found["CreatedOn"]
    code, message = refused(jobs.glue.update_job, JobName=fresh("none"), JobUpdate=told)
    assert (code, message) == ("EntityNotFoundException", "Job not found.")


def test_lists_have_pages_and_tags(platform: Platform) -> None:
    jobs = GlueJobs(platform)
    jobs.glue = platform.client("glue", region="eu-west-3")
    names = sorted(jobs.create(Tags={"team": "a" if n else "b"}) for n in range(3))
    first = jobs.glue.get_jobs(MaxResults=2)
    second = jobs.glue.get_jobs(MaxResults=2, NextToken=first["NextToken"])
    assert [job["Name"] for job in (*first["Jobs"], *second["Jobs"])] == names
    assert "NextToken" not in second
    assert jobs.glue.list_jobs()["JobNames"] == names
    assert len(jobs.glue.list_jobs(Tags={"team": "a"})["JobNames"]) == 2
    code, _ = refused(jobs.glue.list_jobs, NextToken=first["NextToken"])
    assert code == "InvalidInputException"
    some = jobs.glue.batch_get_jobs(JobNames=[names[0], "none"])
    assert ([job["Name"] for job in some["Jobs"]], some["JobsNotFound"]) == ([names[0]], ["none"])


def test_a_job_that_is_deleted_is_gone_and_may_be_deleted_again(jobs: GlueJobs) -> None:
    name = jobs.create()
    for _ in range(2):
        assert jobs.glue.delete_job(JobName=name)["JobName"] == name
    assert refused(jobs.glue.get_job, JobName=name) == ("EntityNotFoundException", "Job not found.")


def test_the_same_name_twice(jobs: GlueJobs) -> None:
    name = jobs.create()
    with pytest.raises(jobs.glue.exceptions.AlreadyExistsException, match="Job already exists"):
        jobs.create(name=name)
    with pytest.raises(jobs.glue.exceptions.IdempotentParameterMismatchException, match="different configuration"):
        jobs.create(name=name, MaxRetries=1)


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"command": "gluestreaming"}, "NotImplementedException", "runs no streaming jobs"),
        ({"command": "glueray"}, "NotImplementedException", "runs no Ray jobs"),
        ({"command": "sparksubmit"}, "InvalidInputException", "Invalid command name sparksubmit"),
        ({"GlueVersion": "9.9", **ETL}, "InvalidInputException", r"Given GlueVersion [9.9] is not valid."),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 2, "MaxCapacity": 2.0, **ETL}, "InvalidInputException", "Please do"),
        ({"WorkerType": "G.1X", **ETL}, "InvalidInputException", "set both Worker Type and Number"),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 1, **ETL}, "InvalidInputException", "the minimum is 2"),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 2}, "InvalidInputException", "not supported for Job Command python"),
        ({"MaxCapacity": 2.0}, "InvalidInputException", "0.0625 or 1"),
        ({"Timeout": 20000}, "InvalidInputException", "10080 minutes"),
        ({"Timeout": 0}, "ValidationException", "greater than or equal to 1"),
        ({"Role": "no-such-role"}, "InvalidInputException", "should be given assume role permissions for Glue Service"),
        ({"Command": {"ScriptLocation": "/tmp/a.py"}}, "InvalidInputException", "Invalid script location"),
        ({"Command": {"PythonVersion": "4"}}, "ValidationException", "'command.pythonVersion'"),
        ({"DefaultArguments": {"--job-language": "r"}}, "InvalidInputException", "Invalid job language r"),
        ({"DefaultArguments": {"--job-language": "scala"}, **ETL}, "NotImplementedException", "compiles no Scala"),
    ],
)
def test_what_create_job_refuses(jobs: GlueJobs, changed: dict[str, Any], code: str, said: str) -> None:
    found, message = refused(jobs.create, **changed)
    assert found == code
    assert said in message


def test_a_role_may_be_named_without_its_arn(jobs: GlueJobs) -> None:
    name = jobs.create(Role=role(jobs.platform).rpartition("/")[2])
    assert jobs.glue.get_job(JobName=name)["Job"]["Role"] == "AmazonSageMaker-ExecutionRole"


def test_permissions_are_by_job_and_role(platform: Platform, jobs: GlueJobs) -> None:
    iam, user = platform.client("iam"), fresh("user")
    iam.create_user(UserName=user)
    mine = fresh("mine")
    statement = [{"Effect": "Allow", "Action": "glue:*", "Resource": f"arn:aws:glue:*:*:job/{mine}"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    glue = platform.client("glue", keys=(key["AccessKeyId"], key["SecretAccessKey"]))
    request = {"Role": role(platform), "Command": {"Name": "glueetl", "ScriptLocation": jobs.put("x.py", "pass")}}
    code, message = refused(glue.create_job, Name=mine, **request)
    assert (code, "iam:PassRole" in message) == ("AccessDeniedException", True)
    other = jobs.create()
    code, message = refused(glue.get_job, JobName=other)
    assert code == "AccessDeniedException"
    assert f"glue:GetJob on resource: arn:aws:glue:us-west-2:{iam_account(platform)}:job/{other}" in message
    jobs.create(name=mine)
    assert glue.get_job(JobName=mine)["Job"]["Name"] == mine


def iam_account(platform: Platform) -> str:
    account: str = platform.client("sts").get_caller_identity()["Account"]
    return account
