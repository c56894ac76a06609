"""The JVM of a driver: its command, and how Python reaches it."""

import contextlib
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from . import options
from .settings import Instance, tuning

SUBMIT = "org.apache.spark.deploy.SparkSubmit"
SHELL = "pyspark-shell"  # SparkSubmit's name for a Python program that is there already
ARCHIVE = Path("/opt/clary-java/driver.jsa")  # of classes as the JVM has them in memory, made at the image's pull
# What Spark opens of Java 17: https://github.com/apache/spark/blob/v3.5.6/launcher/src/main/java/org/apache/spark/
# launcher/JavaModuleOptions.java
OPENED = (
    *(f"java.base/java.{name}" for name in ("lang", "lang.invoke", "lang.reflect", "io", "net", "nio", "util")),
    *(f"java.base/java.util.{name}" for name in ("concurrent", "concurrent.atomic")),
    *(f"java.base/{name}" for name in ("jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action")),
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)
# A uncaught error's exit code in Spark, and that of a JVM that ran out of memory:
# https://github.com/apache/spark/blob/v3.5.6/core/src/main/scala/org/apache/spark/util/SparkExitCode.scala
OUT_OF_MEMORY = {3, 52, 137, -9}
_LOST = re.compile(r"ExecutorLostFailure.* exited with code (\d+)")


def home() -> Path:
    """Spark's own folder, within the package."""
    return next(Path(os.environ.get("VIRTUAL_ENV", "/opt/venv")).glob("lib/python3*/site-packages/pyspark"))


def program() -> str:
    """Raises FileNotFoundError."""
    place = os.environ.get("JAVA_HOME")
    found = f"{place}/bin/java" if place else shutil.which("java")
    if not found or not Path(found).exists():
        raise FileNotFoundError("There is no Java in this container: JAVA_HOME names none.")
    return found


def shipped() -> list[str]:
    """Spark's own jars, in an order that is always the same: the archive holds for that one alone, and for what comes
    behind it.
    """
    return sorted(str(path) for path in (home() / "jars").glob("*.jar"))


def jars() -> list[str]:
    more = os.environ.get("SPARK_DIST_CLASSPATH", "")
    return [*shipped(), *filter(None, more.split(os.pathsep))]


def archived() -> list[str]:
    """A JVM's options, if there is an archive. Where that doesn't fit, nobody is to read of it."""
    return [f"-XX:SharedArchiveFile={ARCHIVE}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"] if ARCHIVE.exists() else []


def executors() -> dict[str, str]:
    """Settings by which executors have the archive, too: Spark names its jars to them in whatever order."""
    options = {"spark.executor.defaultJavaOptions": " ".join(archived())}
    return {**options, "spark.executor.extraClassPath": os.pathsep.join(shipped())} if archived() else {}


def opened() -> list[str]:
    each = [word for name in OPENED for word in ("--add-opens", f"{name}=ALL-UNNAMED")]
    return ["-XX:+IgnoreUnrecognizedVMOptions", *each, "-Djdk.reflect.useDirectMethodHandle=false"]


def plain(here: Instance, memory: str, main: str, *arguments: str) -> list[str]:
    """A JVM that runs a class of Spark's own."""
    classes = os.pathsep.join(jars())
    return [program(), f"-Xmx{memory}", *tuning(here), *archived(), *opened(), "-cp", classes, main, *arguments]


def driver(here: Instance, settings: dict[str, str], folder: Path, resource: list[str], *extra: str) -> list[str]:
    """The driver's JVM, with `extra` options; the settings are in a file of the folder, since some are secret."""
    file = folder / "spark-defaults.conf"
    file.touch(mode=0o600)
    file.write_text(options.write(settings), "utf-8")
    command = [program(), f"-Xmx{memory(settings['spark.driver.memory'])}", *tuning(here)]
    if making := os.environ.get("CLARY_SPARK_ARCHIVE"):
        command += [f"-XX:ArchiveClassesAtExit={making}", "-Xlog:disable"]
    else:
        command += archived()
    command += [*opened(), *extra]
    for name in ("spark.driver.defaultJavaOptions", "spark.driver.extraJavaOptions"):
        command += shlex.split(settings.get(name, ""))
    if libraries := settings.get("spark.driver.extraLibraryPath"):
        command.append(f"-Djava.library.path={libraries}")
    before = settings.get("spark.driver.extraClassPath")
    classes = [*([before] if before else []), *jars()]
    return [*command, "-cp", os.pathsep.join(classes), SUBMIT, "--properties-file", str(file), *resource]


