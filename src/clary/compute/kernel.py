"""What the supervisor asks of the kernel and the disk. Like it, this imports little: see supervisor.py."""
# ruff: noqa: PTH104, PTH123 - it imports no pathlib

import _signal as signal  # type: ignore[import-not-found]  # typed as `signal`, which takes as long as Python itself
import errno
import fcntl
import os

FULL = (errno.ENOSPC, errno.EDQUOT)  # of a disk
LONG = 900  # characters of a path, of up to four bytes each, with which there still is room for a name: PATH_MAX
LEAST = 4096  # bytes that any file counts as: a disk has only so many inodes
BLOCK = 512  # st_blocks are that long, whatever the file system: https://man7.org/linux/man-pages/man3/stat.3type.html
PIPE = 1 << 20  # bytes of output that wait while this process looks at the disk


def enlarge(pipe: int) -> None:
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)
    except PermissionError:
        return  # an ordinary user may have only so many large ones: it stays at 64 kB


def inherited(name: str, content: bytes) -> int:
    descriptor = os.memfd_create(name, 0)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def executable(path: str) -> int:
    """The program, to be run by this descriptor: its path may be closed to who this process is about to be. One that is
    this user's own is copied into memory: who runs in a container is that user, too, and finds it as /proc/1/exe, by
    which they could change its mode.
    """
    found = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    if os.fstat(found).st_uid != os.geteuid() or not os.geteuid():
        return found
    may_run = 0x10  # linux/memfd.h: MFD_EXEC, from Linux 6.3 on
    try:
        copy = os.memfd_create("program", os.MFD_CLOEXEC | may_run)
    except OSError:
        copy = os.memfd_create("program", os.MFD_CLOEXEC)
    while os.sendfile(copy, found, None, PIPE):
        pass
    os.close(found)
    return copy


def send(descriptor: int | None, number: int) -> None:
    if descriptor is not None:
        try:
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return


def opened(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def kill_session(session: int) -> None:
    """Without a namespace: all that did not leave the session that the instance began as."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - no pathlib here
        stat = read(f"/proc/{name}/stat").rpartition(")")[2].split() if name.isdigit() else []
        if stat and int(stat[3]) == session and stat[0] != "Z":
            send(opened(int(name)), signal.SIGKILL)


def kill_children() -> None:
    """What did leave it has become a child of this process when its own parent ended."""
    while True:
        children = read("/proc/self/task/self/children") or read(f"/proc/self/task/{os.getpid()}/children")
        for pid in children.split():
            send(opened(int(pid)), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def save(name: str, text: str) -> None:
    """Whole and on the disk, or not there at all."""
    descriptor = os.open(name + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(descriptor, text.encode())
    os.fsync(descriptor)
    os.close(descriptor)
    os.rename(name + ".new", name)
    descriptor = os.open(".", os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def saved(name: str, text: str) -> bool:
    """Whether there was room for it."""
    try:
        save(name, text)
    except OSError as error:
        if error.errno not in FULL:
            raise
        return False
    return True


def word(true: object) -> str:
    """As JSON has it."""
    return "true" if true else "false"


def value(document: bytes, key: bytes) -> int:
    """A number in bubblewrap's JSON."""
    text = document[document.index(b'"' + key + b'"') + len(key) + 2 :].lstrip(b" :")
    return int(text[: len(text) - len(text.lstrip(b"0123456789"))])


def read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def counted(where: list[str] | None) -> int:
    """The number behind a key in a file of the kernel's; the file's only one where the key is empty."""
    if where is None:
        return 0
    path, key = where
    words = read(path).split()
    if key:
        return int(words[words.index(key) + 1]) if key in words else 0
    return int(words[0]) if words else 0


def written(paths: list[str]) -> int:
    """Bytes on the disk that these files, and all below these folders, take, also deeper than a path can say."""
    total = 0
    left: list[str | int] = [*paths]
    while left:
        path = left.pop()
        if isinstance(path, int):
            os.close(path)  # all below it is counted
            continue
        try:
            if len(path) > LONG:
                left.append(folder := os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW))
                path = f"/proc/self/fd/{folder}"
            with os.scandir(path) as entries:
                for entry in entries:
                    total += max(LEAST, entry.stat(follow_symlinks=False).st_blocks * BLOCK)
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
        except NotADirectoryError:
            total += os.lstat(path).st_blocks * BLOCK
        except OSError:
            continue  # it was removed meanwhile
    return total


def adopt_orphans() -> None:
    import ctypes  # noqa: PLC0415 - these take long, and only an isolated group needs them

    set_child_subreaper = 36  # linux/prctl.h
    ctypes.CDLL(None).prctl(set_child_subreaper, 1)


def unshare_network(*, user: bool) -> None:
    """A network of the group's own, with loopback alone."""
    import ctypes  # noqa: PLC0415 - these take long, and only an isolated group needs them
    import socket  # noqa: PLC0415 - likewise
    import struct  # noqa: PLC0415 - likewise

    new_user, new_network = 0x10000000, 0x40000000  # linux/sched.h
    uid, gid = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(new_network | (new_user if user else 0)):
        raise OSError(ctypes.get_errno(), "no network namespace can be made")
    if user:
        for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
    set_flags, up_running = 0x8914, 0x41  # SIOCSIFFLAGS; IFF_UP | IFF_RUNNING: linux/sockios.h, linux/if.h
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some_socket:
        fcntl.ioctl(some_socket, set_flags, struct.pack("16sH14s", b"lo", up_running, b""))
