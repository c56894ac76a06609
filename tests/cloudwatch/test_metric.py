"""Metrics by the front door: what is put is listed and read, in every form that clients speak."""

import time
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from conftest import Platform

MINUTE = 60
REMEDY = (
    "which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the "
    "time range."
)


@pytest.fixture
def namespace() -> str:
    return f"Test/{uuid4().hex[:8]}"


@pytest.fixture
def client(platform: Platform) -> Any:
    return platform.client("cloudwatch")


def minute(ago: int = 0) -> float:
    """The begin of a minute."""
    return time.time() // MINUTE * MINUTE - ago * MINUTE


def read(client: Any, namespace: str, name: str, *, period: int = MINUTE, since: float = 0, **given: Any) -> Any:
    """The data points since then, or of the last ten minutes, oldest first."""
    if "ExtendedStatistics" not in given:
        given["Statistics"] = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"]
    found = client.get_metric_statistics(
        Namespace=namespace, MetricName=name, StartTime=since or minute(10), EndTime=minute(-1), Period=period, **given
    )
    assert found["Label"] == name
    return sorted(found["Datapoints"], key=lambda point: point["Timestamp"])


def refused(operation: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refusal:
        operation(**given)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize("protocol", ["smithy-rpc-v2-cbor", "json", "query"])
def test_a_metric_goes_round_in_every_protocol(platform: Platform, namespace: str, protocol: str) -> None:
    client = spoken(platform, protocol)
    now = minute(3)
    client.put_metric_data(
        Namespace=namespace,
        MetricData=[
            {
                "MetricName": "loss",
                "Dimensions": [{"Name": "Host", "Value": "algo-1"}],
                "Timestamp": now,
                "Value": 0.25,
            },
            {
                "MetricName": "loss",
                "Dimensions": [{"Name": "Host", "Value": "algo-1"}],
                "Timestamp": now,
                "Value": 0.75,
            },
        ],
    )
    (point,) = read(client, namespace, "loss", Dimensions=[{"Name": "Host", "Value": "algo-1"}])
    assert point["Timestamp"].timestamp() == now
    assert {name: point[name] for name in ("SampleCount", "Sum", "Average", "Minimum", "Maximum", "Unit")} == {
        "SampleCount": 2.0, "Sum": 1.0, "Average": 0.5, "Minimum": 0.25, "Maximum": 0.75, "Unit": "None",
    }  # fmt: skip
    assert read(client, namespace, "loss") == [], "without its dimensions it is another metric"
    assert client.list_metrics(Namespace=namespace)["Metrics"] == [
        {"Namespace": namespace, "MetricName": "loss", "Dimensions": [{"Name": "Host", "Value": "algo-1"}]}
    ]
    code, _ = refused(client.put_metric_data, Namespace=namespace, MetricData=[{"MetricName": "loss"}])
    assert code == "MissingParameter"


def spoken(platform: Platform, protocol: str) -> Any:
    """A client that speaks one of the service's protocols: botocore takes the model's first choice that it knows."""
    import botocore.session

    session = botocore.session.get_session()
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def chosen(service: str, kind: str, **given: Any) -> Any:
        model = load(service, kind, **given)
        if service == "cloudwatch" and kind == "service-2":
            model = {**model, "metadata": {**model["metadata"], "protocol": protocol, "protocols": [protocol]}}
        return model

    loader.load_service_model = chosen
    key, secret = platform.root
    return boto3.session.Session(botocore_session=session).client(
        "cloudwatch",
        endpoint_url=platform.url,
        region_name="us-west-2",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


def test_values_counts_and_statistic_sets_are_summed_up(client: Any, namespace: str) -> None:
    now = minute(2)
    sets = {"SampleCount": 3, "Sum": 30, "Minimum": 5, "Maximum": 20}
    client.put_metric_data(
        Namespace=namespace,
        MetricData=[
            {"MetricName": "m", "Timestamp": now, "Values": [1, 2], "Counts": [4, 1], "Unit": "Count"},
            {"MetricName": "m", "Timestamp": now + 59, "StatisticValues": sets, "Unit": "Count"},
            {"MetricName": "m", "Timestamp": now, "Value": 1, "Unit": "Bytes"},
        ],
    )
    (point,) = read(client, namespace, "m", Unit="Count")
    assert (point["SampleCount"], point["Sum"], point["Minimum"], point["Maximum"]) == (8, 36, 1, 20)
    assert {point["Unit"] for point in read(client, namespace, "m")} == {"Count", "Bytes"}
    found = read(client, namespace, "m", ExtendedStatistics=["p50"])
    assert [point["Unit"] for point in found] == ["Bytes"], "of a statistic set nobody knows the percentiles"


def test_percentiles_and_trimmed_means(client: Any, namespace: str) -> None:
    client.put_metric_data(
        Namespace=namespace,
        MetricData=[{"MetricName": "m", "Timestamp": minute(1), "Values": list(range(1, 101))}],
    )
    asked = {"p50": 50, "p99.9": 100, "p0": 1, "tm90": 45.5, "TM(10%:90%)": 50.5, "PR(:25)": 25, "TC(91:)": 10,
             "TS(99:100)": 199, "IQM": 50.5, "wm50": 37.75}  # fmt: skip
    (point,) = read(client, namespace, "m", ExtendedStatistics=list(asked))
    assert point["ExtendedStatistics"] == pytest.approx(asked)


def test_a_period_gathers_minutes_and_ends_before_the_end(client: Any, namespace: str) -> None:
    start = minute(10)
    data = [{"MetricName": "m", "Timestamp": start + n * 30, "Value": n} for n in range(20)]
    client.put_metric_data(Namespace=namespace, MetricData=data)
    found = read(client, namespace, "m", period=300, since=start)
    assert [(point["Timestamp"].timestamp() - start, point["SampleCount"]) for point in found] == [(0, 10), (300, 10)]
    until = client.get_metric_statistics(
        Namespace=namespace, MetricName="m", StartTime=start, EndTime=start + 60, Period=60, Statistics=["Sum"]
    )
    assert [point["Sum"] for point in until["Datapoints"]] == [1]


def test_high_resolution_has_seconds(client: Any, namespace: str) -> None:
    start = minute(2)
    data = [{"MetricName": "m", "Timestamp": start + n, "Value": n, "StorageResolution": 1} for n in range(10)]
    client.put_metric_data(Namespace=namespace, MetricData=data)
    assert [point["Sum"] for point in read(client, namespace, "m", period=5, since=start)] == [10, 35]
    assert [point["Sum"] for point in read(client, namespace, "m", since=start)] == [45]


def test_metrics_are_listed_by_name_dimension_and_page(client: Any, namespace: str) -> None:
    hosts = [{"Name": "Host", "Value": f"algo-{n}"} for n in range(1, 1201)]
    for begin in (0, 600):
        data = [{"MetricName": "cpu", "Dimensions": [host], "Value": 1} for host in hosts[begin : begin + 600]]
        client.put_metric_data(Namespace=namespace, MetricData=data)
    old = {"MetricName": "old", "Timestamp": time.time() - 4 * 3600, "Value": 1}
    client.put_metric_data(Namespace=namespace, MetricData=[old])
    pages = list(client.get_paginator("list_metrics").paginate(Namespace=namespace))
    assert [len(page["Metrics"]) for page in pages] == [500, 500, 201]
    assert "NextToken" not in pages[-1]
    assert len({str(metric) for page in pages for metric in page["Metrics"]}) == 1201
    wanted = {"Namespace": namespace, "Dimensions": [hosts[7]]}
    assert [metric["Dimensions"] for metric in client.list_metrics(**wanted)["Metrics"]] == [[hosts[7]]]
    (found,) = client.list_metrics(Namespace=namespace, MetricName="old")["Metrics"]
    assert found["Dimensions"] == []
    assert client.list_metrics(Namespace=namespace, MetricName="old", RecentlyActive="PT3H")["Metrics"] == []
    assert client.list_metrics(Namespace=namespace, Dimensions=[{"Name": "Other"}])["Metrics"] == []
    assert refused(client.list_metrics, NextToken="x")[0] == "InvalidNextToken"


def test_regions_have_metrics_of_their_own(platform: Platform, client: Any, namespace: str) -> None:
    client.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Value": 1}])
    assert platform.client("cloudwatch", region="eu-west-1").list_metrics(Namespace=namespace)["Metrics"] == []


WRONG = [
    ({"Value": float("nan")}, "InvalidParameterValue"),
    ({"Value": 1e300}, "InvalidParameterValue"),
    ({"Value": 1, "Values": [1]}, "InvalidParameterCombination"),
    ({"Values": [1, 2], "Counts": [1]}, "InvalidParameterValue"),
    ({"Values": [1], "Counts": [-1]}, "InvalidParameterValue"),
    ({"Values": [float(n) for n in range(151)]}, "InvalidParameterValue"),
    ({"Value": 1, "Timestamp": 1}, "InvalidParameterValue"),
    ({"Value": 1, "Timestamp": time.time() + 24 * 3600}, "InvalidParameterValue"),
    ({"Value": 1, "StorageResolution": 7}, "InvalidParameterValue"),
    ({"Value": 1, "Dimensions": [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]}, "InvalidParameterValue"),
    ({"StatisticValues": {"SampleCount": 0, "Sum": 0, "Minimum": 0, "Maximum": 0}}, "InvalidParameterValue"),
]


@pytest.mark.parametrize(("given", "code"), WRONG)
def test_wrong_data_are_refused(client: Any, namespace: str, given: dict[str, Any], code: str) -> None:
    assert refused(client.put_metric_data, Namespace=namespace, MetricData=[{"MetricName": "m", **given}])[0] == code
    assert client.list_metrics(Namespace=namespace)["Metrics"] == []


def test_aws_words_for_what_is_refused(client: Any, namespace: str) -> None:
    old = {"MetricName": "m", "Value": 1, "Timestamp": 1}
    assert refused(client.put_metric_data, Namespace=namespace, MetricData=[old]) == (
        "InvalidParameterValue",
        "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks.",
    )
    asked = {"Namespace": namespace, "MetricName": "m", "Statistics": ["Sum"], "EndTime": minute()}
    assert refused(client.get_metric_statistics, **asked, StartTime=minute(1441 * 2), Period=60) == (
        "InvalidParameterCombination",
        f"You have requested up to 2,882 datapoints, {REMEDY}",
    )
    assert refused(client.get_metric_statistics, **asked, StartTime=minute(-1), Period=60)[0] == "InvalidParameterValue"
    assert refused(client.get_metric_statistics, **asked, StartTime=minute(5), Period=45)[0] == "InvalidParameterValue"


def test_iam_is_asked_for_the_namespace(platform: Platform, namespace: str) -> None:
    import json

    iam, name = platform.client("iam"), f"u{uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    statement = {
        "Effect": "Allow",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": {"StringEquals": {"cloudwatch:namespace": namespace}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    client = platform.client("cloudwatch", keys=(key["AccessKeyId"], key["SecretAccessKey"]))
    client.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Value": 1}])
    assert "AccessDenied" in refused(client.put_metric_data, Namespace="Other", MetricData=[])[0]
    assert "AccessDenied" in refused(client.list_metrics)[0]


def test_metrics_survive_a_kill(own_platform: Platform, namespace: str) -> None:
    client = own_platform.client("cloudwatch")
    client.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Timestamp": minute(1), "Value": 7}])
    own_platform.kill()
    own_platform.start()
    assert [point["Sum"] for point in read(client, namespace, "m")] == [7]
