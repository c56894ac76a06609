"""Predictions of the built-in XGBoost, over the interface of every image that serves.

An answer is what the public container answers for the image's tag: its codes, its words, its way of writing numbers.
https://github.com/aws/sagemaker-xgboost-container (src/sagemaker_xgboost_container/algorithm_mode/serve.py)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..runtime.messages import Answer, Refused, Request  # noqa: TID252 - in the container the package is no `clary`
from . import serving_input, serving_model
from .packages import numpy
from .say import error
from .serving_output import Output

TEXT = "text/html; charset=utf-8"  # of an answer without a type, from Flask


def load(folder: str, environ: Mapping[str, str]) -> Model:
    """Raises serving_model.ModelError."""
    model = serving_model.load(folder, environ)
    return Model(model, Output(environ, model.config))


class Model:
    def __init__(self, model: serving_model.Ensemble, output: Output) -> None:
        self._model = model
        self._output = output

    def answer(self, requests: list[Request]) -> list[Answer]:
        """Rows that can be predicted together are, whoever asked."""
        answers: list[Any] = [None] * len(requests)
        waiting: list[tuple[int, Any]] = []
        for place, request in enumerate(requests):
            if not request.body:
                answers[place] = Answer(b"", TEXT, 204)
                continue
            try:
                kind = serving_input.form(request.content_type)
                rows = serving_input.rows(request.body, kind)
                fitted = self._model.fitted(rows, kind)
                if fitted is None:
                    answers[place] = self._output.answer(self._model.alone(rows), request.accept)
                else:
                    waiting.append((place, fitted))
            except Refused as refused:
                answers[place] = refusal(refused)
        if len(waiting) == 1:
            place, rows = waiting[0]
            answers[place] = self._written(self._model.together(rows), requests[place].accept)
        elif waiting:
            found, at = self._model.together(numpy.concatenate([rows for _, rows in waiting])), 0
            for place, rows in waiting:
                end = at + len(rows)
                answers[place] = self._written(found[at:end], requests[place].accept)
                at = end
        return answers

    def close(self) -> None:
        """Nothing is held but memory."""

    def _written(self, found: Any, accept: str) -> Answer:
        try:
            return self._output.answer(found, accept)
        except Refused as refused:
            return refusal(refused)


def refusal(refused: Refused) -> Answer:
    error(refused.message)
    return Answer(refused.message.encode(), TEXT, refused.status)
