"""What a registry is set to: an account's, in one region."""

import sqlite3

from clary.resource.call import Call
from clary.services.ecr.state import ECR, SQL


def get(call: Call[ECR], name: str) -> str:
    """The empty text where nothing was set."""
    row = call.platform.store.read().execute(SQL["setting"], {"region": call.region, "name": name}).fetchone()
    return str(row["value"]) if row else ""


def put(call: Call[ECR], name: str, value: str) -> None:
    values = {"region": call.region, "name": name, "value": value}
    call.state.write(lambda connection: connection.execute(SQL["setting_put"], values))


def drop(call: Call[ECR], name: str) -> str:
    """Returns what was set."""
    place = {"region": call.region, "name": name}

    def work(connection: sqlite3.Connection) -> str:
        row = connection.execute(SQL["setting"], place).fetchone()
        connection.execute(SQL["setting_delete"], place)
        return str(row["value"]) if row else ""

    return call.state.write(work)
