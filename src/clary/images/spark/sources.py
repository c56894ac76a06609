"""A program's files, wherever they are, as files of this container."""

import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

REMOTE = {"s3", "s3a", "s3n"}


def local(place: str, folder: Path) -> Path:
    """Of a path, a file: URI, or an S3 one, which is read as the job's role. Raises what boto3 does."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if parts.scheme not in REMOTE:
        return Path(place).absolute()
    import boto3  # noqa: PLC0415 - it takes long, and few need it

    key = parts.path.lstrip("/")
    file = folder / "files" / parts.netloc / key
    file.parent.mkdir(parents=True, exist_ok=True)
    boto3.client("s3").download_file(parts.netloc, key, str(file))
    return file


def modules(settings: dict[str, str], folder: Path) -> list[str]:
    """What --py-files adds to where Python looks; a single module lies in a folder of its own, as in Spark. The
    settings then name the files here, which Spark hands on to its workers.
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
