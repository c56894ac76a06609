"""When access keys and roles were last used: noted in memory with each request, written down once a minute."""

from typing import Any

from clary.services.iam.authority import Judge
from clary.services.iam.directory import SQL, Directory
from clary.store.db import Store

NEVER = {"ServiceName": "N/A", "Region": "N/A"}


def write_down(judge: Judge, directory: Directory) -> None:
    noted, judge.used = judge.used, {}
    if not noted:
        return
    now = judge.clock()
    rows = []
    for subject, (action, context) in noted.items():
        id_ = subject
        if subject.startswith("arn:"):
            principal = directory.principal(subject)
            if principal is None:
                continue
            id_ = principal.entity.id
        region = context.get("aws:RequestedRegion") or [""]
        rows.append((id_, now, action.partition(":")[0], region[0]))
    assert isinstance(directory.store, Store), "this process only reads"
    directory.store.write(lambda connection: connection.executemany(SQL["used_put"], rows))


def last(directory: Directory, id_: str) -> dict[str, Any] | None:
    """{"LastUsedDate", "ServiceName", "Region"}; None if never."""
    row = directory.store.read().execute(SQL["used"], (id_,)).fetchone()
    if row is None:
        return None
    return {"LastUsedDate": row["at"], "ServiceName": row["service"], "Region": row["region"]}
