"""Clary within the process of a test."""

from pathlib import Path
from typing import Any

from clary.app import App
from clary.config import Config
from clary.resource.bus import Event
from clary.resource.call import Call, Caller
from clary.services.s3.inside import Inside
from clary.wire.message import Request
from clary.wire.models import service_model
from conftest import IMAGES
from sagemaker_inputs import ROLE


class Here:
    """Clary within this process, whose bus can be listened to, and no socket that answers."""

    def __init__(self, home: Path) -> None:
        self.app = App(Config.load(home=str(home), port=0, access_log=False, images_home=str(IMAGES)))
        self.platform = self.app.gateway.platform
        self.events: list[Event] = []
        self.platform.bus.subscribe(self.events.append)
        self.app.worker.start()

    def call(self, name: str, of: str = "sagemaker", **request: Any) -> dict[str, Any]:
        """As root."""
        service = self.app.gateway.services[of]
        account = self.platform.config.account_id
        caller = Caller("root", account, f"arn:aws:iam::{account}:root", account, f"arn:aws:iam::{account}:root")
        operation = service_model(of).operation_model(name)
        call = Call(self.platform, service.state, of, operation, Request("POST", "/"), caller, "us-west-2", "1")
        answer: dict[str, Any] = service.operations[name].handle(call, request)  # type: ignore[assignment]  # no raw one
        return answer

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """An object, in a bucket that is made for it."""
        state = self.app.gateway.services["s3"].state
        account, identity = self.platform.config.account_id, self.app.identity
        values = (bucket, account, "us-west-2")
        made = "INSERT OR IGNORE INTO bucket (name, account, region, created) VALUES (?, ?, ?, 0)"
        self.app.store.write(lambda connection: connection.execute(made, values))
        inside = Inside(state, identity.authority, lambda arn: identity.session(arn, "SageMaker").caller)
        file = self.platform.config.home / "upload"
        file.write_bytes(body)
        inside.put(ROLE.format(account=account), bucket, key, file)

    def close(self) -> None:
        self.app.worker.close()
        self.app.gateway.close()
        self.app.store.close()
        self.app.dataplane.close()
        self.app.listener.close()
