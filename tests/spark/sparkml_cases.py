"""Runs in the oracle: models fitted in Spark on random rows, what Spark itself says of the rows, and MLeap's bundles.

`cases(spark, folder, seed)` gives the columns that go in, and of each case those that come out, with their values, and
where the bundle is. Vectors are ("dense", [...]) and ("sparse", size, [...], [...]).
"""

import importlib
import random
from typing import Any

from pyspark.ml import classification as c
from pyspark.ml import clustering as k
from pyspark.ml import feature as f
from pyspark.ml import regression as r
from pyspark.ml.linalg import DenseVector, SparseVector, Vectors
from pyspark.ml.pipeline import PipelineModel

ROWS, WIDTH = 200, 9
WORDS = ["Spark", "is", "a", "the", "größe", "naïve", "Bayes", "tree", "x", "日本", "of", "in", "row"]


def frame(spark: Any, seed: int) -> Any:
    rng = random.Random(seed)

    def vector(make: Any, width: int = WIDTH) -> Any:
        values = [make() if rng.random() < 0.6 else 0.0 for _ in range(width)]
        if rng.random() < 0.5:
            return Vectors.dense(values)
        return Vectors.sparse(width, [(index, value) for index, value in enumerate(values) if value])

    rows = []
    for _ in range(ROWS):
        count = rng.randint(0, 9)
        near = rng.random()
        rows.append(
            (
                rng.gauss(0.0, 3.0),
                rng.expovariate(0.3) * rng.choice([1, 1, 1e-7, 1e7]),
                rng.choice(["low", "med", "high", "vhigh"]),
                rng.choice(["a", "b", "c", "dé", "e e"]),
                rng.choice([" ", "  ", "\t", ", "]).join(rng.choice(WORDS) for _ in range(count))
                + rng.choice(["", " "]),
                rng.randint(-5, 5),
                vector(lambda: rng.gauss(1.0, 2.0)),
                Vectors.dense([rng.uniform(-5, 5) for _ in range(WIDTH)]),
                vector(lambda: float(rng.randint(1, 6))),
                vector(lambda: 1.0),
                vector(lambda: float(rng.randint(0, 3))),
                Vectors.dense([rng.uniform(-30, 30) if rng.random() < 0.05 else rng.gauss(0, 1) for _ in range(260)]),
                float(near < 0.4),
                float(int(near * 3)),
                near * 10 + rng.gauss(0, 0.1),
                rng.choice([None, float("nan"), 1.5, -2.0, 0.0]),
                rng.random() < 0.5,
            )
        )
    names = (
        "n1 double, n2 double, s1 string, s2 string, text string, whole int, v vector, vd vector, counts vector,"
        "bits vector, few vector, wide vector, two double, three double, real double, gaps double, flag boolean"
    )
    columns = [name.split()[0] for name in names.split(",")]
    made = spark.createDataFrame(rows, schema(names)).select(*columns).repartition(1)
    return made.selectExpr("*", "abs(real) + 0.5 n3", "monotonically_increasing_id() row").cache()


def schema(names: str) -> Any:
    from pyspark.ml.linalg import VectorUDT
    from pyspark.sql import types as t

    kinds = {
        "double": t.DoubleType(),
        "string": t.StringType(),
        "int": t.IntegerType(),
        "vector": VectorUDT(),
        "boolean": t.BooleanType(),
    }
    return t.StructType([t.StructField(name, kinds[kind]) for name, kind in map(str.split, names.split(","))])


