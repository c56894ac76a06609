"""The bench's model on Flask."""

import os

import numpy as np
import xgboost
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
booster = xgboost.Booster(model_file=os.environ["MODEL"])


@app.post("/json")
def from_json() -> Response:
    rows = np.array(request.get_json()["rows"], dtype="float32")
    return jsonify(booster.inplace_predict(rows).tolist())


@app.post("/csv")
def from_csv() -> Response:
    rows = [line.split(",") for line in request.get_data(as_text=True).splitlines()]
    found = booster.inplace_predict(np.array(rows, dtype="float32"))
    return Response("\n".join(map(str, found.tolist())), mimetype="text/csv")
