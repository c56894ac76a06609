"""The instances that a job asks for, by the names that its containers know."""

from dataclasses import dataclass
from typing import Any

HOMOGENEOUS = "homogeneousCluster"  # the group's name where the request has none


@dataclass(frozen=True, slots=True)
class Host:
    name: str  # algo-1
    type: str  # ml.m5.large
    group: str


def hosts(document: dict[str, Any]) -> list[Host]:
    """In order: of instance groups, the first group's come first.
    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
    """
    resources = document.get("ResourceConfig", {})
    groups = resources.get("InstanceGroups") or [
        {
            "InstanceGroupName": HOMOGENEOUS,
            "InstanceType": resources.get("InstanceType", ""),
            "InstanceCount": resources.get("InstanceCount", 1),
        }
    ]
    wanted = [(group["InstanceType"], group["InstanceGroupName"]) for group in groups for _ in range(count(group))]
    return [Host(f"algo-{number}", *each) for number, each in enumerate(wanted, 1)]


def count(group: dict[str, Any]) -> int:
    return int(group.get("InstanceCount", 1))
