"""The grammar of policies, and what AWS says when one breaks it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

from clary.errors import AWSError
from clary.services.iam.policy import condition
from clary.services.iam.policy.statement import Document, listed

Kind = Literal["identity", "trust", "resource"]

VERSIONS: Final = ("2008-10-17", "2012-10-17")  # a tuple: what cannot be hashed is none of them either
EFFECTS: Final = ("Allow", "Deny")
MEMBERS: Final = {"Version", "Id", "Statement"}
ELEMENTS: Final = {
    *("Sid", "Effect", "Principal", "NotPrincipal"),
    *("Action", "NotAction", "Resource", "NotResource", "Condition"),
}
PRINCIPALS: Final = {"AWS", "Service", "Federated", "CanonicalUser"}
IAM_PATHS: Final = (
    *("user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/"),
    *("sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/"),
)
SYNTAX: Final = "Syntax errors in policy."
# By what an operator's name has in it.
READERS: Final[dict[str, Callable[[str], object]]] = {
    "Date": condition.moment,
    "Numeric": float,
    "IpAddress": condition.network,
}
_VENDOR: Final = re.compile(r"[a-zA-Z0-9\-.]+")
_PRINCIPAL: Final = re.compile(
    r"\*|\d{12}|arn:aws[a-z-]*:(iam::\d{12}:(root|(user|role)/[!-~]+)|sts::\d{12}:(assumed-role|federated-user)/[!-~]+)"
)
_SERVICE: Final = re.compile(r"[a-z0-9.*-]+\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal)|\*")
_ASSUMING: Final = re.compile(
    r"sts:(\*|AssumeRole\*?|AssumeRoleWith\w+|TagSession|SetSourceIdentity|SetContext)", re.IGNORECASE
)


def malformed(sentence: str) -> AWSError:
    return AWSError("MalformedPolicyDocument", sentence, 400)


def parse(text: str, kind: Kind) -> Document:
    """The document of a policy's text. Raises AWSError MalformedPolicyDocument with AWS's sentence."""
    try:
        document = load(text)
    except ValueError:
        raise malformed("This policy contains invalid Json" if kind == "trust" else SYNTAX) from None
    if not isinstance(document, dict):
        raise malformed(SYNTAX)
    check(document, kind)
    return document


def load(text: str) -> Any:
    """The JSON, in which no member stands twice. Raises ValueError."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def check(document: Mapping[str, Any], kind: Kind) -> None:
    """Raises AWSError MalformedPolicyDocument with AWS's sentence."""
    if unknown := sorted(document.keys() - MEMBERS):
        raise malformed(f"Unknown field {unknown[0]}" if kind == "trust" else SYNTAX)
    version = document.get("Version", "2008-10-17")
    if version not in VERSIONS or not isinstance(document.get("Id", ""), str):
        raise malformed(SYNTAX)
    elements = listed(document.get("Statement", []))
    if not all(isinstance(element, dict) for element in elements):
        raise malformed(SYNTAX)
    if not elements:
        raise malformed(SYNTAX if kind == "identity" else "Could not parse the policy: Statement is empty!")
    for element in elements:
        _form(element)
    if kind == "identity" and version != "2012-10-17":
        raise malformed("Policy document must be version 2012-10-17 or greater.")
    for element in elements:
        MEANINGS[kind](element)
    sids = [element["Sid"] for element in elements if element.get("Sid")]
    if kind == "identity" and not all(re.fullmatch("[0-9A-Za-z]*", sid) for sid in sids):
        raise malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[0-9A-Za-z]*"
        )
    if len(set(sids)) != len(sids):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _form(element: dict[str, Any]) -> None:
    """Names, types and what excludes what."""
    if element.keys() - ELEMENTS or element.get("Effect") not in EFFECTS:
        raise malformed(SYNTAX)
    if any(name in element and f"Not{name}" in element for name in ("Principal", "Action", "Resource")):
        raise malformed(SYNTAX)
    if not isinstance(element.get("Sid", ""), str):
        raise malformed(SYNTAX)
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if not all(isinstance(item, str) for item in listed(element.get(name, []))):
            raise malformed(SYNTAX)
    for name in ("Principal", "NotPrincipal"):
        if name in element:
            _principals(element[name])
    check_conditions(element.get("Condition", {}))


def _principals(element: Any) -> None:
    if element == "*":
        return
    if not isinstance(element, dict) or not element or element.keys() - PRINCIPALS:
        raise malformed(SYNTAX)
    for kind, names in element.items():
        for name in listed(names):
            known = {"AWS": _PRINCIPAL, "Service": _SERVICE}.get(kind)
            if not isinstance(name, str) or (known and not known.fullmatch(name)):
                raise invalid_principal(kind, str(name))


