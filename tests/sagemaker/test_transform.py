"""Transform jobs by the front door: what becomes of files of every kind."""

import gzip
import json
import struct
from typing import Any

import pytest

from sagemaker_inputs import fresh
from transforms import Transforms

ROWS = [f"{number % 7},{number % 2 * 3 + number % 5}" for number in range(100)]
BODY = "\n".join(ROWS).encode() + b"\n"
# Answers each request with what it was: how many bytes, and what it said of itself.
ECHO = """
import json, os

def model_fn(folder):
    return {name: os.environ.get(name) for name in os.environ if name.startswith("SAGEMAKER_") or name == "MINE"}

def transform_fn(model, body, content_type, accept):
    if accept == "application/json":
        return json.dumps({"size": len(body), "type": content_type, "environment": model}), accept
    return body, accept
"""
LABELS = """
def model_fn(folder):
    return None

def transform_fn(model, body, content_type, accept):
    return '{"label":1}', accept
"""


@pytest.fixture(scope="module")
def echo(transforms: Transforms) -> str:
    return transforms.script(ECHO)


def scores(body: bytes) -> list[float]:
    return [float(line) for line in body.decode().splitlines()]


def test_files_of_lines(transforms: Transforms) -> None:
    out = transforms.run({"a.csv": BODY, "sub/b.csv": b"1,2\n", "empty.csv": b"", "folder/": b""})
    assert sorted(out) == ["a.csv.out", "empty.csv.out", "sub/b.csv.out"]
    found = scores(out["a.csv.out"])
    assert len(found) == len(ROWS)
    assert len(set(found)) > 1
    assert out["empty.csv.out"] == b""
    again = transforms.run({"a.csv": BODY}, BatchStrategy="SingleRecord", MaxConcurrentTransforms=4)
    assert scores(again["a.csv.out"]) == found
    packed = transforms.run({"a.csv.gz": gzip.compress(BODY)}, source={"CompressionType": "Gzip"})
    assert scores(packed["a.csv.gz.out"]) == found
    whole = transforms.run({"a.csv": BODY}, source={"SplitType": "None"}, result={"AssembleWith": "None"})
    assert scores(whole["a.csv.out"]) == found


def test_answers_are_put_together_as_they_are_or_by_lines(transforms: Transforms, echo: str) -> None:
    wanted = {}
    for strategy, payload, assemble, found in (
        ("SingleRecord", 1, "None", b"1,23,4"),
        ("MultiRecord", 0, "None", b"1,2\n3,4"),
        ("MultiRecord", 0, "Line", b"1,2\n3,4\n"),
    ):
        given: dict[str, Any] = {"BatchStrategy": strategy, "MaxPayloadInMB": payload, "ModelName": echo}
        result = {"Accept": "text/csv", "AssembleWith": assemble}
        wanted[transforms.start({"a.csv": b"1,2\n3,4"}, result=result, **given)] = found
    for name, found in wanted.items():
        transforms.until(name, "Completed")
        assert transforms.output(name) == {"a.csv.out": found}


def test_describe_and_lists(transforms: Transforms) -> None:
    name = transforms.start({"a.csv": BODY}, Environment={"MINE": "1"}, Tags=[{"Key": "k", "Value": "v"}])
    found = transforms.until(name, "Completed")
    assert found["ModelName"] == transforms.model
    assert found["Environment"] == {"MINE": "1"}
    assert found["TransformInput"]["CompressionType"] == "None"
    assert found["CreationTime"] <= found["TransformStartTime"] <= found["TransformEndTime"]
    assert found.keys().isdisjoint({"Spec", "RoleArn", "FailureReason"})
    (listed,) = transforms.sagemaker.list_transform_jobs(NameContains=name)["TransformJobSummaries"]
    assert listed["TransformJobStatus"] == "Completed"
    assert listed["TransformEndTime"] == found["TransformEndTime"]
    done = transforms.sagemaker.list_transform_jobs(NameContains=name, StatusEquals="Completed")
    assert len(done["TransformJobSummaries"]) == 1
    failed = transforms.sagemaker.list_transform_jobs(NameContains=name, StatusEquals="Failed")
    assert failed["TransformJobSummaries"] == []
    tags = transforms.sagemaker.list_tags(ResourceArn=found["TransformJobArn"])["Tags"]
    assert tags == [{"Key": "k", "Value": "v"}]


