"""examples/car_evaluation/steps.py, which is code for AWS to copy from: beside this where Clary is installed."""

import importlib.util
from pathlib import Path
from typing import Any

_PLACES = (Path(__file__).with_name("car_evaluation"), Path(__file__).parents[3] / "examples" / "car_evaluation")


def _loaded() -> Any:
    file = next(place / "steps.py" for place in _PLACES if place.exists())
    spec = importlib.util.spec_from_file_location("car_evaluation_steps", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


steps: Any = _loaded()
