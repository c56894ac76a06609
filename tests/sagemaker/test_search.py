"""Search: conditions on any property, in any combination, sorted and in pages."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import account, client, fresh, refused
from training_jobs import IMAGE, Jobs

COMPONENT = "ExperimentTrialComponent"


@pytest.fixture(scope="module")
def sagemaker(platform: Platform) -> Any:
    """Of a region that has: experiments e1 and e2, a trial of each, and components c0 to c5."""
    made = client(platform)
    for number in (1, 2):
        made.create_experiment(ExperimentName=f"e{number}", Description=f"number {number}")
        made.create_trial(
            TrialName=f"t{number}", ExperimentName=f"e{number}", Tags=[{"Key": "n", "Value": f"v{number}"}]
        )
    metrics = platform.client("sagemaker-metrics", region=made.meta.region_name)
    for number in range(6):
        name = f"c{number}"
        made.create_trial_component(
            TrialComponentName=name,
            DisplayName=f"display {number}".replace(" ", "-"),
            Parameters={
                "lr": {"NumberValue": number / 4},
                "SageMaker.InstanceType": {"StringValue": "ml.m5.large" if number % 2 else "ml.c5.large"},
            },
            InputArtifacts={"train": {"Value": f"s3://bucket/{number}/train", "MediaType": "text/csv"}},
            Status={"PrimaryStatus": "Completed" if number < 4 else "Failed"},
            StartTime=1_700_000_000 + number * 3600,
            Tags=[{"Key": "team", "Value": "red" if number < 2 else "blue"}],
        )
        datum = {"MetricName": "test:auc", "Timestamp": int(time.time()), "Step": 0}
        data = [{**datum, "Value": number / 10}, {**datum, "Value": -number}]
        metrics.batch_put_metrics(TrialComponentName=name, MetricData=data)
        made.associate_trial_component(TrialName="t1" if number < 3 else "t2", TrialComponentName=name)
    return made


def names(sagemaker: Any, *filters: dict[str, str], **asked: Any) -> list[str]:
    expression = {"Filters": list(filters)} if filters else asked.pop("SearchExpression", None)
    given = {"SearchExpression": expression} if expression else {}
    sorted_by = {"SortBy": "TrialComponentName", "SortOrder": "Ascending"}
    found = sagemaker.search(Resource=COMPONENT, **{**sorted_by, **given, **asked})["Results"]
    return [one["TrialComponent"]["TrialComponentName"] for one in found]


def is_(name: str, operator: str, value: str = "") -> dict[str, str]:
    return {"Name": name, "Operator": operator, **({"Value": value} if value else {})}


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ((), "012345"),
        ((is_("TrialComponentName", "Equals", "c3"),), "3"),
        (({"Name": "TrialComponentName", "Value": "c3"},), "3"),
        ((is_("TrialComponentName", "Equals", "C3"),), ""),
        ((is_("TrialComponentName", "NotEquals", "c3"),), "01245"),
        ((is_("TrialComponentName", "In", "c1,c2,x"),), "12"),
        ((is_("DisplayName", "Contains", "play-4"),), "4"),
        ((is_("Parents.TrialName", "Equals", "t2"),), "345"),
        ((is_("Parents.ExperimentName", "Equals", "e1"), is_("TrialComponentName", "Equals", "c1")), "1"),
        ((is_("Parents.ExperimentName", "Equals", "e2"), is_("TrialComponentName", "Equals", "c1")), ""),
        ((is_("Parameters.lr", "GreaterThan", "0.5"),), "345"),
        ((is_("parameters.lr", "LessThanOrEqualTo", "0.5"),), "012"),
        ((is_("Parameters.lr", "Equals", "0.25"),), "1"),
        ((is_("Parameters.lr", "Equals", "1"),), "45"),  # 1.25 is treated as an integer
        ((is_("Parameters.lr.NumberValue", "GreaterThanOrEqualTo", "1"),), "45"),
        ((is_("Parameters.SageMaker.InstanceType", "Equals", "ml.m5.large"),), "135"),
        ((is_("Parameters.none", "Exists"),), ""),
        ((is_("Parameters.none", "NotExists"),), "012345"),
        ((is_("InputArtifacts.train", "Contains", "/2/"),), "2"),
        ((is_("InputArtifacts", "Contains", "bucket/3"),), "3"),
        ((is_("InputArtifacts.train.MediaType", "Equals", "text/csv"),), "012345"),
        ((is_("Metrics.test:auc.max", "GreaterThan", "0.25"),), "345"),
        ((is_("Metrics.test:auc", "Equals", "-2"),), "2"),
        ((is_("Metrics.test:auc.Count", "Equals", "2"), is_("Metrics.test:auc.min", "LessThan", "-3.5")), "45"),
        ((is_("Tags.team", "Equals", "red"),), "01"),
        ((is_("Tags", "Contains", "blue"),), "2345"),
        ((is_("Status.PrimaryStatus", "Equals", "Failed"),), "45"),
        ((is_("StartTime", "GreaterThan", "2023-11-15T00:30:00"),), "345"),
        ((is_("Source", "Exists"),), ""),
    ],
)
def test_filters(sagemaker: Any, filters: tuple[dict[str, str], ...], numbers: str) -> None:
    assert "".join(name[1:] for name in names(sagemaker, *filters)) == numbers


def test_expressions_of_expressions(sagemaker: Any) -> None:
    """Each of them may be met by all of its parts or by one."""
    high, low = is_("Parameters.lr", "GreaterThan", "1.1"), is_("Parameters.lr", "LessThan", "0.2")
    either = {"Filters": [high, low], "Operator": "Or"}
    assert names(sagemaker, SearchExpression=either) == ["c0", "c5"]
    both = {"Filters": [is_("Tags.team", "Equals", "red")], "SubExpressions": [either]}
    assert names(sagemaker, SearchExpression=both) == ["c0"]
    one = {**both, "Operator": "Or"}
    assert names(sagemaker, SearchExpression=one) == ["c0", "c1", "c5"]
    nested = {
        "NestedPropertyName": "Metrics",
        "Filters": [is_("Metrics.MetricName", "Equals", "test:auc"), is_("Metrics.Max", "GreaterThan", "0.45")],
    }
    assert names(sagemaker, SearchExpression={"NestedFilters": [nested]}) == ["c5"]


def test_order_and_pages(sagemaker: Any) -> None:
    by = {"SortBy": "metrics.test:auc.max", "SortOrder": "Descending"}
    assert names(sagemaker, **by) == ["c5", "c4", "c3", "c2", "c1", "c0"]
    assert names(sagemaker, SortBy="CreationTime", SortOrder="Ascending")[0] == "c0"
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = sagemaker.search(Resource=COMPONENT, MaxResults=4, **by, **token)
        assert page["TotalHits"] == {"Value": 6, "Relation": "EqualTo"}
        found += [one["TrialComponent"]["TrialComponentName"] for one in page["Results"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == ["c5", "c4", "c3", "c2", "c1", "c0"]
    with pytest.raises(ClientError, match="Invalid NextToken"):
        sagemaker.search(Resource="Experiment", **token)


def test_trials_and_experiments(sagemaker: Any) -> None:
    filters = [is_("ExperimentName", "Equals", "e2")]
    (found,) = sagemaker.search(Resource="ExperimentTrial", SearchExpression={"Filters": filters})["Results"]
    trial = found["Trial"]
    assert trial["TrialName"] == "t2"
    assert trial["Tags"] == [{"Key": "n", "Value": "v2"}]
    assert [one["TrialComponentName"] for one in trial["TrialComponentSummaries"]] == ["c3", "c4", "c5"]
    filters = [is_("Description", "Contains", "number 1")]
    (found,) = sagemaker.search(Resource="Experiment", SearchExpression={"Filters": filters})["Results"]
    assert found["Experiment"]["ExperimentName"] == "e1"
    everything = sagemaker.search(Resource="Experiment", CrossAccountFilterOption="CrossAccount")
    assert everything["Results"] == []


@pytest.mark.parametrize(
    ("resource", "expression", "words"),
    [
        (COMPONENT, {"Filters": [is_("Nonsense", "Equals", "x")]}, "Unknown property name: Nonsense"),
        (COMPONENT, {"Filters": [is_("Status.Nonsense", "Exists")]}, "Unknown property name"),
        (COMPONENT, {"Filters": [is_("TrialComponentName", "LessThan", "x")]}, "not supported"),
        (COMPONENT, {"Filters": [is_("StartTime", "LessThan", "soon")]}, "Invalid value"),
        (COMPONENT, {"Filters": [is_("StartTime", "Contains", "2023")]}, "not supported"),
        (COMPONENT, {"Filters": [is_("DisplayName", "Equals")]}, "must have a value"),
        (COMPONENT, {"Filters": [is_("Source", "Equals", "x")]}, "no value of its own"),
        (COMPONENT, {"Operator": "And"}, "at least one"),
        (COMPONENT, {"NestedFilters": [{"NestedPropertyName": "X", "Filters": [is_("X.y", "Exists")]}]}, "nested"),
        (
            COMPONENT,
            {"Filters": [is_("Source.SourceArn", "Contains", text) for text in ("a", "b")]},
            "'CONTAINS' operator usage limit of 1 exceeded.",
        ),
        ("TrainingJob", {"SubExpressions": [{"Filters": [is_("RoleArn", "Exists")] * 20}] * 3}, "may have 50"),
    ],
)
def test_what_is_no_condition(sagemaker: Any, resource: str, expression: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.search(Resource=resource, SearchExpression=expression)
    code, said = refused(error.value)
    assert code == "ValidationException"
    assert words in said


def test_training_jobs_and_their_components(platform: Platform) -> None:
    jobs = Jobs(platform, fresh("search"))
    name = fresh("searched")
    algorithm = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*?);"}],
    }
    script = 'import os; print("loss=0.5;"); open(os.environ["SM_MODEL_DIR"] + "/m", "w").close()'
    given = {**jobs.script(script), "depth": "6"}
    jobs.create(name, given, AlgorithmSpecification=algorithm, Tags=[{"Key": "k", "Value": name}])
    jobs.until(name, "Completed")
    nested = {
        "NestedPropertyName": "InputDataConfig",
        "Filters": [
            is_("InputDataConfig.ChannelName", "Equals", "train"),
            is_("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", jobs.bucket),
        ],
    }
    filters = [
        is_("HyperParameters.depth", "GreaterThan", "5"),
        is_("Metrics.loss", "LessThan", "0.6"),
        is_("Tags.k", "Equals", name),
        is_("TrainingJobStatus", "Equals", "Completed"),
        is_("EnableNetworkIsolation", "Equals", "false"),
        is_("ResourceConfig.InstanceCount", "Equals", "1"),
    ]
    expression = {"Filters": filters, "NestedFilters": [nested]}
    (found,) = jobs.sagemaker.search(Resource="TrainingJob", SearchExpression=expression)["Results"]
    job = found["TrainingJob"]
    assert job["TrainingJobName"] == name
    assert job["TrainingJobStatus"] == "Completed"
    assert job["FinalMetricDataList"][0]["Value"] == 0.5
    filters = [is_("Source.SourceArn", "Equals", job["TrainingJobArn"])]
    (found,) = jobs.sagemaker.search(Resource=COMPONENT, SearchExpression={"Filters": filters})["Results"]
    component = found["TrialComponent"]
    assert component["TrialComponentName"] == f"{name}-aws-training-job"
    assert component["SourceDetail"]["TrainingJob"]["TrainingJobName"] == name
    assert component["Parents"] == []


def test_other_resources(platform: Platform, sagemaker: Any) -> None:
    group, role = fresh("group"), f"arn:aws:iam::{account(platform)}:role/service-role/AmazonSageMaker-ExecutionRole"
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    sagemaker.create_model_package(ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    expression = {"Filters": [is_("ModelApprovalStatus", "Equals", "Approved")]}
    (found,) = sagemaker.search(Resource="ModelPackage", SearchExpression=expression)["Results"]
    assert found["ModelPackage"]["ModelPackageVersion"] == 1
    expression = {"Filters": [is_("ModelPackageGroupName", "Equals", group)]}
    (found,) = sagemaker.search(Resource="ModelPackageGroup", SearchExpression=expression)["Results"]
    assert found["ModelPackageGroup"]["ModelPackageGroupStatus"] == "Completed"
    container = {"Image": IMAGE, "Mode": "SingleModel", "Environment": {"A": "b"}}
    sagemaker.create_model(ModelName="Searched", ExecutionRoleArn=role, PrimaryContainer=container)
    expression = {"Filters": [is_("ModelName", "Equals", "Searched")]}
    (found,) = sagemaker.search(Resource="Model", SearchExpression=expression)["Results"]
    assert found["Model"]["Model"]["PrimaryContainer"]["Environment"] == {"A": "b"}
    for resource in ("Endpoint", "Pipeline", "PipelineVersion", "ModelCard", "HubContent", "FeatureGroup", "Project"):
        assert sagemaker.search(Resource=resource)["Results"] == []
    with pytest.raises(ClientError) as error:
        sagemaker.search(Resource="ImageVersion")
    assert refused(error.value)[0] == "NotImplementedException"


def test_suggestions(sagemaker: Any) -> None:
    def suggested(resource: str, hint: str) -> list[str]:
        query = {"PropertyNameQuery": {"PropertyNameHint": hint}}
        found = sagemaker.get_search_suggestions(Resource=resource, SuggestionQuery=query)
        return [one["PropertyName"] for one in found["PropertyNameSuggestions"]]

    assert suggested("TrainingJob", "trainingjobs") == ["TrainingJobStatus"]
    assert suggested("TrainingJob", "ResourceConfig.Instance")[:2] == [
        "ResourceConfig.InstanceCount",
        "ResourceConfig.InstanceGroups",
    ]
    assert suggested("TrainingJob", "zzz") == []
