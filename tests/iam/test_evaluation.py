"""Policy evaluation against a second one, written as plainly as the documentation reads.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.errors import AWSError
from clary.services.iam.policy import grammar
from clary.services.iam.policy.condition import compile_condition
from clary.services.iam.policy.decision import Bounds, Question, decide
from clary.services.iam.policy.pattern import Context, Patterns
from clary.services.iam.policy.principal import Asker
from clary.services.iam.policy.statement import Policies, Source, statements

ACCOUNT, OTHER = "111122223333", "444455556666"
USER = f"arn:aws:iam::{ACCOUNT}:user/ann"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"
FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/f"
ASKERS = {
    "user": Asker(USER, USER, ACCOUNT, "user"),
    "assumed-role": Asker(SESSION, ROLE, ACCOUNT, "assumed-role"),
    "federated-user": Asker(FEDERATED, USER, ACCOUNT, "federated-user"),
    "anonymous": Asker("*", "", "", "anonymous"),
}


# The naive one: no compilation, no caches, one rule after the other.


def like(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(like(pattern[1:], text[i:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and like(pattern[1:], text[1:])


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def condition_holds(name: str, key: str, wanted: list[str], context: dict[str, list[str]]) -> bool:
    values = {k.lower(): v for k, v in context.items()}.get(key.lower()) or []
    if name == "Null":
        return any((w == "true") == (not values) for w in wanted)
    quantifier, _, rest = name.rpartition(":")
    operator = rest.removesuffix("IfExists")
    if not values:
        if rest.endswith("IfExists") or quantifier == "ForAllValues":
            return True
        return quantifier != "ForAnyValue" and "Not" in operator

    def one(value: str) -> bool:
        matched = any(compare(operator.replace("Not", ""), value, w) for w in wanted)
        return matched != ("Not" in operator)

    if quantifier == "ForAllValues":
        return all(map(one, values))
    if quantifier == "ForAnyValue":
        return any(map(one, values))
    if "Not" in operator:
        return all(map(one, values))
    return any(map(one, values))


def compare(operator: str, value: str, wanted: str) -> bool:
    if operator in {"StringEquals", "StringLike"}:
        return value == wanted if operator == "StringEquals" else like(wanted, value)
    if operator in {"StringEqualsIgnoreCase", "Bool"}:
        return value.casefold() == wanted.casefold()
    if operator == "IpAddress":
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted)
    if operator in {"ArnEquals", "ArnLike"}:
        parts = list(zip(wanted.split(":", 5), value.split(":", 5), strict=False))
        return len(parts) == 6 and all(like(w, v) for w, v in parts)
    a, b = (float(value), float(wanted)) if operator.startswith("Numeric") else (stamp(value), stamp(wanted))
    word = operator.removeprefix("Numeric").removeprefix("Date")
    return {
        "Equals": a == b,
        "LessThan": a < b,
        "LessThanEquals": a <= b,
        "GreaterThan": a > b,
        "GreaterThanEquals": a >= b,
    }[word]


def stamp(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def applies(element: dict[str, Any], action: str, resource: str, context: dict[str, list[str]]) -> bool:
    if "Action" in element and not any(like(p.lower(), action.lower()) for p in items(element["Action"])):
        return False
    if "NotAction" in element and any(like(p.lower(), action.lower()) for p in items(element["NotAction"])):
        return False
    if "Resource" in element and not any(like(p, resource) for p in items(element["Resource"])):
        return False
    if "NotResource" in element and any(like(p, resource) for p in items(element["NotResource"])):
        return False
    return all(
        condition_holds(name, key, items(wanted), context)
        for name, keys in element.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def naive(
    kind: str, policies: dict[str, list[dict[str, Any]] | None], ask: tuple[str, str, dict[str, list[str]]], owner: str
) -> bool:
    asker = ASKERS[kind]
    root = f"arn:aws:iam::{asker.account}:root"

    def named(element: dict[str, Any]) -> set[str]:
        principal = element["Principal"]
        names = {"*"} if principal == "*" else set(items(principal["AWS"]))
        mine = {asker.arn, asker.principal, asker.account, root, "*"} if kind != "anonymous" else {"*"}
        return names & mine

    def says(layer: str, effect: str) -> list[dict[str, Any]]:
        return [e for e in policies[layer] or [] if e["Effect"] == effect and applies(e, *ask)]

    if any(says(layer, "Deny") for layer in ("identity", "boundary", "session")):
        return False
    if any(named(element) for element in says("resource", "Deny")):
        return False
    by_name: set[str] = set().union(*(named(element) for element in says("resource", "Allow")))
    if kind == "anonymous":
        return bool(by_name)
    identity = bool(says("identity", "Allow"))
    boundary = policies["boundary"] is None or bool(says("boundary", "Allow"))
    session = policies["session"] is None or bool(says("session", "Allow"))
    if owner != asker.account:
        return bool(by_name) and identity and boundary and session
    if asker.arn in by_name:  # the user or the session itself
        return True
    if "*" in by_name and kind == "user":
        return True
    if asker.principal in by_name or "*" in by_name:
        return boundary and session
    return identity and boundary and session


# What it is tried on.

ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "sagemaker:CreateModel"]
RESOURCES = ["arn:aws:s3:::b/k", "arn:aws:s3:::b/K", "arn:aws:s3:::bb", "arn:aws:sagemaker:r:1:model/b"]
some = {
    "action": st.sampled_from([*ACTIONS, "S3:getobject", "s3:*", "s3:?etObject", "*", "s3:*Object*", "sagemaker:*"]),
    "resource": st.sampled_from(
        [*RESOURCES, "*", "arn:aws:s3:::*", "arn:aws:s3:::b/?", "arn:*:b*", "arn:aws:s3:::b*k"]
    ),
}
PRINCIPALS = [USER, ROLE, SESSION, FEDERATED, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", OTHER, "*"]
TEXTS = ["a", "A", "ab", "b", "*", "a*", "?b"]
NUMBERS = ["1", "2", "2.0", "-3"]
DATES = ["2024-01-01T00:00:00Z", "2025-06-01T12:00:00Z"]
ARNS = [
    "arn:aws:s3:::b",
    "arn:aws:s3:::b:c",
    "arn:aws:iam::1:role/x",
    "arn:*:s3:::*",
    "arn:aws:s3:*",
    "arn:aws:i?m::*:*",
]
NETS = ["10.0.0.0/8", "10.1.2.3", "192.168.1.0/24", "2001:db8::/32"]
HOSTS = ["10.1.2.3", "192.168.1.7", "2001:db8::1", "8.8.8.8"]
FAMILIES: list[tuple[list[str], list[str], list[str]]] = [
    (["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"], TEXTS, TEXTS),
    (["StringNotEqualsIgnoreCase"], TEXTS, TEXTS),
    ([f"Numeric{w}" for w in ("Equals", "NotEquals", "LessThan", "GreaterThanEquals")], NUMBERS, NUMBERS),
    ([f"Date{w}" for w in ("Equals", "NotEquals", "LessThanEquals", "GreaterThan")], DATES, DATES),
    (["ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"], ARNS, ARNS),
    (["IpAddress", "NotIpAddress"], NETS, HOSTS),
    (["Bool"], ["true", "False"], ["true", "false"]),
]


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, list[str], list[str]]:
    """An operator, what the policy lists, and what the request has."""
    operators, wanted, values = draw(st.sampled_from(FAMILIES))
    quantifier = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]))
    name = quantifier + draw(st.sampled_from(operators)) + draw(st.sampled_from(["", "", "IfExists"]))
    return (
        name,
        draw(st.lists(st.sampled_from(wanted), min_size=1, max_size=3)),
        draw(st.lists(st.sampled_from(values), max_size=3)),
    )


@settings(max_examples=100)
@given(conditions())
def test_operators(condition: tuple[str, list[str], list[str]]) -> None:
    name, wanted, values = condition
    holds = compile_condition(name, "aws:Key", wanted, variables=True)
    assert holds(Context({"aws:key": values})) == condition_holds(name, "aws:Key", wanted, {"aws:key": values})


@st.composite
def elements(draw: st.DrawFn, *, principal: bool) -> dict[str, Any]:
    element: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow"] * 5 + ["Deny"]))}
    for member in ("Action", "Resource"):
        word = draw(st.sampled_from([member, member, member, f"Not{member}"]))
        element[word] = draw(st.lists(some[member.lower()], min_size=1, max_size=2))
    if draw(st.integers(0, 3)) == 0:
        key = draw(st.sampled_from(["aws:UserAgent", "aws:useragent", "aws:Absent"]))
        name = draw(st.sampled_from(["StringEquals", "StringNotEquals", "StringLikeIfExists", "Null"]))
        wanted = ["true"] if name == "Null" else draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2))
        element["Condition"] = {name: {key: wanted}}
    if principal:
        named = draw(st.lists(st.sampled_from(PRINCIPALS), min_size=1, max_size=2))
        element["Principal"] = "*" if "*" in named else {"AWS": named}
    return element


def layers() -> st.SearchStrategy[dict[str, list[dict[str, Any]] | None]]:
    own = st.lists(elements(principal=False), max_size=3)
    attached = st.lists(elements(principal=True), max_size=3)
    return st.fixed_dictionaries(
        {"identity": own, "boundary": st.none() | own, "session": st.none() | own, "resource": st.none() | attached}
    )


def compiled(elements_: list[dict[str, Any]] | None) -> Policies | None:
    if elements_ is None:
        return None
    return Policies(statements({"Version": "2012-10-17", "Statement": elements_}, Source("p")))


@settings(max_examples=100)
@given(layers(), st.sampled_from(TEXTS[:4]))
def test_decisions(found: Any, agent: str) -> None:
    """Each set of policies is asked everything: who, what, on what, and whose it is."""
    context = {"aws:UserAgent": [agent]}
    identity = compiled(found["identity"])
    assert identity is not None
    bounds = Bounds(identity, compiled(found["boundary"]), compiled(found["session"]))
    resource_policy = compiled(found["resource"])
    for kind, action, resource, owner in product(ASKERS, ACTIONS, RESOURCES, (ACCOUNT, OTHER)):
        question = Question(ASKERS[kind], action, resource, Context(context), owner)
        decision = decide(question, bounds, resource_policy)
        assert decision.allowed == naive(kind, found, (action, resource, context), owner), (kind, action, resource)


@settings(max_examples=100)
@given(st.text("ab*?", max_size=8), st.text("ab", max_size=12))
def test_wildcards(pattern: str, text: str) -> None:
    assert Patterns([pattern]).match(text, Context()) == like(pattern, text)


def test_wildcards_take_linear_time() -> None:
    assert not Patterns(["*a" * 30 + "c"]).match("a" * 5000, Context())


@pytest.mark.parametrize(
    ("pattern", "context", "text", "matches"),
    [
        ("home/${aws:username}/*", {"aws:username": ["ann"]}, "home/ann/x", True),
        ("home/${AWS:UserName}/*", {"aws:username": ["ann"]}, "home/ann/x", True),
        ("home/${aws:username}/*", {}, "home//x", False),
        ("home/${aws:username}/*", {"aws:username": ["*"]}, "home/bob/x", False),
        ("home/${aws:username}/*", {"aws:username": ["*"]}, "home/*/x", True),
        ("${aws:PrincipalTag/team, 'all'}/*", {}, "all/x", True),
        ("${aws:PrincipalTag/team, 'all'}/*", {"aws:PrincipalTag/team": ["red"]}, "all/x", False),
        ("a${*}b", {}, "a*b", True),
        ("a${*}b", {}, "axb", False),
        ("a${?}${$}", {}, "a?$", True),
        ("${aws:TagKeys}", {"aws:TagKeys": ["a", "b"]}, "a", False),
    ],
)
def test_variables(pattern: str, context: dict[str, list[str]], text: str, matches: bool) -> None:
    assert Patterns([pattern], variables=True).match(text, Context(context)) is matches


def test_variables_are_plain_text_before_2012() -> None:
    assert Patterns(["${aws:username}"]).match("${aws:username}", Context({"aws:username": ["ann"]}))


def test_variables_in_conditions() -> None:
    holds = compile_condition("StringLike", "s3:prefix", ["home/${aws:username}/*"], variables=True)
    assert holds(Context({"aws:username": ["ann"], "s3:prefix": ["home/ann/x"]}))
    assert not holds(Context({"aws:username": ["ann"], "s3:prefix": ["home/bob/x"]}))


def test_not_principal_wants_every_level_named() -> None:
    def denied(*names: str) -> bool:
        policy = {"Effect": "Deny", "NotPrincipal": {"AWS": list(names)}, "Action": "*", "Resource": "*"}
        everything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
        identity = compiled(everything)
        assert identity is not None
        question = Question(ASKERS["assumed-role"], "s3:GetObject", RESOURCES[0], Context())
        return not decide(question, Bounds(identity), compiled([policy])).allowed

    assert denied(ROLE, SESSION)
    assert denied(ACCOUNT, ROLE)
    assert not denied(ACCOUNT, ROLE, SESSION)


S3_READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("{", "Syntax errors in policy."),
        ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}', "Syntax errors in policy."),
        ({"Version": "2012-10-17", "Statement": [S3_READ], "More": 1}, "Syntax errors in policy."),
        ({"Version": "2012-10-17", "Statement": []}, "Syntax errors in policy."),
        ({"Statement": S3_READ}, "Policy document must be version 2012-10-17 or greater."),
        ({"Version": [], "Statement": [S3_READ]}, "Syntax errors in policy."),
        (S3_READ | {"Effect": "allow"}, "Syntax errors in policy."),
        (S3_READ | {"Effect": []}, "Syntax errors in policy."),
        (S3_READ | {"NotAction": "s3:*"}, "Syntax errors in policy."),
        (S3_READ | {"Principal": "*"}, "Policy document should not specify a principal."),
        ({"Effect": "Allow", "Resource": "*"}, "Policy statement must contain actions."),
        ({"Effect": "Allow", "Action": "s3:*"}, "Policy statement must contain resources."),
        (S3_READ | {"Action": "Get"}, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (S3_READ | {"Action": "s3:a:b"}, "Actions/Condition can contain only one colon."),
        (S3_READ | {"Action": "s_3:Get"}, "Vendor s_3 is not valid"),
        (S3_READ | {"Resource": "b"}, 'Resource b must be in ARN format or "*".'),
        (
            S3_READ | {"Resource": "arn:aws:*:::b"},
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (S3_READ | {"Resource": "arn:moon:s3:::b"}, 'Partition "moon" is not valid for resource "arn:moon:s3:::b".'),
        (S3_READ | {"Resource": "arn:aws:iam:us-east-1:1:role/x"}, "cannot contain region information."),
        (S3_READ | {"Sid": "a b"}, "Statement IDs (SID) must be alpha-numeric."),
        (S3_READ | {"Condition": {"StringIs": {"a:b": "c"}}}, "Invalid Condition type : StringIs."),
        (S3_READ | {"Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}}, "The policy failed legacy parsing"),
        (S3_READ | {"Condition": {"NotIpAddress": {"aws:SourceIp": "here"}}}, "The policy failed legacy parsing"),
    ],
)
def test_grammar(document: Any, sentence: str) -> None:
    if isinstance(document, dict) and "Statement" not in document:
        document = {"Version": "2012-10-17", "Statement": [document]}
    with pytest.raises(AWSError) as caught:
        grammar.parse(document if isinstance(document, str) else json.dumps(document), "identity")
    assert sentence in caught.value.message
    assert caught.value.code("query") == "MalformedPolicyDocument"
