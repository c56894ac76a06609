"""What endpoints cost beside their requests: until they serve, their memory, what the data plane adds, many at once;
and whether anything fails while instances die and the endpoint is updated.
"""

import contextlib
import datetime as dt
import os
import signal
import statistics
import time
from collections.abc import Sequence

from bench import wrk
from bench.hosting import IMAGE, Hosting
from bench.jobs import say
from bench.peers import Rows, pss
from bench.table import Section, goal, number

STARTS = 5
TENTH = 10
CONNECTIONS = 32  # each pauses between its requests, so that the load has the rate it should have
SETTLED = 2.0  # seconds after which a new process's memory is what it keeps
METERED = 60.0  # seconds within which CloudWatch has what the data plane counted
RATE, KILL, UPDATE = 500, 20.0, 60.0  # of the soak: requests a second, seconds between kills, and between updates
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


def run(hosting: Hosting, asked: list[list[float]], seconds: float, many: int) -> Section:
    """`hosting` has an endpoint named bench."""
    rows = [*_overhead(hosting, asked, seconds), _fused(hosting, asked, seconds), *_starts(hosting)]
    rows += _memory(hosting, many)
    text = (
        "OverheadLatency is from our own CloudWatch metrics, while wrk asks at half the rate that eight connections "
        "reach. Memory is the proportional set of an instance's processes: its server, sandbox and supervisor."
    )
    return Section("serving_life", "Endpoints beside their requests", text, ("", "", "goal"), rows, "serving")


def _overhead(hosting: Hosting, asked: list[list[float]], seconds: float) -> list[Row]:
    most = wrk.drive(hosting.address, hosting.requests("bench", _single(asked)), 8, seconds).rate
    pause = max(1, round(1000 * CONNECTIONS / (most / 2)))
    say(f"half of {most:.0f} req/s")
    hosting.create("half", hosting.config())  # whose metrics are of nothing else
    requests = hosting.requests("half", _single(asked))
    load = wrk.drive(hosting.address, requests, CONNECTIONS, max(seconds, 5), pause)
    p50, p99, count = _metered(hosting, load.requests)
    hosting.sagemaker.delete_endpoint(EndpointName="half")
    what = f"OverheadLatency at {number(load.rate)} req/s, {count:.0f} metered"
    return [
        (f"{what}: p50", f"{number(p50 / 1000)} ms", goal(p50 <= 700, "0.7 ms")),
        (f"{what}: p99", f"{number(p99 / 1000)} ms", goal(p99 <= 3000, "3 ms")),
    ]


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


def _fused(hosting: Hosting, asked: list[list[float]], seconds: float) -> Row:
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
    return "three containers of one environment, fused: p50", shown, goal(steps <= 1.5 * single, "1.5 x")


def _starts(hosting: Hosting) -> list[Row]:
    config = hosting.config()
    took = []
    for count in range(STARTS):
        took.append(hosting.create(f"start-{count}", config))
        hosting.sagemaker.delete_endpoint(EndpointName=f"start-{count}")
    shown = f"{number(statistics.median(took))} s, worst {number(max(took))}"
    met = goal(statistics.median(took) <= 1.5, "1.5 s")
    return [(f"from CreateEndpoint to InService, image warm, of {STARTS}", shown, met)]


def _memory(hosting: Hosting, many: int) -> list[Row]:
    """One, the tenth, and `many`."""
    _gone(hosting, 1)
    rows: list[Row] = []
    one = _sizes(hosting)[0]
    rows.append(("memory of an idle endpoint", f"{number(one)} MiB", goal(one <= 120, "120 MiB")))
    config = hosting.config()
    for count in range(1, min(TENTH, many)):
        hosting.create(f"many-{count}", config)
    several = _sizes(hosting)
    what = f"memory of each of {len(several)} of the same image"
    mean = statistics.mean(several)
    rows.append((what, f"{number(mean)} MiB", goal(mean < one, "less than one alone")))
    took: list[float] = []
    for count in range(len(several), many):
        took.append(hosting.create(f"many-{count}", config))
        if count % 20 == 0:
            say(f"{count} endpoints, the last in {took[-1]:.2f} s")
    if took:
        sizes = _sizes(hosting)
        rows.append((f"memory of each of {len(sizes)}", f"{number(statistics.mean(sizes))} MiB", ""))
    last = hosting.create("one-more", config)
    rows.append((f"from CreateEndpoint to InService beside {many} others", f"{number(last)} s", ""))
    return rows


