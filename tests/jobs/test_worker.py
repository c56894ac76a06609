"""The job engine from outside: rows go in, containers run, events and log lines come out."""

import errno
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.store.journal import Journal
from jobs.bed import Bed
from waiting import PATIENCE, until


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
    until(lambda: len(bed.recipe.said) == 5)  # the last is told once it is on the disk
    assert [status for _, _, status, _ in bed.recipe.said] == ["Starting", "Downloading", "", "", "Completed"]
    until(lambda: not list((bed.home / "jobs").iterdir()))


def test_what_fails_says_why(bed: Bed) -> None:
    program = bed.add("program", "echo bad; exit 3")
    prepare, finish = bed.add("prepare", prepare="fails"), bed.add("finish", finish="fails")
    broken, unknown = bed.add("broken", prepare="breaks"), bed.add("unknown", memory=object.__name__)
    assert set(bed.over(program, prepare, finish, broken, unknown)) == {"failed"}
    assert bed.last(program)[1:] == (
        "AlgorithmError: [3]",
        {"status": "Failed", "codes": [3], "why": "exited", "left": []},
    )
    assert bed.last(prepare)[1] == "ClientError: prepare"
    assert bed.last(finish)[1] == "ClientError: finish"
    for arn in (broken, unknown):
        assert bed.last(arn)[1].startswith("InternalServerError: We encountered an internal error.")
    assert bed.said("program") == ["prepared", "bad"]
    until(lambda: bed.driver.groups() == [])


def test_a_failure_of_ours_is_tried_again(bed: Bed) -> None:
    arn = bed.add("again", 'echo "$ATTEMPT"', prepare="breaks once", retries=1)
    twice = bed.add("twice", finish="breaks", retries=1)
    assert bed.over(arn, twice) == ["completed", "failed"]
    assert bed.row(arn)["attempt"] == bed.row(twice)["attempt"] == 2
    assert "Restarting" in bed.statuses(arn)
    assert bed.said("again") == ["prepared", "prepared", "2"], "the lines of both attempts"


def test_stopped_while_it_waits(bed: Bed) -> None:
    first = bed.add("first", "exec sleep 600", memory=1 << 60, instances=100)
    until(lambda: bed.state(first) == "running")
    second = bed.add("second", memory=1 << 60, instances=100)
    until(lambda: "Pending" in bed.statuses(second))
    assert "Waiting for capacity" in bed.events(second)[-1]["message"]
    bed.stop(second)
    assert bed.over(second) == ["stopped"]
    assert bed.statuses(second)[-2:] == ["Stopping", "Stopped"]
    assert bed.row(second)["attempt"] == 0
    bed.stop(first)
    assert bed.over(first) == ["stopped"]


@pytest.mark.parametrize(("state", "ends"), [("preparing", "stopped"), ("finishing", "completed")])
def test_stopped_before_and_after_it_runs(bed: Bed, state: str, ends: str) -> None:
    arn = bed.add(state, **{state: "go"})
    until(lambda: bed.state(arn) == state)
    bed.stop(arn)
    if state == "finishing":
        (bed.home / "go").touch()
    assert bed.over(arn) == [ends]


def test_stopped_while_it_runs(bed: Bed) -> None:
    script = """trap 'echo bye; echo saved >"$OUT/model"; exit 0' TERM; echo up; while :; do sleep 0.05; done"""
    arn = bed.add("polite", script)
    until(lambda: bed.said("polite") == ["prepared", "up"])
    bed.stop(arn)
    assert bed.over(arn) == ["stopped"]
    assert bed.last(arn)[2] == {"status": "Stopped", "codes": [0], "why": "stopped", "left": ["model"]}
    assert bed.said("polite")[-1] == "bye"
    assert bed.statuses(arn)[-2:] == ["Stopping", "Stopped"]


def test_out_of_time(bed: Bed) -> None:
    arn = bed.add("slow", "exec sleep 600", seconds=0.5)
    assert bed.over(arn) == ["stopped"]
    assert bed.last(arn)[2]["why"] == "timeout"
    assert bed.last(arn)[2]["codes"] == [128 + 15]


def test_when_one_instance_fails_the_others_end(bed: Bed) -> None:
    arn = bed.add("gang", '[ "$INDEX" = 1 ] && exit 7; exec sleep 600', instances=3)
    assert bed.over(arn) == ["failed"]
    assert bed.last(arn)[2]["codes"] == [143, 7, 143]


def test_lines_are_there_while_it_runs(bed: Bed) -> None:
    arn = bed.add("talk", "echo one; exec sleep 600")
    until(lambda: bed.said("talk") == ["prepared", "one"])
    assert bed.state(arn) == "running"
    bed.stop(arn)
    bed.over(arn)


def test_it_is_measured(bed: Bed) -> None:
    """Soon after its begin the first time, long before a minute is over."""
    began = time.monotonic()
    arn = bed.add("busy", "exec sleep 600", every=600.0)
    until(lambda: bed.recipe.usage)
    took = time.monotonic() - began
    bed.stop(arn)
    assert bed.over(arn) == ["stopped"]
    ((_, usage, seconds),) = bed.recipe.usage
    assert len(usage) == 1
    assert 0 < seconds < took


def test_two_hundred_jobs(bed: Bed) -> None:
    arns = [bed.add(f"small-{number}", "echo hello", share=str(number % 3)) for number in range(200)]
    bed.over(*arns)
    assert not [bed.last(arn) for arn in arns if bed.state(arn) != "completed"]
    assert all(bed.said(f"small-{number}") == ["prepared", "hello"] for number in range(200))


