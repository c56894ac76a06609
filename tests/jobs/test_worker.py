"""The job engine from outside: rows go in, containers run, events and log lines come out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.bed import Bed, until


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    made = Bed(tmp_path / "home")
    made.worker.start()
    yield made
    made.close()


def test_a_job_runs_to_its_end(bed: Bed) -> None:
    arn = bed.add("a", 'echo one; echo two >&2; echo x >"$OUT/file"; printf three')
    assert bed.over(arn) == ["completed"]
    assert [event["state"] for event in bed.events(arn)] == [
        "preparing",
        "preparing",
        "running",
        "finishing",
        "completed",
    ]
    assert bed.statuses(arn) == ["Starting", "Downloading", "Completed"]
    assert bed.last(arn)[2] == {"status": "Completed", "codes": [0], "why": "exited", "left": ["file"]}
    assert bed.said("a") == ["prepared", "one", "two", "three"]
    assert [line for _, _, line in bed.recipe.heard] == ["prepared", "one", "two", "three"]
    assert [status for _, _, status, _ in bed.recipe.said] == ["Starting", "Downloading", "", "", "Completed"]
    until(lambda: not list((bed.home / "jobs").iterdir()))
