"""Calls of the API: STS GetCallerIdentity and SageMaker DescribeModel, against moto's server.

Twice: as a program with boto3 sees it, where boto3 itself takes most of the time, and by signed requests on kept
sockets, where the server does.
"""

import json
import multiprocessing
import sys
import time
from multiprocessing.synchronize import Barrier
from typing import Any

from bench import servers
from bench.load import Measured, drive, signed
from bench.servers import Server
from bench.table import Section, number, publish, ratio

MODEL = "bench-model"
OPERATIONS: dict[str, tuple[str, str, dict[str, Any], dict[str, str], bytes]] = {
    "GetCallerIdentity": (
        "sts",
        "get_caller_identity",
        {},
        {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        b"Action=GetCallerIdentity&Version=2011-06-15",
    ),
    "DescribeModel": (
        "sagemaker",
        "describe_model",
        {"ModelName": MODEL},
        {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.DescribeModel"},
        json.dumps({"ModelName": MODEL}).encode(),
    ),
}
CLIENTS = (1, 8)


def run(calls: int = 2000) -> list[Section]:
    found: dict[tuple[str, str, int, str], Measured] = {}
    with servers.clary() as clary, servers.moto() as moto:
        for server in (clary, moto):
            _model(server)
        for operation in OPERATIONS:
            for clients in CLIENTS:
                for server in (clary, moto):
                    found[operation, "boto3", clients, server.name] = _by_boto3(server, operation, clients, calls)
                    found[operation, "socket", clients, server.name] = _by_socket(server, operation, clients, calls * 2)
    rows = []
    for operation, client, clients, name in found:
        if name == clary.name:
            ours, theirs = (found[operation, client, clients, which] for which in (clary.name, moto.name))
            rows.append((operation, client, str(clients), *_numbers(ours), *_numbers(theirs), _ratio(ours, theirs)))
    text = (
        "Latency in milliseconds. `boto3`: each client a process of its own with the real client, which shares the "
        "cores with the server. `socket`: the same requests, signed beforehand, from one light process over kept "
        "connections; this is the server's own speed. Goals: 3 x moto's requests/s; p50 under 3 ms as boto3 sees it."
    )
    head = ("operation", "client", "clients", "p50", "p99", "req/s", "moto p50", "moto p99", "moto req/s", "ratio")
    return [Section("api", "API calls", text, head, rows)]


def _numbers(measured: Measured) -> tuple[str, str, str]:
    return number(measured.quantile(0.5)), number(measured.quantile(0.99)), number(measured.rate)


def _ratio(ours: Measured, theirs: Measured) -> str:
    return ratio(ours.rate, theirs.rate)


def _model(server: Server) -> None:
    role = f"arn:aws:iam::{server.client('sts').get_caller_identity()['Account']}:role/bench"
    if server.name == "Clary":
        iam = server.client("iam")
        role = iam.get_role(RoleName="AmazonSageMaker-ExecutionRole")["Role"]["Arn"]
        s3 = server.client("s3")  # Clary looks whether the model's data are there, as AWS does
        s3.create_bucket(Bucket="bench", CreateBucketConfiguration={"LocationConstraint": server.region})
        s3.put_object(Bucket="bench", Key="model.tar.gz", Body=b"")
    image = f"123456789012.dkr.ecr.{server.region}.amazonaws.com/bench:1"
    server.client("sagemaker").create_model(
        ModelName=MODEL,
        ExecutionRoleArn=role,
        PrimaryContainer={"Image": image, "ModelDataUrl": "s3://bench/model.tar.gz", "Environment": {"A": "1"}},
    )


def _by_socket(server: Server, operation: str, clients: int, calls: int) -> Measured:
    service, _, _, headers, body = OPERATIONS[operation]
    drive(server, signed(server, service, headers, body, 100), clients)
    return drive(server, signed(server, service, headers, body, calls), clients, seconds=20)


def _by_boto3(server: Server, operation: str, clients: int, calls: int) -> Measured:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(clients)
    given = (server.url, server.access_key, server.secret_key, server.token, server.region)
    pipes, started = [], []
    for _ in range(clients):
        ours, theirs = spawn.Pipe(duplex=False)
        process = spawn.Process(target=_caller, args=(given, operation, calls // clients, together, theirs))
        process.start()
        theirs.close()  # so that a client that dies ends the pipe
        pipes.append(ours)
        started.append(process)
    found = [pipe.recv() for pipe in pipes]
    for process in started:
        process.join()
    took = [seconds for _, _, each in found for seconds in each]
    return Measured(took, max(ended for _, ended, _ in found) - min(began for began, _, _ in found))


def _caller(given: tuple[Any, ...], operation: str, calls: int, together: Barrier, answer: Any) -> None:
    import boto3.session  # noqa: PLC0415 - in the client's process only

    url, key, secret, token, region = given
    service, method, arguments, _, _ = OPERATIONS[operation]
    session = boto3.session.Session(key, secret, token, region_name=region)
    call = getattr(session.client(service, endpoint_url=url), method)
    for _ in range(20):
        call(**arguments)
    together.wait(timeout=60)
    took: list[float] = []
    began = before = time.monotonic()  # one clock for all processes
    while len(took) < calls and before - began < 20:
        call(**arguments)
        now = time.monotonic()
        took.append(now - before)
        before = now
    answer.send((began, before, took))


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
