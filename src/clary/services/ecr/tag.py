"""Tags of repositories. https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html"""

import sqlite3
from collections.abc import Iterable

from clary.errors import AWSError, Invalid
from clary.resource import tags
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.ecr.state import ECR, Document, arn, find, invalid, no_repository


def checked(given: Iterable[Document]) -> dict[str, str]:
    """By key. Raises InvalidTagParameterException and TooManyTagsException."""
    try:
        found = tags.checked(given)
    except Invalid as error:
        raise AWSError("InvalidTagParameterException", error.message) from error
    if len(found) > tags.LIMIT:
        raise AWSError("TooManyTagsException", f"The number of tags of a resource may not be more than {tags.LIMIT}.")
    return found


def _known(call: Call[ECR], connection: sqlite3.Connection, request: Document) -> str:
    given: str = request["resourceArn"]
    name = given.partition(":repository/")[2]
    if not name or not given.startswith("arn:aws:ecr:"):
        raise invalid("resourceArn", "must be the ARN of a repository")
    if given != arn(call, name) or find(connection, call.region, name) is None:
        raise no_repository(name, given.split(":")[4])
    return given


@operation("TagResource")
def add(call: Call[ECR], request: Document) -> Document:
    given = checked(request["tags"])

    def work(connection: sqlite3.Connection) -> None:
        try:
            tags.put(connection, _known(call, connection, request), given)
        except Invalid as error:
            raise AWSError("TooManyTagsException", error.message) from error

    call.state.write(work)
    return {}


@operation("UntagResource")
def remove(call: Call[ECR], request: Document) -> Document:
    keys = request["tagKeys"]
    call.state.write(lambda connection: tags.drop(connection, _known(call, connection, request), keys))
    return {}


@operation("ListTagsForResource")
def show(call: Call[ECR], request: Document) -> Document:
    connection = call.platform.store.read()
    had = tags.read(connection, _known(call, connection, request))
    return {"tags": [{"Key": key, "Value": value} for key, value in had.items()]}
