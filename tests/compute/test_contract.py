"""What every driver promises (compute/driver.py), by every driver; test_user.py runs it as an ordinary user too."""

import importlib
import inspect
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clary.compute import drivers
from clary.compute.driver import Handle, Launch, Mount, Size, Spec
from clary.config import Config
from clary.errors import ClaryError
from groups import NAMES, SECRET, Home, MiB, processes, running
from waiting import PATIENCE, until

LONG = 500.0  # seconds: who does not hear of it waits that long


@pytest.fixture(params=NAMES)
def home(request: pytest.FixtureRequest) -> Iterator[Home]:
    yield from running(request.param)


def test_every_driver_is_here() -> None:
    found = set()
    for path in Path(drivers.__file__).parent.glob("[!_]*.py"):
        module = importlib.import_module(f"clary.compute.{path.stem}")
        for kind in vars(module).values():
            if inspect.isclass(kind) and hasattr(kind, "reserve"):
                found.add(vars(kind).get("name"))
    assert found - {None} == set(NAMES), "what has no name is no driver, but what drivers have in common"


def test_starts_and_tells_the_exit_code(home: Home) -> None:
    before = time.time()
    handle = home.start("echo said; echo complained >&2; exit 3", "exit 0", "kill -9 $$")
    instances = home.ended(handle)
    assert [(each.state, each.code) for each in instances] == [("exited", 3), ("exited", 0), ("exited", 137)]
    assert home.log(handle) == "said\ncomplained\n"
    for each in instances:
        assert each.started is not None
        assert each.ended is not None
        assert before - 1 < each.started <= each.ended < time.time() + 1


def test_logs_are_appended_to(home: Home) -> None:
    handle = home.reserve()
    Path(home.log_path(handle, 1)).write_text("before\n")
    home.driver.start(handle, home.launches(handle, "echo after; echo again > /dev/stdout"))
    home.ended(handle)
    assert home.log(handle) == "before\nafter\nagain\n"


def test_a_program_that_is_not_there(home: Home) -> None:
    handle = home.reserve()
    launch = Launch("algo-1", ("/no/such/program",), home.log_path(handle, 1))
    if home.name == "null":
        with pytest.raises(ClaryError, match="No such file"):
            home.driver.start(handle, [launch])
    else:
        home.driver.start(handle, [launch])
        assert home.ended(handle)[0].code == 127
        assert "No such file" in home.log(handle)


def test_reserving_and_starting_twice_is_once(home: Home) -> None:
    handle = home.reserve(instances=2)
    spec = Spec(handle["id"], handle["folder"], Size(instances=2, memory=256 * MiB))
    assert home.driver.reserve(spec) == handle
    assert [each.state for each in home.driver.describe(handle)] == ["reserved", "reserved"]
    launches = home.launches(handle, "echo once; exec sleep 600", "exec sleep 600")
    home.driver.start(handle, launches)
    home.driver.start(handle, launches)
    assert [each.state for each in home.driver.describe(handle)] == ["running", "running"]
    until(lambda: home.log(handle))
    home.driver.stop(handle, 0)
    home.ended(handle)
    home.driver.start(handle, launches)
    assert [each.state for each in home.driver.describe(handle)] == ["exited", "exited"]
    assert home.log(handle) == "once\n"


def test_addresses_are_each_ones_own(home: Home) -> None:
    handles = [home.reserve(instances=3) for _ in range(5)]
    addresses = [address for handle in handles for address in handle["addresses"]]
    assert len(set(addresses)) == 15
    assert all(address.startswith("127.") and address != "127.0.0.1" for address in addresses)