def invalid_principal(kind: str, name: str) -> AWSError:
    return malformed(f'Invalid principal in policy: "{kind.upper()}":"{name}"')


def check_conditions(element: Any) -> None:
    """Raises AWSError MalformedPolicyDocument with AWS's sentence."""
    if not isinstance(element, dict):
        raise malformed(SYNTAX)
    for name, keys in element.items():
        try:
            kind, _, _ = condition.read(name)
        except ValueError:
            raise malformed(f"Invalid Condition type : {name}.") from None
        if not isinstance(keys, dict):
            raise malformed(SYNTAX)
        for key, value in keys.items():
            if ":" not in key:
                raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
            if not all(isinstance(item, str | int | float) for item in listed(value)):
                raise malformed(SYNTAX)
            _values(kind, condition.texts(value))


def _values(kind: str, texts: Iterable[str]) -> None:
    """Values that could never match are refused: a Deny that rests on one would deny nothing."""
    family = next((name for name in READERS if name in kind), None)
    for text in texts if family else ():
        try:
            READERS[family or ""](text)
        except ValueError:
            if "${" not in text:
                raise malformed("The policy failed legacy parsing") from None


def _identity(element: dict[str, Any]) -> None:
    if "Principal" in element or "NotPrincipal" in element:
        raise malformed("Policy document should not specify a principal.")
    actions = listed(element.get("Action", element.get("NotAction", [])))
    if not actions:
        raise malformed("Policy statement must contain actions.")
    for action in actions:
        _action(action)
    resources = listed(element.get("Resource", element.get("NotResource", [])))
    if not resources:
        raise malformed("Policy statement must contain resources.")
    for resource in resources:
        _resource(resource)


def _trust(element: dict[str, Any]) -> None:
    _named(element)
    if "Resource" in element or "NotResource" in element:
        raise malformed("Has prohibited field Resource")
    if "NotAction" in element or not all(_ASSUMING.fullmatch(action) for action in listed(element["Action"])):
        raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")


def _attached(element: dict[str, Any]) -> None:
    _named(element)
    if not listed(element.get("Resource", element.get("NotResource", []))):
        raise malformed("Missing required field Resource")


def _named(element: dict[str, Any]) -> None:
    """What every policy that stands with a resource must say."""
    if "Principal" not in element and "NotPrincipal" not in element:
        raise malformed("Missing required field Principal")
    if "NotPrincipal" in element and element["Effect"] == "Allow":
        raise malformed("Allow with NotPrincipal is not allowed.")
    if not listed(element.get("Action", element.get("NotAction", []))):
        raise malformed("Missing required field Action")


MEANINGS: Final[dict[Kind, Callable[[dict[str, Any]], None]]] = {
    "identity": _identity,
    "trust": _trust,
    "resource": _attached,
}


def _action(action: str) -> None:
    if action == "*":
        return
    vendor, colon, rest = action.partition(":")
    if not colon or not rest:
        raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in rest:
        raise malformed("Actions/Condition can contain only one colon.")
    if not _VENDOR.fullmatch(vendor):
        raise malformed(f"Vendor {vendor} is not valid")


def _resource(resource: str) -> None:
    parts = resource.split(":", 5)
    if resource == "*":
        return
    if parts[0] != "arn" or len(parts) < 3:
        raise malformed(f'Resource {resource} must be in ARN format or "*".')
    if parts[1] not in {"aws", "aws-cn", "aws-us-gov", "*"}:
        raise malformed(f'Partition "{parts[1]}" is not valid for resource "{resource}".')
    if "*" in parts[2] or "?" in parts[2] or not parts[2]:
        raise malformed("Resource vendor must be fully qualified and cannot contain regexes.")
    if len(parts) == 6:
        _service_resource(parts[2], parts[3], parts[4], resource)
    elif not resource.endswith("*"):  # arn:aws:s3:* stands for all the rest
        raise malformed("The policy failed legacy parsing")


def _service_resource(service: str, region: str, account: str, resource: str) -> None:
    name = resource.split(":", 5)[5]
    if service == "iam" and region:
        raise malformed(f"IAM resource {resource} cannot contain region information.")
    if service == "iam" and not name.startswith(("*", "root", *IAM_PATHS)):
        raise malformed(f'IAM resource path must either be "*" or start with {", ".join(IAM_PATHS)}.')
    if service == "s3" and (region or account) and not name.startswith(("accesspoint", "*", "job", "storage-lens")):
        kind = "region" if region else "account"
        raise malformed(f"Resource {resource} can not contain {kind} information.")
