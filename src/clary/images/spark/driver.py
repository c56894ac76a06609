"""A Spark program from its start to its exit code: what submit.py runs."""

import atexit
import builtins
import importlib
import os
import shutil
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import cluster, java, metastore, sources
from .options import BadOptions, Given, parse
from .settings import Instance, instance, settings

PACKAGES = str(Path(__file__).resolve().parent / "python")  # awsglue, mleap, smspark: before any that a job brings


def run(words: list[str]) -> int:
    try:
        given = parse(words)
    except BadOptions as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    here = instance(os.environ)
    os.environ.update(environment(here))
    if not here.leads:
        return cluster.follow(here)
    folder = java.folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    told = settings(given, here, os.environ)
    try:
        sources.events(told)
        modules = sources.modules(told, folder) if given.python else []
        app = sources.local(given.app, folder) if given.python else Path(given.app)
    except (sources.Unreachable, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    leading = None
    if len(here.hosts) > 1:
        leading = cluster.Leading(here, folder)
        atexit.register(leading.close)
        told = {**leading.settings, **told}
    if metastore.wanted(told):
        catalog = metastore.Metastore()
        atexit.register(catalog.close)
        told = {**told, **catalog.settings}
    ready = leading.join if leading is not None else lambda: None
    if not given.python:
        ready()
        return _jar(given, here, told, folder)
    places(app, modules)
    gateway = java.Gateway(here, told, folder)
    atexit.register(gateway.close)
    joined(gateway, ready)  # it imports PySpark, while the JVM starts
    return python(given, app, told)


def environment(here: Instance) -> dict[str, str]:
    found = {
        "SPARK_HOME": str(java.home()),
        "SPARK_SCALA_VERSION": "2.12",  # whom a worker starts asks for it
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONPATH": os.pathsep.join(filter(None, [PACKAGES, *_more(os.environ.get("PYTHONPATH", ""))])),
    }
    if len(here.hosts) > 1:
        found["SPARK_LOCAL_IP"] = cluster.address(here.name)
    return found


def _more(path: str) -> list[str]:
    return [each for each in path.split(os.pathsep) if each != PACKAGES]


def _jar(given: Given, here: Instance, told: dict[str, str], folder: Path) -> int:
    resource = [*(["--class", given.main] if given.main else []), given.app, *given.arguments]
    return java.jar(here, told, folder, resource)


def places(app: Path, modules: list[str]) -> None:
    """Where Python looks, in this process and in those that Spark starts."""
    sys.path[:0] = [PACKAGES, str(app.parent), *modules]
    os.environ["PYTHONPATH"] = os.pathsep.join([PACKAGES, *modules, *_more(os.environ["PYTHONPATH"])])


def python(given: Given, app: Path, told: dict[str, str]) -> int:
    try:
        text = app.read_bytes()
    except OSError as error:
        print(f"{sys.executable}: can't open file '{given.app}': {error}", file=sys.stderr)
        return 2
    try:
        code = compile(text, str(app), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        sys.excepthook(type(error), error.with_traceback(None), None)
        return 1
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=str(app), __builtins__=builtins)
    sys.modules["__main__"], sys.argv = main, [given.app, *given.arguments]
    try:
        exec(code, main.__dict__)  # noqa: S102 - the user's program, which this process is for
    except Exception as error:  # noqa: BLE001 - as Python itself does
        ours = error.__traceback__
        theirs = ours.tb_next if ours else None
        sys.excepthook(type(error), error.with_traceback(theirs), theirs)
        java.explain(str(error), told)
        return 1
    return 0


def joined(gateway: java.Gateway, ready: Callable[[], None]) -> None:
    """PySpark takes our JVM, where it would start one."""
    module: Any = importlib.import_module("pyspark.java_gateway")
    context: Any = importlib.import_module("pyspark.context")
    start = module.launch_gateway

    def launch(conf: object = None, popen_kwargs: object = None) -> object:
        port, secret = gateway.join()
        ready()
        told = {"PYSPARK_GATEWAY_PORT": str(port), "PYSPARK_GATEWAY_SECRET": secret}
        os.environ.update(told)
        try:
            return start(conf, popen_kwargs)
        finally:
            for name in told:
                del os.environ[name]

    module.launch_gateway = context.launch_gateway = launch
    _unhurried(importlib.import_module("pyspark.accumulators").AccumulatorServer)


def _unhurried(server: Any) -> None:
    """Who stops a context need not wait, up to a second, for the thread that has added up its accumulators."""
    shutdown = server.shutdown

    def begin(self: Any) -> None:
        self.handle_error = lambda *_: None  # the JVM, which it listens to, may be gone first
        threading.Thread(target=shutdown, args=(self,), daemon=True).start()

    server.shutdown = begin