def stages() -> "dict[str, Any]":
    """By the name of the case: stages, fitted and applied one after the other."""
    both = {"rawPredictionCol": "raw", "probabilityCol": "prob", "predictionCol": "pred"}
    few = {"maxIter": 3}
    raw = {"rawPredictionCol": "raw", "predictionCol": "pred"}
    tokens = f.Tokenizer(inputCol="text", outputCol="tokens")

    def indexed(name: str, **also: Any) -> Any:
        return f.StringIndexer(inputCol=name, outputCol=name + "_i", **also)

    return {
        "indexer": [indexed("s1", handleInvalid="keep")],
        "indexers": [f.StringIndexer(inputCols=["s1", "s2"], outputCols=["i1", "i2"], handleInvalid="skip")],
        "indexer_of_numbers": [indexed("whole", stringOrderType="alphabetAsc"), indexed("n1")],
        "and_back": [indexed("s1"), f.IndexToString(inputCol="s1_i", outputCol="back", labels=list("wxyz"))],
        "one_hot": [indexed("s1"), f.OneHotEncoder(inputCol="s1_i", outputCol="hot")],
        "one_hot_all": [
            f.StringIndexer(inputCols=["s1", "s2"], outputCols=["i1", "i2"]),
            f.OneHotEncoder(inputCols=["i1", "i2"], outputCols=["h1", "h2"], dropLast=False, handleInvalid="keep"),
            f.VectorAssembler(inputCols=["h1", "n1", "h2", "v", "whole"], outputCol="all"),
        ],
        "vector_indexer": [f.VectorIndexer(inputCol="few", outputCol="o", maxCategories=5, handleInvalid="keep")],
        "slicer": [f.VectorSlicer(inputCol="v", outputCol="o", indices=[5, 0, 7])],
        "selector": [f.ChiSqSelector(featuresCol="counts", labelCol="three", outputCol="o", numTopFeatures=4)],
        "bucketizer": [
            f.Bucketizer(inputCol="n1", outputCol="o", splits=[-float("inf"), -1.0, 0.0, 2.5, float("inf")])
        ],
        "bucketizer_kept": [
            f.Bucketizer(inputCol="gaps", outputCol="o", splits=[-3.0, -2.0, 0.0, 1.5], handleInvalid="keep")
        ],
        "bucketizer_skip": [
            f.Bucketizer(inputCol="gaps", outputCol="o", splits=[-3.0, -2.0, 0.0, 1.5], handleInvalid="skip")
        ],
        "quantiles": [f.QuantileDiscretizer(inputCol="n2", outputCol="o", numBuckets=5)],
        "binarizer": [f.Binarizer(inputCol="n1", outputCol="o", threshold=0.3)],
        "binarizer_of_vectors": [f.Binarizer(inputCol="v", outputCol="o", threshold=0.7)],
        "standard": [f.StandardScaler(inputCol="v", outputCol="o")],
        "standard_mean": [f.StandardScaler(inputCol="v", outputCol="o", withMean=True)],
        "standard_none": [f.StandardScaler(inputCol="v", outputCol="o", withStd=False, withMean=True)],
        "min_max": [f.MinMaxScaler(inputCol="v", outputCol="o", min=-1.0, max=3.0)],
        "min_max_constant": [f.MinMaxScaler(inputCol="bits", outputCol="o")],
        "max_abs": [f.MaxAbsScaler(inputCol="v", outputCol="o")],
        "normalizer": [f.Normalizer(inputCol="v", outputCol="o")],
        "normalizer_1": [f.Normalizer(inputCol="v", outputCol="o", p=1.0)],
        "normalizer_3": [f.Normalizer(inputCol="v", outputCol="o", p=3.0)],
        "polynomial": [f.PolynomialExpansion(inputCol="v", outputCol="o", degree=3)],
        "interaction": [
            indexed("s1"),
            indexed("s2"),
            f.VectorAssembler(inputCols=["n2", "s2_i", "whole"], outputCol="three_of"),
            f.Interaction(inputCols=["s1_i", "three_of", "n1"], outputCol="o"),
        ],
        "product": [
            f.ElementwiseProduct(inputCol="v", outputCol="o", scalingVec=Vectors.dense([0.1 * i for i in range(WIDTH)]))
        ],
        "pca": [f.PCA(inputCol="v", outputCol="o", k=4)],
        "dct": [f.DCT(inputCol="v", outputCol="o")],
        "dct_inverse": [f.DCT(inputCol="vd", outputCol="o", inverse=True)],
        "binarizers": [f.Binarizer(inputCols=["n1", "n2"], outputCols=["o1", "o2"], thresholds=[0.0, 2.0])],
        "binarizer_below_zero": [f.Binarizer(inputCol="v", outputCol="o", threshold=-0.5)],
        "assembler_kept": [
            f.VectorAssembler(inputCols=["gaps", "n1"], outputCol="o", handleInvalid="keep"),
            f.MinMaxScaler(inputCol="v", outputCol="scaled", min=2.0, max=3.0),
        ],
        "assembler_skip": [f.VectorAssembler(inputCols=["gaps", "n1"], outputCol="o", handleInvalid="skip")],
        "imputers": [f.Imputer(inputCols=["gaps", "n1"], outputCols=["o1", "o2"], strategy="median")],
        "imputer": [f.Imputer(inputCols=["gaps"], outputCols=["o"])],
        "tokens": [tokens],
        "regex": [
            f.RegexTokenizer(inputCol="text", outputCol="o", pattern="[ ,]+", minTokenLength=2, toLowercase=False)
        ],
        "regex_found": [f.RegexTokenizer(inputCol="text", outputCol="o", pattern="\\w+", gaps=False)],
        "stop_words": [tokens, f.StopWordsRemover(inputCol="tokens", outputCol="o")],
        "ngram": [tokens, f.NGram(inputCol="tokens", outputCol="o", n=2)],
        "hashing": [tokens, f.HashingTF(inputCol="tokens", outputCol="o", numFeatures=37)],
        "tf_idf": [
            tokens,
            f.HashingTF(inputCol="tokens", outputCol="tf", numFeatures=64, binary=True),
            f.IDF(inputCol="tf", outputCol="o", minDocFreq=2),
        ],
        "counted": [tokens, f.CountVectorizer(inputCol="tokens", outputCol="o", minTF=0.2)],
        "word2vec": [tokens, f.Word2Vec(inputCol="tokens", outputCol="o", vectorSize=5, minCount=1, seed=3, maxIter=1)],
        "hasher": [
            f.FeatureHasher(
                inputCols=["n1", "s1", "flag", "whole", "n2"], outputCol="o", numFeatures=50, categoricalCols=["whole"]
            )
        ],
        "projection": [
            f.BucketedRandomProjectionLSH(inputCol="v", outputCol="o", bucketLength=0.5, numHashTables=3, seed=5)
        ],
        "min_hash": [f.MinHashLSH(inputCol="counts", outputCol="o", numHashTables=3, seed=5)],
        "linear": [r.LinearRegression(featuresCol="v", labelCol="real", predictionCol="pred")],
        "lasso": [
            r.LinearRegression(
                featuresCol="wide", labelCol="real", predictionCol="pred", regParam=0.3, elasticNetParam=1.0
            )
        ],
        "linear_wide": [
            r.LinearRegression(featuresCol="wide", labelCol="real", predictionCol="pred", solver="l-bfgs", maxIter=2)
        ],
        "logistic": [c.LogisticRegression(featuresCol="v", labelCol="two", **both, **few)],
        "logistic_threshold": [c.LogisticRegression(featuresCol="v", labelCol="two", threshold=0.35, **both, **few)],
        "logistic_dense": [c.LogisticRegression(featuresCol="vd", labelCol="two", **both, **few)],
        "logistic_lasso": [
            c.LogisticRegression(featuresCol="wide", labelCol="two", regParam=0.05, elasticNetParam=1.0, **both, **few)
        ],
        "softmax": [c.LogisticRegression(featuresCol="v", labelCol="three", **both, **few)],
        "softmax_of_two": [c.LogisticRegression(featuresCol="v", labelCol="two", family="multinomial", **both, **few)],
        "softmax_thresholds": [
            c.LogisticRegression(featuresCol="v", labelCol="three", thresholds=[0.2, 0.5, 0.3], **both, **few)
        ],
        "softmax_lasso": [
            c.LogisticRegression(
                featuresCol="wide", labelCol="three", regParam=0.05, elasticNetParam=1.0, **both, **few
            )
        ],
        "svc": [c.LinearSVC(featuresCol="v", labelCol="two", **raw, **few)],
        "tree": [c.DecisionTreeClassifier(featuresCol="v", labelCol="three", seed=1, **both)],
        "tree_of_categories": [
            f.VectorIndexer(inputCol="few", outputCol="fi", maxCategories=5),
            c.DecisionTreeClassifier(featuresCol="fi", labelCol="three", seed=1, **both),
        ],
        "forest": [c.RandomForestClassifier(featuresCol="v", labelCol="three", numTrees=7, seed=1, **both)],
        "boosted": [c.GBTClassifier(featuresCol="v", labelCol="two", maxIter=3, seed=1)],
        "tree_real": [r.DecisionTreeRegressor(featuresCol="v", labelCol="real", predictionCol="pred", seed=1)],
        "forest_real": [
            r.RandomForestRegressor(featuresCol="v", labelCol="real", predictionCol="pred", numTrees=7, seed=1)
        ],
        "boosted_real": [r.GBTRegressor(featuresCol="v", labelCol="real", predictionCol="pred", maxIter=3, seed=1)],
        "bayes": [c.NaiveBayes(featuresCol="counts", labelCol="three", **both)],
        "bayes_complement": [c.NaiveBayes(featuresCol="counts", labelCol="three", modelType="complement", **both)],
        "bayes_bernoulli": [c.NaiveBayes(featuresCol="bits", labelCol="three", modelType="bernoulli", **both)],
        "bayes_gaussian": [c.NaiveBayes(featuresCol="v", labelCol="three", modelType="gaussian", **both)],
        "k_means": [k.KMeans(featuresCol="v", predictionCol="pred", k=5, seed=1)],
        "bisecting": [k.BisectingKMeans(featuresCol="v", predictionCol="pred", k=3, maxIter=2, seed=1)],
        "mixture": [
            k.GaussianMixture(featuresCol="vd", predictionCol="pred", probabilityCol="prob", k=3, seed=1, maxIter=3)
        ],
        "rest": [
            c.OneVsRest(classifier=c.LogisticRegression(maxIter=2), featuresCol="v", labelCol="three"),
        ],
        "perceptron": [
            c.MultilayerPerceptronClassifier(
                featuresCol="v", labelCol="three", layers=[WIDTH, 5, 4, 3], maxIter=5, seed=1, **both
            )
        ],
        "poisson": [_general("poisson", "log", "counts")],
        "gamma": [_general("gamma", "inverse", "bits", label="n3")],
        "logit": [_general("binomial", "logit", "v", label="two")],
        "probit": [_general("binomial", "probit", "v", label="two")],
        "cloglog": [_general("binomial", "cloglog", "v", label="two")],
        "isotonic": [r.IsotonicRegression(featuresCol="n1", labelCol="real", predictionCol="pred")],
        "survival": [
            r.AFTSurvivalRegression(
                featuresCol="v", labelCol="n3", censorCol="two", predictionCol="pred", quantilesCol="q", maxIter=4
            )
        ],
    }


