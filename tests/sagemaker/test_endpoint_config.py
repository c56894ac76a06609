"""Endpoint configurations: what is refused, and in which words."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import account, client, refused

IMAGE = {"Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"}
ONE = {"VariantName": "a", "ModelName": "there", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
SIZE = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
SERVERLESS = {"VariantName": "s", "ModelName": "there", "ServerlessConfig": SIZE}
CAPTURE = {
    "InitialSamplingPercentage": 50,
    "DestinationS3Uri": "s3://bucket/captured",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}
QUEUED = {"OutputConfig": {"S3OutputPath": "s3://bucket/out"}}


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    """With models that are there."""
    found = client(platform)
    found.create_model(ModelName="there", PrimaryContainer=IMAGE)
    found.create_model(ModelName="two", Containers=[IMAGE, IMAGE])
    found.create_model(
        ModelName="many", PrimaryContainer={**IMAGE, "Mode": "MultiModel", "ModelDataUrl": "s3://models/"}
    )
    return found


def test_it_names_models_that_are_there(platform: Platform, sagemaker: Any) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[{**ONE, "ModelName": "none"}])
    arn = f"arn:aws:sagemaker:{sagemaker.meta.region_name}:{account(platform)}:model/none"
    assert refused(error.value) == ("ValidationException", f'Could not find model "{arn}".')
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[ONE])
    (shown,) = sagemaker.describe_endpoint_config(EndpointConfigName="c")["ProductionVariants"]
    assert shown == {**ONE, "InitialVariantWeight": 1.0}
    with pytest.raises(ClientError, match="Cannot create already existing endpoint configuration"):
        sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[ONE])
    sagemaker.delete_model(ModelName="there")  # which takes no configuration along
    sagemaker.delete_endpoint_config(EndpointConfigName="c")
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        sagemaker.delete_endpoint_config(EndpointConfigName="c")


@pytest.mark.parametrize(
    ("variants", "members", "said"),
    [
        ([ONE, ONE], {}, "must be unique"),
        ([{k: v for k, v in ONE.items() if k != "InstanceType"}], {}, "an InstanceType or a ServerlessConfig"),
        ([{k: v for k, v in ONE.items() if k != "InitialInstanceCount"}], {}, "InitialInstanceCount is required"),
        ([{k: v for k, v in ONE.items() if k != "ModelName"}], {}, "must have an ExecutionRoleArn"),
        ([{**ONE, "InitialInstanceCount": 0}], {}, "greater than or equal to 1"),
        ([{**ONE, "InstanceType": "ml.none"}], {}, "enum value set"),
        ([{**ONE, "VariantName": "-"}], {}, "regular expression pattern"),
        ([{**ONE, "ManagedInstanceScaling": {"Status": "ENABLED"}}], {}, "only supported for inference component"),
        ([{**ONE, "ServerlessConfig": SIZE}], {}, "excludes InstanceType"),
        ([{**SERVERLESS, "ServerlessConfig": {**SIZE, "MemorySizeInMB": 1500}}], {}, "is none of 1024"),
        ([{**SERVERLESS, "ServerlessConfig": {**SIZE, "MemorySizeInMB": 512}}], {}, "greater than or equal to 1024"),
        ([{**SERVERLESS, "ServerlessConfig": {**SIZE, "MaxConcurrency": 201}}], {}, "less than or equal to 200"),
        ([{**SERVERLESS, "ServerlessConfig": {**SIZE, "ProvisionedConcurrency": 6}}], {}, "must not be greater than"),
        ([SERVERLESS, ONE], {}, "can have no other variant"),
        ([SERVERLESS], {"DataCaptureConfig": CAPTURE}, "DataCaptureConfig is not supported"),
        ([SERVERLESS], {"AsyncInferenceConfig": QUEUED}, "AsyncInferenceConfig is not supported"),
        ([{**SERVERLESS, "ModelName": "two"}], {}, "Inference pipelines are not supported"),
        ([{**SERVERLESS, "ModelName": "many"}], {}, "Multi-model endpoints are not supported"),
        (
            [ONE, {**ONE, "VariantName": "b"}],
            {"ShadowProductionVariants": [{**ONE, "VariantName": "c"}]},
            "one production variant and one shadow",
        ),
        ([ONE], {"ShadowProductionVariants": [ONE]}, "must be unique"),
        ([ONE], {"DataCaptureConfig": {**CAPTURE, "InitialSamplingPercentage": 101}}, "less than or equal to 100"),
        ([ONE], {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "out"}}}, "regular expression pattern"),
    ],
)
def test_what_makes_none(sagemaker: Any, variants: list[Any], members: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=variants, **members)
    code, message = refused(error.value)
    assert (code, said in message) == ("ValidationException", True), message
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []


def test_what_is_asked_is_shown(sagemaker: Any) -> None:
    shap = {"ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": "1,2"}}}
    asked = {
        "ProductionVariants": [{**ONE, "InitialVariantWeight": 0.5, "ContainerStartupHealthCheckTimeoutInSeconds": 60}],
        "ShadowProductionVariants": [{**ONE, "VariantName": "b", "InitialVariantWeight": 1.0}],
        "DataCaptureConfig": CAPTURE,
        "ExplainerConfig": {"ClarifyExplainerConfig": shap},
    }
    sagemaker.create_endpoint_config(EndpointConfigName="c", **asked, Tags=[{"Key": "team", "Value": "red"}])
    shown = sagemaker.describe_endpoint_config(EndpointConfigName="c")
    assert {name: shown[name] for name in asked} == asked
    assert sagemaker.list_tags(ResourceArn=shown["EndpointConfigArn"])["Tags"] == [{"Key": "team", "Value": "red"}]
