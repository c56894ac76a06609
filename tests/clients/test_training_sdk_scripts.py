"""Script mode in depth by SDK 2: folders of source, what they depend on, what they require, arguments of every type;
and the words in which it fails.
"""

import json
from pathlib import Path
from typing import Any

import pytest

XGBOOST = """
import sagemaker
from sagemaker.xgboost import XGBoost
estimator = XGBoost(entry_point="main.py", source_dir="source", dependencies=["shared"], framework_version="1.7-1",
                    role=sagemaker.get_execution_role(), instance_count=1, instance_type="ml.m5.large",
                    hyperparameters={"flag": True, "items": [1, "two"], "map": {"a": 1}, "n": 3, "rate": 0.5,
                                     "word": "a b", "none": None})
estimator.fit(wait=True, logs=True)
"""
MAIN = """
import json, sys
import beside, shared.helper
print("ARGUMENTS", json.dumps(sys.argv[1:]))
print("IMPORTED", beside.WORD, shared.helper.WORD)
"""

SKLEARN = """
import sagemaker
from sagemaker.sklearn import SKLearn
estimator = SKLearn(entry_point="main.py", source_dir="source", framework_version="1.2-1",
                    role=sagemaker.get_execution_role(), instance_type="ml.m5.large", py_version="py3")
estimator.fit()
print("model at", estimator.model_data)
"""
REQUIRES = """
import six, sklearn.linear_model
print("REQUIRED", six.__version__, sklearn.linear_model.LinearRegression().fit([[0], [1]], [0, 2]).coef_.round())
"""

ISOLATED = """
import sagemaker
from sagemaker.exceptions import UnexpectedStatusException
from sagemaker.sklearn import SKLearn
estimator = SKLearn(entry_point="main.py", source_dir="source", framework_version="1.2-1", py_version="py3",
                    role=sagemaker.get_execution_role(), instance_type="ml.m5.large", enable_network_isolation=True)
try:
    estimator.fit()
except UnexpectedStatusException as error:
    print("REFUSED", error)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("source", "shared"):
        (tmp_path / name).mkdir()
    (tmp_path / "shared" / "helper.py").write_text("WORD = 'of the dependency'\n")
    (tmp_path / "source" / "beside.py").write_text("WORD = 'of the source'\n")
    return tmp_path / "source"


def run(outside: Any, program: str) -> str:
    done = outside("run", "sagemaker2", "python", "-c", program)
    assert done.returncode == 0, (done.stdout, done.stderr)
    said: str = done.stdout
    return said


def test_xgboost_takes_a_source_dir_its_dependencies_and_hyperparameters(outside: Any, source: Path) -> None:
    (source / "main.py").write_text(MAIN)
    said = run(outside, XGBOOST)
    assert "IMPORTED of the source of the dependency" in said
    (words,) = [line.partition("ARGUMENTS ")[2] for line in said.splitlines() if "ARGUMENTS " in line]
    expected = ["--flag", "True", "--items", "[1, 'two']", "--map", "a=1", "-n", "3", "--none", "", "--rate", "0.5"]
    assert json.loads(words.partition("\x1b")[0]) == [*expected, "--word", "a b"]


def test_sklearn_installs_its_requirements(outside: Any, source: Path) -> None:
    (source / "main.py").write_text(REQUIRES)
    (source / "requirements.txt").write_text("six==1.16.0\n")  # the image has a newer one
    said = run(outside, SKLEARN)
    assert "REQUIRED 1.16.0 [2.]" in said
    assert "/output/model.tar.gz" in said


def test_requirements_without_a_network(outside: Any, source: Path) -> None:
    (source / "main.py").write_text("")
    (source / "requirements.txt").write_text("no-such-package-of-ours\n")
    said = run(outside, ISOLATED)
    assert "REFUSED Error for Training job" in said
    assert "A job with EnableNetworkIsolation reaches no package index" in said
