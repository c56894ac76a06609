"""What the tests of staging share: the real store of objects, and a job in a folder of its own."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clary.config import Config
from clary.jobs.ml import Where
from clary.jobs.recipe import Job
from clary.resource.bus import Bus
from clary.resource.call import Platform
from clary.services import iam, s3
from clary.services.s3.inside import Inside
from clary.store.db import Store

SCHEMAS = ("clary.services.iam", "clary.services.s3", "clary.services.s3.settings")
REGION = "us-west-2"


class World:
    """S3 and IAM as the platform has them, without its gateway."""

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700)
        self.home = home
        self.store = Store(home / "state.db", schemas=SCHEMAS)
        self.identity = iam.bootstrap(self.store, Config(home=home, account_id="123456789012"))
        platform = Platform(
            config=self.identity.config,
            store=self.store,
            bus=Bus(),
            clock=time.time,
            authority=self.identity.authority,
        )
        self.service = s3.build(platform, self.identity.credentials.find)
        self.state = self.service.state
        self.objects = Inside(
            self.state, self.identity.authority, lambda arn: self.identity.session(arn, "SageMaker").caller
        )
        self.role = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
        self.number = 0

    def bucket(self, name: str) -> str:
        self.store.write(
            lambda connection: connection.execute(
                "INSERT INTO bucket (name, account, region, created) VALUES (?, '123456789012', ?, 0)", (name, REGION)
            )
        )
        return name

    def put(self, bucket: str, key: str, data: bytes) -> None:
        file = self.home / "upload"
        file.write_bytes(data)
        self.objects.put(self.role, bucket, key, file)

    def get(self, bucket: str, key: str) -> bytes:
        found = self.objects.find(self.role, bucket, key)
        return Path(found.path).read_bytes() if found.path else b""

    def where(self) -> Where:
        return Where(self.home, REGION, "http://127.0.0.1:4510", credentials="http://127.0.0.1:4510/c", token="t")

    def job(self, **members: Any) -> Job:
        self.number += 1
        folder = self.home / "jobs" / f"{self.number}-1"
        folder.mkdir(parents=True, mode=0o700)
        document = {
            "TrainingJobName": "train-1",
            "RoleArn": self.role,
            "AlgorithmSpecification": {"TrainingInputMode": "File"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "OutputDataConfig": {"S3OutputPath": "s3://out/models/"},
            **members,
        }
        return Job(
            self.number,
            "arn:aws:sagemaker:us-west-2:123456789012:training-job/train-1",
            1,
            json.loads(json.dumps(document)),
            time.time(),
            folder,
            ("127.0.0.1",),
            report=lambda _status, _message: None,
            check=lambda: None,
            log=lambda _instance, _line: None,
        )


def channel(name: str, uri: str, **members: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, **members.pop("source", {})}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **members}


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    world = World(folder / "home")
    try:
        yield world
    finally:
        world.service.close()
        world.store.close()
