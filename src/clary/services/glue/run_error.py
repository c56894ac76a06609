"""A run's ErrorMessage, in AWS's words: what the script raised, or how its process ended.

Glue 4.0 and later say what kind of error it is, and at which line of the script:
https://docs.aws.amazon.com/glue/latest/dg/glue-troubleshooting-errors.html
"""

import json
import os
import stat
from pathlib import Path
from typing import Final

from clary.compute.driver import Instance
from clary.resource.service import Document

MOST: Final = 1 << 20  # bytes of a file that a run leaves
CATEGORIES: Final = {
    "AnalysisException": "QUERY_ERROR",
    "ParseException": "QUERY_ERROR",
    "SyntaxError": "SYNTAX_ERROR",
    "IndentationError": "SYNTAX_ERROR",
    "ModuleNotFoundError": "IMPORT_ERROR",
    "ImportError": "IMPORT_ERROR",
    "GlueArgumentError": "INVALID_ARGUMENT_ERROR",
    "IllegalArgumentException": "INVALID_ARGUMENT_ERROR",
}
TIMEOUT_STATUS: Final = "TIMEOUT"  # as run_view.py shows it
DISK: Final = "No space left on device"
MEMORY: Final = "Command Failed due to Out of Memory"
PLAIN: Final = ("Py4JJavaError",)  # which are named by what they say alone


def read(file: Path, most: int = MOST) -> Document | None:
    """The JSON of a file that a container left, which may be anything: None unless it is a document."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as source:
            if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
                return None
            data = source.read(most + 1)
        found = json.loads(data) if len(data) <= most else None
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def passes(version: str, told: Document | None, *, shell: bool) -> bool:
    """Whether a run of Spark whose process ended with 0 did well: sys.exit(0) is an error of its kind since 2.0."""
    return shell or told is None or told.get("type") != "SystemExit" or version < "2"


def message(version: str, instance: Instance, told: Document | None, *, shell: bool) -> str:
    """`told` is what the container left (images/spark/glue.py)."""
    code = 1 if instance.code is None else instance.code
    if shell or told is None or not isinstance(told.get("type"), str):
        return f"Command failed with exit code {code}"
    kind, said = told["type"], str(told.get("message") or "")
    if kind == "SystemExit" and version < "2":
        return f"Command failed with exit code {code}"
    text = said if kind in PLAIN else f"{kind}: {said}" if said else kind
    if kind == "SystemExit" or version < "4":
        return text
    parts = [f"Error Category: {CATEGORIES.get(kind, 'UNCLASSIFIED_ERROR')}"]
    if isinstance(told.get("line"), int):
        parts.append(f"Failed Line Number: {told['line']}")
    if isinstance(told.get("class"), str):
        parts.append(f"Spark Error Class: {told['class']}")
    return "; ".join([*parts, text])
