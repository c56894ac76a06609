"""Tags: at most 50 on a resource, keys that begin with aws: are AWS's own.
https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#id_tags_naming_best_practices
"""

import sqlite3
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from clary.errors import Invalid
from clary.resource import pages
from clary.resource.call import Call, Lazy
from clary.resource.service import Document
from clary.store.sql import queries

SQL = queries("clary.store")
LIMIT = 50
PAGE = 50  # ListTags' MaxResults is at least this


def read(connection: sqlite3.Connection, arn: str) -> dict[str, str]:
    return {row["key"]: row["value"] for row in connection.execute(SQL["tag_all"], {"arn": arn})}


class Keys(Lazy):
    """The condition keys of a resource's tags, under each of the prefixes, and those that are known already."""

    def __init__(self, call: Call[Any], arn: str, known: dict[str, list[str]], prefixes: tuple[str, ...]) -> None:
        self._facts = call, arn, known, prefixes

    @cached_property
    def _all(self) -> dict[str, list[str]]:
        call, arn, known, prefixes = self._facts
        had = read(call.platform.store.read(), arn)
        keys = {f"{prefix}:ResourceTag/{key}": [value] for key, value in had.items() for prefix in prefixes}
        return {**keys, **known}


def checked(tags: Iterable[Document]) -> dict[str, str]:
    """The tags of a request by key. Raises Invalid."""
    found: dict[str, str] = {}
    for tag in tags:
        key = tag["Key"]
        if key.lower().startswith("aws:"):
            raise Invalid(f"Tag keys starting with 'aws:' are reserved for system use: {key}")
        if key in found:
            raise Invalid(f"Duplicate tag keys found: {key}")
        found[key] = tag["Value"]
    return found


def put(connection: sqlite3.Connection, arn: str, tags: dict[str, str]) -> None:
    """Adds or overwrites, within the writer's transaction. Raises Invalid when there would be too many."""
    for key, value in tags.items():
        connection.execute(SQL["tag_put"], {"arn": arn, "key": key, "value": value})
    if len(read(connection, arn)) > LIMIT:
        raise Invalid(f"The number of tags of a resource may not be more than {LIMIT}: {arn}")


def drop(connection: sqlite3.Connection, arn: str, keys: Iterable[str]) -> None:
    """Within the writer's transaction."""
    for key in keys:
        connection.execute(SQL["tag_remove"], {"arn": arn, "key": key})


def _known(call: Call[Any], connection: sqlite3.Connection, request: Document) -> str:
    arn: str = request["ResourceArn"]
    region = arn.split(":")[3] if arn.count(":") >= 5 else ""
    if region and region != call.region:
        raise Invalid(f"ARN should be scoped to correct region: {call.region}")
    row = connection.execute(SQL["resource_find"], {"arn": arn}).fetchone()
    if row is None:
        raise Invalid("Resource does not exist")
    return arn


def add(call: Call[Any], request: Document) -> Document:
    tags = checked(request["Tags"])

    def work(connection: sqlite3.Connection) -> Document:
        arn = _known(call, connection, request)
        put(connection, arn, tags)
        return {"Tags": [{"Key": key, "Value": value} for key, value in read(connection, arn).items()]}

    return call.platform.store.write(work)


def remove(call: Call[Any], request: Document) -> Document:
    keys = request["TagKeys"]
    call.platform.store.write(lambda connection: drop(connection, _known(call, connection, request), keys))
    return {}


def show(call: Call[Any], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        arn = _known(call, connection, request)
        had = read(connection, arn)
    after = pages.opened(request.get("NextToken"), [arn])
    tags = [(key, value) for key, value in had.items() if not after or key > after[0]]
    size = request.get("MaxResults", PAGE)
    answer: Document = {"Tags": [{"Key": key, "Value": value} for key, value in tags[:size]]}
    if len(tags) > size:
        answer["NextToken"] = pages.sealed([tags[size - 1][0]], [arn])
    return answer
