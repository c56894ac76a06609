"""The proxy on the gateway's port: unchanged clients come in by HTTPS_PROXY, and nobody else is deceived."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.config import Config
from botocore.exceptions import ProxyConnectionError

from conftest import Platform
from waiting import PATIENCE

STS = "sts.us-west-2.amazonaws.com"


def bundle(platform: Platform) -> str:
    return str(platform.home / "tls" / "bundle.pem")


def proxied(platform: Platform, service: str, **given: Any) -> Any:
    """A boto3 client that believes it talks to AWS."""
    config = Config(proxies={"https": platform.url, "http": platform.url})
    return platform.client(service, endpoint_url=None, config=config, verify=bundle(platform), **given)


def connection(platform: Platform, host: str, port: int = 443, cafile: str = "") -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=cafile or bundle(platform))
    made = http.client.HTTPSConnection("127.0.0.1", platform.port, context=context, timeout=PATIENCE)
    made.set_tunnel(host, port)
    return made


def said(platform: Platform, *parts: bytes) -> bytes:
    """All that the gateway answers on a connection of its own, until it closes it."""
    with socket.create_connection(("127.0.0.1", platform.port), timeout=PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionResetError, BrokenPipeError):  # it may have answered, and closed, before it heard all
            for part in parts:
                client.sendall(part)
        return rest(client)


def rest(client: socket.socket) -> bytes:
    pieces = []
    with suppress(ConnectionResetError):
        while piece := client.recv(1 << 20):
            pieces.append(piece)
    return b"".join(pieces)


@contextmanager
def origin(host: str = "127.0.0.1") -> Iterator[int]:
    """A server that is not AWS: it sends back what it gets, in its own time, once it has got all of it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:

        def answer() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.sendall(rest(client))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_boto3_without_an_endpoint(platform: Platform) -> None:
    identity = proxied(platform, "sts").get_caller_identity()
    assert identity["Arn"].endswith(":root")


@pytest.mark.parametrize("name", ["b-{}", "dotted.name.{}"])
def test_s3_by_virtual_host(platform: Platform, name: str) -> None:
    s3, bucket = proxied(platform, "s3"), name.format(uuid4().hex[:12])
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    body = os.urandom(3 << 20)
    s3.put_object(Bucket=bucket, Key="a b/ü+%2F.bin", Body=body)
    assert s3.get_object(Bucket=bucket, Key="a b/ü+%2F.bin")["Body"].read() == body
    assert [found["Key"] for found in platform.client("s3").list_objects_v2(Bucket=bucket)["Contents"]] == [
        "a b/ü+%2F.bin"
    ]


def test_plain_http_through_the_proxy(platform: Platform) -> None:
    """HTTP_PROXY: what carries the signature's host is the address in the request line."""
    identity = proxied(platform, "sts", use_ssl=False).get_caller_identity()
    assert identity["Arn"].endswith(":root")


def test_a_region_that_is_not_the_hosts(platform: Platform) -> None:
    client = platform.client(
        "sts",
        endpoint_url="https://sts.eu-west-1.amazonaws.com",
        config=Config(proxies={"https": platform.url}),
        verify=bundle(platform),
    )
    with pytest.raises(client.exceptions.ClientError, match="Credential should be scoped to a valid region"):
        client.get_caller_identity()


