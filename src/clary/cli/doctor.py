"""`clary doctor`: what works on this machine, and the one command that mends what doesn't.

What Clary needs today fails the examination; what only some will need (own images), or later parts (Spark), is shown
as such.
"""

import os
import platform
import resource
import shutil
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clary.cli import say
from clary.cli.home import Home
from clary.cli.port import holder
from clary.compute import drivers, entry, tree
from clary.compute.limits import limits
from clary.config import Config
from clary.errors import ClaryError

GiB = 1 << 30
LEAST_DISK = GiB // 2  # bytes: below that the first model may not fit, and SQLite needs room to commit
FEW_FILES = 1024  # descriptors: each connection takes one, each object on its way another
SLOW_FSYNC = 0.05  # seconds: above that each acknowledged write is felt
SWITCHES = {  # what each says where it forbids user namespaces, and what it should
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", "1"),
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
    "/proc/sys/user/max_user_namespaces": ("0", "10000"),
}
RELEASED = 1_760_000_000  # a clock before this program was written is wrong


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    fine: bool
    said: str
    mend: str = ""  # the one command or step
    later: bool = False  # needed by no part that stands today


def examine(config: Config) -> int:
    """Prints what it finds; the exit code is 1 if something needed is broken."""
    findings = [check(config) for check in (*NEEDED, *LATER)]
    say.table([(_word(finding), finding.name, finding.said) for finding in findings], [_style(f) for f in findings])
    mends = [finding for finding in findings if not finding.fine and finding.mend]
    if mends:
        say.line()
        say.table([(f"{finding.name}:", finding.mend) for finding in mends])
    broken = [finding.name for finding in findings if not finding.fine and not finding.later]
    say.line()
    if broken:
        say.line(f"Broken: {', '.join(broken)}.", "red")
        return 1
    say.line("All that Clary needs works here.", "green")
    return 0


def python(_config: Config) -> Finding:
    said = f"{platform.python_version()} at {sys.executable}"
    return Finding("python", sys.version_info >= (3, 11), said, "install Python 3.11 or later, then `make setup`")


def database(_config: Config) -> Finding:
    fine = sqlite3.sqlite_version_info >= (3, 37) and sqlite3.threadsafety > 0
    return Finding("sqlite", fine, sqlite3.sqlite_version, "use a Python that is built with SQLite 3.37 or later")


def home(config: Config) -> Finding:
    shown = Home(config.home)
    nearest = _existing(config.home)
    if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        said = f"{shown}: {nearest} is not yours to write in"
        return Finding("home", fine=False, said=said, mend="name a home of yours with --home or CLARY_HOME")
    if shown.is_foreign():
        said, mend = f"{shown} has other things in it", "name a new or an empty folder with --home or CLARY_HOME"
        return Finding("home", fine=False, said=said, mend=mend)
    return Finding("home", fine=True, said=f"{shown}" if nearest == config.home else f"{shown}, not made yet")


def disk(config: Config) -> Finding:
    free = shutil.disk_usage(_existing(config.home)).free
    said = f"{free / GiB:.1f} GiB free"
    return Finding("disk", free > LEAST_DISK, said, "free some space, or name a home on a larger disk with --home")


def durable(config: Config) -> Finding:
    """A file and its folder, flushed as a put does it."""
    folder = _existing(config.home)
    probe = folder / f".clary-doctor-{os.getpid()}"
    began = time.perf_counter()
    try:
        with probe.open("wb") as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        _flush_folder(folder)
    except OSError as error:
        return Finding(
            "fsync", fine=False, said=error.strerror or str(error), mend="name a home on a local disk with --home"
        )
    finally:
        probe.unlink(missing_ok=True)
    took = time.perf_counter() - began
    slow = ", which slows every write down: a local disk is faster" if took > SLOW_FSYNC else ""
    return Finding("fsync", fine=True, said=f"a file and its folder in {took * 1000:.1f} ms{slow}")


def port(config: Config) -> Finding:
    running = Home(config.home).running()
    if running is not None:
        return Finding("port", fine=True, said=f"{running.port}, where Clary runs")
    if trouble := _trouble(config.host, config.port):
        return Finding("port", fine=False, said=trouble, mend="clary up --port 0, or another --host")
    if config.serving_port and (trouble := _trouble(config.host, config.serving_port)):
        return Finding("port", fine=False, said=trouble, mend="CLARY_SERVING_PORT=0 clary up")
    return Finding("port", fine=True, said=f"{config.port} of {config.host} is free")


