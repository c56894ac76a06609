"""A change of one bucket's settings, durable on return."""

import sqlite3

from clary.services.s3.settings import book
from clary.services.s3.settings.book import SQL, Document
from clary.services.s3.state import S3, no_such_bucket


def put(state: S3, bucket: str, family: str, document: Document | None, name: str = "") -> None:
    """None takes a configuration away that new buckets have by default. Raises NoSuchBucket where the bucket went
    meanwhile.
    """

    def work(connection: sqlite3.Connection) -> None:
        if connection.execute(SQL["bucket"], (bucket,)).fetchone() is None:
            raise no_such_bucket(bucket)
        book.put(connection, bucket, family, document, now=state.clock(), name=name)

    state.write(work)
    state.settings.forget(bucket)


def delete(state: S3, bucket: str, family: str, name: str = "") -> None:
    key = {"bucket": bucket, "family": family, "id": name}
    state.write(lambda connection: connection.execute(SQL["delete_one"], key))
    state.settings.forget(bucket)
