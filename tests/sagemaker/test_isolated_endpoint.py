"""An endpoint whose model has EnableNetworkIsolation serves as others do."""

from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh, role
from training_jobs import IMAGE


def test_it_serves(platform: Platform) -> None:
    endpoints = Endpoints(platform)
    name = fresh("model")
    endpoints.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role(platform),
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": endpoints.data},
        EnableNetworkIsolation=True,
    )
    serving = endpoints.serving(endpoints.variant(name))
    runtime = platform.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=serving, ContentType="text/csv", Body="1,7")
    assert float(answer["Body"].read()) > 0.5
