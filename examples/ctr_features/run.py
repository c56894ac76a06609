"""Click-through rate: click logs are split and hashed by processing jobs, three times in three ways, and a logistic
model is trained on the result. Code for Amazon SageMaker and its Python SDK, version 2.

eval "$(clary env)"
python examples/ctr_features/run.py
"""

import argparse
import tempfile
import time
from pathlib import Path

import boto3
import clicks
import image
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor, ScriptProcessor
from sagemaker.s3 import S3Downloader
from sagemaker.session import Session, get_execution_role
from sagemaker.sklearn import SKLearn
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.spark.processing import PySparkProcessor

HERE = Path(__file__).resolve().parent
REPOSITORY = "ctr-features"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=1 << 16)
    parser.add_argument("--image", help="your own image, already pushed; if not given, one is made and pushed")
    args = parser.parse_args()

    session, role = Session(), get_execution_role()
    prefix = f"ctr-{time.strftime('%Y%m%d-%H%M%S')}"

    # 1. The data
    with tempfile.TemporaryDirectory() as folder:
        clicks.write(f"{folder}/clicks.csv", args.rows)
        data = session.upload_data(f"{folder}/clicks.csv", key_prefix=f"{prefix}/clicks")
    print(f"Click logs:      {args.rows:,} rows, {data}")

    # 2. The features, by a script in the scikit-learn image
    run = {
        "inputs": [ProcessingInput(source=data, destination="/opt/ml/processing/input/clicks")],
        "outputs": [
            ProcessingOutput(source="/opt/ml/processing/output/train", output_name="train"),
            ProcessingOutput(source="/opt/ml/processing/output/test", output_name="test"),
        ],
        "arguments": ["--features", str(args.features), "--test-size", "0.25"],
    }
    machine = {"role": role, "instance_count": 1, "instance_type": "ml.m5.xlarge"}
    sklearn = SKLearnProcessor(framework_version="1.2-1", base_job_name="ctr-sklearn", **machine)
    sklearn.run(code=str(HERE / "preprocess.py"), **run)
    features = outputs(sklearn)
    print(f"SKLearn:         {features['train']}")

    # 3. The same features in an image of one's own, which has no scikit-learn
    uri = args.image or pushed()
    print(f"Image:           {uri}")
    script = ScriptProcessor(image_uri=uri, command=["python3"], base_job_name="ctr-script", **machine)
    script.run(code=str(HERE / "features.py"), **run)
    print(f"Script:          {same(features, outputs(script))}")

    program = Processor(image_uri=uri, base_job_name="ctr-program", **machine)  # the image's own entry point
    program.run(**run)
    print(f"Entry point:     {same(features, outputs(program))}")

    # 4. How often is clicked, category by category: a script of Spark's
    spark = PySparkProcessor(framework_version="3.3", base_job_name="ctr-spark", **machine)
    rates = f"s3://{session.default_bucket()}/{prefix}/rates"
    places = {"--clicks": data, "--rates": rates}
    words = [word for name, uri in places.items() for word in (name, uri.replace("s3://", "s3a://"))]
    spark.run(submit_app=str(HERE / "rates.py"), arguments=words)
    print(f"Spark:           {rates}")

    # 5. A logistic model on the features
    model = SKLearn(
        entry_point=str(HERE / "train.py"),
        framework_version="1.2-1",
        base_job_name="ctr-model",
        hyperparameters={"features": args.features},
        metric_definitions=[
            {"Name": "test:auc", "Regex": "test-auc=([0-9.]+);"},
            {"Name": "test:logloss", "Regex": "test-logloss=([0-9.]+);"},
        ],
        **machine,
    )
    model.fit({name: TrainingInput(uri) for name, uri in features.items()})
    print(f"Model:           {model.model_data}")
    for metric in model.latest_training_job.describe()["FinalMetricDataList"]:
        print(f"{metric['MetricName']:16} {metric['Value']:.4f}")


def pushed() -> str:
    """The URI of an image that `docker build` and `docker push` would leave there too."""
    ecr = boto3.client("ecr")
    try:
        repository = ecr.create_repository(repositoryName=REPOSITORY)["repository"]
    except ecr.exceptions.RepositoryAlreadyExistsException:
        repository = ecr.describe_repositories(repositoryNames=[REPOSITORY])["repositories"][0]
    uri = f"{repository['repositoryUri']}:latest"
    image.push(uri)
    return uri


def outputs(processor: Processor) -> dict[str, str]:
    """Where the last job left each of its outputs, as its description says."""
    described = processor.jobs[-1].describe()["ProcessingOutputConfig"]["Outputs"]
    return {output["OutputName"]: output["S3Output"]["S3Uri"] for output in described}


def same(features: dict[str, str], others: dict[str, str]) -> str:
    for name, uri in features.items():
        file = f"{name}.svm"
        if S3Downloader.read_bytes(f"{uri}/{file}") != S3Downloader.read_bytes(f"{others[name]}/{file}"):
            raise SystemExit(f"{others[name]}/{file} is not what scikit-learn made: {uri}/{file}")
    return "the same features, to the byte"


if __name__ == "__main__":
    main()
