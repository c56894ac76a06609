"""Images made ready to run: the environment of each is built once, when it is first asked for, like a pull.

HOME/images/<name>-<tag>-<hash>/          a relocatable virtual environment, complete from the moment it is there
HOME/images/.<name>-<tag>-<hash>.building what a pull that was killed left; the next one begins anew
HOME/images/trees/, layers/               images that users pushed (rootfs.py)
"""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from clary.compute import scoped
from clary.compute.driver import Launch, Mount
from clary.compute.users import user
from clary.config import Config
from clary.errors import ClaryError
from clary.images import archive, java
from clary.images.apart import lacking
from clary.images.environment import Environment, What
from clary.images.image import FOLDER, Image, UnknownImage, images, resolve
from clary.images.interpreters import Interpreter, NoInterpreter, find
from clary.images.java import Java, NoJava
from clary.images.locks import locked
from clary.images.own import own
from clary.images.pip import sources
from clary.images.registry import Pushed, Registry, Untagged
from clary.images.rootfs import Say, Trees
from clary.images.sources import indexes, uv
from clary.images.unpack import BadLayer, Check

VENV = "/opt/venv"
CODE = "/opt/clary"
MADE = "clary.json"  # in the environment: what it was made from
_HASH = 12  # characters of it in a folder's name
_FORM = "1"  # of an environment; another one makes all be built anew
Found = Image | Pushed


class PullFailed(ClaryError):
    """The image's environment could not be built."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """An image of Clary's own that is ready to run."""

    image: Image
    folder: Path
    prefix: str  # of the Python it stands on
    java: Java | None = None
    archive: Path | None = None  # a folder: archive.py

    @property
    def builtin(self) -> bool:
        return True

    @property
    def root(self) -> None:
        return None

    @property
    def entrypoint(self) -> tuple[str, ...]:
        return ()

    def launch(self, launch: Launch, upper: str) -> Launch:
        mounts = (*self.mounts(upper), *launch.mounts)
        return replace(launch, env={**self.env, **launch.env}, mounts=mounts)

    def mounts(self, upper: str) -> tuple[Mount, ...]:
        """`upper` is a folder of the job's for what it installs or changes in its environment."""
        mounts = [
            Mount(str(self.folder), VENV, "overlay", upper),
            Mount(str(FOLDER / "runtime"), f"{CODE}/runtime"),
            Mount(str(self.image.code), f"{CODE}/{self.image.code.name}"),
        ]
        base = Path(self.prefix)
        if not base.is_relative_to("/usr"):  # which every container has
            mounts.append(Mount(self.prefix, self.prefix))
        if self.java is not None:
            mounts += self.java.mounts
        if self.archive is not None:
            mounts.append(Mount(str(self.archive), archive.PLACE))
        return (*mounts, *sources().mounts)

    @property
    def env(self) -> dict[str, str]:
        """As the containers set them, and where the programs are."""
        return {
            "PATH": f"{VENV}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "VIRTUAL_ENV": VENV,
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONIOENCODING": "utf-8",
            **sources().env,
            **dict(self.image.env),
            **({"JAVA_HOME": self.java.inside} if self.java is not None else {}),
        }

    def command(self, what: What | str) -> tuple[str, ...]:
        """There is no program for processing; an agent of transform jobs is another one that `what` may name."""
        return () if what == "process" else (f"{VENV}/bin/python", f"{CODE}/runtime/{what}.py", self.image.code.name)


