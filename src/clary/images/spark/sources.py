"""A program's files, wherever they are, as files of this container."""

import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

REMOTE = {"s3", "s3a", "s3n"}


class Unreachable(Exception):
    """S3 gives or takes something not; the message names it and says why."""


def local(place: str, folder: Path) -> Path:
    """Of a path, a file: URI, or an S3 one, which is read as the job's role. Raises Unreachable."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if parts.scheme not in REMOTE:
        return Path(place).absolute()
    key = place.split("/", 3)[3] if place.count("/") > 2 else ""  # which may have # and ?
    file = folder / "files" / parts.netloc / key
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as target:
        shutil.copyfileobj(_ask("get_object", place, Bucket=parts.netloc, Key=key)["Body"], target)
    return file


def _ask(operation: str, place: str, **request: Any) -> Any:
    import boto3  # noqa: PLC0415 - it takes long, and few need it
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - likewise

    try:
        return getattr(boto3.client("s3"), operation)(**request)
    except (BotoCoreError, ClientError) as error:
        raise Unreachable(f"{place}: {error}") from error


def events(settings: dict[str, str]) -> None:
    """The folder of the event log is there before Spark asks for it: it makes none, and a new prefix of S3 is none.
    Raises Unreachable.
    """
    place = settings.get("spark.eventLog.dir", "")
    if settings.get("spark.eventLog.enabled", "").lower() != "true" or not place:
        return
    parts = urlsplit(place)
    if parts.scheme in {"", "file"}:
        Path(unquote(parts.path)).mkdir(parents=True, exist_ok=True)
    elif parts.scheme in REMOTE and parts.path.strip("/"):
        _ask("put_object", place, Bucket=parts.netloc, Key=parts.path.strip("/") + "/", Body=b"")


def modules(settings: dict[str, str], folder: Path) -> list[str]:
    """What --py-files adds to where Python looks; a single module lies in a folder of its own, as in Spark. The
    settings then name the files here, which Spark hands on to its workers. Raises Unreachable.
    """
    named = [each.strip() for each in settings.get("spark.submit.pyFiles", "").split(",") if each.strip()]
    files = [local(each, folder) for each in named]
    if files:
        settings["spark.submit.pyFiles"] = ",".join(map(str, files))
    single = folder / "modules"
    found = []
    for file in files:
        if file.suffix == ".py":
            single.mkdir(exist_ok=True)
            shutil.copy(file, single)
            found.append(str(single))
        else:
            found.append(os.fspath(file))
    return list(dict.fromkeys(found))
