"""Decision trees, random forests and gradient-boosted trees.

https://github.com/apache/spark/tree/v3.5.6/mllib/src/main/scala/org/apache/spark/ml (tree, classification, regression)
"""

from __future__ import annotations

from typing import Any, Sequence

from . import batch, batch_math
from .batch import np
from .classified import Classifier, normalized, normalizeds, totals
from .failures import BadRow, WrongModel
from .java_math import ddot, exp
from .stage import Stage
from .vectors import Vector


class Tree:
    """A tree of MLeap's, each node before its left and its right, as lists by the node's number."""

    def __init__(self, node: Any) -> None:
        self.features: list[int] = []  # -1: a leaf
        self.thresholds: list[float] = []
        self.left: list[Any] = []  # of a continuous split None, else the categories that go left
        self.rights: list[Any] = []  # or those that go right
        self.lower: list[int] = []
        self.upper: list[int] = []
        self.values: list[Any] = []
        if not node.tree:
            raise WrongModel(f"node {node.name} has no tree")
        waiting: list[tuple[int, bool]] = []  # whose next child is missing, and whether it is the right one
        for place, given in enumerate(node.tree):
            if place:
                if not waiting:
                    raise WrongModel(f"the tree of node {node.name} goes on after its end")
                parent, right = waiting.pop()
                (self.upper if right else self.lower)[parent] = place
                if not right:
                    waiting.append((parent, True))
            self._add(given)
            if self.features[place] >= 0:
                waiting.append((place, False))
        if waiting:
            raise WrongModel(f"the tree of node {node.name} ends too early")

    def _add(self, given: Any) -> None:
        split = given.get("split") or {}
        internal = given.get("type") == "internal"
        categories = (
            frozenset(map(float, split.get("categories") or ())) if split.get("type") == "categorical" else None
        )
        self.features.append(int(split.get("featureIndex") or 0) if internal else -1)
        self.thresholds.append(float(split.get("threshold") or 0.0) if internal and categories is None else 0.0)
        self.left.append(categories if split.get("isLeft") else None)
        self.rights.append(None if split.get("isLeft") else categories)
        self.lower.append(0)
        self.upper.append(0)
        self.values.append([float(value) for value in given.get("values") or ()])

    def leaf(self, vector: Vector) -> Any:
        """The values of the leaf where the features lead."""
        features = self.features
        place = 0
        index = features[0]
        get = vector.values.__getitem__ if vector.indices is None else _sparse(vector)
        while index >= 0:
            value = get(index)
            left, right = self.left[place], self.rights[place]
            if left is None and right is None:
                lower = value <= self.thresholds[place]
            else:
                lower = value in left if right is None else value not in right
            place = self.lower[place] if lower else self.upper[place]
            index = features[place]
        return self.values[place]

    def leaves(self, table: batch.Table) -> Any:
        """The number of the leaf of each row."""
        features, thresholds = np.array(self.features), np.array(self.thresholds)
        lower, upper = np.array(self.lower), np.array(self.upper)
        categorical = [place for place in range(len(self.left)) if self.left[place] is not self.rights[place]]
        every = np.arange(len(table))
        place = np.zeros(len(table), int)
        index = features[place]
        while (index >= 0).any():
            values = table.values[every, index]
            low = values <= thresholds[place]
            for one in categorical:
                here = place == one
                left = self.left[one]
                found = np.isin(values[here], sorted(self.rights[one] if left is None else left))
                low[here] = ~found if left is None else found
            place = np.where(index < 0, place, np.where(low, lower[place], upper[place]))
            index = features[place]
        return place

    def leaf_values(self, table: batch.Table, width: int) -> Any:
        """`leaf` of each row, as an array of rows by width."""
        every = [values if len(values) == width else [0.0] * width for values in self.values]
        return np.array(every, "f8")[self.leaves(table)]


def _fits(column: Any, size: int) -> Any:
    table = batch.table(column)
    return table if table is not None and table.size >= size else None


def _sparse(vector: Vector) -> Any:
    numbers = dict(zip(vector.indices or (), vector.values))
    return lambda index: numbers.get(index, 0.0)


def checked(features: Any, size: int) -> Vector:
    """Raises BadRow for what is no vector of that size."""
    if not isinstance(features, Vector) or features.size < size:
        given = features.size if isinstance(features, Vector) else features
        raise BadRow(f"The model has {size} features, the row {given}")
    return features


