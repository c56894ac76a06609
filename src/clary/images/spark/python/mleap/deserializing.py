"""From bundles to transformers of pyspark.ml."""

from __future__ import annotations

from typing import Any

from pyspark.ml.pipeline import PipelineModel
from pyspark.ml.wrapper import JavaParams

from .bundles import Node, read
from .op import UnknownTransformer
from .ops import BY_NAME


def deserialize(path: str) -> Any:
    """Raises UnknownTransformer before anything is made of it, ValueError for what is no bundle."""
    root = read(path).root
    for node in root.walk():
        for one in (node, *node.models.values()):
            if one.op != "pipeline" and one.op not in BY_NAME:
                raise UnknownTransformer(f"Spark has no transformer for MLeap's op {one.op} (node {one.name})")
    return _transformer(root)


def _transformer(node: Node) -> Any:
    if node.op == "pipeline":
        pipeline = PipelineModel([_transformer(child) for child in node.children])
        pipeline._resetUid(node.name)  # noqa: SLF001 - as PipelineModel._from_java does
        return pipeline
    return JavaParams._from_java(BY_NAME[node.op].transformer(node))  # noqa: SLF001 - how pyspark.ml itself reads
