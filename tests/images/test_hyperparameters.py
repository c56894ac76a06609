"""What the built-in XGBoost is told when its job is created: what each tag takes, in the container's words."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clary.images
from clary.errors import Invalid
from clary.images.hyperparameters import Specification, check, load

TABLE = Path(clary.images.__file__).parent / "xgboost" / "hyperparameters.toml"


def of(tag: str) -> Specification:
    found = load(TABLE, tag)
    assert found
    return found


def said(tag: str, **given: str) -> str:
    with pytest.raises(Invalid) as caught:
        check(of(tag), {"num_round": "10"} | given)
    return caught.value.message


def test_what_is_right_is_taken() -> None:
    check(of("1.7-1"), {"num_round": "10", "early_stopping_rounds ": "5", "learning_rate": "0.5", "eta": "0.1"})
    check(of("1.7-1"), {"num_round": "1", "objective": "multi:softmax", "num_class": "4", "eval_metric": "mlogloss"})
    check(of("3.0-5"), {"num_round": "1", "eval_metric": "error@0.7, rmse", "updater": "grow_colmaker,prune"})
    check(of("1.7-1"), {"num_round": "1", "tree_method": "hist", "monotone_constraints": "(1, 0, -1)"})
    check(of("1.7-1"), {"num_round": "1", "tree_method": "hist", "interaction_constraints": "[[1, 2], [3]]"})
    check(of("latest"), {"num_round": "10", "silent": "0", "objective": "reg:linear"})


def test_what_is_missing_or_unknown() -> None:
    with pytest.raises(Invalid, match="Missing required hyperparameter: num_round"):
        check(of("1.7-1"), {"eta": "0.1"})
    assert said("1.7-1", depth="3") == "Extraneous hyperparameter found: depth"
    assert said("1.2-1", silent="0") == "Extraneous hyperparameter found: silent"
    assert said("0.90-1", save_model_on_termination="true").startswith("Extraneous")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("eta", "3", "Hyperparameter eta: 3.0 is not in [0, 1]"),
        ("eta", "nan", "Hyperparameter eta: nan is not in [0, 1]"),
        ("num_round", "0", "Hyperparameter num_round: 0 is not in [1, +inf)"),
        ("max_depth", "6.5", "Hyperparameter max_depth: could not parse value (caused by ValueError)"),
        ("subsample", "0", "Hyperparameter subsample: 0.0 is not in (0, 1]"),
        ("booster", "forest", "Hyperparameter booster: forest is not in ['gbtree', 'gblinear', 'dart']"),
        ("eval_metric", "error@x", "Threshold value 't' in 'error@t' expects float input."),
        ("eval_metric", "rmse@1", "Metric 'rmse@1' is not supported."),
        ("eval_metric", "auc", "Metric 'auc' can only be applied for classification and ranking problems."),
        ("objective", "multi:softmax", "Require input for parameter 'num_class' for multi-classification"),
        ("monotone_constraints", "(1, 0)", "monotone_constraints can be used only when the tree_method"),
        ("monotone_constraints", "(2,)", "Hyperparameter monotone_constraints: value (2,) not in range [-1, 1]"),
        ("interaction_constraints", "[[", "Hyperparameter interaction_constraints: could not parse value"),
    ],
)
def test_what_is_wrong_is_told_in_the_container_s_words(name: str, value: str, words: str) -> None:
    assert said("1.7-1", **{name: value}).startswith(words)


def test_a_tag_takes_what_its_version_has() -> None:
    assert "reg:absoluteerror is not in" in said("1.5-1", objective="reg:absoluteerror")
    check(of("1.7-1"), {"num_round": "1", "objective": "reg:absoluteerror"})
    assert "not in range" in said("1.7-1", updater="grow_local_histmaker")
    check(of("1.5-1"), {"num_round": "1", "updater": "grow_local_histmaker"})
    assert "not in range" in said("1.2-1", eval_metric="balanced_accuracy")


def test_an_image_without_a_table_has_no_specification() -> None:
    assert load(TABLE.with_name("none.toml"), "1.7-1") is None


@settings(max_examples=300)
@given(st.sampled_from(sorted(of("1.7-1").hyperparameters)), st.text(max_size=40))
def test_any_text_is_taken_or_refused(name: str, value: str) -> None:
    with contextlib.suppress(Invalid):
        check(of("1.7-1"), {"num_round": "1", name: value})
