"""Serving by SageMaker Python SDK 2, unchanged: every kind of endpoint, and models with scripts."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Platform
from endpoints import Endpoints

START = """
import sagemaker, sys
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer
session, role = sagemaker.Session(), sagemaker.get_execution_role()
image = sagemaker.image_uris.retrieve("xgboost", "us-west-2", "1.7-1")
data = sys.argv[1]
told = {}

def model():
    return Model(image, data, role, Predictor, sagemaker_session=session)

def ready(predictor):  # wait=True sleeps for 30 seconds before it looks for the first time, here as on AWS
    session.wait_for_endpoint(predictor.endpoint_name, poll=0.1)
    return predictor
"""
TELL = """
import json
print("\\nTOLD " + json.dumps(told))
"""

PREDICTOR = """
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import LibSVMSerializer
estimator = Estimator(image, role, 1, "ml.m5.large", sagemaker_session=session)
estimator.set_hyperparameters(num_round=3, objective="binary:logistic")
estimator.fit({"train": TrainingInput(session.upload_data("data", key_prefix="serve"), content_type="text/csv")})
predictor = ready(estimator.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=CSVDeserializer(),
                                   wait=False))
told["csv"] = predictor.predict([[1, 1], [2, 0]])
predictor.deserializer = JSONDeserializer()
told["json"] = predictor.predict("1,1\\n2,0")
predictor.serializer = LibSVMSerializer()
told["libsvm"] = predictor.predict("0 0:1 1:1\\n0 0:2 1:0")
try:
    predictor.predict("what is this?")
except Exception as error:
    told["bad"] = str(error)
told["endpoint"] = predictor.endpoint_name

before = session.sagemaker_client.describe_endpoint(EndpointName=predictor.endpoint_name)["EndpointConfigName"]
predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.large", wait=False)
ready(predictor)
after = session.sagemaker_client.describe_endpoint(EndpointName=predictor.endpoint_name)
told["updated"] = [after["EndpointStatus"], before != after["EndpointConfigName"],
                   after["ProductionVariants"][0]["CurrentInstanceCount"]]
predictor.delete_model()
predictor.delete_endpoint()
told["then"] = [found["EndpointStatus"] for found in session.sagemaker_client.list_endpoints()["Endpoints"]
                if found["EndpointName"] == predictor.endpoint_name]
"""

VARIANTS = """
from sagemaker.session import production_variant
names = []
for made in (model(), model()):
    made.create("ml.m5.large")
    names.append(made.name)
variants = [production_variant(name, "ml.m5.large", 1, variant, weight)
            for name, variant, weight in zip(names, ("A", "B"), (1, 0))]
endpoint = session.endpoint_from_production_variants(sagemaker.utils.unique_name_from_base("ab"), variants, wait=False)
predictor = ready(Predictor(endpoint, session, CSVSerializer()))
invoke = lambda **more: session.sagemaker_runtime_client.invoke_endpoint(
    EndpointName=endpoint, ContentType="text/csv", Body="1,7", **more)["InvokedProductionVariant"]
told["before"] = sorted({invoke() for _ in range(10)})
told["target"] = invoke(TargetVariant="B")
predictor.predict([[1, 7]], target_variant="B")
session.sagemaker_client.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=[
    {"VariantName": "A", "DesiredWeight": 0}, {"VariantName": "B", "DesiredWeight": 1}])
ready(predictor)
told["after"] = sorted({invoke() for _ in range(10)})
predictor.delete_endpoint()
"""

SEVERAL = """
from sagemaker.multidatamodel import MultiDataModel
several = MultiDataModel(sagemaker.utils.unique_name_from_base("mme"), f"s3://{session.default_bucket()}/several/",
                         image_uri=image, role=role, predictor_cls=Predictor, sagemaker_session=session)
predictor = ready(several.deploy(1, "ml.m5.large", serializer=CSVSerializer(), wait=False))
for path in ("first.tar.gz", "below/second.tar.gz"):
    several.add_model(data, path)
told["models"] = sorted(several.list_models())
told["answers"] = [predictor.predict([[1, 7]], target_model=path).decode() for path in told["models"]]
try:
    predictor.predict([[1, 7]], target_model="none.tar.gz")
except Exception as error:
    told["none"] = str(error)
predictor.delete_endpoint()
"""

PIPELINE = """
from sagemaker.pipeline import PipelineModel
from sagemaker.sklearn import SKLearnModel
from sagemaker.xgboost import XGBoostModel
import tarfile
tarfile.open("empty.tar.gz", "w:gz").close()
empty = session.upload_data("empty.tar.gz", key_prefix="empty")
swap = SKLearnModel(empty, role, entry_point="swap.py", framework_version="1.2-1", sagemaker_session=session)
judge = XGBoostModel(data, role, entry_point="judge.py", framework_version="1.7-1", sagemaker_session=session,
                     enable_network_isolation=True)  # so it is repacked, the script in code/
