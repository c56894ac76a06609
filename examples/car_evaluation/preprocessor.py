"""The features of cars, made by Spark as a Glue job: categories become one-hot vectors. What was fitted is kept by
MLeap, so that the endpoint makes the same features of a car, and the label of a class.

S3_INPUT_BUCKET, S3_INPUT_KEY_PREFIX     the cars: CSV without a header, six attributes and what the car is worth
S3_OUTPUT_BUCKET, S3_OUTPUT_KEY_PREFIX   train/ and validation/ go there: CSV, the class first, as XGBoost wants it
S3_MODEL_BUCKET, S3_MODEL_KEY_PREFIX     model.tar.gz (car to features) and postprocess.tar.gz (class to label)
"""

import os
import shutil
import sys
import tarfile
import tempfile
import zipfile

import boto3
from awsglue.utils import getResolvedOptions
from mleap.pyspark.spark_support import SimpleSparkSerializer
from pyspark.ml import Pipeline, Transformer
from pyspark.ml.feature import IndexToString, OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.sql import DataFrame, Row, SparkSession

PLACES = ["S3_INPUT", "S3_OUTPUT", "S3_MODEL"]
OPTIONS = [place + part for place in PLACES for part in ("_BUCKET", "_KEY_PREFIX")]
ATTRIBUTES = ["buying", "maint", "doors", "persons", "lug_boot", "safety"]
SHARES = {"train": 0.8, "validation": 0.2}


def main() -> None:
    args = getResolvedOptions(sys.argv, OPTIONS)
    spark = SparkSession.builder.appName("car-evaluation").getOrCreate()
    cars = spark.read.csv(place(args, "S3_INPUT"), header=False).toDF(*ATTRIBUTES, "cat").dropna()

    # The class of each car, and the way back from a prediction to its label
    classes = StringIndexer(inputCol="cat", outputCol="label").fit(cars)
    cars = classes.transform(cars)
    labels = IndexToString(inputCol="prediction", outputCol="label", labels=classes.labels)

    # The features. What is fitted is fitted to all cars, so that every category is known.
    stages = [StringIndexer(inputCol=name, outputCol=name + "Index") for name in ATTRIBUTES]
    stages += [OneHotEncoder(inputCol=name + "Index", outputCol=name + "Vec") for name in ATTRIBUTES]
    stages += [VectorAssembler(inputCols=[name + "Vec" for name in ATTRIBUTES], outputCol="features")]
    features = Pipeline(stages=stages).fit(cars)

    parts = cars.randomSplit(list(SHARES.values()), seed=1)
    for name, part in zip(SHARES, parts):
        made = features.transform(part)
        made.rdd.map(csv_line).saveAsTextFile(place(args, "S3_OUTPUT") + "/" + name)
        print(f"{name}: {made.count()} cars, {len(made.first().features)} features")

    predicted = features.transform(cars).withColumnRenamed("label", "prediction")
    upload(features, predicted, args, "model")
    upload(labels, labels.transform(predicted), args, "postprocess")


def place(args: dict[str, str], name: str) -> str:
    return "s3a://" + args[name + "_BUCKET"] + "/" + args[name + "_KEY_PREFIX"]


def csv_line(row: Row) -> str:
    return ",".join(str(float(number)) for number in [row.label, *row.features])


def upload(transformer: Transformer, dataset: DataFrame, args: dict[str, str], name: str) -> None:
    """As NAME.tar.gz, which SageMaker takes: MLeap makes a zip."""
    folder = tempfile.mkdtemp()
    bundle = os.path.join(folder, name)
    SimpleSparkSerializer().serializeToBundle(transformer, "jar:file:" + bundle + ".zip", dataset)
    with zipfile.ZipFile(bundle + ".zip") as archive:
        archive.extractall(bundle)  # noqa: S202 - it was written above
    with tarfile.open(bundle + ".tar.gz", "w:gz") as archive:
        for part in ("bundle.json", "root"):
            archive.add(os.path.join(bundle, part), arcname=part)
    key = args["S3_MODEL_KEY_PREFIX"] + "/" + name + ".tar.gz"
    boto3.client("s3").upload_file(bundle + ".tar.gz", args["S3_MODEL_BUCKET"], key)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