def test_outlives_its_starter(home: Home) -> None:
    """Started by a process that is killed, found and told right by this one."""
    handle, go = home.reserve(), home.folder / "go"
    go.mkdir()
    program = f"until [ -e {go}/on ]; do sleep 0.05; done; echo on; exit 7"
    script = (
        "import os, pathlib, signal\n"
        "from clary.compute.driver import Launch, Mount\nfrom clary.compute.drivers import open_driver\n"
        "from clary.config import Config\n"
        f"driver = open_driver(Config.load(home={str(home.folder)!r}, driver={home.name!r}))\n"
        f"mounts = (Mount({str(go)!r}, {str(go)!r}),)\n"
        f"launch = Launch('algo-1', ('/bin/sh', '-c', {program!r}), {home.log_path(handle, 1)!r}, mounts=mounts)\n"
        f"driver.start({handle!r}, [launch])\n"
        "os.kill(0, signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], start_new_session=True, check=False)
    assert done.returncode == -signal.SIGKILL
    again = drivers.open_driver(Config.load(home=home.folder, driver=home.name))
    assert [each.state for each in again.describe(handle)] == ["running"]
    assert again.groups() == [handle["id"]]
    (go / "on").touch()
    began = time.monotonic()
    again.wait(handle, LONG)
    assert time.monotonic() - began < PATIENCE
    (instance,) = again.describe(handle)
    assert (instance.state, instance.code) == ("exited", 7)
    assert home.log(handle) == "on\n"


def test_wait_returns_at_once(home: Home) -> None:
    handle = home.start("sleep 0.3", "sleep 0.3")
    began = time.monotonic()
    home.driver.wait(handle, LONG)
    assert time.monotonic() - began < PATIENCE
    assert [each.state for each in home.driver.describe(handle)] == ["exited", "exited"]
    home.driver.wait(handle, LONG)
    assert time.monotonic() - began < PATIENCE


def test_wait_returns_when_one_fails(home: Home) -> None:
    handle = home.start("exec sleep 600", "sleep 0.3; exit 2", "exit 0")
    began = time.monotonic()
    home.driver.wait(handle, LONG)
    assert time.monotonic() - began < PATIENCE
    until(lambda: [each.code for each in home.driver.describe(handle)] == [None, 2, 0])  # the third, sooner or later
    home.driver.wait(handle, LONG)
    assert time.monotonic() - began < PATIENCE


def test_when_those_that_lead_are_done_the_others_are_dismissed(home: Home) -> None:
    serving = "trap 'echo told; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    handle, go = home.reserve(instances=4), home.folder / "go"
    go.mkdir()
    leading = [f"until [ -e {go}/{name} ]; do sleep 0.05; done; echo {name}" for name in ("first", "second")]
    launches = home.launches(handle, serving, *leading, "exec sleep 600")
    mounts = (Mount(str(go), str(go)),)
    home.driver.start(
        handle, [replace(one, leads=number in {1, 2}, mounts=mounts) for number, one in enumerate(launches)]
    )
    until(lambda: home.log(handle) == "ready\n")
    (go / "first").touch()
    until(lambda: home.driver.describe(handle)[1].state == "exited")
    assert [each.state for each in home.driver.describe(handle)] == ["running", "exited", "running", "running"]
    began = time.monotonic()
    (go / "second").touch()
    home.driver.wait(handle, LONG)
    assert time.monotonic() - began < PATIENCE
    instances = home.ended(handle)
    assert [(each.code, each.dismissed) for each in instances] == [(9, True), (0, False), (0, False), (143, True)]
    assert home.log(handle) == "ready\ntold\n"


def test_one_that_fails_while_those_that_lead_run_has_failed(home: Home) -> None:
    handle = home.reserve(instances=2)
    launches = home.launches(handle, "sleep 0.3; exit 2", "exec sleep 600")
    home.driver.start(handle, [replace(launches[0], leads=False), launches[1]])
    began = time.monotonic()
    home.driver.wait(handle, LONG)
    assert time.monotonic() - began < PATIENCE
    assert [(each.code, each.dismissed) for each in home.driver.describe(handle)] == [(2, False), (None, False)]


def test_wait_has_a_time_limit(home: Home) -> None:
    handle = home.start("exec sleep 600")
    began = time.monotonic()
    home.driver.wait(handle, 0.2)
    assert 0.15 < time.monotonic() - began < PATIENCE
    assert home.driver.describe(handle)[0].state == "running"


def test_stop_asks_the_program(home: Home) -> None:
    handle = home.start("trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.05; done")
    until(lambda: "ready" in home.log(handle))
    home.driver.stop(handle, PATIENCE)
    assert home.ended(handle)[0].code == 5
    assert home.log(handle) == "ready\nasked\n"


def test_stop_kills_what_does_not_listen(home: Home) -> None:
    """And all that it started, in sessions of their own too."""
    marker = f"671.{os.getpid()}"
    script = (
        f"trap '' TERM; setsid sleep {marker} & sh -c 'setsid sleep {marker} &' ; echo ready; while :; do sleep 1; done"
    )
    handle = home.start(script)
    until(lambda: "ready" in home.log(handle) and len(processes(marker)) == 2)
    home.driver.stop(handle, LONG)
    time.sleep(0.2)
    assert home.driver.describe(handle)[0].state == "running"
    began = time.monotonic()
    home.driver.stop(handle, 0.5)
    assert home.ended(handle)[0].code == 137
    assert 0.4 < time.monotonic() - began < PATIENCE
    until(lambda: not processes(marker))


def test_what_it_leaves_behind_ends_with_it(home: Home) -> None:
    marker = f"672.{os.getpid()}"
    instance = home.ended(home.start(f"setsid sleep {marker} & sleep 0.2; exit 4"))[0]
    assert instance.code == 4
    assert not processes(marker)


def test_release_kills(home: Home) -> None:
    marker = f"673.{os.getpid()}"
    handle = home.start(f"trap '' TERM; sleep {marker}; sleep {marker}")
    until(lambda: processes(marker))
    home.driver.release(handle)
    assert not processes(marker)
    assert home.driver.groups() == []


def test_stopping_what_is_over_is_nothing(home: Home) -> None:
    handle = home.start("exit 0")
    home.ended(handle)
    home.driver.stop(handle, 0)
    home.driver.stop(handle, 0)
    assert home.ended(handle)[0].code == 0


@pytest.mark.parametrize("cut", [1, 2, 4, 6])
def test_a_release_that_is_cut_off_is_done_by_the_next(home: Home, cut: int) -> None:
    """By somebody who is killed at the first thing that it would remove, the second, ..."""
    handle = home.start("exit 0", "exit 0")
    home.ended(handle)
    key = (Path(handle["folder"]) / "supervisor").stat().st_ino
    steps = 3 if home.limited() else 1  # so many times more there is to remove
    done = killed(home, f"driver.release({handle!r})", ("os.remove", "os.rmdir", "shutil.rmtree"), cut * steps)
    assert done == -signal.SIGKILL
    home.driver.release(handle)
    assert left(home, handle, key) == []


def test_a_start_that_is_cut_off_leaves_nothing_after_release(home: Home) -> None:
    handle = home.reserve()
    launch = f"Launch('algo-1', ('/bin/sleep', '600'), {home.log_path(handle, 1)!r})"
    assert killed(home, f"driver.start({handle!r}, [{launch}])", ("subprocess.Popen",), 1) == -signal.SIGKILL
    key = (Path(handle["folder"]) / "supervisor").stat().st_ino
    assert [each.state for each in home.driver.describe(handle)] == ["reserved"]
    assert any("clary-" in name for name in left(home, handle, key)) == home.limited()
    home.driver.release(handle)
    assert left(home, handle, key) == []


def killed(home: Home, what: str, events: tuple[str, ...], cut: int) -> int:
    """The exit code of a process that does this with the driver, killed at the `cut`-th of its audit events:
    https://docs.python.org/3/library/audit_events.html
    """
    script = (
        "import itertools, os, signal, sys\n"
        "from clary.compute.driver import Launch\nfrom clary.compute.drivers import open_driver\n"
        "from clary.config import Config\n"
        f"driver = open_driver(Config.load(home={str(home.folder)!r}, driver={home.name!r}))\n"
        "counter = itertools.count(1)\n"
        "def hook(event, _):\n"
        f"    if event in {events!r} and next(counter) == {cut}: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"sys.addaudithook(hook)\n{what}\n"
    )
    return subprocess.run([sys.executable, "-c", script], check=False).returncode


def left(home: Home, handle: Handle, key: int) -> list[str]:
    """What there still is of a group, beside its folder."""
    groups = [name for _, folders, _ in os.walk("/sys/fs/cgroup") for name in folders]
    places = [path.name for path in (home.folder / "compute").iterdir()]
    mine = [name for name in groups if name.startswith(f"clary-{handle['id']}-") and name.endswith(f"-{key}")]
    return mine + places


def test_what_it_says_counts_as_disk(home: Home) -> None:
    """Else one that says something without end would fill the disk."""
    handle = home.start("exec yes", "exec sleep 600", disk=20 * MiB)
    until(lambda: home.driver.describe(handle)[0].state == "exited")
    talking, silent = home.driver.describe(handle)
    assert talking.out_of_disk
    assert talking.code == 137
    assert silent.state == "running"
    assert 20 * MiB <= Path(home.log_path(handle, 1)).stat().st_size < 200 * MiB


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_a_full_disk_takes_no_line_and_ends_nobody(home: Home) -> None:
    small = home.folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "small", small], check=False)
    if mounted.returncode:
        pytest.skip("this root may not mount")
    try:
        handle = home.reserve()
        script = "trap 'seq 100001 200000; exit 6' TERM; seq 100000; while :; do sleep 0.05; done"
        home.driver.start(handle, [Launch("algo-1", ("/bin/sh", "-c", script), str(small / "log"))])
        until(lambda: (small / "log").exists() and (small / "log").stat().st_size == 64 << 10)
        home.driver.stop(handle, PATIENCE)
        time.sleep(1)
        assert home.driver.describe(handle)[0].state == "running"
        subprocess.run(["mount", "-o", "remount,size=8m", small], check=True)
        assert home.ended(handle)[0].code == 6
        assert (small / "log").read_text() == "".join(f"{number}\n" for number in range(1, 200_001))
    finally:
        subprocess.run(["umount", small], check=True)


