"""The in-process event bus: what services tell each other, in EventBridge's form."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """https://docs.aws.amazon.com/eventbridge/latest/ref/events-structure.html"""

    source: str  # "aws.s3"
    detail_type: str  # "Object Created"
    detail: dict[str, Any]
    resources: tuple[str, ...] = ()
    account: str = ""
    region: str = ""
    time: float = 0.0
    id: str = ""


@dataclass(slots=True)
class Bus:
    """Subscribers are called in the publisher's thread, in order of subscription; one that raises is logged, and
    neither the publisher nor the others notice.
    """

    _subscribers: list[Callable[[Event], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def subscribe(self, subscriber: Callable[[Event], None]) -> Callable[[], None]:
        """Returns the function that ends the subscription."""
        with self._lock:
            self._subscribers.append(subscriber)

        def end() -> None:
            with self._lock:
                self._subscribers.remove(subscriber)

        return end

    def publish(self, event: Event) -> None:
        with self._lock:
            subscribers = list(self._subscribers)
        for subscriber in subscribers:
            try:
                subscriber(event)
            except Exception:
                log.exception("a subscriber failed on %s", event.detail_type)
