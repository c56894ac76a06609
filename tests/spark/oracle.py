"""Spark as an oracle: one PySpark process for a whole test session, over all its workers, since a JVM costs seconds.

    def test_x(oracle):
        def asked(spark, rows): ...          # in the image's Python: imports what it needs, gives plain values back
        assert oracle(asked, rows) == ...
        assert oracle.run("answer = spark.range(3).count()")["answer"] == 3

Run as a program, in the image's own Python, it is that process: it answers at a unix socket until the session is gone.
What goes over the socket is pickled: plain values, no numpy, whose versions differ.
"""

import __future__

import contextlib
import inspect
import os
import pickle
import socket
import struct
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

_HEAD = struct.Struct("!Q")


class Asked(Exception):
    """What was asked failed; the message is the traceback over there."""


class Oracle:
    def __init__(self, place: Path) -> None:
        self._place = place

    def run(self, script: str, **given: Any) -> dict[str, Any]:
        """Runs it with `spark` and what is `given` as its global names; gives back those of its own that are plain."""
        return dict(self._ask("run", textwrap.dedent(script), given))

    def __call__(self, function: Callable[..., Any], *given: Any) -> Any:
        """Calls it with `spark` and what is given. It is sent as text, so it closes over nothing."""
        return self._ask("call", textwrap.dedent(inspect.getsource(function)), (function.__name__, given))

    def _ask(self, *question: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(self._place))
            send(asking, question)
            good, answer = receive(asking)
        if not good:
            raise Asked(answer)
        return answer


def send(to: socket.socket, value: Any) -> None:
    body = pickle.dumps(value)
    to.sendall(_HEAD.pack(len(body)) + body)


def receive(whence: socket.socket) -> Any:
    with whence.makefile("rb") as stream:
        (length,) = _HEAD.unpack(stream.read(_HEAD.size))
        return pickle.loads(stream.read(length))  # noqa: S301 - our own


def main(place: str, session: int) -> None:
    from pyspark.sql import SparkSession

    with socket.socket(socket.AF_UNIX) as door:
        settings = {
            "spark.ui.enabled": "false",
            # For many jobs on few rows, whose planning and compiling would take longer than they.
            "spark.sql.shuffle.partitions": "1",
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.sql.adaptive.enabled": "false",
            "spark.python.daemon.module": "sparkdaemon",  # the image's own
            "spark.driver.memory": "1g",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.warehouse.dir": f"{place}.warehouse",
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        }
        builder = SparkSession.builder.master("local[2]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        threading.Thread(target=_watch, args=(session,), daemon=True).start()
        door.bind(f"{place}.new")
        door.listen(64)
        Path(f"{place}.new").rename(place)  # who sees it is answered
        while True:
            asking, _ = door.accept()
            with asking, contextlib.suppress(OSError):
                send(asking, _answer(spark, *receive(asking)))


def _watch(session: int) -> None:
    """Ends with the test session, whatever that came to."""
    while True:
        try:
            os.kill(session, 0)
        except ProcessLookupError:
            os._exit(0)  # the JVM goes with its standard input
        time.sleep(1)


def _answer(spark: Any, kind: str, text: str, given: Any) -> tuple[bool, Any]:
    names: dict[str, Any] = {"spark": spark, "__name__": "asked"}
    try:
        if kind == "call":
            flags = __future__.annotations.compiler_flag  # whose names are not sent
            exec(compile(text, "asked", "exec", flags), names)  # noqa: S102 - what a test asks
            value: Any = names[given[0]](spark, *given[1])
        else:
            names |= given
            before = set(names)
            exec(compile(text, "asked", "exec"), names)  # noqa: S102 - likewise
            value = {name: found for name, found in names.items() if name not in before and _plain(found)}
        pickle.dumps(value)
    except BaseException:  # noqa: BLE001 - one question that fails does not end the oracle
        return False, traceback.format_exc()
    return True, value


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_plain(key) and _plain(one) for key, one in value.items())
    if isinstance(value, list | tuple | set):
        return all(_plain(one) for one in value)
    return value is None or type(value) in {bool, int, float, str, bytes, complex}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
