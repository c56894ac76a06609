"""Images that users push, run for training, processing, serving and batch transform, without a container engine."""

import io
import json
import os
import tarfile
import time
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

import waiting
from conftest import Platform
from endpoints import Endpoints
from layers import archive, entry, link
from own_images import PROGRAM, Own, base
from sagemaker_inputs import fresh, role
from training_jobs import ENDS, IMAGE, Jobs, packed, until
from transforms import Transforms

GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture(scope="module")
def own(platform: Platform) -> Own:
    return Own(platform)


@pytest.fixture(scope="module")
def image(own: Own) -> str:
    return own.program()


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> Jobs:
    return Jobs(platform, fresh("own"))


def lines(platform: Platform, name: str) -> list[str]:
    """The job's log."""
    logs = platform.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/algo-1-")["logStreams"]
    events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True)
    return [event["message"] for event in events["events"]]


def by(uri: str, **more: Any) -> dict[str, Any]:
    return {"AlgorithmSpecification": {"TrainingImage": uri, "TrainingInputMode": "File", **more}}


def test_it_trains(jobs: Jobs, image: str) -> None:
    name = fresh()
    metric = {"Name": "rows", "Regex": "rows=(.*?);"}
    given = by(image, MetricDefinitions=[metric])
    found = jobs.run(name, {"depth": "3"}, **given, Environment={"MINE": "of the request"})
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert json.loads(jobs.model(name)["model.json"]) == {"rows": 200, "told": {"depth": "3"}}
    assert found["FinalMetricDataList"][0]["Value"] == 200.0
    said = lines(jobs.platform, name)
    assert any(line.startswith("Pulled") for line in said) or "rows=200;" in said
    output = jobs.s3.get_object(Bucket=jobs.bucket, Key=f"out/{name}/output/output.tar.gz")["Body"].read()
    seen = json.loads(unpacked(output)["seen.json"])
    assert seen["uid"] == 0
    assert seen["env"]["HOME"] == "/root"
    assert seen["env"]["PATH"] == "/usr/bin:/bin"
    assert seen["env"]["OWN"] == "of the image"
    assert seen["env"]["MINE"] == "of the request"
    again = fresh()
    jobs.run(again, {}, **given)
    assert not any(line.startswith("Pull") for line in lines(jobs.platform, again)), "it is unpacked once"


def unpacked(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        return {one.name: file.read() for one in opened if (file := opened.extractfile(one)) is not None}


def test_it_fails_as_it_says(jobs: Jobs, image: str) -> None:
    found = jobs.run(fresh(), {"fail": "1"}, **by(image))
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"] == "AlgorithmError: it was told to fail, exit code: 3"


def test_train_is_sought_where_there_is_no_entry_point(jobs: Jobs, own: Own) -> None:
    script = "#!/bin/sh\necho made by $0 in $PWD as $(id -u) > /opt/ml/model/said\n"
    uri = own.push(
        base(), archive(entry("usr/bin/train", script, mode=0o755), entry("work/", None)), WorkingDir="/work"
    )
    name = fresh()
    assert jobs.run(name, {}, **by(uri))["TrainingJobStatus"] == "Completed"
    assert jobs.model(name) == {"said": b"made by /usr/bin/train in /work as 0\n"}


def test_an_image_without_the_program(jobs: Jobs, own: Own) -> None:
    found = jobs.run(fresh(), {}, **by(own.push(base())))
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"].endswith("exit code: 127")


def test_the_user_of_an_image(jobs: Jobs, own: Own) -> None:
    script = "#!/bin/sh\nid -u > /opt/ml/model/user\ntouch /etc/made && echo wrote >> /opt/ml/model/user\nexit 0\n"
    uri = own.push(base(), archive(entry("usr/bin/train", script, mode=0o755)), User="app")
    name = fresh()
    assert jobs.run(name, {}, **by(uri))["TrainingJobStatus"] == "Completed"
    assert jobs.model(name) == {"user": b"1234\n" if os.geteuid() == 0 else b"1234\nwrote\n"}


def test_a_user_that_the_image_does_not_have(jobs: Jobs, own: Own) -> None:
    found = jobs.run(fresh(), {}, **by(own.push(base(), User="nobody-here")))
    assert found["FailureReason"].startswith("ClientError: The image ")
    assert "unable to find user nobody-here" in found["FailureReason"]


@pytest.mark.parametrize("place", ["/etc/passwd", "/etc/passwd/below", "/there"])
def test_a_working_folder_that_is_a_file(jobs: Jobs, own: Own, place: str) -> None:
    found = jobs.run(fresh(), {}, **by(own.push(base(), archive(link("there", "/etc/passwd")), WorkingDir=place)))
    assert found["FailureReason"].startswith("ClientError: The image ")
    assert "/etc/passwd is no folder" in found["FailureReason"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ([entry("../../out", "x")], "leads out of the image"),
        ([link("a", "../../../../.."), entry("a/out", "x")], "leads out of the image by a link"),
        ([entry("dev/sda", b"", type=b"4", devmajor=8)], "is a device"),
    ],
)
def test_a_layer_that_cannot_be_unpacked(jobs: Jobs, own: Own, bad: list[Any], said: str) -> None:
    found = jobs.run(fresh(), {}, **by(own.push(archive(*bad), Entrypoint=["/x"])))
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith("ClientError: The image ")
    assert said in found["FailureReason"]


