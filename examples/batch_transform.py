"""Batch transform, as code for AWS: a model is trained, and answers for a file of rows that have names.

eval "$(clary env)"
python examples/batch_transform.py
"""

import os
import random

import boto3

REGION = boto3.session.Session().region_name or "us-west-2"
IMAGE = f"246618743249.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:1.7-1"
NAME = f"batch-{os.getpid()}"
ROWS = 1000


def main() -> None:
    s3, sagemaker, iam = boto3.client("s3"), boto3.client("sagemaker"), boto3.client("iam")
    account = boto3.client("sts").get_caller_identity()["Account"]
    role = next(
        role["Arn"] for role in iam.list_roles()["Roles"] if "AmazonSageMaker-ExecutionRole" in role["RoleName"]
    )
    bucket = f"{NAME}-{account}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    numbers = random.Random(0)  # noqa: S311 - data, not a secret
    points = [(numbers.random(), numbers.random()) for _ in range(ROWS)]
    labelled = "".join(f"{int(x > y)},{x:.4f},{y:.4f}\n" for x, y in points)
    named = "".join(f"point-{n},{x:.4f},{y:.4f}\n" for n, (x, y) in enumerate(points))
    s3.put_object(Bucket=bucket, Key="train/points.csv", Body=labelled)
    s3.put_object(Bucket=bucket, Key="batch/points.csv", Body=named)

    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/"}
    sagemaker.create_training_job(
        TrainingJobName=NAME,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={"objective": "binary:logistic", "num_round": "20"},
        RoleArn=role,
        InputDataConfig=[
            {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": source}},
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=NAME, WaiterConfig={"Delay": 1})
    model = sagemaker.describe_training_job(TrainingJobName=NAME)["ModelArtifacts"]["S3ModelArtifacts"]
    container = {"Image": IMAGE, "ModelDataUrl": model}
    sagemaker.create_model(ModelName=NAME, ExecutionRoleArn=role, PrimaryContainer=container)
    print(f"The model:       {model}")

    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/batch/"}
    sagemaker.create_transform_job(
        TransformJobName=NAME,
        ModelName=NAME,
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/out", "Accept": "text/csv", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        # The model gets the numbers alone; the output has each row's name and the prediction.
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=NAME, WaiterConfig={"Delay": 1})
    print(f"The predictions: s3://{bucket}/out/points.csv.out")
    rows = s3.get_object(Bucket=bucket, Key="out/points.csv.out")["Body"].read().decode().splitlines()
    print("\n".join(f"                 {row}" for row in rows[:3]))
    scores = [float(row.partition(",")[2]) for row in rows]
    right = sum((score > 0.5) == (x > y) for score, (x, y) in zip(scores, points, strict=True))
    print(f"Right:           {right} of {len(rows)}")


if __name__ == "__main__":
    main()
