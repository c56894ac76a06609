"""Processing jobs in images that users push, where those are not as one would expect."""

from typing import Any

import pytest

from conftest import Platform
from layers import archive, entry
from own_images import Own, base
from processing_jobs import Processing
from sagemaker_inputs import fresh
from training_jobs import ENDS
from waiting import until

OWN = "/opt/own/main.py"  # folders that no layer says anything of
PROGRAM = """
import os, time
given = open("/opt/ml/processing/input/code/script.py").read()
with open("/opt/ml/processing/output/result/said", "w") as file:
    print(os.getuid(), os.getcwd(), given, file=file)
"""


@pytest.fixture(scope="module")
def processing(platform: Platform) -> Processing:
    return Processing(platform)


@pytest.mark.parametrize(
    ("config", "where"),
    [({"User": "1000"}, "/"), ({"WorkingDir": "/no/such/../folder"}, "/no/folder"), ({"WorkingDir": "a/b"}, "/a/b")],
)
def test_users_and_folders(processing: Processing, config: dict[str, Any], where: str) -> None:
    """Its user gets to what it brings, and to inputs and outputs, through folders that are made for it."""
    code = archive(entry(OWN[1:], f"{PROGRAM}# {fresh('unpacked anew')}\n"))
    uri = Own(processing.platform).push(base(), code, Entrypoint=["python3", OWN], Env=["PATH=/usr/bin:/bin"], **config)
    name = processing.start("input", application={"ImageUri": uri, "ContainerEntrypoint": None})
    found = processing.until(name, *ENDS)
    assert found["ProcessingJobStatus"] == "Completed", (found, processing.log(name))
    assert processing.left(f"{name}/out") == {"said": f"{config.get('User', 0)} {where} input\n".encode()}


def test_an_image_that_is_gone(processing: Processing) -> None:
    """Its repository may go while a job runs; one that begins then is refused."""
    own = Own(processing.platform)
    program = archive(entry(OWN[1:], f"print('begun', flush=True)\nimport time\ntime.sleep(5)\n{PROGRAM}"))
    uri = own.push(base(), program, Entrypoint=["python3", OWN], Env=["PATH=/usr/bin:/bin"])
    application = {"ImageUri": uri, "ContainerEntrypoint": None}
    name = processing.start("input", application=application)
    until(lambda: "begun" in processing.log(name), lambda: processing.describe(name))
    own.door.ecr.delete_repository(repositoryName=uri.rpartition("/")[2].partition(":")[0], force=True)
    processing.until(name, "Completed")
    assert processing.left(f"{name}/out") == {"said": b"0 / input\n"}
    with pytest.raises(processing.sagemaker.exceptions.ClientError, match="Cannot find repository"):
        processing.start("input", application=application)
