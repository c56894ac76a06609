"""Who may do what: explicit deny first, then what each kind of policy allows.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from dataclasses import dataclass
from typing import Literal

from clary.services.iam.policy.pattern import Context
from clary.services.iam.policy.principal import Asker, Naming
from clary.services.iam.policy.statement import Policies, Statement

Kind = Literal["identity-based policy", "permissions boundary", "session policy", "resource-based policy"]


@dataclass(frozen=True, slots=True)
class Question:
    """May this asker do this action on this resource?"""

    asker: Asker
    action: str  # s3:GetObject, in any case
    resource: str  # an ARN, or "*"
    context: Context
    resource_account: str = ""  # "" is the asker's own


@dataclass(frozen=True, slots=True)
class Bounds:
    """The policies that apply, by kind. None: there is no policy of this kind, so it does not limit."""

    identity: Policies
    boundary: Policies | None = None
    session: Policies | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`kind` is the kind of policy that refuses, by a Deny (`explicit`) or by not allowing; `statements` are those
    that decided.
    """

    allowed: bool
    explicit: bool = False
    kind: Kind = "identity-based policy"
    statements: tuple[Statement, ...] = ()


def decide(question: Question, bounds: Bounds, resource_policy: Policies | None = None) -> Decision:
    """Evaluates all of it. Root's identity policies are to be given as one that allows everything."""
    action, resource, context = question.action, question.resource, question.context
    layers: tuple[tuple[Kind, Policies | None], ...] = (
        ("identity-based policy", bounds.identity),
        ("permissions boundary", bounds.boundary),
        ("session policy", bounds.session),
    )
    for kind, policies in layers:
        if policies is not None and (deny := policies.rules(action).denying(resource, context)):
            return Decision(allowed=False, explicit=True, kind=kind, statements=(deny,))
    grant: tuple[Naming, Statement] | None = None
    if resource_policy is not None:
        if deny := _denies(question, resource_policy):
            return Decision(allowed=False, explicit=True, kind="resource-based policy", statements=(deny,))
        grant = granted(question, resource_policy)
    if question.asker.kind == "anonymous":
        statements = (grant[1],) if grant else ()
        return Decision(allowed=grant is not None, kind="resource-based policy", statements=statements)
    foreign = question.resource_account not in {"", question.asker.account}
    if foreign and grant is None:
        return Decision(allowed=False, kind="resource-based policy")
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
    waived = frozenset[Kind]() if foreign or grant is None else _waived(question.asker, grant[0])
    used = [grant[1]] if grant else []
    for kind, policies in layers:
        if policies is None or kind in waived:
            continue
        allow = policies.rules(action).allowing(resource, context)
        if allow is None:
            return Decision(allowed=False, kind=kind)
        used.append(allow)
    return Decision(allowed=True, statements=tuple(used))


def granted(question: Question, policy: Policies) -> tuple[Naming, Statement] | None:
    """The statement of a resource-based policy that allows it, and how directly it names the asker: the most direct
    one there is.
    """
    best: tuple[Naming, Statement] | None = None
    order: list[Naming] = ["session", "identity", "service", "anyone", "account"]
    for statement in policy.rules(question.action).allows:
        naming = statement.naming(question.asker)
        if naming is None or (best and order.index(naming) >= order.index(best[0])):
            continue
        if statement.holds(question.resource, question.context):
            best = naming, statement
    return best


def _denies(question: Question, policy: Policies) -> Statement | None:
    for statement in policy.rules(question.action).denies:
        if statement.naming(question.asker) and statement.holds(question.resource, question.context):
            return statement
    return None


def _waived(asker: Asker, naming: Naming) -> frozenset[Kind]:
    """The kinds of policy whose silence does no harm, when the resource's policy in the same account allows.

    Naming the session grants to it directly. Naming a user does so too, but not for a federated session of that user.
    Naming a role leaves its boundary and session policies in force. Naming the account only delegates to its
    identity-based policies. "*" is taken as naming the user or role.
    """
    if naming == "session":
        return frozenset({"identity-based policy", "permissions boundary", "session policy"})
    if naming in {"identity", "anyone"}:
        if asker.kind == "user":
            return frozenset({"identity-based policy", "permissions boundary", "session policy"})
        return frozenset({"identity-based policy"})
    return frozenset()
