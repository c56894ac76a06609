"""smspark-submit: spark-submit with folders for lists of files, the job's configuration, and event logs for S3.
https://github.com/aws/sagemaker-spark-container/blob/master/README.md
"""

import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from smspark import classifications, ours
from smspark.events import Publisher

SUBMIT = Path(__file__).resolve().parents[2] / "submit.py"
# Not all that spark-submit has: memory, --conf and the like are the configuration's.
OPTIONS = {"--class", "--jars", "--py-files", "--files", "--spark-event-logs-s3-uri", "--local-spark-event-logs-dir"}
FLAGS = {"-v", "--verbose"}
LISTS = {"--jars", "--py-files", "--files"}
LOGS = Path("/tmp/spark-events")  # noqa: S108 - a container's own, and the name that Spark itself has for it
USAGE = """Usage: smspark-submit [OPTIONS] APP [APP_ARGUMENTS]...

Options:
  --class TEXT                       Fully-qualified name to your application's main class.
  --jars TEXT                        Either a directory or a comma-separated list of jars.
  --py-files TEXT                    Either a directory or a comma-separated list of .zip, .egg, or .py files.
  --files TEXT                       Either a directory or a comma-separated list of files.
  --spark-event-logs-s3-uri TEXT     Spark's event logs are published to this S3 destination.
  --local-spark-event-logs-dir TEXT  Spark's event logs are stored in this local path.
  -v, --verbose                      Print additional debug output.
  --help                             Show this message and exit."""


@dataclass
class Given:
    app: str
    arguments: list[str]
    options: dict[str, str] = field(default_factory=dict)


def main(words: list[str]) -> int:
    """The program's exit code is the application's."""
    if "--help" in words[:1]:
        print(USAGE)
        return 0
    try:
        given = parse(words)
        command = _spark(given)
        told = classifications.read()
    except ValueError as error:
        print(f"ValueError: {error}", file=sys.stderr)
        return 1
    for name in told.ignored:
        print(f"smspark-submit: the classification {name} has no effect here", file=sys.stderr)
    os.environ.update(told.environment)
    with tempfile.TemporaryDirectory() as folder:
        settings = _logged(given, told.settings)
        if settings:
            file = Path(folder) / "spark-defaults.conf"
            file.write_text(ours("options").write(settings), "utf-8")
            command = ["--properties-file", str(file), *command]
        publisher = None
        target = given.options.get("--local-spark-event-logs-dir")
        if target and ours("settings").instance(os.environ).leads:
            publisher = Publisher(LOGS, Path(target))
        try:
            return _run([sys.executable, str(SUBMIT), *command])
        finally:
            if publisher is not None:
                publisher.close()


def parse(words: list[str]) -> Given:
    """Raises ValueError, in the words of Amazon's container."""
    given, rest = Given("", []), list(words)
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).partition("=")
        if name in FLAGS and not equals:
            continue
        if name not in OPTIONS:
            raise ValueError(f"no such option: {name}")
        if not equals:
            if not rest:
                raise ValueError(f"{name} option requires an argument")
            value = rest.pop(0)
        given.options[name] = value
    if not rest:
        raise ValueError("missing parameter: app")
    given.app, *given.arguments = rest
    return given


def _spark(given: Given) -> list[str]:
    """spark-submit's words."""
    found = []
    for name, value in given.options.items():
        if name in LISTS:
            found += [name, listed(value)]
        elif name == "--class":
            found += [name, value]
    return [*found, given.app, *given.arguments]


def listed(paths: str) -> str:
    """A folder among the paths stands for the files in it, at any depth. Raises ValueError."""
    found = []
    for path in paths.split(","):
        parts = urlsplit(path)
        if parts.scheme in {"s3", "s3a"}:
            found.append(path)
            continue
        place = Path(parts.path if parts.scheme == "file" else path)
        if not place.is_absolute():
            raise ValueError(f"file path {place} must be an absolute path to a file or directory")
        if not place.exists():
            raise ValueError(f"file path {place} does not exist")
        inside = sorted(str(each.resolve()) for each in place.rglob("*") if each.is_file()) if place.is_dir() else None
        if inside == []:
            raise ValueError(f"Found zero files in {place}")
        found += inside if inside is not None else [str(place.resolve())]
    return ",".join(found)


def _logged(given: Given, settings: dict[str, str]) -> dict[str, str]:
    """With where Spark is to write its event log; the job's configuration may say more."""
    if uri := given.options.get("--spark-event-logs-s3-uri"):
        where = uri.replace("s3://", "s3a://", 1)
    elif given.options.get("--local-spark-event-logs-dir"):
        where = LOGS.as_uri()
    else:
        return settings
    return {**settings, "spark.eventLog.enabled": "true", "spark.eventLog.dir": where}


def _run(command: list[str]) -> int:
    """Waits for it, and hands on who tells this one to stop."""
    with subprocess.Popen(command) as process:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda told, _frame: process.send_signal(told))
        code = process.wait()
    return code if code >= 0 else 128 - code
