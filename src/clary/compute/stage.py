"""How the supervisor's child, which is root, gives that up before bubblewrap begins: for an instance with a tree of its
own, in which nothing is trusted.

It enters a user namespace whose ids are the instance's private ones (its root is nobody outside), after it has put all
that bubblewrap is to mount where those ids may reach it: the folders on the way there are closed to them. Owners of
what is only shown appear as inside: a file that is root's out here is root's in there. Linux 5.12 has what that takes,
and 5.19 lets an overlay lie on it: https://docs.kernel.org/filesystems/idmappings.html#idmapped-mounts

Like the supervisor, this imports little: see supervisor.py.
"""
# ruff: noqa: PTH102, PTH112, PTH123 - it imports no pathlib

import os

PLACE = "/tmp"  # noqa: S108 - in a mount namespace of its own, where something new and empty lies over this machine's
NEW_USER, NEW_MOUNTS = 0x10000000, 0x00020000  # linux/sched.h
NO_SUID, NO_DEVICES, EVERYTHING_BELOW, PRIVATE = 2, 4, 1 << 14, 1 << 18  # linux/mount.h: MS_*
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442  # asm-generic/unistd.h, the same on every architecture
CLONE, CLOSE_ON_EXEC = 1, 0o2000000  # OPEN_TREE_*
NO_PATH, HERE = 0x1000, -100  # AT_EMPTY_PATH, AT_FDCWD
FROM_DESCRIPTOR = 4  # MOVE_MOUNT_F_EMPTY_PATH
WITH_IDS = 0x00100000  # MOUNT_ATTR_IDMAP
OLD = "of the container's files the owners cannot be shown: Linux 5.19 can, on ext4, xfs, btrfs and tmpfs"

TYPE_CHECKING = False  # `typing` takes long to import
if TYPE_CHECKING:
    from typing import Any


def enter(first: int, count: int, sources: "list[tuple[str, bool]]") -> None:
    """This process becomes root of a user namespace: its ids from 0 are `first` and those after it. Each source is at
    PLACE/<its index>; `True` beside it: with owners as inside. Raises OSError.
    """
    import ctypes  # noqa: PLC0415 - it takes long, and only these instances need it

    libc = ctypes.CDLL(None, use_errno=True)

    def call(what: str, number: int, *arguments: "Any") -> int:
        given = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
        done: int = libc.syscall(ctypes.c_long(number), *given)
        if done < 0:
            raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
        return done

    def must(what: str, done: int) -> None:
        if done:
            raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")

    namespace = mapped(libc, first, count)
    must("no mount namespace can be made", libc.unshare(NEW_MOUNTS))
    must("its mounts stay this machine's", libc.mount(None, b"/", None, EVERYTHING_BELOW | PRIVATE, None))
    found = []
    for source, inside in sources:
        tree = call(source, OPEN_TREE, HERE, os.fsencode(source), CLONE | CLOSE_ON_EXEC)
        if inside:
            wanted = (ctypes.c_uint64 * 4)(WITH_IDS, 0, 0, namespace)  # struct mount_attr
            call(f"{source}: {OLD}", MOUNT_SETATTR, tree, b"", NO_PATH, wanted, ctypes.sizeof(wanted))
        found.append((tree, os.path.isdir(source)))
    must(PLACE, libc.mount(b"tmpfs", PLACE.encode(), b"tmpfs", NO_SUID | NO_DEVICES, b"mode=0755"))
    for index, (tree, folder) in enumerate(found):
        point = f"{PLACE}/{index}"
        if folder:
            os.mkdir(point, 0o755)
        else:
            os.close(os.open(point, os.O_WRONLY | os.O_CREAT, 0o644))
        call(point, MOVE_MOUNT, tree, b"", HERE, point.encode(), FROM_DESCRIPTOR)
        os.close(tree)
    must("the user namespace cannot be entered", libc.setns(namespace, NEW_USER))
    os.close(namespace)
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def mapped(libc: "Any", first: int, count: int) -> int:
    """A user namespace. Who is in it cannot say which ids it has; so one is there for it as long as that takes."""
    ready, told = os.pipe()
    done, end = os.pipe()
    process = os.fork()
    if not process:
        os.close(end)
        code = 1 if libc.unshare(NEW_USER) else 0
        os.write(told, bytes([code]))
        os.read(done, 1)
        os._exit(0)
    try:
        if os.read(ready, 1) != b"\0":
            raise OSError("no user namespace can be made: this kernel or its settings do not allow it")
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{process}/{name}", "w") as file:
                file.write(f"0 {first} {count}")
        return os.open(f"/proc/{process}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(end)
        os.waitpid(process, 0)
        for descriptor in (ready, told, done):
            os.close(descriptor)
