"""What is left of a job is removed."""

import logging
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)


def remove(folder: Path) -> None:
    """A job's folder with all that its instances left, also folders that forbid it."""
    with suppress(OSError, RecursionError):
        shutil.rmtree(folder)
        return
    # Both bear folders that are nested deeper than Python goes, or than a path can say.
    for command in (("chmod", "-R", "u+rwx"), ("rm", "-rf")):
        subprocess.run([*command, "--", folder], stderr=subprocess.DEVNULL, check=False)
    if folder.exists():
        log.warning("%s cannot be removed", folder)
