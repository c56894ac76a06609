"""Predictions of the built-in XGBoost, over the interface of every image that serves.

An answer is what the public container answers for the image's tag: its codes, its words, its way of writing numbers.
https://github.com/aws/sagemaker-xgboost-container (src/sagemaker_xgboost_container/algorithm_mode/serve.py)
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from ..runtime.messages import Answer, Refused, Request  # noqa: TID252 - in the container the package is no `clary`
from . import serving_input, serving_model
from .serving_library import numpy, xgboost


def load(folder: str, environ: Mapping[str, str]) -> Model:
    return Model(serving_model.load(folder, environ), environ)


class Model:
    def __init__(self, engines: list[serving_model.Engine], environ: Mapping[str, str]) -> None:
        self._engines = engines
        self._environ = environ

    def answer(self, requests: list[Request]) -> list[Answer]:
        """Rows that can be predicted together are, whoever asked."""
        answers: list[Any] = [None] * len(requests)
        dense, places = [], []
        for place, request in enumerate(requests):
            try:
                matrix = self._rows(request)
                if matrix is None:
                    answers[place] = Answer(b"", "text/html; charset=utf-8", 204)
                else:
                    dense.append(matrix)
                    places.append(place)
            except Refused as refused:
                answers[place] = _refusal(refused)
        if dense:
            predictions = self._predict(dense[0] if len(dense) == 1 else numpy.concatenate(dense))
            start = 0
            for place, matrix in zip(places, dense):  # noqa: B905 - strict is 3.10's
                found = predictions[start : start + len(matrix)]
                start += len(matrix)
                answers[place] = Answer(_csv(found), "text/csv; charset=utf-8")
        return answers

    def close(self) -> None:
        self._engines.clear()

    def _rows(self, request: Request) -> Any:
        if not request.body:
            return None
        kind = serving_input.form(request.content_type)
        return serving_input.rows(request.body, kind)

    def _predict(self, matrix: Any) -> Any:
        engine = self._engines[0]
        if engine.fast:
            return engine.fast.predict(matrix)
        return engine.slow(xgboost.DMatrix(matrix))


def _refusal(refused: Refused) -> Answer:
    traceback.print_exc()
    return Answer(refused.message.encode(), "text/html; charset=utf-8", refused.status)


def _csv(found: Any) -> bytes:
    return ("\n".join(map(str, found.tolist())) + "\n").encode()
