"""The front door of endpoints: what is let in, what goes to the container and what comes back."""

import contextlib
import json
import random
import resource
import socket
import subprocess
import sys
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config

from clary.store.routes import Variant
from conftest import Platform
from serving.bed import Plane, refused
from waiting import PATIENCE, until


def test_a_container_answers(plane: Plane) -> None:
    plane.serve("answers", plane.container())
    client = plane.client()
    for body in (b"1,2", b"", b"3"):
        answer = client.invoke_endpoint(EndpointName="answers", Body=body, ContentType="text/csv")
        assert answer["Body"].read() == b"echo:" + body
        assert answer["ContentType"] == "text/csv"
        assert answer["InvokedProductionVariant"] == "AllTraffic"
    first, second = (
        client.invoke_endpoint(EndpointName="answers", Body=b"")["ResponseMetadata"]["RequestId"] for _ in range(2)
    )
    assert len(first) == len(second) == 36
    assert first != second


def test_the_container_gets_what_the_api_has_and_nothing_else(plane: Plane) -> None:
    plane.serve("headers", plane.container())
    answer = plane.client().invoke_endpoint(
        EndpointName="headers",
        Body=b"x",
        ContentType="text/csv",
        Accept="application/json",
        CustomAttributes="show=1",
        InferenceId="i-1",
        EnableExplanations="`true`",
    )
    said = answer["Body"].read().decode()
    assert said.startswith("echo:/invocations:[('accept', 'application/json'), ('content-type', 'text/csv'), ")
    assert "('x-amzn-sagemaker-inference-id', 'i-1')" in said
    assert "('x-amzn-sagemaker-enable-explanations', '`true`')" in said
    assert "authorization" not in said
    assert "user-agent" not in said
    assert answer["CustomAttributes"] == "show=1"


def test_unknown_endpoints_and_those_that_cannot_be_invoked_yet(plane: Plane) -> None:
    client = plane.client()
    missing = refused(client.invoke_endpoint, EndpointName="missing", Body=b"")
    assert missing == ("ValidationError", f"Endpoint missing of account {plane.account} not found.", 400)
    route = plane.route("creating", Variant("AllTraffic", 1.0))
    plane.put(type(route)(route.arn, route.name, route.region, (), refused="Endpoint creating is not in service."))
    creating = refused(client.invoke_endpoint, EndpointName="creating", Body=b"")
    assert creating == ("ValidationError", "Endpoint creating is not in service.", 400)
    plane.serve("creating", plane.container())
    assert client.invoke_endpoint(EndpointName="creating", Body=b"")["Body"].read() == b"echo:"
    elsewhere = plane.client(region="eu-west-1")
    assert refused(elsewhere.invoke_endpoint, EndpointName="creating", Body=b"")[0] == "ValidationError"


def test_who_is_not_known_is_not_let_in(plane: Plane) -> None:
    plane.serve("locked", plane.container())
    key, secret = plane.platform.root
    given = {"EndpointName": "locked", "Body": b""}
    assert refused(plane.client((key, "wrong")).invoke_endpoint, **given)[0] == "InvalidSignatureException"
    assert refused(plane.client(("AKIAUNKNOWN", secret)).invoke_endpoint, **given)[0] == "UnrecognizedClientException"
    assert refused(plane.client((key, secret, "token")).invoke_endpoint, **given)[0] == "UnrecognizedClientException"
    url = f"http://127.0.0.1:{plane.port}"
    unsigned = Config(signature_version=UNSIGNED)
    anonymous = plane.platform.client("sagemaker-runtime", endpoint_url=url, config=unsigned)
    assert refused(anonymous.invoke_endpoint, **given)[0] == "MissingAuthenticationTokenException"


def test_a_body_beyond_the_limit_is_refused_and_the_connection_goes_on(plane: Plane) -> None:
    plane.serve("large", plane.container())
    client = plane.client()
    limit = 6 << 20
    too_large = refused(client.invoke_endpoint, EndpointName="large", Body=b"x" * (7 << 20))
    assert too_large == ("413", f"HTTP content length exceeded {limit} bytes.", 413)
    whole = client.invoke_endpoint(EndpointName="large", Body=b"x" * (limit - 5))["Body"].read()
    assert len(whole) == limit


