"""The arguments of a run: those that Glue acts upon, and those that its script gets.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
"""

import re
import shlex
from typing import Final

from clary.resource.service import Document
from clary.services.glue.capacity import SHELL

# Acted upon, or for Glue's eyes: no script gets them.
TAKEN: Final = frozenset(
    {
        *("--scriptLocation", "--job-language", "--class", "--conf", "--mode"),
        *("--extra-py-files", "--extra-jars", "--user-jars-first", "--use-postgres-driver", "--extra-files"),
        *("--additional-python-modules", "--python-modules-installer-option"),
        *("--enable-metrics", "--enable-continuous-cloudwatch-log", "--enable-continuous-log-filter"),
        *("--continuous-log-logGroup", "--continuous-log-logStreamPrefix", "--continuous-log-conversionPattern"),
        *("--enable-spark-ui", "--spark-event-logs-path", "--enable-observability-metrics", "--enable-job-insights"),
        *("--enable-auto-scaling", "--enable-glue-datacatalog", "--enable-rename-algorithm-v2", "--datalake-formats"),
        *("--disable-proxy-v2", "--enable-s3-parquet-optimized-committer", "--library-set", "--debug"),
    }
)

# Taken, and nothing comes of it, unless the value is one of these.
IDLE: Final = {
    "--user-jars-first": ("Spark's own jars come before those of --extra-jars", ("false",)),
    "--datalake-formats": ("jars of Delta Lake, Hudi and Iceberg come by --extra-jars", ()),
    "--library-set": ("--additional-python-modules brings packages that are not there", ("none",)),
}


def idle(given: Document) -> list[tuple[str, str]]:
    """Arguments that do nothing here though they are to do something, and why."""
    return [(name, why) for name, (why, off) in IDLE.items() if of(given, name) and of(given, name).lower() not in off]


def of(given: Document, name: str) -> str:
    """An argument's value; nothing where it is not given."""
    return str(given.get(name) or "")


def on(given: Document, name: str) -> bool:
    """Those that switch something on: with the value true, with an empty one, or by being there."""
    return name in given and of(given, name).lower() in ("true", "")


def several(given: Document, name: str) -> list[str]:
    """A comma-separated list."""
    return [part.strip() for part in of(given, name).split(",") if part.strip()]


def conf(given: Document) -> list[str]:
    """Spark's settings. One argument can have several: `a=1 --conf b=2`."""
    return [part.strip() for part in re.split(r"\s+--conf[\s=]+", of(given, "--conf")) if part.strip()]


def installer(given: Document) -> list[str]:
    return shlex.split(of(given, "--python-modules-installer-option"))


def script(document: Document) -> list[str]:
    """What the script finds as sys.argv behind its own name. To a Spark job Glue says who it is, a Python shell gets
    what the user says.
    """
    told = {name: str(value) for name, value in document["Given"].items() if name not in TAKEN}
    if document["Command"]["Name"] != SHELL:
        told = {
            "--job-bookmark-option": "job-bookmark-disable",
            **told,
            "--JOB_ID": document["JobId"],
            "--JOB_RUN_ID": document["Id"],
            "--JOB_NAME": document["JobName"],
        }
    if "WorkflowName" in document:
        told |= {"--WORKFLOW_NAME": document["WorkflowName"], "--WORKFLOW_RUN_ID": document["WorkflowRunId"]}
    return [word for pair in told.items() for word in pair]


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Of s3://bucket/key, s3a and s3n."""
    bucket, _, key = uri.partition("://")[2].partition("/")
    return bucket, key
