"""Experiments, trials and their components."""

import datetime as dt
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import client, refused


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    made = client(platform)
    made.create_experiment(ExperimentName="e")
    made.create_trial(TrialName="t", ExperimentName="e")
    made.create_trial_component(TrialComponentName="c")
    return made


def test_the_words_that_the_sdk_looks_for(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_experiment(ExperimentName="e")
    code, message = refused(error.value)
    assert code == "ValidationException"
    assert "names must be unique within an AWS account" in message
    assert "already exists" in message
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_experiment(ExperimentName="none")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound, match=r"Experiment '.*' does not exist"):
        sagemaker.create_trial(TrialName="t2", ExperimentName="none")


def test_components_belong_to_trials(sagemaker: Any) -> None:
    sagemaker.create_trial(TrialName="t2", ExperimentName="e")
    sagemaker.create_trial_component(TrialComponentName="other")
    for trial in ("t", "t2", "t"):
        sagemaker.associate_trial_component(TrialName=trial, TrialComponentName="c")
    listed = sagemaker.list_trials(TrialComponentName="c")["TrialSummaries"]
    assert sorted(trial["TrialName"] for trial in listed) == ["t", "t2"]
    for filters in ({"TrialName": "t"}, {"ExperimentName": "e"}):
        found = sagemaker.list_trial_components(**filters)["TrialComponentSummaries"]
        assert [component["TrialComponentName"] for component in found] == ["c"]
    assert "Trials" not in sagemaker.describe_trial_component(TrialComponentName="c")
    sagemaker.disassociate_trial_component(TrialName="t", TrialComponentName="c")
    assert sagemaker.list_trial_components(TrialName="t")["TrialComponentSummaries"] == []
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.disassociate_trial_component(TrialName="t", TrialComponentName="c")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.list_trials(ExperimentName="none")


def test_the_parts_go_first(sagemaker: Any) -> None:
    sagemaker.associate_trial_component(TrialName="t", TrialComponentName="c")
    for delete, name in (
        (sagemaker.delete_experiment, {"ExperimentName": "e"}),
        (sagemaker.delete_trial, {"TrialName": "t"}),
        (sagemaker.delete_trial_component, {"TrialComponentName": "c"}),
    ):
        with pytest.raises(ClientError, match=r"is linked to 1 or more .* and cannot be deleted"):
            delete(**name)
    sagemaker.disassociate_trial_component(TrialName="t", TrialComponentName="c")
    sagemaker.delete_trial_component(TrialComponentName="c")
    sagemaker.delete_trial(TrialName="t")
    sagemaker.delete_experiment(ExperimentName="e")


def test_components_gather_and_lose(sagemaker: Any) -> None:
    start = dt.datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=dt.UTC)
    sagemaker.update_trial_component(
        TrialComponentName="c",
        StartTime=start,
        Status={"PrimaryStatus": "InProgress"},
        Parameters={"a": {"NumberValue": 1.5}, "b": {"StringValue": "x"}},
        InputArtifacts={"in": {"Value": "s3://b/k"}},
    )
    sagemaker.update_trial_component(
        TrialComponentName="c",
        Parameters={"b": {"StringValue": "y"}, "c": {"NumberValue": 2}},
        ParametersToRemove=["a"],
        InputArtifactsToRemove=["in"],
    )
    shown = sagemaker.describe_trial_component(TrialComponentName="c")
    assert shown["Parameters"] == {"b": {"StringValue": "y"}, "c": {"NumberValue": 2}}
    assert shown["InputArtifacts"] == {}
    assert shown["StartTime"] == start
    assert shown["Status"] == {"PrimaryStatus": "InProgress"}
