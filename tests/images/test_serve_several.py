"""Several models on one server: loaded and unloaded while it runs, or in a row as one."""

import json
import shutil
from pathlib import Path

import pytest

from model_server import ModelServer
from served_models import Models, numbers

INVOKED = {"content-type": "text/csv", "accept": "text/csv"}
DOUBLES = """
import xgboost
from xgboost import XGBClassifier
from sagemaker_xgboost_container import encoder as xgb_encoders
def model_fn(model_dir):
    XGBClassifier()
    return model_dir
def input_fn(body, content_type):
    assert xgb_encoders.csv_to_dmatrix(body).num_row() == len(body.strip().split("\\n"))
    return [line.split(",") for line in body.strip().split("\\n")]
def predict_fn(rows, model):
    return [[float(value) * 2 for value in row] for row in rows]
def output_fn(rows, accept):
    return "\\n".join(",".join(map(repr, row)) for row in rows)
"""


def load(server: ModelServer, name: str, folder: Path) -> tuple[int, dict[str, object]]:
    answer = server.ask("POST", "/models", json.dumps({"model_name": name, "url": str(folder)}))
    return answer.status, answer.json()


def test_models_come_and_go(models: Models, tmp_path: Path) -> None:
    with ModelServer(models.python, "xgboost", [tmp_path], told={"multi": True}) as server:
        assert server.ask("GET", "/models").json() == {"models": []}
        assert load(server, "one", models.root / "binary-json")[0] == 200
        assert load(server, "two", models.root / "softprob")[0] == 200
        assert load(server, "one", models.root / "softprob")[0] == 409
        body = "\n".join(models.rows)
        one = server.ask("POST", "/models/one/invoke", body, **INVOKED)
        assert [float(word) for word in one.text.split(",")] == models.told["binary-json"], server.log
        two = server.ask("POST", "/models/two/invoke", body, content_type="text/csv")
        assert two.json() == models.told["softprob"]
        channel = server.channel()
        assert channel.ask([body.encode()], "/models/one/invoke", **INVOKED)[0].body == one.body
        channel.close()
        assert server.ask("POST", "/models/three/invoke", body, **INVOKED).status == 404
        first = server.ask("GET", "/models?limit=1").json()
        assert first["models"] == [{"modelName": "one", "modelUrl": str(models.root / "binary-json")}]
        rest = server.ask("GET", f"/models?limit=1&next_page_token={first['nextPageToken']}").json()
        assert [each["modelName"] for each in rest["models"]] == ["two"]
        assert "nextPageToken" not in rest
        assert server.ask("GET", "/models/two").json()["modelUrl"] == str(models.root / "softprob")
        assert server.ask("DELETE", "/models/two").status == 200
        assert server.ask("DELETE", "/models/two").status == 404
        assert server.ask("GET", "/models/two").status == 404
        assert server.ask("POST", "/models/two/invoke", body, **INVOKED).status == 404
        assert load(server, "two", models.root / "squared")[0] == 200
        assert server.ask("POST", "/models", "no json").status == 400
        assert server.ask("PUT", "/models").status == 405
        assert server.ask("GET", "/ping").status == 200


def test_a_body_that_is_too_long_is_refused(models: Models, tmp_path: Path) -> None:
    limit = {"MAX_CONTENT_LENGTH": "1000"}
    with ModelServer(models.python, "xgboost", [tmp_path], limit, told={"multi": True}) as server:
        folder = tmp_path / "one"
        folder.symlink_to(models.root / "binary-json")
        channel = server.channel()
        told = json.dumps({"model_name": "one", "url": str(folder), "padding": "x" * 1000})
        assert channel.ask([told.encode()], "/models")[0].status == 200
        answers = channel.ask([models.rows[0].encode(), b"1," * 501], "/models/one/invoke", **INVOKED)
        assert [answer.status for answer in answers] == [200, 413]
        channel.close()


