"""The steps from raw data to predictions, each a call or two of AWS's API. `client` is boto3.client, or does the same.

Spark makes the features in a Glue job, XGBoost learns, and an endpoint of three containers takes a car as it is written
in the data: the features are made there by what the Glue job has fitted, and the answer is a label.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NAME = "car-evaluation"
SPARKML = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-sparkml-serving:2.2"
XGBOOST = "433757028032.dkr.ecr.us-west-2.amazonaws.com/xgboost:latest"
ATTRIBUTES = ("buying", "maint", "doors", "persons", "lug_boot", "safety")
FEATURES = {
    "input": [{"name": name, "type": "string"} for name in ATTRIBUTES],
    "output": {"name": "features", "type": "double", "struct": "vector"},
}
LABEL = {"input": [{"name": "prediction", "type": "double"}], "output": {"name": "label", "type": "string"}}
GLUE, LAST = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR"), ("Completed", "Failed", "Stopped")

Client = Callable[[str], Any]
Say = Callable[[str], None]  # told the status each time that it was looked at


def raw() -> list[list[str]]:
    """The cars: six attributes and what each is worth."""
    return [line.split(",") for line in (HERE / "car.data").read_text().split()]


def upload(client: Client, bucket: str, region: str, mleap: Path | None = None) -> None:
    """The data, the Glue script, and the cars without what they are worth. AWS's Glue has no MLeap: `mleap` is a folder
    with its python.zip and mleap_spark_assembly.jar.
    """
    s3 = client("s3")
    if bucket not in {known["Name"] for known in s3.list_buckets()["Buckets"]}:
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **where)
    s3.put_object(Bucket=bucket, Key="data/car.data", Body=(HERE / "car.data").read_bytes())
    s3.put_object(Bucket=bucket, Key="scripts/preprocessor.py", Body=(HERE / "preprocessor.py").read_bytes())
    lines = "".join(",".join(car[:-1]) + "\n" for car in raw())
    s3.put_object(Bucket=bucket, Key="batch/cars.csv", Body=lines.encode())
    for file in sorted(mleap.iterdir()) if mleap else []:
        s3.put_object(Bucket=bucket, Key=f"scripts/{file.name}", Body=file.read_bytes())


def preprocess(client: Client, bucket: str, role: str, say: Say, mleap: Path | None = None) -> dict[str, Any]:
    """Runs the Glue job; the run's description when it is over."""
    empty(client, bucket, "features/")  # Spark writes to no folder that is there
    glue, scripts = client("glue"), f"s3://{bucket}/scripts"
    brought = {"--extra-py-files": "python.zip", "--extra-jars": "mleap_spark_assembly.jar"} if mleap else {}
    definition = {
        "Role": role,
        "Command": {"Name": "glueetl", "ScriptLocation": f"{scripts}/preprocessor.py", "PythonVersion": "3"},
        "GlueVersion": "4.0",
        "DefaultArguments": {name: f"{scripts}/{file}" for name, file in brought.items()},
    }
    try:
        glue.create_job(Name=NAME, **definition)
    except (glue.exceptions.AlreadyExistsException, glue.exceptions.IdempotentParameterMismatchException):
        glue.update_job(JobName=NAME, JobUpdate=definition)
    where = {"INPUT": "data", "OUTPUT": "features", "MODEL": "model"}
    arguments = {f"--S3_{place}_KEY_PREFIX": key for place, key in where.items()}
    arguments |= {f"--S3_{place}_BUCKET": bucket for place in where}
    run = glue.start_job_run(JobName=NAME, Arguments=arguments)["JobRunId"]

    def look() -> dict[str, Any]:
        found: dict[str, Any] = glue.get_job_run(JobName=NAME, RunId=run)["JobRun"]
        return found

    return _over(look, "JobRunState", GLUE, say)


def train(client: Client, bucket: str, role: str, version: str, say: Say) -> dict[str, Any]:
    """The training job's description when it is over."""
    sagemaker = client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName=version,
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        RoleArn=role,
        HyperParameters={
            "early_stopping_rounds": "5",
            "num_round": "10",
            "objective": "multi:softmax",
            "num_class": "4",
            "eval_metric": "mlogloss",
        },
        InputDataConfig=[_channel(bucket, name) for name in ("train", "validation")],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/xgb"},
        ResourceConfig={"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    return _over(
        lambda: sagemaker.describe_training_job(TrainingJobName=version), "TrainingJobStatus", LAST, say,
        "SecondaryStatus",
    )  # fmt: skip