def test_logs_are_where_aws_has_them(transforms: Transforms) -> None:
    name = transforms.start({"a.csv": BODY}, MaxPayloadInMB=1, MaxConcurrentTransforms=2)
    transforms.until(name, "Completed")
    logs = transforms.log(name)
    assert sorted(logs) == ["", "data-log"]
    assert any("ready" in line for line in logs[""])
    (told,) = logs["data-log"]
    stamp, _, line = told.partition(":[sagemaker logs]: ")
    assert line == "MaxConcurrentTransforms=2, MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD"
    assert len(stamp) == len("2020-10-14T04:08:19.163")


def test_a_manifest(transforms: Transforms) -> None:
    prefix = fresh("manifest")
    transforms.put(prefix, {"x/a.csv": BODY, "x/b.csv": b"1,2\n", "x/c.csv": b"1,2\n"})
    manifest = [{"prefix": f"s3://{transforms.bucket}/{prefix}/"}, "x/a.csv", "x/c.csv"]
    transforms.put(prefix, {"list.manifest": json.dumps(manifest).encode()})
    uri = f"s3://{transforms.bucket}/{prefix}/list.manifest"
    source = {"DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": uri}}}
    out = transforms.run({}, source=source)
    assert sorted(out) == ["x/a.csv.out", "x/c.csv.out"]


def test_one_object_by_its_key(transforms: Transforms) -> None:
    prefix = fresh("key")
    transforms.put(prefix, {"x/a.csv": BODY})
    uri = f"s3://{transforms.bucket}/{prefix}/x/a.csv"
    out = transforms.run({}, source={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}})
    assert list(out) == ["a.csv.out"]


def test_several_instances_share_the_files(transforms: Transforms) -> None:
    files = {f"{number}.csv": b"1,2\n" * (number + 1) for number in range(5)}
    name = transforms.start(files, resources={"InstanceCount": 2})
    transforms.until(name, "Completed")
    out = transforms.output(name)
    assert {path: len(scores(body)) for path, body in out.items()} == {f"{n}.csv.out": n + 1 for n in range(5)}
    logs = transforms.log(name)
    assert len(logs["data-log"]) == 2, "both had something to do"
    one = transforms.run({"only.csv": b"1,2\n"}, resources={"InstanceCount": 2})
    assert list(one) == ["only.csv.out"]


def test_data_processing_of_csv(transforms: Transforms) -> None:
    body = "".join(f"id-{number},{row}\n" for number, row in enumerate(ROWS)).encode()
    accept = {"Accept": "text/csv"}
    plain = scores(transforms.run({"a.csv": BODY})["a.csv.out"])
    told = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    out = transforms.run({"a.csv": body}, result=accept, DataProcessing=told)["a.csv.out"].decode()
    assert out.splitlines() == [f"id-{number},{score}" for number, score in enumerate(plain)]
    told = {"InputFilter": "$[1:]", "JoinSource": "Input"}
    out = transforms.run({"a.csv": body}, result=accept, DataProcessing=told)["a.csv.out"].decode()
    assert out.splitlines() == [
        f"id-{number},{row},{score}" for number, (row, score) in enumerate(zip(ROWS, plain, strict=True))
    ]


