"""What a file is: the classifiers of a crawler, one after the other, on its beginning or its end."""

import gzip
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Final

from clary.services.glue.crawler import parquet, text
from clary.services.glue.crawler.kinds import Found

Document = dict[str, Any]
HEAD: Final = 1 << 20  # bytes: https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html: "the first 1 MB"
GZIP: Final = b"\x1f\x8b"


def classified(path: str, size: int, classifiers: list[Document]) -> Found | None:
    """None for what nothing here knows. `classifiers` are Classifier documents, asked before the built-in ones."""
    with Path(path).open("rb") as file:
        head, whole = _head(file, size)
        if not head:
            return None
        if found := None if head[1] else parquet.footer(file, size):
            return found
        try:
            words = head[0].decode("utf-8") if whole else _cut(head[0])
        except UnicodeDecodeError:
            return None
    found = _text(words, classifiers, whole=whole)
    if found is not None and head[1]:
        found.compression = "gzip"
    return found


def _head(file: BinaryIO, size: int) -> tuple[tuple[bytes, bool] | None, bool]:
    """The first bytes, unpacked, and whether they were packed; and whether they are all."""
    raw = file.read(HEAD)
    if not raw.startswith(GZIP):
        return (raw, False), len(raw) == size
    file.seek(0)
    try:
        with gzip.open(file) as packed:
            data = packed.read(HEAD + 1)
    except (OSError, EOFError, zlib.error):
        return None, False
    return (data[:HEAD], True), len(data) <= HEAD


def _cut(data: bytes) -> str:
    """A letter that is cut off at the end is left out."""
    for end in range(len(data), len(data) - 4, -1):
        try:
            return data[:end].decode("utf-8")
        except UnicodeDecodeError as error:
            if error.start < len(data) - 4:
                raise
    return data.decode("utf-8")


def _text(words: str, classifiers: list[Document], *, whole: bool) -> Found | None:
    for each in classifiers:
        if given := each.get("JsonClassifier"):
            found = text.of_json(words, whole=whole, path=given["JsonPath"])
        else:
            found = text.of_csv(words, whole=whole, classifier=each.get("CsvClassifier", {}))
        if found is not None:
            return found
    return text.of_json(words, whole=whole) or text.of_csv(words, whole=whole)
