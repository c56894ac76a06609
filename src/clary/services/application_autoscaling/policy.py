"""Scaling policies: what makes a target grow and shrink.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
"""

import sqlite3
from itertools import pairwise

import orjson

from clary.errors import AWSError, Invalid, NotImplementedHere
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.application_autoscaling import alarm
from clary.services.application_autoscaling.state import (
    SQL,
    Document,
    Scaling,
    answer,
    existing,
    made_arn,
    named,
    page,
    registered,
    shown,
)
from clary.services.cloudwatch import state
from clary.services.cloudwatch.metrics import SQL as ALARMS

TRACKING, STEPS = "TargetTrackingScaling", "StepScaling"
CONFIGURATION = {TRACKING: "TargetTrackingScalingPolicyConfiguration", STEPS: "StepScalingPolicyConfiguration"}
ABSENT = "PredictiveScalingPolicyConfiguration"
# https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-limits.html
MOST_POLICIES, MOST_STEPS = 50, 20


@operation("PutScalingPolicy")
def put(call: Call[Scaling], request: Document) -> Document:
    place = {**named(call, request), "name": request["PolicyName"]}
    platform = call.platform

    def work(connection: sqlite3.Connection) -> Document:
        registered(call, connection, request)
        row = connection.execute(SQL["policy_find"], place).fetchone()
        had = orjson.loads(row["document"]) if row else {}
        document = _merged(had, request)
        if row is None and len(connection.execute(SQL["policy_of"], place).fetchall()) >= MOST_POLICIES:
            raise AWSError("LimitExceededException", f"A scalable target has {MOST_POLICIES} policies at most.")
        arn = row["arn"] if row else made_arn(call, request, "scalingPolicy", "policyName")
        if row is not None:
            alarm.remove(platform, connection, row)
        alarms = []
        if document["PolicyType"] == TRACKING:
            made = {**place, "arn": arn}
            alarms = alarm.put(platform, connection, made, document[CONFIGURATION[TRACKING]])
        stored = orjson.dumps({**document, "Alarms": alarms})
        connection.execute(SQL["policy_put"], {**place, "arn": arn, "document": stored, "now": platform.clock()})
        return {"PolicyARN": arn, "Alarms": alarms}

    return platform.store.write(work)


def _merged(had: Document, request: Document) -> Document:
    """The policy as it will be: an update says only what changes. Raises Invalid."""
    kind = request.get("PolicyType") or had.get("PolicyType") or STEPS
    if kind not in CONFIGURATION:
        raise NotImplementedHere(f"Clary does not have {kind}: it has {TRACKING} and {STEPS}.")
    if had and kind != had["PolicyType"]:
        raise Invalid(
            f"The type of a scaling policy cannot be changed: {request['PolicyName']} is {had['PolicyType']}."
        )
    member = CONFIGURATION[kind]
    for other in (*CONFIGURATION.values(), ABSENT):
        if other != member and request.get(other):
            raise Invalid(f"{other} does not go with the policy type {kind}.")
    given = request.get(member) or had.get(member)
    if not given:
        raise Invalid(f"{member} is required for the policy type {kind}.")
    if kind == TRACKING:
        alarm.check(request["ScalableDimension"], given)
    else:
        _check_steps(given)
    return {"PolicyName": request["PolicyName"], "PolicyType": kind, member: given}


def _check_steps(steps: Document) -> None:
    """https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html"""
    if steps.get("AdjustmentType") is None or not steps.get("StepAdjustments"):
        raise Invalid("A step scaling policy needs an AdjustmentType and StepAdjustments.")
    if len(steps["StepAdjustments"]) > MOST_STEPS:
        raise AWSError("LimitExceededException", f"A step scaling policy has {MOST_STEPS} step adjustments at most.")
    least, most = float("-inf"), float("inf")
    spans = sorted(
        (one.get("MetricIntervalLowerBound", least), one.get("MetricIntervalUpperBound", most))
        for one in steps["StepAdjustments"]
    )
    for low, high in spans:
        if low >= high:
            raise Invalid("The lower bound of a step adjustment must be less than its upper bound.")
        if low == least and high == most:
            raise Invalid("At least one bound of a step adjustment must be given.")
    if any(before[1] != after[0] for before, after in pairwise(spans)):
        raise Invalid("The intervals of step adjustments may neither overlap nor have gaps between them.")
    if spans[0][0] < 0 and spans[0][0] != least:
        raise Invalid("With a negative lower bound, there must be a step adjustment with an unspecified lower bound.")
    if spans[-1][1] > 0 and spans[-1][1] != most:
        raise Invalid("With a positive upper bound, there must be a step adjustment with an unspecified upper bound.")


@operation("DescribeScalingPolicies")
def described(call: Call[Scaling], request: Document) -> Document:
    rows, token = page(call, request, "policy_page", ("resource", "dimension", "name"), ("PolicyNames", "name"))
    watching = _watching(call)
    found = []
    for row in rows:
        one = {**shown(row), "PolicyARN": row["arn"], "CreationTime": row["created"]}
        found.append({**one, "Alarms": one["Alarms"] or watching.get(row["arn"], [])})
    return answer("ScalingPolicies", found, token)


def _watching(call: Call[Scaling]) -> dict[str, list[Document]]:
    """The alarms that users made for policies, by the policies' ARNs."""
    found: dict[str, list[Document]] = {}
    every = {"region": call.region, "after": "", "state": None}
    for row in call.platform.store.read().execute(ALARMS["alarm_page"], every):
        document = orjson.loads(row["document"])
        shown = {"AlarmName": row["name"], "AlarmARN": state.arn(call.region, call.account, row["name"])}
        for member in alarm.STATES.values():
            for arn in document.get(member, ()):
                found.setdefault(arn, []).append(shown)
    return found


@operation("DeleteScalingPolicy")
def delete(call: Call[Scaling], request: Document) -> Document:
    place = {**named(call, request), "name": request["PolicyName"]}

    def work(connection: sqlite3.Connection) -> None:
        row = existing(connection, "policy_find", place, request, "scaling policy")
        alarm.remove(call.platform, connection, row)
        connection.execute(SQL["policy_remove"], {"arn": row["arn"]})

    call.platform.store.write(work)
    return {}
