"""Runs the script of a Glue job as the program that it is, and leaves in a file why it failed.

    python glue.py /tmp/script.py --JOB_NAME ...
    python glue.py --install COMMAND...     for the instances that have no script, and the same packages

What is to be done before is in the file PLAN. It runs in the driver's own process, so the script is `__main__`, as it
would be without us.
"""

import importlib.machinery
import importlib.util
import json
import linecache
import os
import subprocess
import sys
import traceback
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PLAN = Path("/opt/clary-glue/plan.json")
REPORT = Path("/opt/clary-job/error.json")
HERE = Path(__file__).resolve().parent
OURS = str(HERE / "python")
PACKAGES = ("awsglue", "awsgluedq", "awsglueml", "mleap", "oldspark", "smspark")
LONGEST = 10_000  # characters of a message


class Ours:
    """Our packages come before those of the same name that --extra-py-files brings, whenever it puts them there."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, _target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if path is None and name in PACKAGES:
            return importlib.machinery.PathFinder.find_spec(name, [OURS])
        return None


def main() -> None:
    script, *arguments = sys.argv[1:]
    plan = json.loads(PLAN.read_text())
    if script == "--install":
        install(plan)
        os.execv(arguments[0], arguments)  # noqa: S606 - what the recipe says, and no shell
    sys.argv = [script, *arguments]
    sys.path[:] = [str(Path(script).parent), *(path for path in sys.path if path != str(HERE))]
    sys.meta_path.insert(0, Ours)
    try:
        install(plan)
        importlib.import_module("oldspark").install(os.environ.get("GLUE_VERSION", ""))
        run(script, plan["python2"])
    except SystemExit as error:
        report(error, script)
        quiet()
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is ends the run
        told = error.__traceback__
        while told is not None and told.tb_frame.f_code.co_filename == __file__:
            told = told.tb_next
        traceback.print_exception(type(error), error, told)
        report(error, script)
        quiet()
        sys.exit(1)
    quiet()


def install(plan: dict[str, Any]) -> None:
    """What --additional-python-modules names."""
    if plan["modules"]:
        command = [sys.executable, "-m", "pip", "install", *plan["installer"], *plan["modules"]]
        if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
            raise InstallError(f"The additional Python modules could not be installed: {', '.join(plan['modules'])}")


class InstallError(Exception):
    """pip has said why."""


def translate(text: str, how: str) -> str:
    """Python 2, as Glue 0.9 and 1.0 ran it. `how`: by which function of python2.py."""
    sys.path.append(str(HERE))
    try:
        found: str = getattr(importlib.import_module("python2"), how)(text)
    finally:
        sys.path.remove(str(HERE))
    return found


def run(script: str, python2: str) -> None:
    data: bytes | str = Path(script).read_bytes()
    program = types.ModuleType("__main__")
    program.__dict__.update({"__file__": script, "__builtins__": __builtins__})
    sys.modules["__main__"] = program
    if python2 and isinstance(data, bytes):
        data = text = translate(importlib.util.decode_source(data), python2)
        linecache.cache[script] = (len(text), None, text.splitlines(keepends=True), script)
    exec(compile(data, script, "exec"), program.__dict__)  # noqa: S102 - to run it is what we are for


def quiet() -> None:
    """The JVM goes before PySpark's own server in this process, which would put that into the log as an error."""
    if (module := sys.modules.get("pyspark.accumulators")) is not None:
        module.__dict__["AccumulatorServer"].handle_error = lambda *_: None


def report(error: BaseException, script: str) -> None:
    """For whoever asks for the run's ErrorMessage."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == script]
    told: dict[str, Any] = {
        "type": type(error).__name__,
        "message": words(error)[:LONGEST],
        "line": lines[-1] if lines else None,
    }
    if isinstance(error, SystemExit):
        told["code"] = error.code if isinstance(error.code, int) or error.code is None else 1
    told["class"] = asked(getattr(error, "getErrorClass", lambda: None))
    try:
        REPORT.write_text(json.dumps(told))
    except OSError as failed:
        print(f"{REPORT}: {failed}", file=sys.stderr)


def words(error: BaseException) -> str:
    """What it says. Of one that Java raised: without the class, and without where."""
    text = asked(lambda: str(error))
    first, *others = (type(error).__name__ if text is None else text).split("\n")
    if type(error).__name__ == "Py4JJavaError" and others:
        said = others[0].removeprefix(": ")
        _, _, message = said.partition(": ")
        return f"{first} {message or said}"
    if type(error).__module__.startswith("pyspark") and "JVM stacktrace:" in others:
        others = others[: others.index("JVM stacktrace:")]
    return "\n".join([first, *others]).strip()


def asked(question: Callable[[], str | None]) -> str | None:
    """What Spark's errors say of themselves they ask Java for. Nothing, if that is gone."""
    gone = getattr(sys.modules.get("py4j.protocol"), "Py4JError", ConnectionError)
    try:
        return question()
    except (gone, ConnectionError):
        return None


if __name__ == "__main__":
    main()
