"""TensorFlow's image has no model server, which is said before anything is pulled."""

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import fresh, role
from transforms import Transforms
from waiting import until

URI = "763104351884.dkr.ecr.us-west-2.amazonaws.com/tensorflow-training:2.19-cpu-py312"
SAID = "tensorflow-training:2.19.0 trains and processes; it has no model server"


def test_neither_transform_job_nor_endpoint_begins(platform: Platform) -> None:
    sagemaker, name = platform.client("sagemaker"), fresh("tensorflow")
    sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": URI}, ExecutionRoleArn=role(platform))
    with pytest.raises(ClientError, match=SAID):
        Transforms(platform).start({"a.csv": b"1,2\n"}, ModelName=name)
    variant = {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.t2.medium"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    ended = until(
        lambda: (told := sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Failed" and told
    )
    assert SAID in ended["FailureReason"]
