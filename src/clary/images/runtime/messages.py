"""A request to a model and its answer, as every image's serving.py sees them."""

from __future__ import annotations

from typing import Any


class Request:
    """`headers` has names in lower case; content type and accept are as they came, "" where nothing was said."""

    __slots__ = ("accept", "body", "content_type", "headers")

    def __init__(
        self, body: bytes, content_type: str = "", accept: str = "", headers: dict[str, str] | None = None
    ) -> None:
        self.body = body
        self.content_type = content_type
        self.accept = accept
        self.headers = headers or {}


class Answer:
    """`body` is bytes, or an iterator of bytes for an answer in parts. `steps`: of a pipeline, how many seconds each
    model took that has answered well.
    """

    __slots__ = ("body", "content_type", "headers", "status", "steps")

    def __init__(
        self, body: Any, content_type: str = "", status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        self.body = body
        self.content_type = content_type
        self.status = status
        self.headers = headers or {}
        self.steps: list[float] = []


class Refused(Exception):
    """What a handler raises where the request is at fault: Refused(415, "Content type image/png is not supported")."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
