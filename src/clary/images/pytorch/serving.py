"""PyTorch's endpoints: a script's model, with the container's functions where the script has none.
https://github.com/aws/sagemaker-pytorch-inference-toolkit
(src/sagemaker_pytorch_serving_container/default_pytorch_inference_handler.py)
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..runtime import codecs, userscript  # noqa: TID252 - in the container the package is no `clary`

MODEL = "model.pt"


def scripted(_environ: Mapping[str, str]) -> bool:
    return True


def load(folder: str, environ: Mapping[str, str]) -> Any:
    """Raises what the script raises."""
    defaults: Mapping[str, Callable[..., Any]] = {
        "model_fn": model_fn,
        "input_fn": input_fn,
        "predict_fn": predict_fn,
        "output_fn": output_fn,
    }
    return userscript.load(folder, environ, defaults)


def model_fn(model_dir: str) -> Any:
    """Of TorchScript alone: anything else is pickled, and the script knows how to load that."""
    path = Path(model_dir) / MODEL
    if not path.exists():
        raise FileNotFoundError(f"Failed to load model with default model_fn: missing file {MODEL}.")
    try:
        return _torch().jit.load(str(path), map_location="cpu")
    except RuntimeError as error:
        raise ValueError(f"Failed to load {path}. Please ensure model is saved using torchscript.") from error


def input_fn(input_data: Any, content_type: str) -> Any:
    array = codecs.decode_as_toolkit(input_data, content_type)
    return _torch().FloatTensor(array) if content_type in codecs.UTF8_TYPES else _torch().from_numpy(array)


def predict_fn(data: Any, model: Any) -> Any:
    with _torch().no_grad():
        model.eval()
        return model(data)


def output_fn(prediction: Any, accept: str) -> Any:
    if isinstance(prediction, _torch().Tensor):
        prediction = prediction.detach().cpu().numpy()
    return codecs.encode(prediction, accept)


def _torch() -> Any:
    return importlib.import_module("torch")
