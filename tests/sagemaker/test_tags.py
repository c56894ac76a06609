"""Tags: limits, pages, and ARNs that are not there."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import client, refused


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    return client(platform)


def tags(first: int, behind: int) -> list[dict[str, str]]:
    return [{"Key": f"k{number:02}", "Value": str(number)} for number in range(first, behind)]


def test_fifty_and_no_more(sagemaker: Any) -> None:
    arn = sagemaker.create_experiment(ExperimentName="e", Tags=tags(0, 49))["ExperimentArn"]
    with pytest.raises(ClientError) as error:
        sagemaker.add_tags(ResourceArn=arn, Tags=tags(48, 51))
    assert refused(error.value)[0] == "ValidationException"
    assert len(sagemaker.list_tags(ResourceArn=arn)["Tags"]) == 49, "all or none"
    answer = sagemaker.add_tags(ResourceArn=arn, Tags=tags(48, 50))
    assert answer["Tags"] == tags(0, 50)
    assert sagemaker.list_tags(ResourceArn=arn, MaxResults=50)["Tags"] == tags(0, 50)


def test_arns_that_are_not_there(sagemaker: Any) -> None:
    arn = sagemaker.create_experiment(ExperimentName="e")["ExperimentArn"]
    elsewhere = arn.replace(sagemaker.meta.region_name, "us-east-1")
    for wrong, said in ((arn + "x", "does not exist"), (elsewhere, "should be scoped to correct region")):
        for operation, members in (
            ("list_tags", {}),
            ("add_tags", {"Tags": tags(0, 1)}),
            ("delete_tags", {"TagKeys": ["k"]}),
        ):
            with pytest.raises(ClientError, match=said) as error:
                getattr(sagemaker, operation)(ResourceArn=wrong, **members)
            assert refused(error.value)[0] == "ValidationException"
