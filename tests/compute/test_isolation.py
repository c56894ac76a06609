"""What a driver promises besides, if it isolates: what null cannot. test_user.py runs this as an ordinary user."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.compute import drivers, limits
from clary.compute.driver import Handle, Launch, Mount
from clary.compute.sandbox import bwrap
from clary.errors import ClaryError
from groups import BOMB, SECRET, Home, MiB, commands, processes, running
from waiting import until


@pytest.fixture(params=["sandbox", "container"])
def isolating(request: pytest.FixtureRequest) -> Iterator[Home]:
    """What null cannot promise: it isolates nothing and limits nothing."""
    yield from running(request.param)


@pytest.fixture
def sandbox() -> Iterator[Home]:
    yield from running("sandbox")


def test_bubblewrap_stays_as_it_is(sandbox: Home) -> None:
    """It is process 1 of an instance, whose user it may belong to where Clary is an ordinary user."""
    program = Path(bwrap())
    before = program.stat()
    script = "chmod 6777 /proc/1/exe; touch -d @0 /proc/1/exe; echo x > /proc/1/exe; true"
    instance, said = sandbox.run(script)
    assert instance.code == 0, said
    after = program.stat()
    assert (after.st_mode, after.st_mtime, after.st_size) == (before.st_mode, before.st_mtime, before.st_size)


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
    assert set(root) - {".dockerenv"} <= usual | {"usr", "var"}
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
    launch = Launch("algo-1", ("/bin/sleep", "600"), isolating.log_path(handle, 1), env={"TOKEN": SECRET})
    isolating.driver.start(handle, [launch])
    assert SECRET not in str(list(commands()))


def test_a_start_that_fails_leaves_nothing(isolating: Home) -> None:
    marker = f"674.{os.getpid()}"
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
    subprocess.run(["/bin/true"], check=True)  # the machine has processes left
    isolating.driver.stop(handle, 0)
    isolating.ended(handle)


def test_isolating_usage(isolating: Home) -> None:
    """A limit's own counters, where there are some. They go when an engine's container ends: known is what was counted
    last, when it was told to end.
    """
    handle = isolating.start("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo ready; exec sleep 600")
    until(lambda: "ready" in isolating.log(handle))
    if limits.limits() != "rlimits":
        until(lambda: isolating.driver.usage(handle)[0].cpu > 0.02)
    isolating.driver.stop(handle, 0)
    isolating.ended(handle)
    assert isolating.driver.usage(handle)[0].cpu > 0.02 or limits.limits() == "rlimits"


def test_a_supervisor_that_is_killed_takes_all_with_it(sandbox: Home) -> None:
    handle = sandbox.start("exec sleep 661.25")
    (pid,) = [pid for pid in processes(str(supervisor_path())) if owns(pid, handle)]
    os.kill(pid, signal.SIGKILL)
    until(lambda: sandbox.driver.describe(handle)[0].state == "lost")
    until(lambda: not processes("661.25"))


def test_variables_reach_the_program_and_nothing_before_it(isolating: Home) -> None:
    """What LD_PRELOAD names would run as root if setpriv had it. Each program that has it complains."""
    handle = isolating.reserve()
    env = {"LD_PRELOAD": "/nowhere.so", "NAME": "a = b"}
    program = ("/bin/sh", "-c", 'echo "$LD_PRELOAD $NAME"')
    isolating.driver.start(handle, [Launch("algo-1", program, isolating.log_path(handle, 1), env)])
    assert [each.code for each in isolating.ended(handle)] == [0]
    said = isolating.log(handle, 1)
    assert "/nowhere.so a = b" in said
    assert said.count("cannot be preloaded") == 1


@pytest.mark.parametrize("value", ["a\0--ro-bind\0/\0/host", "\0"])
def test_no_options_by_a_value(isolating: Home, value: str) -> None:
    handle = isolating.reserve()
    launch = Launch("algo-1", ("/bin/true",), isolating.log_path(handle, 1), {"NAME": value})
    with pytest.raises(ClaryError, match="NUL"):
        isolating.driver.start(handle, [launch])


@pytest.mark.parametrize("target", ["/usr", "/etc/x", "//usr", "/opt/../usr", "/opt/ml/../../x", "/", "x", "/./lib64"])
def test_no_mount_outside_or_over_the_system(isolating: Home, target: str) -> None:
    handle = isolating.reserve()
    mount = Mount(str(isolating.folder), target, "rw")
    launch = Launch("algo-1", ("/bin/true",), isolating.log_path(handle, 1), mounts=(mount,))
    with pytest.raises(ClaryError, match="mounted at"):
        isolating.driver.start(handle, [launch])


def supervisor_path() -> Path:
    return Path(drivers.__file__).with_name("supervisor.py")


def owns(pid: int, handle: Handle) -> bool:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink()).startswith(handle["folder"] + "/")
    except (FileNotFoundError, PermissionError):
        return False  # it has ended, or is another user's