def test_an_image_that_is_not_there(jobs: Jobs, own: Own) -> None:
    with pytest.raises(ClientError, match="Cannot find repository: nothing-here"):
        jobs.create(fresh(), {}, **by(f"{own.aws}/nothing-here:1"))


def test_a_role_that_may_not_pull(jobs: Jobs, own: Own, image: str) -> None:
    iam = jobs.platform.client("iam")
    name = fresh("role")
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    iam.put_role_policy(RoleName=name, PolicyName="s3", PolicyDocument=json.dumps(policy))
    with pytest.raises(ClientError, match="ecr:BatchGetImage"):
        jobs.create(fresh(), {}, **by(image), RoleArn=arn)


def test_it_processes(platform: Platform, own: Own, image: str, jobs: Jobs) -> None:
    sagemaker, name = platform.client("sagemaker"), fresh("process")
    jobs.s3.put_object(Bucket=jobs.bucket, Key=f"{name}/in/a.txt", Body=b"some text ")
    given = {"S3Uri": f"s3://{jobs.bucket}/{name}/in/", "LocalPath": "/opt/ml/processing/input"}
    source = {"InputName": "in", "S3Input": {**given, "S3DataType": "S3Prefix", "S3InputMode": "File"}}
    written = {"S3Uri": f"s3://{jobs.bucket}/{name}/out", "LocalPath": "/opt/ml/processing/output"}
    output = {"OutputName": "out", "S3Output": {**written, "S3UploadMode": "EndOfJob"}}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
    with_arguments = own.program(Cmd=["of", "the", "image"])
    for number, (application, said) in enumerate(
        [
            ({"ImageUri": image}, ""),
            ({"ImageUri": with_arguments}, "of the image"),
            ({"ImageUri": with_arguments, "ContainerArguments": ["of", "the", "request"]}, "of the request"),
            ({"ImageUri": with_arguments, "ContainerEntrypoint": ["python3", "/opt/program/main.py"]}, ""),
        ]
    ):
        job = f"{name}-{number}"
        sagemaker.create_processing_job(
            ProcessingJobName=job,
            ProcessingInputs=[source],
            ProcessingOutputConfig={"Outputs": [output]},
            ProcessingResources={"ClusterConfig": cluster},
            AppSpecification=application,
            RoleArn=role(platform),
        )
        described = partial(sagemaker.describe_processing_job, ProcessingJobName=job)
        found = until(described, ("ProcessingJobStatus",), ENDS)
        assert found["ProcessingJobStatus"] == "Completed", found
        body = jobs.s3.get_object(Bucket=jobs.bucket, Key=f"{name}/out/out.txt")["Body"].read()
        assert body.decode() == f"SOME TEXT {said}"


