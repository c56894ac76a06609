"""Runs a Spark program, as spark-submit does, and ends with its exit code.

    python /opt/clary/spark/submit.py [spark-submit's options] APP [ARGUMENTS]

APP is a Python file or a jar.
https://spark.apache.org/docs/3.5.0/submitting-applications.html

A Python program runs in this very process, beside the JVM that it talks to: spark-submit would start two shells and a
JVM to find out how to start the JVM that then starts Python. Like runtime/train.py, this loads the folders beside its
own under a name that is no program's.
"""

import importlib
import sys
import types
from pathlib import Path

CODE = Path(__file__).resolve().parent.parent
PACKAGE = "clary_images"


def main() -> int:
    del sys.path[0]  # our files' names are none of the program's
    package = types.ModuleType(PACKAGE)
    package.__path__ = [str(CODE)]
    sys.modules[PACKAGE] = package
    program = "parked" if sys.argv[1:] == ["--parked"] else "driver"
    return int(importlib.import_module(f"{PACKAGE}.spark.{program}").run(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
