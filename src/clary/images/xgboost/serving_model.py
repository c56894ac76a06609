"""The model of an endpoint: found in its folder, loaded, and asked for predictions as the public container asks.
https://github.com/aws/sagemaker-xgboost-container (src/sagemaker_xgboost_container/algorithm_mode/serve_utils.py)
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .serving_fast import Fast
from .serving_library import numpy, xgboost


class ModelError(Exception):
    """There is no model that can be served."""


class Engine:
    """One booster. `pickled` ones are checked for their number of columns, as the container does."""

    def __init__(self, booster: Any, pickled: bool) -> None:
        self.booster = booster
        self.pickled = pickled
        self.features = _features(booster)
        self.fast = Fast.of(booster, self.features, self.slow)

    def slow(self, matrix: Any) -> Any:
        """As the container: by a DMatrix."""
        limit = int(getattr(self.booster, "best_ntree_limit", 0) or 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that ntree_limit is deprecated
            if limit:
                return self.booster.predict(matrix, ntree_limit=limit, validate_features=False)
            return self.booster.predict(matrix, validate_features=False)


def load(folder: str, environ: Mapping[str, str]) -> list[Engine]:
    """One engine, or several whose predictions are put together. Raises ModelError."""
    place = Path(folder)
    files = sorted(file for file in place.iterdir() if file.is_file()) if place.is_dir() else []
    for file in files:
        if file.name.startswith("."):
            print(f"Ignoring dotfile '{file}' found in model directory", flush=True)
    files = [file for file in files if not file.name.startswith(".")]
    if not files:
        raise ModelError(
            f"There is no model file in {folder}. An XGBoost model is one file at the top of model.tar.gz, written by "
            "Booster.save_model or by pickle."
        )
    ensemble = environ.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") == "true"
    return [_load(file) for file in (files if ensemble else files[:1])]


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
    if hasattr(booster, "num_features"):
        return int(booster.num_features())
    return len(booster.feature_names or ())


def combined(objective: str, predictions: list[Any]) -> Any:
    """Of several models: the vote for labels, else the average."""
    if len(predictions) == 1:
        return predictions[0]
    if objective in ("multi:softmax", "binary:hinge"):
        return _vote(numpy.stack(predictions))
    return numpy.mean(predictions, axis=0)


def _vote(stacked: Any) -> Any:
    """The most frequent label of each row, the smallest of those that are: scipy.stats.mode."""
    best, most = stacked[0], numpy.zeros(stacked.shape[1:], dtype=int)
    for label in numpy.unique(stacked):
        count = (stacked == label).sum(axis=0)
        best = numpy.where(count > most, label, best)
        most = numpy.maximum(count, most)
    return best
