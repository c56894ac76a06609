"""What of the host's system an instance sees: /usr, the few files of /etc that programs need, and nothing of its own
users, keys or settings.
"""

from pathlib import Path

from clary.compute.driver import Launch

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Variables by which a program is made to run somebody's code, as it starts or when it speaks: setpriv, which still is
# root, must not have them. They are the ones that glibc keeps from setuid programs: https://sourceware.org/git/
# glibc.git, sysdeps/generic/unsecvars.h.
LATE = ("LD_", "GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH", "NLSPATH", "MALLOC_", "LOCALDOMAIN", "HOSTALIASES", "TZDIR")
FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")  # of the system's programs, beside /usr
# Programs and libraries look these up; none holds a secret. Both Debian's and Red Hat's places of certificates.
NEEDED = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
)
JAVA = "java-*"  # Debian's JVMs have links from /usr/lib/jvm into these


def options(folder: Path, launch: Launch, user: int, hosts: list[tuple[str, str]], *, isolated: bool) -> list[str]:
    """bubblewrap's arguments for it. `folder` is for the files that are made here."""
    found = ["--ro-bind", "/usr", "/usr"]
    for name in FOLDERS:
        path = Path("/", name)
        if path.is_symlink():
            found += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            found += ["--ro-bind", str(path), str(path)]
    found += ["--perms", "0755", "--dir", "/etc"]
    parents = sorted({str(parent) for name in NEEDED for parent in Path(name).parents if parent.parts[2:]})
    for parent in ("/sys", "/sys/devices", "/sys/devices/system", *parents):
        found += ["--perms", "0755", "--dir", parent]
    for name, path in files(folder, launch, user, hosts, isolated=isolated).items():
        found += ["--ro-bind", str(path), name]
    found += ["--proc", "/proc", "--dev", "/dev"]
    for name in ("/sys/devices/system/cpu", "/sys/devices/system/node"):
        found += ["--ro-bind-try", name, name]
    return found


def files(folder: Path, launch: Launch, user: int, hosts: list[tuple[str, str]], *, isolated: bool) -> dict[str, Path]:
    """What lies in /etc, by its paths in the instance: the host's, and what is made in `folder`."""
    found = {name: Path(name) for name in (*NEEDED, *map(str, Path("/etc").glob(JAVA))) if Path(name).exists()}
    return found | _written(folder, _users(user) | _names(launch, hosts, isolated=isolated))


def names(folder: Path, launch: Launch, hosts: list[tuple[str, str]], *, isolated: bool) -> dict[str, Path]:
    """The files that say who is where, by their paths in the instance. `folder` is for them."""
    return _written(folder, _names(launch, hosts, isolated=isolated))


def _written(folder: Path, made: dict[str, str]) -> dict[str, Path]:
    found = {}
    for name, text in made.items():
        path = found[f"/etc/{name}"] = folder / name
        path.write_text(text)
        path.chmod(0o644)
    return found


def _users(user: int) -> dict[str, str]:
    return {
        "passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\nsagemaker:x:{user}:{user}::/root:/bin/sh\n",
        "group": f"root:x:0:\nsagemaker:x:{user}:\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }


def _names(launch: Launch, hosts: list[tuple[str, str]], *, isolated: bool) -> dict[str, str]:
    names = "".join(f"{address}\t{name}\n" for name, address in hosts)
    resolver = Path("/etc/resolv.conf")
    return {
        "hosts": f"127.0.0.1\tlocalhost\n::1\tlocalhost\n{names}",
        "hostname": f"{launch.name}\n",
        "resolv.conf": resolver.read_text() if resolver.exists() and not isolated else "",
    }