def memory(told: str) -> str:
    """A JVM knows no `2gb`."""
    found = re.fullmatch(r"(\d+)\s*([kmgt]?)b?", told.strip().lower())
    return f"{found[1]}{found[2] or 'm'}" if found else told  # a bare number is MiB in spark.driver.memory


class Gateway:
    """The JVM that a Python program talks to. It ends when `close` does away with its standard input."""

    def __init__(self, here: Instance, settings: dict[str, str], folder: Path) -> None:
        self._told = folder / "gateway"
        self._memory = settings["spark.driver.memory"]
        self._joined = False
        # Not told of a signal to all: the program ends first, and it by that.
        self._process = subprocess.Popen(
            driver(here, settings, folder, [SHELL]),
            env={**os.environ, "_PYSPARK_DRIVER_CONN_INFO_PATH": str(self._told)},
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def join(self) -> tuple[int, str]:
        """Port and secret, once it listens. Raises RuntimeError if it ended instead."""
        while not self._told.exists():
            if (code := self._process.poll()) is not None:
                raise RuntimeError(f"Spark's JVM ended with exit code {code} before the program could talk to it")
            time.sleep(0.005)  # Spark renames a file to that, which nothing tells of
        with self._told.open("rb") as file:
            self._joined = True
            port, length = struct.unpack("!ii", file.read(8))
            return port, file.read(length).decode()

    def close(self) -> None:
        """Waits until it has stopped what runs and written its event log."""
        ended = self._process.poll()
        if ended is None and self._joined:
            _stop()
        assert self._process.stdin is not None
        self._process.stdin.close()
        if not self._joined:
            self._process.kill()  # it has nothing to finish
        code = self._process.wait()
        if ended is not None and ended in OUT_OF_MEMORY:
            _driver_spent(self._memory, code)


def jar(here: Instance, settings: dict[str, str], folder: Path, resource: list[str]) -> int:
    """Runs a program that is a JVM of its own; its exit code. That it had no memory left only the JVM knows: a program
    may end with the same code for another reason.
    """
    mark = folder / "spent"
    command = driver(here, settings, folder, resource, f"-XX:OnOutOfMemoryError=touch {shlex.quote(str(mark))}")
    code = subprocess.run(command, check=False).returncode
    code = code if code >= 0 else 128 - code
    if mark.exists():
        _driver_spent(settings["spark.driver.memory"], code)
    return code


def _driver_spent(size: str, code: int) -> None:
    _say(f"its JVM, of {size} (spark.driver.memory), ended with exit code {code}", "driver")


def explain(error: str, settings: dict[str, str]) -> None:
    """What the loss of an executor that had no memory left means."""
    for code in map(int, _LOST.findall(error)):
        if code in OUT_OF_MEMORY:
            size = settings.get("spark.executor.memory", "1g")
            _say(f"an executor, of {size} (spark.executor.memory), ended with exit code {code}", "executor")
            return


def _say(what: str, which: str) -> None:
    advice = f"Please use a larger instance, more partitions, or a larger spark.{which}.memory."
    print(f"Spark ran out of memory: {what}. {advice}", file=sys.stderr, flush=True)


def _stop() -> None:
    """What a program left running; a JVM that is gone would be missed by Python's side of it."""
    pyspark: Any = sys.modules["pyspark"].SparkContext
    if (gateway := pyspark._gateway) is not None:  # noqa: SLF001 - PySpark's one way to it
        # A thread tells the JVM which objects Python has let go of, and would complain that it is gone.
        gateway._gateway_client.garbage_collect_object = lambda *_: None  # noqa: SLF001 - likewise
    context = pyspark._active_spark_context  # noqa: SLF001 - likewise
    if context is not None:
        with contextlib.suppress(Exception):  # the program may have ended by the very same
            context.stop()
    if gateway is not None:
        gateway.shutdown()  # a JVM waits for threads of its own that wait for somebody else


def folder() -> Path:
    """One of the process's own."""
    return Path(tempfile.mkdtemp(prefix="clary-spark-"))