def _trouble(host: str, port: int) -> str:
    """Why nobody could listen there; "" if one could."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        who = holder(port)
        return f"{port} of {host}: {error.strerror}" + (f", by {who}" if who else "")
    return ""


def clock(_config: Config) -> Finding:
    said = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return Finding("clock", time.time() > RELEASED, said, "set the clock: sudo timedatectl set-ntp true")


def files(_config: Config) -> Finding:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return Finding("open files", limit >= FEW_FILES, f"up to {limit}", f"ulimit -n {FEW_FILES * 8}")


def namespaces(config: Config) -> Finding:
    """The switches that keep an ordinary user from making a namespace; root needs none, nor do the other drivers."""
    if os.geteuid() == 0 or config.driver != "sandbox":
        return Finding("user namespaces", fine=True, said="not needed")
    if not Path("/proc/self/ns/user").exists():
        mend = "run Clary as root, or on a kernel with user namespaces"
        return Finding("user namespaces", fine=False, said="this system has none", mend=mend)
    for path, (off, on) in SWITCHES.items():
        if _read(path) == off:
            name = path.removeprefix("/proc/sys/").replace("/", ".")
            mend = f"sudo sysctl {name}={on}"
            return Finding("user namespaces", fine=False, said=f"forbidden by {name}", mend=mend)
    return Finding("user namespaces", fine=True, said="allowed")


def sandbox(config: Config) -> Finding:
    """Makes one: what forbids it may be anything (a container's seccomp profile, AppArmor, a kernel option)."""
    if config.driver == "null":
        return Finding("sandbox", fine=True, said='off: driver = "null" isolates no job from this machine')
    if config.driver == "container":
        return Finding("sandbox", fine=True, said="not needed: jobs run as containers of an engine")
    try:
        drivers.sandbox().works()
    except ClaryError as error:
        mend = 'mend what is above, or run Clary as root; or set driver = "null", which isolates nothing'
        return Finding("sandbox", fine=False, said=error.message, mend=mend)
    held = limits()
    said = f"jobs are limited by {held}" + (
        ", process by process: no control group is ours" if held == "rlimits" else ""
    )
    return Finding("sandbox", fine=True, said=said)


def own_images(config: Config) -> Finding:
    if config.driver == "null":
        return Finding("images of your own", fine=False, said='not with driver = "null"', later=True)
    if config.driver == "container":
        return Finding("images of your own", fine=True, said="can run, by the container engine")
    try:
        entry.shown()
        tree.works(_existing(Path(config.images_home).expanduser() if config.images_home else config.home))
    except (ClaryError, OSError) as error:
        mend = "a home on ext4, xfs or btrfs; Linux 5.19 or newer; or run Clary as an ordinary user"
        return Finding("images of your own", fine=False, said=str(error), mend=mend, later=True)
    return Finding("images of your own", fine=True, said="can run, without a container engine")


def java(_config: Config) -> Finding:
    return _program("java", "java", "Spark", "sudo apt-get install openjdk-17-jre-headless")


def engine(config: Config) -> Finding:
    """Asked, where jobs are to run as its containers; elsewhere none is needed."""
    name = "container engine"
    if config.driver != "container":
        found = shutil.which("docker") or shutil.which("podman")
        said = f'{found or "none"} (not asked, optional: for driver = "container")'
        return Finding(name, bool(found), said, later=True)
    try:
        drivers.open_driver(config)
    except ClaryError as error:
        mend = 'start dockerd or `podman system service --time=0`; or set driver = "sandbox", which needs no engine'
        return Finding(name, fine=False, said=error.message, mend=mend)
    return Finding(name, fine=True, said="answers")


NEEDED: tuple[Callable[[Config], Finding], ...] = (
    *(python, database, home, disk, durable, port, clock, files),
    *(namespaces, sandbox),
)
LATER: tuple[Callable[[Config], Finding], ...] = (own_images, java, engine)


def _program(name: str, command: str, part: str, mend: str) -> Finding:
    found = shutil.which(command)
    return Finding(name, bool(found), f"{found or 'not found'} (later: for {part})", mend, later=True)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _word(finding: Finding) -> str:
    if finding.fine:
        return "ok"
    return "later" if finding.later else "BROKEN"


def _style(finding: Finding) -> str:
    return {"ok": "green", "later": "yellow", "BROKEN": "red"}[_word(finding)]
