"""What is scaled: the variant of an endpoint, endpoint/<name>/variant/<name>."""

import re
import sqlite3
from typing import Any

from clary.errors import Invalid
from clary.services.application_autoscaling.state import COUNT
from clary.services.sagemaker.hosting import capacity, state
from clary.services.sagemaker.hosting.controller import Hosting
from clary.services.sagemaker.hosting.state import State, Variant

Document = dict[str, Any]
RESOURCE = re.compile(r"endpoint/(?P<endpoint>[a-zA-Z0-9-]+)/variant/(?P<variant>[a-zA-Z0-9-]+)")
WHAT = {COUNT: "instance count"}


def split(resource: str) -> tuple[str, str]:
    """The names of endpoint and variant. Raises Invalid."""
    found = RESOURCE.fullmatch(resource)
    if found is None:
        raise Invalid("Unsupported service namespace, resource type or scalable dimension")
    return found["endpoint"], found["variant"]


def arn(region: str, account: str, resource: str) -> str:
    """That of the endpoint."""
    return f"arn:aws:sagemaker:{region}:{account}:endpoint/{split(resource)[0].lower()}"


def find(connection: sqlite3.Connection, arn: str, resource: str) -> tuple[State, Variant]:
    """Raises Invalid where there is none."""
    name = split(resource)[1]
    one = state.find(connection, arn)
    if one is None or one.status == "Deleting":
        raise Invalid(f'Could not find endpoint "{arn}".')
    for variant in one.fleets[-1].variants if one.fleets else ():
        if variant.name == name:
            return one, variant
    raise Invalid(f'The variant name(s) "{name}" is/are not present within endpoint configuration.')


def current(variant: Variant, dimension: str) -> int:
    if dimension == COUNT:
        return variant.count
    return int((variant.spec["serverless"] or {}).get("ProvisionedConcurrency", 0))


def fits(variant: Variant, dimension: str) -> bool:
    return (variant.spec["serverless"] is None) == (dimension == COUNT)


def resize(hosting: Hosting, arn: str, name: str, dimension: str, wanted: int) -> None:
    """Raises Invalid and ResourceLimitExceeded."""
    if dimension == COUNT:
        change: Document = {"DesiredInstanceCount": wanted}
    else:
        change = {"ServerlessUpdateConfig": {"ProvisionedConcurrency": wanted}}
    capacity.resize(hosting, arn, [{"VariantName": name, **change}])
