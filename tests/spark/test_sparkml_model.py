"""What SparkML's models answer is what Spark answers, bit for bit: fitted there, written as MLeap's bundle, read here.

Rows are random, and the seed is another each time: CLARY_SPARKML_SEED takes one again.
"""

import os
import random
import struct
from pathlib import Path
from typing import Any

import pytest

import clary.images
from clary.images.sparkml_serving.model import load
from clary.images.sparkml_serving.vectors import Vector
from spark import sparkml_plain
from spark.oracle import Oracle

HERE = Path(__file__).parent
IMAGES = Path(clary.images.__file__).parent
# To some last bits alone: docs/mleap.md says why.
NEARLY = {"mixture": 1e-9, "probit": 1e-15, "normalizer_3": 1e-15, "dct": 1e-13, "dct_inverse": 1e-13}
pytestmark = pytest.mark.timeout(400)  # Spark fits some 80 models, and a busy machine takes its time


@pytest.fixture(scope="module")
def cases(oracle: Oracle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All that is asked of Spark, in one question: fits of some 80 models, and the bundles of them."""
    seed = int(os.environ.get("CLARY_SPARKML_SEED") or random.randrange(10**6))
    folder = str(tmp_path_factory.mktemp("bundles"))
    script = (HERE / "sparkml_cases.py").read_text() + "\ngiven, found = cases(spark, folder, seed)\n"
    answer = oracle.run(script, folder=folder, seed=seed)
    print("CLARY_SPARKML_SEED", seed)
    assert len(answer["found"]) > 70
    return {name: {**case, "given": answer["given"]} for name, case in answer["found"].items()}


def test_rows(cases: dict[str, Any]) -> None:
    """The single-row path, in this process, which has no numpy."""
    wrong = {name: differences(name, case, by_row(case)) for name, case in cases.items() if name != "mixture"}
    assert not {name: found for name, found in wrong.items() if found}


def test_many_rows(cases: dict[str, Any], oracle: Oracle) -> None:
    """By columns, where numpy is, and what needs it for rows too."""
    script = (HERE / "sparkml_plain.py").read_text() + "\nmade = {n: by_columns(c, images) for n, c in cases.items()}\n"
    bare = {name: {key: case[key] for key in ("path", "given", "outputs")} for name, case in cases.items()}
    made = oracle.run(script, cases=bare, images=str(IMAGES))["made"]
    wrong = {name: differences(name, case, made[name]) for name, case in cases.items()}
    assert not {name: found for name, found in wrong.items() if found}


def by_row(case: dict[str, Any]) -> tuple[list[int], dict[str, Any]]:
    model = load(case["path"])
    inputs = [name for name in model.inputs if name in case["given"]]
    plan = model.plan(inputs, case["outputs"])
    kept = []
    made: dict[str, list[Any]] = {name: [] for name in plan.outputs}
    columns = [sparkml_plain.values(case["given"][name], Vector) for name in inputs]
    for row, values in enumerate(zip(*columns, strict=True)):
        answer = plan.row(values)
        if answer is None:
            continue
        kept.append(row)
        for name, value in zip(plan.outputs, answer, strict=True):
            made[name].append(sparkml_plain.plain(value))
    return kept, made


def differences(name: str, case: dict[str, Any], found: tuple[list[int], dict[str, Any]]) -> list[str]:
    kept, made = found
    wrong = [] if kept == case["kept"] else [f"rows {len(kept)}, of Spark {len(case['kept'])}"]
    for column, expected in case["expected"].items():
        for ours, theirs in zip(made[column], expected, strict=True):
            if name in NEARLY:
                assert flat(ours) == pytest.approx(flat(theirs), rel=NEARLY[name], abs=NEARLY[name]), name
            elif bits(ours) != bits(theirs):
                wrong.append(f"{column}: {ours}, of Spark {theirs}")
    return wrong[:3]


def bits(value: Any) -> Any:
    """A number by its bits: 0.0 is not -0.0, and NaN is NaN."""
    if isinstance(value, float):
        return struct.pack("d", value) if value == value else "NaN"  # noqa: PLR0124 - NaN
    return [bits(one) for one in value] if isinstance(value, (list, tuple)) else value


def flat(value: Any) -> list[float]:
    if isinstance(value, (list, tuple)):
        return [number for one in value for number in flat(one)]
    return [float(value)] if isinstance(value, (int, float)) else []
