"""The configuration of a job, /opt/ml/processing/input/conf/configuration.json, in the form of EMR's classifications.
https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-configure-apps.html
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = Path("/opt/ml/processing/input/conf/configuration.json")
# What each says to Spark: the prefix that its properties get. Spark has Hadoop's and Hive's settings under its own.
PREFIXES = {
    "spark-defaults": "",
    "core-site": "spark.hadoop.",
    "hive-site": "spark.hadoop.",
    "spark-hive-site": "spark.hadoop.",
    "spark-metrics": "spark.metrics.conf.",
}
EXPORTS = {"spark-env", "hadoop-env", "hive-env", "yarn-env"}  # each with a classification `export` in it
# There is no YARN and no Hive here, and the log is the job's.
NOTHING = {"yarn-site", "hadoop-log4j", "hive-log4j", "hive-exec-log4j", "spark-log4j"}


@dataclass
class Configuration:
    """`ignored`: classifications that have nothing to say here."""

    settings: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def read(file: Path = FILE) -> Configuration:
    """Empty without such a file. Raises ValueError."""
    found = Configuration()
    if file.exists():
        try:
            told = json.loads(file.read_text())
        except ValueError as error:
            raise ValueError(f"{file} is no JSON: {error}") from error
        for each in told if isinstance(told, list) else [told]:
            _take(found, each)
    return found


def _take(found: Configuration, told: Any) -> None:
    if not isinstance(told, dict) or not isinstance(told.get("Classification"), str):
        said = f"Could not determine type of user configuration {told}: it has no Classification"
        raise ValueError(said)  # noqa: TRY004 - as Amazon's container
    name = told["Classification"]
    properties = {str(key): str(value) for key, value in (told.get("Properties") or {}).items()}
    if name in PREFIXES:
        prefix = PREFIXES[name]
        found.settings |= {f"{prefix}{key}": value for key, value in properties.items()}
    elif name in EXPORTS:
        for inner in told.get("Configurations") or []:
            if inner.get("Classification") != "export":
                raise ValueError(f"{name} has a classification {inner.get('Classification')!r}: only export is known")
            found.environment |= {str(key): str(value) for key, value in (inner.get("Properties") or {}).items()}
    elif name in NOTHING:
        found.ignored.append(name)
    else:
        raise ValueError(f"Unknown classification {name!r}")
