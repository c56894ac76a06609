"""Images of users by the SageMaker Python SDKs, unchanged: Estimator(image_uri=…), Model(image_uri=…), Processor, and
SDK 3's ModelTrainer.
"""

import json
from typing import Any

import pytest

from conftest import Platform
from own_images import Own

TELL = """
print("\\nTOLD " + json.dumps(told))
"""
SDK2 = """
import json, pathlib, sagemaker, sys, uuid
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.serializers import CSVSerializer
session, role, image, told = sagemaker.Session(), sagemaker.get_execution_role(), sys.argv[1], {}
pathlib.Path("data").mkdir()
pathlib.Path("data/rows.csv").write_text("1\\n2\\n3\\n")
source = session.upload_data("data", key_prefix="own-" + uuid.uuid4().hex)

def ready(predictor):
    session.wait_for_endpoint(predictor.endpoint_name, poll=0.1)
    answer = predictor.predict([["x"]])
    predictor.delete_endpoint()
    return answer

estimator = Estimator(image_uri=image, role=role, instance_count=1, instance_type="ml.m5.large",
                      sagemaker_session=session, hyperparameters={"depth": 2})
estimator.fit({"train": source})
given = dict(serializer=CSVSerializer(), deserializer=CSVDeserializer(), wait=False)
told["estimator"] = ready(estimator.deploy(1, "ml.m5.large", **given))
transformer = estimator.transformer(1, "ml.m5.large", assemble_with="Line", accept="text/csv")
transformer.transform(source, content_type="text/csv", split_type="Line")
told["transform"] = sagemaker.s3.S3Downloader.read_file(transformer.output_path + "/rows.csv.out", session)
made = Model(image_uri=image, model_data=estimator.model_data, role=role, predictor_cls=Predictor,
             sagemaker_session=session)
told["model"] = ready(made.deploy(1, "ml.m5.large", **given))
processor = Processor(image_uri=image, role=role, instance_count=1, instance_type="ml.m5.large",
                      sagemaker_session=session)
processor.run(inputs=[ProcessingInput(source=source, destination="/opt/ml/processing/input")],
              outputs=[ProcessingOutput(output_name="out", source="/opt/ml/processing/output")], arguments=["told"])
uri = processor.latest_job.outputs[0].destination
told["processed"] = sagemaker.s3.S3Downloader.read_file(uri + "/out.txt", session)
"""
SDK3 = """
import json, pathlib, sys, uuid
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData
session, image, told = Session(), sys.argv[1], {}
pathlib.Path("data").mkdir()
pathlib.Path("data/rows.csv").write_text("1\\n2\\n3\\n")
source = session.upload_data("data", key_prefix="own-" + uuid.uuid4().hex)
trainer = ModelTrainer(training_image=image, role=get_execution_role(session), sagemaker_session=session,
                       compute=Compute(instance_type="ml.m5.large", instance_count=1), hyperparameters={"depth": 2})
trainer.train(input_data_config=[InputData(channel_name="train", data_source=source)])
job = session.sagemaker_client.describe_training_job(
    TrainingJobName=trainer._latest_training_job.training_job_name)
told["status"] = job["TrainingJobStatus"]
"""


@pytest.fixture
def image(platform: Platform) -> str:
    return Own(platform).program()


def told(outside: Any, environment: str, program: str, image: str) -> Any:
    done = outside("run", environment, "python", "-c", program + TELL, image)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("\nTOLD ")[2])


def test_by_sdk_2(outside: Any, image: str) -> None:
    assert told(outside, "sagemaker2", SDK2, image) == {
        "estimator": [["x|3"]],
        "transform": "1|3\n2|3\n3|3\n",
        "model": [["x|3"]],
        "processed": "1\n2\n3\ntold",
    }


def test_by_sdk_3(outside: Any, image: str) -> None:
    assert told(outside, "sagemaker3", SDK3, image) == {"status": "Completed"}