def _channel(bucket: str, name: str) -> dict[str, Any]:
    where = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/features/{name}"}
    return {
        "ChannelName": name,
        "DataSource": {"S3DataSource": {**where, "S3DataDistributionType": "FullyReplicated"}},
        "ContentType": "text/csv",
    }


def model(client: Client, bucket: str, role: str, version: str, trained: str) -> None:
    """Three containers in a row: car to features, features to class, class to label."""
    client("sagemaker").create_model(
        ModelName=version,
        ExecutionRoleArn=role,
        Containers=[
            _sparkml(f"s3://{bucket}/model/model.tar.gz", FEATURES),
            {"Image": XGBOOST, "ModelDataUrl": trained},
            _sparkml(f"s3://{bucket}/model/postprocess.tar.gz", LABEL),
        ],
    )


def _sparkml(data: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"Image": SPARKML, "ModelDataUrl": data, "Environment": {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(schema)}}


def deploy(client: Client, version: str, say: Say) -> dict[str, Any]:
    """The endpoint's description when it has come to rest. One that is there goes over to the new model."""
    sagemaker = client("sagemaker")
    variant = {"VariantName": "all", "ModelName": version, "InstanceType": "ml.m4.xlarge", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=version, ProductionVariants=[variant])
    act = sagemaker.update_endpoint if _there(client, NAME) else sagemaker.create_endpoint
    act(EndpointName=NAME, EndpointConfigName=version)
    rest = ("InService", "Failed", "OutOfService")
    return _over(lambda: sagemaker.describe_endpoint(EndpointName=NAME), "EndpointStatus", rest, say)


def _there(client: Client, name: str) -> bool:
    found = client("sagemaker").list_endpoints(NameContains=name)["Endpoints"]
    return any(endpoint["EndpointName"] == name for endpoint in found)


def ask(client: Client, car: list[str]) -> str:
    """The label that the endpoint gives a car."""
    answer = client("sagemaker-runtime").invoke_endpoint(EndpointName=NAME, ContentType="text/csv", Body=",".join(car))
    return str(answer["Body"].read().decode())


def transform(client: Client, bucket: str, version: str, say: Say) -> list[str]:
    """The labels of all cars, by a batch transform job of the same model. Raises RuntimeError."""
    sagemaker = client("sagemaker")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/batch/cars.csv"}
    sagemaker.create_transform_job(
        TransformJobName=version,
        ModelName=version,
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/labels", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m4.xlarge", "InstanceCount": 1},
        BatchStrategy="SingleRecord",
    )
    ended = _over(lambda: sagemaker.describe_transform_job(TransformJobName=version), "TransformJobStatus", LAST, say)
    if ended["TransformJobStatus"] != "Completed":
        raise RuntimeError(ended.get("FailureReason"))
    found = client("s3").get_object(Bucket=bucket, Key="labels/cars.csv.out")["Body"].read()
    return list(found.decode().split())


def clean(client: Client, bucket: str, name: str = NAME) -> Iterator[str]:
    """Takes away all that was made by that name, and says each. Jobs and their logs stay, as on AWS."""
    sagemaker = client("sagemaker")
    if _there(client, name):
        sagemaker.delete_endpoint(EndpointName=name)
        yield f"endpoint {name}"
    for page in sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=f"{name}-"):
        for config in page["EndpointConfigs"]:
            sagemaker.delete_endpoint_config(EndpointConfigName=config["EndpointConfigName"])
            yield f"configuration {config['EndpointConfigName']}"
    for page in sagemaker.get_paginator("list_models").paginate(NameContains=f"{name}-"):
        for made in page["Models"]:
            sagemaker.delete_model(ModelName=made["ModelName"])
            yield f"model {made['ModelName']}"
    if name in client("glue").list_jobs()["JobNames"]:
        client("glue").delete_job(JobName=name)
        yield f"Glue job {name}"
    if bucket in {known["Name"] for known in client("s3").list_buckets()["Buckets"]}:
        empty(client, bucket, "")
        client("s3").delete_bucket(Bucket=bucket)
        yield f"bucket {bucket}"


def empty(client: Client, bucket: str, prefix: str) -> None:
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for listed in page.get("Contents", []):
            client("s3").delete_object(Bucket=bucket, Key=listed["Key"])


def _over(
    look: Callable[[], dict[str, Any]], member: str, last: tuple[str, ...], say: Say, shown: str = ""
) -> dict[str, Any]:
    """Looks until the status is one of the last. On AWS these take minutes: look less often there."""
    while True:
        found = look()
        say(found.get(shown or member) or found[member])
        if found[member] in last:
            return found
        time.sleep(0.1)
