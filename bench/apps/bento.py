"""The bench's model on BentoML."""

import os

import bentoml
import numpy as np
import xgboost


@bentoml.service(workers=1)
class Model:
    def __init__(self) -> None:
        self.booster = xgboost.Booster(model_file=os.environ["MODEL"])

    @bentoml.api(route="/predict")
    def predict(self, rows: list[list[float]]) -> list[float]:
        return self.booster.inplace_predict(np.array(rows, dtype="float32")).tolist()
