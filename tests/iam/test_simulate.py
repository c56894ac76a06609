"""The policy simulator through boto3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from iam.people import policy, trust, unique

if TYPE_CHECKING:
    from conftest import Platform

READ = policy("s3:Get*", "arn:aws:s3:::b/*")
DENY = policy("s3:GetObject", "arn:aws:s3:::b/secret", "Deny")


def decisions(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(r["EvalActionName"], r["EvalResourceName"]): r["EvalDecision"] for r in answer["EvaluationResults"]}


def test_custom(platform: Platform) -> None:
    answer = platform.client("iam").simulate_custom_policy(
        PolicyInputList=[READ, DENY],
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=["arn:aws:s3:::b/k", "arn:aws:s3:::b/secret"],
    )
    assert decisions(answer) == {
        ("s3:GetObject", "arn:aws:s3:::b/k"): "allowed",
        ("s3:GetObject", "arn:aws:s3:::b/secret"): "explicitDeny",
        ("s3:PutObject", "arn:aws:s3:::b/k"): "implicitDeny",
        ("s3:PutObject", "arn:aws:s3:::b/secret"): "implicitDeny",
    }
    (allowed, denied, *_) = answer["EvaluationResults"]
    assert allowed["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"
    start = allowed["MatchedStatements"][0]["StartPosition"]
    assert READ[start["Column"] - 1 :].startswith('{"Effect"')
    assert denied["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.2"


def test_missing_context(platform: Platform) -> None:
    conditional = policy("s3:*", Condition={"StringEquals": {"aws:RequestedRegion": "us-west-2"}})
    simulate = platform.client("iam").simulate_custom_policy
    asked: dict[str, Any] = {"PolicyInputList": [conditional], "ActionNames": ["s3:GetObject"]}
    (result,) = simulate(**asked)["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["aws:RequestedRegion"])
    entry = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyType": "string", "ContextKeyValues": ["us-west-2"]}
    (result,) = simulate(**asked, ContextEntries=[entry])["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])


def test_principal(platform: Platform) -> None:
    iam, role = platform.client("iam"), unique("role")
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust({"Service": "sagemaker.amazonaws.com"}))[
        "Role"
    ]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    iam.put_role_policy(RoleName=role, PolicyName="in", PolicyDocument=READ)
    answer = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["sagemaker:CreateModel", "iam:CreateUser", "sagemaker:DeleteModel"]
    )
    assert list(decisions(answer).values()) == ["allowed", "implicitDeny", "allowed"]
    assert answer["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyType"] == "aws-managed"
    allowed = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["s3:GetObject"], ResourceArns=["arn:aws:s3:::b/k"]
    )
    assert allowed["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"] == "in"


def test_boundary_and_resource_policy(platform: Platform) -> None:
    simulate = platform.client("iam").simulate_custom_policy
    (result,) = simulate(
        PolicyInputList=[policy("*")],
        PermissionsBoundaryPolicyInputList=[READ],
        ActionNames=["s3:PutObject"],
        ResourceArns=["arn:aws:s3:::b/k"],
    )["EvaluationResults"]
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    caller = "arn:aws:iam::111122223333:user/ann"
    bucket = policy("s3:GetObject", "arn:aws:s3:::b/*", Principal={"AWS": caller})
    (result,) = simulate(
        PolicyInputList=[policy("iam:*")],
        ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::b/k"],
        ResourcePolicy=bucket,
        CallerArn=caller,
    )["EvaluationResults"]
    assert result["EvalDecision"] == "allowed"


def test_context_keys(platform: Platform) -> None:
    conditional = policy("s3:*", "arn:aws:s3:::b/${aws:username}", Condition={"Bool": {"aws:SecureTransport": "true"}})
    answer = platform.client("iam").get_context_keys_for_custom_policy(PolicyInputList=[conditional])
    assert answer["ContextKeyNames"] == ["aws:SecureTransport", "aws:username"]


def test_what_cannot_be_simulated(platform: Platform) -> None:
    iam = platform.client("iam")
    with pytest.raises(ClientError, match="does not clearly define entity type and name"):
        iam.simulate_principal_policy(
            PolicySourceArn="arn:aws:sts::111122223333:assumed-role/r/s", ActionNames=["s3:GetObject"]
        )
    with pytest.raises(ClientError, match="Invalid Action Name: GetObject"):
        iam.simulate_custom_policy(PolicyInputList=[READ], ActionNames=["GetObject"])
    with pytest.raises(ClientError, match="InvalidInput"):
        iam.simulate_custom_policy(PolicyInputList=["{"], ActionNames=["s3:GetObject"])
