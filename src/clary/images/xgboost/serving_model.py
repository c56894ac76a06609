"""The model of an endpoint: found in its folder, loaded, and asked for predictions as the public container asks.
https://github.com/aws/sagemaker-xgboost-container (src/sagemaker_xgboost_container/algorithm_mode/serve_utils.py)
"""

from __future__ import annotations

import json
import math
import pickle
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..runtime.messages import Refused  # noqa: TID252 - in the container the package is no `clary`
from .packages import VERSION, numpy, xgboost
from .serving_fast import Fast
from .serving_memory import lean

UNFIT = "Unable to evaluate payload provided: "


class ModelError(Exception):
    """There is no model that can be served."""


class Engine:
    """One booster."""

    def __init__(self, booster: Any, pickled: bool) -> None:
        self.booster = booster
        self.pickled = pickled
        self.features = _features(booster)
        self._lock = threading.Lock()  # Booster.predict is for one thread at a time
        self.fast = Fast.of(booster, self.features, self.slow)

    def slow(self, matrix: Any) -> Any:
        """As the container: by a DMatrix. best_ntree_limit is no more from 2.0 on, and all trees are asked."""
        limit = int(getattr(self.booster, "best_ntree_limit", 0) or 0)
        options = {"ntree_limit": limit} if limit and VERSION < (2, 0) else {}
        with self._lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that ntree_limit is deprecated
            return self.booster.predict(matrix, validate_features=False, **options)


class Ensemble:
    """One engine, or several whose predictions are put together."""

    def __init__(self, engines: list[Engine]) -> None:
        self._engines = engines
        self._features = engines[0].features
        self.config: dict[str, Any] = {}
        if hasattr(engines[0].booster, "save_config"):
            self.config = json.loads(engines[0].booster.save_config())
        objective = self.config["learner"]["objective"]["name"] if self.config else ""
        self._votes = objective in {"multi:softmax", "binary:hinge"}
        self._fast = [engine.fast for engine in engines if engine.fast and engine.features == self._features]

    def fitted(self, rows: Any, kind: str) -> Any:
        """Rows for `together`, what they lack in columns filled up: what a DMatrix lacks is missing, too. None for rows
        that have to go `alone`. Raises Refused.
        """
        columns, dense = rows.shape[1], isinstance(rows, numpy.ndarray)
        if self._engines[0].pickled and self._features:
            self._check(columns, kind)
        if not dense or columns > self._features or len(self._fast) < len(self._engines):
            return None
        if not math.isfinite(numpy.add.reduce(rows, axis=None)) and numpy.isinf(rows).any():
            return None  # which xgboost refuses
        if columns == self._features:
            return rows
        filled = numpy.full((len(rows), self._features), numpy.nan, dtype=numpy.float32)
        filled[:, :columns] = rows
        return filled

    def _check(self, columns: int, kind: str) -> None:
        """The container looks at the columns of pickled models alone; of others xgboost itself counts them."""
        said = ""
        if kind == "libsvm" and columns > self._features + 1:
            said = "larger than feature size of trained model"
        elif kind != "libsvm" and columns not in {self._features, self._features - 1}:
            said = "not consistent with feature size of trained model"
        if said:
            raise Refused(400, f"{UNFIT}Feature size of {kind} inference data {columns} is {said} {self._features}.")

    def together(self, rows: Any) -> Any:
        """Predictions for fitted rows, whosever they are."""
        return self._combined([fast.predict(rows) for fast in self._fast])

    def alone(self, rows: Any) -> Any:
        """Predictions for one request's rows. Raises Refused with what xgboost says of them."""
        try:
            matrix = xgboost.DMatrix(rows)
            return self._combined([engine.slow(matrix) for engine in self._engines])
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise Refused(400, UNFIT + str(error).partition("Stack trace")[0].strip()) from error

    def _combined(self, predictions: list[Any]) -> Any:
        """Of several models: the vote for labels, else the average."""
        if len(predictions) == 1:
            return predictions[0]
        return _vote(numpy.stack(predictions)) if self._votes else numpy.mean(predictions, axis=0)


def load(folder: str, environ: Mapping[str, str]) -> Ensemble:
    """The model files at the top of the folder. Raises ModelError."""
    place = Path(folder)
    files = sorted(file for file in place.iterdir() if file.is_file()) if place.is_dir() else []
    for file in files:
        if file.name.startswith("."):
            print(
                f"Ignoring dotfile '{file}' found in model directory - please exclude dotfiles from model archives",
                flush=True,
            )
    files = [file for file in files if not file.name.startswith(".")]
    if not files:
        raise ModelError(
            f"There is no model file in {folder}. An XGBoost model is one file at the top of model.tar.gz, written by "
            "Booster.save_model or by pickle."
        )
    several = VERSION >= (1, 2) and environ.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") == "true"
    with lean():
        return Ensemble([_load(file) for file in (files if several else files[:1])])


def _load(file: Path) -> Engine:
    print(f"Loading the model from {file}", flush=True)
    booster, pickled = None, True
    try:
        with file.open("rb") as opened:
            booster = pickle.load(opened)  # noqa: S301 - see above
    except Exception as error:  # noqa: BLE001 - a file that is no pickle fails in many ways
        booster, pickled = _saved(file, error), False
    if not isinstance(booster, xgboost.Booster):
        raise ModelError(
            f"{file} holds a {type(booster).__name__}; an xgboost.Booster is expected. Please save what its "
            "get_booster() gives."
        )
    booster.set_param({"nthread": 1})
    return Engine(booster, pickled)


def _saved(file: Path, unpickled: Exception) -> Any:
    """What save_model wrote."""
    booster = xgboost.Booster()
    try:
        booster.load_model(str(file))
    except Exception as error:
        said = str(error).partition("Stack trace")[0].strip()
        raise ModelError(
            f"Model {file} cannot be loaded by xgboost {xgboost.__version__}:\nPickle load error={unpickled}\n"
            f"XGB load model error={said}"
        ) from error
    return booster


def _features(booster: Any) -> int:
    """How many columns it was trained on; 0 where this version does not tell."""
    if hasattr(booster, "num_features"):
        return int(booster.num_features())
    return len(booster.feature_names or ())


def _vote(stacked: Any) -> Any:
    """The most frequent label of each row, the smallest of those that are: scipy.stats.mode."""
    best, most = stacked[0], numpy.zeros(stacked.shape[1:], dtype=int)
    for label in numpy.unique(stacked):
        count = (stacked == label).sum(axis=0)
        best = numpy.where(count > most, label, best)
        most = numpy.maximum(count, most)
    return best