@pytest.fixture(scope="module")
def endpoints(platform: Platform) -> Endpoints:
    made = Endpoints(platform)
    made.jobs.s3.put_object(Bucket=made.bucket, Key="own/model.tar.gz", Body=packed({"model.json": '{"rows": 7}'}))
    return made


@pytest.fixture(scope="module")
def model(endpoints: Endpoints, image: str) -> dict[str, Any]:
    return {"Image": image, "ModelDataUrl": f"s3://{endpoints.bucket}/own/model.tar.gz"}


def asked(endpoints: Endpoints, name: str, body: bytes = b"1,2\n3,4", **given: Any) -> bytes:
    runtime = endpoints.platform.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType="text/csv", **given)
    return bytes(answer["Body"].read())


def test_it_serves(endpoints: Endpoints, model: dict[str, Any]) -> None:
    """Two endpoints, both of which listen at 0.0.0.0:8080."""
    two = [endpoints.model(**model, Environment={"MARK": mark}) for mark in ("a", "b")]
    names = [endpoints.create(endpoints.config(endpoints.variant(one))) for one in two]
    found = [endpoints.until(name) for name in names]
    assert [asked(endpoints, name) for name in names] == [b"1,2|7a\n3,4|7a", b"1,2|7b\n3,4|7b"]
    (resolved,) = found[0]["ProductionVariants"][0]["DeployedImages"]
    assert resolved["SpecifiedImage"] == model["Image"]
    assert "@sha256:" in resolved["ResolvedImage"]
    said = json.loads(asked(endpoints, names[0], b"who"))
    assert (said["port"], said["uid"], said["gateway"]) == (8080, 0, 200)
    assert said["env"]["SAGEMAKER_BIND_TO_PORT"] == "8080"
    with pytest.raises(ClientError, match="it was told to fail"):
        asked(endpoints, names[0], b"fail")
    for name in names:
        endpoints.sagemaker.delete_endpoint(EndpointName=name)


def test_it_goes_on_when_its_image_is_deleted(endpoints: Endpoints, model: dict[str, Any], own: Own) -> None:
    """A replica that is added later runs what the first one runs, whatever the tag is by now."""
    uri = own.program(Env=["PATH=/usr/bin:/bin", "MARK=first"])
    serving = endpoints.serving(endpoints.variant(endpoints.model(**{**model, "Image": uri})))
    assert asked(endpoints, serving, b"x") == b"x|7first"
    repository = uri.partition("/")[2].partition(":")[0]
    own.door.ecr.delete_repository(repositoryName=repository, force=True)
    wanted = [{"VariantName": "all", "DesiredInstanceCount": 2}]
    endpoints.sagemaker.update_endpoint_weights_and_capacities(EndpointName=serving, DesiredWeightsAndCapacities=wanted)
    found = endpoints.until(serving)
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert {asked(endpoints, serving, b"x") for _ in range(20)} == {b"x|7first"}
    endpoints.sagemaker.delete_endpoint(EndpointName=serving)


def test_it_answers_asynchronously(endpoints: Endpoints, model: dict[str, Any]) -> None:
    output = {"OutputConfig": {"S3OutputPath": f"s3://{endpoints.bucket}/async"}}
    variant = endpoints.variant(endpoints.model(**model))
    serving = endpoints.serving(variant, AsyncInferenceConfig=output)
    s3, runtime = endpoints.jobs.s3, endpoints.platform.client("sagemaker-runtime")
    s3.put_object(Bucket=endpoints.bucket, Key="async/in", Body=b"1,2")
    where = f"s3://{endpoints.bucket}/async/in"
    told = runtime.invoke_endpoint_async(EndpointName=serving, InputLocation=where, ContentType="text/csv")
    key = told["OutputLocation"].split("/", 3)[3]
    found = partial(s3.get_object, Bucket=endpoints.bucket, Key=key)
    assert waiting.until(found, absent=(s3.exceptions.NoSuchKey,))["Body"].read() == b"1,2|7"
    endpoints.sagemaker.delete_endpoint(EndpointName=serving)


