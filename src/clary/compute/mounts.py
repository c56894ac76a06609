"""A launch's mounts as bubblewrap's arguments, checked, and the host's side of them made ready."""

import os
from pathlib import Path, PurePosixPath

from clary.compute.driver import Mount
from clary.errors import ClaryError

# Nothing that the job may write to is mounted here: setpriv comes from there, with all that it loads and reads.
SYSTEM = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "proc", "sys", "dev"}


def options(given: tuple[Mount, ...], user: int | None) -> list[str]:
    """What may be written is given to `user`, if there is one. Raises ClaryError for a mount that cannot be."""
    mounts = sorted(given, key=lambda each: each.target.count("/"))
    for mount in mounts:
        check_target(mount)
    found = parents([mount.target for mount in mounts])
    for mount in mounts:
        point(mount, mounts)
    for mount in mounts:
        found += _mounted(mount, user)
    return found


def unlock(upper: str) -> None:
    """An overlay leaves a folder without any permission in its work folder, which its owner could not remove."""
    for path in (Path(work(upper), "work"), Path(work(upper), "index")):
        if path.is_dir():
            path.chmod(0o700)


def work(upper: str) -> str:
    """https://docs.kernel.org/filesystems/overlayfs.html: on the same file system as `upper`, and empty."""
    return upper + ".work"


def check_target(mount: Mount) -> None:
    """Raises ClaryError where a mount would lead out of the instance's tree, or into what runs before its program."""
    parts = PurePosixPath(mount.target).parts
    if not mount.target.startswith("/") or len(parts) < 2 or ".." in parts:
        raise ClaryError(f"nothing can be mounted at {mount.target!r}")
    if mount.how != "ro" and parts[1] in SYSTEM:
        raise ClaryError(f"nothing that can be written to is mounted at {mount.target!r}, which is the system's")


def point(mount: Mount, mounts: list[Mount]) -> None:
    """The place of a mount that lies within another one's folder: bubblewrap would make it for root alone."""
    for outer in mounts:
        target = PurePosixPath(mount.target)
        if outer is mount or outer.how != "rw" or not target.is_relative_to(outer.target):
            continue
        place = Path(outer.source) / target.relative_to(outer.target)
        if Path(mount.source).is_dir():
            _passable(place)
        else:
            _passable(place.parent)
            place.touch()


def _passable(folder: Path) -> None:
    """Made where it is missing, for every user of the instance, whatever the umask is."""
    for each in reversed((folder, *folder.parents)):
        if not each.exists():
            each.mkdir()
            each.chmod(0o755)


def parents(targets: list[str]) -> list[str]:
    """The folders above what is mounted, for everybody to pass: bubblewrap would make them for root alone."""
    above = {str(parent): None for target in targets for parent in reversed(PurePosixPath(target).parents[:-1])}
    inside = [path for path in above if not any(PurePosixPath(path).is_relative_to(target) for target in targets)]
    return [word for path in inside for word in ("--perms", "0755", "--dir", path)]


def _mounted(mount: Mount, user: int | None) -> list[str]:
    if mount.how == "ro":
        return ["--ro-bind", mount.source, mount.target]
    if mount.how == "rw":
        if user is not None:
            give(mount.source, user)
        return ["--bind", mount.source, mount.target]
    beside = work(mount.upper)
    for folder in (mount.upper, beside):
        Path(folder).mkdir(parents=True, exist_ok=True)
    Path(mount.upper).chmod(0o777)
    if user is not None:
        os.chown(mount.upper, user, user)
    return ["--overlay-src", mount.source, "--overlay", mount.upper, beside, mount.target]


def give(source: str, user: int) -> None:
    """All of it to the private user, but for files that have another name elsewhere: those are somebody else's too."""
    os.chown(source, user, user)
    for parent, folders, files in os.walk(source):
        for name in (*folders, *files):
            path = os.path.join(parent, name)  # noqa: PTH118 - a Path for each would take most of the time
            if name in folders or os.lstat(path).st_nlink == 1:
                os.lchown(path, user, user)
