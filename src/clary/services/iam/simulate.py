"""The policy simulator: the same evaluation that requests get, told in detail.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.iam import names
from clary.services.iam.directory import SQL, Entity, Principal, compiled, sources, together
from clary.services.iam.entities import Document, Request, missing, page, reader
from clary.services.iam.identity import Identity
from clary.services.iam.policy import grammar
from clary.services.iam.policy.decision import Bounds, Decision, Question, decide
from clary.services.iam.policy.pattern import VARIABLE, Context
from clary.services.iam.policy.position import line_and_column, statement_spans
from clary.services.iam.policy.principal import Asker
from clary.services.iam.policy.statement import Policies, Source, Statement


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose policies are asked."""

    asker: Asker
    sources: tuple[Source, ...] = ()
    boundary: Policies | None = None
    context: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Simulation:
    asker: Asker
    bounds: Bounds
    resource_policy: Policies | None
    resource_account: str
    context: Mapping[str, list[str]]


@operation("SimulateCustomPolicy")
def simulate_custom(call: Call[Identity], request: Request) -> Document:
    arn = request.get("CallerArn", "")
    return _simulate(request, Subject(Asker(arn, arn, call.account, "user")))


@operation("SimulatePrincipalPolicy")
def simulate_principal(call: Call[Identity], request: Request) -> Document:
    """For a user, a group or a role."""
    arn = request["PolicySourceArn"]
    principal, found = _subject(call, arn)
    who = request.get("CallerArn") or arn
    kind = principal.entity.kind if principal and who == arn else "user"
    context = {"aws:PrincipalArn": [arn], "aws:PrincipalAccount": [call.account]}
    if principal:
        context |= {f"aws:PrincipalTag/{key}": [value] for key, value in principal.tags.items()}
    if principal and principal.entity.kind == "user":
        context |= {"aws:username": [principal.entity.name], "aws:userid": [principal.entity.id]}
    boundary = principal.boundary if principal else None
    return _simulate(request, Subject(Asker(who, who, call.account, kind), tuple(found), boundary, context))


def _subject(call: Call[Identity], arn: str) -> tuple[Principal | None, list[Source]]:
    if not re.fullmatch(r"arn:aws:iam::\d{12}:(user|group|role)/.+", arn):
        raise AWSError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    if principal := call.state.directory.principal(arn):
        return principal, list(principal.sources)
    row = reader(call).execute(SQL["entity_by_arn"], (arn,)).fetchone()
    if row is None:
        kind = arn.split(":")[5].partition("/")[0]
        raise missing(f"The {kind} with name {names.name_of(arn)} cannot be found.")
    return None, sources(reader(call), Entity.of(row))


def _simulate(request: Request, subject: Subject) -> Document:
    given = _inputs(request.get("PolicyInputList", ()), "PolicyInputList")
    boundary = subject.boundary
    if limits := _inputs(request.get("PermissionsBoundaryPolicyInputList", ()), "PermissionsBoundaryPolicyInputList"):
        boundary = together(limits)
    resource_policy = None
    if text := request.get("ResourcePolicy"):
        _check(text, "resource")
        resource_policy = together([Source("ResourcePolicy", "resource", text)])
    entries = request.get("ContextEntries", ())
    owner = request.get("ResourceOwner", "")  # an account's or a user's ARN
    simulation = Simulation(
        subject.asker,
        Bounds(together([*subject.sources, *given]), boundary),
        resource_policy,
        owner.split(":")[4] if owner.count(":") >= 5 else owner,
        {**subject.context, **{e["ContextKeyName"]: e.get("ContextKeyValues", []) for e in entries}},
    )
    for action in request["ActionNames"]:
        if ":" not in action:
            raise AWSError("InvalidInput", f"Invalid Action Name: {action}")
    resources = request.get("ResourceArns") or ["*"]
    pairs = enumerate((action, resource) for action in request["ActionNames"] for resource in resources)
    return page(
        request, "EvaluationResults", pairs, lambda pair: f"{pair[0]:06}", lambda pair: _result(simulation, *pair[1])
    )


def _check(text: str, kind: grammar.Kind) -> None:
    """The simulator's word for a policy that breaks the grammar is InvalidInput."""
    try:
        grammar.parse(text, kind)
    except AWSError as error:
        raise AWSError("InvalidInput", f"Invalid Input: {error.message}") from error


def _inputs(texts: Any, member: str) -> list[Source]:
    found = []
    for number, text in enumerate(texts, start=1):
        _check(text, "identity")
        found.append(Source(f"{member}.{number}", "", text))
    return found


def _result(simulation: Simulation, action: str, resource: str) -> Document:
    question = Question(simulation.asker, action, resource, Context(simulation.context), simulation.resource_account)
    decision = decide(question, simulation.bounds, simulation.resource_policy)
    result: Document = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": _word(decision),
        "MatchedStatements": [_matched(statement) for statement in decision.statements if statement.source.text],
        "MissingContextValues": _missing(simulation, action, resource),
    }
    if simulation.bounds.boundary is not None:
        by_boundary = decide(question, Bounds(simulation.bounds.boundary))
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": by_boundary.allowed}
    return result


def _word(decision: Decision) -> str:
    return "allowed" if decision.allowed else "explicitDeny" if decision.explicit else "implicitDeny"


def _matched(statement: Statement) -> Document:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_Statement.html"""
    text = statement.source.text
    start, end = statement_spans(text)[statement.index]
    types = {"": "none", "resource": "resource"}
    return {
        "SourcePolicyId": statement.source.id,
        "SourcePolicyType": types.get(statement.source.type, statement.source.type),
        "StartPosition": line_and_column(text, start),
        "EndPosition": line_and_column(text, end),
    }


def _missing(simulation: Simulation, action: str, resource: str) -> list[str]:
    """The condition keys that policies look at for this request, and that were not given."""
    known = {name.lower() for name in simulation.context}
    asked = Context(simulation.context)
    layers = [simulation.bounds.identity, simulation.bounds.boundary, simulation.resource_policy]
    found: dict[str, None] = {}
    for policies in layers:
        rules = policies.rules(action) if policies else None
        for statement in (*rules.denies, *rules.allows) if rules else ():
            if statement.reaches(resource, asked):
                found |= dict.fromkeys(key for key in statement.keys if key.lower() not in known)
    return list(found)


@operation("GetContextKeysForCustomPolicy")
def context_keys(_call: Call[Identity], request: Request) -> Document:
    return {"ContextKeyNames": _keys(_inputs(request["PolicyInputList"], "PolicyInputList"))}


@operation("GetContextKeysForPrincipalPolicy")
def principal_context_keys(call: Call[Identity], request: Request) -> Document:
    _, found = _subject(call, request["PolicySourceArn"])
    return {"ContextKeyNames": _keys([*found, *_inputs(request.get("PolicyInputList", ()), "PolicyInputList")])}


def _keys(found: list[Source]) -> list[str]:
    """The condition keys and policy variables of these policies, each once."""
    names_: dict[str, None] = {}
    for source in found:
        names_ |= dict.fromkeys(key for statement in compiled(source) for key in statement.keys)
        if json.loads(source.text).get("Version") == "2012-10-17":
            names_ |= dict.fromkeys(name for name, _ in VARIABLE.findall(source.text) if ":" in name)
    return list(names_)
