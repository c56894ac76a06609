"""Whoever waits for an invocation's answer."""

from typing import TYPE_CHECKING

from clary.errors import AWSError
from clary.serving.answers import Head

if TYPE_CHECKING:
    from clary.serving.routing import Routed


class Client:
    """Whoever gets the answer: one of `answer` and `refuse`; or, of an invocation that streams, `begin`, any number of
    `part`, and `end`.
    """

    def answer(self, invocation: "Routed", head: Head, body: bytes) -> None:
        """Nobody waits for it: this is what a shadow variant's answer comes to."""

    def refuse(self, invocation: "Routed", error: AWSError) -> None: ...
    def begin(self, invocation: "Routed", head: Head) -> None: ...
    def part(self, invocation: "Routed", data: bytes) -> None: ...
    def end(self, invocation: "Routed", error: AWSError | None) -> None: ...


NOBODY = Client()
