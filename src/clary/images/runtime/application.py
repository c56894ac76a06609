"""What each path of a model server answers, whoever brought the request: a frame or HTTP.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import json
import traceback
from typing import Any, Dict, Tuple

from .messages import Answer, Refused, Request

# Method, path, headers by lower-case name, body.
Call = Tuple[str, str, Dict[str, str], bytes]
TOO_LARGE = Answer(b"Request Entity Too Large", "text/plain", 413)
LARGEST = 6 << 20  # bytes of a body, unless MAX_CONTENT_LENGTH says otherwise: what the containers tell


class Application:
    """One model, or several in a row as one."""

    def __init__(self, model: Any, parallel: int, largest: int | None) -> None:
        self._model = model
        self._parallel = parallel
        self.largest = largest
        self.together = getattr(model, "together", True)  # whether requests that wait together are answered so

    def answer(self, calls: list[Call]) -> list[Answer]:
        """One answer each, in order. What was asked of the model together is answered together."""
        answers: list[Any] = [None] * len(calls)
        requests, places = [], []
        for place, call in enumerate(calls):
            if self.largest is not None and len(call[3]) > self.largest:
                answers[place] = TOO_LARGE
            elif call[1] == "/invocations" and call[0] == "POST":
                requests.append(request(call))
                places.append(place)
            else:
                answers[place] = self._other(call[0], call[1].partition("?")[0])
        if requests:
            for place, answer in zip(places, answered(self._model, requests)):
                answers[place] = answer
        return answers

    def _other(self, method: str, path: str) -> Answer:
        if path == "/ping" and method in {"GET", "HEAD"}:
            return Answer(b"", "application/json")
        if path == "/execution-parameters" and method == "GET":
            return self._parameters()
        known = path in {"/invocations", "/ping", "/execution-parameters"}
        return Answer(b"", status=405 if known else 404)

    def _parameters(self) -> Answer:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html"""
        told = {
            "MaxConcurrentTransforms": self._parallel,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": (self.largest or LARGEST) >> 20,
            **getattr(self._model, "parameters", {}),
        }
        return Answer(json.dumps(told).encode(), "application/json")

    def close(self) -> None:
        self._model.close()


def request(call: Call) -> Request:
    headers = call[2]
    return Request(call[3], headers.get("content-type", ""), headers.get("accept", ""), headers)


def answered(model: Any, requests: list[Request]) -> list[Answer]:
    """What the model answers. An error that it lets through is that request's alone, and the log's."""
    try:
        found: list[Answer] = model.answer(requests)
    except Exception as error:  # noqa: BLE001 - whatever it is, the server goes on
        if len(requests) > 1:
            return [answer for each in requests for answer in answered(model, [each])]
        if isinstance(error, Refused):
            return [Answer(error.message.encode(), "text/plain", error.status)]
        traceback.print_exc()
        return [Answer(f"{type(error).__name__}: {error}".encode(), "text/plain", 500)]
    return found
