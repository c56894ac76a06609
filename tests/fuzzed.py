"""A platform to maltreat, and root's signatures over requests that no client would make."""

import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conftest import Platform
from waiting import PATIENCE

REGION = "us-west-2"
NOTHING: Mapping[str, str] = MappingProxyType({})


class Fuzzed:
    """A platform that this module may maltreat, and its root's signatures over requests that no client would make."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.bucket = f"fuzz-{uuid4().hex[:12]}"
        self.s3 = platform.client("s3")
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def signed(
        self,
        service: str,
        method: str,
        target: str,
        *,
        body: bytes = b"",
        keys: tuple[str, ...] = (),
        claim: str = "",
        headers: Mapping[str, str] = NOTHING,
    ) -> dict[str, str]:
        """The headers of a rightly signed request. `target` is sent as it is."""
        host = f"127.0.0.1:{self.platform.port}"
        request = AWSRequest(method, f"http://{host}{target}", data=body, headers=dict(headers))
        signer: Any = Claiming if service == "s3" else auth.SigV4Auth
        request.context["claim"] = claim
        signer(Credentials(*(keys or self.platform.root)), service, REGION).add_auth(request)
        return {"host": host, **dict(request.headers.items())}

    def ask(
        self,
        service: str,
        method: str,
        target: str,
        *,
        body: bytes = b"",
        keys: tuple[str, ...] = (),
        claim: str = "",
        headers: Mapping[str, str] = NOTHING,
    ) -> tuple[int, bytes]:
        signed = self.signed(service, method, target, body=body, keys=keys, claim=claim, headers=headers)
        return self.send(raw(method, target, signed, body))

    def send(self, data: bytes, *, end: bool = False) -> tuple[int, bytes]:
        """Status and body of what is answered to these bytes; status 0 if the connection is just closed."""
        with socket.create_connection(("127.0.0.1", self.platform.port), timeout=PATIENCE) as client:
            with suppress(OSError):  # it may have answered, and closed, before it has heard all
                client.sendall(data)
                if end:
                    client.shutdown(socket.SHUT_WR)
            answer = b""
            with suppress(ConnectionResetError, TimeoutError):
                while piece := client.recv(1 << 16):
                    answer += piece
        if not answer:
            return 0, b""
        head, _, rest = answer.partition(b"\r\n\r\n")
        match = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        assert match, answer[:100]
        status = int(match[1])
        assert status < 500 or status == 501, answer[:2000]
        return status, rest


class Claiming(auth.S3SigV4Auth):
    """Says of the payload what it is told to."""

    def payload(self, request: AWSRequest) -> str:
        claimed: str = request.context["claim"] or super().payload(request)  # type: ignore[no-untyped-call]  # botocore
        return claimed


def raw(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    names = {name.lower() for name in headers}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if not names & {"content-length", "transfer-encoding"}:
        lines.append(f"content-length: {len(body)}")
    if "connection" not in names:
        lines.append("connection: close")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
