"""Selected predictions: SAGEMAKER_INFERENCE_OUTPUT names what an answer has for each row.
https://github.com/aws/sagemaker-xgboost-container/blob/master/README.md and serve_utils.py (get_selected_predictions)
"""

from __future__ import annotations

from typing import Any

from ..runtime.messages import Refused  # noqa: TID252 - in the container the package is no `clary`
from .packages import VERSION, numpy

SCORES = ["predicted_label", "labels", "raw_score", "raw_scores"]
ALL = ["predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores"]
BY_OBJECTIVE = {
    "reg:squarederror": ["predicted_score"],
    "reg:logistic": ["predicted_score"],
    "reg:gamma": ["predicted_score"],
    "reg:absoluteerror": ["predicted_score"],
    "reg:tweedie": ["predicted_score"],
    "binary:logistic": ALL,
    "binary:logitraw": SCORES,
    "binary:hinge": SCORES,
    "multi:softmax": SCORES,
    "multi:softprob": ALL,
}
if VERSION < (1, 7):
    del BY_OBJECTIVE["reg:absoluteerror"]


class Selected:
    def __init__(self, told: str, config: dict[str, Any]) -> None:
        self._keys = told.replace(" ", "").lower().split(",")
        learner = config["learner"]
        self._objective = str(learner["objective"]["name"])
        self._classes = int(learner["learner_model_param"].get("num_class") or 0)
        self._valid = BY_OBJECTIVE.get(self._objective, [])
        wrong = [key for key in self._keys if key not in self._valid]
        if self._valid and wrong:
            print(
                f"Selected key(s) {wrong} incompatible for objective '{self._objective}'. Please use list of "
                f"compatible selectable inference predictions: {self._valid}",
                flush=True,
            )

    def of(self, found: Any) -> list[dict[str, Any]]:
        """What is asked for, in its order; what the objective does not have is NaN. Raises Refused."""
        if not self._valid:
            raise Refused(500, f"Objective `{self._objective}` unsupported for selectable inference predictions.")
        return [
            {key: self._value(key, row) if key in self._valid else numpy.nan for key in self._keys} for row in found
        ]

    def _value(self, key: str, row: Any) -> Any:
        if key == "labels":
            return [0, 1] if self._objective.startswith("binary:") else list(range(self._classes)) or numpy.nan
        if key == "predicted_label":
            return self._label(row)
        if self._objective == "multi:softprob":
            return row.tolist() if key in {"probabilities", "raw_scores"} else row.max().item()
        one = row.item()
        return [1.0 - one, one] if key in {"probabilities", "raw_scores"} else one

    def _label(self, row: Any) -> Any:
        if self._objective == "multi:softprob":
            return row.argmax().item()
        if self._objective in {"binary:hinge", "multi:softmax"}:
            return row.item()
        return int(row.item() > (0.5 if self._objective == "binary:logistic" else 0))