def _trees(node: Any) -> tuple[list[Tree], list[float]]:
    names = node.value("trees", list)
    missing = [name for name in names if name not in node.models]
    if missing:
        raise WrongModel(f"{missing[0]} is not there")
    weights = [float(weight) for weight in node.value("tree_weights", list, [1.0] * len(names))]
    return [Tree(node.models[name]) for name in names], weights


class _Regressor(Stage):
    """A subclass has `of`: predictions of a table."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._size = node.value("num_features", int, 0)

    def of(self, table: batch.Table) -> Any:
        raise NotImplementedError

    def columns(self, columns: Sequence[Any]) -> Any:
        table = _fits(columns[0], self._size)
        return super().columns(columns) if table is None else [self.of(table)]


class DecisionTreeRegressor(_Regressor):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._tree = Tree(node)
        self.row = self._row

    def _row(self, features: Any) -> Any:
        return self._tree.leaf(checked(features, self._size))[0]

    def of(self, table: batch.Table) -> Any:
        return self._tree.leaf_values(table, 1)[:, 0]


class RandomForestRegressor(_Regressor):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._forest, _ = _trees(node)
        self.row = self._row

    def _row(self, features: Any) -> Any:
        vector = checked(features, self._size)
        total = 0.0
        for tree in self._forest:
            total += tree.leaf(vector)[0]
        return total / len(self._forest)

    def of(self, table: batch.Table) -> Any:
        return totals(_firsts(self._forest, table)) / len(self._forest)


class GBTRegressor(_Regressor):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._forest, self._weights = _trees(node)
        self.row = self._row

    def _row(self, features: Any) -> Any:
        return _boosted(self._forest, self._weights, checked(features, self._size))

    def of(self, table: batch.Table) -> Any:
        return batch_math.ddot(_firsts(self._forest, table), self._weights)


def _firsts(forest: Sequence[Tree], table: batch.Table) -> Any:
    return np.stack([tree.leaf_values(table, 1)[:, 0] for tree in forest], axis=1)


def _boosted(forest: Sequence[Tree], weights: Sequence[float], vector: Vector) -> float:
    return ddot([tree.leaf(vector)[0] for tree in forest], weights)


class DecisionTreeClassifier(Classifier):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._tree = Tree(node)
        self._size = node.value("num_features", int, 0)

    def raw(self, features: Vector) -> list[float]:
        return list(self._tree.leaf(checked(features, self._size)))

    def raws(self, features: batch.Table) -> Any:
        width = max(map(len, self._tree.values))
        return self._tree.leaf_values(features, width) if features.size >= self._size else None

    def probability(self, raw: list[float]) -> list[float]:
        return normalized(raw)

    def probabilities(self, raw: Any) -> Any:
        return normalizeds(raw)


class RandomForestClassifier(Classifier):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._forest, _ = _trees(node)
        self._size = node.value("num_features", int, 0)
        self._classes = node.value("num_classes", int)

    def raw(self, features: Vector) -> list[float]:
        vector = checked(features, self._size)
        votes = [0.0] * self._classes
        for tree in self._forest:
            counts = tree.leaf(vector)
            total = 0.0
            for count in counts:
                total += count
            if total:
                for index in range(self._classes):
                    votes[index] += counts[index] / total
        return votes

    def raws(self, features: batch.Table) -> Any:
        if features.size < self._size:
            return None
        votes = np.zeros((len(features), self._classes))
        for tree in self._forest:
            votes += normalizeds(tree.leaf_values(features, self._classes))
        return votes

    def probability(self, raw: list[float]) -> list[float]:
        return normalized(raw)

    def probabilities(self, raw: Any) -> Any:
        return normalizeds(raw)


class GBTClassifier(Classifier):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._forest, self._weights = _trees(node)
        self._size = node.value("num_features", int, 0)
        if node.value("num_classes", int, 2) != 2:
            raise WrongModel("more than two classes")

    def raw(self, features: Vector) -> list[float]:
        margin = _boosted(self._forest, self._weights, checked(features, self._size))
        return [-margin, margin]

    def raws(self, features: batch.Table) -> Any:
        if features.size < self._size:
            return None
        margins = batch_math.ddot(_firsts(self._forest, features), self._weights)
        return np.stack([-margins, margins], axis=1)

    def probability(self, raw: list[float]) -> list[float]:
        first = 1.0 / (1.0 + exp(-2.0 * raw[0]))
        return [first, 1.0 - first]

    def probabilities(self, raw: Any) -> Any:
        first = 1.0 / (1.0 + batch_math.exp(-2.0 * raw[:, 0]))
        return np.stack([first, 1.0 - first], axis=1)
