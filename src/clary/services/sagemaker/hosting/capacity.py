"""Other weights and numbers of replicas for the variants of an endpoint that is in service.

UpdateEndpointWeightsAndCapacities asks for it, and Application Auto Scaling does.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpointWeightsAndCapacities.html
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

from clary.errors import AWSError, Invalid
from clary.services.sagemaker.hosting import design, state
from clary.services.sagemaker.hosting.controller import Hosting
from clary.services.sagemaker.hosting.state import State, Variant

Document = dict[str, Any]
MOST = 20  # instances, a quota that accounts begin with: https://docs.aws.amazon.com/general/latest/gr/sagemaker.html


def resize(hosting: Hosting, arn: str, wanted: list[Document]) -> None:
    """`wanted`: DesiredWeightsAndCapacities. Raises Invalid and ResourceLimitExceeded."""
    platform = hosting.platform

    def work(connection: sqlite3.Connection) -> State:
        one = idle(connection, arn)
        variants = {variant.name: variant for fleet in one.fleets[-1:] for variant in fleet.variants}
        if unknown := [each["VariantName"] for each in wanted if each["VariantName"] not in variants]:
            names = ", ".join(f'"{name}"' for name in unknown)
            raise Invalid(f"The variant name(s) {names} is/are not present within endpoint configuration.")
        for each in wanted:
            _change(variants[each["VariantName"]], each, queued="AsyncInferenceConfig" in one.fleets[-1].settings)
        if not any(variant.weight for variant in variants.values()):
            raise Invalid("At least one variant must have a weight above 0.")
        limited(variants.values())
        one.status, one.reason = "Updating", ""
        state.put(connection, one)
        hosting.sync(connection, one, platform.clock())
        return one

    hosting.tell(platform.store.write(work))
    hosting.wake()


def limited(variants: Iterable[Variant]) -> None:
    """Raises ResourceLimitExceeded. All instances are this machine's, which a number too large would stop."""
    count = sum(variant.count for variant in variants if variant.spec["serverless"] is None)
    if count > MOST:
        raise AWSError("ResourceLimitExceeded", f"An endpoint can have {MOST} instances here, not {count}.")


def idle(connection: sqlite3.Connection, arn: str) -> State:
    """An endpoint that is not being changed already. Raises Invalid."""
    one = state.find(connection, arn)
    if one is None or not one.steady:
        raise busy(arn)
    if not one.fleets:
        # DeleteEndpoint is all that can be done with it:
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html#sagemaker-DescribeEndpoint-response-EndpointStatus
        raise Invalid(f'Cannot update failed endpoint "{arn}": it can only be deleted.')
    return one


def busy(arn: str) -> Invalid:
    """AWS's sentence."""
    return Invalid(f'Cannot update in-progress endpoint "{arn}".')


def _change(variant: Variant, wanted: Document, *, queued: bool) -> None:
    variant.weight = float(wanted.get("DesiredWeight", variant.weight))
    had, given = variant.spec["serverless"], wanted.get("ServerlessUpdateConfig")
    if had is None:
        if given:
            raise Invalid(f"Variant {variant.name} is not serverless: it has no ServerlessUpdateConfig.")
        count = wanted.get("DesiredInstanceCount", variant.count)
        if count < 1 and not queued:  # what is queued may wait for an instance
            # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
            raise Invalid(f"DesiredInstanceCount of variant {variant.name} must be at least 1: it is not asynchronous.")
        variant.count = count
        return
    if "DesiredInstanceCount" in wanted:
        raise Invalid(f"Variant {variant.name} is serverless: it has no instances to count.")
    if given:
        provisioned = given.get("ProvisionedConcurrency", had.get("ProvisionedConcurrency", 0))
        new = {**had, **given}
        if not provisioned:  # Application Auto Scaling may take it all away
            new.pop("ProvisionedConcurrency", None)
        if provisioned > new["MaxConcurrency"]:
            raise Invalid(
                f"ProvisionedConcurrency {provisioned} of variant {variant.name} must not be greater than its "
                f"MaxConcurrency {new['MaxConcurrency']}."
            )
        variant.spec["serverless"] = new
        variant.count = max(variant.count, design.floor(new))
