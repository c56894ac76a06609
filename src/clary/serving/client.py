"""Whoever waits for an invocation's answer."""

from typing import TYPE_CHECKING

from clary.errors import AWSError
from clary.serving.answers import Head

if TYPE_CHECKING:
    from clary.serving.invocation import Invocation


class Client:
    """Whoever gets the answer: one of `answer` and `refuse`; or, of an invocation that streams, `begin`, any number of
    `part`, and `end`.
    """

    def answer(self, invocation: "Invocation", head: Head, body: bytes) -> None:
        """Nobody waits for it: this is what a shadow variant's answer comes to."""

    def refuse(self, invocation: "Invocation", error: AWSError) -> None: ...
    def begin(self, invocation: "Invocation", head: Head) -> None: ...
    def part(self, invocation: "Invocation", data: bytes) -> None: ...
    def end(self, invocation: "Invocation", error: AWSError | None) -> None: ...


NOBODY = Client()
