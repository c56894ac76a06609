"""Metrics of trial components, put and got."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import account, fresh, refused


@pytest.fixture
def metrics(platform: Platform) -> Any:
    return platform.client("sagemaker-metrics")


@pytest.fixture
def component(platform: Platform) -> tuple[str, str]:
    """Name and ARN."""
    name = fresh("Run")
    made = platform.client("sagemaker").create_trial_component(TrialComponentName=name)
    return name, made["TrialComponentArn"]


def datum(name: str, value: float, **given: Any) -> dict[str, Any]:
    return {"MetricName": name, "Value": value, "Timestamp": int(time.time()), **given}


def query(arn: str, **changed: Any) -> dict[str, Any]:
    asked = {"MetricName": "loss", "ResourceArn": arn, "MetricStat": "Last"}
    return {**asked, "Period": "IterationNumber", "XAxisType": "IterationNumber", **changed}


def test_what_is_put_is_summed_up(platform: Platform, metrics: Any, component: tuple[str, str]) -> None:
    """Under the component's name in lower case, as the SDK has it."""
    name, arn = component
    data = [datum("loss", 1 / (step + 1), Step=step) for step in range(8)]
    assert "Errors" not in metrics.batch_put_metrics(TrialComponentName=name.lower(), MetricData=data)
    metrics.batch_put_metrics(TrialComponentName=name.lower(), MetricData=[datum("auc", 0.5), datum("loss", 7, Step=8)])
    shown = platform.client("sagemaker").describe_trial_component(TrialComponentName=name)["Metrics"]
    auc, loss = shown
    assert (auc["MetricName"], auc["Count"], auc["StdDev"], auc["Last"]) == ("auc", 1, 0.0, 0.5)
    assert (loss["Count"], loss["Min"], loss["Max"], loss["Last"]) == (9, 0.125, 7.0, 7.0)
    assert loss["SourceArn"] == arn
    values = [1 / (step + 1) for step in range(8)] + [7.0]
    mean = sum(values) / 9
    assert loss["Avg"] == pytest.approx(mean)
    assert loss["StdDev"] == pytest.approx((sum((value - mean) ** 2 for value in values) / 9) ** 0.5)


def test_series(metrics: Any, component: tuple[str, str]) -> None:
    name, arn = component
    hour = int(time.time()) // 3600 * 3600 - 7200
    data = [datum("loss", step, Step=step // 2, Timestamp=hour + step * 40) for step in range(6)]
    metrics.batch_put_metrics(TrialComponentName=name.lower(), MetricData=data)
    asked = [
        query(arn),
        query(arn, MetricStat="Avg", Start=1, End=1),
        query(arn, MetricStat="Max", Period="OneMinute", XAxisType="Timestamp"),
        query(arn, MetricStat="Count", Period="OneHour", XAxisType="Timestamp", Start=hour + 40),
        query(arn, MetricStat="StdDev", Period="FiveMinute", XAxisType="Timestamp"),
        query(arn, MetricName="none"),
        query(arn, MetricStat="Min", Period="OneMinute"),
        query(arn + "x"),
    ]
    found = metrics.batch_get_metrics(MetricQueries=asked)["MetricQueryResults"]
    assert [one["Status"] for one in found] == ["Complete"] * 6 + ["ValidationError"] * 2
    assert (found[0]["XAxisValues"], found[0]["MetricValues"]) == ([0, 1, 2], [1.0, 3.0, 5.0])
    assert (found[1]["XAxisValues"], found[1]["MetricValues"]) == ([1], [2.5])
    assert found[2]["XAxisValues"] == [hour, hour + 60, hour + 120, hour + 180]
    assert found[2]["MetricValues"] == [1.0, 2.0, 4.0, 5.0]
    assert (found[3]["XAxisValues"], found[3]["MetricValues"]) == ([hour], [5.0])
    assert found[4]["MetricValues"] == [pytest.approx((35 / 12) ** 0.5)]
    assert found[5]["XAxisValues"] == []
    assert "does not go with" in found[6]["Message"]
    assert "does not exist" in found[7]["Message"]


def test_what_is_no_metric(metrics: Any, component: tuple[str, str]) -> None:
    name, _ = component
    now = int(time.time())
    data = [datum("a", 1, Timestamp=now - 15 * 86400), datum("b", 1), datum("c", 1, Timestamp=now + 8000)]
    errors = metrics.batch_put_metrics(TrialComponentName=name.lower(), MetricData=data)["Errors"]
    assert errors == [{"Code": "VALIDATION_ERROR", "MetricIndex": index} for index in (0, 2)]
    with pytest.raises(ClientError) as error:
        metrics.batch_put_metrics(TrialComponentName=fresh("none"), MetricData=[datum("a", 1)])
    assert refused(error.value)[0] == "ResourceNotFound"
    with pytest.raises(ClientError) as error:
        metrics.batch_put_metrics(TrialComponentName=name.lower(), MetricData=[datum("a", 1)] * 11)
    assert refused(error.value)[0] == "ValidationException"


def test_nothing_is_left_of_a_component(platform: Platform, metrics: Any, component: tuple[str, str]) -> None:
    name, arn = component
    sagemaker = platform.client("sagemaker")
    metrics.batch_put_metrics(TrialComponentName=name.lower(), MetricData=[datum("loss", 1, Step=0)])
    sagemaker.delete_trial_component(TrialComponentName=name)
    sagemaker.create_trial_component(TrialComponentName=name)
    assert sagemaker.describe_trial_component(TrialComponentName=name)["Metrics"] == []
    (found,) = metrics.batch_get_metrics(MetricQueries=[query(arn)])["MetricQueryResults"]
    assert found["XAxisValues"] == []


def test_permissions(platform: Platform, component: tuple[str, str]) -> None:
    """Only to one component's metrics, and only to put them."""
    name, arn = component
    iam, user = platform.client("iam"), fresh("user")
    iam.create_user(UserName=user)
    mine = arn.replace(name, name.lower())
    policy = {"Statement": [{"Effect": "Allow", "Action": "sagemaker:BatchPutMetrics", "Resource": mine}]}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", **policy}))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    metrics = platform.client("sagemaker-metrics", keys=(key["AccessKeyId"], key["SecretAccessKey"]))
    metrics.batch_put_metrics(TrialComponentName=name.lower(), MetricData=[datum("loss", 1)])
    other = f"arn:aws:sagemaker:us-west-2:{account(platform)}:experiment-trial-component/other"
    for refused_one, given in (
        (metrics.batch_put_metrics, {"TrialComponentName": "other", "MetricData": [datum("loss", 1)]}),
        (metrics.batch_get_metrics, {"MetricQueries": [query(other)]}),
    ):
        with pytest.raises(ClientError) as error:
            refused_one(**given)
        assert refused(error.value)[0] == "AccessDeniedException"
