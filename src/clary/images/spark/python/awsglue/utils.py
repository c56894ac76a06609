"""The arguments of a job: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-get-resolved-options.html."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

# What Glue itself passes to a script: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
_BOOKMARKS = ("job-bookmark-enable", "job-bookmark-pause", "job-bookmark-disable")
_RESERVED = (
    "job-bookmark-option",
    "job-bookmark-from",
    "job-bookmark-to",
    "JOB_ID",
    "JOB_RUN_ID",
    "SECURITY_CONFIGURATION",
    "encryption-type",
    "enable-data-lineage",
)
_OFFERED = ("RedshiftTempDir", "TempDir")  # reserved as well, but scripts may ask for them


class GlueArgumentError(Exception):
    """An argument is missing, has no value, or is one of Glue's own."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def getResolvedOptions(args: Sequence[str], options: Iterable[str]) -> dict[str, Any]:
    """The named arguments of `args`, which is `sys.argv`, as text; beside them those that Glue passes, None where not.

    `--name value` and `--name=value` are one; what isn't asked for is passed over. GlueArgumentError if one is missing.
    """
    names = [name.removeprefix("--") for name in options]
    for name in names:
        if name in _RESERVED:
            raise GlueArgumentError(f"Using reserved arguments {name}")
    parser = _Parser(prog=args[0] if args else "script", add_help=False, allow_abbrev=False)
    for name in _RESERVED:
        choices = _BOOKMARKS if name == "job-bookmark-option" else None
        parser.add_argument(f"--{name}", choices=choices)
    for name in _OFFERED:
        if name not in names:
            parser.add_argument(f"--{name}")
    for name in dict.fromkeys(names):
        parser.add_argument(f"--{name}", dest=name, required=True)
    found = vars(parser.parse_known_args(list(args[1:]))[0])
    found["job_bookmark_option"] = found["job_bookmark_option"] or "job-bookmark-disable"
    found["TempDir"] = found["TempDir"] or found["RedshiftTempDir"]
    found["RedshiftTempDir"] = found["RedshiftTempDir"] or found["TempDir"]
    if (found["job_bookmark_from"] is None) != (found["job_bookmark_to"] is None):
        raise GlueArgumentError("job-bookmark-from and job-bookmark-to go together: only one of them is given")
    return found
