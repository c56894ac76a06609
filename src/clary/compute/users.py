"""Who a container's program runs as: the `User` of its image's configuration.

https://github.com/opencontainers/image-spec/blob/main/config.md: user, uid, user:group, uid:gid, uid:group, user:gid.
"""

from dataclasses import dataclass

from clary.compute.scoped import text
from clary.errors import ClaryError

MOST = 65535  # ids that a container has
DIGITS = 10  # of an id, which has 32 bits


@dataclass(frozen=True, slots=True)
class User:
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    home: str = "/"


def user(root: str, name: str) -> User:
    """By the tree's own /etc/passwd and /etc/group, as Docker finds it. Raises ClaryError for one that is not there."""
    who, _, group = name.partition(":")
    rows = _rows(root, "passwd", 7)
    row = next((row for row in rows if row[0] == who), None) or next(
        (row for row in rows if row[2] == (who or "0")), None
    )
    if row is not None:
        uid, gid, home = int(row[2]), int(row[3]), row[5] or "/"
    elif _number(who) or not who:
        uid, gid, home = int(who or 0), 0, "/root" if int(who or 0) == 0 else "/"
    else:
        raise ClaryError(f"unable to find user {who}: no matching entries in passwd file")
    groups = _rows(root, "group", 4)
    more: list[int] = []
    if group:
        found = next((each for each in groups if group in (each[0], each[2])), None)
        if found is None and not _number(group):
            raise ClaryError(f"unable to find group {group}: no matching entries in group file")
        gid = int(found[2] if found is not None else group)
    elif row is not None:
        more = [int(each[2]) for each in groups if row[0] in each[3].split(",")]
    if max(uid, gid, *more) > MOST:
        raise ClaryError(f"the user {name} cannot be had: ids end at {MOST} here")
    return User(uid, gid, tuple(dict.fromkeys(each for each in more if each != gid)), home)


def _rows(root: str, file: str, columns: int) -> list[list[str]]:
    """Those that are whole, with numbers where they must be."""
    rows = [line.split(":") for line in text(root, f"/etc/{file}").splitlines()]
    return [row for row in rows if len(row) == columns and _number(row[2]) and (file != "passwd" or _number(row[3]))]


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS
