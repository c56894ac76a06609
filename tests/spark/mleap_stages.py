"""Every transformer of Spark's that MLeap knows, fitted to a few rows: what the oracle is asked. Runs in its Python."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from pyspark.ml import classification, clustering, feature, recommendation, regression
from pyspark.ml.linalg import Vectors
from pyspark.ml.pipeline import Pipeline
from pyspark.ml.tuning import CrossValidatorModel

ROWS = 40
WORDS = ["an", "Apple", "the", "tree", "Grün", "fällt", "far", "x"]


def frame(spark: Any) -> Any:
    """One partition: a job costs less than its tasks."""
    dice = random.Random(7)
    rows = []
    for number in range(ROWS):
        dense = Vectors.dense([dice.gauss(0, 1), dice.gauss(5, 3), float(dice.randrange(4)), dice.random()])
        positive = Vectors.sparse(4, [0, 2, 3], [dice.random() * 3, float(dice.randrange(5)), 1.0 + number % 3])
        text = " ".join(dice.choice(WORDS) for _ in range(6))
        label = float(number % 3)
        row = (dice.choice("abcß"), dice.choice("xy"), dice.gauss(0, 2), float(dice.randrange(4)), number, dense)
        missing = float("nan") if number % 7 == 0 else float(number)
        rows.append((*row, positive, text, text.split(), label, float(number % 2), missing, number % 2 == 0))
    names = "colour,size,amount,place,count,dense,positive,text,words,label,binary,gap,flag"
    made = spark.createDataFrame(rows, names.split(","))
    return made.selectExpr("*", "float(amount) small", "int(place) user", "int(count % 5) item").coalesce(1).cache()


# Each gives a name, a fitted transformer, and what it transforms. How well it fits says nothing here, and each round of
# a fit is a job: few rounds, low trees.
def indexers(data: Any) -> Iterator[tuple[str, Any, Any]]:
    one = feature.StringIndexer(inputCol="colour", outputCol="o", handleInvalid="keep").fit(data)
    yield "StringIndexer", one, data
    both: dict[str, Any] = {"inputCols": ["colour", "size"], "outputCols": ["o", "p"]}
    several = feature.StringIndexer(**both, handleInvalid="skip", stringOrderType="alphabetAsc").fit(data)
    yield "StringIndexer several", several, data
    indexed = several.transform(data).cache()
    yield "IndexToString", feature.IndexToString(inputCol="o", outputCol="q"), indexed
    yield "IndexToString labels", feature.IndexToString(inputCol="place", outputCol="q", labels=list("wxyz")), data
    yield "OneHotEncoder", feature.OneHotEncoder(inputCol="place", outputCol="q", dropLast=False).fit(data), data
    both = {"inputCols": ["o", "place"], "outputCols": ["r", "q"]}
    yield "OneHotEncoder several", feature.OneHotEncoder(**both, handleInvalid="keep").fit(indexed), indexed
    yield "VectorIndexer", feature.VectorIndexer(inputCol="dense", outputCol="o", maxCategories=5).fit(data), data
    splits = [-float("inf"), -1.0, 0.5, float("inf")]
    yield "Bucketizer", feature.Bucketizer(inputCol="amount", outputCol="o", splits=splits), data
    both = {"inputCols": ["amount", "gap"], "outputCols": ["o", "p"], "handleInvalid": "keep"}
    yield "Bucketizer several", feature.Bucketizer(**both, splitsArray=[splits, [0.0, 20.0, 50.0]]), data
    quantiles = feature.QuantileDiscretizer(inputCol="amount", outputCol="o", numBuckets=4)
    yield "QuantileDiscretizer", quantiles.fit(data), data
    yield "Binarizer", feature.Binarizer(inputCol="amount", outputCol="o", threshold=0.25), data
    yield "Binarizer vector", feature.Binarizer(inputCol="dense", outputCol="o", threshold=0.25), data
    both = {"inputCols": ["amount", "place"], "outputCols": ["o", "p"]}
    yield "Binarizer several", feature.Binarizer(**both, thresholds=[0.0, 1.5]), data
    yield "Imputer", feature.Imputer(inputCol="gap", outputCol="o", strategy="median").fit(data), data
    both = {"inputCols": ["gap", "place"], "outputCols": ["o", "p"]}
    yield "Imputer several", feature.Imputer(**both, missingValue=2.0).fit(data), data


def numbers(data: Any) -> Iterator[tuple[str, Any, Any]]:
    io = {"inputCol": "dense", "outputCol": "o"}
    yield "StandardScaler", feature.StandardScaler(**io).fit(data), data
    yield "StandardScaler mean", feature.StandardScaler(**io, withMean=True, withStd=False).fit(data), data
    yield "StandardScaler both", feature.StandardScaler(**io, withMean=True).fit(data), data
    yield "MinMaxScaler", feature.MinMaxScaler(**io, min=-1.0, max=3.0).fit(data), data
    yield "MaxAbsScaler", feature.MaxAbsScaler(**io).fit(data), data
    yield "Normalizer", feature.Normalizer(**io, p=3.0), data


def vectors(data: Any) -> Iterator[tuple[str, Any, Any]]:
    io = {"inputCol": "dense", "outputCol": "o"}
    mixed = ["amount", "dense", "count", "flag", "positive"]
    assembler = feature.VectorAssembler(inputCols=mixed, outputCol="o")
    yield "VectorAssembler", assembler, data
    keeping = feature.VectorAssembler(inputCols=["gap", "amount"], outputCol="o", handleInvalid="keep")
    yield "VectorAssembler keep", keeping, data
    assembled = assembler.transform(data)
    yield "VectorSlicer", feature.VectorSlicer(inputCol="o", outputCol="q", indices=[4, 1], names=["amount"]), assembled
    yield "PolynomialExpansion", feature.PolynomialExpansion(**io, degree=3), data
    known = feature.VectorAssembler(inputCols=["amount", "count"], outputCol="v").transform(data)
    yield "Interaction", feature.Interaction(inputCols=["amount", "v"], outputCol="o"), known
    scaling = Vectors.dense([1.0, -2.0, 0.5, 0.0])
    yield "ElementwiseProduct", feature.ElementwiseProduct(**io, scalingVec=scaling), data
    yield "DCT", feature.DCT(**io, inverse=True), data
    yield "PCA", feature.PCA(**io, k=2).fit(data), data
    chosen = feature.ChiSqSelector(featuresCol="positive", outputCol="o", labelCol="label", numTopFeatures=2)
    yield "ChiSqSelector", chosen.fit(data), data
    yield "MinHashLSH", feature.MinHashLSH(inputCol="positive", outputCol="o", numHashTables=3, seed=5).fit(data), data
    projection = feature.BucketedRandomProjectionLSH(**io, bucketLength=2.0, numHashTables=3, seed=5)
    yield "BucketedRandomProjectionLSH", projection.fit(data), data


def texts(data: Any) -> Iterator[tuple[str, Any, Any]]:
    io = {"inputCol": "words", "outputCol": "o"}
    yield "Tokenizer", feature.Tokenizer(inputCol="text", outputCol="o"), data
    regex = feature.RegexTokenizer(inputCol="text", outputCol="o", pattern="[a-z]+", gaps=False, minTokenLength=2)
    yield "RegexTokenizer", regex.setToLowercase(False), data
    yield "StopWordsRemover", feature.StopWordsRemover(**io, caseSensitive=True), data
    both = {"inputCols": ["words"], "outputCols": ["o"]}
    yield "StopWordsRemover several", feature.StopWordsRemover(**both, stopWords=["far"]), data
    yield "NGram", feature.NGram(**io, n=3), data
    hashing = feature.HashingTF(inputCol="words", outputCol="tf", numFeatures=32)
    yield "HashingTF", hashing, data
    hashed = hashing.transform(data)
    yield "IDF", feature.IDF(inputCol="tf", outputCol="o", minDocFreq=2).fit(hashed), hashed
    yield "CountVectorizer", feature.CountVectorizer(**io, vocabSize=5, minTF=2.0).fit(data), data
    yield "Word2Vec", feature.Word2Vec(**io, vectorSize=3, minCount=2, seed=3, maxIter=1).fit(data), data
    columns = ["amount", "colour", "flag", "count"]
    hasher = feature.FeatureHasher(inputCols=columns, outputCol="o", numFeatures=64, categoricalCols=["count"])
    yield "FeatureHasher", hasher, data


def linear(data: Any) -> Iterator[tuple[str, Any, Any]]:
    few = {"maxIter": 2}
    two = {"featuresCol": "dense", "labelCol": "binary"}
    three = {"featuresCol": "dense", "labelCol": "label"}
    amount = {"featuresCol": "dense", "labelCol": "amount"}
    yield "LinearRegression", regression.LinearRegression(**amount).fit(data), data
    logistic = classification.LogisticRegression(**two, **few, threshold=0.4)
    yield "LogisticRegression", logistic.fit(data), data
    many = classification.LogisticRegression(**three, **few, thresholds=[0.2, 0.5, 0.3])
    yield "LogisticRegression many", many.fit(data), data
    twice = classification.LogisticRegression(**two, **few, family="multinomial")
    yield "LogisticRegression two rows", twice.fit(data), data
    yield "LinearSVC", classification.LinearSVC(**two, **few, threshold=0.1).fit(data), data
    counts = {"featuresCol": "dense", "labelCol": "count", **few}
    glm = regression.GeneralizedLinearRegression(**counts, linkPredictionCol="link")
    yield "GeneralizedLinearRegression", glm.setFamily("poisson").setLink("sqrt").fit(data), data
    tweedie = regression.GeneralizedLinearRegression(**counts, family="tweedie")
    yield "GeneralizedLinearRegression tweedie", tweedie.setVariancePower(1.5).setLinkPower(0.0).fit(data), data
    timed = data.selectExpr("*", "count + 1.0 time", "binary censor").cache()
    survival = regression.AFTSurvivalRegression(**few, featuresCol="dense", labelCol="time", quantilesCol="q")
    yield "AFTSurvivalRegression", survival.fit(timed), timed
    isotonic = regression.IsotonicRegression(featuresCol="dense", labelCol="amount", featureIndex=1)
    yield "IsotonicRegression", isotonic.fit(data), data
    falling = regression.IsotonicRegression(featuresCol="amount", labelCol="place", isotonic=False)
    yield "IsotonicRegression number", falling.fit(data), data
    perceptron = classification.MultilayerPerceptronClassifier(**three, layers=[4, 5, 3], maxIter=3, seed=1)
    yield "MultilayerPerceptronClassifier", perceptron.fit(data), data
    for kind in ("multinomial", "complement", "gaussian"):
        bayes = classification.NaiveBayes(featuresCol="positive", labelCol="label", modelType=kind)
        yield f"NaiveBayes {kind}", bayes.fit(data), data


def trees(data: Any) -> Iterator[tuple[str, Any, Any]]:
    indexed = feature.VectorIndexer(inputCol="dense", outputCol="v", maxCategories=5).fit(data).transform(data).cache()
    low = {"maxDepth": 2}
    two = {"featuresCol": "v", "labelCol": "binary", "seed": 1}
    three = {"featuresCol": "v", "labelCol": "label", "seed": 1}
    amount = {"featuresCol": "v", "labelCol": "amount", "seed": 1}
    yield "DecisionTreeClassifier", classification.DecisionTreeClassifier(**three, **low).fit(indexed), indexed
    yield "DecisionTreeRegressor", regression.DecisionTreeRegressor(**amount, **low).fit(indexed), indexed
    forest = classification.RandomForestClassifier(**three, numTrees=3).setThresholds([0.1, 0.4, 0.5])
    yield "RandomForestClassifier", forest.fit(indexed), indexed
    yield "RandomForestRegressor", regression.RandomForestRegressor(**amount, **low, numTrees=3).fit(indexed), indexed
    yield "GBTClassifier", classification.GBTClassifier(**two, **low, maxIter=2).fit(indexed), indexed
    yield "GBTRegressor", regression.GBTRegressor(**amount, **low, maxIter=2).fit(indexed), indexed


def others(data: Any) -> Iterator[tuple[str, Any, Any]]:
    of = {"featuresCol": "dense", "k": 3, "seed": 1}
    means = {**of, "maxIter": 1, "initMode": "random"}
    yield "KMeans", clustering.KMeans(**means).fit(data), data
    yield "KMeans cosine", clustering.KMeans(**means, distanceMeasure="cosine").fit(data), data
    yield "BisectingKMeans", clustering.BisectingKMeans(**of, maxIter=2).fit(data), data
    yield "GaussianMixture", clustering.GaussianMixture(**of, maxIter=2).fit(data), data
    yield "LDA", clustering.LDA(featuresCol="positive", k=2, maxIter=2, seed=1, optimizer="online").fit(data), data
    tree = classification.DecisionTreeClassifier(featuresCol="dense", labelCol="label", maxDepth=1)
    one = classification.OneVsRest(featuresCol="dense", labelCol="label", classifier=tree)
    yield "OneVsRest", one.fit(data), data
    factors = recommendation.ALS(userCol="user", itemCol="item", ratingCol="amount", rank=2, maxIter=1, seed=1)
    yield "ALS", factors.setColdStartStrategy("drop").fit(data), data
    inner = Pipeline(stages=[feature.StringIndexer(inputCol="colour", outputCol="i")])
    hot = feature.OneHotEncoder(inputCol="i", outputCol="h")
    assembler = feature.VectorAssembler(inputCols=["h", "amount"], outputCol="v")
    last = regression.LinearRegression(featuresCol="v", labelCol="place")
    whole = Pipeline(stages=[inner, hot, assembler, last])
    fitted = whole.fit(data)
    yield "PipelineModel", fitted, data
    yield "CrossValidatorModel", CrossValidatorModel(fitted, avgMetrics=[0.5]), data
