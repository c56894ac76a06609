"""Transform jobs that are stopped, and those that a kill -9 of Clary meets, while they run and while they upload."""

from contextlib import suppress

from botocore.exceptions import ClientError

from conftest import Platform
from transforms import HOLD, Transforms
from waiting import until

# Answers with what it is asked. What is held waits for an object `go`.
PACED = f"""
{HOLD}

def model_fn(folder):
    return None

def transform_fn(model, body, content_type, accept):
    text = body if isinstance(body, str) else body.decode()
    if "paced" in text:
        time.sleep(0.3)
    if "held" in text:
        hold("go")
    return text, "text/csv"
"""
MANY = {f"{number:03}.csv": b"%d\n" % number for number in range(200)}


def until_it_uploads(transforms: Transforms, name: str) -> None:
    until(lambda: transforms.outputs(name), lambda: transforms.describe(name))


def test_stopped_while_they_run(transforms: Transforms) -> None:
    """Each has the whole machine, which is given out four times: an instance counts once, whatever runs on it."""
    paced = transforms.script(PACED)
    given = {"ModelName": paced, "BatchStrategy": "SingleRecord", "resources": {"InstanceType": "ml.m5.24xlarge"}}
    names = [transforms.start({"a.csv": b"1\n", "b.csv": b"paced\n" * 1000}, **given) for _ in range(3)]
    transforms.until_it_works(*names)
    for name in names:
        transforms.sagemaker.stop_transform_job(TransformJobName=name)
        assert transforms.describe(name)["TransformJobStatus"] in {"Stopping", "Stopped"}
    for name in names:
        assert "FailureReason" not in transforms.until(name, "Stopped")
        assert transforms.outputs(name) == [], "AWS stores nothing of a job that was stopped"


def test_stopped_too_late(transforms: Transforms) -> None:
    """Once the first output is there, all will be."""
    name = transforms.start(MANY, ModelName=transforms.script(PACED))
    until_it_uploads(transforms, name)
    with suppress(ClientError):  # it may have ended
        transforms.sagemaker.stop_transform_job(TransformJobName=name)
    transforms.until(name, "Completed")
    assert transforms.outputs(name) == [f"{path}.out" for path in MANY]


def test_it_outlives_crashes_of_clary(own_platform: Platform) -> None:
    transforms = Transforms(own_platform)
    transforms.s3.put_bucket_versioning(Bucket=transforms.bucket, VersioningConfiguration={"Status": "Enabled"})
    files = {**MANY, "000.csv": b"held\n"}
    name = transforms.start(files, ModelName=transforms.script(PACED), BatchStrategy="SingleRecord")
    transforms.until_it_works(name)
    own_platform.kill()
    own_platform.start()
    assert transforms.outputs(name) == []
    transforms.s3.put_object(Bucket=transforms.bucket, Key="go")
    until_it_uploads(transforms, name)
    own_platform.kill()
    own_platform.start()
    transforms.until(name, "Completed")
    assert transforms.output(name) == {f"{path}.out": body for path, body in files.items()}
    versions = transforms.s3.list_object_versions(Bucket=transforms.bucket, Prefix=f"out-{name}/")["Versions"]
    assert len(versions) - len(files) in (0, 1), "only the one at which it was cut off may have been written twice"
    assert len(transforms.log(name)["data-log"]) == 1, "and the log was written once"
