"""What endpoints cost beside their requests: until they serve, their memory, what the data plane adds."""

import datetime as dt
import statistics
import time
from collections.abc import Iterator

from bench import wrk
from bench.hosting import IMAGE, Hosting
from bench.jobs import say
from bench.peers import Rows
from bench.table import Section, goal, number

STARTS = 5
TENTH = 10
CONNECTIONS = 32  # each pauses between its requests, so that the load has the rate it should have
SETTLED = 2.0  # seconds after which a new process's memory is what it keeps
METERED = 60.0  # seconds within which CloudWatch has what the data plane counted
STEP = """
def model_fn(folder):
    return None

def input_fn(body, content_type):
    return body

def predict_fn(body, model):
    return body

def output_fn(body, accept):
    return body, "text/csv"
"""
Row = tuple[str, str, str]


def run(hosting: Hosting, asked: list[list[float]], seconds: float, command: str) -> Section:
    """`hosting` has an endpoint named bench."""
    rows: list[Row] = []
    for part in (
        _overhead(hosting, asked, seconds),
        _fused(hosting, asked, seconds),
        _starts(hosting),
        _memory(hosting),
    ):
        for row in part:
            say(": ".join(row[:2]))
            rows.append(row)
    text = (
        "OverheadLatency is from our own CloudWatch metrics, while wrk asks at half the rate that eight connections "
        "reach. Memory is the proportional set of an instance's processes: its server, sandbox and supervisor."
    )
    return Section("serving_life", "Endpoints beside their requests", text, ("", "", "goal"), rows, command)


def _overhead(hosting: Hosting, asked: list[list[float]], seconds: float) -> Iterator[Row]:
    most = wrk.drive(hosting.address, hosting.requests("bench", _single(asked)), 8, seconds).rate
    pause = max(1, round(1000 * CONNECTIONS / (most / 2)))
    say(f"half of {most:.0f} req/s")
    hosting.create("half", hosting.config())  # whose metrics are of nothing else
    requests = hosting.requests("half", _single(asked))
    load = wrk.drive(hosting.address, requests, CONNECTIONS, max(seconds, 5), pause)
    p50, p99, count = _metered(hosting, load.requests)
    hosting.sagemaker.delete_endpoint(EndpointName="half")
    what = f"OverheadLatency at {number(load.rate)} req/s, {count:.0f} metered"
    yield f"{what}: p50", f"{number(p50 / 1000)} ms", goal(p50 <= 700, "0.7 ms")
    yield f"{what}: p99", f"{number(p99 / 1000)} ms", goal(p99 <= 3000, "3 ms")


def _metered(hosting: Hosting, requests: int) -> tuple[float, float, float]:
    """p50 and p99 in microseconds, and of how many. Raises TimeoutError."""
    cloudwatch = hosting.server.client("cloudwatch")
    dimensions = [{"Name": "EndpointName", "Value": "half"}, {"Name": "VariantName", "Value": "all"}]
    metric = {"Namespace": "AWS/SageMaker", "MetricName": "OverheadLatency", "Dimensions": dimensions}
    queries = [
        {"Id": name, "MetricStat": {"Metric": metric, "Period": 3600, "Stat": stat}}
        for name, stat in (("median", "p50"), ("worst", "p99"), ("count", "SampleCount"))
    ]
    deadline = time.monotonic() + METERED
    while time.monotonic() < deadline:
        time.sleep(1)
        now = dt.datetime.now(dt.UTC)
        window = {"StartTime": now - dt.timedelta(hours=1), "EndTime": now + dt.timedelta(hours=1)}
        found = cloudwatch.get_metric_data(MetricDataQueries=queries, **window)["MetricDataResults"]
        values = {each["Id"]: each["Values"] for each in found}
        if values["count"] and sum(values["count"]) >= requests:
            return values["median"][0], values["worst"][0], sum(values["count"])
    raise TimeoutError(f"CloudWatch has {values} a minute after {requests} requests")


def _fused(hosting: Hosting, asked: list[list[float]], seconds: float) -> Iterator[Row]:
    """Two scripts that hand on what they get, and the model: three containers of one image."""
    step = hosting.put("step.tar.gz", {"code/inference.py": STEP.encode()})
    script = {"Image": IMAGE, "ModelDataUrl": step, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}
    model = {"Image": IMAGE, "ModelDataUrl": hosting.data}
    hosting.create("steps", hosting.config(script, script, model))
    found: dict[str, list[float]] = {"bench": [], "steps": []}
    for _ in range(3):
        for name, took in found.items():
            took.append(wrk.drive(hosting.address, hosting.requests(name, _single(asked)), 1, max(1, seconds / 3)).p50)
    single, steps = (statistics.median(took) for took in found.values())
    shown = f"{number(steps)} ms, {number(steps / single)} x the single model's {number(single)}"
    hosting.sagemaker.delete_endpoint(EndpointName="steps")
    yield "three containers of one environment, fused: p50", shown, goal(steps <= 1.5 * single, "1.5 x")


def _starts(hosting: Hosting) -> Iterator[Row]:
    config = hosting.config()
    took = []
    for count in range(STARTS):
        took.append(hosting.create(f"start-{count}", config))
        hosting.sagemaker.delete_endpoint(EndpointName=f"start-{count}")
    shown = f"{number(statistics.median(took))} s, worst {number(max(took))}"
    met = goal(statistics.median(took) <= 1.5, "1.5 s")
    yield f"from CreateEndpoint to InService, image warm, of {STARTS}", shown, met


def _memory(hosting: Hosting) -> Iterator[Row]:
    """Of one alone, and of each of ten. (Of two hundred: bench.many.)"""
    hosting.alone(1)
    time.sleep(SETTLED)
    (one,) = hosting.sizes()
    yield "memory of an idle endpoint", f"{number(one)} MiB", goal(one <= 120, "120 MiB")
    config = hosting.config()
    for count in range(1, TENTH):
        hosting.create(f"one-of-{TENTH}-{count}", config)
    time.sleep(SETTLED)
    mean = statistics.mean(hosting.sizes())
    yield f"memory of each of {TENTH} of the same image", f"{number(mean)} MiB", goal(mean < one, "less than one alone")


def _single(asked: list[list[float]]) -> list[Rows]:
    return [[row] for row in asked]
