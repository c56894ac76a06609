"""MLeap's ops that Spark's transformers have, by their names there: mleap-spark's reference.conf lists them."""

from __future__ import annotations

from mleap.op import Op

from . import clusters, ensembles, indexers, linear, scalers, text, trees, vectors

_MODELS: tuple[Op, ...] = (
    *indexers.OPS,
    *scalers.OPS,
    *vectors.OPS,
    *text.OPS,
    *linear.OPS,
    *trees.OPS,
    *clusters.OPS,
)
OPS = (*_MODELS, *ensembles.ops(_MODELS))
BY_NAME = {op.name: op for op in OPS}
BY_KIND = {op.kind: op for op in OPS}
