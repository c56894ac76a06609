"""The canonical forms that Signature Version 4 is computed over.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request
Every function takes text as it was on the wire, read as Latin-1.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, unquote

_CLEAN_PATH = re.compile(r"(?:/(?!\.)[A-Za-z0-9_.~-]+)+|/")  # normalising and encoding would change nothing
_SPACES = re.compile(r"[ \t]+")


def octets(text: str) -> bytes:
    """The bytes that `text` was on the wire."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def trimmed(value: str) -> str:
    """A header's value without space around it, and one space within."""
    # str.split() would also take the bytes 85 and A0 of a UTF-8 text for spaces.
    return " ".join(value.split()) if value.isascii() else _SPACES.sub(" ", value.strip(" \t"))


@lru_cache(maxsize=4096)
def normal_path(path: str) -> str:
    """What every service but S3 signs: dot segments and empty ones resolved, then encoded, a second time."""
    if _CLEAN_PATH.fullmatch(path):
        return path
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    end = "/" if parts and path.endswith("/") else ""
    return quote("/" + "/".join(parts) + end, safe="/~", encoding="latin-1", errors="replace")


def respelled_path(path: str) -> str:
    """An S3 path whose key is encoded exactly as AWS's UriEncode does, however it was sent."""
    return quote(unquote(path, "latin-1"), safe="/~", encoding="latin-1", errors="replace")


def sorted_query(query: str) -> str:
    """The parameters in order, spelled as they were sent, without the signature."""
    if not query:
        return ""
    pairs = sorted([pair.partition("=") for pair in query.split("&")])
    return "&".join([f"{name}={value}" for name, _, value in pairs if name != "X-Amz-Signature"])


def respelled_query(items: Iterable[tuple[str, str]]) -> str:
    """The parameters in order, encoded exactly as AWS's UriEncode does; `items` are decoded."""
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in items)
    return "&".join(f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature")
