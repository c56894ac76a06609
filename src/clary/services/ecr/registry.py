"""The registry as a whole: what it is set to. Nothing is replicated or scanned here, and it says so.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
"""

import fnmatch
from typing import Any

import orjson

from clary.errors import NotImplementedHere
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.ecr import setting
from clary.services.ecr.state import ECR, Document, arn, find, invalid

SCANNING = "scanning"
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutAccountSetting.html
ACCOUNT = {
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE", "CLAIR"),
    "REGISTRY_POLICY_SCOPE": ("V2", "V1"),
    "BLOB_MOUNTING": ("ENABLED", "DISABLED"),
}


@operation("DescribeRegistry")
def describe(call: Call[ECR], _request: Document) -> Document:
    return {"registryId": call.account, "replicationConfiguration": {"rules": []}}


@operation("PutReplicationConfiguration")
def replicate(_call: Call[ECR], request: Document) -> Document:
    """Taking all rules away is all that can be done."""
    if request["replicationConfiguration"]["rules"]:
        raise NotImplementedHere("Clary does not replicate images to other regions or registries.")
    return {"replicationConfiguration": {"rules": []}}


@operation("GetRegistryScanningConfiguration")
def scanning(call: Call[ECR], _request: Document) -> Document:
    return {"registryId": call.account, "scanningConfiguration": _scanning(call)}


@operation("PutRegistryScanningConfiguration")
def set_scanning(call: Call[ECR], request: Document) -> Document:
    made = {"scanType": request.get("scanType", "BASIC"), "rules": request.get("rules", [])}
    setting.put(call, SCANNING, orjson.dumps(made).decode())
    return {"registryScanningConfiguration": made}


def _scanning(call: Call[ECR]) -> Document:
    found: Document = orjson.loads(setting.get(call, SCANNING) or '{"scanType": "BASIC", "rules": []}')
    return found


@operation("BatchGetRepositoryScanningConfiguration")
def scanning_of(call: Call[ECR], request: Document) -> Document:
    rules = _scanning(call)["rules"]
    found, failures = [], []
    for name in dict.fromkeys(request["repositoryNames"]):
        row = find(call.platform.store.read(), call.region, name)
        if row is None:
            failures.append(
                {
                    "repositoryName": name,
                    "failureCode": "REPOSITORY_NOT_FOUND",
                    "failureReason": f"The repository with name '{name}' does not exist in the registry with id "
                    f"'{call.account}'",
                }
            )
            continue
        own = orjson.loads(row["document"])["imageScanningConfiguration"]["scanOnPush"]
        applied = [rule for rule in rules if any(_fits(name, each) for each in rule["repositoryFilters"])]
        often = [rule["scanFrequency"] for rule in applied] + (["SCAN_ON_PUSH"] if own else [])
        found.append(
            {
                "repositoryArn": arn(call, name),
                "repositoryName": name,
                "scanOnPush": bool({"SCAN_ON_PUSH", "CONTINUOUS_SCAN"} & set(often)),
                "scanFrequency": often[0] if often else "MANUAL",
                "appliedScanFilters": [
                    each for rule in applied for each in rule["repositoryFilters"] if _fits(name, each)
                ],
            }
        )
    return {"scanningConfigurations": found, "failures": failures}


def _fits(name: str, rule: dict[str, Any]) -> bool:
    return fnmatch.fnmatchcase(name, rule["filter"] if "*" in rule["filter"] else f"*{rule['filter']}*")


@operation("GetAccountSetting")
def account_setting(call: Call[ECR], request: Document) -> Document:
    name = _known(request["name"])
    return {"name": name, "value": setting.get(call, f"account {name}") or ACCOUNT[name][0]}


@operation("PutAccountSetting")
def set_account_setting(call: Call[ECR], request: Document) -> Document:
    name, value = _known(request["name"]), request["value"]
    if value not in ACCOUNT[name]:
        raise invalid("value", f"must be one of {', '.join(ACCOUNT[name])}")
    setting.put(call, f"account {name}", value)
    return {"name": name, "value": value}


def _known(name: str) -> str:
    if name not in ACCOUNT:
        raise invalid("name", f"must be one of {', '.join(ACCOUNT)}")
    return name
