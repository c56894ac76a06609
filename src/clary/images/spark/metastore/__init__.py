"""Spark's SQL reads and writes Glue's Data Catalog, where a job asks for it: by --enable-glue-datacatalog, or by the
setting that this amounts to, the name of AWS's client.

That client is not here. The one that Spark has asks a Hive metastore, by Thrift, and that is a small process of this
container, which begins with the first question.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-data-catalog-hive.html
https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-spark-glue.html
"""

import contextlib
import select
import socket
import subprocess
import sys
import threading
from pathlib import Path

FACTORY = "hive.metastore.client.factory.class"
CLIENT = "AWSGlueDataCatalogHiveClientFactory"
CODE = Path(__file__).resolve().parents[2]
START = (
    "import sys, types; p = types.ModuleType('clary_images'); p.__path__ = [sys.argv.pop()]; "
    "sys.modules['clary_images'] = p; from clary_images.spark.metastore.server import main; main()"
)


def wanted(settings: dict[str, str]) -> bool:
    """Whether Spark's settings name AWS's client."""
    return any(settings.get(f"{prefix}{FACTORY}", "").endswith(CLIENT) for prefix in ("spark.hadoop.", "spark.", ""))


class Metastore:
    """Listens at once; what answers starts when somebody connects. So a program that asks for no table pays nothing."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._process: subprocess.Popen[bytes] | None = None
        self._closing, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    @property
    def settings(self) -> dict[str, str]:
        """Spark's."""
        return {
            "spark.sql.catalogImplementation": "hive",
            "spark.hadoop.hive.metastore.uris": f"thrift://127.0.0.1:{self._listener.getsockname()[1]}",
        }

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._wake.send(b"x")
        self._thread.join()
        for each in (self._listener, self._closing, self._wake):
            each.close()
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()

    def _wait(self) -> None:
        ready, _, _ = select.select([self._listener, self._closing], [], [])
        if self._closing in ready:
            return
        handle = self._listener.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(handle), str(CODE)],
            stdin=subprocess.PIPE,
            pass_fds=[handle],
            start_new_session=True,
        )
