"""Queries under way and done, in memory: they are gone once the process is."""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from clary.errors import AWSError, ClaryError

log = logging.getLogger(__name__)

AT_ONCE = 30  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
KEPT = 3600.0  # seconds after its start; AWS keeps results for seven days

Rows = list[list[dict[str, str]]]


class Cancelled(ClaryError):
    """The query was stopped."""


@dataclass(slots=True)
class Query:
    id: str
    text: str
    groups: list[str]
    region: str
    created: float  # seconds since the epoch
    status: str = "Running"
    rows: Rows = field(default_factory=list)
    counted: dict[str, float] = field(default_factory=dict)  # the answer's `statistics`
    ended: float = 0.0
    stop: bool = False

    def watched(self, lines: Iterator[Any]) -> Iterator[Any]:
        """The same, until somebody stops the query. Raises Cancelled."""
        for line in lines:
            if self.stop:
                raise Cancelled
            yield line


class Queries:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._queries: dict[str, Query] = {}
        self._threads: list[threading.Thread] = []

    def start(self, text: str, groups: list[str], region: str, work: Callable[[Query], Rows]) -> Query:
        """Raises LimitExceededException."""
        query = Query(str(uuid.uuid4()), text, groups, region, self._clock())
        with self._lock:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            if len(self._threads) >= AT_ONCE:
                raise AWSError("LimitExceededException", f"No more than {AT_ONCE} queries can run at once.")
            thread = threading.Thread(target=self._run, args=(query, work), name="insights", daemon=True)
            self._threads.append(thread)
            self._queries[query.id] = query
        thread.start()
        return query

    def find(self, name: str) -> Query:
        """Raises ResourceNotFoundException."""
        if (found := self._queries.get(name)) is None:
            raise AWSError("ResourceNotFoundException", f"Query ID {name} does not exist.")
        return found

    def all(self, region: str) -> list[Query]:
        """The latest first."""
        with self._lock:
            found = [query for query in self._queries.values() if query.region == region]
        return sorted(found, key=lambda query: query.created, reverse=True)

    def forget(self) -> None:
        """Queries that are long done."""
        before = self._clock() - KEPT
        with self._lock:
            self._queries = {
                name: query
                for name, query in self._queries.items()
                if query.status == "Running" or query.created > before
            }

    def close(self) -> None:
        for query in list(self._queries.values()):
            query.stop = True
        for thread in self._threads:
            thread.join()

    def _run(self, query: Query, work: Callable[[Query], Rows]) -> None:
        status = "Failed"
        try:
            query.rows = work(query)
            status = "Complete"
        except Cancelled:
            status = "Cancelled"
        except Exception:
            log.exception("query %s", query.text)
        query.ended = self._clock()
        query.status = status
