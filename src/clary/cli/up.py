"""`clary up` and `clary down`: one Clary on one home, started and stopped."""

import contextlib
import gc
import http.client
import logging
import logging.handlers
import os
import signal
import subprocess
import sys
import time
from http import HTTPStatus
from importlib.metadata import version
from types import FrameType
from typing import NoReturn, Self

from clary.cli import say
from clary.cli.home import Home, Running
from clary.cli.port import holder
from clary.config import Config
from clary.errors import ClaryError, PortInUse

READY_WITHIN = 120.0  # seconds: a start takes less than one, but a machine may be busy
STOPPED_WITHIN = 120.0  # seconds: requests that run may take their 5, then all is closed; likewise
LOG_BYTES = 16 << 20  # of clary.log, before a new one begins


def serve(config: Config) -> None:
    """Runs here until SIGINT or SIGTERM. Raises HomeBusy, PortInUse and ConfigError."""
    began = time.time()
    os.umask(0o077)  # state, logs and keys are their owner's alone
    signal.signal(signal.SIGTERM, _leave)  # until the server has handlers of its own
    home = Home(config.home)
    home.prepare()
    home.acquire()
    _log(home, config.log_level)
    _keep_crt_out()
    gc.set_threshold(100_000)  # what is loaded now stays; the gateway's warm-up sets what is good for requests
    from clary.app import App  # noqa: PLC0415 - the whole program; the other commands don't need it

    try:
        app = App(config)
    except PortInUse as error:
        raise PortInUse(_taken(config, error.port)) from error

    def ready() -> None:
        running = Running(os.getpid(), config.host, app.port, began, version("clary"), app.dataplane.port)
        home.announce(running)
        say.line(f"Clary is ready at {running.url}, home {home}, after {time.time() - began:.2f} s.", "green")
        say.line(f'Next, in another shell: eval "$({home.command("env")})"')

    try:
        app.serve(ready)
    finally:
        home.withdraw()
    say.line("Clary has stopped.")


def start(config: Config) -> Running:
    """Starts one in the background and returns when it answers. Raises ClaryError with what it said if it doesn't."""
    home = Home(config.home)
    home.prepare()
    said_before = home.log.stat().st_size if home.log.exists() else 0
    where = ("--home", str(config.home), "--port", str(config.port), "--host", config.host)
    home.log.touch(mode=0o600)  # this process keeps the user's umask, for `clary run`'s command
    with home.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "clary.cli", "up", *where],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
        )  # fmt: skip
    deadline = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        running = home.running()
        if running is not None and running.pid == process.pid and answers(running) and home.ca_bundle.exists():
            process.returncode = 0  # it outlives us on purpose: Popen need not warn of it
            return running
        time.sleep(0.01)
    if process.poll() is None:
        process.terminate()
        raise ClaryError(f"Clary did not get ready within {READY_WITHIN:.0f} s; `{home.command('logs')}` tells why")
    with home.log.open("rb") as log:
        log.seek(said_before)
        said = log.read().decode(errors="replace").strip().removeprefix("clary: ")
    raise ClaryError(said or f"Clary ended at once, with {process.returncode}")


def stop(home: Home) -> bool:
    """Stops the Clary on this home and returns when it has ended; False if none ran. Raises ClaryError."""
    pid = home.holder()
    if pid is None:
        return False
    if pid == 0:
        raise ClaryError(f"the Clary on {home} runs in another container: stop it there")
    # The handle is taken first and the lock read again, so that the signal can't reach a later process of that number.
    with contextlib.suppress(ProcessLookupError), _Pid(pid) as send:
        if home.holder() == pid:
            send(signal.SIGTERM)
    deadline = time.monotonic() + STOPPED_WITHIN
    while home.holder() == pid:
        if time.monotonic() > deadline:
            raise ClaryError(
                f"process {pid} has not stopped after {STOPPED_WITHIN:.0f} s; `kill -9 {pid}` loses nothing"
            )
        time.sleep(0.01)
    return True


def answers(running: Running, timeout: float = 10.0) -> bool:
    """Whether /health answers."""
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=timeout)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class _Pid:
    """Sends signals to one process, and to no later one with the same number where the system can tell them apart."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def __enter__(self) -> Self:
        self._descriptor = os.pidfd_open(self._pid) if hasattr(os, "pidfd_open") else None
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def __call__(self, number: signal.Signals) -> None:
        if self._descriptor is not None:
            signal.pidfd_send_signal(self._descriptor, number)
        else:
            os.kill(self._pid, number)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _taken(config: Config, port: int) -> str:
    found = holder(port)
    who = f" by {found}" if found else ""
    advice = "take another with --port, or any free one with --port 0"
    if port != config.port:
        advice = "take another, or any free one, by the setting serving_port"
    return f"port {port} of {config.host} is already in use{who}; {advice}"


def _keep_crt_out() -> None:
    """Whoever imports botocore imports awscrt too, where there is one, for signatures that nobody makes here: a tenth
    of the start. S3's checksums, which do need it, load it later.
    """
    sys.modules["awscrt"] = None  # type: ignore[assignment]  # so it is not found: docs.python.org/3/reference/import
    try:
        import botocore.compat  # noqa: F401, PLC0415 - here it decides
    finally:
        del sys.modules["awscrt"]


def _log(home: Home, level: str) -> None:
    """To logs/clary.log, and what is wrong to standard error too, unless that is the same file."""
    to_file = logging.handlers.RotatingFileHandler(home.log, maxBytes=LOG_BYTES, backupCount=3, encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handlers: list[logging.Handler] = [to_file]
    if not os.path.samestat(os.fstat(sys.stderr.fileno()), home.log.stat()):
        to_shell = logging.StreamHandler()
        to_shell.setLevel(logging.WARNING)
        handlers.append(to_shell)
    logging.basicConfig(level=level, handlers=handlers)
    logging.captureWarnings(capture=True)