class Images:
    """Those of a home. `registry` has the ones that users pushed, where there is one."""

    def __init__(self, config: Config, registry: Registry | None = None) -> None:
        self._folder = Path(config.images_home).expanduser() if config.images_home else config.home / "images"
        self._pythons = config.pythons
        self._registry = registry
        self.trees = Trees(self._folder)

    def find(self, uri: str, role_arn: str, region: str) -> Found:
        """What the URI means. One that a user pushed under the name of a built-in one is the user's. Raises
        UnknownImage, which says what there is; AccessDenied where the role may not have it, and AWSError for one that
        cannot run here.
        """
        try:
            pushed = self._registry.find(role_arn, region, uri.strip()) if self._registry is not None else None
        except Untagged:
            with suppress(UnknownImage):
                return resolve(uri)
            raise
        return pushed if pushed is not None else resolve(uri)

    def pinned(self, uri: str, role_arn: str, region: str) -> str:
        """The URI of what a user pushed under it, by digest; nothing where it names no such image, or none that the
        role may have: who runs it is told.
        """
        try:
            found = self.find(uri, role_arn, region)
        except ClaryError:
            return ""
        if isinstance(found, Image):
            return ""
        host, _, name = uri.strip().partition("@")[0].rpartition("/")
        return f"{host}/{name.partition(':')[0]}@{found.digest}"

    def ready(self, image: Found, say: Say, check: Check = lambda: None, job: Path | None = None) -> Environment:
        """Builds or unpacks it if it isn't there; `say` gets a line for each step. Several may ask at once: the first
        does it, the others wait. A user's image stays as long as the folder `job` is there. Raises PullFailed, and what
        `check` raises, which is called now and then.
        """
        if isinstance(image, Image):
            return self.built(image, say)
        said = f"The image {image.uri} cannot run"
        try:
            root = self.trees.ready(image, say, check, job)
        except BadLayer as error:
            raise PullFailed(f"{said}: {error.message}.") from error
        ready = own(image.uri, image.digest, root, image.config)
        try:
            user(str(root), ready.user)
            scoped.folder(str(root), ready.workdir)
        except (ClaryError, OSError) as error:
            raise PullFailed(f"{said}: {error}.") from error
        return ready

    def built(self, image: Image, say: Say) -> BuiltIn:
        folder = self._place(image)
        self._once(folder, MADE, f"the pull of {image.reference}", say, partial(self._pull, image, folder, say))
        if image.notice:
            say(image.notice)
        ready = BuiltIn(image, folder, json.loads((folder / MADE).read_text())["prefix"])
        if not image.java:
            return ready
        ready = replace(ready, java=self._java(image, say))
        return replace(ready, archive=self._archive(ready, say))

    def _once(self, place: Path, mark: str, what: str, say: Say, make: Callable[[], None]) -> None:
        """Makes the folder unless the file `mark` is in it. Of several who ask at once the first does, others wait."""
        if (place / mark).exists():
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self._folder / f".{place.name}.lock", lambda: say(f"Waiting for {what}")):
            if not (place / mark).exists():
                make()

    def _java(self, image: Image, say: Say) -> Java:
        found = java.system(image.java)
        if found is None:
            lock = image.lock.with_name(java.LOCK)
            home = self._folder / java.place(lock)
            self._once(home, java.RELEASE, "the pull of Java", say, partial(_pull_java, image, lock, home, say))
            found = java.examine(home)
            assert found is not None
        return found

    def _archive(self, ready: BuiltIn, say: Say) -> Path:
        """Of its Java's classes, made when it is first asked for with this Java."""
        assert ready.java is not None
        place = self._folder / archive.name(ready.folder, ready.java, ready.image.code)
        self._once(place, archive.MADE, "Java's archive of classes", say, partial(_make_archive, place, ready, say))
        return place

    def size(self, image: Image) -> int:
        """Bytes on the disk; 0 if it is not pulled."""
        folder = self._place(image)
        if not (folder / MADE).exists():
            return 0
        return sum(Path(parent, name).lstat().st_size for parent, _, names in os.walk(folder) for name in names)

    def remove(self, image: Image) -> bool:
        """With what its earlier locks left. Says whether there was anything. A job that runs in it would break."""
        found = [*self._folder.glob(f"{image.name}-{image.tag}-{'[0-9a-f]' * _HASH}")]
        for each in self._folder.glob(f"{image.name}-{image.tag}-*-java-{'[0-9a-f]' * _HASH}"):
            shutil.rmtree(each)
        for folder in found:
            (folder / MADE).unlink(missing_ok=True)  # first: half a removal is no image
            shutil.rmtree(folder)
        return bool(found)

    def _place(self, image: Image) -> Path:
        return self._folder / f"{image.name}-{image.tag}-{_identity(image)[:_HASH]}"

    def _pull(self, image: Image, folder: Path, say: Say) -> None:
        try:
            interpreter = find(image.python, self._pythons)
        except NoInterpreter as error:
            raise PullFailed(
                f"The image {image.reference} ({image.library}) cannot run: {error.message}. {self._instead(image)}"
            ) from error
        if why := lacking(image):
            raise PullFailed(why)
        began = time.monotonic()
        say(f"Pulling {image.reference}: {image.library}, Python {interpreter.version}")
        building = folder.with_name(f".{folder.name}.building")
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)  # one without its MADE is somebody's half removal
        try:
            _build(image, interpreter, building, say)
        except PullFailed:
            shutil.rmtree(building, ignore_errors=True)
            raise
        building.rename(folder)
        say(f"Pulled {image.reference} in {time.monotonic() - began:.1f} s")

    def _instead(self, image: Image) -> str:
        """The image's other tags that can run here."""
        others = [other for other in images() if other.name == image.name and other.python != image.python]
        pythons = {other.python for other in others if self._has(other.python)}
        found = [f"{other.reference} ({other.library})" for other in others if other.python in pythons]
        return f"This machine has what these need: {', '.join(found)}." if found else ""

    def _has(self, python: str) -> bool:
        try:
            find(python, self._pythons)
        except NoInterpreter:
            return False
        return True