def test_waiting_has_an_end(bed: Bed) -> None:
    first = bed.add("first", "exec sleep 600", cpus=1000, instances=100)
    until(lambda: bed.state(first) == "running")
    second = bed.add("second", cpus=1000, instances=100, wait=0.5)
    assert bed.over(second) == ["stopped"]
    assert bed.statuses(second)[-1] == "MaxWaitTimeExceeded"
    bed.stop(first)
    bed.over(first)


def test_closing_does_not_wait_for_what_runs(tmp_path: Path) -> None:
    bed = Bed(tmp_path / "home")
    bed.worker.start()
    arn = bed.add("long", "exec sleep 600")
    until(lambda: bed.state(arn) == "running")
    began = time.monotonic()
    bed.worker.close()
    assert time.monotonic() - began < PATIENCE
    assert bed.state(arn) == "running"
    assert bed.driver.groups() == ["1-1"]
    bed.store.close()
    again = Bed(tmp_path / "home")
    again.worker.start()
    again.stop(arn)
    assert again.over(arn) == ["stopped"]
    again.close()


def test_a_full_disk_ends_no_job(tmp_path: Path) -> None:
    """The journal takes nothing for a while, just when the job ends: it is no failure, and nothing runs again."""
    bed = Bed(tmp_path / "home", journal=Full)
    bed.worker.start()
    waits = 'until [ -e "$OUT/../../../go" ]; do sleep 0.05; done'
    arn = bed.add("patient", f'echo ran >>"$OUT/../../../ran"; echo one; {waits}; echo two')
    until(lambda: bed.said("patient")[-1:] == ["one"])
    Full.full = True
    (bed.home / "go").touch()
    until(lambda: bed.driver.groups() == [])
    seen = Full.refused
    until(lambda: Full.refused > seen + 2)
    assert bed.state(arn) == "running"
    Full.full = False
    assert bed.over(arn) == ["completed"]
    assert bed.said("patient") == ["prepared", "one", "two"]
    assert (bed.home / "ran").read_text() == "ran\n"
    bed.close()


def test_a_log_that_cannot_be_kept_holds_up_no_other(tmp_path: Path) -> None:
    bed = Bed(tmp_path / "home", journal=Picky)
    bed.worker.start()
    refused = bed.add("refused", 'until [ -e "$OUT/../../../over" ]; do echo line; sleep 0.1; done')
    until(lambda: bed.state(refused) == "running")
    other = bed.add("other", "echo one; sleep 600")
    until(lambda: bed.said("other") == ["prepared", "one"])
    assert bed.state(other) == "running"
    bed.stop(other)
    assert bed.over(other) == ["stopped"]
    bed.close()
    (bed.home / "over").touch()
    until(lambda: bed.driver.groups() == [])


class Picky(Journal):
    """One stream's file is broken."""

    def append(self, group: str, stream: str, lines: list[tuple[int, str]], origin: int = 0) -> None:
        if stream.startswith("refused/"):
            raise OSError(errno.EIO, "Input/output error")
        super().append(group, stream, lines, origin)


class Full(Journal):
    """On a disk that can be full."""

    full, refused = False, 0

    def append(self, group: str, stream: str, lines: list[tuple[int, str]], origin: int = 0) -> None:
        if self.full:
            Full.refused += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        super().append(group, stream, lines, origin)


def test_what_an_attempt_held_is_given_back_though_it_is_stopped(tmp_path: Path) -> None:
    """Its worker died while it prepared, and before it was on the disk what was held."""
    bed = Bed(tmp_path / "home")
    bed.worker.start()
    arn = bed.add("cut", preparing="go")
    until(lambda: bed.state(arn) == "preparing")
    until(lambda: list((bed.home / "compute").iterdir()), absent=(FileNotFoundError,))  # made for the first place
    bed.worker.close()
    bed.stop(arn)
    bed.store.close()
    again = Bed(tmp_path / "home")
    again.worker.start()
    assert again.over(arn) == ["stopped"]
    until(lambda: not list((again.home / "compute").iterdir()))
    again.close()


def test_trouble_of_ours_is_overcome(bed: Bed) -> None:
    arn = bed.add("unlucky", "echo here", streams="break once")
    assert bed.over(arn) == ["completed"]
    assert bed.row(arn)["attempt"] == 1
    assert bed.said("unlucky") == ["prepared", "here"]


def test_what_stands_by_takes_no_places_and_is_begun_anew(tmp_path: Path) -> None:
    bed = Bed(tmp_path / "home", oversubscribe=0.1)
    bed.worker.start()
    try:
        full = bed.add("full", "sleep 600", cpus=1000.0)
        until(lambda: bed.state(full) == "running")
        standing = bed.add("standing", "echo here; sleep 600", cpus=1000.0, standing=True)
        until(lambda: bed.said("standing") == ["prepared", "here"])
    finally:
        bed.close()
    bed = Bed(tmp_path / "home")
    try:
        assert [bed.state(full), bed.state(standing)] == ["running", "pending"]
        assert len(list((bed.home / "jobs").iterdir())) == 1
        bed.worker.start()
        until(lambda: bed.said("standing") == ["prepared", "here"] * 2)
        assert [bed.row(full)["attempt"], bed.row(standing)["attempt"]] == [1, 2]
        bed.stop(full)
        bed.stop(standing)
        assert bed.over(full, standing) == ["stopped", "stopped"]
    finally:
        bed.close()
