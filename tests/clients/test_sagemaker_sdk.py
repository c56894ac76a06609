"""Both SageMaker Python SDKs, unchanged: what every notebook starts with."""

import json
from pathlib import Path
from typing import Any

import pytest

# SDK 2 and SDK 3 have their sessions in different places and otherwise agree.
IMPORTS = {
    "sagemaker2": "from sagemaker import Session, get_execution_role",
    "sagemaker3": "from sagemaker.core.helper.session_helper import Session, get_execution_role",
}

FIRST_CELL = """
import json
session = Session()
bucket = session.default_bucket()
told = {
    "bucket": bucket,
    "again": Session().default_bucket(),
    "region": session.boto_region_name,
    "uri": session.upload_data("data", key_prefix="first cell"),
    "listed": sorted(session.list_s3_files(bucket, "first cell/")),
    "read": session.read_s3_file(bucket, "first cell/train.csv"),
    "role": get_execution_role(session),
    "account": session.account_id(),
}
session.download_data("back", bucket, "first cell/")
print(json.dumps(told))
"""

# SDK 3 asks IAM whether the role will do (SimulatePrincipalPolicy) before it makes a job.
ROLE_CHECK = """
import json
from sagemaker.core.helper.iam_role_resolver import resolve_and_validate_role
from sagemaker.core.helper.session_helper import Session
session = Session()
print(json.dumps({kind: resolve_and_validate_role(role_type=kind, sagemaker_session=session)
                  for kind in ("training", "serving", "pipeline")}))
"""

# The typed resources of SDK 3 over create, describe, list and delete.
RESOURCES = """
import json, sys, uuid
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Model, ContainerDefinition
name = f"sdk3-{uuid.uuid4().hex}"
image = "123456789012.dkr.ecr.us-west-2.amazonaws.com/any:1"
made = Model.create(model_name=name, execution_role_arn=get_execution_role(),
                    primary_container=ContainerDefinition(image=image, environment={"A": "1"}))
listed = [model.model_name for model in Model.get_all(name_contains=name)]
again = Model.get(name)
told = {"listed": listed == [name], "image": again.primary_container.image, "arn": again.model_arn}
again.delete()
told["after"] = [model.model_name for model in Model.get_all(name_contains=name)]
print(json.dumps(told))
"""


@pytest.fixture
def python(outside: Any) -> Any:
    def run(way: str, environment: str, program: str) -> Any:
        done = outside(way, environment, "python", "-c", program)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.mark.parametrize("sdk", IMPORTS)
def test_the_first_cell_of_a_notebook(python: Any, tmp_path: Path, sdk: str, way: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text("1,2\n")
    (tmp_path / "data" / "test.csv").write_text("3,4\n")
    told = python(way, sdk, f"{IMPORTS[sdk]}\n{FIRST_CELL}")
    account = told["account"]
    assert told == {
        "bucket": f"sagemaker-us-west-2-{account}",
        "again": f"sagemaker-us-west-2-{account}",
        "region": "us-west-2",
        "uri": f"s3://sagemaker-us-west-2-{account}/first cell",
        "listed": ["first cell/test.csv", "first cell/train.csv"],
        "read": "1,2\n",
        "role": f"arn:aws:iam::{account}:role/service-role/AmazonSageMaker-ExecutionRole",
        "account": account,
    }
    assert (tmp_path / "back" / "test.csv").read_text() == "3,4\n"


def test_sdk_3_accepts_the_role(python: Any, way: str) -> None:
    told = python(way, "sagemaker3", ROLE_CHECK)
    assert {role.rpartition("/")[2] for role in told.values()} == {"AmazonSageMaker-ExecutionRole"}


def test_sdk_3_resources(python: Any) -> None:
    told = python("env", "sagemaker3", RESOURCES)
    assert told.pop("arn").startswith("arn:aws:sagemaker:us-west-2:")
    assert told == {"listed": True, "image": "123456789012.dkr.ecr.us-west-2.amazonaws.com/any:1", "after": []}
