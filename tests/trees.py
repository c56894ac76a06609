"""File trees for containers, made of this machine's own programs: what an image would hold."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

PROGRAMS = (
    "sh",
    "cat",
    "chown",
    "env",
    "id",
    "ls",
    "mkdir",
    "mount",
    "mv",
    "rm",
    "setpriv",
    "sleep",
    "touch",
    "unshare",
)
PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1234:1235::/data/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1235:\nmore:x:1236:app\n"


def plant(root: Path, *programs: str) -> Path:
    """A tree with these programs, all that they load, and two users."""
    for name in programs or PROGRAMS:
        found = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
        assert found, name
        put(root, "/bin/" + name, found)
        for library in libraries(found):
            put(root, library, library)
    for folder in ("etc", "root", "data/app"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    return root


def put(root: Path, place: str, source: str) -> None:
    target = root / place.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy(source, target)


@cache
def libraries(program: str) -> list[str]:
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return [word for line in said.splitlines() for word in line.split() if word.startswith("/")]
