"""How training jobs end that had bad input, too little room, or trouble on the way: AWS's words, and what to do."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import fresh
from training_jobs import IMAGE, Jobs
from waiting import until

XGBOOST = {"num_round": "3", "objective": "binary:logistic"}
TWO = {"InstanceType": "ml.t3.medium", "InstanceCount": 2, "VolumeSizeInGB": 1}
ENDLESS = {**XGBOOST, "num_round": "1000000", "save_model_on_termination": "true"}
GROUP = "/aws/sagemaker/TrainingJobs"
BOMB = "held = []\nwhile True: held.append(bytearray(1 << 26))\n"


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> Jobs:
    return Jobs(platform, fresh("ends"))


def channel(jobs: Jobs, files: dict[str, str], name: str = "train", **source: str) -> dict[str, Any]:
    prefix = fresh()
    for key, content in files.items():
        jobs.s3.put_object(Bucket=jobs.bucket, Key=f"{prefix}/{key}", Body=content.encode())
    where = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{jobs.bucket}/{prefix}/", **source}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": where}}


def log(jobs: Jobs, name: str) -> list[str]:
    """Of all instances."""
    logs = jobs.platform.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        return []
    streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    return [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True)[
            "events"
        ]
    ]


def until_said(jobs: Jobs, name: str, text: str) -> None:
    jobs.until(name, "Training")
    until(lambda: any(text in line for line in log(jobs, name)))


def reason(found: dict[str, Any]) -> str:
    """Of a job that failed as a whole, and says so within what AWS's model allows."""
    assert found["TrainingJobStatus"] == found["SecondaryStatus"] == "Failed"
    assert found["SecondaryStatusTransitions"][-1]["Status"] == "Failed"
    said: str = found["FailureReason"]
    assert len(said) <= 1024
    return said


HALVES = {f"{half}.csv": "\n".join(f"{n % 2},{n % 7},{n % 2 * 3 + n % 5}" for n in range(100)) + "\n" for half in "ab"}
USUAL = HALVES["a.csv"]


@pytest.mark.parametrize(
    ("train", "validation", "said"),
    [
        ("nan,1,2\n1,2,3\n", None, "Label contains NaN, infinity or a value too large: 1 of 2 rows. Please remove"),
        ("", None, "No data in training channel path /opt/ml/input/data/train"),
        (USUAL, "1,2\n0,3\n", "Please give all files of train and validation the same columns, the label first."),
        ("label,a,b\n1,2,3\n", None, "Please ensure the file has no header line"),
        ("0,1,2\n7,2,3\n", None, "label must be in [0,1] for logistic regression"),
    ],
)
def test_data_that_is_no_good(jobs: Jobs, train: str, validation: str | None, said: str) -> None:
    channels = [channel(jobs, {"a.csv": train})]
    if validation is not None:
        channels.append(channel(jobs, {"v.csv": validation}, "validation"))
    found = reason(jobs.run(fresh(), XGBOOST, InputDataConfig=channels))
    assert found.startswith("AlgorithmError: framework error: \nUserError: ")
    assert said in found
    assert found.endswith(", exit code: 1")


def test_files_with_other_columns_than_the_first(jobs: Jobs) -> None:
    """Though xgboost itself would take what lacks for missing."""
    files = channel(jobs, {"a.csv": USUAL, "b.csv": "1,2\n0,3\n"})
    found = reason(jobs.run(fresh(), XGBOOST, InputDataConfig=[files]))
    assert "File 'b.csv' has 2 columns on its first line; 'a.csv' 3. Please give all files" in found


def test_rows_of_other_lengths_are_xgboosts_to_read(jobs: Jobs) -> None:
    """The public container hands the file to its parser, for which a field that is not there is missing."""
    name = fresh()
    found = jobs.run(name, XGBOOST, InputDataConfig=[channel(jobs, {"a.csv": "0,1,2\n1,2\n0,3,4,5\n1,1,1\n"})])
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert any("Train matrix has 4 rows and 3 columns" in line for line in log(jobs, name))


@pytest.mark.parametrize("own", [False, True])
def test_no_model_is_no_failure(jobs: Jobs, own: bool) -> None:
    """SageMaker tells where the model would be, and has nothing there."""
    name = fresh()
    algorithm: dict[str, Any] = {"TrainingImage": IMAGE, "TrainingInputMode": "File"}
    if own:
        algorithm["ContainerEntrypoint"] = ["true"]
    found = jobs.run(name, {} if own else jobs.script("pass"), AlgorithmSpecification=algorithm)
    assert (found["TrainingJobStatus"], "FailureReason" in found) == ("Completed", False)
    assert found["ModelArtifacts"]["S3ModelArtifacts"].endswith(f"/{name}/output/model.tar.gz")
    assert jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix=f"out/{name}/")["KeyCount"] == 0


