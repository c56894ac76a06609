"""Temporary credentials: of a role, of a user, of somebody a user vouches for.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_request.html
"""

from collections.abc import Iterable
from typing import Any, Final

from clary.errors import AccessDenied, AWSError, Invalid
from clary.resource.call import Call, Permission
from clary.resource.service import operation
from clary.services.iam.authority import asker, sentence
from clary.services.iam.credentials import Credentials, Session
from clary.services.iam.directory import Entity
from clary.services.iam.identity import Identity
from clary.services.iam.permissions import tag_context
from clary.services.iam.policy import grammar
from clary.services.iam.policy.decision import Question, decide, granted
from clary.services.iam.policy.pattern import Context

HOUR: Final = 3600
HALF_DAY: Final = 12 * HOUR
DAY_AND_HALF: Final = 36 * HOUR
# What is packed into a token: AWS counts in its own binary form, we in characters.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
POLICY_SIZE: Final = 2048
NO_MFA: Final = "MultiFactorAuthentication failed with invalid MFA one time pass code."

Request = dict[str, Any]


@operation("AssumeRole", inline=True)
def assume_role(call: Call[Identity], request: Request) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""
    arn, name = request["RoleArn"], request["RoleSessionName"]
    if call.caller.kind == "root":
        raise AWSError("AccessDenied", "Roles may not be assumed by root accounts.", 403)
    if request.get("TokenCode") or request.get("SerialNumber"):
        raise AccessDenied(NO_MFA)
    tags, transitive = _tags(call, request)
    _check_trust(call, request, tags, transitive)
    principal = call.state.directory.principal(arn)
    assert principal is not None, "its trust policy was just asked"
    issued = call.platform.clock()
    session = Session(
        kind="role",
        id=principal.entity.id,
        issued=issued,
        expires=issued + _duration(call, request, principal.entity),
        name=name,
        policies=session_policies(call, request),
        tags=tags,
        transitive=transitive,
        source=_source(call, request),
    )
    credentials = call.state.credentials.mint(session)
    answer: dict[str, Any] = {
        "Credentials": shown(credentials),
        "AssumedRoleUser": {"AssumedRoleId": credentials.caller.user_id, "Arn": credentials.caller.arn},
        "PackedPolicySize": packed(session),
    }
    if session.source:
        answer["SourceIdentity"] = session.source
    return answer


def _check_trust(call: Call[Identity], request: Request, tags: dict[str, str], transitive: list[str]) -> None:
    """The trust policy has to allow, and the caller's policies too unless it names the caller itself."""
    role, judge = request["RoleArn"], call.state.authority
    policy = judge.trust(role)
    given = tag_context(request.get("Tags", ()))
    context = {
        **given,
        "sts:RoleSessionName": [request["RoleSessionName"]],
        "sts:ExternalId": [request["ExternalId"]] if request.get("ExternalId") else [],
        "sts:TransitiveTagKeys": transitive,
        "sts:SourceIdentity": [request["SourceIdentity"]] if request.get("SourceIdentity") else [],
        "aws:ResourceAccount": [call.account],
    }
    entity = call.state.directory.principal(role)
    if entity is not None:
        context |= {f"iam:ResourceTag/{key}": [value] for key, value in entity.tags.items()}
        context |= {f"aws:ResourceTag/{key}": [value] for key, value in entity.tags.items()}
    verbs = ["sts:AssumeRole"]
    verbs += ["sts:TagSession"] if tags else []
    verbs += ["sts:SetSourceIdentity"] if request.get("SourceIdentity") else []
    for verb in verbs:
        if policy is None:  # AWS does not tell whether there is such a role
            raise AccessDenied(f"User: {call.caller.arn} is not authorized to perform: {verb} on resource: {role}")
        question = Question(asker(call.caller), verb, role, Context(call.context, context))
        decision = decide(question, judge.bounds(call.caller), policy)
        if decision.kind == "resource-based policy" and not decision.allowed:
            how = "with an explicit deny in the" if decision.explicit else "because no"
            raise _refusal(call, verb, role, f"{how} role trust policy", decision.explicit)
        if granted(question, policy) is None:
            raise _refusal(call, verb, role, "because no role trust policy", explicit=False)
        if not decision.allowed:
            raise AccessDenied(sentence(call.caller, verb, role, decision))


def _refusal(call: Call[Identity], verb: str, role: str, reason: str, explicit: bool) -> AccessDenied:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    end = "" if explicit else f" allows the {verb} action"
    return AccessDenied(
        f"User: {call.caller.arn} is not authorized to perform: {verb} on resource: {role} {reason}{end}"
    )


