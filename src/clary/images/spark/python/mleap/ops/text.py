"""Words: tokens, stop words, n-grams, hashed and counted, weighed (IDF), embedded (Word2Vec). And FeatureHasher."""

from __future__ import annotations

from typing import Any

from pyspark.ml.linalg import DenseVector

from mleap.bundles import Long, Node, Tensor
from mleap.columns import Columns
from mleap.java import ML, MLLIB, Stage, field, floats, java, jvm, longs, new, plain, scala_map, texts
from mleap.op import INPUT, OUTPUT, Op, floats_of, loads, vector

_FEATURE = ML + "feature."


def _nothing(_stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {}


def _regex(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {
        "regex": stage.param("pattern"),
        "match_gaps": stage.param("gaps"),
        "token_min_length": stage.param("minTokenLength"),
        "lowercase_text": stage.param("toLowercase"),
    }


def _stop_words(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {"stop_words": list(stage.param("stopWords")), "case_sensitive": stage.param("caseSensitive")}


def _ngram(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {"n": Long(stage.param("n"))}


def _hashing(stage: Stage, _columns: Columns) -> dict[str, Any]:
    """The hash's second version is that of Spark 3."""
    return {
        "num_features": Long(stage.param("numFeatures")),
        "binary": stage.param("binary"),
        "hashUnsafeBytesVersion": 2,
    }


def _load_hashing(node: Node) -> Any:
    if node.value("hashUnsafeBytesVersion", int, 1) != 2:
        raise ValueError(f"Node {node.name} hashes as Spark 2 did, which Spark 3 cannot")
    stage = Stage(new(_FEATURE + "HashingTF", node.name))
    stage.set("numFeatures", node.value("num_features", int))
    stage.set("binary", node.value("binary", bool, False))
    return stage.java


def _idf(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {
        "idf": vector(plain(stage.java.idf())),
        "docFreq": [Long(one) for one in plain(stage.java.docFreq())],
        "numDocs": Long(stage.java.numDocs()),
    }


def _load_idf(node: Node) -> Any:
    found = floats_of(node.value("idf", Tensor))
    weights = jvm().org.apache.spark.mllib.linalg.Vectors.fromML(java(DenseVector(found)))
    frequencies = longs([int(one) for one in node.value("docFreq", list, [0] * len(found))])
    inner = new(MLLIB + "feature.IDFModel", weights, frequencies, node.value("numDocs", int, -1))
    return new(_FEATURE + "IDFModel", node.name, inner)


def _counts(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {
        "vocabulary": [str(one) for one in plain(stage.java.vocabulary())],
        "binary": stage.param("binary"),
        "min_tf": float(stage.param("minTF")),
    }


def _load_counts(node: Node) -> Any:
    stage = Stage(new(_FEATURE + "CountVectorizerModel", node.name, texts(node.value("vocabulary", list))))
    stage.set("binary", node.value("binary", bool))
    stage.set("minTF", node.value("min_tf", float))
    return stage.java


def _word2vec(stage: Stage, _columns: Columns) -> dict[str, Any]:
    inner = field(stage.java, "wordVectors")
    index = plain(jvm().scala.collection.JavaConverters.mapAsJavaMapConverter(inner.wordIndex()).asJava())
    words = sorted(index, key=lambda word: int(index[word]))
    return {
        "words": words,
        "indices": [Long(index[word]) for word in words],
        "word_vectors": [float(one) for one in plain(inner.wordVectors())],
    }


def _load_word2vec(node: Node) -> Any:
    index = dict(zip(node.value("words", list), (int(one) for one in node.value("indices", list)), strict=True))
    values = node.value("word_vectors", list)
    inner = new(MLLIB + "feature.Word2VecModel", scala_map(java(index)), floats(values))
    stage = Stage(new(_FEATURE + "Word2VecModel", node.name, inner))
    stage.set("vectorSize", len(values) // max(len(index), 1))
    return stage.java


def _hasher(stage: Stage, columns: Columns) -> dict[str, Any]:
    names = stage.columns("inputCols")
    return {
        "num_features": Long(stage.param("numFeatures")),
        "categorical_cols": list(stage.param("categoricalCols")) if stage.is_set("categoricalCols") else [],
        "input_shapes": [columns.shape(name) for name in names],
        "basic_types": [columns.basic(name) for name in names],
        "input_names": names,
    }


_ALL = {"input": "inputCols"}
_load_tokenizer = loads("feature.Tokenizer")
_load_regex = loads(
    "feature.RegexTokenizer",
    pattern=("regex", str),
    gaps=("match_gaps", bool, True),
    minTokenLength=("token_min_length", int, 1),
    toLowercase=("lowercase_text", bool, True),
)
_load_stop_words = loads(
    "feature.StopWordsRemover", stopWords=("stop_words", list), caseSensitive=("case_sensitive", bool, False)
)
_load_ngram = loads("feature.NGram", n=("n", int))
_load_hasher = loads(
    "feature.FeatureHasher", numFeatures=("num_features", int), categoricalCols=("categorical_cols", list, [])
)
OPS = (
    Op("tokenizer", "feature.Tokenizer", INPUT, OUTPUT, _nothing, _load_tokenizer),
    Op("regex_tokenizer", "feature.RegexTokenizer", INPUT, OUTPUT, _regex, _load_regex),
    Op("stopwords_remover", "feature.StopWordsRemover", INPUT, OUTPUT, _stop_words, _load_stop_words),
    Op("ngram", "feature.NGram", INPUT, OUTPUT, _ngram, _load_ngram),
    Op("hashing_term_frequency", "feature.HashingTF", INPUT, OUTPUT, _hashing, _load_hashing),
    Op("idf", "feature.IDFModel", INPUT, OUTPUT, _idf, _load_idf),
    Op("count_vectorizer", "feature.CountVectorizerModel", INPUT, OUTPUT, _counts, _load_counts),
    Op("word_to_vector", "feature.Word2VecModel", INPUT, OUTPUT, _word2vec, _load_word2vec),
    Op("feature_hasher", "feature.FeatureHasher", _ALL, OUTPUT, _hasher, _load_hasher),
)
