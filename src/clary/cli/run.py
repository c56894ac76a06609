"""`clary run`: a command whose AWS calls come to Clary, whatever it is written in."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from clary.cli import docker, say
from clary.cli.env import variables
from clary.cli.home import Home, Running
from clary.cli.up import READY_WITHIN, start, stop
from clary.config import Config
from clary.errors import ClaryError

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # a shell's codes for these
LOOPBACK = "localhost,127.0.0.0/8,127.0.0.1,::1,.localhost"


def carry_out(config: Config, command: list[str]) -> int:
    """Returns the command's exit code; 128 and the signal's number if one ended it. Raises ClaryError."""
    signals = Signals()
    with _running(config) as running:
        environment = {**os.environ, **variables(Home(config.home), running), **proxied(Home(config.home), running)}
        environment["PATH"] = f"{docker.place(config.home)}{os.pathsep}{environment.get('PATH', os.defpath)}"
        if shutil.which(command[0]) is None and not Path(command[0]).exists():
            say.problem(f"{command[0]}: there is no such command")
            return NOT_FOUND
        try:
            process = subprocess.Popen(command, env=environment)
        except OSError as error:
            say.problem(f"{command[0]}: {error.strerror}")
            return NOT_EXECUTABLE
        signals.pass_to(process)
        code = process.wait()
        return code if code >= 0 else 128 - code


class Signals:
    """What this process is sent belongs to the command; what comes before the command runs waits for it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []
        for number in PASSED_ON:
            signal.signal(number, self._take)

    def pass_to(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        for number in self._waiting:
            process.send_signal(number)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self._process is None:
            self._waiting.append(number)
        # A terminal's Ctrl-C and Ctrl-\ reach the whole foreground group: the command has had it already.
        elif number not in {signal.SIGINT, signal.SIGQUIT} or not _foreground():
            self._process.send_signal(number)


def proxied(home: Home, running: Running) -> dict[str, str]:
    """The variables that send a program's connections through the gateway, which answers for *.amazonaws.com
    itself and shows a certificate of this home's own authority. Every client has its own name for that.
    """
    bundle = str(_bundle(home))
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), running.url)
    around = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), LOOPBACK)))
    trusting = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    return {**proxies, "NO_PROXY": around, "no_proxy": around, **dict.fromkeys(trusting, bundle)}


def _bundle(home: Home) -> Path:
    """A first start makes it when it is ready already. Raises ClaryError if it could not."""
    deadline = time.monotonic() + READY_WITHIN
    while not home.ca_bundle.exists():
        if time.monotonic() > deadline:
            raise ClaryError(f"there is no {home.ca_bundle}: `{home.command('logs')}` tells why")
        time.sleep(0.01)
    return home.ca_bundle


@contextmanager
def _running(config: Config) -> Iterator[Running]:
    home = Home(config.home)
    running = home.running()
    if running is not None:
        yield running
        return
    running = start(config)
    say.note(f"clary: started at {running.url} on {home}, for as long as this command runs")
    try:
        yield running
    finally:
        stop(home)


def _foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # no terminal
        return False
