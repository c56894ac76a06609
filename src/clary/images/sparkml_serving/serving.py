"""Endpoints of MLeap's bundles: what the public container answers, row by row, without a JVM.

Where a request is at fault the container's own code answers 400 with its exception's message; what its web framework
refuses before that, a body that is no JSON or another content type, has the framework's words. docs/sparkml-serving.md
lists what is different here and which of its oddities are kept.
https://github.com/aws/sagemaker-sparkml-serving-container (controller/ServingController.java)
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Any

from ..runtime.messages import Answer, Request  # noqa: TID252 - in the container the package is no `clary`
from . import bodies
from .answers import ACCEPTED, CSV, LINES
from .bodies import Unreadable
from .java_input import Bad
from .model import load as read
from .schema import Schema, Way

JSON = "application/json"
SCHEMA, ACCEPT = "SAGEMAKER_SPARKML_SCHEMA", "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
NO_SCHEMA = "Input schema has to be provided either via environment variable or via the request"
NOT_ACCEPTED = "Accept value passed via request or environment variable is not valid"
WORDS = {400: "Bad Request", 415: "Unsupported Media Type"}
KEPT = 64  # schemas of payloads


def scripted(_environ: Mapping[str, str]) -> bool:
    return False


def load(folder: str, environ: Mapping[str, str]) -> Model:
    """Raises UnknownTransformer, which names it and its node, WrongModel or BundleError."""
    model = read(folder)
    print(f"The bundle {model.name} is loaded, transformers: {len(model.stages)}", flush=True)
    return Model(model, environ)


class Model:
    """`parameters` are those of /execution-parameters."""

    def __init__(self, model: Any, environ: Mapping[str, str]) -> None:
        self.parameters = {"BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 5}
        self._model = model
        self._told = environ.get(SCHEMA)
        self._accept = environ.get(ACCEPT, "")
        self._way: Way | None = None
        self._ways: dict[str, Way] = {}  # of schemas in payloads
        if self._told is not None:
            try:
                self._usual()
            except Bad as error:
                print(f"{SCHEMA}: {error.message}. Requests without a schema will fail.", file=sys.stderr, flush=True)

    def answer(self, requests: list[Request]) -> list[Answer]:
        return [self._answer(request) for request in requests]

    def close(self) -> None:
        """Nothing is held but memory."""

    def _answer(self, request: Request) -> Answer:
        kind = request.content_type.partition(";")[0].strip().lower()
        if kind not in (CSV, JSON, LINES):
            return framework(request, 415)
        if not request.body:
            _log("Required request body is missing")
            return framework(request, 400)
        try:
            if kind == CSV:
                return self._csv(request)
            return self._json(request) if kind == JSON else self._lines(request)
        except Unreadable as error:
            _log(str(error))
            return framework(request, 400)
        except Bad as error:
            return refusal(request, error.message)
        except ValueError as error:  # of the model's steps: this row is not for them
            return refusal(request, str(error))
        except Exception as error:  # noqa: BLE001 - as the container, which catches all
            traceback.print_exc()
            return refusal(request, str(error) or type(error).__name__)

    def _csv(self, request: Request) -> Answer:
        accept = self._accepted(request.accept)
        way = self._usual()
        records = bodies.csv(request.body)
        if len(records) == 1:
            text = way.form(way.answer(way.of_text(records[0])), accept)
        elif records:
            text = "\n".join(way.texts([way.of_text(fields) for fields in records], accept))
        else:
            raise Bad("Index: 0, Size: 0")
        return _said(text, accept)

    def _json(self, request: Request) -> Answer:
        schema, data = bodies.document(request.body)
        try:
            way = None if schema is None else self._given(schema)
        except Bad as error:
            raise Unreadable(str(error.message)) from error
        accept = self._accepted(request.accept)
        way = way or self._usual()
        return _said(way.form(way.answer(way.of_values(data)), accept), accept)

    def _lines(self, request: Request) -> Answer:
        accept = self._accepted(request.accept)
        schema, rows = bodies.lines(request.body)
        way = self._usual() if schema is None else self._given(schema)
        found = way.texts([way.of_values(data) for data in rows], accept)
        return _said("[" + ", ".join([f"[{text}]" for text in found]) + "]", accept)

    def _accepted(self, accept: str) -> str:
        """Raises Bad."""
        if not accept.strip() or accept == "*/*":
            accept = self._accept
        if accept and accept not in ACCEPTED:
            raise Bad(NOT_ACCEPTED)
        return accept or CSV

    def _usual(self) -> Way:
        """By the schema of the environment. Raises Bad."""
        if self._way is None:
            if self._told is None:
                raise Bad(NO_SCHEMA)
            try:
                told = json.loads(self._told)
            except ValueError as error:
                raise Bad(f"{SCHEMA} is no JSON: {error}") from error
            self._way = Way(self._model, Schema(told))
        return self._way

    def _given(self, schema: Any) -> Way:
        """By the schema of a payload. Raises Bad."""
        key = json.dumps(schema)
        if key not in self._ways:
            if len(self._ways) >= KEPT:
                self._ways.clear()
            self._ways[key] = Way(self._model, Schema(schema))
        return self._ways[key]


def _said(text: str, accept: str) -> Answer:
    return Answer(text.encode(), CSV if accept == CSV else LINES)


def refusal(request: Request, message: str | None) -> Answer:
    """By the container's own code."""
    _log(f"Error in processing current request: {message}")
    if message is None:
        return Answer(b"", status=400)
    kind = request.accept.strip().lower()
    if "/" not in kind or "*" in kind or "," in kind:
        kind = "text/plain"
    return Answer(message.encode(), kind if kind == JSON else f"{kind};charset=UTF-8", 400)


def framework(request: Request, status: int) -> Answer:
    """By Spring: JSON, if that is accepted, else nothing."""
    kinds = [kind.partition(";")[0].strip() for kind in request.accept.lower().split(",")]
    if not {"", "*/*", "application/*", JSON}.intersection(kinds):
        return Answer(b"", status=status)
    now = time.time()
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}+00:00"
    said = {"timestamp": when, "status": status, "error": WORDS[status], "path": "/invocations"}
    return Answer(json.dumps(said, separators=(",", ":")).encode(), JSON, status)


def _log(text: str) -> None:
    print(f"ERROR {text}", file=sys.stderr, flush=True)
