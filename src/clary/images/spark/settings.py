"""How Spark is set up where a program says nothing: by the instance's size, and what is known of a job's container."""

import json
import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from . import files, options

MIB = 1 << 20
HERE = Path(__file__).resolve().parent
LEAST = 512  # MiB of heap: Spark refuses less than 471
RESOURCES = Path("/opt/ml/config/resourceconfig.json")
# Of an instance's memory. What is left is for Python, for what a JVM needs beside its heap, and for the system.
ALONE, DRIVER, EXECUTOR = 0.6, 0.2, 0.5
C1 = "-XX:TieredStopAtLevel=1"  # a third of the CPU until a small job's end; who computes for hours sets 4


@dataclass(frozen=True)
class Instance:
    """This one. `hosts`: all of the job's, the first of which has the driver."""

    name: str
    hosts: tuple[str, ...]
    cpus: int
    memory: int  # bytes

    @property
    def leads(self) -> bool:
        return self.name == self.hosts[0]

    def share(self, part: float) -> int:
        """Of its memory, in MiB."""
        return max(LEAST, int(self.memory * part) // MIB)


def instance(environ: MutableMapping[str, str]) -> Instance:
    """As CLARY_HOSTS (comma-separated) says, or the job's resourceconfig.json, or alone."""
    name = socket.gethostname()
    hosts = [each for each in environ.get("CLARY_HOSTS", "").split(",") if each]
    if not hosts and RESOURCES.exists():
        told = json.loads(RESOURCES.read_text())
        name, hosts = str(told["current_host"]), [str(each) for each in told["hosts"]]
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    memory = min(int(environ.get("CLARY_MEMORY", there)), there)
    cpus = int(float(environ.get("CLARY_CPUS", len(os.sched_getaffinity(0)))))
    return Instance(name, tuple(sorted(hosts, key=_number)) or (name,), max(1, cpus), memory)


def _number(host: str) -> tuple[int, str]:
    """algo-10 comes after algo-9."""
    number = host.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0, host


def settings(given: options.Given, here: Instance, environ: MutableMapping[str, str]) -> dict[str, str]:
    """All of them: ours, then the file of --properties-file or of SPARK_CONF_DIR, then the options."""
    found = defaults(here)
    found |= files.configuration(environ)
    folder = environ.get("SPARK_CONF_DIR", "")
    file = Path(given.properties or f"{folder}/spark-defaults.conf")
    if given.properties or (folder and file.exists()):
        found |= options.read(file.read_text())
    found |= given.settings
    if found["spark.master"].startswith("yarn"):  # which Amazon's containers run, and name by themselves
        found["spark.master"] = master(here)
    if len(here.hosts) > 1 and found["spark.executor.cores"] == str(here.cpus):
        found = {**_registered(here), **found}
    return found


def _registered(here: Instance) -> dict[str, str]:
    """No stage begins on the first instance alone: as on YARN it waits for four fifths of all cores, up to 30 seconds.
    https://spark.apache.org/docs/3.5.0/configuration.html#scheduling
    """
    return {
        "spark.cores.max": str(here.cpus * len(here.hosts)),
        "spark.scheduler.minRegisteredResourcesRatio": "0.8",
    }


def master(here: Instance) -> str:
    return f"local[{here.cpus}]" if len(here.hosts) == 1 else f"spark://{here.hosts[0]}:7077"


def defaults(here: Instance) -> dict[str, str]:
    alone = len(here.hosts) == 1
    host = "localhost" if alone else here.name
    found = {
        "spark.master": master(here),
        "spark.app.name": "spark",
        "spark.driver.memory": f"{here.share(ALONE if alone else DRIVER)}m",
        "spark.driver.host": host,
        "spark.driver.bindAddress": host,
        "spark.authenticate": "true",  # by a secret of its own: other jobs of this machine may reach its ports
        "spark.python.daemon.module": "sparkdaemon",
        "spark.ui.enabled": "false",  # nobody could reach it
        "spark.ui.showConsoleProgress": "false",
    }
    if not alone:
        found |= {
            "spark.executor.memory": f"{here.share(EXECUTOR)}m",
            "spark.executor.cores": str(here.cpus),
            "spark.executor.extraJavaOptions": " ".join(tuning(here)),
        }
    return found


def tuning(here: Instance) -> list[str]:
    """A JVM's options: it cannot see what the instance has."""
    collector = "-XX:+UseSerialGC" if here.cpus <= 4 else "-XX:+UseParallelGC"
    return [C1, collector, f"-XX:ActiveProcessorCount={here.cpus}", f"-Dlog4j2.configurationFile={LOG}", *QUIET]


LOG = (HERE / "log4j2.properties").as_uri()
# In UTF-8 Hadoop's client sends S3's keys, and files are written, as on Java 18 and later.
QUIET = ("-Dfile.encoding=UTF-8", "-Dlog4j2.disableJmx=true", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError")