@pytest.mark.parametrize("uploadable", [True, False])
def test_what_a_failed_job_left_is_kept(jobs: Jobs, uploadable: bool) -> None:
    """And where that cannot be, the reason is still the job's own."""
    name = fresh()
    bucket = jobs.bucket if uploadable else fresh("none")
    text = "open('/opt/ml/model/m', 'w').write('half')\nopen('/opt/ml/output/data/why', 'w').write('so')\n1 / 0"
    found = jobs.run(name, jobs.script(text), OutputDataConfig={"S3OutputPath": f"s3://{bucket}/out"})
    assert "ZeroDivisionError" in reason(found)
    assert [step["Status"] for step in found["SecondaryStatusTransitions"]][-2:] == ["Uploading", "Failed"]
    assert found["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{bucket}/out/{name}/output/model.tar.gz"
    if uploadable:
        assert jobs.model(name) == {"m": b"half"}
        assert jobs.s3.head_object(Bucket=bucket, Key=f"out/{name}/output/output.tar.gz")["ContentLength"]
    else:
        assert any("Artifact upload failed" in line for line in log(jobs, name))


def test_where_the_model_is_shows_at_the_end(jobs: Jobs) -> None:
    """Also of a job that was stopped before there was one."""
    name = fresh()
    jobs.create(name, jobs.script("import time\nprint('begun', flush=True)\ntime.sleep(600)"))
    until_said(jobs, name, "begun")
    assert "ModelArtifacts" not in jobs.describe(name)
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    found = jobs.until(name, "Stopped")
    assert found["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{jobs.bucket}/out/{name}/output/model.tar.gz"
    assert jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix=f"out/{name}/")["KeyCount"] == 0


def test_a_command_that_is_not_there(jobs: Jobs) -> None:
    name = fresh()
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "ContainerEntrypoint": ["/no/such"]}
    found = reason(jobs.run(name, {}, AlgorithmSpecification=algorithm))
    assert found.startswith("AlgorithmError: ")
    assert "Please see the end of its log in /aws/sagemaker/TrainingJobs, exit code: 127" in found
    assert any("/no/such" in line for line in log(jobs, name))


def test_the_output_bucket_goes_while_it_runs(jobs: Jobs) -> None:
    name, bucket = fresh(), fresh("gone")
    jobs.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    text = (
        "import boto3, time\nprint('begun', flush=True)\ns3 = boto3.client('s3')\n"
        f"while '{bucket}' in str(s3.list_buckets()['Buckets']): time.sleep(0.1)\nopen('/opt/ml/model/m', 'w')"
    )
    jobs.create(name, jobs.script(text), OutputDataConfig={"S3OutputPath": f"s3://{bucket}/out"})
    until_said(jobs, name, "begun")
    jobs.s3.delete_bucket(Bucket=bucket)
    found = reason(jobs.until(name, "Failed"))
    assert found.startswith(f"ClientError: Artifact upload failed:Unable to upload to s3://{bucket}/out/{name}/output/")
    assert found.endswith("The specified bucket does not exist")


def test_the_error_is_told_though_its_traceback_is_long(jobs: Jobs) -> None:
    text = "def f(n):\n    if n: g(n)\n    raise ValueError('the last word')\ndef g(n): f(n - 1)\nf(30)"
    found = reason(jobs.run(fresh(), jobs.script(text)))
    assert found.startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage ")
    assert "ValueError: the last word" in found
    assert found.endswith(", exit code: 1")


@pytest.mark.parametrize(
    ("archive", "said"), [("none.tar.gz", "NoSuchKey: The specified key does not exist."), ("in/train.csv", "no tar")]
)
def test_a_script_that_cannot_be_had(jobs: Jobs, archive: str, said: str) -> None:
    given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": f"s3://{jobs.bucket}/{archive}"}
    found = reason(jobs.run(fresh(), given))
    assert found.startswith("AlgorithmError: Framework Error: \n")
    assert f"s3://{jobs.bucket}/{archive}, which sagemaker_submit_directory is" in found
    assert said in found


def test_out_of_memory(jobs: Jobs) -> None:
    """Also where another instance is stopped for it."""
    text = f"import os, time\nif os.environ['SM_CURRENT_HOST'] == 'algo-1': time.sleep(600)\n{BOMB}"
    found = reason(jobs.run(fresh(), jobs.script(text), ResourceConfig=TWO))
    assert found.startswith("ClientError: Please use an instance type with more memory")
    assert "algo-2 ran out of memory" in found


def test_out_of_disk(jobs: Jobs) -> None:
    text = "with open('/opt/ml/model/m', 'wb') as file:\n    while True: file.write(bytes(1 << 24))"
    found = reason(jobs.run(fresh(), jobs.script(text)))
    assert found.startswith("ClientError: Please use a larger volume: algo-1 wrote more than the 1 GB")


