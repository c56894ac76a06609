"""Clusters: k-means and bisecting k-means, by Euclidean distance, which is all that MLeap's bundles know.

https://github.com/apache/spark/tree/v3.5.6/mllib/src/main/scala/org/apache/spark/mllib (clustering, util/MLUtils.scala)
"""

from __future__ import annotations

import math
from typing import Any, Sequence

from . import batch, batch_math
from .batch import np
from .classified import totals
from .failures import WrongModel
from .java_math import dot
from .stage import Stage
from .trees import checked
from .vectors import Vector, dense

_EPSILON = 2.220446049250313e-16
_PRECISION = 1e-6


def norm(vector: Vector) -> float:
    """Vectors.norm(vector, 2)."""
    total = 0.0
    for value in vector.values:
        total += value * value
    return math.sqrt(total)


def squared(first: Vector, first_norm: float, second: Vector, second_norm: float) -> float:
    """MLUtils.fastSquaredDistance: by norms and a dot product where that is precise enough."""
    sums = first_norm * first_norm + second_norm * second_norm
    difference = first_norm - second_norm
    if 2.0 * _EPSILON * sums / (difference * difference + _EPSILON) < _PRECISION:
        return sums - 2.0 * dot(first, second)
    if first.indices is None and second.indices is None:
        return _squared(first, second)
    product = dot(first, second)
    distance = max(sums - 2.0 * product, 0.0)
    if _EPSILON * (sums + 2.0 * abs(product)) / (distance + _EPSILON) > _PRECISION:
        return _squared(first, second)
    return distance


def _squared(first: Vector, second: Vector) -> float:
    """Vectors.sqdist."""
    total = 0.0
    if first.indices is None and second.indices is None:
        pairs = zip(first.values, second.values)
    else:
        pairs = zip(first.tolist(), second.tolist())
    for one, other in pairs:
        difference = one - other
        total += difference * difference
    return total


def _euclidean(node: Any) -> None:
    """What Clary's own bundles add, so that other distances are not answered by this one."""
    measure = node.value("distance_measure", str, "euclidean")
    if measure != "euclidean":
        raise WrongModel(f"distance measure {measure}: only the Euclidean is served")


class KMeans(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        _euclidean(node)
        centers = [dense([float(value) for value in tensor.values]) for tensor in node.value("cluster_centers", list)]
        self._centers = [(center, norm(center)) for center in centers]
        self._size = len(centers[0])
        self.row = self._row

    def _row(self, features: Any) -> Any:
        vector = checked(features, self._size)
        own = norm(vector)
        best, least = 0, math.inf
        for index, (center, its) in enumerate(self._centers):
            bound = its - own
            if bound * bound < least:
                distance = squared(center, its, vector, own)
                if distance < least:
                    best, least = index, distance
        return best

    def columns(self, columns: Sequence[Any]) -> Any:
        table = batch.table(columns[0])
        if table is None or table.size != self._size:
            return super().columns(columns)
        own = np.sqrt(totals(table.values * table.values))
        best, least = np.zeros(len(table), int), np.full(len(table), math.inf)
        for index, (center, its) in enumerate(self._centers):
            bound = its - own
            distance = _distances(table, own, center, its)
            closer = (bound * bound < least) & (distance < least)
            best[closer], least[closer] = index, distance[closer]
        return [best]


def _distances(table: batch.Table, own: Any, center: Vector, its: float) -> Any:
    """`squared` of the center and each row."""
    sums = its * its + own * own
    difference = its - own
    precise = 2.0 * _EPSILON * sums / (difference * difference + _EPSILON) < _PRECISION
    distance = sums - 2.0 * batch_math.dot(table, center)
    for row in np.flatnonzero(~precise).tolist():
        distance[row] = squared(center, its, table.take([row]).tolist()[0], float(own[row]))
    return distance


class _Branch:
    def __init__(self, given: Any) -> None:
        self.index = int(given.get("index") or 0)
        self.norm = float(given.get("norm") or 0.0)
        self.center = dense([float(value) for value in given.get("values") or ()])
        self.children: list[_Branch] = []


class BisectingKMeans(Stage):
    """Down the tree, each time to the child that is nearest."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        _euclidean(node)
        waiting = iter(node.tree)

        def branch() -> _Branch:
            given = next(waiting)
            made = _Branch(given)
            made.children = [branch() for _ in range(int(given.get("numChildren") or 0))]
            return made

        try:
            self._root = branch()
        except StopIteration:
            raise WrongModel("the tree ends too early") from None
        self.row = self._row

    def _row(self, features: Any) -> Any:
        vector = checked(features, self._root.center.size)
        own = norm(vector)
        at = self._root
        while at.children:
            at = min(at.children, key=lambda child: squared(child.center, child.norm, vector, own))
        return at.index