def _gone(hosting: Hosting, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(hosting.replicas()) > count and time.monotonic() < deadline:
        time.sleep(0.2)


def _sizes(hosting: Hosting) -> list[float]:
    time.sleep(SETTLED)
    return [pss(hosting.beside(pid)) for pid in hosting.replicas()]


def soak(hosting: Hosting, asked: list[list[float]], minutes: float) -> Section:
    """Requests at a steady rate, while an instance is killed now and then, and the endpoint goes over to the other of
    two configurations.
    """
    others = set(hosting.replicas())
    configs = [hosting.config(instances=2), hosting.config(instances=2)]
    hosting.create("soak", configs[0])
    sizes, loads, killed, updated = [], [], 0, 0
    ends = time.monotonic() + 60 * minutes
    pause = round(1000 * CONNECTIONS / RATE)
    next_kill, next_update = time.monotonic() + KILL, time.monotonic() + UPDATE
    while (left := ends - time.monotonic()) > 1:
        # Each part is signed anew: a signature is good for 15 minutes.
        requests = hosting.requests("soak", _single(asked))
        part = wrk.start(hosting.address, requests, CONNECTIONS, min(60.0, left), pause)
        while part.running():
            now = time.monotonic()
            if now > next_kill:
                next_kill += KILL
                if instances := sorted(set(hosting.replicas()) - others):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(instances[-1], signal.SIGKILL)
                        killed += 1
            if now > next_update and _settled(hosting):
                next_update += UPDATE
                updated += 1
                hosting.sagemaker.update_endpoint(EndpointName="soak", EndpointConfigName=configs[updated % 2])
            time.sleep(0.1)
        loads.append(part.end())
        sizes.append(pss(_clary(hosting)))
        say(f"soak: {loads[-1].requests} requests, {loads[-1].failed} failed, {sizes[-1]:.0f} MiB")
    return _told(minutes, loads, sizes, killed, updated)


def _told(minutes: float, loads: Sequence[wrk.Load], sizes: Sequence[float], killed: int, updated: int) -> Section:
    requests, failed = sum(load.requests for load in loads), sum(load.failed for load in loads)
    half = len(sizes) // 2
    later = f"{number(statistics.mean(sizes[half:]) - statistics.mean(sizes[:half]))} MiB" if half else "not measured"
    rows: list[Sequence[str]] = [
        ("requests", f"{requests:,}", ""),
        ("of these failed", f"{failed:,}", goal(failed == 0, "0")),
        ("instances killed, updates", f"{killed}, {updated}", ""),
        ("p99, the worst of a part", f"{number(max(load.p99 for load in loads))} ms", ""),
        ("memory of Clary and its data plane, second half less the first", later, "flat"),
    ]
    text = (
        f"{minutes:g} minutes at {RATE} requests a second of one row to an endpoint of two instances; one of them is "
        f"killed every {KILL:.0f} s, and the endpoint is updated every {UPDATE:.0f} s."
    )
    command = f"serving --soak {minutes:g}"
    return Section("serving_soak", "Endpoints that break", text, ("", "", "goal"), rows, command)


def _clary(hosting: Hosting) -> list[int]:
    """Clary itself and the data plane, without instances."""
    instances = {pid for replica in hosting.replicas() for pid in hosting.beside(replica)}
    return [pid for pid in hosting.pids() if pid not in instances]


def _settled(hosting: Hosting) -> bool:
    status: str = hosting.sagemaker.describe_endpoint(EndpointName="soak")["EndpointStatus"]
    return status == "InService"


def _single(asked: list[list[float]]) -> list[Rows]:
    return [[row] for row in asked]
