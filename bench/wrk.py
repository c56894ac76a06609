"""Load by wrk on kept connections, from requests that were prepared, and signed, before the clock starts."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# https://github.com/wg/wrk/blob/master/SCRIPTING. One thread: `requests` is its own.
SCRIPT = """
local requests, at = {}, 0
local file = io.open(os.getenv("REQUESTS"), "rb")
while true do
  local size = file:read("*l")
  if not size then break end
  requests[#requests + 1] = file:read(tonumber(size))
end
file:close()
function request()
  at = at % #requests + 1
  return requests[at]
end
local pause = tonumber(os.getenv("PAUSE"))
if pause > 0 then
  function delay() return pause end
end
function done(summary, latency)
  local failed = summary.errors
  io.stderr:write(string.format('{"requests": %d, "micros": %d, "p50": %d, "p99": %d, "bad": %d, "broken": %d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed.status,
    failed.connect + failed.read + failed.write + failed.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    rate: float  # requests a second
    p50: float  # milliseconds
    p99: float
    failed: int  # answers that are no success, and connections that broke
    requests: int


def program() -> str:
    """Ends the process with how to install it, where it isn't."""
    found = shutil.which("wrk")
    if found is None:
        sys.exit("wrk is not here: sudo apt-get install wrk")
    return found


def start(address: str, requests: Sequence[bytes], connections: int, seconds: float, pause: int = 0) -> "Wrk":
    """`pause`: milliseconds that each connection waits before its next request."""
    return Wrk(address, requests, connections, seconds, pause)


def drive(address: str, requests: Sequence[bytes], connections: int, seconds: float, pause: int = 0) -> Load:
    return start(address, requests, connections, seconds, pause).end()


class Wrk:
    """One that runs."""

    def __init__(self, address: str, requests: Sequence[bytes], connections: int, seconds: float, pause: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-wrk-")
        folder = Path(self._folder.name)
        (folder / "script.lua").write_text(SCRIPT)
        with (folder / "requests").open("wb") as file:
            file.writelines(b"%d\n%b" % (len(request), request) for request in requests)
        whole = max(1, round(seconds))
        self._process = subprocess.Popen(
            [program(), "-t1", f"-c{connections}", f"-d{whole}s", "--timeout", "60s", "-s", folder / "script.lua",
             f"http://{address}/"],
            env={**os.environ, "REQUESTS": str(folder / "requests"), "PAUSE": str(pause)},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> Load:
        """Waits for it."""
        _, said = self._process.communicate()
        self._folder.cleanup()
        if self._process.returncode:
            raise RuntimeError(f"wrk ended with {self._process.returncode}: {said}")
        found = json.loads(said)
        rate = found["requests"] / (found["micros"] / 1e6)
        failed = found["bad"] + found["broken"]
        return Load(rate, found["p50"] / 1000, found["p99"] / 1000, failed, found["requests"])
