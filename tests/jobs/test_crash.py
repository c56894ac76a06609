"""kill -9 of the host at random moments: no job is lost, none runs twice, every status is true and every line there."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import TESTS
from jobs.bed import Bed
from waiting import until

ROUNDS = 5
JOBS = 5
# Each start of the container leaves a mark outside the job's folder; a second one would be seen.
SCRIPT = """
echo start >>"$OUT/../../../marks-{name}"
i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.03; done
exit {code}
"""


class Host:
    """The engine in a process of its own."""

    def __init__(self, home: Path) -> None:
        ready = home / "ready"
        ready.unlink(missing_ok=True)
        with (home / "err").open("ab") as err:
            self.process = subprocess.Popen([sys.executable, "-m", "jobs.bed", home], stderr=err, cwd=TESTS)
        until(lambda: ready.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, (home / "err").read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def test_kill_at_random_moments(tmp_path: Path) -> None:
    home = tmp_path / "home"
    choice = random.Random(7)
    for turn in range(ROUNDS):
        with_jobs = Bed(home)  # not started: it only adds the jobs, and is closed before the host opens the store
        names = {f"job-{turn}-{number}": number % 2 * 3 for number in range(JOBS)}
        arns = {name: with_jobs.add(name, SCRIPT.format(name=name, code=code)) for name, code in names.items()}
        with_jobs.close()
        for _ in range(3):
            host = Host(home)
            time.sleep(choice.uniform(0, 0.6))
            host.kill()
        last = Bed(home)
        last.worker.start()
        last.over(*arns.values())
        for name, code in names.items():
            state, _, detail = last.last(arns[name])
            assert (state, detail["codes"]) == ("failed" if code else "completed", [code])
            assert [line for line in last.said(name) if line != "prepared"] == [
                f"line {number}" for number in range(40)
            ]
            assert (home / f"marks-{name}").read_text() == "start\n"
        last.close()


def test_a_job_that_ended_while_nobody_looked(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = Bed(home)
    arn = first.add("quiet", 'until [ -e "$OUT/../../../go" ]; do sleep 0.05; done; echo late; exit 5')
    stopped = first.add("stopped", "sleep 600")
    first.worker.start()
    until(lambda: [first.state(arn), first.state(stopped)] == ["running"] * 2)
    first.stop(stopped)
    first.close()
    (home / "go").touch()
    until(lambda: "1-1" not in first.driver.groups())
    second = Bed(home)
    second.worker.start()
    assert second.over(arn, stopped) == ["failed", "stopped"]
    assert second.last(arn)[2]["codes"] == [5]
    assert second.said("quiet") == ["prepared", "late"]
    assert second.row(arn)["attempt"] == 1
    second.close()


@pytest.mark.parametrize("state", ["preparing", "finishing"])
def test_what_may_happen_twice_happens_again(tmp_path: Path, state: str) -> None:
    home = tmp_path / "home"
    first = Bed(home)
    arn = first.add("again", "echo once", **{state: "go"})
    first.close()
    host = Host(home)
    looking = Bed(home)
    until(lambda: looking.state(arn) == state)
    host.kill()
    (home / "go").touch()
    looking.worker.start()
    assert looking.over(arn) == ["completed"]
    assert looking.said("again")[-1:] == ["once"]
    assert looking.row(arn)["attempt"] == 1
    looking.close()
