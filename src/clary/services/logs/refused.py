"""Operations that are refused by name, with the reason."""

from typing import Any, NoReturn

from clary.errors import NotImplementedHere
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.logs import state
from clary.services.logs.state import Logs

Document = dict[str, Any]


@operation("PutMetricFilter", inline=True)
def put_metric_filter(_call: Call[Logs], _request: Document) -> NoReturn:
    raise NotImplementedHere(
        "Clary has no metric filters: put the metric with PutMetricData where the line is written."
    )


@operation("DescribeMetricFilters", inline=True)
def metric_filters(call: Call[Logs], request: Document) -> Document:
    """There are none."""
    if request.get("logGroupName"):
        state.group_of(call, request["logGroupName"])
    return {"metricFilters": []}


@operation("PutSubscriptionFilter", inline=True)
def put_subscription_filter(_call: Call[Logs], _request: Document) -> NoReturn:
    raise NotImplementedHere("Clary has no subscription filters: StartLiveTail follows a log group.")


@operation("DescribeSubscriptionFilters", inline=True)
def subscription_filters(call: Call[Logs], request: Document) -> Document:
    """There are none."""
    state.group_of(call, request["logGroupName"])
    return {"subscriptionFilters": []}
