"""ECR's operations, the distribution API beside them, and what is tidied up now and then."""

import sqlite3
from collections.abc import Callable

from clary.resource.call import Platform
from clary.resource.service import Service, collect
from clary.services.ecr import image, layer, lifecycle, policy, referrer, registry, repository, tag, token
from clary.services.ecr.distribution.door import Door
from clary.services.ecr.passwords import Find, Passwords, Tickets
from clary.services.ecr.permissions import permissions
from clary.services.ecr.state import ECR, SQL
from clary.services.ecr.uploads import KEPT, Uploads
from clary.services.s3.blobs import Blobs

MODULES = (repository, image, layer, policy, lifecycle, registry, referrer, tag, token)
BLOBS = SQL["blobs"]  # names all blobs that are ours
# No image is scanned, and the disk is not encrypted by us: both are kept, and told again.
UNUSED = {
    "CreateRepository": {"imageScanningConfiguration", "encryptionConfiguration"},
    "PutImageScanningConfiguration": {"imageScanningConfiguration"},
    "PutRegistryScanningConfiguration": {"scanType", "rules"},
}


def _loose(connection: sqlite3.Connection, before: dict[str, float]) -> list[int]:
    """Layers that nobody made an image of in time; for those that are of one, the claim is over."""
    rows = connection.execute(SQL["layers_loose"], before).fetchall()
    connection.execute(SQL["layers_settled"], before)
    return [row["blob"] for row in rows]


def build(platform: Platform, blobs: Blobs, find: Find, key: Callable[[str], str]) -> Service:
    """`blobs` is the object store's folder, `find` gives credentials by access key id and token, `key` is the home's
    signature of a text.
    """
    state = ECR(
        platform.store,
        blobs,
        Uploads(platform.store, blobs, platform.clock),
        Passwords(find, platform.clock),
        Tickets(key, platform.clock),
        platform.clock,
        platform.config.account_id,
    )

    def tick() -> None:
        lifecycle.run(state)
        state.uploads.expire()
        before = {"before": state.clock() - KEPT}
        if platform.store.read().execute(SQL["layers_claimed"], before).fetchone()[0]:
            state.drop(lambda connection: _loose(connection, before))

    return Service("ecr", collect(MODULES), state, permissions, raw=Door(platform, state).raw, tick=tick, unused=UNUSED)
