"""The names of Spark 2 and of early Spark 3 for scripts written for them, on Spark 3.5: for old versions of Glue alone.

`install("1.0")`, before the script runs. Modules are changed when they are imported, so nothing is loaded for its sake.
https://docs.aws.amazon.com/glue/latest/dg/release-notes.html says which Spark a version of Glue has.
https://spark.apache.org/docs/latest/ml-migration-guide.html says what Spark 3 renamed and took away.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

_SPARK = {"0.9": (2, 2), "1.0": (2, 4), "2.0": (2, 4), "3.0": (3, 1), "4.0": (3, 3)}
_NEW = {"filter": (3, 1), "reduce": (3, 5)}  # Python's own names that functions took, and in which Spark


def install(glue: str) -> None:
    """For a version of Glue, as `0.9`; one that has Spark 3.5 or more, or is not known, needs nothing."""
    spark = _SPARK.get(glue)
    if spark is None:
        return
    changes: dict[str, Callable[[Any], None]] = {"pyspark.sql.functions": lambda module: _functions(module, spark)}
    if spark < (3, 0):
        changes["pyspark.ml.feature"] = _feature
        changes["pyspark.ml.clustering"] = _clustering
    for name, change in changes.items():
        if name in sys.modules:
            change(sys.modules[name])
    sys.meta_path.insert(0, _Finder(changes))


def _functions(module: Any, spark: tuple[int, int]) -> None:
    """`from pyspark.sql.functions import *` brings no function of a later Spark that hides one of Python's own."""
    hidden = {name for name, since in _NEW.items() if since > spark}
    names = [name for name in vars(module) if not name.startswith("_") and name not in hidden]
    module.__all__ = names


def _feature(module: Any) -> None:
    """Spark 2's OneHotEncoder needed no fit; the one that did was called OneHotEncoderEstimator."""
    encoder: Any = module.OneHotEncoder

    def transform(self: Any, dataset: Any, params: Any = None) -> Any:
        """At once, as in Spark 2: the categories are those that the column tells of, or that are counted."""
        return self.fit(dataset, params).transform(dataset)

    encoder.transform = transform
    module.OneHotEncoderEstimator = encoder
    module.__all__ = [*module.__all__, "OneHotEncoderEstimator"]


def _clustering(module: Any) -> None:
    """KMeansModel.computeCost: the sum of squared distances to the nearest centre."""

    def compute_cost(model: Any, dataset: Any) -> float:
        from pyspark.sql.functions import udf  # noqa: PLC0415 - loads Spark

        centres = [centre.tolist() for centre in model.clusterCenters()]

        def cost(features: Any) -> float:
            point = features.toArray()
            return min(float(((point - centre) ** 2).sum()) for centre in centres)

        costs = dataset.select(udf(cost, "double")(model.getFeaturesCol()).alias("cost"))
        return float(costs.agg({"cost": "sum"}).first()[0] or 0.0)

    module.KMeansModel.computeCost = compute_cost


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, changes: dict[str, Callable[[ModuleType], None]]) -> None:
        self._changes = changes

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self._changes:
            return None
        change = self._changes.pop(name)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, change)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader, change: Callable[[ModuleType], None]) -> None:
        self._loader, self._change = loader, change

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._change(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
