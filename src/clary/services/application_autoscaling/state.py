"""What the operations share: where a scalable target is found, how lists are paged, and the errors that are theirs."""

import sqlite3
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from clary.errors import AWSError, Invalid, NotImplementedHere
from clary.resource import pages
from clary.resource.call import Call
from clary.store.sql import queries

if TYPE_CHECKING:
    from clary.services.application_autoscaling.clock import Clock
    from clary.services.application_autoscaling.scaler import Scaler

SQL = queries("clary.services.application_autoscaling")
Document = dict[str, Any]
NAMESPACE = "sagemaker"
COUNT, PROVISIONED = "sagemaker:variant:DesiredInstanceCount", "sagemaker:variant:DesiredProvisionedConcurrency"
DIMENSIONS = (COUNT, PROVISIONED)
PAGE = 50


@dataclass(frozen=True, slots=True)
class Scaling:
    scaler: "Scaler"
    clock: "Clock"


def checked(request: Document) -> None:
    """Raises for what can be registered on AWS and not here. Of what is not validated yet, too."""
    namespace, dimension = request.get("ServiceNamespace"), request.get("ScalableDimension", COUNT)
    if namespace != NAMESPACE:
        raise NotImplementedHere(f"Clary scales the endpoint variants of sagemaker, and nothing of {namespace}.")
    if dimension == "sagemaker:inference-component:DesiredCopyCount":
        raise NotImplementedHere(f"Clary has no inference components, so nothing to scale by {dimension}.")
    if dimension not in DIMENSIONS:
        raise Invalid("Unsupported service namespace, resource type or scalable dimension")


def named(call: Call[Any], request: Document) -> Document:
    """Region, resource and dimension, as the tables have them."""
    checked(request)
    return {
        "region": call.region,
        "resource": request.get("ResourceId"),
        "dimension": request.get("ScalableDimension"),
    }


def words(request: Document) -> str:
    return (
        f"service namespace: {request['ServiceNamespace']}, resource ID: {request['ResourceId']}, "
        f"scalable dimension: {request['ScalableDimension']}"
    )


def registered(call: Call[Any], connection: sqlite3.Connection, request: Document) -> Any:
    """The target's row. Raises ObjectNotFoundException."""
    row = connection.execute(SQL["target_find"], named(call, request)).fetchone()
    if row is None:
        raise AWSError("ObjectNotFoundException", f"No scalable target registered for {words(request)}")
    return row


def existing(connection: sqlite3.Connection, statement: str, place: Document, request: Document, what: str) -> Any:
    """The row of a policy or a scheduled action, by `place`. Raises ObjectNotFoundException."""
    row = connection.execute(SQL[statement], place).fetchone()
    if row is None:
        said = f"No {what} found for {words(request)}, {what.removeprefix('scaling ')} name: {place['name']}"
        raise AWSError("ObjectNotFoundException", said)
    return row


def made_arn(call: Call[Any], request: Document, kind: str, named: str) -> str:
    """That of a policy or a scheduled action that is new.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
    """
    rest = f"resource/{NAMESPACE}/{request['ResourceId']}:{named}/{request[named[0].upper() + named[1:]]}"
    return call.arn(f"{kind}:{uuid.uuid4()}:{rest}", service="autoscaling")


def page(
    call: Call[Any], request: Document, statement: str, key: tuple[str, ...], chosen: tuple[str, str] = ("", "")
) -> tuple[list[Any], str]:
    """Rows, and the token for those behind them; `chosen`: a member of the request, and the column whose values it
    lists where it is given. Raises InvalidNextTokenException.
    """
    member, column = chosen
    wanted = request.get(member)
    query = [call.operation.name, call.region, {**request, "NextToken": None}]
    try:
        after = pages.opened(request.get("NextToken"), query) or [""] * len(key)
    except Invalid as error:
        raise AWSError("InvalidNextTokenException", "The next token specified is invalid.") from error
    values = {**named(call, request), **{f"after_{n}": each for n, each in enumerate(after)}}
    found: list[Any] = []
    size = min(request.get("MaxResults") or PAGE, PAGE)
    for row in call.platform.store.read().execute(SQL[statement], values):
        if wanted and row[column] not in wanted:
            continue
        if len(found) == size:
            return found, pages.sealed([str(found[-1][name]) for name in key], query)
        found.append(row)
    return found, ""


def shown(row: Any) -> Document:
    """What every description begins with."""
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": row["resource"],
        "ScalableDimension": row["dimension"],
        **orjson.loads(row["document"]),
    }


def answer(member: str, found: list[Document], token: str) -> Document:
    return {member: found, **({"NextToken": token} if token else {})}
