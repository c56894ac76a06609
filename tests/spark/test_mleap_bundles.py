"""MLeap's bundles, as scripts write and read them; what cannot be one, and those of older MLeaps."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from clary.images.runtime.bundle import Bundle, Long, Node, read, write
from spark.oracle import Asked, Oracle


def test_the_published_script(oracle: Oracle, tmp_path: Path) -> None:
    """As in AWS's article on inference pipelines: the sample is what the pipeline made of a part of the rows, the way
    back is a transformer without a pipeline, its labels those of the sample's column, and the zip goes into a tar.
    https://aws.amazon.com/blogs/machine-learning/ (Ensure consistency in data processing code between training and
    inference in Amazon SageMaker)
    """
    script = """
        import tarfile, zipfile
        from mleap.pyspark.spark_support import SimpleSparkSerializer
        from pyspark.ml import Pipeline
        from pyspark.ml.feature import IndexToString, OneHotEncoder, StringIndexer, VectorAssembler

        cars = spark.createDataFrame([("low", "2", "unacc"), ("high", "4", "good"), ("low", "4", "unacc")] * 3,
                                     ["buying", "doors", "cat"]).dropna()
        cars = StringIndexer(inputCol="cat", outputCol="label").fit(cars).transform(cars)
        converter = IndexToString(inputCol="label", outputCol="cat")
        train, validation = cars.randomSplit([0.8, 0.2], seed=1)
        names = ["buying", "doors"]
        stages = [StringIndexer(inputCol=one, outputCol=one + "_i") for one in names]
        stages += [OneHotEncoder(inputCol=one + "_i", outputCol=one + "_v") for one in names]
        stages += [VectorAssembler(inputCols=[one + "_v" for one in names], outputCol="features")]
        model = Pipeline(stages=stages).fit(train)
        predictions = model.transform(validation)
        for stage, name in ((model, "model"), (converter, "postprocess")):
            SimpleSparkSerializer().serializeToBundle(stage, f"jar:file:{folder}/{name}.zip", predictions)
            with zipfile.ZipFile(f"{folder}/{name}.zip") as archive:
                archive.extractall(f"{folder}/{name}")
            with tarfile.open(f"{folder}/{name}.tar.gz", "w:gz") as tar:
                tar.add(f"{folder}/{name}/bundle.json", arcname="bundle.json")
                tar.add(f"{folder}/{name}/root", arcname="root")
        numbers = spark.createDataFrame([(0.0,), (1.0,)], ["label"])
        again = model.deserializeFromBundle(f"jar:file:{folder}/postprocess.zip")
        answers = [row.cat for row in again.transform(numbers).collect()]
    """
    found = oracle.run(script, folder=str(tmp_path))
    assert found["answers"] == ["unacc", "good"]
    root = read(f"{tmp_path}/model.tar.gz").root
    ops = ["string_indexer"] * 2 + ["one_hot_encoder"] * 2 + ["vector_assembler"]
    assert [node.op for node in root.children] == ops
    back = read(f"{tmp_path}/postprocess.tar.gz").root
    assert (back.op, back.attributes["labels"]) == ("reverse_string_indexer", ["unacc", "good"])
    assert (back.inputs, back.outputs) == ({"input": "label"}, {"output": "cat"})
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        assert json.loads(archive.read("bundle.json"))["format"] == "json"


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=some.lists(some.text(some.characters(exclude_categories=["Cs"])), min_size=40, unique=True))
def test_labels_and_words_of_any_text(oracle: Oracle, tmp_path: Path, words: list[str]) -> None:
    def asked(spark: Any, folder: str, words: list[str]) -> list[list[str]]:
        from mleap.pyspark.spark_support import SimpleSparkSerializer
        from pyspark.ml.feature import CountVectorizerModel, IndexToString, StringIndexerModel

        sample = spark.createDataFrame([("a", ["a"], 0.0)], "s string, w array<string>, n double")
        stages = [
            IndexToString(inputCol="n", outputCol="o", labels=words),
            StringIndexerModel.from_labels(words, inputCol="s", outputCol="o", handleInvalid="keep"),
            CountVectorizerModel.from_vocabulary(words, inputCol="w", outputCol="o"),
        ]
        found = []
        for number, stage in enumerate(stages * 2):
            path = f"jar:file:{folder}/words.zip"
            SimpleSparkSerializer().serializeToBundle(stage, path, sample, ["json", "protobuf"][number % 2])
            again = SimpleSparkSerializer().deserializeFromBundle(path)
            kept = again.getLabels() if number % 3 == 0 else getattr(again, ["labels", "vocabulary"][number % 3 - 1])
            found.append(list(kept))
        return found

    assert oracle(asked, str(tmp_path), words) == [words] * 6


def test_what_cannot_be_serialized_is_named(oracle: Oracle, tmp_path: Path) -> None:
    script = """
        from mleap.pyspark.spark_support import SimpleSparkSerializer
        from pyspark.ml import Pipeline, Transformer
        from pyspark.ml.classification import FMClassifier, OneVsRest
        from pyspark.ml.feature import SQLTransformer, Tokenizer, VectorAssembler

        class Own(Transformer):
            def _transform(self, dataset):
                return dataset

        data = spark.createDataFrame([("a b", 1.0)], ["text", "x"])
        tokens = Tokenizer(inputCol="text", outputCol="words")

        def said(stage, dataset=data, place="jar:file:" + folder + "/m.zip"):
            try:
                stage.serializeToBundle(place, dataset)
            except Exception as error:
                return type(error).__name__ + ": " + str(error)

        sql = SQLTransformer(statement="SELECT *, x + 1 y FROM __THIS__")
        unknown = said(Pipeline(stages=[tokens, sql]).fit(data))
        own = said(Own())
        vectors = VectorAssembler(inputCols=["x"], outputCol="features").transform(data.selectExpr("x", "x - 1 label"))
        several = OneVsRest(classifier=FMClassifier(maxIter=1)).fit(vectors)
        inside = said(several, vectors)
        sample = said(tokens, None)
        assembler = VectorAssembler(inputCols=["x", "z"], outputCol="o")
        missing = said(assembler)
        s3 = said(tokens, place="s3://bucket/model.zip")
        fine = said(Tokenizer(inputCol="text"), place=folder + "/deep/er/m.zip")
    """
    found = oracle.run(script, folder=str(tmp_path))
    unknown = "UnknownTransformer: MLeap doesn't know pyspark.ml.feature.SQLTransformer (stage SQLTransformer_"
    assert found["unknown"].startswith(unknown)
    assert "asked.Own (stage Own_" in found["own"]
    inner = "UnknownTransformer: MLeap doesn't know org.apache.spark.ml.classification.FMClassificationModel (stage FM"
    assert found["inside"].startswith(inner)
    assert found["sample"].startswith("ValueError: MLeap needs a sample")
    assert found["missing"].startswith("ValueError: the sample has no column z, o, and cannot be transformed to have")
    assert "at file: and jar:file: only" in found["s3"]
    assert found["fine"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_bundles_of_older_mleap_and_what_spark_lacks(oracle: Oracle, tmp_path: Path) -> None:
    def place(root: Node) -> str:
        uid = "4b73a01f-5ea9-4967-8bed-7f27213d04d0"
        write(Bundle(uid, root.name, root), f"{tmp_path}/{root.name}.zip")
        return f"jar:file:{tmp_path}/{root.name}.zip"

    def load(spark: Any, path: str, rows: list[Any], names: str) -> list[str]:
        from mleap.pyspark.spark_support import SimpleSparkSerializer

        model = SimpleSparkSerializer().deserializeFromBundle(path)
        return [str(row.asDict()) for row in model.transform(spark.createDataFrame(rows, names)).collect()]

    attributes = {"labels": ["b", "a"], "handle_invalid": "keep"}
    indexer = Node("si", "string_indexer", {"input": "c"}, {"output": "i"}, attributes)
    encoder = Node("ohe", "one_hot_encoder", {"input": "i"}, {"output": "v"}, {"size": Long(3), "drop_last": False})
    answers = oracle(load, place(Node("p", "pipeline", children=(indexer, encoder))), [("a",), ("?",)], "c string")
    assert answers == [
        "{'c': 'a', 'i': 1.0, 'v': SparseVector(3, {1: 1.0})}",
        "{'c': '?', 'i': 2.0, 'v': SparseVector(3, {2: 1.0})}",
    ]
    tree = Node("t", "decision_tree_regression", {"features": "f"}, {"prediction": "p"}, {"num_features": Long(1)})
    tree.tree = ({"type": "internal", "split": {"type": "continuous", "featureIndex": 0, "threshold": 0.5}},)
    hashing = Node("h", "hashing_term_frequency", {"input": "w"}, {"output": "o"}, {"num_features": Long(8)})
    for root, said in [
        (
            Node("x", "regex_indexer"),
            r"UnknownTransformer: Spark has no transformer for MLeap's op regex_indexer \(node x\)",
        ),
        (tree, "The tree of node t ends too early"),
        (hashing, "Node h hashes as Spark 2 did"),
        (Node("k", "ngram", {"input": "w"}, {"output": "o"}), r"Node k \(ngram\) has no attribute n"),
    ]:
        with pytest.raises(Asked, match=said):
            oracle(load, place(root), [("a",)], "w string")
    with pytest.raises(Asked, match="there is no file"):
        oracle(load, f"jar:file:{tmp_path}/nothing.zip", [], "w string")
