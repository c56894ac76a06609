"""ExitMessage: what a processing job says at its end.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html
"""

import re
import stat
from pathlib import Path

from clary.jobs.ml.place import instance
from clary.jobs.ml.processing import message
from clary.jobs.recipe import Job

LONGEST = 1024  # characters
TAIL = 64 << 10  # bytes of a log's end in which a reason is looked for
TRACEBACK = "Traceback (most recent call last):"
FRAMES = re.compile(r"^[ \t]+(at [\w.$/<>]+\(.*|\.\.\. \d+ more)\n", re.MULTILINE)  # Java's, of which Spark tells fifty
ERROR = re.compile(r"^(?:Exception in thread \S+ )?[\w.]*(?:Error|Exception): .+", re.MULTILINE)


def said(job: Job, number: int, *, failed: bool) -> str:
    """What an instance, from 0, wrote to /opt/ml/output/message; of one that failed and wrote nothing, how its
    traceback ends, or its last line with an error. "" for nothing.
    """
    file = message(job, number)
    if file.parent.is_dir() and not file.parent.is_symlink() and file.exists() and stat.S_ISREG(file.lstat().st_mode):
        with file.open("rb") as content:
            return content.read(4 * LONGEST).decode(errors="replace")[:LONGEST].strip()
    return _why(instance(job, number) / "log") if failed else ""


def _why(log: Path) -> str:
    with log.open("rb") as content:
        content.seek(max(0, log.stat().st_size - TAIL))
        text = content.read().decode(errors="replace")
    start = text.rfind(TRACEBACK)
    if start < 0:
        return next((found[:LONGEST] for found in reversed(ERROR.findall(text))), "")
    whole = FRAMES.sub("", text[start:]).strip()
    last = whole[-LONGEST:]
    return last if last == whole else last.partition("\n")[2] or last  # from the beginning of a line
