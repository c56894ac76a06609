"""Processing jobs, from their inputs in S3 to their outputs there."""

import gzip
import json
from typing import Any

import pytest

from conftest import Platform
from processing_jobs import CODE, GROUP, Processing
from sagemaker_inputs import fresh

COPY = """
import os, shutil, sys
for name in sorted(os.listdir("/opt/ml/processing/input")):
    if name != "code":
        shutil.copytree("/opt/ml/processing/input/" + name, "/opt/ml/processing/output/result/" + name)
"""
TELL = """
import json, os, sys
told = {name: json.load(open("/opt/ml/config/" + name + ".json")) for name in ("processingjobconfig", "resourceconfig")}
told |= {"argv": sys.argv[1:], "colour": os.environ["COLOUR"], "region": os.environ["AWS_REGION"]}
import sklearn
told["sklearn"] = sklearn.__version__
host = told["resourceconfig"]["current_host"]
json.dump(told, open("/opt/ml/processing/output/result/" + host + ".json", "w"))
open("/opt/ml/output/message", "w").write("all is well on " + host)
print("said by", host)
"""


@pytest.fixture(scope="module")
def processing(platform: Platform) -> Processing:
    return Processing(platform)


def test_a_script_runs_over_objects(processing: Processing) -> None:
    name = fresh("job")
    processing.put(name, {"data/a.csv": b"1\n", "data/deep/b.csv": b"2\n"})
    data = processing.input("data", f"s3://{processing.bucket}/{name}/data")
    made = processing.run(COPY, name=name, inputs=[data])
    assert made == {"data/a.csv": b"1\n", "data/deep/b.csv": b"2\n"}
    found = processing.describe(name)
    assert found["ProcessingJobStatus"] == "Completed"
    assert found["CreationTime"] <= found["ProcessingStartTime"] <= found["ProcessingEndTime"]
    assert found["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}
    assert found["ProcessingInputs"][1]["S3Input"]["S3DataDistributionType"] == "FullyReplicated"
    assert "FailureReason" not in found


def test_what_it_is_told(processing: Processing) -> None:
    name = fresh("told")
    processing.start(
        TELL,
        name=name,
        Environment={"COLOUR": "blue"},
        application={"ContainerArguments": ["--ratio", "0.2", ""]},
        cluster={"InstanceCount": 2},
    )
    found = processing.until(name, "Completed")
    assert found["ExitMessage"] == "all is well on algo-1"
    made = {path: json.loads(body) for path, body in processing.left(f"{name}/out").items()}
    assert sorted(made) == ["algo-1.json", "algo-2.json"]
    told: dict[str, Any] = made["algo-2.json"]
    assert told["argv"] == ["--ratio", "0.2", ""]
    assert (told["colour"], told["region"], told["sklearn"]) == ("blue", "us-west-2", "1.2.1")
    assert told["resourceconfig"]["hosts"] == ["algo-1", "algo-2"]
    config = told["processingjobconfig"]
    assert config["ProcessingJobArn"] == found["ProcessingJobArn"]
    assert config["AppSpecification"]["ContainerEntrypoint"] == ["python3", f"{CODE}/script.py"]
    assert config["ProcessingOutputConfig"]["KmsKeyId"] is None
    assert config["ProcessingInputs"][0]["S3Input"]["S3CompressionType"] == "None"
    assert sorted(processing.log(name)) == ["said by algo-1", "said by algo-2"]
    streams = processing.platform.client("logs").describe_log_streams(
        logGroupName=GROUP, logStreamNamePrefix=f"{name}/algo-1-"
    )["logStreams"]
    assert len(streams) == 1


def test_shards_and_manifests(processing: Processing) -> None:
    name = fresh("job")
    processing.put(name, {f"data/{n}.csv": b"%d" % n for n in range(5)})
    manifest = [{"prefix": f"s3://{processing.bucket}/{name}/data/"}, "4.csv", "0.csv"]
    processing.put(name, {"manifest": json.dumps(manifest).encode()})
    uri = f"s3://{processing.bucket}/{name}"
    script = COPY.replace('"/opt/ml/processing/output/result/"', "result")
    script = "import json\nhost = json.load(open('/opt/ml/config/resourceconfig.json'))['current_host']\n" + (
        "result = '/opt/ml/processing/output/result/' + host + '/'\n" + script
    )
    made = processing.run(
        script,
        name=name,
        cluster={"InstanceCount": 2},
        inputs=[
            processing.input("shard", f"{uri}/data/", S3DataDistributionType="ShardedByS3Key"),
            processing.input("named", f"{uri}/manifest", S3DataType="ManifestFile"),
        ],
    )
    first, second = ([path for path in made if path.startswith(f"algo-{n}/shard/")] for n in (1, 2))
    assert sorted(path.rpartition("/")[2] for path in first + second) == [f"{n}.csv" for n in range(5)]
    assert {len(first), len(second)} == {2, 3}
    assert {path for path in made if "/named/" in path} == {
        f"algo-{host}/named/{n}.csv" for host in (1, 2) for n in (0, 4)
    }


def test_a_pipe(processing: Processing) -> None:
    """Of each epoch; gzip is unpacked on the way."""
    name = fresh("job")
    processing.put(name, {"data/a.gz": gzip.compress(b"one\n"), "data/b.gz": gzip.compress(b"two\n")})
    script = """
for epoch in (0, 1):
    with open("/opt/ml/processing/input/deep/data_%d" % epoch, "rb") as pipe:
        open("/opt/ml/processing/output/result/%d" % epoch, "wb").write(pipe.read())
"""
    piped = processing.input(
        "data",
        f"s3://{processing.bucket}/{name}/data/",
        LocalPath="/opt/ml/processing/input/deep/data",
        S3InputMode="Pipe",
        S3CompressionType="Gzip",
    )
    assert processing.run(script, name=name, inputs=[piped]) == {"0": b"one\ntwo\n", "1": b"one\ntwo\n"}


def test_several_outputs_one_within_another(processing: Processing) -> None:
    name = fresh("job")
    inner = processing.output("inner", f"{name}/inner")
    inner["S3Output"]["LocalPath"] = "/opt/ml/processing/output/result/inner"
    outputs = [processing.output("result", f"{name}/out/"), inner, processing.output("empty", f"{name}/empty")]
    script = """
import os
os.makedirs("/opt/ml/processing/output/result/deep")
for path in ("a", "deep/b", "inner/c"):
    open("/opt/ml/processing/output/result/" + path, "w").write(path)
os.symlink("/etc/passwd", "/opt/ml/processing/output/result/link")
"""
    processing.start(script, name=name, ProcessingOutputConfig={"Outputs": outputs})
    processing.until(name, "Completed")
    assert processing.left(f"{name}/out") == {"a": b"a", "deep/b": b"deep/b"}
    assert processing.left(f"{name}/inner") == {"c": b"inner/c"}
    assert processing.left(f"{name}/empty") == {}


def test_an_output_that_is_continuous(processing: Processing) -> None:
    """It is there while the job runs, and also of a job that fails."""
    name = fresh("job")
    outputs = [processing.output("live", f"{name}/live", "Continuous"), processing.output("result", f"{name}/out")]
    script = """
import boto3, os, sys, time
for name in ("live", "result"):
    open("/opt/ml/processing/output/%s/first" % name, "w").write("1")
s3 = boto3.client("s3")
while not s3.list_objects_v2(Bucket=sys.argv[1], Prefix=sys.argv[2]).get("Contents"):
    time.sleep(0.1)
open("/opt/ml/processing/output/live/last", "w").write("2")
sys.exit(3)
"""
    processing.start(
        script,
        name=name,
        ProcessingOutputConfig={"Outputs": outputs},
        application={"ContainerArguments": [processing.bucket, f"{name}/live/"]},
    )
    found = processing.until(name, "Failed")
    assert found["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 3"
    assert processing.left(f"{name}/live") == {"first": b"1", "last": b"2"}
    assert processing.left(f"{name}/out") == {}


def test_a_script_writes_where_it_starts(processing: Processing) -> None:
    """And has a folder there, as in a container."""
    script = """
import os, shutil
open("part.csv", "w").write(os.getcwd())
os.makedirs("/data/deep")
shutil.copy("part.csv", "/opt/ml/processing/output/result/")
"""
    assert processing.run(script) == {"part.csv": b"/"}
