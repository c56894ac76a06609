"""Multi-model endpoints: their models are brought when they are first asked for."""

import io
import json
import os
import sqlite3
import tarfile
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from clary.services.sagemaker.hosting import multimodel
from clary.store import routes
from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh
from training_jobs import IMAGE
from waiting import PATIENCE


@pytest.fixture(scope="module")
def endpoints(platform: Platform) -> Endpoints:
    return Endpoints(platform)


@pytest.fixture(scope="module")
def models(endpoints: Endpoints) -> str:
    """A prefix with the same model twice."""
    prefix = fresh("models")
    source = endpoints.data.removeprefix("s3://")
    bucket, _, key = source.partition("/")
    for name in ("a.tar.gz", "deeper/b.tar.gz"):
        endpoints.jobs.s3.copy_object(
            Bucket=endpoints.bucket, Key=f"{prefix}/{name}", CopySource={"Bucket": bucket, "Key": key}
        )
    return prefix


@pytest.fixture(scope="module")
def serving(endpoints: Endpoints, models: str) -> str:
    model = endpoints.model(Mode="MultiModel", Image=IMAGE, ModelDataUrl=f"s3://{endpoints.bucket}/{models}/")
    return endpoints.serving(endpoints.variant(model))


def invoke(platform: Platform, name: str, model: str) -> str:
    runtime = platform.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=name, TargetModel=model, ContentType="text/csv", Body="1,2\n")
    return str(answer["Body"].read().decode())


def test_each_model_is_brought_when_it_is_asked_for(platform: Platform, serving: str) -> None:
    first = invoke(platform, serving, "a.tar.gz")
    assert 0 <= float(first.strip("[]\n")) <= 1
    assert invoke(platform, serving, "deeper/b.tar.gz") == invoke(platform, serving, "/a.tar.gz") == first


def test_a_model_that_is_not_there(platform: Platform, endpoints: Endpoints, models: str, serving: str) -> None:
    said = rf"Failed to download model data\(bucket: {endpoints.bucket}, key: {models}/none.tar.gz\)"
    with pytest.raises(ClientError, match=said) as raised:
        invoke(platform, serving, "none.tar.gz")
    assert raised.value.response["Error"]["Code"] == "ValidationError"


@pytest.mark.parametrize("model", ["../a.tar.gz", "deeper/../../a.tar.gz", "a//b", "."])
def test_a_model_lies_below_the_prefix(platform: Platform, serving: str, model: str) -> None:
    with pytest.raises(ClientError, match="must be the path of an object below"):
        invoke(platform, serving, model)


def test_what_is_no_archive_is_told(platform: Platform, endpoints: Endpoints, models: str, serving: str) -> None:
    endpoints.jobs.s3.put_object(Bucket=endpoints.bucket, Key=f"{models}/broken.tar.gz", Body=b"no archive")
    with pytest.raises(ClientError, match=r"broken.tar.gz cannot be unpacked"):
        invoke(platform, serving, "broken.tar.gz")


def test_an_archive_cannot_lead_out(platform: Platform, endpoints: Endpoints, models: str, serving: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
    endpoints.jobs.s3.put_object(Bucket=endpoints.bucket, Key=f"{models}/evil.tar.gz", Body=packed.getvalue())
    with pytest.raises(ClientError, match="every path must stay inside"):
        invoke(platform, serving, "evil.tar.gz")


def ask(platform: Platform, what: str, document: Any, token: str = "") -> tuple[int, Any]:
    given = token or (platform.home / "serving" / "token").read_text()
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    request = urllib.request.Request(
        f"{platform.url}/.clary/serving/{what}", body, {"authorization": given}, method="POST"
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_only_the_data_plane_may_ask(platform: Platform, serving: str) -> None:
    assert serving
    assert ask(platform, "want", {"endpoint": "arn", "variant": "all"}, token="guessed")[0] == 401
    assert ask(platform, "want", {"endpoint": "arn", "variant": "all"}) == (200, {})
    assert ask(platform, "dance", {})[0] == 404
    assert ask(platform, "want", b"{")[0] == ask(platform, "want", {})[0] == ask(platform, "want", [])[0] == 400
    gone = {"endpoint": "arn", "variant": "all", "replica": 123456, "container": "c", "model": "m"}
    assert ask(platform, "load", gone) == (503, {"message": "The instance of the endpoint has ended."})


def test_a_model_that_has_changed_is_another_one(
    platform: Platform, endpoints: Endpoints, models: str, serving: str
) -> None:
    described = endpoints.describe(serving)
    with closing(sqlite3.connect(platform.home / "state.db", timeout=PATIENCE)) as connection:
        connection.row_factory = sqlite3.Row
        told = routes.read(connection)
    (replica,) = (each.id for each in told.replicas.values() if each.endpoint == described["EndpointArn"])
    asked = {"endpoint": described["EndpointArn"], "variant": "all", "replica": replica, "container": "primary"}
    first = ask(platform, "load", {**asked, "model": "a.tar.gz"})
    assert first[0] == 200
    assert ask(platform, "load", {**asked, "model": "a.tar.gz"}) == first
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("xgboost-model"), io.BytesIO())
    endpoints.jobs.s3.put_object(Bucket=endpoints.bucket, Key=f"{models}/a.tar.gz", Body=packed.getvalue())
    assert ask(platform, "load", {**asked, "model": "a.tar.gz"})[1] != first[1]


def test_models_that_nobody_asks_for_make_room(tmp_path: Path) -> None:
    now = time.time()
    for name, age in (("oldest", 7200), ("old", 3600), ("fresh", 1)):
        (tmp_path / name / "model").mkdir(parents=True)
        (tmp_path / name / "model" / "file").write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (now - age, now - age))
    multimodel.bound(tmp_path, 300)
    assert len(list(tmp_path.iterdir())) == 3
    multimodel.bound(tmp_path, 200)
    assert {each.name for each in tmp_path.iterdir()} == {"old", "fresh"}
    multimodel.bound(tmp_path, 0)  # what was just brought is still being read
    assert {each.name for each in tmp_path.iterdir()} == {"fresh"}
