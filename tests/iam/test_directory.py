"""What memory holds of the identities: only those that there are, and not without end."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clary.config import Config
from clary.services.iam import bootstrap
from clary.services.iam.directory import KEPT, SQL, Directory, Entity
from clary.store.db import Store


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    store = Store(tmp_path / "state.db", schemas=("clary.services.iam",))
    yield bootstrap(store, replace(Config(), home=tmp_path)).directory
    store.close()


def kept(directory: Directory) -> int:
    return len(directory._principals)


def test_who_does_not_exist_is_not_kept(directory: Directory) -> None:
    for number in range(100):
        assert directory.principal(f"arn:aws:iam::{directory.account}:role/nobody-{number}") is None
    assert kept(directory) == 0


def test_no_more_are_kept_than_the_limit(directory: Directory) -> None:
    arns = [f"arn:aws:iam::{directory.account}:user/u{number}" for number in range(KEPT + 10)]
    users = [Entity(f"AIDA{n}", "user", f"u{n}", "/", arn, None, {}, 0.0) for n, arn in enumerate(arns)]

    def work(connection: Any) -> None:
        for user in users:
            columns = {
                name: getattr(user, name) for name in ("id", "kind", "name", "path", "arn", "boundary", "created")
            }
            connection.execute(SQL["entity_add"], {**columns, "document": "{}"})

    directory.change(work)
    for arn in arns:
        found = directory.principal(arn)
        assert found is not None
        assert found is directory.principal(arn)
    assert 0 < kept(directory) <= KEPT