def test_by_environment_in_another_process(platform: Platform) -> None:
    key, secret = platform.root
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-west-2",
        "HTTPS_PROXY": platform.url,
        "AWS_CA_BUNDLE": bundle(platform),
    }
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip().isdecimal()


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
def test_the_authority_satisfies_node(platform: Platform) -> None:
    code = """
    const http = require('http'), https = require('https'), host = process.argv[1], port = +process.argv[2]
    http.request({host: '127.0.0.1', port, method: 'CONNECT', path: host + ':443'}).on('connect', (_, socket) =>
      https.get({host, socket, agent: false}, answer => console.log(answer.statusCode))).end()
    """
    environment = {**os.environ, "NODE_EXTRA_CA_CERTS": bundle(platform)}
    ran = subprocess.run(
        ["node", "-e", code, STS, str(platform.port)], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() in {"400", "403"}, ran.stderr


def test_one_tls_connection_carries_many_requests(platform: Platform) -> None:
    made = connection(platform, STS)
    for _ in range(3):
        made.request("GET", "/health")
        assert json.loads(made.getresponse().read())["status"] == "ok"
    made.close()


def test_the_certificate_is_for_the_host_alone(platform: Platform) -> None:
    made = connection(platform, STS)
    made.connect()
    assert isinstance(made.sock, ssl.SSLSocket)
    certificate = made.sock.getpeercert()
    assert certificate is not None
    assert certificate["subjectAltName"] == (("DNS", STS),)
    made.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        connection(platform, STS, cafile=ssl.get_default_verify_paths().cafile or "/etc/ssl/cert.pem").connect()


@pytest.mark.parametrize("host", ["example.com", "s3.cn-north-1.amazonaws.com.cn", "s3.us-west-2.api.aws"])
def test_the_authority_may_speak_for_aws_only(platform: Platform, host: str) -> None:
    """Even with its key: a client refuses what it signs for other hosts."""
    from clary.gateway import certificate

    tls = platform.home / "tls"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate.leaf((tls / "ca.key").read_bytes(), (tls / "ca.pem").read_bytes(), host))
        file.flush()
        context.load_cert_chain(file.name)
    trusting = ssl.create_default_context(cafile=bundle(platform))
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = trusting.wrap_bio(to_client, to_server, server_hostname=host)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):  # noqa: PT012 - one handshake
        for _ in range(4):
            for side in (client, server):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue


def test_the_authority_lasts_and_its_key_is_private(own_platform: Platform) -> None:
    tls = own_platform.home / "tls"
    before = (tls / "ca.pem").read_bytes()
    assert (tls / "ca.key").stat().st_mode & 0o777 == 0o600
    assert (tls / "bundle.pem").read_bytes().startswith(before)
    assert (tls / "bundle.pem").read_bytes().count(b"BEGIN CERTIFICATE") > 50
    own_platform.stop()
    own_platform.start()
    assert (tls / "ca.pem").read_bytes() == before
    own_platform.stop()
    (tls / "ca.key").unlink()  # as after a start that was cut short: both are made anew
    own_platform.start()
    assert (tls / "ca.pem").read_bytes() != before
    assert proxied(own_platform, "sts").get_caller_identity()["Arn"].endswith(":root")
    assert sorted(path.name for path in tls.iterdir()) == ["bundle.pem", "ca.key", "ca.pem"]


def test_other_hosts_are_tunnelled(platform: Platform) -> None:
    """32 MiB each way, whose reader is slower than its writer; the end of one direction leaves the other open."""
    body = os.urandom(1 << 20) * 32
    with origin() as port, socket.create_connection(("127.0.0.1", platform.port), timeout=PATIENCE) as client:
        client.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nhost: x\r\n\r\n".encode() + body[:10])
        assert client.recv(100) == b"HTTP/1.1 200 Connection established\r\n\r\n"
        client.sendall(body[10:])
        client.shutdown(socket.SHUT_WR)
        assert rest(client) == body


