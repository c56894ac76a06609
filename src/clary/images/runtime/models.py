"""Models from their folders: one, or several in a row as one."""

from __future__ import annotations

import importlib
import os
import time
from typing import Any

from . import logs
from .application import answered
from .messages import Answer, Request
from .told import Entry


def serving(image: str) -> Any:
    """The image's module: load(folder, environ), scripted(environ)."""
    return importlib.import_module(f"..{image.replace('-', '_')}.serving", __package__)


def load(entries: list[Entry]) -> Any:
    """Raises whatever says what is wrong with a model."""
    models = []
    for number, entry in enumerate(entries):
        logs.turn(number)
        for name in set(os.environ).difference(entry.environ):
            del os.environ[name]
        os.environ.update(entry.environ)  # which scripts read
        models.append(serving(entry.image).load(entry.folder, entry.environ))
    logs.turn(0)
    return models[0] if len(models) == 1 else Pipeline(models, [entry.environ for entry in entries])


class Pipeline:
    """What one model answers, the next is asked, with its content type; what is accepted is for the last to know.
    https://docs.aws.amazon.com/sagemaker/latest/dg/inference-pipelines.html
    """

    def __init__(self, models: list[Any], environs: list[dict[str, str]]) -> None:
        self._models = models
        differ = {name for one in environs for name in one if any(other.get(name) != one[name] for other in environs)}
        self._own = [[(name, environ.get(name)) for name in differ] for environ in environs]
        self.together = all(getattr(model, "together", True) for model in models)
        self.parameters = getattr(models[0], "parameters", {})

    def answer(self, requests: list[Request]) -> list[Answer]:
        answers: list[Any] = [None] * len(requests)
        asked = list(enumerate(requests))
        lasted: list[float] = []
        for number, model in enumerate(self._models):
            last = number == len(self._models) - 1
            self._surround(number)
            given = [Request(r.body, r.content_type, r.accept if last else "", r.headers) for _, r in asked]
            began = time.perf_counter()
            found = answered(model, given) if given else []
            lasted.append(time.perf_counter() - began)
            following = []
            for (place, request), answer in zip(asked, found):
                if last or answer.status >= 300 or answer.status == 204:
                    answer.steps = lasted[: number + (answer.status < 300)]
                    answers[place] = answer
                else:
                    body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
                    following.append((place, Request(body, answer.content_type, request.accept, request.headers)))
            asked = following
            lasted[number] = time.perf_counter() - began  # with what came in parts
        logs.turn(0)
        return answers

    def _surround(self, number: int) -> None:
        """Scripts read the environment while they answer, too, and print: each has its own."""
        logs.turn(number)
        for name, value in self._own[number]:
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def close(self) -> None:
        for model in self._models:
            model.close()
