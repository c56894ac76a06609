"""What the other services ask: may this caller do that?"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from clary.errors import AccessDenied, AWSError
from clary.resource.call import Caller, Permission
from clary.services.iam import managed
from clary.services.iam.directory import Directory, together
from clary.services.iam.policy.decision import Bounds, Decision, Question, decide, granted
from clary.services.iam.policy.pattern import Context
from clary.services.iam.policy.principal import Asker
from clary.services.iam.policy.statement import Policies, Source, statements

KEPT: Final = 1024  # callers and resource policies in memory; beyond that it begins anew
NOTHING: Final = Policies(())
EVERYTHING: Final = Policies(
    statements({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, Source("root"))
)
# The owner can always mend a bucket policy that locks everybody out.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketPolicy.html
MENDING: Final = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})

Key = tuple[str, str, tuple[str, ...]]


class Judge:
    """Implements resource.call.Authority."""

    def __init__(self, directory: Directory, clock: Callable[[], float] = time.time) -> None:
        self._directory = directory
        self.clock = clock
        self._generation = 0
        self._bounds: dict[Key, Bounds] = {}
        self._resource_policies: dict[int, tuple[Mapping[str, Any], Policies]] = {}
        self.used: dict[str, tuple[str, Mapping[str, list[str]]]] = {}  # access key or role -> last action, context

    def allow(self, caller: Caller, permission: Permission, context: Mapping[str, list[str]]) -> None:
        """Returns if the caller may; raises AccessDenied with AWS's sentence if not."""
        bounds = self.bounds(caller)
        action, resource = permission.action, permission.resource
        if caller.kind != "anonymous":
            self.used[caller.principal if caller.kind == "assumed-role" else caller.access_key] = (action, context)
        conditions = Context(context, {"aws:ResourceAccount": [self._directory.account]}, permission.context)
        if permission.resource_policy is None and permission.resource_account in {"", caller.account}:
            rules = bounds.identity.rules(action)
            if (
                bounds.boundary is None
                and bounds.session is None
                and rules.denying(resource, conditions) is None
                and rules.allowing(resource, conditions) is not None
            ):
                return  # nearly every request, and `decide` would say the same
        decision = self.decide(caller, permission, conditions)
        if not decision.allowed:
            raise AccessDenied(sentence(caller, action, resource, decision))

    def may_deny(self, caller: Caller, action: str) -> bool:
        """Whether any policy of the caller's own denies this action somewhere. Where none does, and no resource policy
        has its say, `allow` depends on nothing but what the policies allow.
        """
        bounds = self.bounds(caller)
        kinds = (bounds.identity, bounds.boundary, bounds.session)
        return any(kind is not None and kind.rules(action).denies for kind in kinds)

    def decide(self, caller: Caller, permission: Permission, context: Context) -> Decision:
        """As `allow`, told in full."""
        policy = None
        if permission.resource_policy is not None:
            policy = self._compiled(permission.resource_policy)
        if caller.kind == "root" and permission.action in MENDING:
            policy = None
        question = Question(asker(caller), permission.action, permission.resource, context, permission.resource_account)
        return decide(question, self.bounds(caller), policy)

    def pass_role(self, caller: Caller, role_arn: str, service: str, context: Mapping[str, list[str]]) -> None:
        """Returns if the role exists, trusts `service` and the caller has iam:PassRole for it.

        Raises AccessDenied with AWS's sentence; ValidationException for a role that is not there or not trusting, in
        SageMaker's words (https://repost.aws/knowledge-center/sagemaker-execution-role-errors).
        """
        passed = {"iam:PassedToService": [service]}
        self.allow(caller, Permission("iam:PassRole", role_arn, passed), context)
        role = self._directory.principal(role_arn)
        if role is None or role.entity.kind != "role" or not self.trusts(role_arn, Asker(service=service)):
            raise AWSError(
                "ValidationException",
                f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
                f"'{service}' to assume the role.",
                400,
            )

    def trusts(self, role_arn: str, who: Asker, context: Context | None = None) -> bool:
        """Whether the role's trust policy lets `who` assume it."""
        policy = self.trust(role_arn)
        if policy is None:
            return False
        question = Question(who, "sts:AssumeRole", role_arn, context or Context())
        denied = any(
            statement.naming(who) and statement.holds(role_arn, question.context)
            for statement in policy.rules("sts:AssumeRole").denies
        )
        return not denied and granted(question, policy) is not None

    def trust(self, role_arn: str) -> Policies | None:
        role = self._directory.principal(role_arn)
        if role is None or role.entity.kind != "role":
            return None
        return together([Source(role_arn, "resource", role.entity.document["AssumeRolePolicyDocument"])])

    def bounds(self, caller: Caller) -> Bounds:
        """The caller's own policies, ready to be asked."""
        generation = self._directory.generation
        if self._generation != generation:
            self._bounds = {}
            self._generation = generation
        kept = self._bounds
        key = (caller.arn, caller.principal, caller.session_policies)
        known = kept.get(key)
        if known is None:
            if len(kept) >= KEPT:
                kept.clear()
            known = kept[key] = self._gather(caller)
        return known

    def _gather(self, caller: Caller) -> Bounds:
        if caller.kind == "root":
            return Bounds(EVERYTHING)
        principal = self._directory.principal(caller.principal)
        if principal is None:
            return Bounds(NOTHING)
        session = None
        if caller.session_policies or caller.kind == "federated-user":
            session = together([self._session_policy(text) for text in caller.session_policies])
        return Bounds(principal.policies, principal.boundary, session)

    def _session_policy(self, text: str) -> Source:
        if not text.startswith("arn:"):
            return Source("session policy", "", text)
        document = self._directory.policy_text(text)
        nothing = '{"Statement": []}'  # it is gone: it allows nothing any more
        return Source(text, managed.kind(text), document or nothing)

    def _compiled(self, document: Mapping[str, Any]) -> Policies:
        """A resource's policy, compiled once while its owner hands in the same object."""
        known = self._resource_policies.get(id(document))
        if known is None:
            if len(self._resource_policies) >= KEPT:
                self._resource_policies.clear()
            known = (document, Policies(statements(document, Source("resource policy", "resource"))))
            self._resource_policies[id(document)] = known
        return known[1]


def asker(caller: Caller) -> Asker:
    return Asker(caller.arn, caller.principal, caller.account, caller.kind)


def sentence(caller: Caller, action: str, resource: str, decision: Decision) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    who = "Anonymous" if caller.kind == "anonymous" else caller.arn
    article = "an" if decision.kind.startswith("identity") else "a"
    reason = (
        f"with an explicit deny in {article} {decision.kind}"
        if decision.explicit
        else f"because no {decision.kind} allows the {action} action"
    )
    return f"User: {who} is not authorized to perform: {action} on resource: {resource} {reason}"