def test_it_serves_without_a_network(endpoints: Endpoints, model: dict[str, Any]) -> None:
    name = fresh("model")
    endpoints.sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=role(endpoints.platform), PrimaryContainer=model, EnableNetworkIsolation=True
    )
    serving = endpoints.serving(endpoints.variant(name))
    assert asked(endpoints, serving) == b"1,2|7\n3,4|7"
    assert json.loads(asked(endpoints, serving, b"who"))["gateway"] != 200
    endpoints.sagemaker.delete_endpoint(EndpointName=serving)


def test_pipelines_of_own_images(endpoints: Endpoints, model: dict[str, Any]) -> None:
    name = fresh("model")
    containers = [{**model, "Environment": {"MARK": mark}} for mark in "abc"]
    endpoints.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role(endpoints.platform), Containers=containers)
    serving = endpoints.serving(endpoints.variant(name))
    assert asked(endpoints, serving, b"x") == b"x|7a|7b|7c"
    endpoints.sagemaker.delete_endpoint(EndpointName=serving)


def test_a_pipeline_of_ours_and_their_own(endpoints: Endpoints, transforms: Transforms, model: dict[str, Any]) -> None:
    """In an endpoint, and in a transform job."""
    name = fresh("model")
    containers = [{"Image": IMAGE, "ModelDataUrl": endpoints.data}, {**model, "Environment": {"MARK": "own"}}]
    endpoints.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role(endpoints.platform), Containers=containers)
    serving = endpoints.serving(endpoints.variant(name))
    score, _, mark = asked(endpoints, serving, b"1,7").partition(b"|")
    assert 0 < float(score) < 1
    assert mark == b"7own"
    endpoints.sagemaker.delete_endpoint(EndpointName=serving)
    prefix = transforms.start({"rows.csv": b"1,7\n1,7\n"}, ModelName=name)
    described = partial(transforms.sagemaker.describe_transform_job, TransformJobName=prefix)
    found = until(described, ("TransformJobStatus",), ENDS)
    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")
    body = transforms.s3.get_object(Bucket=transforms.bucket, Key=f"out-{prefix}/rows.csv.out")["Body"].read()
    assert body.decode().split() == [f"{score.decode()}|7own"] * 2


def test_it_serves_without_servers(endpoints: Endpoints, model: dict[str, Any]) -> None:
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 2}
    variant = endpoints.variant(endpoints.model(**model), ServerlessConfig=serverless)
    for member in ("InstanceType", "InitialInstanceCount"):
        del variant[member]
    serving = endpoints.serving(variant)
    assert asked(endpoints, serving) == b"1,2|7\n3,4|7"
    endpoints.sagemaker.delete_endpoint(EndpointName=serving)


def test_several_instances_find_each_other(jobs: Jobs, own: Own) -> None:
    """By the names of resourceconfig.json, whatever /etc/hosts the image had."""
    text = """
import json, pathlib, socket, time
told = json.loads(pathlib.Path("/opt/ml/input/config/resourceconfig.json").read_text())
here, (first, second) = told["current_host"], told["hosts"]
if here == first:
    with socket.create_server((first, 7788)) as server:
        said = server.accept()[0].makefile().read()
    pathlib.Path("/opt/ml/model/said").write_text(said)
while here == second:
    try:
        with socket.create_connection((first, 7788)) as one:
            one.sendall(b"from " + here.encode())
        break
    except OSError:
        time.sleep(0.05)
"""
    layer = archive(entry("opt/program/main.py", text), link("etc/hosts", "../run/made/hosts"))
    uri = own.push(base(), layer, Entrypoint=["python3", "/opt/program/main.py"], Env=["PATH=/usr/bin:/bin"])
    for isolated in (False, True):
        name = fresh()
        resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
        found = jobs.run(name, {}, **by(uri), ResourceConfig=resources, EnableNetworkIsolation=isolated)
        assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
        assert jobs.model(name) == {"said": b"from algo-2"}


