"""What every driver promises (compute/driver.py), by every driver there is.

`tests/compute/as_user.py` runs this again as an ordinary user.
"""

import ast
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clary.compute import drivers, limits
from clary.compute.driver import Driver, Handle, Instance, Launch, Mount, Spec
from clary.config import Config
from clary.errors import ClaryError

MiB = 1 << 20
NAMES = ("sandbox", "null")
PATIENCE = 20.0  # seconds within which anything here has happened
SECRET = "a-secret-of-the-hosts-own"
BOMB = "f() { f | f & }; f; wait"


class Home:
    """Groups of one driver, released at the end."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.driver: Driver = drivers.open_driver(Config.load(home=folder, driver=name))
        self.handles: list[Handle] = []
        self.counter = itertools.count(1)

    def reserve(self, **given: object) -> Handle:
        folder = self.folder / "jobs" / f"{next(self.counter)}-1"
        folder.mkdir(parents=True)
        spec = Spec(**({"id": folder.name, "folder": str(folder), "memory": 256 * MiB} | given))  # type: ignore[arg-type]  # any field of it
        handle = self.driver.reserve(spec)
        self.handles.append(handle)
        return handle

    def start(self, *scripts: str, mounts: tuple[Mount, ...] = (), **given: object) -> Handle:
        handle = self.reserve(instances=len(scripts), **given)
        self.driver.start(handle, self.launches(handle, *scripts, mounts=mounts))
        return handle

    def launches(self, handle: Handle, *scripts: str, mounts: tuple[Mount, ...] = ()) -> list[Launch]:
        return [
            Launch(
                f"algo-{index}",
                ("/bin/sh", "-c", script),
                self.log_path(handle, index),
                mounts=mounts if index == 1 else (),
            )
            for index, script in enumerate(scripts, 1)
        ]

    def log_path(self, handle: Handle, index: int) -> str:
        return f"{handle['folder']}/log-{index}"

    def log(self, handle: Handle, index: int = 1) -> str:
        return Path(self.log_path(handle, index)).read_text()

    def ended(self, handle: Handle) -> list[Instance]:
        deadline = time.monotonic() + PATIENCE
        while any(each.state == "running" for each in self.driver.describe(handle)):
            self.driver.wait(handle, 1)
            assert time.monotonic() < deadline, self.log(handle)
            time.sleep(0.01)
        return self.driver.describe(handle)

    def run(self, script: str, mounts: tuple[Mount, ...] = (), **given: object) -> tuple[Instance, str]:
        handle = self.start(script, mounts=mounts, **given)
        (instance,) = self.ended(handle)
        return instance, self.log(handle)


@pytest.fixture(params=NAMES)
def home(request: pytest.FixtureRequest) -> Iterator[Home]:
    yield from running(request.param)


@pytest.fixture
def isolating() -> Iterator[Home]:
    """What null cannot promise: it isolates nothing and limits nothing."""
    yield from running("sandbox")


def running(name: str) -> Iterator[Home]:
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    folder.chmod(0o700)
    opened = Home(name, folder)
    yield opened
    for handle in opened.handles:
        opened.driver.release(handle)
        opened.driver.release(handle)
    assert opened.driver.groups() == []
    shutil.rmtree(folder)


def until(true: Callable[[], object], message: str = "") -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, message or "it did not happen"
        time.sleep(0.01)


def processes(marker: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if marker.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def test_every_driver_is_here() -> None:
    folder = Path(drivers.__file__).parent
    found = {
        node.name.lower()
        for path in folder.glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name != "Driver"
        if any(isinstance(part, ast.FunctionDef) and part.name == "reserve" for part in node.body)
    }
    assert found == set(NAMES)


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
    spec = Spec(handle["id"], handle["folder"], instances=2, memory=256 * MiB)
    assert home.driver.reserve(spec) == handle
    assert [each.state for each in home.driver.describe(handle)] == ["reserved", "reserved"]
    launches = home.launches(handle, "echo once; exec sleep 60", "exec sleep 60")
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
    handle = home.reserve()
    script = (
        "import os, pathlib, signal\n"
        "from clary.compute.driver import Launch\nfrom clary.compute.drivers import open_driver\n"
        "from clary.config import Config\n"
        f"driver = open_driver(Config.load(home={str(home.folder)!r}, driver={home.name!r}))\n"
        f"launch = Launch('algo-1', ('/bin/sh', '-c', 'sleep 1; echo on; exit 7'), {home.log_path(handle, 1)!r})\n"
        f"driver.start({handle!r}, [launch])\n"
        "os.kill(0, signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], start_new_session=True, check=False)
    assert done.returncode == -signal.SIGKILL
    again = drivers.open_driver(Config.load(home=home.folder, driver=home.name))
    assert [each.state for each in again.describe(handle)] == ["running"]
    assert again.groups() == [handle["id"]]
    began = time.monotonic()
    again.wait(handle, PATIENCE)
    assert time.monotonic() - began < 5
    (instance,) = again.describe(handle)
    assert (instance.state, instance.code) == ("exited", 7)
    assert home.log(handle) == "on\n"


def test_a_supervisor_that_is_killed_takes_all_with_it(isolating: Home) -> None:
    handle = isolating.start("exec sleep 61.25")
    (pid,) = [
        pid for pid in processes(str(supervisor_path())) if Path(f"/proc/{pid}/cwd").exists() and owns(pid, handle)
    ]
    os.kill(pid, signal.SIGKILL)
    until(lambda: isolating.driver.describe(handle)[0].state == "lost")
    until(lambda: not processes("61.25"))


def supervisor_path() -> Path:
    return Path(drivers.__file__).with_name("supervisor.py")


def owns(pid: int, handle: Handle) -> bool:
    return str(Path(f"/proc/{pid}/cwd").readlink()).startswith(handle["folder"] + "/")


def test_wait_returns_at_once(home: Home) -> None:
    handle = home.start("sleep 0.3", "sleep 0.3")
    began = time.monotonic()
    home.driver.wait(handle, PATIENCE)
    assert time.monotonic() - began < 2
    assert [each.state for each in home.driver.describe(handle)] == ["exited", "exited"]
    home.driver.wait(handle, PATIENCE)
    assert time.monotonic() - began < 2


def test_wait_returns_when_one_fails(home: Home) -> None:
    handle = home.start("exec sleep 60", "sleep 0.3; exit 2", "exit 0")
    began = time.monotonic()
    home.driver.wait(handle, PATIENCE)
    assert time.monotonic() - began < 2
    assert [each.code for each in home.driver.describe(handle)] == [None, 2, 0]
    home.driver.wait(handle, PATIENCE)
    assert time.monotonic() - began < 2


def test_wait_has_a_time_limit(home: Home) -> None:
    handle = home.start("exec sleep 60")
    began = time.monotonic()
    home.driver.wait(handle, 0.2)
    assert 0.15 < time.monotonic() - began < 2
    assert home.driver.describe(handle)[0].state == "running"


def test_stop_asks_the_program(home: Home) -> None:
    handle = home.start("trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.05; done")
    until(lambda: "ready" in home.log(handle))
    home.driver.stop(handle, PATIENCE)
    assert home.ended(handle)[0].code == 5
    assert home.log(handle) == "ready\nasked\n"


def test_stop_kills_what_does_not_listen(home: Home) -> None:
    """And all that it started, in sessions of their own too."""
    marker = f"71.{os.getpid()}"
    script = (
        f"trap '' TERM; setsid sleep {marker} & sh -c 'setsid sleep {marker} &' ; echo ready; while :; do sleep 1; done"
    )
    handle = home.start(script)
    until(lambda: "ready" in home.log(handle) and len(processes(marker)) == 2)
    home.driver.stop(handle, 60)
    time.sleep(0.2)
    assert home.driver.describe(handle)[0].state == "running"
    began = time.monotonic()
    home.driver.stop(handle, 0.5)
    assert home.ended(handle)[0].code == 137
    assert 0.4 < time.monotonic() - began < 3
    until(lambda: not processes(marker))


def test_what_it_leaves_behind_ends_with_it(home: Home) -> None:
    marker = f"72.{os.getpid()}"
    instance = home.ended(home.start(f"setsid sleep {marker} & sleep 0.2; exit 4"))[0]
    assert instance.code == 4
    assert not processes(marker)


def test_release_kills(home: Home) -> None:
    marker = f"73.{os.getpid()}"
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


def test_nothing_of_the_hosts_environment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    _, said = home.run("env; cat /proc/1/environ /proc/$PPID/environ 2>&1 | tr '\\0' '\\n'")
    assert SECRET not in said


def test_disk_limit(home: Home) -> None:
    folder = home.folder / "written"
    folder.mkdir()
    mount = Mount(str(folder), str(folder), "rw")
    script = f"dd if=/dev/zero of={folder}/big bs=1M count=40 2>/dev/null; exec sleep 60"
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
    handle = home.start(f"{script}; echo ready; exec sleep 60", "exec sleep 60", mounts=(mount,))
    until(lambda: "ready" in home.log(handle))
    busy, idle = home.driver.usage(handle)
    assert busy.disk >= 8 * MiB
    assert busy.memory > 0
    assert busy.cpu > 0.05
    assert idle.cpu < busy.cpu


def test_nodes(home: Home) -> None:
    (node,) = home.driver.nodes()
    assert node.cpus >= 1
    assert node.memory > 256 * MiB


# From here on what null cannot promise.


def test_instances_find_each_other_by_name(isolating: Home) -> None:
    for isolated in (False, True):
        server = (
            "import socket as s; server = s.create_server((s.gethostname(), 7777)); print('ready', flush=True); "
            "connection = server.accept()[0]; connection.sendall(b'hello'); connection.close()"
        )
        client = (
            "import socket as s, time\n"
            "while True:\n"
            "    try:\n"
            "        print(s.create_connection(('algo-1', 7777)).recv(5)); break\n"
            "    except OSError: time.sleep(0.05)\n"
        )
        handle = isolating.reserve(instances=2, isolated=isolated)
        programs = [("/usr/bin/python3", "-c", server), ("/usr/bin/python3", "-c", client)]
        if not Path("/usr/bin/python3").exists():
            pytest.skip("the system has no Python of its own to try it with")
        launches = [
            Launch(f"algo-{index}", argv, isolating.log_path(handle, index)) for index, argv in enumerate(programs, 1)
        ]
        isolating.driver.start(handle, launches)
        assert [each.code for each in isolating.ended(handle)] == [0, 0]
        assert isolating.log(handle, 2) == "b'hello'\n"


def test_no_network_when_isolated(isolating: Home) -> None:
    _, said = isolating.run("tail -n +3 /proc/net/dev | cut -d: -f1; cat /proc/net/route", isolated=True)
    assert said.split()[0] == "lo"
    assert len(said.splitlines()) == 2


def test_no_file_that_was_not_named(isolating: Home) -> None:
    secret = isolating.folder / "secret"
    secret.write_text(SECRET)
    named = isolating.folder / "named"
    named.mkdir(mode=0o755)
    (named / "file").write_text("named")
    script = (
        f"cat {secret} /proc/1/root{secret} /proc/*/root{secret} /etc/shadow ~/.aws/credentials; ls -A / /root /tmp "
        "/dev/shm /home /run /etc/ssl; cat /opt/named/file; echo x > /opt/named/new; echo x > /usr/new; echo done"
    )
    _, said = isolating.run(script, (Mount(str(named), "/opt/named"),))
    assert SECRET not in said
    assert "named" in said
    assert "done" in said
    assert [path.name for path in named.iterdir()] == ["file"]
    root = said.split("/:\n")[1].split("\n\n")[0].split()
    usual = {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "opt", "proc", "root", "run", "sbin", "sys", "tmp"}
    assert set(root) <= usual | {"usr", "var"}
    assert "/root:\n\n" in said
    assert "/tmp:\n" in said
    assert "private" not in said


def test_overlay_keeps_what_is_below(isolating: Home) -> None:
    source, job = isolating.folder / "source", isolating.folder / "job"
    (source / "part").mkdir(parents=True)
    job.mkdir()
    source.chmod(0o777)
    (source / "part").chmod(0o777)
    for name in ("kept", "changed", "part/removed"):
        (source / name).write_text(name)
        (source / name).chmod(0o644)
    mounts = (
        Mount(str(job), "/opt/ml", "rw"),
        Mount(str(source), "/opt/ml/input/data/train", "overlay", str(isolating.folder / "upper")),
    )
    script = (
        "cd /opt/ml/input/data/train && cat kept && mv changed old && echo new > changed && rm part/removed && "
        "echo own > part/own && cat changed part/own && echo model > /opt/ml/model && ls part"
    )
    instance, said = isolating.run(script, mounts)
    assert (instance.code, said) == (0, "keptnew\nown\nown\n")
    assert (job / "model").read_text() == "model\n"
    assert sorted(str(path.relative_to(source)) for path in source.rglob("*")) == [
        "changed",
        "kept",
        "part",
        "part/removed",
    ]
    assert (source / "changed").read_text() == "changed"


def test_no_privileges(isolating: Home) -> None:
    script = (
        "grep -E 'Cap(Eff|Bnd|Prm)|NoNewPrivs|Seccomp:' /proc/self/status; unshare -U true; mount -t tmpfs x /tmp; "
        "id -u; cat /proc/self/uid_map"
    )
    _, said = isolating.run(script)
    assert "CapEff:\t0000000000000000" in said
    assert "CapPrm:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said
    assert "Seccomp:\t2" in said
    assert said.count("not permitted") + said.count("denied") + said.count("must be superuser") >= 2
    if os.geteuid() == 0:
        assert "CapBnd:\t0000000000000000" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has one user id for all")
def test_each_instance_is_a_user_of_its_own(isolating: Home) -> None:
    handle = isolating.start("id -u", "id -u")
    isolating.ended(handle)
    users = {int(isolating.log(handle, index)) for index in (1, 2)}
    assert len(users) == 2
    assert min(users) > 1000


def test_no_secret_in_ps(isolating: Home) -> None:
    handle = isolating.reserve()
    launch = Launch("algo-1", ("/bin/sleep", "60"), isolating.log_path(handle, 1), env={"TOKEN": SECRET})
    isolating.driver.start(handle, [launch])
    shown = b"".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.parent.exists())
    assert SECRET.encode() not in shown


def test_a_start_that_fails_leaves_nothing(isolating: Home) -> None:
    marker = f"74.{os.getpid()}"
    handle = isolating.reserve(instances=2)
    good, bad = isolating.launches(handle, f"exec sleep {marker}", "true")
    bad = Launch(bad.name, bad.argv, bad.log, mounts=(Mount("/no/such/folder", "/opt/ml"),))
    with pytest.raises(ClaryError, match="/no/such/folder"):
        isolating.driver.start(handle, [good, bad])
    assert not processes(marker)
    assert [each.state for each in isolating.driver.describe(handle)] == ["reserved", "reserved"]


def test_a_memory_bomb(isolating: Home) -> None:
    """Grows a shell's variable without end."""
    instance, said = isolating.run("x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done", memory=64 * MiB)
    assert instance.code not in {0, None}
    assert instance.out_of_memory or (limits.limits() == "rlimits"), said


def test_a_fork_bomb(isolating: Home) -> None:
    handle = isolating.start(BOMB, memory=128 * MiB, cpus=0.5)
    time.sleep(1)
    began = time.monotonic()
    subprocess.run(["/bin/true"], check=True)  # the machine has processes left
    isolating.driver.stop(handle, 0)
    isolating.ended(handle)
    assert time.monotonic() - began < PATIENCE


def test_isolating_usage(isolating: Home) -> None:
    """A limit's own counters, where there are some."""
    handle = isolating.start("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
    isolating.ended(handle)
    assert isolating.driver.usage(handle)[0].cpu > 0.02 or limits.limits() == "rlimits"
