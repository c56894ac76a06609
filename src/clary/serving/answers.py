"""Answers as bytes. What is the same in many of them is made once."""

import os
import time
from http import HTTPStatus
from itertools import count
from typing import Any

import orjson

from clary.errors import AWSError

STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE = b"connection: close\r\n"
# What of a container's answer goes to the client:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html#API_runtime_InvokeEndpoint_ResponseSyntax
PASSED = (
    "x-amzn-sagemaker-custom-attributes",
    "x-amzn-sagemaker-new-session-id",
    "x-amzn-sagemaker-closed-session-id",
)


class Ids:
    """Request ids, in the form of UUIDs: random for this process, then counted."""

    def __init__(self) -> None:
        noise = os.urandom(10).hex()
        self._prefix = f"{noise[:8]}-{noise[8:12]}-4{noise[12:15]}-a{noise[15:18]}-"
        self._next = count(1).__next__

    def __call__(self) -> str:
        return f"{self._prefix}{self._next():012x}"


class Head:
    """The head of a container's answer, and what the client's answer begins with if that is a good one."""

    __slots__ = ("content_type", "headers", "ready", "status", "variant")

    def __init__(self, status: Any, headers: dict[str, str], variant: str) -> None:
        """Raises ValueError for what is no head of an answer."""
        if not isinstance(status, int) or not 100 <= status <= 999:
            raise ValueError(f"{status!r} is no HTTP status")
        if not all(isinstance(value, str) for value in headers.values()):
            raise ValueError("a header that is no text")
        self.status: int = status
        self.headers = headers
        self.variant = variant
        self.content_type = headers.get("content-type", "")
        lines = [STATUS[200], line("x-amzn-invoked-production-variant", variant)]
        if self.content_type:
            lines.append(line("content-type", self.content_type))
        lines += [line(name, headers[name]) for name in PASSED if name in headers]
        self.ready = b"".join(lines)


def line(name: str, value: str) -> bytes:
    """One header. Raises ValueError if it would end early."""
    if "\r" in value or "\n" in value or "\0" in value:
        raise ValueError(f"the header {name} has a line break in it")
    return f"{name}: {value}\r\n".encode("latin-1")


def good(head: Head, request_id: str, body: bytes, *, keep: bool) -> bytes:
    tail = f"x-amzn-requestid: {request_id}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    return b"".join((head.ready, tail, body)) if keep else b"".join((head.ready, CLOSE, tail, body))


def refused(error: AWSError, request_id: str, *, keep: bool) -> bytes:
    """As restJson1 has it: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization"""
    code, status = error.code("json"), error.status("json") or 400
    members: dict[str, Any] = {**error.members, "Message": error.message}
    headers = {"x-amzn-errortype": code} if code else {}
    return plain(status, orjson.dumps(members), request_id, keep=keep, headers=headers)


def plain(
    status: int, body: bytes, request_id: str, *, keep: bool = True, headers: dict[str, str] | None = None
) -> bytes:
    said = {"content-type": "application/json", "x-amzn-requestid": request_id, **(headers or {})}
    lines = b"".join(line(name, value) for name, value in said.items())
    start = STATUS.get(status, b"HTTP/1.1 %d \r\n" % status)
    return b"%b%b%bcontent-length: %d\r\n\r\n%b" % (start, lines, b"" if keep else CLOSE, len(body), body)


def stamp(at: float) -> str:
    """2026-11-21T16:00:00Z"""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
