"""The bench's model on LitServe."""

import os
import sys
from typing import Any

import litserve
import numpy as np
import xgboost


class Model(litserve.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's signature
        self.booster = xgboost.Booster(model_file=os.environ["MODEL"])

    def decode_request(self, request: dict[str, Any]) -> Any:
        return np.array(request["rows"], dtype="float32")

    def predict(self, rows: Any) -> Any:
        return self.booster.inplace_predict(rows)

    def encode_response(self, output: Any) -> list[float]:
        return output.tolist()


if __name__ == "__main__":
    server = litserve.LitServer(Model(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error")