def test_ipv6_hosts(platform: Platform) -> None:
    try:
        with origin("::1") as port, socket.create_connection(("127.0.0.1", platform.port), timeout=PATIENCE) as client:
            client.sendall(f"CONNECT [::1]:{port} HTTP/1.1\r\n\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


def test_a_host_that_does_not_answer(platform: Platform) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    answer = said(platform, f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert f"127.0.0.1:{port} cannot be reached".encode() in answer


def test_a_forwarded_request(platform: Platform) -> None:
    """The proxy's own headers stay with it, Host is the host's, and the connection is for one request."""
    with origin() as port:
        head = f"POST http://127.0.0.1:{port}/a?b HTTP/1.1\r\nHost: other\r\nProxy-Authorization: secret\r\n"
        head += "Connection: keep-alive, X\r\nX: y\r\nContent-Length: 3\r\n\r\n"
        with socket.create_connection(("127.0.0.1", platform.port), timeout=PATIENCE) as client:
            client.sendall(head.encode())
            client.sendall(b"abc")
            client.shutdown(socket.SHUT_WR)
            sent = rest(client).decode()
        lines = ["POST /a?b HTTP/1.1", f"host: 127.0.0.1:{port}", "X: y", "Content-Length: 3", "connection: close"]
        assert sent == "\r\n".join([*lines, "", "abc"])
        with suppress(ConnectionResetError):
            answer = said(platform, head.encode(), b"abc", b"GET http://elsewhere/ HTTP/1.1\r\n\r\n")
            assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


def test_refusing_other_hosts() -> None:
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    refusing = Platform(folder / "home", CLARY_PROXY_OTHER="refuse").start()
    try:
        with origin() as port:
            for request in (
                f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n",
                f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
            ):
                answer = said(refusing, request.encode())
                assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
                assert b"127.0.0.1 is refused by Clary's setting proxy_other" in answer
        assert proxied(refusing, "sts").get_caller_identity()["Arn"].endswith(":root")
        for host in ("sts.cn-north-1.amazonaws.com.cn", "sts.us-west-2.api.aws", "amazonaws.com", "xamazonaws.com"):
            answer = said(refusing, f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n"), host
        elsewhere = platform_client_of_example(refusing)
        with pytest.raises(ProxyConnectionError):
            elsewhere.get_caller_identity()
    finally:
        refusing.stop()
        shutil.rmtree(folder)


@contextmanager
def beyond_loopback(**settings: str) -> Iterator[Platform]:
    """A Clary that other machines can reach."""
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    running = Platform(folder / "home", CLARY_HOST="0.0.0.0", **settings).start()  # noqa: S104 - the case in question
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder)


def outer() -> str:
    """An address of this machine that is not a loopback one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError as error:
            pytest.skip(f"no network here: {error}")
        found: str = probe.getsockname()[0]
        return found


def asked_from(source: str, target: str, port: int, request: str) -> bytes:
    with socket.create_connection((target, port), timeout=PATIENCE, source_address=(source, 0)) as client:
        client.sendall(request.encode())
        client.shutdown(socket.SHUT_WR)
        return rest(client)


HEALTH = "GET {}/health HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"


def test_others_may_not_use_the_proxy() -> None:
    """A peer with another address than the one that it asks is what another machine looks like."""
    here, aws = outer(), f"CONNECT {STS}:80 HTTP/1.1\r\n\r\n"
    with beyond_loopback() as exposed:
        for request in (aws, "CONNECT 192.0.2.1:80 HTTP/1.1\r\n\r\n", HEALTH.format(f"http://{STS}")):
            answer = asked_from(here, "127.0.0.1", exposed.port, request)
            assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
            assert b"Clary's setting proxy_peers" in answer
        assert asked_from("127.0.0.1", "127.0.0.1", exposed.port, aws).startswith(b"HTTP/1.1 200 ")
        assert asked_from(here, here, exposed.port, aws).startswith(b"HTTP/1.1 200 ")
        # What is no proxy's work is everybody's.
        for path in ("", f"http://127.0.0.1:{exposed.port}"):
            assert asked_from(here, "127.0.0.1", exposed.port, HEALTH.format(path)).startswith(b"HTTP/1.1 200 ")


def test_others_may_use_the_proxy_if_the_setting_says_so() -> None:
    here = outer()
    with beyond_loopback(CLARY_PROXY_PEERS="any") as exposed, origin(here) as port:
        aws = HEALTH.format(f"http://{STS}")
        assert asked_from(here, "127.0.0.1", exposed.port, aws).startswith(b"HTTP/1.1 200 ")
        tunnel = f"CONNECT {here}:{port} HTTP/1.1\r\n\r\n"
        assert asked_from(here, "127.0.0.1", exposed.port, tunnel).startswith(b"HTTP/1.1 200 ")


def test_no_tunnel_to_this_machines_own_services() -> None:
    """Once others can reach the gateway: whatever the address is called, and whoever asks."""
    with beyond_loopback() as exposed, origin() as port:
        names = ("127.0.0.1", "127.9.9.9", "localhost", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "127.1")  # noqa: S104 - asked for
        for host in (*names, "169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "2130706433"):
            for request in (
                f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n",
                f"GET http://{host}:{port}/ HTTP/1.1\r\n\r\n",
            ):
                answer = said(exposed, request.encode())
                assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n"), (host, answer)
                assert b"only while it listens on loopback" in answer


def platform_client_of_example(platform: Platform) -> Any:
    """A client of a host that only looks like AWS's."""
    config = Config(proxies={"https": platform.url})
    url = "https://sts.us-west-2.amazonaws.com.example.com"
    return platform.client("sts", endpoint_url=url, config=config, verify=bundle(platform))


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([b"CONNECT sts.amazonaws.com HTTP/1.1\r\n\r\n"], 400),
        ([b"CONNECT sts.amazonaws.com:0 HTTP/1.1\r\n\r\n"], 400),
        ([b"CONNECT sts.amazonaws.com:99999 HTTP/1.1\r\n\r\n"], 400),
        ([b"CONNECT sts.amazonaws.com:22 HTTP/1.1\r\n\r\n"], 502),
        ([b"CONNECT sts.amazonaws.com:443 HTTP/1.1\r\n\r\nearly"], 502),
        ([b"CONNECT a b:443 HTTP/1.1\r\n\r\n"], 400),
        ([b"CONNECT \xff:443 HTTP/1.1\r\n\r\n"], 400),
        ([b"CONNECT h:443 HTTP/2.0\r\n\r\n"], 400),
        ([b"CONNECT h:443 HTTP/1.1\r\nno colon\r\n\r\n"], 400),
        ([b"CONNECT h:443 HTTP/1.1\r\nfolded: a\r\n b\r\n\r\n"], 400),
        ([b"CONNECT h:443 HTTP/1.1\r\nx: ", b"y" * 70000, b"\r\n\r\n"], 431),
        ([b"GET http://h\x00/ HTTP/1.1\r\n\r\n"], 400),
        ([b"GET https://sts.amazonaws.com/ HTTP/1.1\r\n\r\n"], 400),
        ([b"GET http://user@h/ HTTP/1.1\r\n\r\n"], 400),
        ([b"GET http://h/ HTTP/1.1\r\nno colon\r\n\r\n"], 400),
        ([b"POST http://h/ HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc"], 400),
        ([b"POST http://h/ HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc"], 400),
        ([b"GET http://h/ HTTP/1.1\r\n\r\nGET http://i/ HTTP/1.1\r\n\r\n"], 400),
        ([bytes([byte]) for byte in b"CONNECT h HTTP/1.1\r\n\r\n"], 400),
        ([bytes([byte]) for byte in b"GET /health HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"], 200),
    ],
)
def test_heads_of_every_kind(platform: Platform, parts: list[bytes], status: int) -> None:
    assert said(platform, *parts).startswith(f"HTTP/1.1 {status} ".encode())


def test_what_is_no_tls_ends_the_connection(platform: Platform) -> None:
    with socket.create_connection(("127.0.0.1", platform.port), timeout=PATIENCE) as client:
        client.sendall(f"CONNECT {STS}:443 HTTP/1.1\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with suppress(ConnectionResetError):
            assert b"HTTP/" not in client.recv(100)
