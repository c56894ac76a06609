"""Which op of a bundle is which stage. The ops' names and attributes are those of MLeap's sources.

https://github.com/combust/mleap (mleap-spark/src/main/scala/org/apache/spark/ml/bundle/ops, mleap-runtime's beside it)
"""

from __future__ import annotations

from typing import Any

from ..runtime.bundle import BundleError  # noqa: TID252 - in the container the package is no `clary`
from . import indexers, vectors_made
from .failures import UnknownTransformer, WrongModel
from .stage import Stage

STAGES: dict[str, type[Stage]] = {
    "string_indexer": indexers.StringIndexer,
    "reverse_string_indexer": indexers.ReverseStringIndexer,
    "one_hot_encoder": indexers.OneHotEncoder,
    "vector_assembler": vectors_made.VectorAssembler,
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
