"""Script mode: the user's functions load the model and answer, with the image's defaults for those that are not there.

    model_fn(model_dir), input_fn(body, content_type), predict_fn(data, model), output_fn(prediction, accept),
    transform_fn(model, body, content_type, accept); each may take a context as its last argument, too

https://sagemaker.readthedocs.io/en/stable/frameworks/sklearn/using_sklearn.html#deploy-a-scikit-learn-model
https://github.com/aws/sagemaker-containers/blob/master/src/sagemaker_containers/_transformer.py
https://github.com/aws/sagemaker-inference-toolkit/blob/master/src/sagemaker_inference/transformer.py
"""

from __future__ import annotations

import inspect
import json
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from . import codecs, offered, usercode
from .messages import Answer, Request
from .workers import TURN

FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")
STREAMED = (list, tuple, set, dict, str)  # which can be gone through, and are no streams


class ScriptError(Exception):
    """The script cannot serve."""


def load(
    folder: str,
    environ: Mapping[str, str],
    defaults: Mapping[str, Callable[..., Any]],
    extra: dict[str, dict[str, Any]] | None = None,
) -> Script:
    """Fetches, installs, imports, and has the model loaded. What the script raises goes through."""
    offered.offer(extra)
    module = usercode.imported(folder, environ)
    if hasattr(module, "transform_fn") and any(hasattr(module, name) for name in FUNCTIONS[1:4]):
        raise ScriptError("Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn")
    found = {name: getattr(module, name, None) or defaults.get(name) for name in FUNCTIONS}
    if found["model_fn"] is None:
        raise NotImplementedError(offered.NO_MODEL_FN)
    return Script(folder, environ, found)


class Context:
    """What sagemaker_inference gives functions that take one more argument."""

    def __init__(self, folder: str) -> None:
        self.system_properties = {"model_dir": folder, "gpu_id": None}
        self.request_processor = [self]
        self.headers: dict[str, str] = {}
        self.answered: dict[str, str] = {}

    def get_request_properties(self) -> dict[str, str]:
        return self.headers

    def get_request_header(self, _index: int, key: str) -> str | None:
        return self.headers.get(key.lower())

    def set_response_header(self, _index: int, key: str, value: str) -> None:
        self.answered[key] = value

    def get_all_request_header(self, _index: int) -> dict[str, str]:
        return self.headers


class Script:
    """A model that is asked one request at a time: a script's code need not be safe for threads."""

    together = False

    def __init__(self, folder: str, environ: Mapping[str, str], found: dict[str, Any]) -> None:
        self._context = Context(folder)
        self._default = environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", codecs.JSON)
        self._functions = {
            name: _taking(function, count, self._context)
            for (name, function), count in zip(found.items(), (1, 2, 2, 2, 4))
            if function
        }
        self._model = self._functions["model_fn"](folder)

    def answer(self, requests: list[Request]) -> list[Answer]:
        return [self._answer(request) for request in requests]

    def close(self) -> None:
        """Nothing is held but memory."""

    def _answer(self, request: Request) -> Answer:
        """https://github.com/aws/sagemaker-containers/blob/master/src/sagemaker_containers/_worker.py: what is missing
        in a request, and which bodies are texts.
        """
        content_type = request.content_type or codecs.JSON
        accept = self._default if request.accept in {"", codecs.ANY} else request.accept
        with TURN:
            self._context.headers = request.headers
            self._context.answered = {}
            try:
                body = request.body.decode("utf-8") if content_type in codecs.UTF8_TYPES else request.body
                answer = _answer(self._run(body, content_type, accept), accept)
            except _Unsupported as unsupported:
                return _refusal(unsupported)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a script raises
                traceback.print_exc()
                return _failure(error)
            answer.headers.update(self._context.answered)
            return answer

    def _run(self, body: Any, content_type: str, accept: str) -> Any:
        functions = self._functions
        if "transform_fn" in functions:
            return functions["transform_fn"](self._model, body, content_type, accept)
        try:
            data = functions["input_fn"](body, content_type)
        except codecs.UnsupportedFormatError as error:
            raise _Unsupported(415, error) from error
        prediction = functions["predict_fn"](data, self._model)
        try:
            return functions["output_fn"](prediction, accept)
        except codecs.UnsupportedFormatError as error:
            raise _Unsupported(406, error) from error


class _Unsupported(Exception):
    def __init__(self, status: int, error: Exception) -> None:
        super().__init__(str(error))
        self.status = status


def _taking(function: Callable[..., Any], count: int, context: Context) -> Callable[..., Any]:
    """The function for `count` arguments, or one more."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of some that are written in C
        return function
    fixed = [one for one in parameters if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}]
    required = [one for one in fixed if one.default is one.empty]
    if len(required) == count + 1 or (len(fixed) > count and fixed[count].name == "context"):
        return lambda *arguments: function(*arguments, context)
    return function


def _answer(result: Any, accept: str) -> Answer:
    """Bytes, text, a pair with its content type, a response of Flask's kind, or what gives bytes piece by piece."""
    content_type, status, headers = accept, 200, {}
    if isinstance(result, tuple):
        result, content_type = result[0], str(result[1])
    if hasattr(result, "status_code") and hasattr(result, "mimetype"):
        status, headers = int(result.status_code), {str(key): str(value) for key, value in dict(result.headers).items()}
        content_type = str(result.mimetype or accept)
        headers = {k: v for k, v in headers.items() if k.lower() not in {"content-type", "content-length"}}
        result = result.get_data() if hasattr(result, "get_data") else result.response
    if isinstance(result, str):
        result = result.encode("utf-8")
    if isinstance(result, (bytes, bytearray, memoryview)):
        return Answer(bytes(result), content_type, status, headers)
    if hasattr(result, "__iter__") and not hasattr(result, "shape") and not isinstance(result, STREAMED):
        return Answer(_pieces(result), content_type, status, headers)
    raise TypeError(f"The answer is a {type(result).__name__}; bytes or text is expected, or an iterator of them")


def _pieces(result: Any) -> Any:
    going = iter(result)
    while True:
        with TURN:
            piece = next(going, None)
        if piece is None:
            return
        yield piece.encode("utf-8") if isinstance(piece, str) else bytes(piece)


def _refusal(unsupported: _Unsupported) -> Answer:
    trace = "".join(traceback.format_exception(type(unsupported), unsupported, unsupported.__traceback__))
    told = {"error": "UnsupportedFormatError", "error-message": str(unsupported), "stack-trace": trace}
    return Answer(json.dumps(told).encode(), codecs.JSON, unsupported.status)


def _failure(error: BaseException) -> Answer:
    """A status that the error itself names, as those of sagemaker_inference and werkzeug do; else 500."""
    for member, said in (("status_code", "message"), ("code", "description")):
        status = getattr(error, member, None)
        if isinstance(status, int) and 400 <= status < 600:
            return Answer(str(getattr(error, said, None) or error).encode(), "text/plain", status)
    return Answer(f"{type(error).__name__}: {error}".encode(), "text/plain", 500)
