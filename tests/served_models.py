"""Models of many kinds, trained by an image's xgboost alone, and what it predicts with them."""

import json
import subprocess
from pathlib import Path
from typing import Any

from model_server import ModelServer

# Trained elsewhere, that is by the library alone, and what it predicts of rows that it has not seen.
TRAINS = """
import json, os, pickle, sys
import numpy, xgboost
root = sys.argv[1]
random = numpy.random.RandomState(1)
given = random.normal(size=(300, 6)).astype("float32")
given[random.uniform(size=given.shape) < 0.1] = numpy.nan
sums = numpy.nan_to_num(given).sum(axis=1)
binary, classes = (sums > 0).astype(int), numpy.digitize(sums, [-1.5, 1.5])
rows = random.normal(size=(12, 6)).astype("float32")
rows[3, 2] = numpy.nan
told = {"rows": [["" if numpy.isnan(v) else repr(float(v)) for v in row] for row in rows]}
def train(name, labels, rounds=20, form="json", evals=None, **params):
    folder = os.path.join(root, name)
    os.makedirs(folder, exist_ok=True)
    options = {} if evals is None else {"evals": [(xgboost.DMatrix(given, evals), "v")], "early_stopping_rounds": 2,
                                        "verbose_eval": False}
    booster = xgboost.train(dict(params, nthread=1), xgboost.DMatrix(given, labels), rounds, **options)
    file = os.path.join(folder, "xgboost-model")
    if form == "pickle":
        pickle.dump(booster, open(file, "wb"))
    else:
        booster.save_model(file + "." + form)
        os.rename(file + "." + form, file)
    told[name] = booster.predict(xgboost.DMatrix(rows)).tolist()
    return booster
logistic = {"objective": "binary:logistic"}
for form in ("json", "ubj", "pickle"):
    train("binary-" + form, binary, form=form, **logistic)
if xgboost.__version__ < "3":
    train("binary-deprecated", binary, form="deprecated", **logistic)
train("softprob", classes, objective="multi:softprob", num_class=3)
train("softmax", classes, objective="multi:softmax", num_class=3)
train("squared", sums, objective="reg:squarederror")
train("logitraw", binary, objective="binary:logitraw")
train("poisson", numpy.abs(sums), objective="count:poisson")
train("dart", binary, booster="dart", rate_drop=0.3, **logistic)
train("linear", sums, booster="gblinear", objective="reg:squarederror", updater="coord_descent")
train("forest", binary, 3, num_parallel_tree=4, **logistic)
train("second", 1 - binary, **logistic)
train("softmax-second", (classes + 1) % 3, objective="multi:softmax", num_class=3)
train("softmax-third", (classes + 1) % 3, 3, objective="multi:softmax", num_class=3)
early = train("early", binary, 60, form="pickle", evals=1 - binary, num_parallel_tree=2, **logistic)
if xgboost.__version__ < "2":
    told["early"] = early.predict(xgboost.DMatrix(rows), ntree_limit=early.best_ntree_limit).tolist()
json.dump(told, open(os.path.join(root, "told.json"), "w"))
"""


class Models:
    def __init__(self, python: Path, root: Path) -> None:
        self.python = python
        self.root = root
        done = subprocess.run(
            [str(python), "-W", "ignore", "-c", TRAINS, str(root)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        self.told: dict[str, Any] = json.loads((root / "told.json").read_text())

    @property
    def rows(self) -> list[str]:
        return [",".join(row) for row in self.told["rows"]]

    def serve(self, name: str, **environ: str) -> ModelServer:
        return ModelServer(self.python, "xgboost", [self.root / name], environ)


def numbers(text: str) -> list[Any]:
    """Of text/csv: a number a line, or a list of them."""
    rows = [[float(word) for word in line.split(",")] for line in text.splitlines()]
    return [row[0] if len(row) == 1 else row for row in rows]
