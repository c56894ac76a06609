"""The model server of sagemaker-sparkml-serving, by HTTP, as the public container answers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.config import Config
from clary.demo.cars import CLASSES
from clary.images.image import resolve
from clary.images.pull import Images
from clary.images.runtime.bundle import Node
from conftest import IMAGES
from images import sparkml_bundles as bundles
from model_server import ModelServer
from served_models import Models
from waiting import PATIENCE

CAR = "low,low,2,2,small,low"
LINES, TEXT_LINES = "application/jsonlines", "application/jsonlines;data=text"
FEATURES = bundles.features(CAR.split(","))
TEXT = ",".join(map(str, FEATURES))
COLUMNS = {
    "whole": ("int", "basic"),
    "number": ("double", "basic"),
    "word": ("string", "basic"),
    "words": ("string", "array"),
    "numbers": ("double", "vector"),
}


@pytest.fixture(scope="module")
def sparkml() -> Path:
    image = resolve("246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-sparkml-serving:2.2")
    return Images(Config(images_home=str(IMAGES))).built(image, print).folder / "bin" / "python"


@pytest.fixture(scope="module")
def server(sparkml: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    folder = bundles.cars(tmp_path_factory.mktemp("cars") / "model")
    with ModelServer(sparkml, "sparkml_serving", [folder], bundles.schema(bundles.FEATURES)) as server:
        yield server


@pytest.fixture(scope="module")
def passing(sparkml: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """A model that makes one column, `both` of `number` and `numbers`: the others are answered as they came."""
    node = bundles.assembler("both", {"number": 0, "numbers": 2})
    folder = bundles.pipeline(tmp_path_factory.mktemp("passing") / "model", node)
    with ModelServer(sparkml, "sparkml_serving", [folder]) as server:
        yield server


def asked(output: str, kind: str, struct: str = "basic", **values: Any) -> str:
    """A request with its own schema; the columns of which nothing is said have values of their own."""
    given = {"whole": 7, "number": 2.5, "word": 'é/"\x1f', "words": ["a", "b c"], "numbers": [1.0, 2e7], **values}
    schema = {
        "input": [{"name": name, "type": kind, "struct": struct} for name, (kind, struct) in COLUMNS.items()],
        "output": {"name": output, "type": kind, "struct": struct},
    }
    return json.dumps({"schema": schema, "data": list(given.values())})


def test_a_line_is_answered_in_each_form(server: ModelServer) -> None:
    answer = server.invoke(CAR)
    assert (answer.status, answer.content_type, answer.text) == (200, "text/csv", TEXT)
    assert server.invoke(CAR + "\r\n", "text/csv; charset=utf-8", "*/*").text == TEXT
    assert server.invoke(f"{CAR},another\n").text == TEXT  # what is beyond the schema is not looked at
    assert server.invoke('"low","low",2,2,"small","low"').text == TEXT
    answer = server.invoke(CAR, accept=LINES)
    assert (answer.content_type, answer.text) == (LINES, json.dumps({"features": FEATURES}, separators=(",", ":")))
    answer = server.invoke(CAR, accept=TEXT_LINES)
    assert (answer.content_type, answer.json()) == (LINES, {"source": TEXT.replace(",", " ")})
    body = json.dumps({"data": CAR.split(",")})
    assert server.invoke(body, "application/json").text == TEXT
    assert server.invoke('{"data": ["low", "low", 2, 2, "small", "low"]} more', "application/json").text == TEXT


def test_lines_are_answered_line_by_line(server: ModelServer) -> None:
    """Many at once by columns, few one after the other: the same text."""
    lines = [",".join(car[:-1]) for car in bundles.CARS]
    expected = [",".join(map(str, bundles.features(car))) for car in bundles.CARS]
    assert server.invoke("\n".join(lines)).text.split("\n") == expected
    assert server.invoke("\n\n".join(lines[:5]) + "\n").text.split("\n") == expected[:5]
    many = [*lines[:100], "low,low,2,2,small,none", "low,low,2,2,small,nil"]
    refused = server.invoke("\n".join(many))
    assert refused.status == 400
    assert "none" in refused.text
    assert "nil" not in refused.text


@pytest.mark.parametrize("odd", [-0.0, float("nan"), 0.5])
def test_many_vectors_are_written_as_each_alone(passing: ModelServer, odd: float) -> None:
    """Also where there are numbers that a dict of texts would not find, or take for others."""
    node = {"input": [{"name": name, "type": "double"} for name in ("number", "more")],
            "output": {"name": "both", "type": "double", "struct": "vector"}}  # fmt: skip
    folder = bundles.pipeline(passing.place / f"two{odd}", bundles.assembler("both", {"number": 0, "more": 0}))
    with ModelServer(passing.python, "sparkml_serving", [folder], bundles.schema(node)) as server:
        rows = [f"{number},{number / 3 or odd}".replace("nan", "NaN") for number in range(40)] + ["1e7,-1e-5"]
        alone = [server.invoke(row) for row in rows]
        together = server.invoke("\n".join(rows))
        assert together.status == max(each.status for each in alone)
        if together.status == 200:
            assert together.text.split("\n") == [each.text for each in alone]
            assert together.text.endswith("1.0E7,-1.0E-5")
        else:
            assert together.text == next(each.text for each in alone if each.status == 400)


def test_json_lines_are_answered_as_java_lists(server: ModelServer) -> None:
    line = json.dumps({"data": CAR.split(",")})
    several = json.dumps({"data": [CAR.split(","), CAR.split(",")]})
    assert server.invoke(f"{line}\n{several}\r\n", LINES).text == f"[[{TEXT}], [{TEXT}], [{TEXT}]]"
    one = json.dumps({"features": FEATURES}, separators=(",", ":"))
    answer = server.invoke(line, LINES, LINES)
    assert (answer.text, answer.content_type) == (f"[[{one}]]", LINES)
    assert server.invoke('{"data": []}', LINES).text == "Index: 0, Size: 0"
    assert server.invoke("{", LINES).status == 400


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "said"),
    [
        ("low,low", "text/csv", "", 400, "2"),
        ("\n", "text/csv", "", 400, "Index: 0, Size: 0"),
        (CAR, "text/csv", "application/json", 400,
         "Accept value passed via request or environment variable is not valid"),
        ('a"b', "text/csv", "", 400, "1"),
        ('"a"b', "text/csv", "", 400, "(line 1) invalid char between encapsulated token and delimiter"),
        ('"a', "text/csv", "", 400, "(startline 1) EOF reached before encapsulated token finished"),
        ('{"data": ["low"]}', "application/json", "", 400, "Index: 1, Size: 1"),
        ('{"data": [null, "low", "2", "2", "small", "low"]}', "application/json", "", 400, ""),
    ],
)  # fmt: skip
def test_the_containers_own_refusals(
    server: ModelServer, body: str, content_type: str, accept: str, status: int, said: str
) -> None:
    answer = server.invoke(body, content_type, accept)
    assert (answer.status, answer.text) == (status, said)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "error"),
    [
        ("", "text/csv", 400, "Bad Request"),
        ("", "application/json", 400, "Bad Request"),
        ("{", "application/json", 400, "Bad Request"),
        ("{}", "application/json", 400, "Bad Request"),
        ('{"data": [NaN]}', "application/json", 400, "Bad Request"),
        ('{"data": [], "other": 1}', "application/json", 400, "Bad Request"),
        ('{"schema": {"input": []}, "data": []}', "application/json", 400, "Bad Request"),
        (CAR, "text/plain", 415, "Unsupported Media Type"),
        (CAR, "", 415, "Unsupported Media Type"),
    ],
)
def test_refusals_of_its_web_framework(
    server: ModelServer, body: str, content_type: str, status: int, error: str
) -> None:
    answer = server.invoke(body, content_type)
    told = answer.json()
    assert told.pop("timestamp").endswith("+00:00")
    assert (answer.status, told) == (status, {"status": status, "error": error, "path": "/invocations"})
    assert server.invoke(body, content_type, "text/csv").body == b""


def test_other_paths(server: ModelServer) -> None:
    assert server.ask("GET", "/ping").status == 200
    told = server.ask("GET", "/execution-parameters").json()
    assert told == {"MaxConcurrentTransforms": 1, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 5}
    assert server.ask("GET", "/invocations").status == 405


@pytest.mark.parametrize(
    ("body", "accept", "said"),
    [
        (asked("both", "double", "vector"), "", "2.5,1.0,2.0E7"),
        (asked("both", "double", "vector"), LINES, '{"features":[2.5,1.0,2.0E7]}'),
        (asked("whole", "int"), "", "7"),
        (asked("whole", "long"), "", "7"),
        (asked("number", "float"), LINES, "2.5"),  # a single value is its text alone
        (asked("word", "string"), LINES, 'é/"\x1f'),
        (asked("words", "string", "array"), "", "a,b c"),
        (asked("words", "string", "array"), LINES, '{"features":["a","b c"]}'),
        (asked("words", "string", "array", words=["é\x1f\n"]), LINES, '{"features":["é\\u001F\\n"]}'),
        (asked("words", "string", "array"), TEXT_LINES, '{"source":"a b c"}'),
        (asked("number", "string"), "", "java.lang.Double cannot be cast to java.lang.String"),
        (asked("number", "double", "vector"), "", "java.lang.Double cannot be cast to ml.combust.mleap.tensor.Tensor"),
        (asked("both", "double"), "", "ml.combust.mleap.tensor.DenseTensor cannot be cast to java.lang.Double"),
        (asked("word", "text"), "", "Given type is not supported"),
        (asked("word", "string", number="x"), "", 'For input string: "x"'),
        (asked("numbers", "double", "vector", numbers=[1]), "",
         "java.lang.Integer cannot be cast to java.lang.Double"),
    ],
)  # fmt: skip
def test_a_schema_in_the_payload(passing: ModelServer, body: str, accept: str, said: str) -> None:
    assert passing.invoke(body, "application/json", accept).text == said


def test_what_of_a_schema_is_wrong(sparkml: Path, passing: ModelServer, tmp_path: Path) -> None:
    missing = "Input schema has to be provided either via environment variable or via the request"
    assert passing.invoke(CAR).text == missing
    assert passing.invoke('{"data": []}', "application/json").text == missing
    unknown = passing.invoke(asked("none", "double"), "application/json")
    assert unknown.status == 400
    assert "none" in unknown.text
    folder = bundles.cars(tmp_path / "model")
    environ = {"SAGEMAKER_SPARKML_SCHEMA": '{"input": [{"name": "a"}]}'}
    with ModelServer(sparkml, "sparkml_serving", [folder], environ) as server:
        answer = server.invoke("a")
        assert answer.status == 400
        assert answer.text in server.log  # it was said when the model was loaded
        assert "input" in answer.text
    told = {**bundles.FEATURES, "input": [*bundles.STRINGS[:5], {"name": "safety", "type": "text"}]}
    environ = {**bundles.schema(told), "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": LINES}
    with ModelServer(sparkml, "sparkml_serving", [folder], environ) as server:
        assert server.invoke(CAR).text == "Given type is not supported"
        assert server.invoke(json.dumps({"data": CAR.split(",")}), "application/json").text == (
            "Data type passed in the request is wrong for one or more columns"
        )
        body = json.dumps({"schema": bundles.FEATURES, "data": CAR.split(",")})
        assert server.invoke(body, "application/json").content_type == LINES


@pytest.mark.parametrize("accept", ["application/json", "anything"])
def test_a_default_that_is_not_accepted(sparkml: Path, tmp_path: Path, accept: str) -> None:
    folder = bundles.labels(tmp_path / "model")
    environ = {**bundles.schema(bundles.LABEL), "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": accept}
    with ModelServer(sparkml, "sparkml_serving", [folder], environ) as server:
        assert server.invoke("2.0").text.startswith("Accept value passed via request or environment variable")
        assert server.invoke("2.0", accept="text/csv").text == "good"


@pytest.mark.parametrize("wrong", ["transformer", "bundle"])
def test_a_model_that_cannot_be_loaded_is_named(sparkml: Path, tmp_path: Path, wrong: str) -> None:
    folder = tmp_path / "model"
    if wrong == "transformer":
        bundles.pipeline(folder, Node("odd one", "time_machine", {"input": "a"}, {"output": "b"}))
    else:
        folder.mkdir()
    server = ModelServer(sparkml, "sparkml_serving", [folder])
    assert server.start().wait(PATIENCE) == 1
    last = server.log.strip().splitlines()[-1]
    assert last.startswith("The model cannot be loaded. ")
    if wrong == "transformer":
        assert "time_machine" in last
        assert "odd one" in last


def test_it_serves_between_others_in_their_environment(models: Models, tmp_path: Path) -> None:
    """As a pipeline of containers runs fused: each with its own schema."""
    post = {"input": [{"name": "prediction", "type": "double"}], "output": {"name": "label", "type": "string"}}
    with ModelServer(
        models.python, "xgboost", [models.root / "softmax", bundles.labels(tmp_path / "model")],
        bundles.schema(post), ["xgboost", "sparkml_serving"],
    ) as server:  # fmt: skip
        answer = server.invoke(models.rows[0])
        assert (answer.status, answer.content_type) == (200, "text/csv"), answer.text
        assert answer.text == CLASSES[int(models.told["softmax"][0])]
