"""What an AWS noun is: the request, kept as it came, plus a few computed members.

`Resource` says what differs from noun to noun; `Plan` is what botocore's model then tells about it, worked out once:
which operations there are, which member names it, what Describe and List give, what List filters and sorts by.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from botocore.model import OperationModel, ServiceModel

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import Document

VERBS = ("Create", "Describe", "List", "Update", "Delete", "Stop")


class Recipe(Protocol):
    """How a noun that runs is run: jobs/recipe.py has all of it, for the job engine, which calls it."""

    def need(self, document: Document) -> Any: ...


@dataclass(frozen=True, slots=True)
class Said:
    """AWS's words for a refusal, where the code is not what the model lets one expect."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Words:
    """AWS's sentences. Each knows {noun}, {arn}, {name}, {verb} (create, describe, ...) and the request's members."""

    missing: str | Said = "{noun} {arn} does not exist."
    exists: str | Said = (
        "{noun} names must be unique within an AWS account and region, "
        "and a {noun} with this name already exists ({arn})"
    )
    in_use: str | Said = "{noun} {arn} is in use and cannot be deleted."


@dataclass(frozen=True, slots=True)
class Resource:
    """One noun. Members and documents are spelled as AWS spells them.

    `arn` is the ARN's last part; members stand in braces. `also` are members that AWS adds to what was asked, where
    the request does not say them. `parents` maps a member to the noun that it must name (and that cannot go before
    its children). `merge` are members whose Update adds to a map, or replaces parts of a structure, rather than the
    whole. `filters` and `summary` say where List finds what the summary has under another name: a path in the document.
    `unused` are members of Create and Update that are kept and shown, but that nothing here acts upon; one further down
    is a path: ResourceConfig.VolumeKmsKeyId, InputDataConfig[].ContentType. `view` says what Describe adds to the
    document, out of the job and its events; List gives it the last of them alone, which must do for the summary.
    """

    noun: str
    arn: str
    words: Words = Words()
    also: Mapping[str, Any] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    merge: tuple[str, ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    summary: Mapping[str, str] = field(default_factory=dict)
    plural: str = ""
    fold: bool = False  # names that differ in case only are one name, and the ARN is in lower case
    check: Callable[[Call[Any], Document], None] | None = None  # what the shape cannot say; raises
    view: Callable[[Document, Any, list[Any]], Document] | None = None
    recipe: Recipe | None = None
    unused: tuple[str, ...] = ()


class Plan:
    """A resource against its service's model. Everything here is read-only once made."""

    def __init__(self, resource: Resource, model: ServiceModel) -> None:
        self.resource = resource
        self.model = model
        self.noun = resource.noun
        self.service: str = model.service_name
        self.operations = {verb: name for verb in VERBS if (name := self._named(verb))}
        self.labels = re.findall(r"{(\w+)}", resource.arn)
        self.kind, _, self._rest = resource.arn.partition("/")
        self.simple = self._rest == f"{{{self.labels[0]}}}" if self.labels else False
        self.name = self.labels[-1]
        created = self._output("Create")
        described, self.wrapped = self._described()
        self.arn_member = self._arn_member(created, described)
        self.create_members = frozenset(created)
        self.describe_members = frozenset(described)
        self.created = next((m for m in ("CreationTime", "CreateDate", "RegistrationTime") if m in described), "")
        self.modified = next((m for m in ("LastModifiedTime", "LastUpdatedDate") if m in described), "")
        self.signed = frozenset({"CreatedBy", "LastModifiedBy"} & described.keys())
        taken = self.input("Create") if "Create" in self.operations else {}
        self.tagged = "Tags" in taken
        self.token = next((m for m in taken if m in ("ClientRequestToken", "ClientToken")), "")

    def input(self, verb: str) -> dict[str, Any]:
        shape = self.model.operation_model(self.operations[verb]).input_shape
        return dict(shape.members) if shape else {}

    def idle(self, verb: str) -> set[str]:
        """What the operation takes and nothing acts upon."""
        shape = self.model.operation_model(self.operations[verb]).input_shape
        return {path for path in self.resource.unused if leads(shape, path)}

    def locate(self, call: Call[Any], document: Document) -> str:
        """The ARN of what the members of `document` name. A name may be an ARN itself where AWS lets it be."""
        given = document.get(self.name)
        if isinstance(given, str) and given.startswith("arn:"):
            return given
        if not given and isinstance(arn := document.get(self.arn_member), str):
            return arn
        arn = call.arn(self.resource.arn.format_map(_Known(document)))
        return arn.lower() if self.resource.fold else arn

    def key(self, document: Document) -> str:
        """What the resource table has as name: unique in the account and region."""
        return self._rest.format_map(_Known(document))

    def missing(self, operation: OperationModel, arn: str, document: Document) -> AWSError:
        return self._refusal(self.resource.words.missing, operation, arn, document, "ResourceNotFound")

    def exists(self, operation: OperationModel, arn: str, document: Document) -> AWSError:
        return self._refusal(
            self.resource.words.exists, operation, arn, document, "ResourceInUse", "ResourceAlreadyExists"
        )

    def in_use(self, operation: OperationModel, arn: str, document: Document) -> AWSError:
        return self._refusal(self.resource.words.in_use, operation, arn, document, "ResourceInUse", "ConflictException")

    def _refusal(
        self, said: str | Said, operation: OperationModel, arn: str, document: Document, *codes: str
    ) -> AWSError:
        if isinstance(said, str):
            modelled = {shape.name for shape in operation.error_shapes}
            said = Said(next((code for code in codes if code in modelled), "ValidationException"), said)
        verb = re.match(r"[A-Z]+[a-z]*", operation.name)
        words = {
            **document,
            "noun": self.noun,
            "arn": arn,
            "name": document.get(self.name) or arn.rsplit("/", 1)[-1],
            "verb": verb.group().lower() if verb else "",
        }
        return AWSError(said.code, said.sentence.format_map(_Known(words)))

    def _named(self, verb: str) -> str:
        noun = self.noun
        plurals = [self.resource.plural, f"{noun}s", f"{noun}es", f"{noun[:-1]}ies"] if verb == "List" else [noun]
        return next((verb + word for word in plurals if verb + word in self.model.operation_names), "")

    def _output(self, verb: str) -> dict[str, Any]:
        if verb not in self.operations:
            return {}
        shape = self.model.operation_model(self.operations[verb]).output_shape
        return dict(shape.members) if shape else {}

    def _described(self) -> tuple[dict[str, Any], str]:
        """Describe's members, and the one member that wraps them all if there is one (DescribeWorkteam)."""
        members = self._output("Describe") or (dict(self.summary_shape.members) if "List" in self.operations else {})
        if list(members) == [self.noun]:
            return dict(members[self.noun].members), self.noun
        return members, ""

    def _arn_member(self, *outputs: Mapping[str, Any]) -> str:
        wanted = (f"{self.noun}Arn", "Arn", "JobDefinitionArn")
        return next((name for name in wanted for output in outputs if name in output), f"{self.noun}Arn")

    @cached_property
    def listed(self) -> str:
        """The member of List's answer that holds the summaries."""
        return next(name for name, shape in self._output("List").items() if shape.type_name == "list")

    @cached_property
    def summary_shape(self) -> Any:
        return self._output("List")[self.listed].member

    @cached_property
    def summary(self) -> dict[str, list[str]]:
        """Each member of a summary, and the path to it in what Describe would give."""
        found = {}
        for member in self.summary_shape.members:
            same = [known for known in (*self.describe_members, self.arn_member) if member.endswith(known)]
            path = self.resource.summary.get(member) or max(same, key=len, default="")
            if path:
                found[member] = path.split(".")
        return found


class _Known(dict[str, Any]):
    """For str.format_map: a member that was not given is empty."""

    def __missing__(self, key: str) -> str:
        return ""


def leads(shape: Any, path: str) -> bool:
    """Whether a shape has the member under `path`, where [] follows what is a list: Rules[].Transitions."""
    for step in path.split("."):
        name = step.removesuffix("[]")
        if shape is None or shape.type_name != "structure" or name not in shape.members:
            return False
        shape = shape.members[name]
        if step != name:
            if shape.type_name != "list":
                return False
            shape = shape.member
    return True


def dig(document: Any, path: list[str]) -> Any:
    """The value under `path`, or None. A list on the way: what its first element has."""
    for step in path:
        if isinstance(document, list):
            document = document[0] if document else None
        if not isinstance(document, dict):
            return None
        document = document.get(step)
    return document
