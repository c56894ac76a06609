"""How much there should be: the examples of AWS's pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.services.application_autoscaling import adjust

# https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
OUT = {
    "AdjustmentType": "PercentChangeInCapacity",
    "StepAdjustments": [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 0},
        {"MetricIntervalLowerBound": 10, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 10},
        {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 30},
    ],
}
IN = {
    "AdjustmentType": "PercentChangeInCapacity",
    "StepAdjustments": [
        {"MetricIntervalLowerBound": -10, "MetricIntervalUpperBound": 0, "ScalingAdjustment": 0},
        {"MetricIntervalLowerBound": -20, "MetricIntervalUpperBound": -10, "ScalingAdjustment": -10},
        {"MetricIntervalUpperBound": -20, "ScalingAdjustment": -30},
    ],
}


@pytest.mark.parametrize(
    ("capacity", "beyond", "expected"), [(10, 5, 10), (10, 10, 11), (10, 20, 13), (11, 25, 14), (10, 300, 13)]
)
def test_steps_up(capacity: int, beyond: float, expected: int) -> None:
    assert adjust.stepped(capacity, beyond, True, OUT) == expected


@pytest.mark.parametrize(("capacity", "beyond", "expected"), [(13, 0, 13), (13, -10, 12), (10, -25, 7), (13, -20, 10)])
def test_steps_down(capacity: int, beyond: float, expected: int) -> None:
    assert adjust.stepped(capacity, beyond, False, IN) == expected


@pytest.mark.parametrize(("amount", "least", "expected"), [(25, 2, 6), (25, 0, 5), (5, 0, 5), (-5, 0, 3), (-25, 3, 1)])
def test_percent_of_four(amount: int, least: int, expected: int) -> None:
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": amount}]
    given = {"AdjustmentType": "PercentChangeInCapacity", "StepAdjustments": steps, "MinAdjustmentMagnitude": least}
    assert adjust.stepped(4, 0, True, given) == expected


def test_changes_and_exact_capacities() -> None:
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 3}]
    assert adjust.stepped(4, 1, True, {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps}) == 7
    assert adjust.stepped(4, 1, True, {"AdjustmentType": "ExactCapacity", "StepAdjustments": steps}) == 3


@given(st.integers(1, 100), st.floats(0, 1e6), st.floats(0.1, 1e4))
def test_what_is_tracked_comes_to_its_target(capacity: int, value: float, target: float) -> None:
    found = adjust.tracked(capacity, value, target)
    if found:
        assert capacity * value / found <= target * (1 + 1e-6)
    assert (found - 1) * target < capacity * value + 1e-6 * target
