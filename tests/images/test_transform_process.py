"""Filters and joins, by AWS's examples.
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html#batch-transform-data-processing-examples
"""

import csv
import io
import json
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.images.runtime.transform_process import Bad, Processing

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"


def run(body: str, model: Callable[[str], str], kind: str = CSV, split: str = "Line", **told: str) -> str:
    """What is written of an input; `model` is what answers what it is given."""
    processing = Processing(told, kind, kind, split)
    sent, records = processing.given(body.encode())
    return processing.kept(records, model(sent.decode()).encode(), kind).decode()


def test_nothing_asked_is_nothing_done() -> None:
    assert not Processing({}, CSV, CSV, "Line").active
    assert not Processing({"InputFilter": "$", "JoinSource": "None", "OutputFilter": "$"}, CSV, CSV, "Line").active
    assert Processing({"JoinSource": "Input"}, CSV, CSV, "Line").active


def test_rows_and_their_answers() -> None:
    given: list[str] = []

    def model(sent: str) -> str:
        given.append(sent)
        return "0.5\n0.25\n"

    assert run("7,1,2\n8,3,4", model, JoinSource="Input") == "7,1,2,0.5\n8,3,4,0.25"
    assert run("7,1,2\n8,3,4", model, InputFilter="$[1:]", JoinSource="Input") == "7,1,2,0.5\n8,3,4,0.25"
    assert run("7,1,2\n8,3,4", model, InputFilter="$[1:]", JoinSource="Input", OutputFilter="$[0,-1]") == (
        "7,0.5\n8,0.25"
    )
    assert run("7,1,2\n8,3,4", model, InputFilter="$[0]") == "0.5\n0.25\n"
    assert given == ["7,1,2\n8,3,4", "1,2\n3,4", "1,2\n3,4", "7\n8"]


def test_quotes_stay_where_they_are_needed() -> None:
    body = '7,"a, b",2\n8,"say ""hi""",4'
    assert run(body, lambda sent: sent, InputFilter="$[1]") == '"a, b"\n"say ""hi"""'
    assert run(body, lambda _sent: "x\ny", JoinSource="Input", OutputFilter="$[1,3]") == '"a, b",x\n"say ""hi""",y'


def test_documents_and_their_answers() -> None:
    def label(_sent: str) -> str:
        return '{"label":1}'

    joined = run('{"key":1}', label, JSON, "None", JoinSource="Input")
    assert json.loads(joined) == {"key": 1, "SageMakerOutput": {"label": 1}}
    joined = run("[1,2]", label, JSON, "None", JoinSource="Input")
    assert json.loads(joined) == {"SageMakerInput": [1, 2], "SageMakerOutput": {"label": 1}}
    told = {"InputFilter": "$.features", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
    joined = run('{"id":3,\n "features":[1,2]}', lambda sent: str(sum(json.loads(sent))), JSON, "None", **told)
    assert json.loads(joined) == {"id": 3, "SageMakerOutput": 3}


def test_documents_by_lines() -> None:
    body = '{"id":1,"features":[1,2]}\n{"id":2,"features":[3,4]}\n'

    def sums(sent: str) -> str:
        return "".join(f'{{"sum": {sum(json.loads(line))}}}\n' for line in sent.splitlines())

    told = {"InputFilter": "$.features", "JoinSource": "Input", "OutputFilter": "$.SageMakerOutput.sum"}
    assert run(body, sums, LINES, **told) == "3\n7"
    assert run(body, sums, JSON, **told) == "3\n7"


def test_each_record_gets_an_id_and_the_time() -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html"""
    stamp = "2022-08-30T00:49:15Z"
    rows = Processing({}, CSV, CSV, "Line", stamp)
    assert rows.active
    sent, records = rows.given(b"1,2\n3,4")
    assert sent == b"1,2\n3,4"
    found = [line.split(",") for line in rows.kept(records, b"0\n1", CSV).decode().splitlines()]
    assert [(first, time) for first, _, time in found] == [("0", stamp), ("1", stamp)]
    assert len({uuid.UUID(name) for _, name, _ in found}) == 2
    documents = Processing({}, JSON, LINES, "Line", stamp)
    values = [json.loads(line) for line in documents.kept([], b'{"a":1}\n2', LINES).splitlines()]
    assert [one["SageMakerInferenceTime"] for one in values] == [stamp, stamp]
    assert [one.get("a") or one["output"] for one in values] == [1, 2]


def test_an_answer_of_another_kind_can_be_filtered() -> None:
    processing = Processing({"InputFilter": "$[:1]", "OutputFilter": "$['class']"}, CSV, JSON, "Line")
    sent, records = processing.given(b"1,2,3")
    assert sent == b"1,2"
    assert processing.kept(records, b'{"class": "a", "score": 1}', JSON) == b'"a"'


@pytest.mark.parametrize(
    ("kind", "body", "answer", "told", "said", "at"),
    [
        (CSV, "1,2\n3,4", "5", {"JoinSource": "Input"}, "Fail to join data: mismatched line count", 0),
        (CSV, "1,2\n3", "5\n6", {"InputFilter": "$[1]"}, "index 1 is not within", 1),
        (CSV, '1,2\n"3', "5\n6", {"InputFilter": "$[1]"}, "as CSV", 1),
        (CSV, "1,2", "5", {"JoinSource": "Input", "OutputFilter": "$[3]"}, "index 3", 0),
        (LINES, '{"a":1}\n{"b":1}', "1\n1", {"InputFilter": "$.a"}, "does not have", 1),
        (LINES, '{"a":1}\nno', "1\n1", {"InputFilter": "$.a"}, "Failed to parse input as JSON", 1),
        (LINES, '{"a":1}', "no", {"JoinSource": "Input"}, "Failed to parse output as JSON", 0),
        (LINES, '{"a":1}', "{}", {"OutputFilter": "$.x"}, "does not have", 0),
        ("image/png", "1", "1", {"OutputFilter": "$.x"}, "neither CSV nor JSON", 0),
    ],
)
def test_what_cannot_be(kind: str, body: str, answer: str, told: dict[str, str], said: str, at: int) -> None:
    with pytest.raises(Bad, match=said) as caught:
        run(body, lambda _sent: answer, kind, **told)
    assert caught.value.at == at


@given(st.lists(st.lists(st.text(alphabet='ab,"x é', min_size=1), min_size=2, max_size=4), min_size=1))
def test_rows_come_back_as_they_were(rows: list[list[str]]) -> None:
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows(rows)
    answers = "\n".join("1" for _ in rows)
    written = run(made.getvalue(), lambda _sent: answers, JoinSource="Input")
    assert list(csv.reader(io.StringIO(written))) == [[*row, "1"] for row in rows]
