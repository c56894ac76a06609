"""A driver of Spark that is started before there is a job: what `submit.py --parked` runs.

Its JVM has run what most programs run, in a context that has ended, and so has Python's side of it. Then it waits for
the word, and is that job's: with its variables, settings, files and token, of which there was nothing before. How the
word comes is told in compute/parked.py.
"""

import atexit
import fcntl
import gc
import importlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from . import driver, files, java, sources
from .options import BadOptions, Given, parse
from .settings import instance, settings

WORD = Path("/opt/clary-word")
READY = Path("/opt/clary-ready/yes")
TOOK = READY.with_name("took")
NOBODY = 75  # the exit code of one that nobody took


def run(_words: list[str]) -> int:
    lock = os.open(WORD / "lock", os.O_RDONLY | os.O_CLOEXEC)
    here = instance(os.environ)
    os.environ.update(driver.environment(here))
    folder = java.folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    files.classes()
    before = settings(Given(), here, os.environ)
    gateway = java.Gateway(here, before, folder)
    atexit.register(gateway.close)
    driver.joined(gateway, lambda: None)
    sys.path.insert(0, driver.PACKAGES)
    _warm(folder)
    gc.collect()  # the JVM is told of what is gone now, not in the job's time
    del sys.path[0]
    READY.touch()
    fcntl.flock(lock, fcntl.LOCK_SH)
    try:
        word = json.loads((WORD / "go").read_text())
    except FileNotFoundError:
        return NOBODY
    TOOK.touch()
    os.close(lock)
    try:
        return _begin(word, before, folder)
    except (BadOptions, sources.Unreachable, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def _begin(word: dict[str, Any], before: dict[str, str], folder: Path) -> int:
    for place, target in word["brought"]:
        shutil.copyfile(place, target)
    os.chdir(word["cwd"])
    new = {name: text for name, text in word["env"].items() if os.environ.get(name) != text}
    os.environ.update(word["env"])
    here = instance(os.environ)
    os.environ.update(driver.environment(here))
    given = parse(word["argv"][_behind(word["argv"]) :])
    told = settings(given, here, os.environ)
    sources.events(told)
    app = sources.local(given.app, folder)
    _tell(before, told)
    _workers({name: text for name, text in new.items() if name != "PYTHONPATH"})
    driver.places(app, [])
    return driver.python(given, app, told)


def _behind(argv: list[str]) -> int:
    """Where the options begin: behind this program's own name."""
    return next(place for place, each in enumerate(argv, 1) if each.endswith("/spark/submit.py"))


def _jvm() -> Any:
    context: Any = importlib.import_module("pyspark.context")
    return context.SparkContext._jvm  # noqa: SLF001 - PySpark's one way to it


def _tell(before: dict[str, str], told: dict[str, str]) -> None:
    """To the JVM: the settings, as SparkSubmit would have, and the token, as Hadoop's login would have read it."""
    jvm = _jvm()
    for name in before.keys() - told.keys():
        jvm.java.lang.System.clearProperty(name)
    for name, value in told.items():
        if before.get(name) != value:
            jvm.java.lang.System.setProperty(name, value)
    if token := os.environ.get(files.FILE):
        empty = jvm.org.apache.hadoop.conf.Configuration(False)
        read = jvm.org.apache.hadoop.security.Credentials.readTokenStorageFile(jvm.java.io.File(token), empty)
        jvm.org.apache.hadoop.security.UserGroupInformation.getCurrentUser().addCredentials(read)


def _workers(new: dict[str, str]) -> None:
    """Python's workers are the JVM's children, whose own variables are older. Not by Spark's settings, which an event
    log would tell.
    """
    context: Any = importlib.import_module("pyspark.context").SparkContext
    start = context._do_init  # noqa: SLF001 - where the context is made, but for its first use

    def begin(self: Any, *arguments: Any, **named: Any) -> None:
        start(self, *arguments, **named)
        for name, value in new.items():
            self.environment.setdefault(name, value)

    context._do_init = begin  # noqa: SLF001 - likewise


def _warm(folder: Path) -> None:
    """What most programs use, in a context of its own. What can be set only once is left to the job's."""
    sql: Any = importlib.import_module("pyspark.sql")
    functions: Any = importlib.import_module("pyspark.sql.functions")
    for name in ("awsglue.context", "awsglue.job", "awsglue.transforms", "awsglue.utils", "oldspark"):
        importlib.import_module(name)
    place = folder / "warm"
    builder = sql.SparkSession.builder.config("spark.sql.warehouse.dir", str(place / "warehouse"))
    builder = builder.config("spark.sql.defaultUrlStreamHandlerFactory.enabled", "false")
    spark = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    try:
        spark.range(10).count()
        rows = [(number, f"name {number % 3}", number / 7) for number in range(100)]
        frame = spark.createDataFrame(rows, "id long, name string, value double")
        frame.write.csv(f"{place}/csv", header=True)
        read = spark.read.csv(f"{place}/csv", header=True, inferSchema=True)
        grouped = read.groupBy("name").agg(functions.count("*"), functions.sum("value")).orderBy("name")
        grouped.write.parquet(f"{place}/parquet")
        spark.read.parquet(f"{place}/parquet").collect()
        frame.rdd.map(lambda row: row.name).distinct().count()
    finally:
        spark.stop()
        builder._options.clear()  # noqa: SLF001 - the class's own, which every builder has
    shutil.rmtree(place, ignore_errors=True)
