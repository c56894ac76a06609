"""Deployment configurations as steps of traffic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.services.sagemaker.hosting import traffic


def policy(kind: str, **sizes: object) -> dict[str, object]:
    return {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 7, **sizes}}
    }


@pytest.mark.parametrize(
    ("config", "shares"),
    [
        ({}, (1.0,)),
        (policy("ALL_AT_ONCE"), (1.0,)),
        (policy("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}), (0.25, 1.0)),
        (policy("LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 40}), (0.4, 0.8, 1.0)),
        (
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 2},
                    "WaitIntervalInSeconds": 0,
                }
            },
            (0.5, 1.0),
        ),
    ],
)
def test_the_shares_of_the_new_fleet(config: dict[str, object], shares: tuple[float, ...]) -> None:
    assert traffic.of(config, 4).shares == shares


@given(st.integers(1, 100))
def test_linear_steps_grow_to_all_of_it(percent: int) -> None:
    shares = traffic.of(policy("LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": percent}), 4).shares
    assert list(shares) == sorted(set(shares))
    assert shares[-1] == 1.0
    assert shares[0] == pytest.approx(percent / 100)
