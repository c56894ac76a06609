"""Lines of the job's log, in the form of the public container's."""

import sys
import time


def say(text: str, level: str = "INFO") -> None:
    print(f"[{time.strftime('%Y-%m-%d:%H:%M:%S')}:{level}] {text}", flush=True)


def warn(text: str) -> None:
    say(text, "WARNING")


def error(text: str) -> None:
    print(f"[{time.strftime('%Y-%m-%d:%H:%M:%S')}:ERROR] {text}", file=sys.stderr, flush=True)
