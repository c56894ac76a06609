"""Which op of a bundle is which stage. The ops' names and attributes are those of MLeap's sources.

https://github.com/combust/mleap (mleap-spark/src/main/scala/org/apache/spark/ml/bundle/ops, mleap-runtime's beside it)
"""

from __future__ import annotations

from typing import Any

from ..runtime.bundle import BundleError  # noqa: TID252 - in the container the package is no `clary`
from . import bayes, clusters, combined, hashes, indexers, linear, scaled, selected, texts, trees, vectors_made
from .failures import UnknownTransformer, WrongModel
from .stage import Stage

STAGES: dict[str, type[Stage]] = {
    "string_indexer": indexers.StringIndexer,
    "reverse_string_indexer": indexers.ReverseStringIndexer,
    "one_hot_encoder": indexers.OneHotEncoder,
    "vector_assembler": vectors_made.VectorAssembler,
    "vector_indexer": selected.VectorIndexer,
    "vector_slicer": selected.VectorSlicer,
    "chi_sq_selector": selected.ChiSqSelector,
    "polynomial_expansion": selected.PolynomialExpansion,
    "interaction": selected.Interaction,
    "pca": selected.PCA,
    "dct": selected.DCT,
    "standard_scaler": scaled.StandardScaler,
    "min_max_scaler": scaled.MinMaxScaler,
    "max_abs_scaler": scaled.MaxAbsScaler,
    "normalizer": scaled.Normalizer,
    "elementwise_product": scaled.ElementwiseProduct,
    "idf": scaled.IDF,
    "imputer": scaled.Imputer,
    "binarizer": scaled.Binarizer,
    "bucketizer": scaled.Bucketizer,
    "tokenizer": texts.Tokenizer,
    "regex_tokenizer": texts.RegexTokenizer,
    "stopwords_remover": texts.StopWordsRemover,
    "ngram": texts.NGram,
    "hashing_term_frequency": texts.HashingTermFrequency,
    "feature_hasher": texts.FeatureHasher,
    "count_vectorizer": texts.CountVectorizer,
    "word_to_vector": texts.WordToVector,
    "bucketed_random_projection_lsh": hashes.BucketedRandomProjection,
    "min_hash_lsh": hashes.MinHash,
    "linear_regression": linear.LinearRegression,
    "logistic_regression": linear.LogisticRegression,
    "linear_svc": linear.LinearSVC,
    "generalized_linear_regression": linear.GeneralizedLinearRegression,
    "aft_survival_regression": linear.AFTSurvivalRegression,
    "isotonic_regression": scaled.IsotonicRegression,
    "decision_tree_classifier": trees.DecisionTreeClassifier,
    "decision_tree_regression": trees.DecisionTreeRegressor,
    "random_forest_classifier": trees.RandomForestClassifier,
    "random_forest_regression": trees.RandomForestRegressor,
    "gbt_classifier": trees.GBTClassifier,
    "gbt_regression": trees.GBTRegressor,
    "naive_bayes": bayes.NaiveBayes,
    "k_means": clusters.KMeans,
    "bisecting_k_means": clusters.BisectingKMeans,
    "gaussian_mixture": combined.GaussianMixture,
    "multi_layer_perceptron_classifier": combined.MultilayerPerceptron,
    "one_vs_rest": combined.OneVsRest,
}


def stages_of(node: Any) -> list[Stage]:
    """The node's steps in their order: a pipeline's are those of its stages. Raises UnknownTransformer, WrongModel."""
    if node.op == "pipeline":
        return [stage for child in node.children for stage in stages_of(child)]
    if node.op not in STAGES:
        raise UnknownTransformer(node.op, node.name)
    try:
        return [STAGES[node.op](node)]
    except (UnknownTransformer, BundleError):
        raise
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError) as error:
        raise WrongModel(f"Node {node.name} ({node.op}): {error}") from None
