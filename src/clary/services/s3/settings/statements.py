"""Whether a bucket policy is one, in AWS's words, and whether it opens the bucket to the public."""

import json
import re
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

from clary.errors import AWSError
from clary.services.iam.policy import grammar
from clary.services.s3.settings.actions import kinds

Document = dict[str, Any]
LIMIT = 20 * 1024  # bytes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html
VERSIONS = ("2012-10-17", "2008-10-17")
POLICY_FIELDS = {"Version", "Id", "Statement"}
STATEMENT_FIELDS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip
PRINCIPAL_KINDS = {"AWS", "Service", "Federated", "CanonicalUser"}
PRINCIPAL = re.compile(
    r"\*|\d{12}|arn:aws[\w-]*:iam::\d{12}:(root|(user|role)/[\w+=,.@/-]+)"
    r"|arn:aws[\w-]*:sts::\d{12}:(assumed-role|federated-user)/[\w+=,.@/-]+|(AIDA|AROA)[A-Z0-9]{16,}"
)

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
FIXING_KEYS = {
    "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount", "aws:principalorgid",
    "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn", "aws:sourceorgid", "aws:userid",
    "s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
}  # fmt: skip
FIXING_OPERATORS = {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"}


def malformed(message: str, detail: str = "") -> AWSError:
    return AWSError("MalformedPolicy", message, 400, **({"Detail": detail} if detail else {}))


def read(text: str, bucket: str) -> Document:
    """The policy. Raises MalformedPolicy, and PolicyTooLarge's kin, with AWS's sentences."""
    if len(text.encode()) > LIMIT:
        raise malformed("Policy exceeds the maximum allowed document size.")
    try:
        policy = grammar.load(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise malformed("Policies must be valid JSON and the first byte must be '{'")
    _check_form(policy)
    for statement in many(policy["Statement"]):
        _check(statement, bucket)
    return policy


def _check_form(policy: Document) -> None:
    for name in policy:
        if name not in POLICY_FIELDS:
            raise malformed(f"Unknown field {name}")
    if policy.get("Version", VERSIONS[0]) not in VERSIONS:
        raise malformed("The policy must contain a valid version string")
    if not isinstance(policy.get("Id", ""), str):
        raise malformed("Invalid policy syntax.")
    if "Statement" not in policy:
        raise malformed("Missing required field Statement")
    if not many(policy["Statement"]):
        raise malformed("Could not parse the policy: Statement is empty!")


def many(value: Any) -> list[Any]:
    """A policy's elements may be one or a list of them."""
    return value if isinstance(value, list) else [value]


def _check(statement: Any, bucket: str) -> None:
    if not isinstance(statement, dict):
        raise malformed("Invalid policy syntax.")
    for name in statement:
        if name not in STATEMENT_FIELDS:
            raise malformed(f"Unknown field {name}")
    if "Effect" not in statement:
        raise malformed("Missing required field Effect")
    if not isinstance(statement.get("Sid", ""), str):
        raise malformed("Invalid policy syntax.")
    if statement["Effect"] not in grammar.EFFECTS:
        raise malformed(f"Invalid effect: {statement['Effect']}")
    for name in ("Principal", "Action", "Resource"):
        given = [field for field in (name, f"Not{name}") if field in statement]
        if not given:
            raise malformed(f"Missing required field {name}")
        if len(given) > 1:
            raise malformed("Invalid policy syntax.")
    _check_principal(statement.get("Principal", statement.get("NotPrincipal")))
    _check_reach(statement, bucket)
    _check_condition(statement.get("Condition", {}))


def _check_principal(principal: Any) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or principal.keys() - PRINCIPAL_KINDS:
        raise malformed("Invalid principal in policy", json.dumps(principal))
    for kind, values in principal.items():
        for value in many(values):
            if not _known(kind, value):
                raise malformed("Invalid principal in policy", f'"{kind}" : {json.dumps(value)}')


def _known(kind: str, value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return False
    if kind == "AWS":
        return PRINCIPAL.fullmatch(value) is not None
    return kind != "Service" or value.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _check_reach(statement: Document, bucket: str) -> None:
    """Each action is one of S3's, each resource is of this bucket, and they meet."""
    names = _texts(statement.get("Action", statement.get("NotAction")), "Policy has invalid action")
    if not all(kinds(name) for name in names):
        raise malformed("Policy has invalid action")
    resources = _texts(statement.get("Resource", statement.get("NotResource")), "Policy has invalid resource")
    reached: set[str] = set()
    for resource in resources:
        reached |= _reached(resource, bucket)
    if "NotAction" in statement or "NotResource" in statement:
        return
    if not all(kinds(name) & reached for name in names):
        raise malformed("Action does not apply to any resource(s) in statement")


def _reached(resource: str, bucket: str) -> set[str]:
    partition, _, rest = resource.partition(":s3:::")
    if not partition.startswith("arn:aws") or not rest.startswith(bucket):
        raise malformed("Policy has invalid resource")
    tail = rest.removeprefix(bucket)
    if not tail:
        return {"bucket"}
    if tail.startswith("/"):
        return {"object"}
    if tail.startswith("*"):
        return {"bucket", "object"}
    raise malformed("Policy has invalid resource")


def _texts(value: Any, sentence: str) -> list[str]:
    found = many(value)
    if not found or not all(isinstance(item, str) and item for item in found):
        raise malformed(sentence)
    return found


def _check_condition(condition: Any) -> None:
    """Of keys that S3 can know, else as IAM has it."""
    if not isinstance(condition, dict):
        raise malformed("Invalid policy syntax.")
    for pairs in condition.values():
        if not isinstance(pairs, dict) or not pairs:
            raise malformed("Invalid policy syntax.")
        if not all(key.lower().startswith(("aws:", "s3:", "saml:", "jwt:")) for key in pairs):
            raise malformed("Policy has an invalid condition key")
    try:
        grammar.check_conditions(condition)
    except AWSError as error:
        told = "Invalid policy syntax." if error.message == grammar.SYNTAX else error.message
        raise malformed(told) from error


def is_public(policy: Document) -> bool:
    """Whether some statement grants to everybody: no fixed principal, and no condition that fixes who it is."""
    return any(
        statement["Effect"] == "Allow" and _everybody(statement) and not _fixed(statement.get("Condition", {}))
        for statement in many(policy["Statement"])
    )


def _everybody(statement: Document) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = statement["Principal"]
    return bool(principal == "*" or "*" in many(principal.get("AWS", [])))


def _fixed(condition: Document) -> bool:
    for operator, pairs in condition.items():
        name = operator.lower().removeprefix("foranyvalue:")
        for key, values in pairs.items():
            if name == "ipaddress" and key.lower() == "aws:sourceip" and _narrow(many(values)):
                return True
            if name in FIXING_OPERATORS and key.lower() in FIXING_KEYS and _literal(many(values)):
                return True
    return False


def _literal(values: Iterable[Any]) -> bool:
    """A wildcard or a policy variable fixes nothing."""
    return all(isinstance(value, str) and not set("*?$") & set(value) for value in values)


def _narrow(values: Iterable[Any]) -> bool:
    """Ranges as wide as /7 in IPv4, /31 in IPv6, are as good as none."""
    try:
        networks = [ip_network(str(value), strict=False) for value in values]
    except ValueError:
        return False
    return all(network.prefixlen >= (8 if network.version == 4 else 32) for network in networks)
