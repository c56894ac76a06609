"""The last programs before a container's own, setpriv and env, in a tree that may have neither, nor a C library.

They are this machine's, with the loader and the libraries that they need, shown at a place that is no image's. Nothing
is secured by them: what runs them is already held by its user namespace. They drop what is left to drop, make
`No such file` an exit code of 127, as a shell does, and set the variables that loaders go by for the program alone.
"""

import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path

from clary.compute.users import User
from clary.errors import ClaryError

PLACE = "/dev/.clary"
PACKAGES = {"setpriv": "util-linux", "env": "coreutils", "sh": "dash"}
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What Docker leaves to root, of which the filter lets through; in a user namespace they reach what is the container's.
# https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities
KEPT = ("chown", "dac_override", "fowner", "fsetid", "kill", "net_bind_service", "setgid", "setpcap", "setuid")
# Variables by which loaders and C libraries are made to load something: see compute/sandbox.py.
LOADER = "loader"
PROGRAM_HEADER, INTERPRETER = 0x20, 3  # where e_phoff is in a 64-bit ELF file's header; PT_INTERP: elf.h


def shown() -> list[str]:
    """bubblewrap's arguments for them."""
    folders = ["--perms", "0755", "--dir", PLACE, "--perms", "0755", "--dir", f"{PLACE}/lib"]
    return [*folders, *(word for place, path in files("setpriv", "env").items() for word in ("--ro-bind", path, place))]


def become(who: User, *, real: bool, late: dict[str, str]) -> list[str]:
    """The command that runs the one after it. `real`: the namespace has all ids, so that it can become another one."""
    setpriv = [*run("setpriv"), "--no-new-privs"]
    if who.uid == 0:
        setpriv += ["--inh-caps=-all", "--bounding-set", ",".join(["-all", *(f"+{name}" for name in KEPT)])]
    elif real:
        setpriv += ["--inh-caps=-all", "--bounding-set=-all", "--reuid", str(who.uid)]
    if real:
        setpriv += ["--regid", str(who.gid)]
        setpriv += ["--groups", ",".join(map(str, who.groups))] if who.groups else ["--clear-groups"]
    env = [*run("env"), *(f"{name}={value}" for name, value in late.items())] if late else []
    return [*setpriv, "--", *env]


def run(name: str) -> list[str]:
    """The command of one of them there."""
    return [f"{PLACE}/{LOADER}", "--library-path", f"{PLACE}/lib", f"{PLACE}/{name}"]


@cache
def files(*names: str) -> dict[str, str]:
    """This machine's, by their place in a container, with what they load."""
    found: dict[str, str] = {}
    for name in names:
        program = shutil.which(name, path=SYSTEM)
        if program is None:
            raise ClaryError(f"there is no {name}: install the package {PACKAGES[name]}")
        found[name] = program
        found[LOADER] = loader = _loader(program)
        said = subprocess.run([loader, "--list", program], capture_output=True, text=True, check=True, env={})
        for line in said.stdout.splitlines():
            name_of, arrow, path = line.partition("=>")
            if arrow and path.split():
                found[f"lib/{name_of.strip()}"] = path.split()[0]
    return {f"{PLACE}/{place}": str(Path(path).resolve()) for place, path in found.items()}


def _loader(program: str) -> str:
    """What the ELF file asks to be run by. Raises ClaryError for one that is another kind of program."""
    data = Path(program).read_bytes()
    if data[:5] == b"\x7fELF\x02":
        (headers,) = struct.unpack_from("<Q", data, PROGRAM_HEADER)
        size, count = struct.unpack_from("<HH", data, 0x36)
        for number in range(count):
            kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", data, headers + number * size)
            if kind == INTERPRETER:
                return data[offset : offset + length].rstrip(b"\0").decode()
    raise ClaryError(f"{program} is no program with a loader of its own, which containers of own images need")