def test_data_processing_of_documents(transforms: Transforms) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html, "Associate Prediction
    Results with Input Records": an object has its answer beside its members, what is none becomes SageMakerInput.
    """
    kind = "application/json"
    files = {"object.json": b'{"key":1}', "list.json": b"[1,\n2]"}
    labels = transforms.script(LABELS)
    given: dict[str, Any] = {"ModelName": labels, "result": {"Accept": kind}}
    source = {"ContentType": kind, "SplitType": "None"}
    out = transforms.run(files, source=source, DataProcessing={"JoinSource": "Input"}, **given)
    assert {path: json.loads(body) for path, body in out.items()} == {
        "object.json.out": {"key": 1, "SageMakerOutput": {"label": 1}},
        "list.json.out": {"SageMakerInput": [1, 2], "SageMakerOutput": {"label": 1}},
    }


def test_data_processing_of_json_lines(transforms: Transforms, echo: str) -> None:
    body = b'{"id":1,"features":[1,2]}\n{"id":2,"features":[3,4]}\n'
    told = {"InputFilter": "$.features", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
    kind = "application/jsonlines"
    out = transforms.run(
        {"a.jsonl": body}, source={"ContentType": kind}, result={"Accept": kind}, DataProcessing=told, ModelName=echo
    )
    assert [json.loads(line) for line in out["a.jsonl.out"].splitlines()] == [
        {"id": 1, "SageMakerOutput": [1, 2]},
        {"id": 2, "SageMakerOutput": [3, 4]},
    ]


def test_what_the_container_is_told(transforms: Transforms, echo: str) -> None:
    result = {"Accept": "application/json"}
    out = transforms.run(
        {"a.csv": BODY},
        ModelName=echo,
        result=result,
        Environment={"MINE": "yes"},
        BatchStrategy="SingleRecord",
        MaxPayloadInMB=3,
        MaxConcurrentTransforms=2,
    )
    told = [json.loads(line) for line in out["a.csv.out"].splitlines()]
    assert [one["size"] for one in told] == [len(row) for row in ROWS]
    assert {one["type"] for one in told} == {"text/csv"}
    environment = told[0]["environment"]
    assert environment["MINE"] == "yes"
    assert environment["SAGEMAKER_BATCH"] == "true"
    assert environment["SAGEMAKER_BATCH_STRATEGY"] == "SINGLE_RECORD"
    assert environment["SAGEMAKER_MAX_PAYLOAD_IN_MB"] == "3"
    assert environment["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] == "2"
    plain = transforms.run({"a.csv": BODY}, ModelName=echo, result=result)
    (one,) = [json.loads(line) for line in plain["a.csv.out"].splitlines()]
    assert one["environment"].keys().isdisjoint({"SAGEMAKER_MAX_PAYLOAD_IN_MB", "SAGEMAKER_BATCH_STRATEGY"})


def test_payloads_are_as_large_as_they_may_be(transforms: Transforms, echo: str) -> None:
    body = b"x" * 99 + b"\n"
    large = body * 30000  # 3 MB
    given: dict[str, Any] = {"ModelName": echo, "result": {"Accept": "application/json"}}
    out = transforms.run({"a": large}, MaxPayloadInMB=1, **given)
    sizes = [json.loads(line)["size"] for line in out["a.out"].splitlines()]
    assert sum(sizes) + len(sizes) == len(large)
    assert all((1 << 20) - 200 < size <= 1 << 20 for size in sizes[:-1])
    streamed = transforms.run({"a": large}, MaxPayloadInMB=0, source={"SplitType": "None"}, **given)
    assert json.loads(streamed["a.out"])["size"] == len(large)
    name, reason = transforms.fail({"a": large}, MaxPayloadInMB=1, source={"SplitType": "None"}, **given)
    assert reason.startswith("ClientError: See job logs for more information")
    assert "Too much data for max payload size" in reason
    assert transforms.output(name) == {}


@pytest.mark.parametrize("kind", ["RecordIO", "TFRecord"])
def test_binary_records(transforms: Transforms, echo: str, kind: str) -> None:
    def framed(data: bytes) -> bytes:
        if kind == "RecordIO":
            return struct.pack("<II", 0xCED7230A, len(data)) + data + bytes(-len(data) % 4)
        return struct.pack("<QI", len(data), 0) + data + bytes(4)

    data = b"".join(framed(b"x" * size) for size in (1, 20, 3))
    given: dict[str, Any] = {
        "ModelName": echo,
        "source": {"SplitType": kind, "ContentType": "application/x-recordio"},
        "result": {"Accept": "application/json"},
    }
    out = transforms.run({"a": data}, BatchStrategy="SingleRecord", **given)
    assert [json.loads(line)["size"] for line in out["a.out"].splitlines()] == [1, 20, 3]
    out = transforms.run({"a": data}, **given)
    assert [json.loads(line)["size"] for line in out["a.out"].splitlines()] == [len(data)]
    _, reason = transforms.fail({"a": data + b"broken"}, BatchStrategy="SingleRecord", **given)
    assert "record 4" in reason
