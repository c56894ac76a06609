"""Groups with a network of their own: what they reach, and what reaches them. test_user.py runs this as a user too."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.compute.driver import DOOR, Handle, Launch
from clary.compute.reach import inside
from groups import Home, running
from waiting import PATIENCE, until

PYTHON = "/usr/bin/python3"
# Says what it hears from the port it is told, then answers at 0.0.0.0:8080 and at a port below 1024.
PROGRAM = """
import socket, sys
def ask(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 150) as one:
            one.sendall(b"x" * 300000)
            one.shutdown(socket.SHUT_WR)
            print(len(one.makefile("rb").read()), flush=True)
    except OSError as error:
        print(error, flush=True)
for port in sys.argv[1:]:
    ask(int(port))
low, served = socket.create_server(("0.0.0.0", 80)), socket.create_server(("0.0.0.0", 8080))
print("ready", flush=True)
while True:
    connection = served.accept()[0]
    connection.sendall(b"from inside")
    connection.close()
"""


@pytest.fixture(params=["sandbox", "container"])
def isolating(request: pytest.FixtureRequest) -> Iterator[Home]:
    if not Path(PYTHON).exists():
        pytest.skip("the system has no Python of its own to try it with")
    yield from running(request.param)


@contextlib.contextmanager
def answering() -> Iterator[int]:
    """A server of this machine that sends back all that it hears, twice."""

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(connection.makefile("rb").read() * 2)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def start(home: Home, *ports: int, ways: tuple[tuple[int, str, int], ...] = (), **given: object) -> Handle:
    handle = home.reserve(**given)
    argv = (PYTHON, "-c", PROGRAM, *map(str, ports))
    home.driver.start(handle, [Launch("algo-1", argv, home.log_path(handle, 1), ways=ways)])
    until(lambda: "ready" in home.log(handle))
    return handle


def asked(handle: Handle) -> bytes:
    with inside(f"{handle['folder']}/{DOOR}", "127.0.0.1", 8080, PATIENCE) as connection:
        return connection.makefile("rb").read()


def test_a_private_network_has_its_ways_alone(isolating: Home) -> None:
    with answering() as one, answering() as other:
        handle = start(isolating, 4510, other, private=True, ways=((4510, "127.0.0.1", one),))
    assert isolating.log(handle).startswith("600000\n[Errno 111]")


def test_two_that_listen_at_one_port_are_each_reached_by_their_door(isolating: Home) -> None:
    handles = [start(isolating, private=True), start(isolating, isolated=True)]
    assert [asked(handle) for handle in handles] == [b"from inside", b"from inside"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 8080), PATIENCE)
    isolating.driver.stop(handles[0], 0)
    isolating.ended(handles[0])
    with pytest.raises(OSError, match=r"refused|closing|reset"):
        until(lambda: not asked(handles[0]))
    assert asked(handles[1]) == b"from inside"


def test_an_isolated_one_has_no_way_out(isolating: Home) -> None:
    with answering() as port:
        handle = start(isolating, port, isolated=True, private=True, ways=((port, "127.0.0.1", port),))
    assert isolating.log(handle).startswith("[Errno 111]")


def test_many_connections_at_one_time(isolating: Home) -> None:
    with answering() as port:
        handle = start(isolating, *[port] * 30, private=True, ways=((port, "127.0.0.1", port),))
        assert isolating.log(handle).count("600000") == 30
        found: list[bytes] = []
        threads = [threading.Thread(target=lambda: found.append(asked(handle))) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [b"from inside"] * 30


def test_launches_of_different_networks_do_not_meet(isolating: Home) -> None:
    """Two pairs, each of one that listens at 0.0.0.0:8080 and one that asks there."""
    asking = "import socket, time\nwhile True:\n  try: one = socket.create_connection(('127.0.0.1', 8080)); break\n"
    asking += "  except OSError: time.sleep(0.05)\nprint(one.makefile().read())"
    with answering() as port:
        handle = isolating.reserve(instances=4, private=True)
        launches = [
            Launch(
                f"algo-{index + 1}",
                (PYTHON, "-c", asking) if index % 2 else (PYTHON, "-c", PROGRAM, "4510"),
                isolating.log_path(handle, index + 1),
                leads=bool(index % 2),
                network=index // 2,
                ways=((4510, "127.0.0.1", port),),
            )
            for index in range(4)
        ]
        isolating.driver.start(handle, launches)
        isolating.ended(handle)
    assert [isolating.log(handle, number) for number in (2, 4)] == ["from inside\n"] * 2
    assert [isolating.log(handle, number).splitlines()[0] for number in (1, 3)] == ["600000"] * 2
