"""How processing jobs end that fail, are stopped, run out of something, or are cut off by a kill -9 of Clary."""

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from processing_jobs import Processing
from sagemaker_inputs import fresh
from waiting import until

WAIT = """
import time
open("/opt/ml/processing/output/result/begun", "w").write("1")
print("begun", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def processing(platform: Platform) -> Processing:
    return Processing(platform)


def begun(processing: Processing, name: str) -> None:
    until(lambda: "begun" in processing.log(name), lambda: processing.describe(name))


def test_a_script_that_raises(processing: Processing) -> None:
    found = processing.end("def split():\n    raise ValueError('no rows')\n\nprint('starts')\nsplit()\n")
    assert found["ProcessingJobStatus"] == "Failed"
    assert found["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 1"
    assert found["ExitMessage"].startswith("Traceback (most recent call last):")
    assert found["ExitMessage"].endswith("ValueError: no rows")
    assert processing.left(f"{found['ProcessingJobName']}/out") == {}


def test_a_script_that_tells_what_java_told(processing: Processing) -> None:
    """As PySpark has it: the exception's text ends with Java's stack."""
    script = """
frames = "\\tat org.apache.spark.deploy.Some$.main(Some.scala:12)\\n" * 900
why = "calling o1.csv.\\n: java.io.IOException: no such bucket\\n"
raise RuntimeError(why + frames + "\\t... 12 more\\nCaused by: x.Y: no")
"""
    found = processing.end(script)
    said = found["ExitMessage"]
    assert said.startswith("Traceback (most recent call last):")
    assert said.endswith("o1.csv.\n: java.io.IOException: no such bucket\nCaused by: x.Y: no")


def test_a_program_that_ends_with_an_error_and_no_traceback(processing: Processing) -> None:
    found = processing.end("import sys\nprint('Error: first')\nprint('Error: no file s3://b/a')\nsys.exit('over')\n")
    assert found["ExitMessage"] == "Error: no file s3://b/a"


def test_a_script_that_says_why_it_failed(processing: Processing) -> None:
    found = processing.end("import sys\nopen('/opt/ml/output/message', 'w').write('x' * 2000)\nsys.exit(7)\n")
    assert found["FailureReason"].endswith("exit code: 7")
    assert found["ExitMessage"] == "x" * 1024


def test_a_program_that_is_not_there(processing: Processing) -> None:
    found = processing.end("", application={"ContainerEntrypoint": ["/usr/bin/no-such-program"]})
    assert found["FailureReason"].endswith("exit code: 127")
    assert "no-such-program" in "\n".join(processing.log(found["ProcessingJobName"]))


def test_an_output_whose_folder_is_gone(processing: Processing) -> None:
    """It is there when the program begins, and is a mount, which cannot be removed."""
    found = processing.end("import os\nos.rmdir('/opt/ml/processing/output/result')\n")
    assert "Device or resource busy" in found["ExitMessage"]


def test_an_output_that_may_not_be_written(processing: Processing) -> None:
    name = fresh("job")
    elsewhere = processing.output("result", "x")
    elsewhere["S3Output"]["S3Uri"] = f"s3://{fresh('no-such-bucket')}/out"
    found = processing.end(
        "open('/opt/ml/processing/output/result/a', 'w').write('1')\n",
        name=name,
        ProcessingOutputConfig={"Outputs": [elsewhere]},
    )
    assert found["ProcessingJobStatus"] == "Failed"
    where = f"{elsewhere['S3Output']['S3Uri']}/a"
    assert found["FailureReason"].startswith(f"ClientError: Artifact upload failed:Unable to upload to {where}: ")


def test_stopped(processing: Processing) -> None:
    name = processing.start(WAIT)
    with pytest.raises(ClientError) as refused:
        processing.sagemaker.delete_processing_job(ProcessingJobName=name)
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
    begun(processing, name)
    processing.sagemaker.stop_processing_job(ProcessingJobName=name)
    found = processing.until(name, "Stopped")
    assert "FailureReason" not in found
    assert processing.left(f"{name}/out") == {}
    with pytest.raises(ClientError, match="terminal state"):
        processing.sagemaker.stop_processing_job(ProcessingJobName=name)
    processing.sagemaker.delete_processing_job(ProcessingJobName=name)
    with pytest.raises(ClientError) as missing:
        processing.describe(name)
    assert missing.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": f"Could not find requested job with name: {name}",
    }


def test_out_of_time(processing: Processing) -> None:
    found = processing.end(WAIT, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert found["ProcessingJobStatus"] == "Stopped"


def test_out_of_memory(processing: Processing) -> None:
    found = processing.end("held = []\nwhile True: held.append(bytearray(1 << 26))\n")
    assert found["FailureReason"].startswith("ClientError: Please use an instance type with more memory")


def test_out_of_disk(processing: Processing) -> None:
    script = """
with open("/opt/ml/processing/output/result/large", "wb") as file:
    while True:
        file.write(bytes(1 << 24))
"""
    found = processing.end(script)
    assert found["FailureReason"].startswith("ClientError: Please use a larger volume: algo-1 wrote more than the 1 GB")


def test_without_a_network(processing: Processing) -> None:
    script = """
import os, socket, urllib.request
assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in os.environ
try:
    urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/health", timeout=5)
except OSError as error:
    open("/opt/ml/processing/output/result/said", "w").write(str(error))
"""
    made = processing.run(script, NetworkConfig={"EnableNetworkIsolation": True})
    assert b"refused" in made["said"]


def test_kill_9_while_it_runs(own_platform: Platform) -> None:
    """The job goes on, and its outputs come to S3 whole."""
    processing = Processing(own_platform)
    script = """
import time
for number in range(20):
    open("/opt/ml/processing/output/result/%02d" % number, "w").write(str(number))
    print("begun" if not number else number, flush=True)
    time.sleep(0.1)
"""
    name = processing.start(script)
    begun(processing, name)
    own_platform.kill()
    own_platform.start()
    processing.until(name, "Completed")
    assert processing.left(f"{name}/out") == {f"{number:02d}": b"%d" % number for number in range(20)}
    assert processing.log(name) == ["begun", *(str(number) for number in range(1, 20))]


def test_kill_9_while_it_uploads(own_platform: Platform) -> None:
    processing = Processing(own_platform)
    script = """
for number in range(400):
    open("/opt/ml/processing/output/result/%03d" % number, "w").write(str(number))
"""
    name = processing.start(script)
    until(lambda: processing.s3.list_objects_v2(Bucket=processing.bucket, Prefix=f"{name}/out/").get("Contents"))
    own_platform.kill()
    own_platform.start()
    processing.until(name, "Completed")
    assert processing.left(f"{name}/out") == {f"{number:03d}": b"%d" % number for number in range(400)}