def _build(image: Image, interpreter: Interpreter, folder: Path, say: Say) -> None:
    # Copied, not linked from uv's cache: what one job does to a file must not reach another environment.
    _run(image, say, "venv", "--relocatable", "--python", interpreter.path, str(folder))
    wanted = folder / "requirements.txt"
    wanted.write_text(wanted_packages(image))
    python = str(folder / "bin" / "python")
    form = ("--no-deps", "--require-hashes", "--link-mode", "copy")
    _run(image, say, "pip", "install", *form, "--python", python, "-r", str(wanted), *indexes())
    _compile(python, folder)
    if image.startup:
        packages = next(folder.glob("lib/python*/site-packages"))
        (packages / "clary_startup.pth").write_text(image.startup + "\n")
    made = {"image": image.reference, "library": image.library, "prefix": interpreter.prefix, "when": time.time()}
    (folder / MADE).write_text(json.dumps(made))
    for parent, _, files in os.walk(folder):
        Path(parent).chmod(0o777)  # a job's private user may write here; it writes to the overlay's upper
        for name in files:
            file = Path(parent, name)
            if not file.is_symlink():
                file.chmod(file.stat().st_mode | 0o444)


def _pull_java(image: Image, lock: Path, home: Path, say: Say) -> None:
    say(f"Pulling Java: this machine has no {image.java}")
    try:
        java.pull(lock, home)
    except NoJava as error:
        raise PullFailed(f"The image {image.reference} cannot run: {error.message}.") from error


def _make_archive(place: Path, ready: BuiltIn, say: Say) -> None:
    began = time.monotonic()
    mounts = tuple(replace(mount, how="ro") for mount in ready.mounts(""))
    code = f"{CODE}/{ready.image.code.name}"
    wrong = archive.make(place, mounts, ready.env, (f"{VENV}/bin/python", f"{code}/submit.py", f"{code}/warm.py"))
    say(
        f"Java's classes could not be archived; jobs start more slowly: {wrong}"
        if wrong
        else f"Archived Java's classes in {time.monotonic() - began:.1f} s"
    )


def wanted_packages(image: Image) -> str:
    """The lock's text, without what only a GPU needs where there is none."""
    blocks: list[list[str]] = []
    for line in image.lock.read_text().splitlines():
        if line[:1].isspace() and blocks:
            blocks[-1].append(line)
        else:
            blocks.append([line])
    left_out = set() if Path("/dev/nvidiactl").exists() else set(image.gpu)
    return "".join("\n".join(block) + "\n" for block in blocks if block[0].partition("==")[0] not in left_out)


def _identity(image: Image) -> str:
    parts = (_FORM, image.python, image.startup, wanted_packages(image))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _compile(python: str, folder: Path) -> None:
    """Jobs cannot write there. Nearly half of the files are tests of numpy, scipy, pandas and scikit-learn, which no
    job imports; uv would compile them too, for twice the CPU. What this Python cannot read is left as it is.
    """
    command = [python, "-m", "compileall", "-q", "-q", "-j", "0", "-x", "/tests/", "lib"]
    subprocess.run(command, cwd=folder, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _run(image: Image, say: Say, *arguments: str) -> None:
    """Runs uv, whose steps go to `say`; the single packages do not."""
    environment = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    command = [uv(), *arguments, "--no-config", "--color", "never", "--no-python-downloads"]
    said = []
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            text = line.strip()
            said.append(text)
            if text.startswith(("Resolved", "Downloading", "Building", "Prepared", "Installed", "warning")):
                say(text)
    if process.returncode:
        reason = " ".join(said[-12:])
        raise PullFailed(
            f"The image {image.reference} could not be pulled: {reason}. "
            f"A machine without a network needs the packages of {image.lock.name} in a place that pip's settings name."
        )
