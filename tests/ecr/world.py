"""The registry as the platform has it, without its gateway, and with a clock that can be set."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from clary.config import Config
from clary.resource.bus import Bus
from clary.resource.call import Platform
from clary.services import ecr, iam, s3
from clary.services.ecr import image as images
from clary.services.ecr import layer, manifest, state
from clary.services.ecr.state import ECR, SQL
from clary.store.db import Store
from ecr.tools import OCI, Image, digest_of

SCHEMAS = ("clary.services.iam", "clary.services.s3", "clary.services.s3.settings", "clary.services.ecr")
REGION, ACCOUNT = "us-west-2", "123456789012"
PORT = 4510
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/AmazonSageMaker-ExecutionRole"


class World:
    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700)
        self.now = 1_800_000_000.0
        self.store = Store(home / "state.db", schemas=SCHEMAS)
        self.identity = iam.bootstrap(self.store, Config(home=home, account_id=ACCOUNT))
        platform = Platform(
            config=self.identity.config,
            store=self.store,
            bus=Bus(),
            clock=lambda: self.now,
            authority=self.identity.authority,
        )
        find = self.identity.credentials.find
        self.objects = s3.build(platform, find, ecr.BLOBS)
        key = partial(self.identity.credentials.secret, "ecr")
        self.service = ecr.build(platform, self.objects.state.blobs, find, key)
        self.state: ECR = self.service.state
        self.inside = ecr.Inside(
            self.state,
            platform.config,
            self.identity.authority,
            lambda arn: self.identity.session(arn, "SageMaker").caller,
            lambda: PORT,
        )

    def tick(self) -> None:
        assert self.service.tick is not None
        self.service.tick()

    def repository(self, name: str, region: str = REGION) -> sqlite3.Row:
        document = '{"imageTagMutability": "MUTABLE", "imageScanningConfiguration": {"scanOnPush": false}}'
        values = {"region": region, "name": name, "created": self.now, "document": document}
        self.store.write(lambda connection: connection.execute(SQL["repository_add"], values))
        row = state.find(self.store.read(), region, name)
        assert row is not None
        return row

    def lifecycle(self, row: sqlite3.Row, text: str) -> None:
        values = {"id": row["id"], "lifecycle": text}
        self.store.write(lambda connection: connection.execute(SQL["repository_lifecycle"], values))

    def policy(self, row: sqlite3.Row, text: str) -> None:
        values = {"id": row["id"], "policy": text}
        self.store.write(lambda connection: connection.execute(SQL["repository_policy"], values))

    def bring(self, row: sqlite3.Row, data: bytes) -> str:
        uploads = self.state.uploads
        inflow = uploads.receive(uploads.take(row["id"], uploads.begin(row["id"])))
        inflow.write([data])
        inflow.settle()
        layer.complete(self.state, row, inflow.name, digest_of(data), inflow.blob, inflow.size)
        inflow.end()
        return digest_of(data)

    def put(self, row: sqlite3.Row, document: bytes, tag: str = "", media: str = OCI) -> str:
        made = manifest.read(document, media)
        images.put(self.state, row, made, tag)
        return made.digest

    def push(self, row: sqlite3.Row, pushed: Image, tag: str = "") -> str:
        for blob in (*pushed.layers, pushed.config):
            self.bring(row, blob)
        return self.put(row, pushed.manifest, tag)


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    world = World(folder / "home")
    try:
        yield world
    finally:
        world.objects.close()
        world.store.close()