def test_the_instance_that_failed_says_why(jobs: Jobs) -> None:
    """And not the one that was stopped because of it."""
    text = (
        "import os, time\nif os.environ['SM_CURRENT_HOST'] == 'algo-2': raise ValueError('it was me')\ntime.sleep(600)"
    )
    found = reason(jobs.run(fresh(), jobs.script(text), ResourceConfig=TWO))
    assert "ValueError: it was me" in found
    assert found.endswith(", exit code: 1")


def test_xgboost_is_ended_with_the_model_so_far(jobs: Jobs) -> None:
    late, stopped = fresh(), fresh()
    jobs.create(late, ENDLESS, StoppingCondition={"MaxRuntimeInSeconds": 20})
    jobs.create(stopped, ENDLESS)
    until_said(jobs, stopped, "train-logloss")
    jobs.sagemaker.stop_training_job(TrainingJobName=stopped)
    for name, status, message in (
        (stopped, "Stopped", "Training job stopped"),
        (late, "MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds provided"),
    ):
        found = jobs.until(name, "Stopped")
        assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", status)
        assert found["SecondaryStatusTransitions"][-1]["StatusMessage"] == message
        assert "FailureReason" not in found
        assert list(jobs.model(name)) == ["xgboost-model"]


def test_a_stray_space_in_a_key_is_no_error(jobs: Jobs) -> None:
    channels = [channel(jobs, {"a.csv": USUAL}), channel(jobs, {"v.csv": USUAL[:200]}, "validation")]
    given = {"num_round ": "50", " objective": "binary:logistic", "early_stopping_rounds ": "2", "eta": "1"}
    found = jobs.run(fresh(), given, InputDataConfig=channels)
    assert found["TrainingJobStatus"] == "Completed"
    assert set(given) == set(found["HyperParameters"])
    assert {"train:logloss", "validation:logloss"} <= {one["MetricName"] for one in found["FinalMetricDataList"]}


def test_network_isolation(jobs: Jobs) -> None:
    text = "import os, socket\ntry:\n    socket.create_connection(('{}', {}), 3)\n    print('open')\n"
    text += "except OSError:\n    print('closed', [name for name in os.environ if 'CREDENTIALS' in name])\n"
    given = jobs.script(text.format("127.0.0.1", jobs.platform.port))
    said = reason(jobs.run(fresh(), given, EnableNetworkIsolation=True))
    assert "A job with EnableNetworkIsolation reaches no S3. Please give the archive by a channel" in said
    source = {"S3DataType": "S3Prefix", "S3Uri": given["sagemaker_submit_directory"]}
    code = {"ChannelName": "code", "DataSource": {"S3DataSource": source}}
    given["sagemaker_submit_directory"] = "/opt/ml/input/data/code/sourcedir.tar.gz"
    name = fresh()
    found = jobs.run(name, given, EnableNetworkIsolation=True, InputDataConfig=[code])
    assert (found["TrainingJobStatus"], found["EnableNetworkIsolation"]) == ("Completed", True)
    assert "closed []" in log(jobs, name)


@pytest.mark.parametrize("isolated", [False, True])
def test_xgboost_on_two_instances(jobs: Jobs, isolated: bool) -> None:
    name = fresh()
    sharded = channel(jobs, HALVES, S3DataDistributionType="ShardedByS3Key")
    found = jobs.run(name, XGBOOST, ResourceConfig=TWO, InputDataConfig=[sharded], EnableNetworkIsolation=isolated)
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert list(jobs.model(name)) == ["xgboost-model"]
    said = log(jobs, name)
    assert sum("Train matrix has 100 rows and 2 columns" in line for line in said) == 2
    assert sum(line.startswith("[2]#011train-logloss:") for line in said) == 1
    assert not [line for line in said if "Stack trace" in line or "[bt]" in line]


def test_xgboost_by_pipe(jobs: Jobs) -> None:
    found = jobs.run(
        fresh(),
        XGBOOST,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"},
        InputDataConfig=[channel(jobs, HALVES)],
    )
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")


def test_a_job_that_fails_while_clary_is_dead(own_platform: Platform) -> None:
    jobs, failing, refused = Jobs(own_platform, fresh("dead")), fresh(), fresh()
    text = "import time\nprint('begun', flush=True)\ntime.sleep(2)\nraise ValueError('nobody was here')"
    jobs.create(failing, jobs.script(text))
    until_said(jobs, failing, "begun")
    own_platform.kill()
    time.sleep(2.5)
    own_platform.start()
    jobs.sagemaker, jobs.s3 = own_platform.client("sagemaker"), own_platform.client("s3")
    assert "ValueError: nobody was here" in reason(jobs.until(failing, "Failed"))
    assert sum(line == "begun" for line in log(jobs, failing)) == 1
    with pytest.raises(ClientError, match="There is no image"):
        jobs.create(refused, XGBOOST, AlgorithmSpecification={"TrainingImage": "x:9", "TrainingInputMode": "File"})
