"""Model cards and their versions."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import client, refused


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    return client(platform)


def test_model_cards(sagemaker: Any) -> None:
    sagemaker.create_model_card(ModelCardName="c", Content='{"a": 1}', ModelCardStatus="Draft")
    sagemaker.update_model_card(ModelCardName="c", Content='{"a": 2}')
    sagemaker.update_model_card(ModelCardName="c", ModelCardStatus="Approved")
    shown = sagemaker.describe_model_card(ModelCardName="c")
    assert (shown["ModelCardVersion"], shown["Content"], shown["ModelCardStatus"]) == (2, '{"a": 2}', "Approved")
    old = sagemaker.describe_model_card(ModelCardName="c", ModelCardVersion=1)
    assert (old["ModelCardVersion"], old["Content"], old["ModelCardStatus"]) == (1, '{"a": 1}', "Draft")
    listed = sagemaker.list_model_card_versions(ModelCardName="c", SortOrder="Ascending")
    assert [one["ModelCardVersion"] for one in listed["ModelCardVersionSummaryList"]] == [1, 2]
    approved = sagemaker.list_model_card_versions(ModelCardName="c", ModelCardStatus="Approved")
    assert [one["ModelCardVersion"] for one in approved["ModelCardVersionSummaryList"]] == [2]
    for wrong in ({"Content": "{}", "ModelCardStatus": "Draft"}, {"Content": "no"}):
        with pytest.raises(ClientError) as error:
            sagemaker.update_model_card(ModelCardName="c", **wrong)
        assert refused(error.value)[0] == "ValidationException"
    with pytest.raises(sagemaker.exceptions.ConflictException):
        sagemaker.create_model_card(ModelCardName="c", Content="{}", ModelCardStatus="Draft")
    sagemaker.delete_model_card(ModelCardName="c")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.list_model_card_versions(ModelCardName="c")
