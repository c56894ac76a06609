"""A platform with a driver of Spark that waits for a run."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conftest import Platform
from glue_jobs import GlueJobs
from waiting import until

G1X: dict[str, Any] = {"command": "glueetl", "GlueVersion": "4.0", "WorkerType": "G.1X", "NumberOfWorkers": 2}
WAITED = "import os\nprint(os.path.exists('/opt/clary-word/go'), flush=True)\n"
SLOW = WAITED + "import time\ntime.sleep(600)\n"


class Warm:
    """A platform with a driver that waits."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.jobs = platform, GlueJobs(platform)
        self.place = platform.home / "parked"

    def folders(self) -> set[str]:
        return {each.name for each in self.place.iterdir()} if self.place.exists() else set()

    def ready(self) -> str:
        """The one that waits, and that the pool knows of."""

        def waiting() -> list[str]:
            log = (self.platform.home / "logs" / "clary.log").read_text()
            known = [name for name in self.folders() if f"the container {name} waits for a job" in log]
            return [name for name in known if not (self.place / name / "word" / "go").exists()]

        return until(waiting, self.folders)[0]

    def gone(self, name: str) -> None:
        until(lambda: name not in self.folders() | self.groups(), lambda: (self.folders(), self.groups()))

    def groups(self) -> set[str]:
        """Those with a place on this home."""
        found = [each.readlink().name.rpartition(":")[0] for each in (self.platform.home / "compute").iterdir()]
        return set(found)


@contextmanager
def opened() -> Iterator[Warm]:
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    platform = Platform(folder / "home", CLARY_SPARK_DRIVERS="1").start()
    yield Warm(platform)
    if platform.process is not None:
        platform.stop()
    shutil.rmtree(folder)


def until_it_says(jobs: GlueJobs, name: str, run: str, word: str) -> None:
    until(lambda: word in jobs.said(jobs.get(name, run)), lambda: jobs.get(name, run))
