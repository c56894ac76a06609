"""Every noun of plain.py lives its life as the model says: made, shown, listed, changed, tagged, removed."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from clary.resource.crud import Nouns
from clary.resource.resource import Plan
from clary.services.sagemaker.plain import NOUNS
from clary.wire.models import service_model
from conftest import Platform
from sagemaker_inputs import account, client, fresh, minimal

PLANS = {resource.noun: Plan(resource, service_model("sagemaker")) for resource in NOUNS}
# Made by other operations than their own Create; each has tests of its own in the file that is named.
ELSEWHERE = {
    "Association": "test_lineage",
    "PipelineVersion": "test_pipeline",
    "ModelCardVersion": "test_card",
    "ImageVersion": "test_image",
    "LineageGroup": "test_lineage",
    "HubContent": "test_hub",
    "Device": "test_fleet",
}
ALONE = {"Workforce"}  # one in each region
UNNAMED = {"Domain", "Artifact"}  # AWS makes up what tells them apart
HIDDEN = {"HumanTaskUi": {"UiTemplate"}}  # given back in another form
MISSING = {"ResourceNotFound", "ValidationException"}


class Noun:
    """One noun in a region of its own, over boto3."""

    def __init__(self, platform: Platform, noun: str) -> None:
        self.platform = platform
        self.plan = PLANS[noun]
        self.account = account(platform)
        self.region = fresh("eu")
        self.client = client(platform, self.region)
        self.given = self.surroundings()

    def do(self, verb: str, **members: Any) -> dict[str, Any]:
        """`verb` of this noun."""
        return self.call(self.plan.operations[verb], **members)

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self.client, xform_name(operation))(**members)
        answer.pop("ResponseMetadata")
        return answer

    def surroundings(self) -> dict[str, Any]:
        """What must be there first, and the members that say so."""
        if self.plan.noun == "Model":
            return {"PrimaryContainer": {"Image": "image"}}
        if self.plan.noun == "EndpointConfig":
            name = fresh()
            self.call("CreateModel", ModelName=name, PrimaryContainer={"Image": "image"})
            variant = {"VariantName": "a", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
            return {"ProductionVariants": [variant]}
        if self.plan.noun == "Pipeline":
            return {"PipelineDefinition": '{"Version": "2020-12-01", "Steps": []}'}
        if self.plan.noun == "Trial":
            name = fresh()
            self.call("CreateExperiment", ExperimentName=name)
            return {"ExperimentName": name}
        if self.plan.noun in ("UserProfile", "Space"):
            return {"DomainId": self.call(**self.make("CreateDomain"))["DomainId"]}
        if self.plan.noun == "Workforce":
            return oidc()
        if self.plan.noun == "Workteam":
            self.call(**self.make("CreateWorkforce", **oidc()))
            return {"MemberDefinitions": [{"OidcMemberDefinition": {"Groups": ["labellers"]}}]}
        return {}

    def make(self, operation: str, **given: Any) -> dict[str, Any]:
        return {"operation": operation, **minimal(operation, self.account, **given)}

    def request(self, **given: Any) -> dict[str, Any]:
        named = {"ModelPackageName": fresh()} if self.plan.noun == "ModelPackage" else {}
        return minimal(self.plan.operations["Create"], self.account, **{**self.given, **named, **given})

    def key(self, request: dict[str, Any], answer: dict[str, Any], verb: str = "Describe") -> dict[str, Any]:
        """The members that name it in another operation."""
        known = {**request, **answer}
        if self.plan.noun == "ModelPackage" and verb == "Update":
            return {"ModelPackageArn": answer["ModelPackageArn"]}
        wanted = [*self.plan.labels, *([self.plan.arn_member] if self.plan.noun == "Artifact" else [])]
        key = {member: known[member] for member in wanted if member in known}
        return {**key, **({"ClientRequestToken": fresh() * 4} if "ClientRequestToken" in self.plan.input(verb) else {})}

    def shown(self, key: dict[str, Any]) -> dict[str, Any]:
        answer = self.do("Describe", **key)
        found: dict[str, Any] = answer[self.plan.wrapped] if self.plan.wrapped else answer
        return found

    def pages(self, **members: Any) -> list[dict[str, Any]]:
        """All summaries, as the pages bring them."""
        found: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            answer = self.do("List", **members, **token)
            found += answer[self.plan.listed]
            if "NextToken" not in answer:
                return found
            token = {"NextToken": answer["NextToken"]}


def oidc() -> dict[str, Any]:
    url = "https://example.com/oidc"
    ends = ("Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint", "LogoutEndpoint", "JwksUri")
    return {"OidcConfig": {"ClientId": "id", "ClientSecret": "secret", **dict.fromkeys(ends, url)}}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def arn_of(noun: Noun, request: dict[str, Any], answer: dict[str, Any]) -> str:
    arn = answer.get(noun.plan.arn_member) or noun.shown(noun.key(request, answer))[noun.plan.arn_member]
    assert isinstance(arn, str)
    assert arn.startswith(f"arn:aws:sagemaker:{noun.region}:{noun.account}:{noun.plan.kind}/")
    return arn


MADE = [noun for noun in PLANS if noun not in ELSEWHERE]


@pytest.fixture(params=MADE)
def noun(platform: Platform, request: pytest.FixtureRequest) -> Noun:
    return Noun(platform, request.param)


def test_every_noun_is_made_here_or_elsewhere() -> None:
    assert {*MADE, *ELSEWHERE} == PLANS.keys()
    assert all(Path(__file__).with_name(f"{name}.py").exists() for name in ELSEWHERE.values())
    assert all("Create" in PLANS[noun].operations for noun in MADE)


def test_plans_know_their_state() -> None:
    children = Nouns(PLANS).children("Domain")
    assert {plan.noun for plan, _ in children} == {"UserProfile", "Space"}


def test_what_is_made_is_shown(noun: Noun) -> None:
    request = noun.request()
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    answer = noun.do("Create", **request)
    shown = noun.shown(noun.key(request, answer))
    for member in request.keys() & noun.plan.describe_members - HIDDEN.get(noun.plan.noun, set()):
        assert within(request[member], shown[member]), member
    made = shown[noun.plan.created]
    assert before < made < dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    if noun.plan.modified:
        assert shown[noun.plan.modified] >= made
    output = noun.plan.model.operation_model(noun.plan.operations["Describe"]).output_shape
    assert output is not None
    shape = output.members[noun.plan.wrapped] if noun.plan.wrapped else output
    assert {*shape.required_members} <= shown.keys()
    other = Noun.__new__(Noun)
    other.plan, other.client = noun.plan, client(noun.platform)
    if noun.plan.noun != "Artifact":  # named by an ARN, which has the region
        with pytest.raises(ClientError) as error:
            other.do("Describe", **noun.key(request, answer))
        assert code(error) in MISSING


def within(asked: Any, shown: Any) -> bool:
    """Whether what was asked is there; AWS may add, and keep secrets to itself."""
    if isinstance(asked, dict):
        return all(within(value, shown.get(name)) for name, value in asked.items() if name != "ClientSecret")
    if isinstance(asked, list):
        return len(asked) == len(shown) and all(within(a, s) for a, s in zip(asked, shown, strict=True))
    return bool(asked == shown)


def test_names_are_taken_once(noun: Noun) -> None:
    request = noun.request()
    answer = noun.do("Create", **request)
    again = {**request, **({"ClientRequestToken": "b" * 40} if "ClientRequestToken" in request else {})}
    if noun.plan.noun in UNNAMED:
        assert noun.do("Create", **again) != answer
        return
    with pytest.raises(ClientError) as error:
        noun.do("Create", **again)
    assert code(error) in {"ResourceInUse", "ConflictException", "ValidationException"}
    assert "already" in str(error.value) or "duplicate" in str(error.value)


def test_lists_filter_sort_and_page(noun: Noun) -> None:
    listed: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for _ in range(1 if noun.plan.noun in ALONE else 4):
        request = noun.request()
        listed.append((request, noun.do("Create", **request)))
    members = noun.plan.input("List")
    arns = [arn_of(noun, request, answer) for request, answer in listed]
    summaries = noun.pages(**({"MaxResults": 1} if "MaxResults" in members else {}))
    name = next((m for m in noun.plan.summary if m.endswith(("Arn", noun.plan.name))), "")
    assert len(summaries) == len(arns)
    assert len({str(summary[name]) for summary in summaries}) == len(arns), "no row comes twice"
    required = {*noun.plan.summary_shape.required_members} - {"EndpointName"}  # a batch transform input has none
    assert all(required <= summary.keys() for summary in summaries)
    for order in members["SortOrder"].enum if "SortOrder" in members else []:
        found = noun.pages(SortOrder=order, MaxResults=3)
        times = [summary[created] for summary in found if (created := in_summary(noun.plan))]
        if "SortBy" not in members or noun.plan.noun != "CodeRepository":
            assert times == sorted(times, reverse=order.lower() == "descending")
    for by in members["SortBy"].enum if "SortBy" in members else []:
        assert len(noun.pages(SortBy=by)) == len(arns)
    with pytest.raises(ClientError) as error:
        noun.do("List", NextToken="bm90IG91cnM=")
    assert code(error) == "ValidationException"
    future = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    for member in members:
        if member.endswith(("TimeAfter", "CreatedAfter")):
            assert noun.pages(**{member: future}) == []
        if member.endswith(("TimeBefore", "CreatedBefore")):
            assert len(noun.pages(**{member: future})) == len(arns)
        if member.endswith(("NameContains", "NamePrefix")):
            wanted = listed[0][0][noun.plan.name]
            assert [summary[name] for summary in noun.pages(**{member: wanted})] == [
                summary[name] for summary in summaries if wanted in str(summary.values())
            ]
            assert noun.pages(**{member: "nobody"}) == []


def in_summary(plan: Plan) -> str:
    return plan.created if plan.created in plan.summary else ""


def test_updates_change_what_they_name(noun: Noun) -> None:
    if "Update" not in noun.plan.operations:
        pytest.skip("AWS has no update of it")
    request = noun.request()
    answer = noun.do("Create", **request)
    key = noun.key(request, answer)
    before = noun.shown(key)
    texts = {
        member: "changed"
        for member, shape in noun.plan.input("Update").items()
        if shape.type_name == "string" and member.endswith(("Description", "DisplayName"))
    }
    operation = noun.plan.operations["Update"]
    noun.call(operation, **minimal(operation, noun.account, **noun.key(request, answer, "Update"), **texts))
    after = noun.shown(key)
    assert {member: after[member] for member in texts if member in after} == {
        m: t for m, t in texts.items() if m in after
    }
    assert after[noun.plan.created] == before[noun.plan.created]
    if noun.plan.modified:
        assert after[noun.plan.modified] > before[noun.plan.modified]
    missing = {member: "d-none" if member == "DomainId" else fresh() for member in noun.plan.labels}
    if noun.plan.arn_member in noun.plan.input("Update"):
        arn = arn_of(noun, request, answer)
        missing = {noun.plan.arn_member: arn[:-1] + ("1" if arn.endswith("0") else "0")}
    with pytest.raises(ClientError) as error:
        noun.call(operation, **minimal(operation, noun.account, **missing))
    assert code(error) in MISSING


def test_tags(noun: Noun) -> None:
    if not noun.plan.tagged:
        pytest.skip("AWS gives it no tags")
    request = noun.request(Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    answer = noun.do("Create", **request)
    arn = arn_of(noun, request, answer)
    assert tags_of(noun, arn) == {"a": "1", "b": ""}
    noun.call("AddTags", ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "c", "Value": "3"}])
    assert tags_of(noun, arn) == {"a": "1", "b": "2", "c": "3"}
    noun.call("DeleteTags", ResourceArn=arn, TagKeys=["a", "never"])
    assert tags_of(noun, arn) == {"b": "2", "c": "3"}
    with pytest.raises(ClientError) as error:
        noun.call("AddTags", ResourceArn=arn, Tags=[{"Key": "aws:x", "Value": ""}])
    assert code(error) == "ValidationException"


def tags_of(noun: Noun, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in noun.call("ListTags", ResourceArn=arn)["Tags"]}


def test_what_is_removed_is_gone(noun: Noun) -> None:
    request = noun.request(**({"Tags": [{"Key": "a", "Value": "1"}]} if noun.plan.tagged else {}))
    answer = noun.do("Create", **request)
    arn = arn_of(noun, request, answer)
    noun.do("Delete", **noun.key(request, answer, "Delete"))
    for verb in ("Describe", "Delete"):
        with pytest.raises(ClientError) as error:
            noun.do(verb, **noun.key(request, answer, verb))
        assert code(error) in MISSING
    assert noun.pages() == []
    with pytest.raises(ClientError) as error:
        noun.call("ListTags", ResourceArn=arn)
    assert code(error) == "ValidationException"
    if noun.plan.noun not in UNNAMED:
        noun.do("Create", **{**request, **({"Tags": []} if noun.plan.tagged else {})})
        assert not noun.plan.tagged or tags_of(noun, arn) == {}, "tags go with what they were on"
