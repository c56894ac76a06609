"""What the tests of endpoints share: a model that was trained, and endpoints until they are as they should be."""

from typing import Any, ClassVar

import waiting
from conftest import Platform
from sagemaker_inputs import fresh, role
from training_jobs import IMAGE, Jobs

TRAINED = {"num_round": "5", "objective": "binary:logistic", "max_depth": "3"}
MOVING = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")


class Endpoints:
    trained: ClassVar[bytes] = b""  # model.tar.gz, made by the first of a worker's tests for all of them

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.jobs = Jobs(platform, fresh("serve"))
        self.sagemaker, self.bucket = self.jobs.sagemaker, self.jobs.bucket
        Endpoints.trained = Endpoints.trained or self._train()
        self.jobs.s3.put_object(Bucket=self.bucket, Key="out/model.tar.gz", Body=Endpoints.trained)
        self.data = f"s3://{self.bucket}/out/model.tar.gz"

    def _train(self) -> bytes:
        job = fresh("model")
        self.jobs.create(job, TRAINED)
        self.jobs.until(job, "Completed")
        made = self.jobs.s3.get_object(Bucket=self.bucket, Key=f"out/{job}/output/model.tar.gz")["Body"].read()
        return bytes(made)

    def model(self, **container: Any) -> str:
        name = fresh("model")
        primary = {"Image": IMAGE, "ModelDataUrl": self.data, **container}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role(self.platform), PrimaryContainer=primary)
        return name

    def variant(self, model: str = "", **changed: Any) -> dict[str, Any]:
        usual = {"VariantName": "all", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        return {**usual, "ModelName": model or self.model(), **changed}

    def config(self, *variants: dict[str, Any], **changed: Any) -> str:
        name = fresh("config")
        given = list(variants) or [self.variant()]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=given, **changed)
        return name

    def create(self, config: str = "", **changed: Any) -> str:
        name = fresh("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config or self.config(), **changed)
        return name

    def describe(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
        return found

    def until(self, name: str, status: str = "InService") -> dict[str, Any]:
        def look() -> dict[str, Any]:
            found = self.describe(name)
            assert found["EndpointStatus"] in {status, *MOVING}, found
            return found if found["EndpointStatus"] == status else {}

        return waiting.until(look, lambda: self.describe(name))

    def alarm(self, *actions: str, **changed: Any) -> str:
        """The name of one whose metric nobody measures: its state stays as a test sets it."""
        name = fresh("alarm")
        metric = {"Namespace": "Mine", "MetricName": name, "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
        judged = {"Threshold": 5, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "ignore"}
        given = {**metric, **judged, "AlarmActions": list(actions), **changed}
        self.platform.client("cloudwatch").put_metric_alarm(AlarmName=name, **given)
        return name

    def serving(self, *variants: dict[str, Any], **changed: Any) -> str:
        """The name of one that is in service."""
        name = self.create(self.config(*variants, **changed))
        self.until(name)
        return name
