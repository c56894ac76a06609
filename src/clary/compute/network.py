"""A network of a group's own, with two ways through its wall: from inside to what the group may reach of this machine,
and from this machine to what listens inside. The supervisor makes them; like it, this imports little.

The way out is a relay: it listens inside at 127.0.0.1, and each connection goes on to one address of this machine. The
way in is a door: who connects to that unix socket is given a socket that is inside, to do with what it likes. Both are
processes, which end with the supervisor. A group may have several such networks, one after the other.
"""
# ruff: noqa: PTH123, PTH208 - it imports no pathlib

import os

from clary.compute.kernel import unshare_network

DOOR = "door"  # in the supervisor's folder
MOST = 256  # connections through a relay at one time: their memory is not the group's
PIECE = 1 << 16
WAITING = 64

TYPE_CHECKING = False  # `typing` takes long to import
if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable

    Way = tuple[int, str, int]  # the port inside; host and port outside


def outside(ways: "list[Way]") -> "socket.socket":
    """Begins the relay of one network; to be called before this process is in any. It is for `wall`."""
    import socket  # noqa: PLC0415 - it takes long, and only such groups need it

    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if ways:
        child([its.fileno()], lambda: relay(its, ways))
    its.close()
    return ours


def wall(ways: "list[Way]", ours: "socket.socket", number: int, *, user: bool) -> None:
    """This process is in a new network after it, with these ways out; the first has the door. `user`: it is in a new
    namespace of users, too.
    """
    unshare_network(user=user)
    try:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as file:
            file.write("0")  # all ports are the group's own, as in a container of Docker's
    except OSError:
        pass
    gates(ways, ours, number)


def gates(ways: "list[Way]", ours: "socket.socket", number: int) -> None:
    """The ways out of the network that this process has entered, and the first one's door."""
    import socket  # noqa: PLC0415 - as above

    if ways:
        listeners = [socket.create_server(("127.0.0.1", port), backlog=WAITING) for port, _, _ in ways]
        socket.send_fds(ours, [b"."], [each.fileno() for each in listeners])
        for each in listeners:
            each.close()
    ours.close()
    if number:
        return
    if os.path.lexists(DOOR):
        os.unlink(DOOR)  # noqa: PTH108 - no pathlib here
    door = socket.socket(socket.AF_UNIX)
    door.bind(DOOR)
    door.listen(WAITING)
    child([door.fileno()], lambda: give(door))
    door.close()


def child(kept: list[int], work: "Callable[[], None]") -> None:
    """A process that has nothing of this one's but these descriptors, and ends when it ends."""
    parent = os.getpid()
    if os.fork():
        return
    try:
        import ctypes  # noqa: PLC0415 - as above

        set_death_signal, kill = 1, 9  # linux/prctl.h
        ctypes.CDLL(None).prctl(set_death_signal, kill)
        if os.getppid() != parent:
            os._exit(0)
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2 and int(name) not in kept:
                try:
                    os.close(int(name))
                except OSError:
                    continue  # that by which the names were read
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):  # who started the supervisor reads what it says, and waits for the end of that
            os.dup2(nothing, standard)
        work()
    finally:
        os._exit(0)


def give(door: "socket.socket") -> None:
    """A socket of this network to each who comes."""
    import socket  # noqa: PLC0415 - as above

    while True:
        asking, _ = door.accept()
        with asking, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
            try:
                socket.send_fds(asking, [b"."], [made.fileno()])
            except OSError:
                continue  # it is gone


def relay(channel: "socket.socket", ways: "list[Way]") -> None:
    import socket  # noqa: PLC0415 - as above
    import threading  # noqa: PLC0415 - as above

    _, found, _, _ = socket.recv_fds(channel, 1, len(ways))
    room = threading.Semaphore(MOST)
    threads = [
        threading.Thread(target=through, args=(socket.socket(fileno=descriptor), host, port, room))
        for descriptor, (_, host, port) in zip(found, ways, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def through(listener: "socket.socket", host: str, port: int, room: "threading.Semaphore") -> None:
    import socket  # noqa: PLC0415 - as above
    import threading  # noqa: PLC0415 - as above

    def connection(inside: socket.socket) -> None:
        try:
            with inside, socket.create_connection((host, port), 10) as outside:
                outside.settimeout(None)
                back = threading.Thread(target=pump, args=(outside, inside), daemon=True)
                back.start()
                pump(inside, outside)
                back.join()
        except OSError:
            pass
        finally:
            room.release()

    while True:
        room.acquire()
        inside, _ = listener.accept()
        threading.Thread(target=connection, args=(inside,), daemon=True).start()


def pump(source: "socket.socket", target: "socket.socket") -> None:
    """All that one says to the other. An error on one side ends both."""
    both = 2  # SHUT_RDWR
    try:
        while data := source.recv(PIECE):
            target.sendall(data)
        target.shutdown(1)  # SHUT_WR
    except OSError:
        for each in (source, target):
            try:
                each.shutdown(both)
            except OSError:
                continue  # it is closed
