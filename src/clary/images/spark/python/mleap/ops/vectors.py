"""From vectors to vectors: assembled, sliced, expanded, multiplied, projected, hashed."""

from __future__ import annotations

from typing import Any

from pyspark.ml.linalg import DenseVector

from mleap.bundles import Long, Node, Tensor
from mleap.columns import Columns
from mleap.java import ML, Stage, ints, java, jvm, new, objects, plain
from mleap.op import INPUT, OUTPUT, Op, by_columns, floats_of, loads, matrix, vector

_FEATURE = ML + "feature."


def _assembler(stage: Stage, columns: Columns) -> dict[str, Any]:
    """`handle_invalid` is not MLeap's, whose assembler only knows what Spark calls "error"."""
    shapes = {"input_shapes": [columns.shape(name) for name in stage.columns("inputCols")]}
    invalid = stage.param("handleInvalid")
    return shapes if invalid == "error" else {**shapes, "handle_invalid": invalid}


def _slicer(stage: Stage, columns: Columns) -> dict[str, Any]:
    source = stage.param("inputCol")
    names = list(stage.param("names"))
    places = {one.get("name"): int(one["idx"]) for one in columns.features(source)} if names else {}
    missing = [name for name in names if name not in places]
    if missing:
        raise ValueError(f"column {source} of the sample has no feature {', '.join(missing)}")
    return {
        "indices": [Long(one) for one in stage.param("indices")],
        "names": names,
        "named_indices": [places[name] for name in names],
        "input_size": columns.size(source),
    }


def _load_slicer(node: Node) -> Any:
    stage = Stage(new(_FEATURE + "VectorSlicer", node.name))
    stage.set("indices", [int(one) for one in node.value("indices", list)])
    stage.set("names", node.value("names", list, []))
    return stage.java


def _polynomial(stage: Stage, columns: Columns) -> dict[str, Any]:
    return {"degree": Long(stage.param("degree")), "input_size": Long(columns.size(stage.param("inputCol")))}


def _interaction(stage: Stage, columns: Columns) -> dict[str, Any]:
    """Of each column its elements' numbers of categories, 1 for what is a number."""
    names = stage.columns("inputCols")
    found: dict[str, Any] = {"num_inputs": len(names), "input_shapes": [columns.shape(name) for name in names]}
    for number, name in enumerate(names):
        vectors = columns.kind(name) == "vector"
        each = columns.features(name) if vectors else [columns.attributes(name)]
        found[f"num_features{number}"] = [_categories(name, one) for one in each]
    return found


def _categories(name: str, known: dict[str, Any]) -> int:
    if known.get("type") != "nominal":
        return 1
    if "num_vals" not in known and "vals" not in known:
        raise ValueError(f"column {name} of the sample doesn't say how many categories it has")
    return max(1, int(known.get("num_vals", len(known.get("vals", ())))))


def _product(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {"scaling_vec": vector(stage.param("scalingVec"))}


def _load_product(node: Node) -> Any:
    stage = Stage(new(_FEATURE + "ElementwiseProduct", node.name))
    stage.set("scalingVec", java(DenseVector(floats_of(node.value("scaling_vec", Tensor)))))
    return stage.java


def _dct(stage: Stage, columns: Columns) -> dict[str, Any]:
    return {"inverse": stage.param("inverse"), "input_size": columns.size(stage.param("inputCol"))}


def _pca(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {"principal_components": matrix(plain(stage.java.pc()))}


def _load_pca(node: Node) -> Any:
    """How much each component explains is not in MLeap's format."""
    components = by_columns(node.value("principal_components", Tensor))
    stage = Stage(new(_FEATURE + "PCAModel", node.name, java(components), java(DenseVector([]))))
    stage.set("k", components.numCols)
    return stage.java


def _selector(stage: Stage, columns: Columns) -> dict[str, Any]:
    chosen = [Long(one) for one in plain(stage.java.selectedFeatures())]
    return {"filter_indices": chosen, "input_size": columns.size(stage.param("featuresCol"))}


def _load_selector(node: Node) -> Any:
    chosen = ints([int(one) for one in node.value("filter_indices", list)])
    return new(_FEATURE + "ChiSqSelectorModel", node.name, chosen)


def _min_hash(stage: Stage, columns: Columns) -> dict[str, Any]:
    pairs = [(int(one.productElement(0)), int(one.productElement(1))) for one in stage.java.randCoefficients()]
    return {
        "random_coefficients_a": [Long(one) for one, _ in pairs],
        "random_coefficients_b": [Long(one) for _, one in pairs],
        "input_size": columns.size(stage.param("inputCol")),
    }


def _load_min_hash(node: Node) -> Any:
    pair = jvm().scala.Tuple2
    both = zip(node.value("random_coefficients_a", list), node.value("random_coefficients_b", list), strict=True)
    pairs = objects(pair, [pair(int(one), int(other)) for one, other in both])
    stage = Stage(new(_FEATURE + "MinHashLSHModel", node.name, pairs))
    stage.set("numHashTables", len(pairs))
    return stage.java


def _random_projection(stage: Stage, columns: Columns) -> dict[str, Any]:
    found = plain(stage.java.randMatrix()).toArray()
    return {
        "random_unit_vectors": [Tensor((len(row),), [float(one) for one in row]) for row in found],
        "bucket_length": stage.param("bucketLength"),
        "input_size": columns.size(stage.param("inputCol")),
    }


def _load_random_projection(node: Node) -> Any:
    vectors = [java(DenseVector(floats_of(one))) for one in node.value("random_unit_vectors", list)]
    array = objects(jvm().org.apache.spark.ml.linalg.Vector, vectors)
    stage = Stage(new(_FEATURE + "BucketedRandomProjectionLSHModel", node.name, array))
    stage.set("bucketLength", node.value("bucket_length", float))
    stage.set("numHashTables", len(vectors))
    return stage.java


_LSH = "feature.BucketedRandomProjectionLSHModel"
_CHOSEN = {"input": "featuresCol"}
_ALL = {"input": "inputCols"}
_load_assembler = loads("feature.VectorAssembler", handleInvalid=("handle_invalid", str, "error"))
_load_polynomial = loads("feature.PolynomialExpansion", degree=("degree", int))
_load_interaction = loads("feature.Interaction")
_load_dct = loads("feature.DCT", inverse=("inverse", bool))
OPS = (
    Op("vector_assembler", "feature.VectorAssembler", _ALL, OUTPUT, _assembler, _load_assembler),
    Op("vector_slicer", "feature.VectorSlicer", INPUT, OUTPUT, _slicer, _load_slicer),
    Op("polynomial_expansion", "feature.PolynomialExpansion", INPUT, OUTPUT, _polynomial, _load_polynomial),
    Op("interaction", "feature.Interaction", _ALL, OUTPUT, _interaction, _load_interaction),
    Op("elementwise_product", "feature.ElementwiseProduct", INPUT, OUTPUT, _product, _load_product),
    Op("dct", "feature.DCT", INPUT, OUTPUT, _dct, _load_dct),
    Op("pca", "feature.PCAModel", INPUT, OUTPUT, _pca, _load_pca),
    Op("chi_sq_selector", "feature.ChiSqSelectorModel", _CHOSEN, OUTPUT, _selector, _load_selector),
    Op("min_hash_lsh", "feature.MinHashLSHModel", INPUT, OUTPUT, _min_hash, _load_min_hash),
    Op("bucketed_random_projection_lsh", _LSH, INPUT, OUTPUT, _random_projection, _load_random_projection),
)
