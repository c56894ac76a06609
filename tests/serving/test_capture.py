"""Data capture: AWS's lines of JSON."""

import base64
import hashlib
import json
import resource
import threading
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, HTTPClientError

from clary.store.routes import Variant
from conftest import Platform
from serving.bed import Plane
from waiting import until

TYPES = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}


def capture(plane: Plane, name: str, **config: Any) -> Any:
    told = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://bucket/prefix",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        **config,
    }
    route = plane.route(name, Variant("AllTraffic", 1.0), capture=told)
    plane.put(route, plane.replica(name, plane.container()))
    return plane.home / "serving" / "capture" / hashlib.sha256(route.arn.encode()).hexdigest()[:16]


def written(folder: Any) -> int:
    """Bytes. Raises FileNotFoundError for a file that is just getting its name."""
    return sum(file.stat().st_size for file in folder.rglob("*.jsonl*"))


def lines(folder: Any) -> list[Any]:
    return [json.loads(line) for file in folder.rglob("*.jsonl") for line in file.read_bytes().splitlines()]


def test_requests_and_answers_are_written_down(plane: Plane) -> None:
    folder = capture(plane, "captured", CaptureContentTypeHeader=TYPES)
    client = plane.client()
    client.invoke_endpoint(
        EndpointName="captured", Body=b"1,2", ContentType="text/csv; charset=utf-8", InferenceId="i-1",
        CustomAttributes="parts=2",
    )  # fmt: skip
    client.invoke_endpoint(EndpointName="captured", Body=b"{}", ContentType="application/json")
    client.invoke_endpoint(EndpointName="captured", Body=b"\xff\x00", ContentType="image/png")
    stream = client.invoke_endpoint_with_response_stream(
        EndpointName="captured", Body=b"s", ContentType="text/csv", CustomAttributes="parts=2"
    )
    list(stream["Body"])
    until(lambda: list(folder.rglob("*.jsonl.part")))
    plane.stop()
    assert not list(folder.rglob("*.part"))
    (file,) = folder.rglob("*.jsonl")
    assert len(file.relative_to(folder).parts) == 6  # variant, year, month, day, hour, file
    csv, text, image, streamed = lines(folder)
    kind = "text/csv; charset=utf-8"
    assert csv["captureData"] == {
        "endpointInput": {"observedContentType": kind, "mode": "INPUT", "data": "1,2", "encoding": "CSV"},
        "endpointOutput": {"observedContentType": kind, "mode": "OUTPUT", "data": "0;1;", "encoding": "CSV"},
    }
    assert csv["eventVersion"] == "0"
    assert csv["eventMetadata"]["inferenceId"] == "i-1"
    assert csv["eventMetadata"]["customAttributes"] == ["parts=2"]
    assert csv["eventMetadata"].keys() == {"eventId", "inferenceId", "customAttributes", "inferenceTime"}
    assert text["captureData"]["endpointInput"]["encoding"] == "JSON"
    assert text["captureData"]["endpointInput"]["data"] == "{}"
    assert image["captureData"]["endpointInput"]["encoding"] == "BASE64"
    assert base64.b64decode(image["captureData"]["endpointInput"]["data"]) == b"\xff\x00"
    assert streamed["captureData"]["endpointOutput"]["data"] == "0;1;"
    about = json.loads((folder / "endpoint.json").read_text())
    assert about["EndpointName"] == "captured"
    assert about["DataCaptureConfig"]["DestinationS3Uri"] == "s3://bucket/prefix"


def test_only_what_is_wanted(plane: Plane) -> None:
    folder = capture(plane, "half", InitialSamplingPercentage=50, CaptureOptions=[{"CaptureMode": "Output"}])
    none = capture(plane, "none", InitialSamplingPercentage=0)
    client = plane.client()
    for _ in range(200):
        client.invoke_endpoint(EndpointName="half", Body=b"1")
        client.invoke_endpoint(EndpointName="none", Body=b"1")
    plane.stop()
    found = lines(folder)
    assert 60 <= len(found) <= 140  # 100 are expected; more than five standard deviations
    assert all(each["captureData"].keys() == {"endpointOutput"} for each in found)
    assert not none.exists()


def test_what_a_killed_data_plane_has_left_is_mended(plane: Plane) -> None:
    folder = capture(plane, "mended")
    plane.client().invoke_endpoint(EndpointName="mended", Body=b"1")
    until(lambda: written(folder))
    assert plane.process is not None
    plane.process.kill()
    plane.process.wait()
    (part,) = folder.rglob("*.jsonl.part")
    with part.open("ab") as file:
        file.write(b'{"cut": ')
    plane.start()
    assert not part.exists()
    assert len(lines(folder)) == 1


def test_what_was_captured_when_the_data_plane_is_killed_is_no_half_line(plane: Plane) -> None:
    """At any moment: it is killed while requests come in that are larger than a page."""
    folder = capture(plane, "killed")
    asked = 0
    for _ in range(3):
        over = threading.Event()

        def ask(over: threading.Event = over) -> None:
            nonlocal asked
            client = plane.client()
            while not over.is_set():
                asked += 1
                try:
                    client.invoke_endpoint(EndpointName="killed", Body=b"%d," % asked + b"x" * (1 << 20))["Body"].read()
                except (BotoCoreError, HTTPClientError):
                    return

        thread = threading.Thread(target=ask)
        thread.start()
        goal = until(lambda: written(folder) + (30 << 20), absent=(FileNotFoundError,))  # each line has almost 3 MB
        until(partial(lambda goal: written(folder) > goal, goal), absent=(FileNotFoundError,))
        assert plane.process is not None
        plane.process.kill()
        plane.process.wait()
        over.set()
        thread.join()
        plane.start()
        assert not list(folder.rglob("*.part"))
    found = [base64.b64decode(line["captureData"]["endpointInput"]["data"]) for line in lines(folder)]
    numbers = [int(each.partition(b",")[0]) for each in found]
    assert len(set(numbers)) == len(numbers) <= asked
    assert len(numbers) > 30  # what was written down before
    assert all(len(each) > 1 << 20 for each in found)


def test_what_does_not_fit_on_the_disk_leaves_no_half_line(served_home: Platform) -> None:
    """A limit to the size of files fails as a full disk does."""
    plane = Plane(served_home)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    try:
        plane.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with closing(plane):
        folder = capture(plane, "full")
        client = plane.client()
        client.invoke_endpoint(EndpointName="full", Body=b"x" * 100_000)
        until(lambda: written(folder), absent=(FileNotFoundError,))
        for _ in range(5):
            client.invoke_endpoint(EndpointName="full", Body=b"x" * 100_000)
        plane.stop()
        assert 1 <= len(lines(folder)) < 6


@pytest.mark.parametrize("options", [[{"CaptureMode": "InputAndOutput"}]])
def test_both_may_be_said_in_one(plane: Plane, options: list[dict[str, str]]) -> None:
    folder = capture(plane, "both", CaptureOptions=options)
    plane.client().invoke_endpoint(EndpointName="both", Body=b"1")
    plane.stop()
    (line,) = lines(folder)
    assert line["captureData"].keys() == {"endpointInput", "endpointOutput"}