def _tags(call: Call[Identity], request: Request) -> tuple[dict[str, str], list[str]]:
    """The session's tags, with those that the caller's own session passes on, and which of them go on from here.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    inherited = call.caller.context.get("sts:TransitiveTagKeys", ())
    tags = {key: call.caller.context[f"aws:PrincipalTag/{key}"][0] for key in inherited}
    held = {key.lower() for key in tags}
    for tag in request.get("Tags", ()):
        if tag["Key"].lower() in held:
            raise AWSError(
                "InvalidParameterValue",
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag "
                "key from the calling session.",
                400,
            )
        tags[tag["Key"]] = tag["Value"]
    passed = list(request.get("TransitiveTagKeys", ()))
    if unknown := set(passed) - set(tags):
        raise AWSError(
            "InvalidParameterValue",
            f"The specified transitive tag key must be included in the requested tags: {', '.join(sorted(unknown))}",
            400,
        )
    return tags, sorted({*inherited, *passed})


def _source(call: Call[Identity], request: Request) -> str:
    """It is set once and then stays, whatever roles follow."""
    given = request.get("SourceIdentity", "")
    held = call.caller.context.get("aws:SourceIdentity", [given])[0]
    if given and given != held:
        raise AccessDenied("The SourceIdentity of the calling session cannot be changed.")
    return str(held)


def _duration(call: Call[Identity], request: Request, role: Entity) -> int:
    seconds = int(request.get("DurationSeconds") or HOUR)
    if seconds > role.document.get("MaxSessionDuration", HOUR):
        raise Invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
    if call.caller.kind == "assumed-role" and seconds > HOUR:
        raise Invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    return seconds


def session_policies(call: Call[Identity], request: Request) -> list[str]:
    """The policies that a session is given, checked. Raises MalformedPolicyDocument, PackedPolicyTooLarge."""
    found = [member["arn"] for member in request.get("PolicyArns", ()) if member.get("arn")]
    for arn in found:
        if call.state.directory.policy_text(arn) is None:
            raise grammar.malformed(f"The policy is not in the valid JSON format or is not found: {arn}")
    if text := request.get("Policy"):
        grammar.parse(text, "identity")
        if len(text) > POLICY_SIZE:
            raise AWSError("PackedPolicyTooLarge", "Packed policy consumes more than 100% of allotted space", 400)
        found.append(text)
    return found


@operation("GetSessionToken", inline=True)
def session_token(call: Call[Identity], request: Request) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html"""
    caller = call.caller
    if caller.kind not in {"user", "root"} or "aws:TokenIssueTime" in caller.context:
        raise AWSError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    if request.get("TokenCode") or request.get("SerialNumber"):
        raise AccessDenied(NO_MFA)
    issued, root = call.platform.clock(), caller.kind == "root"
    seconds = int(request.get("DurationSeconds") or HALF_DAY)
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html: root gets an hour at most
    expires = issued + (min(seconds, HOUR) if root else seconds)
    session = Session("root" if root else "user", caller.user_id, issued, expires)
    return {"Credentials": shown(call.state.credentials.mint(session))}


@operation("GetFederationToken", inline=True)
def federation_token(call: Call[Identity], request: Request) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html"""
    caller = call.caller
    if caller.kind != "user" or "aws:TokenIssueTime" in caller.context:
        raise AWSError("AccessDenied", "Cannot call GetFederationToken with session credentials", 403)
    federated = f"arn:aws:sts::{call.account}:federated-user/{request['Name']}"
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}
    call.authorize(Permission("sts:GetFederationToken", federated, tag_context(request.get("Tags", ()))))
    if tags:
        call.authorize(Permission("sts:TagSession", federated, tag_context(request["Tags"])))
    issued = call.platform.clock()
    session = Session(
        kind="federated",
        id=caller.user_id,
        issued=issued,
        expires=issued + int(request.get("DurationSeconds") or HALF_DAY),
        name=request["Name"],
        policies=session_policies(call, request),
        tags=tags,
    )
    credentials = call.state.credentials.mint(session)
    return {
        "Credentials": shown(credentials),
        "FederatedUser": {"FederatedUserId": credentials.caller.user_id, "Arn": credentials.caller.arn},
        "PackedPolicySize": packed(session),
    }


def shown(credentials: Credentials) -> dict[str, Any]:
    return {
        "AccessKeyId": credentials.access_key,
        "SecretAccessKey": credentials.secret,
        "SessionToken": credentials.token,
        "Expiration": float(int(credentials.expires)),
    }


def packed(session: Session) -> int:
    """Percent of what a session may carry."""
    return min(100, -(-100 * _length([*session.policies, *session.tags, *session.tags.values()]) // POLICY_SIZE))


def _length(texts: Iterable[str]) -> int:
    return sum(map(len, texts))
