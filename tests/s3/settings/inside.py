"""S3 in this process, for what no client can reach: its bus and its clock."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from clary.config import Config
from clary.resource.bus import Bus, Event
from clary.resource.call import Call, Caller, Permission, Platform
from clary.resource.service import Later
from clary.services.s3.service import build
from clary.services.s3.settings import rules
from clary.store.db import Store
from clary.wire.message import Request
from clary.wire.models import service_model

ACCOUNT = "123456789012"
ROOT = Caller("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)


class Anybody:
    """An authority for tests of what is behind it."""

    def allow(self, caller: Caller, permission: Permission, context: Any) -> None:
        pass

    def pass_role(self, caller: Caller, role_arn: str, service: str, context: Any) -> None:
        raise NotImplementedError


def ended(result: Any) -> Any:
    """What the client gets, once it is durable."""
    return result.finish() if isinstance(result, Later) else result


class Inside:
    def __init__(self, home: Path) -> None:
        self.now = time.time()
        self.events: list[Event] = []
        self.store = Store(home / "state.db", schemas=["clary.services.s3", "clary.services.s3.settings"])
        bus = Bus()
        bus.subscribe(self.events.append)
        config = Config(home=home, account_id=ACCOUNT)
        self.platform = Platform(config, self.store, bus, lambda: self.now, Anybody())
        self.service = build(self.platform, lambda _key, _token: None)

    @property
    def state(self) -> Any:
        return self.service.state

    def call(self, name: str, body: bytes = b"", **request: Any) -> Any:
        """Carries out one operation as root."""
        operation = service_model("s3").operation_model(name)
        headers = {"content-length": str(len(body))}
        path = f"/{request['Bucket']}/{quote(request.get('Key', ''))}"
        asked = Request("PUT", path, headers=headers)
        call = Call(self.platform, self.state, "s3", operation, asked, ROOT, "us-west-2", "1")
        handler = self.service.operations[name]
        if handler.sink is None:
            return ended(handler.handle(call, request))
        sink = handler.sink(call, request)
        try:
            sink.write([body])
            return ended(handler.handle(call, {**request, "Body": sink}))
        except BaseException:
            sink.abort()
            raise

    def create(self, bucket: str) -> None:
        self.call("CreateBucket", Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})

    def put(self, bucket: str, key: str, body: bytes, **request: Any) -> Any:
        return self.call("PutObject", body, Bucket=bucket, Key=key, **request)

    def keys(self, bucket: str) -> list[str]:
        listed = self.call("ListObjectsV2", Bucket=bucket)
        return [each["Key"] for each in listed.get("Contents", [])]

    def pass_days(self, days: float) -> None:
        self.now += days * rules.DAY

    def close(self) -> None:
        self.service.close()
        self.store.close()
