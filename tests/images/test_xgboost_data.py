"""What the built-in XGBoost makes of each form of data, and what it says of data that it cannot take."""

import functools
import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from training_container import Container, cars, scores

ROOT = Path(__file__).resolve().parents[2]
RECORDS = "application/x-recordio-protobuf"
CHANNELS = ("train", "validation")
# How users make such files: by the SDK, whose packages stand behind those of the image, since it does not bring scipy.
WRITE = """
import sys, numpy, scipy.sparse
sys.path.append(sys.argv[1])
from sagemaker.amazon import common
for path in sys.argv[3:]:
    rows = numpy.loadtxt(path, delimiter=",", dtype="float32")
    with open(path + ".pbr", "wb") as file:
        if sys.argv[2] == "dense":
            common.write_numpy_to_dense_tensor(file, rows[:, 1:], rows[:, 0])
        else:
            common.write_spmatrix_to_sparse_tensor(file, scipy.sparse.csr_matrix(rows[:, 1:]), rows[:, 0])
"""
TABLE = """
import sys, pyarrow, pyarrow.parquet
pyarrow.parquet.write_table(pyarrow.table({str(n): [0.0, 1.0] for n in range(int(sys.argv[2]))}), sys.argv[1])
"""


@pytest.fixture(scope="session")
def sdk() -> Path:
    """The packages of an environment that has SageMaker's SDK."""
    spec = importlib.util.spec_from_file_location("environments", ROOT / "scripts" / "environments.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (packages,) = Path(module.ready("sagemaker2")).glob("lib/python*/site-packages")
    return packages


@functools.cache
def written(python: Path, sdk: Path, kind: str) -> list[bytes]:
    """The cars for training and for validation as records; the SDK takes seconds to import."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, channel) for channel in CHANNELS]
        for file, lines in zip(files, cars(), strict=True):
            file.write_text("\n".join(lines) + "\n")
        subprocess.run([python, "-c", WRITE, sdk, kind, *files], check=True, capture_output=True)
        return [file.with_suffix(".pbr").read_bytes() for file in files]


def records(container: Container, sdk: Path, kind: str) -> None:
    """The files of CSV in the channels become files of records."""
    for channel, content in zip(CHANNELS, written(container.python, sdk, kind), strict=True):
        container.put(channel, f"{channel}.pbr", content, ContentType=RECORDS)
        (container.root / "input" / "data" / channel / f"{channel}.csv").unlink()


def test_dense_records_of_the_sdk_give_the_model_that_csv_gives(container: Container, sdk: Path) -> None:
    csv = scores(container.run(), "validation-mlogloss")
    records(container, sdk, "dense")
    log = container.run()
    assert "Train matrix has 1300 rows and 21 columns" in log
    assert scores(log, "validation-mlogloss") == csv


def test_sparse_records_of_the_sdk_give_the_model_that_libsvm_gives(container: Container, sdk: Path) -> None:
    records(container, sdk, "sparse")
    log = container.run()
    assert "Train matrix has 1300 rows and 21 columns" in log
    for channel, lines in zip(("train", "validation"), cars(), strict=True):
        (container.root / "input" / "data" / channel / f"{channel}.pbr").unlink()
        rows = [line.split(",") for line in lines]
        said = [f"{row[0]} " + " ".join(f"{n}:1" for n, one in enumerate(row[1:]) if one == "1") for row in rows]
        container.put(channel, f"{channel}.svm", "\n".join(said) + "\n", ContentType="text/libsvm")
    assert scores(container.run(), "validation-mlogloss") == scores(log, "validation-mlogloss")


@pytest.mark.parametrize("cut", [2, 6, 30, -3])
def test_a_file_of_records_that_ends_early_is_told(container: Container, sdk: Path, cut: int) -> None:
    records(container, sdk, "dense")
    file = container.root / "input" / "data" / "train" / "train.pbr"
    file.write_bytes(file.read_bytes()[:cut])
    container.run()
    assert container.failure == "framework error: \nUserError: File 'train.pbr' ends within a record."


def test_other_files_than_records_are_told(container: Container) -> None:
    container.put("train", "train.csv", "1,2,3\n" * 9, ContentType=RECORDS)
    container.run()
    assert "UserError: File 'train.csv' is not in RecordIO format: no record begins at byte 0." in container.failure


def test_a_weight_counts_as_that_many_rows(container: Container) -> None:
    """`csv_weights`: the second column. The same rows once with weight 2 and all twice: equal to the last digit shown.

    https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost_hyperparameters.html
    """
    given = {"num_round": "5", "objective": "binary:logistic", "lambda": "0", "min_child_weight": "0"}
    rows = [line.split(",", 1) for line in cars()[0]]
    container.given = given
    del container.channels["validation"]
    twice = [f"{int(label != '0')},{rest}" for label, rest in rows for _ in range(2)]
    container.put("train", "train.csv", "\n".join(twice) + "\n")
    plain = scores(container.run(), "train-logloss")
    container.given = given | {"csv_weights": "1"}
    container.put("train", "train.csv", "".join(f"{int(label != '0')},2,{rest}\n" for label, rest in rows))
    log = container.run()
    assert "Train matrix has 1300 rows and 21 columns" in log
    assert scores(log, "train-logloss") == pytest.approx(plain, abs=2e-5)


def test_fields_that_a_line_lacks_are_missing_values(container: Container) -> None:
    """xgboost's parser takes lines of different lengths, and so does the container: it checks the first alone."""
    container.given = {"num_round": "2", "objective": "reg:squarederror"}
    del container.channels["validation"]
    container.put("train", "train.csv", "1,2,3\n0,1\n1,5,6,7\n0,,2\n")
    assert "Train matrix has 4 rows and 3 columns" in container.run()


def test_a_line_longer_than_those_of_the_other_channel_is_told(container: Container) -> None:
    file = container.root / "input" / "data" / "validation" / "validation.csv"
    file.write_text(file.read_text() + "0" + ",1" * 30 + "\n")
    container.run()
    assert container.failure.startswith("framework error: \nUserError: ")
    assert "columns" in container.failure


def test_labels_of_nan_are_counted(container: Container) -> None:
    container.put("train", "train.csv", "".join(f"{'1' if n % 10 else 'nan'},2,3\n" for n in range(50)))
    container.run()
    assert "UserError: Label contains NaN, infinity or a value too large: 5 of 50 rows." in container.failure
    assert "Please remove these rows, or give them a label: it is the first column." in container.failure


@pytest.mark.parametrize("kind", ["csv", "parquet", "recordio-protobuf"])
@pytest.mark.parametrize(("channel", "said"), [("train", "training"), ("validation", "validation")])
def test_an_empty_file_is_no_data(container: Container, kind: str, channel: str, said: str) -> None:
    (container.root / "input" / "data" / channel / f"{channel}.csv").unlink()
    container.put(channel, "empty", "", ContentType=kind)
    container.run()
    assert f"UserError: No data in {said} channel path" in container.failure


def test_tables_of_other_columns_are_told(container: Container) -> None:
    container.given = {"num_round": "2", "objective": "reg:squarederror"}
    for channel, columns in (("train", "4"), ("validation", "6")):
        (container.root / "input" / "data" / channel / f"{channel}.csv").unlink()
        file = container.put(channel, f"{channel}.parquet", "", ContentType="parquet")
        subprocess.run([str(container.python), "-c", TABLE, str(file), columns], check=True)
    container.run()
    assert container.failure.startswith("framework error: \nUserError: ")
    assert "columns" in container.failure


BY_TEXT = """
import sys, warnings, xgboost
warnings.simplefilter("ignore")
matrix = xgboost.DMatrix(sys.argv[1] + "?format=csv&label_column=0")
params = {"objective": "binary:logistic", "eval_metric": "logloss"}
result = {}
xgboost.train(params, matrix, 3, evals=[(matrix, "train")], evals_result=result, verbose_eval=False)
print(*(f"{value:.5f}" for value in result["train"]["logloss"]))
"""


@pytest.mark.parametrize("field", ["7", "", "nan", "inf"])
def test_a_large_file_gives_the_model_that_xgboost_s_parser_gives(container: Container, field: str) -> None:
    """Read by pyarrow, but for one with a field that only xgboost's parser knows what to do with."""
    rows = [[n % 2, *(n * n % prime + n % 2 for prime in range(101, 141))] for n in range(70_000)]
    lines = [",".join(map(str, row)) for row in rows]
    lines[5] = ",".join([*map(str, rows[5][:-1]), field])
    container.given = {"num_round": "3", "objective": "binary:logistic", "eval_metric": "logloss"}
    container.channels.clear()
    shutil.rmtree(container.root / "input" / "data")
    file = container.put("train", "rows.csv", "\n".join(lines) + "\n")
    assert file.stat().st_size > 8 << 20
    log = container.run()
    if field == "inf":
        assert "inf" in container.failure.lower()
        return
    said = subprocess.run([str(container.python), "-c", BY_TEXT, str(file)], check=True, capture_output=True, text=True)
    assert scores(log, "train-logloss") == [float(value) for value in said.stdout.split()]
