"""Containers that wait for a job, so that it need not wait for what each job of its kind begins with.

Each is a group of its own (compute/parked.py) until a job takes it: then it is that job's, for its limits, its log, its
stop and its end, and nobody else's again. In its place comes another, once that job is over or has run for a while:
what makes jobs quick must not make them slow. What waits counts as nothing in the budget.
"""

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from clary.compute.driver import Driver, Handle, Size, Spec
from clary.compute.parked import HANDLE, Parked, folder
from clary.config import Config
from clary.jobs.clearing import remove
from clary.jobs.recipe import Document, Parking, Recipe

log = logging.getLogger(__name__)

PATIENCE: Final = 300.0  # seconds that one has to become ready
WHILE: Final = 30.0  # seconds that a job has the machine before another is parked
AGAIN: Final = 60.0  # seconds after one that could not be parked
LOOK: Final = 0.2  # seconds between two looks
REST: Final = 2.0  # and where no job has just taken one


def pool_of(
    driver: Driver,
    recipes: Iterable[Recipe],
    limits: Callable[[Size], Size],
    config: Config,
    closing: threading.Event,
) -> "Pool | None":
    """None where there is nothing to park, or nobody who could."""
    recipe = next((each for each in recipes if isinstance(each, Parking)), None)
    if recipe is None or not isinstance(driver, Parked):
        return None
    return Pool(driver, recipe, limits, config.home / "parked", config.spark_drivers, closing)


class Pool:
    def __init__(
        self,
        driver: Parked,
        recipe: Parking,
        limits: Callable[[Size], Size],
        place: Path,
        count: int,
        closing: threading.Event,
    ) -> None:
        self._driver, self._recipe, self._limits = driver, recipe, limits
        self._folder, self._count, self._closing = place, count, closing
        self._waiting: list[Handle] = []  # which are ready
        self._sizes: dict[str, Size] = {}
        self._taken: dict[str, float] = {}  # when each was
        self._lock = threading.Lock()
        self._kept = threading.Event()  # nothing is being parked
        self._kept.set()

    def take(self, recipe: Recipe, document: Document, size: Size) -> Handle | None:
        """One that is ready, for the caller alone."""
        if recipe is not self._recipe or not self._recipe.takes(document):
            return None
        with self._lock:
            for handle in self._waiting:
                if self._sizes[handle["id"]] == size and self._driver.waits(handle):
                    self._waiting.remove(handle)
                    del self._sizes[handle["id"]]
                    self._taken[handle["id"]] = time.monotonic()
                    return handle
        return None

    def keep(self, others: list[Handle]) -> None:
        """Until this worker closes. `others` are those that jobs have taken before it began."""
        self._kept.clear()
        try:
            self._sweep({handle["id"] for handle in others})
            while self._count and not self._closing.is_set():
                try:
                    self._round()
                except Exception:
                    if self._closing.is_set():
                        return
                    log.exception("no container can be parked; once more in %d seconds", AGAIN)
                    self._closing.wait(AGAIN)
                self._closing.wait(LOOK if self._taken else REST)
        finally:
            self._kept.set()

    def close(self) -> None:
        """Ends those that nobody took."""
        self._kept.wait(10)
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for handle in waiting:
            self._end(handle)

    def _round(self) -> None:
        with self._lock:
            gone = [handle for handle in self._waiting if not self._driver.waits(handle)]
            self._waiting = [handle for handle in self._waiting if handle not in gone]
            few = len(self._waiting) < self._count
        for handle in gone:
            log.warning("the parked container %s has ended", handle["id"])
            self._end(handle)
        if few and not self._busy():
            self._park()

    def _busy(self) -> bool:
        """Whether a job that has just taken one is at work."""
        running = set(self._driver.groups()) if self._taken else set()
        now = time.monotonic()
        self._taken = {name: at for name, at in list(self._taken.items()) if name in running and now - at < WHILE}
        return bool(self._taken)

    def _park(self) -> None:
        place = self._folder / f"parked-{secrets.token_hex(6)}"
        file = place / "algo-1" / "log"
        file.parent.mkdir(mode=0o700, parents=True)
        try:
            size, launch = self._recipe.parked(place)
            size = self._limits(size)
            handle = self._driver.park(Spec(place.name, str(place), size), replace(launch, log=str(file)))
            deadline = time.monotonic() + PATIENCE
            while not self._driver.ready(handle):
                if not self._driver.waits(handle) or time.monotonic() > deadline:
                    said = file.read_text(errors="replace")[-2000:] if file.exists() else ""
                    log.warning("the parked container %s does not come to wait: %s", place.name, said)
                    break
                if self._closing.wait(LOOK):
                    break
            else:
                with self._lock:
                    self._sizes[place.name] = size
                    self._waiting.append(handle)
                log.info("the container %s waits for a job", place.name)
                return
        except BaseException:
            self._clear(place)
            raise
        self._end(handle)
        self._closing.wait(AGAIN)

    def _end(self, handle: Handle) -> None:
        self._driver.release(handle)
        self._sizes.pop(handle["id"], None)
        if (place := folder(handle)) is not None:
            remove(place)

    def _sweep(self, kept: set[str]) -> None:
        """What another worker parked, and no job has."""
        if self._folder.exists():
            for place in self._folder.iterdir():
                if place.name not in kept:
                    self._clear(place)

    def _clear(self, place: Path) -> None:
        try:
            handle = json.loads((place / HANDLE).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            handle = self._driver.reserve(Spec(place.name, str(place)))  # what it may have of that
        self._driver.release(handle)
        remove(place)
