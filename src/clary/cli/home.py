"""The home as the commands see it: its lock, who holds it, and where that Clary answers.

The lock is a POSIX record lock on HOME/lock. The kernel names the process that holds it, and takes it back when that
process ends, however it ends; children don't inherit it. So no file has to be believed about who runs: run.json says
where that process listens, and counts only while the same process holds the lock. (The holder itself must not ask for
the holder: closing any descriptor of the file gives the lock up.)
"""

import fcntl
import json
import os
import shlex
import stat
import struct
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from clary.errors import ConfigError, HomeBusy

# struct flock, https://man7.org/linux/man-pages/man2/fcntl.2.html; the BSDs and macOS put the offsets first.
_LINUX = sys.platform == "linux"
_FLOCK = "hhqqi4x" if _LINUX else "qqihh"

# What may be in a home before its first start has got to state.db; a disk of its own begins with lost+found.
BEGUN = frozenset({"config.toml", "lock", "logs", "run.json", "lost+found"})


@dataclass(frozen=True, slots=True)
class Running:
    """A Clary that answers."""

    pid: int
    host: str
    port: int
    started: float  # seconds since the epoch
    version: str
    serving_port: int = 0

    @property
    def url(self) -> str:
        """What a client on this machine connects to."""
        return self._url(self.port)

    @property
    def serving_url(self) -> str:
        """Where endpoints are invoked."""
        return self._url(self.serving_port)

    def _url(self, port: int) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host and host[0] != '[' else host}:{port}"


class Home:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "logs" / "clary.log"
        self.access_log = path / "logs" / "access.log"
        self.ca_bundle = path / "tls" / "bundle.pem"
        self._lock = path / "lock"
        self._run = path / "run.json"

    def __str__(self) -> str:
        """As the user would type it."""
        try:
            return f"~/{self.path.relative_to(Path.home())}"
        except ValueError:
            return str(self.path)

    def prepare(self) -> None:
        """Makes the folder, for its owner alone. Raises ConfigError, also for a folder that has other things in it."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.is_foreign():
                raise ConfigError(
                    f"{self} has other things in it, and a home is Clary's alone: "
                    f"name a new or an empty folder, as in --home {shlex.quote(str(self.path / 'clary'))}"
                )
            # A folder that the user made keeps its mode: all that is put into it is its owner's alone anyway.
            if self._is_ours() and stat.S_IMODE(self.path.stat().st_mode) != 0o700:
                self.path.chmod(0o700)
            self.log.parent.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"the home {self} cannot be used: {error.strerror}; name another with --home") from error

    def is_foreign(self) -> bool:
        """Whether the folder is there and holds what neither Clary nor its user put there for Clary."""
        return (
            self.path.is_dir() and not self._is_ours() and any(file.name not in BEGUN for file in self.path.iterdir())
        )

    def _is_ours(self) -> bool:
        """A copy from a backup may lack the lock; a first start that was cut short, the key."""
        return (self.path / "state.db").is_file() and any(
            (self.path / name).is_file() for name in ("lock", "secret.key")
        )

    def acquire(self) -> None:
        """Takes the lock until this process ends. Raises HomeBusy."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise HomeBusy(self._busy()) from error
        self._run.unlink(missing_ok=True)  # of one that was killed

    def announce(self, running: Running) -> None:
        """Says where this process answers."""
        fresh = self._run.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(running)) + "\n")
        fresh.replace(self._run)

    def withdraw(self) -> None:
        self._run.unlink(missing_ok=True)

    def holder(self) -> int | None:
        """The process that holds the lock: None if none does, 0 if it is in another process namespace."""
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:
            raise ConfigError(f"the home {self} belongs to somebody else: {error.strerror}") from error
        try:
            asked = (fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0) if _LINUX else (0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
            found = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack(_FLOCK, *asked)))
        finally:
            os.close(descriptor)
        kind, pid = (found[0], found[4]) if _LINUX else (found[3], found[2])
        return None if kind == fcntl.F_UNLCK else max(pid, 0)

    def running(self) -> Running | None:
        """The Clary that answers on this home: None if none runs, or if it isn't ready yet."""
        pid = self.holder()
        try:
            running = Running(**json.loads(self._run.read_text()))
        except FileNotFoundError:
            return None
        return running if pid in {running.pid, 0} else None

    def _busy(self) -> str:
        running = self.running()
        where = f"at {running.url} (process {running.pid})" if running else f"(process {self.holder()}, not ready yet)"
        return f"Clary already runs on {self} {where}; stop it with `{self.command('down')}`"

    def command(self, words: str) -> str:
        """`clary WORDS` with the option that leads to this home, where it needs one."""
        default = Path(os.environ.get("CLARY_HOME") or "~/.clary").expanduser().absolute()
        if default == self.path:
            return f"clary {words}"
        typed = str(self)  # a quoted ~ would be a folder of that name
        plain = shlex.quote(typed.removeprefix("~")) == typed.removeprefix("~")
        return f"clary {words} --home {typed if plain else shlex.quote(str(self.path))}"
