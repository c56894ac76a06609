"""The endpoint of walkthrough W3, SparkML, XGBoost and SparkML in a row: what a question takes, how many it answers.

python -m bench.sparkml_pipeline            five rounds of 8 seconds, two minutes
python -m bench.sparkml_pipeline --quick    a round of 2 seconds; prints, and leaves docs/benchmarks.md as it is

The features are made by the walkthrough's own Glue job and the model by its training job, so that the bundles are
Spark's. Each answer of the loads is a car's label as XGBoost has it.
"""

import argparse
import json
import os
import statistics
import time
from typing import Any

import boto3.session

from bench import servers, wrk
from bench.hosting import ask, signed
from bench.jobs import IMAGES, say
from bench.table import Section, goal, number, publish
from clary.demo.example import steps

ROLE = "AmazonSageMaker-ExecutionRole"
BUCKET = "car-evaluation-bench"
CLIENTS = 8
GOAL = 5.0  # milliseconds of a question by boto3, the median


def run(seconds: int = 8, rounds: int = 5) -> list[Section]:
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    wrk.program()
    with servers.clary() as server:
        role = server.client("iam").get_role(RoleName=ROLE)["Role"]["Arn"]
        _deployed(server, role)
        port = json.loads((server.folder / "home" / "run.json").read_text())["serving_port"]
        address = f"127.0.0.1:{port}"
        try:
            rows = _measured(server, address, seconds, rounds)
        finally:
            say(", ".join(steps.clean(server.client, BUCKET)))
    text = (
        "Words in, a label out: three containers, two of them MLeap bundles that the walkthrough's Glue job has "
        f"written, the third xgboost:latest. boto3: one client, a question after the other, {seconds} s; wrk: "
        f"{CLIENTS} kept connections, signed requests, all distinct cars. The median of {rounds} rounds, and the "
        "extremes. Client and server share the cores."
    )
    command = f"sparkml_pipeline --seconds {seconds} --rounds {rounds}"
    return [Section("sparkml_pipeline", "SparkML, XGBoost, SparkML", text, ("", "", "goal"), rows, command)]


def _deployed(server: servers.Server, role: str) -> None:
    """Raises RuntimeError."""
    steps.upload(server.client, BUCKET, server.region)
    glue = steps.preprocess(server.client, BUCKET, role, lambda _status: None)
    if glue["JobRunState"] != "SUCCEEDED":
        raise RuntimeError(f"The Glue job: {glue.get('ErrorMessage')}")
    say("the Glue job has made features and bundles")
    job = steps.train(server.client, BUCKET, role, steps.NAME, lambda _status: None)
    if job["TrainingJobStatus"] != "Completed":
        raise RuntimeError(f"The training job: {job.get('FailureReason')}")
    steps.model(server.client, BUCKET, role, steps.NAME, job["ModelArtifacts"]["S3ModelArtifacts"])
    endpoint = steps.deploy(server.client, steps.NAME, lambda _status: None)
    if endpoint["EndpointStatus"] != "InService":
        raise RuntimeError(f"The endpoint: {endpoint.get('FailureReason')}")


def _measured(server: servers.Server, address: str, seconds: int, rounds: int) -> list[tuple[str, str, str]]:
    bodies = [",".join(car[:-1]).encode() for car in steps.raw()]
    session = boto3.session.Session(server.access_key, server.secret_key, region_name=server.region)
    runtime = session.client("sagemaker-runtime", endpoint_url=f"http://{address}")
    requests = signed(server, address, steps.NAME, bodies)
    _checked(runtime, address, requests)
    medians, tails, rates, waits = [], [], [], []
    for round_ in range(rounds):
        took = _asked(steps.NAME, runtime, bodies, seconds)
        medians.append(statistics.median(took) * 1000)
        tails.append(statistics.quantiles(took, n=100)[98] * 1000)
        load = wrk.drive(address, requests, CLIENTS, seconds)
        if load.failed:
            raise RuntimeError(f"{load.failed} of {load.requests} requests failed")
        rates.append(load.rate)
        waits.append(load.p99)
        say(f"round {round_ + 1}: boto3 {number(medians[-1])} ms; wrk {number(load.rate)} req/s")
    met = goal(statistics.median(medians) <= GOAL, f"≤ {GOAL:.0f} ms")
    return [
        ("boto3, one client: p50", _spread(medians, "ms"), met),
        ("boto3, one client: p99", _spread(tails, "ms"), ""),
        (f"wrk, {CLIENTS} clients: requests a second", _spread(rates, "req/s"), ""),
        (f"wrk, {CLIENTS} clients: p99", _spread(waits, "ms"), ""),
    ]


def _checked(runtime: Any, address: str, requests: list[bytes]) -> None:
    """Both ways give the same labels, nine in ten of them right. Raises RuntimeError."""
    cars = steps.raw()[::20]
    told = {"EndpointName": steps.NAME, "ContentType": "text/csv"}
    ours = [runtime.invoke_endpoint(**told, Body=",".join(car[:-1]))["Body"].read() for car in cars]
    if ours != [ask(address, request) for request in requests[::20]]:
        raise RuntimeError("boto3 and a bare request get different labels")
    right = sum(label.decode() == car[-1] for label, car in zip(ours, cars, strict=True))
    if right < 0.9 * len(cars):
        raise RuntimeError(f"only {right} of {len(cars)} labels are right")


def _asked(name: str, runtime: Any, bodies: list[bytes], seconds: int) -> list[float]:
    """What each question took."""
    took: list[float] = []
    deadline = time.perf_counter() + seconds
    while (began := time.perf_counter()) < deadline:
        body = bodies[len(took) % len(bodies)]
        runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=body)["Body"].read()
        took.append(time.perf_counter() - began)
    return took


def _spread(found: list[float], unit: str) -> str:
    return f"{number(statistics.median(found))} {unit} ({number(min(found))} to {number(max(found))})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    if args.quick:
        print(*run(seconds=2, rounds=1))
    else:
        publish(run(args.seconds, args.rounds))


if __name__ == "__main__":
    main()
