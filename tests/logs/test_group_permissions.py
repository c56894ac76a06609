"""What Logs asks of IAM: groups and streams by their ARNs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from iam.people import policy

if TYPE_CHECKING:
    from conftest import Platform


def test_a_user_may_what_its_policy_says(platform: Platform) -> None:
    iam, root = platform.client("iam"), platform.client("logs")
    user, name = f"u{uuid.uuid4().hex[:8]}", f"/mine/{uuid.uuid4()}"
    iam.create_user(UserName=user)
    allowed = policy("logs:*", f"arn:aws:logs:*:*:log-group:{name}:*")
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allowed)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    client = platform.client("logs", keys=(key["AccessKeyId"], key["SecretAccessKey"]))
    client.create_log_group(logGroupName=name)
    client.create_log_stream(logGroupName=name, logStreamName="s")
    assert client.get_log_events(logGroupName=name, logStreamName="s")["events"] == []
    root.create_log_group(logGroupName=f"{name}-other")
    with pytest.raises(
        ClientError, match=rf"logs:DescribeLogStreams on resource: .*:log-group:{name}-other:log-stream:"
    ):
        client.describe_log_streams(logGroupName=f"{name}-other")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.describe_log_groups()
