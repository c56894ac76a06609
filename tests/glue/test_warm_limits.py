"""A driver that waited is held to what its run may take: time, memory and disk. On a machine with little memory."""

import os
from collections.abc import Iterator

import pytest

from clary.compute import cgroup
from glue.warm_drivers import G1X, SLOW, Warm, opened, until_it_says

MEMORY = 3 << 30  # bytes
MUCH = """
import os
from pyspark.context import SparkContext

java = SparkContext.getOrCreate()._jvm.java.lang.Runtime.getRuntime()
print(os.path.exists("/opt/clary-word/go"), java.maxMemory(), flush=True)
held = [b"x" * (64 << 20) for _ in range(64)]
"""
# Each of a file's names counts as a file. A worker of G.1X has 94 GB.
FULL = """
import os, time
print(os.path.exists("/opt/clary-word/go"), flush=True)
with open("/tmp/full", "wb") as file:
    os.posix_fallocate(file.fileno(), 0, 256 << 20)
for number in range(400):
    os.link("/tmp/full", "/tmp/full-%d" % number)
time.sleep(600)
"""


@pytest.fixture
def warm() -> Iterator[Warm]:
    """It takes the machine for one of so little MEMORY, to which it is not held itself."""
    found = cgroup.available()
    if not isinstance(found, cgroup.Version1):
        pytest.skip("no control groups of version 1 can be made here")
    above, group = (found.parents["memory"] / name for name in ("", f"clary-test-{os.getpid()}"))
    group.mkdir()
    limit, here = group / "memory.limit_in_bytes", str(os.getpid())
    try:
        limit.write_text(str(MEMORY))
        (group / "cgroup.procs").write_text(here)
        with opened() as made:
            (above / "cgroup.procs").write_text(here)
            limit.write_text("-1")
            yield made
    finally:
        (above / "cgroup.procs").write_text(here)
        cgroup.remove([str(group)])


def test_what_a_run_may_take(warm: Warm) -> None:
    jobs = warm.jobs
    slow = jobs.create(SLOW, **G1X)
    warm.ready()
    timed = jobs.start(slow, Timeout=1)
    until_it_says(jobs, slow, timed, "True")
    run = jobs.until(slow, timed)  # before the others, which end so soon that no more drivers are begun
    assert (run["JobRunState"], run["ExecutionTime"] >= 60) == ("TIMEOUT", True)

    much = jobs.create(MUCH, **G1X)
    warm.ready()
    run = jobs.until(much, jobs.start(much))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "Command Failed due to Out of Memory")
    waited, heap = jobs.said(run).splitlines()[0].split()  # a JVM without memory may say so, too
    assert waited == "True"
    assert int(heap) < MEMORY

    full = jobs.create(FULL, **G1X)
    warm.ready()
    run = jobs.until(full, jobs.start(full))
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("No space left on device: the run wrote more than the 94 GB"), run
    assert jobs.said(run) == "True"