def test_one_that_always_says_something_can_be_stopped(home: Home) -> None:
    handle = home.start("exec yes")
    until(lambda: Path(home.log_path(handle, 1)).stat().st_size)
    home.driver.stop(handle, PATIENCE)
    assert home.ended(handle)[0].code == 128 + signal.SIGTERM


def test_nothing_of_the_hosts_environment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    _, said = home.run("env; cat /proc/1/environ /proc/$PPID/environ 2>&1 | tr '\\0' '\\n'")
    assert SECRET not in said


def test_disk_limit(home: Home) -> None:
    folder = home.folder / "written"
    folder.mkdir()
    mount = Mount(str(folder), str(folder), "rw")
    script = f"dd if=/dev/zero of={folder}/big bs=1M count=40 2>/dev/null; exec sleep 600"
    instance, _ = home.run(script, (mount,), disk=20 * MiB)
    assert instance.out_of_disk
    assert instance.code == 137


def test_usage(home: Home) -> None:
    folder = home.folder / "written"
    folder.mkdir()
    mount = Mount(str(folder), str(folder), "rw")
    script = (
        f"dd if=/dev/zero of={folder}/big bs=1M count=8 2>/dev/null; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    )
    handle = home.start(f"{script}; echo ready; exec sleep 600", "exec sleep 600", mounts=(mount,))
    until(lambda: "ready" in home.log(handle))

    def measured() -> bool:
        """There is a moment of no memory when one program becomes another."""
        busy, idle = home.driver.usage(handle)
        return busy.memory > 0 and busy.disk >= 8 * MiB and busy.cpu > 0.05 and idle.cpu < busy.cpu

    until(measured, lambda: home.driver.usage(handle))


def test_nodes(home: Home) -> None:
    (node,) = home.driver.nodes()
    assert node.cpus >= 1
    assert node.memory > 256 * MiB


def test_disk_limit_where_no_path_leads(home: Home) -> None:
    folder = home.folder / "written"
    folder.mkdir()
    mount = Mount(str(folder), str(folder), "rw")
    text = f"import os, time; os.chdir('{folder}'); name = 'n' * 200; "
    text += "made = [(os.mkdir(name), os.chdir(name)) for _ in range(30)]; "
    text += "open('big', 'wb').write(b'x' * (40 << 20)); time.sleep(600)"
    instance, _ = home.run(f'exec python3 -c "{text}"', (mount,), disk=20 * MiB)
    assert instance.out_of_disk


def test_files_without_content_take_disk(home: Home) -> None:
    """Of which a disk has only so many."""
    folder = home.folder / "written"
    folder.mkdir()
    mount = Mount(str(folder), str(folder), "rw")
    text = f"import time; made = [open('{folder}/%d' % number, 'w').close() for number in range(6000)]; time.sleep(600)"
    instance, _ = home.run(f'exec python3 -c "{text}"', (mount,), disk=20 * MiB)
    assert instance.out_of_disk
