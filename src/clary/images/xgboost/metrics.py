"""The evaluation metrics that the container has beside xgboost's own.

`rmse` and `mae` are in the public container's list too, computed again with scikit-learn. xgboost's own are used here:
the same numbers, but weighted, and right over several instances.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .packages import VERSION, numpy, package

MAXIMIZED = frozenset(
    [
        *("accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map", "ndcg", "precision"),
        *("precision_macro", "precision_micro", "r2", "recall", "recall_macro", "recall_micro"),
    ]
)


def _score(name: str, **options: str) -> Callable[[Any, Any], float]:
    return lambda truth, said: float(getattr(package("sklearn.metrics"), name)(truth, said, **options))


OF_CLASSES: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": _score("accuracy_score"),
    "balanced_accuracy": _score("balanced_accuracy_score"),
    "f1": _score("f1_score", average="macro"),
    "f1_binary": _score("f1_score", average="binary"),
    "f1_macro": _score("f1_score", average="macro"),
    "precision": _score("precision_score"),
    "precision_macro": _score("precision_score", average="macro"),
    "precision_micro": _score("precision_score", average="micro"),
    "recall": _score("recall_score"),
    "recall_macro": _score("recall_score", average="macro"),
    "recall_micro": _score("recall_score", average="micro"),
}
OF_VALUES: dict[str, Callable[[Any, Any], float]] = {"mse": _score("mean_squared_error"), "r2": _score("r2_score")}
OURS = frozenset([*OF_CLASSES, *OF_VALUES])


def chosen(asked: list[str]) -> tuple[list[str], list[str]]:
    """Those that xgboost computes, and those that are computed here, each once, in the order of the asking: that is the
    same on all instances, so that the averages over them are of the same metric.
    """
    names = list(dict.fromkeys(asked))
    return [name for name in names if name not in OURS], [name for name in names if name in OURS]


def evaluation(names: list[str], objective: str) -> Callable[[Any, Any], list[tuple[str, float]]]:
    """What xgboost.train calls for `names` after each round."""

    def evaluate(said: Any, matrix: Any) -> list[tuple[str, float]]:
        truth = matrix.get_label()
        picked = None
        found = []
        for name in names:
            if name in OF_VALUES:
                found.append((name, OF_VALUES[name](truth, said)))
            else:
                picked = classes(said, objective) if picked is None else picked
                found.append((name, OF_CLASSES[name](truth, picked)))
        return found

    return evaluate


def classes(said: Any, objective: str) -> Any:
    """The class that each prediction means. From 1.2 on `feval` is handed margins; before, and from 3 on as
    `custom_metric`, what the objective makes of them: probabilities, or classes.
    """
    if said.ndim > 1:
        return numpy.argmax(said, axis=1)
    if VERSION < (1, 2) or VERSION >= (3, 0):
        if objective == "multi:softmax":
            return said.astype(int)
        if objective in ("binary:logistic", "reg:logistic"):
            return (said > 0.5).astype(int)
    return (said > 0.0).astype(int)
