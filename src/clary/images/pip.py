"""What pip asks inside a container: the places that this machine's pip asks.

A job that installs its requirements.txt is to find them where the machine's owner does, and nowhere else. Of pip's
settings it is given those that say where packages are, without the passwords in them; folders of packages on this
machine are mounted, to be read.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from clary.compute.driver import Mount
from clary.images.sources import settings

_PLACES = ("index-url", "extra-index-url", "find-links")
_PLAIN = ("no-index", "trusted-host")
_SEEN = ("/usr", "/etc/ssl/certs")  # by every container
_LINK = re.compile(r"""href=["']([^"'#?]+)""")


@dataclass(frozen=True, slots=True)
class Sources:
    env: dict[str, str]
    mounts: tuple[Mount, ...]


@cache
def sources() -> Sources:
    """Read once: pip takes half a second to tell, and a job starts in less."""
    told = settings()
    env = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    folders: dict[Path, None] = {}
    for name in _PLACES:
        if places := told.get(name, "").split():
            env[_variable(name)] = " ".join(_without_password(place) for place in places)
        for place in places:
            folders |= dict.fromkeys(_folders(place))
    env |= {_variable(name): told[name] for name in _PLAIN if name in told}
    if certificates := told.get("cert"):
        env[_variable("cert")] = certificates
        folders[Path(certificates)] = None
    return Sources(env, tuple(Mount(str(path), str(path)) for path in folders if _hidden(path)))


def _variable(name: str) -> str:
    return "PIP_" + name.upper().replace("-", "_")


def _without_password(place: str) -> str:
    parts = urlsplit(place)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.scheme else place


def _folders(place: str) -> list[Path]:
    """A folder of this machine that the place names, and the one with the files that its pages link to."""
    parts = urlsplit(place)
    if parts.scheme not in ("", "file"):
        return []
    folder = Path(unquote(parts.path) if parts.scheme else place).expanduser()
    for page in folder.glob("*/index.html"):
        for link in _LINK.findall(page.read_text("utf-8", "replace")):
            file = (page.parent / unquote(link)).resolve()
            if file.is_file():
                return [folder] if file.is_relative_to(folder) else [folder, file.parent]
    return [folder]


def _hidden(path: Path) -> bool:
    return path.is_absolute() and path.exists() and not any(path.is_relative_to(seen) for seen in _SEEN)
