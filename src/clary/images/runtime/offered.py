"""The modules of AWS's serving containers that scripts import: no package of the image's, and no need to install one.

    from sagemaker_containers.beta.framework import content_types, encoders, env, modules, transformer, worker
    from sagemaker_inference import content_types, decoder, encoder, errors

What a script uses of them is there; a package that is installed is left as it is.
https://github.com/aws/sagemaker-containers, https://github.com/aws/sagemaker-inference-toolkit
"""

from __future__ import annotations

import importlib.util
import os
import sys
import textwrap
import types
from typing import Any

from . import codecs


class Response:
    """worker.Response, as far as an output_fn makes one; `accept` is of its older versions."""

    def __init__(
        self,
        response: Any = None,
        accept: str | None = None,
        status: int = 200,
        headers: dict[str, str] | None = None,
        mimetype: str | None = None,
        **_given: Any,
    ) -> None:
        self.response = response if response is not None else b""
        self.status_code = status
        self.headers = dict(headers or {})
        self.mimetype = mimetype or accept or codecs.JSON


class ClientError(Exception):
    """Of sagemaker_containers."""


class BaseInferenceToolkitError(Exception):
    """Of sagemaker_inference: a script raises it to answer with a status of its own."""

    def __init__(self, status_code: int, message: str, phrase: str) -> None:
        self.status_code = status_code
        self.message = message
        self.phrase = phrase
        super().__init__(status_code, message, phrase)


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    def __init__(self, status_code: int, message: str | None = None, phrase: str | None = None) -> None:
        message = message or "Invalid Request"
        super().__init__(status_code, message, phrase or message)


class DefaultInferenceHandler:
    """Of sagemaker_inference: what a script's own handler inherits from."""

    def default_model_fn(self, _model_dir: str, _context: Any = None) -> Any:
        raise NotImplementedError(NO_MODEL_FN)

    def default_input_fn(self, input_data: Any, content_type: str, _context: Any = None) -> Any:
        return codecs.decode_as_toolkit(input_data, content_type)

    def default_predict_fn(self, _data: Any, _model: Any, _context: Any = None) -> Any:
        raise NotImplementedError("Please provide a predict_fn implementation.")

    def default_output_fn(self, prediction: Any, accept: str, _context: Any = None) -> Any:
        for content_type in accept.replace(" ", "").split(","):
            if content_type in codecs.ENCODERS:
                return codecs.encode(prediction, content_type), content_type
        raise codecs.UnsupportedFormatError(accept)


NO_MODEL_FN = textwrap.dedent(
    """
    Please provide a model_fn implementation.
    See documentation for model_fn at https://github.com/aws/sagemaker-python-sdk
    """
)


def offer(extra: dict[str, dict[str, Any]] | None = None) -> None:
    """Makes the modules importable. `extra` is an image's own: {"sagemaker_xgboost_container.encoder": {...}}."""
    types_of = {name: getattr(codecs, name) for name in ("JSON", "CSV", "NPY", "NPZ", "OCTET_STREAM", "ANY")}
    types_of["UTF8_TYPES"] = codecs.UTF8_TYPES
    errors = {"UnsupportedFormatError": codecs.UnsupportedFormatError}
    base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
    places = {"model_dir": f"{base}/model", "code_dir": f"{base}/model/code", "base_dir": base}
    encoders = {
        name: getattr(codecs, name)
        for name in (
            *("encode", "decode", "array_to_npy", "npy_to_numpy", "array_to_json", "json_to_numpy"),
            *("array_to_csv", "csv_to_numpy"),
        )
    }
    beta = "sagemaker_containers.beta.framework"
    modules: dict[str, dict[str, Any]] = {
        f"{beta}.content_types": types_of,
        f"{beta}.encoders": encoders,
        f"{beta}.errors": {**errors, "ClientError": ClientError},
        f"{beta}.worker": {"Response": Response},
        f"{beta}.env": {**places, "ServingEnv": _ServingEnv},
        **{f"{beta}.{name}": {} for name in ("modules", "transformer", "server", "trainer", "entry_point")},
        "sagemaker_inference.content_types": types_of,
        "sagemaker_inference.decoder": {"decode": codecs.decode_as_toolkit},
        "sagemaker_inference.encoder": {**encoders, "SUPPORTED_CONTENT_TYPES": set(codecs.ENCODERS)},
        "sagemaker_inference.errors": {
            **errors,
            "BaseInferenceToolkitError": BaseInferenceToolkitError,
            "GenericInferenceToolkitError": GenericInferenceToolkitError,
        },
        "sagemaker_inference.environment": places,
        "sagemaker_inference.default_inference_handler": {"DefaultInferenceHandler": DefaultInferenceHandler},
        **(extra or {}),
    }
    installed = {root for root in {name.partition(".")[0] for name in modules} if _installed(root)}
    for name, members in modules.items():
        if name.partition(".")[0] not in installed:
            _module(name).__dict__.update(members)


class _ServingEnv:
    """What scripts ask of sagemaker_containers' env.ServingEnv()."""

    def __init__(self) -> None:
        self.default_accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", codecs.JSON)
        self.model_dir = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml") + "/model"
        self.module_name = os.environ.get("SAGEMAKER_PROGRAM", "").replace(".py", "")


def _installed(root: str) -> bool:
    module = sys.modules.get(root)
    return importlib.util.find_spec(root) is not None if module is None else not hasattr(module, "offered_by_clary")


def _module(name: str) -> types.ModuleType:
    """With the packages that it is in."""
    if name in sys.modules:
        return sys.modules[name]
    module = sys.modules[name] = types.ModuleType(name)
    module.__dict__.update(offered_by_clary=True, __path__=[])
    above, _, last = name.rpartition(".")
    if above:
        setattr(_module(above), last, module)
    return module