def _general(family: str, link: str, features: str, label: str = "n3") -> Any:
    return r.GeneralizedLinearRegression(
        family=family,
        link=link,
        featuresCol=features,
        labelCol=label,
        predictionCol="pred",
        linkPredictionCol="link",
        maxIter=4,
    )


def cases(spark: Any, folder: str, seed: int) -> "tuple[dict[str, Any], dict[str, Any]]":
    with importlib.import_module("quick").quick(spark):
        rows = frame(spark, seed)
        given = {
            name: [plain(value) for value in column]
            for name, column in zip(rows.columns, zip(*rows.collect(), strict=False), strict=False)
        }
        found: dict[str, Any] = {}
        for name, todo in stages().items():
            try:
                found[name] = _case(rows, todo, f"{folder}/{name}.zip")
            except Exception as error:
                raise ValueError(f"case {name}: {error}") from error
    return given, found


def _case(rows: Any, todo: "list[Any]", path: str) -> "dict[str, Any]":
    made, after = [], rows
    for stage in todo:
        made.append(stage if not hasattr(stage, "fit") else stage.fit(after))
        after = made[-1].transform(after)
    outputs = [name for name in after.columns if name not in rows.columns]
    answers = after.select("row", *outputs).collect()
    export(PipelineModel(made), path, after)
    return {
        "path": path,
        "outputs": outputs,
        "kept": [answer["row"] for answer in answers],
        "expected": {name: [plain(answer[name]) for answer in answers] for name in outputs},
    }


def export(model: Any, path: str, after: Any) -> None:
    import mleap.pyspark  # noqa: F401 - adds serializeToBundle
    from mleap.pyspark.spark_support import SimpleSparkSerializer  # noqa: F401 - likewise

    model.serializeToBundle(f"jar:file:{path}", after)


def plain(value: Any) -> Any:
    if isinstance(value, DenseVector):
        return ("dense", value.toArray().tolist())
    if isinstance(value, SparseVector):
        return ("sparse", int(value.size), [int(i) for i in value.indices], [float(x) for x in value.values])
    return [plain(one) for one in value] if isinstance(value, list) else value
