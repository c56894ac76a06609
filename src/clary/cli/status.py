"""`clary status`."""

import json as json_
import time
from dataclasses import asdict
from pathlib import Path

from clary.cli import say
from clary.cli.home import Home
from clary.cli.up import answers

NOT_RUNNING = 3  # as service managers have it: https://refspecs.linuxbase.org/LSB_3.1.0/LSB-Core-generic/LSB-Core-generic/iniscrptact.html


def show(home: Home, *, json: bool) -> int:
    """Prints it and returns the exit code."""
    running = home.running()
    if running is None:
        state = "starting" if home.holder() is not None else "stopped"
        if json:
            say.line(json_.dumps({"state": state, "home": str(home.path)}))
        else:
            say.line(
                f"Clary on {home} is {state}." + ("" if state == "starting" else f" Start it: {home.command('up')}")
            )
        return NOT_RUNNING
    healthy = answers(running)
    state = "running" if healthy else "not answering"
    memory = _resident(running.pid)
    if json:
        document = {"state": state, "home": str(home.path), "url": running.url, **asdict(running), "rss": memory}
        say.line(json_.dumps(document))
    else:
        say.line(f"Clary {running.version} is {state}.", "green" if healthy else "red")
        say.table(
            [
                ("address", running.url),
                ("home", str(home)),
                ("process", str(running.pid)),
                ("since", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(running.started))),
                *([("memory", f"{memory / 2**20:.0f} MiB")] if memory else []),
            ]
        )
        if not healthy:
            say.line(f"Look at `{home.command('logs')}`.")
    return 0 if healthy else 1


def _resident(pid: int) -> int | None:
    """Bytes of memory that the process holds, where the system tells."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmRSS:")), None)
