"""The built-in XGBoost as its container runs it: files in, log lines and a model out."""

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from training_container import Container, cars, scores
from waiting import PATIENCE

BARE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import xgboost
train, validation = (xgboost.DMatrix(name + "?format=csv&label_column=0") for name in sys.argv[1:])
params = {"objective": "multi:softmax", "num_class": 4, "eval_metric": ["mlogloss", "merror"]}
found = {}
evals = [(train, "train"), (validation, "validation")]
xgboost.train(params, train, 10, evals=evals, evals_result=found, verbose_eval=False)
print(json.dumps(found))
"""
TABLE = """
import sys, numpy, pyarrow, pyarrow.parquet
rows = numpy.loadtxt(sys.argv[1], delimiter=",")
pyarrow.parquet.write_table(pyarrow.table({str(n): column for n, column in enumerate(rows.T)}), sys.argv[2])
"""
LOADED = "import sys, xgboost; print(len(xgboost.Booster(model_file=sys.argv[1]).get_dump()))"


def script(python: Path, code: str, *arguments: object) -> str:
    told = [str(argument) for argument in arguments]
    return subprocess.run([str(python), "-c", code, *told], capture_output=True, text=True, check=True).stdout


def test_ten_rounds_on_cars_are_those_of_bare_xgboost(container: Container, python: Path) -> None:
    log = container.run()
    folder = container.root / "input" / "data"
    bare = json.loads(script(python, BARE, folder / "train" / "train.csv", folder / "validation" / "validation.csv"))
    for data, metrics in bare.items():
        for metric, values in metrics.items():
            assert scores(log, f"{data}-{metric}") == [round(value, 5) for value in values]
    assert "[0]#011train-mlogloss:" in log
    assert int(script(python, LOADED, container.model)) == 40


def test_an_early_stop_keeps_the_best_model_though_its_key_ends_in_a_space(container: Container, python: Path) -> None:
    container.given |= {"num_round": "200", "early_stopping_rounds ": "3", "eta": "1", "eval_metric": "mlogloss"}
    log = container.run()
    found = scores(log, "validation-mlogloss")
    best = found.index(min(found))
    assert len(found) < 200
    assert int(script(python, LOADED, container.model)) == 4 * (best + 1)


def test_metrics_of_the_container_s_own(container: Container) -> None:
    container.given["eval_metric"] = "accuracy,f1,merror"
    log = container.run()
    wrong, right = scores(log, "validation-merror"), scores(log, "validation-accuracy")
    assert [round(1 - error, 4) for error in wrong] == [round(score, 4) for score in right]
    assert len(scores(log, "train-f1")) == 10


def test_metrics_of_two_classes_are_of_the_classes(container: Container) -> None:
    for channel, lines in zip(("train", "validation"), cars(), strict=True):
        two = ["1" + line[1:] if line[0] != "0" else line for line in lines]
        container.put(channel, f"{channel}.csv", "\n".join(two) + "\n")
    container.given = {"num_round": "5", "objective": "binary:logistic", "eval_metric": "error,accuracy"}
    log = container.run()
    assert [round(1 - error, 4) for error in scores(log, "train-error")] == [
        round(score, 4) for score in scores(log, "train-accuracy")
    ]


def test_parquet_and_libsvm_give_the_model_that_csv_gives(container: Container, python: Path) -> None:
    csv = scores(container.run(), "validation-mlogloss")
    for channel in ("train", "validation"):
        file = container.root / "input" / "data" / channel / f"{channel}.csv"
        script(python, TABLE, file, file.with_suffix(".parquet"))
        container.put(channel, f"{channel}.parquet", file.with_suffix(".parquet").read_bytes(), ContentType="parquet")
        file.unlink()
    assert scores(container.run(), "validation-mlogloss") == csv
    for channel, lines in zip(("train", "validation"), cars(), strict=True):
        (container.root / "input" / "data" / channel / f"{channel}.parquet").unlink()
        rows = []
        for line in lines:
            label, *features = line.split(",")
            rows.append(" ".join([label, *(f"{n}:{value}" for n, value in enumerate(features))]))
        container.put(channel, f"{channel}.svm", "\n".join(rows) + "\n", ContentType="text/libsvm")
    assert scores(container.run(), "validation-mlogloss") == csv


def test_two_instances_of_half_the_data_train_the_model_of_one(container: Container, tmp_path: Path) -> None:
    container.given |= {"tree_method": "hist", "nthread": "1"}
    alone = scores(container.run(), "validation-mlogloss")
    train, validation = cars()
    hosts = ("127.0.0.1", "127.0.0.2")
    both = []
    for number, host in enumerate(hosts):
        one = Container(tmp_path / host, container.python, container.given, hosts=hosts, host=host)
        one.put("train", "train.csv", "\n".join(train[number::2]) + "\n")
        one.put("validation", "validation.csv", "\n".join(validation) + "\n")
        both.append((one, one.start()))
    logs = [process.communicate(timeout=PATIENCE)[0] for _, process in both]
    assert [process.returncode for _, process in both] == [0, 0], logs
    assert scores(logs[0], "validation-mlogloss") == pytest.approx(alone, rel=1e-3)
    assert [one.model.exists() for one, _ in both] == [True, False]


def test_folds_leave_a_model_each_and_what_they_predicted(container: Container) -> None:
    container.given |= {"_kfold": "3", "num_round": "3"}
    container.run()
    assert sorted(file.name for file in container.model.parent.iterdir()) == [f"xgboost-model-{n}" for n in range(3)]
    assert len((container.root / "output" / "data" / "predictions.csv").read_text().splitlines()) == 1728


def test_a_checkpoint_is_gone_on_from(container: Container, python: Path) -> None:
    (container.root / "checkpoints").mkdir()
    whole = scores(container.run(), "train-mlogloss")
    kept = sorted(file.name for file in (container.root / "checkpoints").iterdir())
    assert kept == [f"xgboost-checkpoint.{n}" for n in (5, 6, 7, 8, 9)]
    for name in kept[2:]:
        (container.root / "checkpoints" / name).unlink()
    log = container.run()
    assert "Resuming from iteration 7" in log
    assert scores(log, "train-mlogloss") == whole[7:]
    assert int(script(python, LOADED, container.model)) == 40


def test_a_stop_leaves_the_model_so_far(container: Container, python: Path) -> None:
    container.given |= {"num_round": "1000000", "save_model_on_termination": "true"}
    process = container.start()
    assert process.stdout
    while "[3]#011" not in process.stdout.readline():
        assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert int(script(python, LOADED, container.model)) >= 12


def test_weights_are_the_second_column(container: Container) -> None:
    container.given |= {"csv_weights": "1"}
    plain = scores(container.run(), "train-merror")
    for channel, lines in zip(("train", "validation"), cars(), strict=True):
        heavy = [f"{line[0]},{5 if line[0] == '3' else 1}{line[1:]}" for line in lines]
        container.put(channel, f"{channel}.csv", "\n".join(heavy) + "\n")
    log = container.run()
    assert "has 1300 rows and 21 columns" in log
    assert scores(log, "train-merror") != plain


def test_a_pipe_is_read_by_the_older_container_and_refused_by_the_newer(container: Container) -> None:
    train, _ = cars()
    container.put("train", "train.csv", "", TrainingInputMode="Pipe").unlink()
    del container.channels["validation"]
    pipe = container.root / "input" / "data" / "train_0"
    os.mkfifo(pipe)
    feeder = threading.Thread(target=lambda: pipe.write_text("\n".join(train) + "\n"), daemon=True)
    feeder.start()
    log = container.run()
    if container.failure:
        assert "no longer supported" in container.failure
        pipe.read_text()
    else:
        assert "has 1300 rows and 21 columns" in log
    feeder.join(PATIENCE)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("header.csv", "label,a,b\n1,2,3\n", "'label' is not a number"),
        ("nan.csv", "nan,1,2\n1,2,3\n", "Label contains NaN"),
        ("classes.csv", "0,1,2\n7,2,3\n", "label must be in [0, num_class)"),
        ("empty.csv", "", "No data in training channel path"),
        (".hidden.csv", "1,2,3\n", "Hidden file found"),
    ],
)
def test_bad_data_is_told_in_the_failure_file(container: Container, name: str, content: str, said: str) -> None:
    (container.root / "input" / "data" / "train" / "train.csv").unlink()
    container.put("train", name, content)
    del container.channels["validation"]
    container.run()
    assert container.failure.startswith("framework error: \nUserError: ")
    assert said in container.failure
    assert len(container.failure) < 1024


def test_a_validation_channel_of_other_columns_is_told(container: Container) -> None:
    container.put("validation", "validation.csv", "1,2,3\n")
    container.run()
    assert "UserError: File 'validation.csv' has 3 columns on its first line" in container.failure


def test_only_its_channels_and_content_types_are_taken(container: Container) -> None:
    container.put("train", "train.csv", "1,2\n", ContentType="text/csv; label_size=2")
    container.run()
    assert "label_size must be equal to 1" in container.failure
    container.put("test", "x.csv", "1,2\n")
    container.run()
    assert "Extraneous channel found: test" in container.failure