name = sagemaker.utils.unique_name_from_base("steps")
steps = PipelineModel([swap, judge], role, Predictor, name=name, sagemaker_session=session)
predictor = ready(steps.deploy(1, "ml.m5.large", serializer=CSVSerializer(), wait=False))
told["steps"] = predictor.predict([[7, 1], [0, 1]]).decode()
told["containers"] = [container["ModelDataUrl"] in (empty, data) for container in
                      session.sagemaker_client.describe_model(ModelName=name)["Containers"]]
predictor.delete_endpoint()
alone = ready(judge.deploy(1, "ml.m5.large", serializer=CSVSerializer(), wait=False))
(told["alone"],) = alone.predict([[1, 7], [1, 0]])
alone.delete_endpoint()
"""
# Without a model_fn there is nothing to load it with.
SWAP = """
def model_fn(folder):
    return None

def input_fn(body, content_type):
    assert content_type == "text/csv", content_type
    return [line.split(",") for line in body.split()]

def predict_fn(rows, model):
    return [row[::-1] for row in rows]

def output_fn(rows, accept):
    return "\\n".join(",".join(row) for row in rows), "text/csv"
"""
JUDGE = """
import os
import xgboost

def model_fn(folder):
    booster = xgboost.Booster()
    booster.load_model(os.path.join(folder, "xgboost-model"))
    return booster

def output_fn(scores, accept):
    return " ".join("yes" if score > 0.5 else "no" for score in scores)
"""

SERVERLESS = """
from sagemaker.serverless import ServerlessInferenceConfig
predictor = ready(model().deploy(serverless_inference_config=ServerlessInferenceConfig(2048, 2),
                                   serializer=CSVSerializer(), wait=False))
told["answer"] = predictor.predict([[1, 7], [1, 0]]).decode()
predictor.delete_endpoint()
"""

ASYNC = """
from sagemaker.async_inference import AsyncInferenceConfig
from sagemaker.async_inference.waiter_config import WaiterConfig
config = AsyncInferenceConfig(output_path=f"s3://{session.default_bucket()}/answers")
predictor = model().deploy(1, "ml.m5.large", serializer=CSVSerializer(), async_inference_config=config, wait=False)
ready(predictor)
often = WaiterConfig(max_attempts=100, delay=0.1)
told["waited"] = predictor.predict([[1, 7], [1, 0]], waiter_config=often).decode()
answer = predictor.predict_async([[1, 7], [1, 0]])
told["asked"] = answer.get_result(often).decode()
told["below"] = answer.output_path.partition("/answers/")[1]
predictor.delete_endpoint()
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text("".join(f"{n % 2},{n},{n % 2}\n" for n in range(100)))
    return tmp_path


@pytest.fixture(scope="session")
def trained(platform: Platform) -> str:
    """Where the model of a job is."""
    return Endpoints(platform).data


@pytest.fixture
def told(outside: Any, trained: str) -> Any:
    def run(program: str) -> Any:
        done = outside("env", "sagemaker2", "python", "-W", "ignore", "-c", f"{START}{program}{TELL}", trained)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return json.loads(done.stdout.rpartition("\nTOLD ")[2])

    return run


def good(answers: list[float]) -> bool:
    """Whether the first is taken for a 1 and the second for a 0."""
    first, second = answers
    return 0 < second < 0.5 < first < 1


@pytest.mark.usefixtures("here")
def test_predictors(told: Any, platform: Platform) -> None:
    found = told(PREDICTOR)
    assert good([float(value) for row in found["csv"] for value in row])
    scores = [answer["score"] for answer in found["json"]["predictions"]]
    assert good(scores)
    assert scores == [answer["score"] for answer in found["libsvm"]["predictions"]]
    assert "ModelError" in found["bad"]
    assert f"/aws/sagemaker/Endpoints/{found['endpoint']}" in found["bad"]
    assert found["updated"] == ["InService", True, 2]
    assert found["then"] in ([], ["Deleting"])
    logs = platform.client("logs")
    assert logs.describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{found['endpoint']}")["logStreams"]


@pytest.mark.usefixtures("here")
def test_variants_and_their_weights(told: Any) -> None:
    assert told(VARIANTS) == {"before": ["A"], "target": "B", "after": ["B"]}


@pytest.mark.usefixtures("here")
def test_many_models_behind_one_endpoint(told: Any) -> None:
    found = told(SEVERAL)
    assert found["models"] == ["below/second.tar.gz", "first.tar.gz"]
    (first,), (second,) = map(json.loads, found["answers"])
    assert 0.5 < first == second < 1
    assert "none.tar.gz" in found["none"]


def test_scripts_and_pipelines(told: Any, here: Path) -> None:
    (here / "swap.py").write_text(SWAP)
    (here / "judge.py").write_text(JUDGE)
    found = told(PIPELINE)
    assert found["containers"] == [True, False]
    assert found["steps"] == "yes no"
    assert found["alone"] == ["yes no"]


@pytest.mark.usefixtures("here")
def test_serverless(told: Any) -> None:
    assert good([float(value) for value in told(SERVERLESS)["answer"].split()])


@pytest.mark.usefixtures("here")
def test_answers_that_come_later(told: Any) -> None:
    found = told(ASYNC)
    assert found["waited"] == found["asked"]
    assert good([float(value) for value in found["asked"].split()])
    assert found["below"]