def raw(port: int, data: bytes) -> bytes:
    """What comes back until the connection is closed."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        with contextlib.suppress(ConnectionError):  # it may be closed before all has been sent
            connection.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            while more := connection.recv(65536):
                got += more
    return got


def test_requests_sent_ahead_are_answered_in_order(plane: Plane) -> None:
    get = b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    answer = raw(plane.port, b"".join(get % number for number in range(19)) + last)
    assert answer.count(b"HTTP/1.1 400") == 20
    assert answer.count(b"UnknownOperationException") == 20


@pytest.mark.parametrize(
    "data",
    [
        b"what is this\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nX: " + b"x" * 100_000,
    ],
)
def test_what_is_no_http_is_refused(plane: Plane, data: bytes) -> None:
    assert raw(plane.port, data).startswith(b"HTTP/1.1 400 ")


def test_noise_ends_its_own_connection_only(plane: Plane) -> None:
    plane.serve("steady", plane.container())
    noise = random.Random(7)
    starts = [b"", b"POST /endpoints/steady/invocations HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"]
    for _ in range(40):
        with socket.create_connection(("127.0.0.1", plane.port), timeout=PATIENCE) as connection:
            connection.sendall(noise.choice(starts) + noise.randbytes(noise.randrange(200)))
    assert plane.client().invoke_endpoint(EndpointName="steady", Body=b"1")["Body"].read() == b"echo:1"
    until(lambda: plane.running("steady") == 0)


def test_it_takes_as_many_files_as_it_may(served_home: Platform) -> None:
    """Whoever starts it may have a lower limit: many shells have 1024, and a hard one far above."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    plane = Plane(served_home)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        plane.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with contextlib.closing(plane), contextlib.ExitStack() as opened:
        many = [socket.create_connection(("127.0.0.1", plane.port), timeout=PATIENCE) for _ in range(200)]
        for connection in many:
            opened.enter_context(connection).sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert all(connection.recv(65536).startswith(b"HTTP/1.1 400 ") for connection in many)


def test_the_owner_asks_inside_without_a_signature(plane: Plane) -> None:
    (replica,) = plane.serve("inner", plane.container())
    path = "/endpoints/inner/invocations"
    status, body = plane.inside("POST", path, b"1", **{"content-type": "text/csv", "x-clary-region": "us-west-2"})
    assert (status, body) == (200, b"echo:1")
    status, body = plane.inside("POST", path, b"1", **{"x-clary-region": "eu-west-1"})
    assert status == 400
    assert b"not found" in body
    state = plane.state()
    assert plane.process is not None
    assert state["pid"] == plane.process.pid
    told = state["replicas"][str(replica.id)]
    assert told["running"] == 0
    assert told["invoked"] == pytest.approx(state["endpoints"][plane.arn("inner")]["invoked"])
    assert plane.inside("POST", "/.clary/refresh") == (200, b"{}")
    assert plane.inside("GET", "/.clary/other")[0] == 400
    sock = plane.home / "serving" / "inside.sock"
    assert sock.stat().st_mode & 0o777 == 0o600
    assert (plane.home / "serving" / "token").stat().st_mode & 0o777 == 0o600


def test_a_home_has_one_data_plane_and_a_socket_may_be_handed_to_it(served_home: Platform, plane: Plane) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "clary.plane", str(plane.home)],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert f"a data plane already runs on {plane.home}" in second.stderr
    assert plane.stop() == 0
    assert not (plane.home / "serving" / "plane.json").exists()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        plane.start(listener)
        assert plane.port == listener.getsockname()[1]
        told = json.loads((plane.home / "serving" / "plane.json").read_text())
        assert plane.process is not None
        assert told["pid"] == plane.process.pid
        plane.serve("handed", plane.container())
        assert plane.client().invoke_endpoint(EndpointName="handed", Body=b"1")["Body"].read() == b"echo:1"


def test_where_there_is_no_account_there_is_no_data_plane(tmp_path: Any) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "clary.plane", str(tmp_path)],
        capture_output=True, text=True, timeout=PATIENCE, check=False, env={"CLARY_SERVING_PORT": "0"},
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.startswith("clary: ")