def test_a_model_that_does_not_load_leaves_the_others(models: Models, tmp_path: Path) -> None:
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "model").write_text("no model")
    huge = tmp_path / "huge"
    huge.mkdir()
    with (huge / "model").open("wb") as file:
        file.truncate(1 << 43)
    with ModelServer(models.python, "xgboost", [tmp_path], told={"multi": True}) as server:
        status, said = load(server, "junk", tmp_path / "junk")
        assert status == 500
        assert "cannot be loaded by xgboost" in str(said["message"])
        assert load(server, "huge", huge)[0] == 507
        assert load(server, "junk", models.root / "binary-json")[0] == 200
        answer = server.ask("POST", "/models/junk/invoke", models.rows[0], **INVOKED)
        assert float(answer.text) == models.told["binary-json"][0]
        refused = server.ask("POST", "/models/junk/invoke", models.rows[0], content_type="text/csv", accept="image/png")
        assert refused.status == 415
        assert "is not an accepted Accept type" in refused.text


def test_one_models_answer_is_the_next_ones_question(models: Models, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "double.py").write_text(DOUBLES)
    told = {
        "models": [
            {"folder": str(tmp_path), "image": "xgboost", "environ": {
                "SAGEMAKER_PROGRAM": "double.py", "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"}},
            {"folder": str(models.root / "binary-json"), "image": "xgboost"},
        ]
    }  # fmt: skip
    rows = [line for line in models.rows if "," * 2 not in line and not line.endswith(",")]
    doubled = [",".join(repr(float(value) * 2) for value in line.split(",")) for line in rows]
    with models.serve("binary-json") as alone:
        expected = alone.invoke("\n".join(doubled)).text
    with ModelServer(models.python, "xgboost", [], told=told) as server:
        assert server.invoke("\n".join(rows)).text == expected, server.log
        found = server.invoke("\n".join(rows), accept="application/json").json()
        assert [each["score"] for each in found["predictions"]] == numbers(expected)
        assert server.invoke("a,b").status == 500
        channel = server.channel()
        answers = channel.ask([rows[0].encode(), b"1,x", rows[1].encode()], content_type="text/csv")
        assert [answer.status for answer in answers] == [200, 500, 200]
        assert [len(channel.steps.get(number, [])) for number in range(3)] == [2, 0, 2]
        assert min(channel.steps[0]) > 0
        assert answers[0].text + answers[2].text == "".join(expected.splitlines(keepends=True)[:2])
        channel.close()


def test_each_request_has_its_own_error(models: Models) -> None:
    """Also where one that fails unforeseen was asked together with others."""
    folders = [models.root / "softprob", models.root / "binary-json"]
    with ModelServer(models.python, "xgboost", folders) as server:
        channel = server.channel()
        answers = channel.ask([models.rows[0].encode(), b"1,x", b""], content_type="text/csv")
        assert [answer.status for answer in answers] == [200, 415, 204]
        assert [len(channel.steps.get(number, [])) for number in range(3)] == [2, 0, 1]
        channel.close()


def test_a_script_for_xgboost_has_the_containers_defaults(models: Models, tmp_path: Path) -> None:
    shutil.copytree(models.root / "binary-json", tmp_path / "model")
    code = tmp_path / "model" / "code"
    code.mkdir()
    loads = "import os, xgboost\ndef model_fn(d):\n    b = xgboost.Booster()\n"
    (code / "inference.py").write_text(loads + "    b.load_model(os.path.join(d, 'xgboost-model'))\n    return b\n")
    named = {"SAGEMAKER_PROGRAM": "inference.py"}
    with ModelServer(models.python, "xgboost", [tmp_path / "model"], named) as server:
        body = "\n".join(models.rows)
        assert server.invoke(body).json() == models.told["binary-json"]
        assert numbers(server.invoke(body, accept="text/csv").text) == pytest.approx(
            models.told["binary-json"], rel=1e-6
        )
        libsvm = server.invoke("0 0:1 5:2", "text/x-libsvm").json()
        assert libsvm == server.invoke("1,,,,,2").json()
        refused = server.invoke("1", "application/json")
        assert refused.status == 415
        assert refused.json()["error"] == "UnsupportedFormatError"