def test_one_container_of_several(endpoints: Endpoints, model: dict[str, Any]) -> None:
    name = fresh("model")
    containers = [{**model, "ContainerHostname": mark, "Environment": {"MARK": mark}} for mark in "ab"]
    endpoints.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role(endpoints.platform),
        Containers=containers,
        InferenceExecutionConfig={"Mode": "Direct"},
    )
    serving = endpoints.serving(endpoints.variant(name))
    assert asked(endpoints, serving, b"x", TargetContainerHostname="b") == b"x|7b"
    assert asked(endpoints, serving, b"x", TargetContainerHostname="a") == b"x|7a"
    endpoints.sagemaker.delete_endpoint(EndpointName=serving)


def test_many_models_in_one(endpoints: Endpoints, image: str) -> None:
    for name in ("one", "two"):
        body = packed({"name": f"model {name}"})
        endpoints.jobs.s3.put_object(Bucket=endpoints.bucket, Key=f"many/{name}.tar.gz", Body=body)
    given = {"Image": image, "ModelDataUrl": f"s3://{endpoints.bucket}/many/", "Mode": "MultiModel"}
    serving = endpoints.serving(endpoints.variant(endpoints.model(**given)))
    for name in ("one", "two", "one"):
        assert asked(endpoints, serving, b"x", TargetModel=f"{name}.tar.gz") == f"model {name} x".encode()
    endpoints.sagemaker.delete_endpoint(EndpointName=serving)


def test_an_image_that_never_answers(endpoints: Endpoints, own: Own) -> None:
    model = endpoints.model(Image=own.program("import time; print('no server'); time.sleep(600)"))
    variant = endpoints.variant(model, ContainerStartupHealthCheckTimeoutInSeconds=60)
    name = endpoints.create(endpoints.config(variant))
    time.sleep(2)
    assert endpoints.describe(name)["EndpointStatus"] == "Creating"
    endpoints.sagemaker.delete_endpoint(EndpointName=name)


@pytest.fixture(scope="module")
def transforms(platform: Platform) -> Transforms:
    return Transforms(platform)


@pytest.mark.parametrize("instances", [1, 2])
def test_it_transforms(transforms: Transforms, endpoints: Endpoints, model: dict[str, Any], instances: int) -> None:
    """On several instances, each of whose containers listens at 0.0.0.0:8080."""
    files = {f"{number}.csv": f"a{number}\nb{number}\n".encode() for number in range(4)}
    resources = {"InstanceCount": instances}
    prefix = transforms.start(files, ModelName=endpoints.model(**model), resources=resources)
    described = partial(transforms.sagemaker.describe_transform_job, TransformJobName=prefix)
    found = until(described, ("TransformJobStatus",), ENDS)
    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")
    for number in range(4):
        body = transforms.s3.get_object(Bucket=transforms.bucket, Key=f"out-{prefix}/{number}.csv.out")["Body"].read()
        assert body.decode().split() == [f"a{number}|7", f"b{number}|7"]


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has one user id for all")
def test_what_it_sees_is_roots(jobs: Jobs, own: Own) -> None:
    program = PROGRAM.replace(
        "os.chown(", "print((ml / 'model').stat().st_uid, os.stat('/opt/program').st_uid); os.chown("
    )
    name = fresh()
    jobs.run(name, {}, **by(own.program(program)))
    assert "0 0" in lines(jobs.platform, name)
