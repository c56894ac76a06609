"""Runs in the oracle: every transformer of Spark's that MLeap knows, fitted on random rows; what Spark itself says of
the rows; MLeap's bundles, and what these say once they are Spark's again.

`cases(spark, folder, seed, names)` gives the columns that go in, and of each case those that come out, with their
values, and where the bundle is. Vectors are ("dense", [...]) and ("sparse", size, [...], [...]).
"""

import importlib
import random
from typing import Any

from pyspark.ml import classification as c
from pyspark.ml import clustering as k
from pyspark.ml import feature as f
from pyspark.ml import recommendation
from pyspark.ml import regression as r
from pyspark.ml.linalg import DenseVector, SparseVector, Vectors
from pyspark.ml.pipeline import Pipeline, PipelineModel
from pyspark.ml.tuning import CrossValidatorModel

ROWS, WIDTH = 200, 9
WORDS = ["Spark", "is", "a", "the", "größe", "naïve", "Bayes", "tree", "x", "日本", "of", "in", "row"]


def frame(spark: Any, seed: int) -> Any:
    rng = random.Random(seed)

    def vector(make: Any, least: int = 0) -> Any:
        """At random dense or sparse; the first `least` of its values are some."""
        values = [make() if place < least or rng.random() < 0.6 else 0.0 for place in range(WIDTH)]
        if rng.random() < 0.5:
            return Vectors.dense(values)
        return Vectors.sparse(WIDTH, [(index, value) for index, value in enumerate(values) if value])

    rows: list[Any] = []
    for _ in range(ROWS):
        count = rng.randint(0, 9)
        near = rng.random()
        rows.append(
            (
                len(rows) % 5,
                rng.gauss(0.0, 3.0),
                rng.expovariate(0.3) * rng.choice([1, 1, 1e-7, 1e7]),
                rng.choice(["low", "med", "high", "vhigh"]),
                rng.choice(["a", "b", "c", "dé", "e e"]),
                rng.choice([" ", "  ", "\t", ", "]).join(rng.choice(WORDS) for _ in range(count))
                + rng.choice(["", " "]),
                rng.randint(-5, 5),
                vector(lambda: rng.gauss(1.0, 2.0)),
                Vectors.dense([rng.uniform(-5, 5) for _ in range(WIDTH)]),
                vector(lambda: float(rng.randint(1, 6)), least=1),  # MinHashLSH takes no vector of zeros
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
        "item int, n1 double, n2 double, s1 string, s2 string, text string, whole int, v vector, vd vector,"
        "counts vector, bits vector, few vector, wide vector, two double, three double, real double, gaps double,"
        "flag boolean"
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
        "indexers": [
            f.StringIndexer(
                inputCols=["s1", "s2"],
                outputCols=["i1", "i2"],
                handleInvalid="skip",
                stringOrderType="alphabetAsc",
            )
        ],
        "indexer_of_numbers": [indexed("whole", stringOrderType="alphabetAsc"), indexed("n1")],
        "and_back": [indexed("s1"), f.IndexToString(inputCol="s1_i", outputCol="back", labels=list("wxyz"))],
        "and_back_by_the_column": [indexed("s1"), f.IndexToString(inputCol="s1_i", outputCol="back")],
        "one_hot_of_numbers": [f.OneHotEncoder(inputCol="three", outputCol="hot", dropLast=False)],
        "one_hot": [indexed("s1"), f.OneHotEncoder(inputCol="s1_i", outputCol="hot")],
        "one_hot_all": [
            f.StringIndexer(inputCols=["s1", "s2"], outputCols=["i1", "i2"]),
            f.OneHotEncoder(inputCols=["i1", "i2"], outputCols=["h1", "h2"], dropLast=False, handleInvalid="keep"),
            f.VectorAssembler(inputCols=["h1", "n1", "h2", "v", "whole"], outputCol="all"),
        ],
        "vector_indexer": [f.VectorIndexer(inputCol="few", outputCol="o", maxCategories=5, handleInvalid="keep")],
        "slicer": [f.VectorSlicer(inputCol="v", outputCol="o", indices=[5, 0, 7])],
        "slicer_of_names": [
            f.VectorAssembler(inputCols=["n1", "v", "whole", "flag", "counts"], outputCol="all"),
            f.VectorSlicer(inputCol="all", outputCol="o", indices=[4, 1], names=["n1"]),
        ],
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
        "bucketizers": [
            f.Bucketizer(
                inputCols=["n1", "gaps"],
                outputCols=["o1", "o2"],
                splitsArray=[[-float("inf"), -1.0, 0.5, float("inf")], [-3.0, 0.0, 5.0]],
                handleInvalid="keep",
            )
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
        "imputers_of_a_value": [f.Imputer(inputCols=["gaps", "three"], outputCols=["o1", "o2"], missingValue=2.0)],
        "imputer": [f.Imputer(inputCol="gaps", outputCol="o")],
        "imputer_median": [f.Imputer(inputCol="gaps", outputCol="o", strategy="median")],
        "tokens": [tokens],
        "regex": [
            f.RegexTokenizer(inputCol="text", outputCol="o", pattern="[ ,]+", minTokenLength=2, toLowercase=False)
        ],
        "regex_found": [f.RegexTokenizer(inputCol="text", outputCol="o", pattern="\\w+", gaps=False)],
        "stop_words": [tokens, f.StopWordsRemover(inputCol="tokens", outputCol="o")],
        "stop_words_by_case": [tokens, f.StopWordsRemover(inputCol="tokens", outputCol="o", caseSensitive=True)],
        "stop_words_of_columns": [
            tokens,
            f.StopWordsRemover(inputCols=["tokens"], outputCols=["o"], stopWords=["tree"]),
        ],
        "ngram": [tokens, f.NGram(inputCol="tokens", outputCol="o", n=2)],
        "hashing": [tokens, f.HashingTF(inputCol="tokens", outputCol="o", numFeatures=37)],
        "tf_idf": [
            tokens,
            f.HashingTF(inputCol="tokens", outputCol="tf", numFeatures=64, binary=True),
            f.IDF(inputCol="tf", outputCol="o", minDocFreq=2),
        ],
        "counted": [tokens, f.CountVectorizer(inputCol="tokens", outputCol="o", minTF=0.2)],
        "counted_few": [tokens, f.CountVectorizer(inputCol="tokens", outputCol="o", vocabSize=5, minTF=2.0)],
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
        "svc": [c.LinearSVC(featuresCol="v", labelCol="two", threshold=0.1, **raw, **few)],
        "tree": [c.DecisionTreeClassifier(featuresCol="v", labelCol="three", seed=1, **both)],
        "tree_of_categories": [
            f.VectorIndexer(inputCol="few", outputCol="fi", maxCategories=5),
            c.DecisionTreeClassifier(featuresCol="fi", labelCol="three", seed=1, **both),
        ],
        "forest": [c.RandomForestClassifier(featuresCol="v", labelCol="three", numTrees=7, seed=1, **both)],
        "forest_of_categories": [
            f.VectorAssembler(inputCols=["few", "vd"], outputCol="all"),
            f.VectorIndexer(inputCol="all", outputCol="ai", maxCategories=5),
            c.RandomForestClassifier(featuresCol="ai", labelCol="three", numTrees=3, seed=1, **both).setThresholds(
                [0.1, 0.4, 0.5]
            ),
        ],
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
        "rest": [c.OneVsRest(classifier=c.LogisticRegression(maxIter=2), featuresCol="v", labelCol="three")],
        "rest_of_trees": [
            c.OneVsRest(classifier=c.DecisionTreeClassifier(maxDepth=1), featuresCol="v", labelCol="two")
        ],
        "perceptron": [
            c.MultilayerPerceptronClassifier(
                featuresCol="v", labelCol="three", layers=[WIDTH, 5, 4, 3], maxIter=5, seed=1, **both
            )
        ],
        "poisson": [_general("poisson", "log", "counts")],
        "poisson_sqrt": [_general("poisson", "sqrt", "counts")],
        "gamma": [_general("gamma", "inverse", "bits", label="n3")],
        "logit": [_general("binomial", "logit", "v", label="two")],
        "probit": [_general("binomial", "probit", "v", label="two")],
        "cloglog": [_general("binomial", "cloglog", "v", label="two")],
        "isotonic": [r.IsotonicRegression(featuresCol="n1", labelCol="real", predictionCol="pred")],
        "isotonic_falling": [
            r.IsotonicRegression(featuresCol="v", labelCol="real", predictionCol="pred", featureIndex=1, isotonic=False)
        ],
        "survival": [
            r.AFTSurvivalRegression(
                featuresCol="v", labelCol="n3", censorCol="two", predictionCol="pred", quantilesCol="q", maxIter=4
            )
        ],
        "nested": [Pipeline(stages=[Pipeline(stages=[indexed("s1")]), *_line("s1_i")])],
        "validated": [Validated(Pipeline(stages=[indexed("s1"), *_line("s1_i")]))],
        **alone(),
    }


def alone() -> "dict[str, Any]":
    """What SparkML doesn't serve."""
    cosine = k.KMeans(featuresCol="v", predictionCol="pred", k=3, seed=1, maxIter=1, distanceMeasure="cosine")
    tweedie = r.GeneralizedLinearRegression(family="tweedie", featuresCol="counts", labelCol="n3", maxIter=4)
    topics = k.LDA(featuresCol="counts", k=2, maxIter=2, seed=1, optimizer="online")
    blocks = {"numUserBlocks": 1, "numItemBlocks": 1}
    factors = recommendation.ALS(userCol="item", itemCol="whole", ratingCol="n1", rank=2, maxIter=1, seed=1, **blocks)
    return {
        "k_means_cosine": [cosine],
        "tweedie": [tweedie.setVariancePower(1.5).setLinkPower(0.0)],
        "topics": [topics],
        "factors": [factors.setColdStartStrategy("drop")],
    }


class Validated:
    """Gives the model of a CrossValidator that has tried nothing else."""

    def __init__(self, best: Pipeline) -> None:
        self.best = best

    def fit(self, data: Any) -> CrossValidatorModel:
        return CrossValidatorModel(self.best.fit(data), avgMetrics=[0.5])


def _line(index: str) -> "list[Any]":
    hot = f.OneHotEncoder(inputCol=index, outputCol="hot")
    assembler = f.VectorAssembler(inputCols=["hot", "n1"], outputCol="all")
    return [hot, assembler, r.LinearRegression(featuresCol="all", labelCol="real", predictionCol="pred")]


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


def cases(spark: Any, folder: str, seed: int, names: "list[str]") -> "tuple[dict[str, Any], dict[str, Any]]":
    every, rows = stages(), frame(spark, seed)
    columns = zip(rows.columns, zip(*rows.collect(), strict=True), strict=True)
    given = {name: [plain(value) for value in column] for name, column in columns}
    found: dict[str, Any] = {}
    for number, name in enumerate(names):
        try:
            found[name] = _case(rows, every[name], f"{folder}/{name}.zip", "protobuf" if number % 2 else "json")
        except Exception as error:
            raise ValueError(f"case {name}: {error}") from error
    rows.unpersist()
    return given, found


def _case(rows: Any, todo: "list[Any]", path: str, form: str) -> "dict[str, Any]":
    """`stages`: each one's name, what it is and what it has become, and whether that has the same uid."""
    made, after = [], rows
    for stage in todo:
        made.append(stage if not hasattr(stage, "fit") else stage.fit(after))
        after = made[-1].transform(after)
    whole = made[0] if len(made) == 1 else PipelineModel(made)
    again = through(whole, f"jar:file:{path}", rows if len(made) == 1 else after, form)
    pairs = [(whole, again)] if len(made) == 1 else list(zip(made, again.stages, strict=True))
    outputs = [name for name in after.columns if name not in rows.columns]
    answers, later = both(rows, after, again, outputs)
    return {
        "path": path,
        "outputs": outputs,
        "kept": [answer["row"] for answer in answers],
        "expected": {name: [plain(answer[name]) for answer in answers] for name in outputs},
        "same": [repr(answer[2:]) for answer in answers] == [repr(answer[2:]) for answer in later],
        "stages": [(called(one), kind(one), kind(other), one.uid == other.uid) for one, other in pairs],
        "uid": whole.uid == again.uid,
    }


def both(rows: Any, after: Any, again: Any, outputs: "list[str]") -> "tuple[list[Any], list[Any]]":
    """What the fitted model answers and what it does once it is back, by one job."""
    later = again.transform(rows)
    assert later.columns == after.columns
    made = [one.selectExpr(f"{whose} whose", "row", *outputs) for whose, one in enumerate((after, later))]
    found = sorted(made[0].unionAll(made[1]).collect(), key=lambda answer: answer["row"])
    one, other = ([answer for answer in found if answer["whose"] == whose] for whose in (0, 1))
    return one, other


def through(model: Any, path: str, sample: Any, form: str) -> Any:
    """What a bundle is read as."""
    serializer = importlib.import_module("mleap.pyspark.spark_support").SimpleSparkSerializer()
    serializer.serializeToBundle(model, path, sample, form)
    return serializer.deserializeFromBundle(path)


def kind(model: Any) -> str:
    return type(model).__module__ + "." + type(model).__name__


def called(model: Any) -> str:
    several = all(map(model.hasParam, ("inputCol", "inputCols"))) and model.isSet("inputCols")
    return type(model).__name__.removesuffix("Model") + (" several" if several else "")


def plain(value: Any) -> Any:
    if isinstance(value, DenseVector):
        return ("dense", value.toArray().tolist())
    if isinstance(value, SparseVector):
        return ("sparse", int(value.size), [int(i) for i in value.indices], [float(x) for x in value.values])
    return [plain(one) for one in value] if isinstance(value, list) else value
