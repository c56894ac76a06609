"""The built-in XGBoost answers what bare xgboost predicts, in the words and forms of the public container."""

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.images.runtime import frames
from model_server import ModelServer
from served_models import Models, numbers
from waiting import PATIENCE, until


@pytest.fixture(scope="module")
def binary(models: Models) -> Iterator[ModelServer]:
    with models.serve("binary-json") as server:
        yield server


KINDS = ["binary-json", "binary-ubj", "binary-pickle", "binary-deprecated", "softprob", "softmax", "squared",
         "logitraw", "poisson", "dart", "linear", "forest", "early"]  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_each_model_answers_exactly_what_xgboost_predicts(models: Models, name: str) -> None:
    if name not in models.told:
        assert name == "binary-deprecated"  # which xgboost 3 neither writes nor reads
        return
    with models.serve(name) as server:
        whole = server.invoke("\n".join(models.rows))
        assert (whole.status, whole.content_type) == (200, "text/csv; charset=utf-8"), server.log
        assert numbers(whole.text) == models.told[name]
        assert whole.text.endswith("\n")
        alone = [server.invoke(row).text for row in models.rows]
        assert "".join(alone) == whole.text


def test_requests_that_wait_together_are_answered_as_if_alone(models: Models, binary: ModelServer) -> None:
    alone = [binary.invoke(row).text for row in models.rows]
    channel = binary.channel()
    bodies = [*(row.encode() for row in models.rows), b"no,number", "\n".join(models.rows[:3]).encode()]
    answers = channel.ask(bodies, content_type="text/csv")
    assert [answer.text for answer in answers[:12]] == alone
    assert answers[12].status == 415
    assert answers[13].text == "".join(alone[:3])
    ping = frames.head(method="GET", path="/ping", headers={})
    head = frames.head(method="POST", path="/invocations", headers={"content-type": "text/csv"})
    body = models.rows[0].encode()
    channel.send(frames.pack(7, frames.BEGIN, head, body[:3]), frames.pack(9, frames.WHOLE, ping))
    channel.send(frames.pack(7, frames.PART, b"", body[3:5]), frames.pack(8, frames.BEGIN, head, b"1,2"))
    channel.send(frames.pack(8, frames.CANCEL), frames.pack(7, frames.END, b"", body[5:]))
    in_parts, pinged = channel.answers(2)
    assert (in_parts.text, pinged.status) == (alone[0], 200)
    channel.close()


VALUES = st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False)
ROWS = st.lists(st.lists(VALUES, min_size=6, max_size=6), min_size=1, max_size=4)


@settings(max_examples=25)
@given(ROWS)
def test_every_way_to_write_rows_means_the_same(binary: ModelServer, rows: list[list[float | None]]) -> None:
    rows = [[0.5 if row == [None] * 6 and n == 0 else value for n, value in enumerate(row)] for row in rows]
    fields = [["" if value is None else repr(value) for value in row] for row in rows]
    comma = binary.invoke("\n".join(map(",".join, fields)))
    assert comma.status == 200, comma.text
    libsvm = "\n".join("0 " + " ".join(f"{n}:{v}" for n, v in enumerate(row) if v) for row in fields)
    ways: list[tuple[bytes | str, str]] = [
        ("\r\n".join(map(",".join, fields)) + "\r\n", "text/csv; charset=utf-8"),
        ("\n".join(",".join(value or "nan" for value in row) for row in fields), "text/csv;label_size=1"),
        (libsvm, "text/libsvm"),
        (libsvm, "text/x-libsvm"),
        (recordio(rows), "application/x-recordio-protobuf"),
    ]
    for body, content_type in ways:
        answer = binary.invoke(body, content_type)
        assert (answer.status, answer.text) == (200, comma.text), (content_type, body)


def recordio(rows: list[list[float | None]]) -> bytes:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html: Record{features{"values": sparse tensor}}"""

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    found = b""
    for row in rows:
        there = [(n, value) for n, value in enumerate(row) if value is not None]
        values = struct.pack(f"<{len(there)}f", *(value for _, value in there))
        tensor = field(1, values) + field(2, bytes(n for n, _ in there)) + field(3, bytes([6]))
        record = field(1, field(1, b"values") + field(2, field(2, tensor)))
        found += struct.pack("<II", 0xCED7230A, len(record)) + record + bytes(-len(record) % 4)
    return found


def test_other_delimiters_are_found_out(models: Models, binary: ModelServer) -> None:
    expected = binary.invoke(models.rows[0]).text
    for delimiter in ";\t ":
        assert binary.invoke(models.rows[0].replace(",", delimiter)).text == expected


def test_what_is_accepted_decides_the_form(models: Models, binary: ModelServer) -> None:
    expected = models.told["binary-json"][:2]
    body = "\n".join(models.rows[:2])
    as_json = binary.invoke(body, accept="application/json")
    assert as_json.content_type == "application/json"
    assert as_json.json() == {"predictions": [{"score": score} for score in expected]}
    lines = binary.invoke(body, accept="application/jsonlines")
    assert [json.loads(line) for line in lines.text.splitlines()] == [{"score": score} for score in expected]
    records = binary.invoke(body, accept="application/x-recordio-protobuf").body
    assert [struct.pack("<f", score) in records for score in expected] == [True, True]
    assert records.count(struct.pack("<I", 0xCED7230A)) == 2
    for accept in ("*/*", "text/csv", "TEXT/CSV; q=1"):
        assert numbers(binary.invoke(body, accept=accept).text) == expected


def test_what_is_wrong_with_a_request_is_its_own_matter(models: Models, binary: ModelServer) -> None:
    row = models.rows[0]
    wrong = [
        (binary.invoke("a,b,c"), 415, "Loading csv data failed with Exception, please ensure data is in csv format:"),
        (binary.invoke("1,2\n3"), 415, "please ensure data is in csv format"),
        (binary.invoke(b"\xff\xfe,1"), 415, "please ensure data is in csv format"),
        (binary.invoke("0 x:1", "text/libsvm"), 415, "please ensure data is in libsvm format"),
        (binary.invoke(b"junkjunk", "application/x-recordio-protobuf"), 415, "recordio-protobuf format"),
        (binary.invoke(row, "image/png"), 415, "image/png is not an accepted ContentType: csv, text/csv, libsvm"),
        (binary.invoke(row, "text/csv; label_size=2"), 415, "label_size must be equal to 1"),
        (binary.invoke(row, "application/x-parquet"), 415, "Content-type application/x-parquet is not supported."),
        (binary.invoke(row + ",1,2"), 400, "Unable to evaluate payload provided: "),
        (binary.invoke(row, accept="image/png"), 406, "Accept type image/png is not supported. Please use supported"),
    ]
    for answer, status, words in wrong:
        assert (answer.status, words in answer.text) == (status, True), answer.text
    assert "Stack trace" not in wrong[8][0].text
    assert binary.invoke("").status == 204
    assert binary.ask("GET", "/invocations").status == 405
    assert binary.ask("POST", "/elsewhere").status == 404
    assert binary.ask("GET", "/execution-parameters").json() == {
        "MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6,
    }  # fmt: skip
    assert numbers(binary.invoke(row).text) == models.told["binary-json"][:1]
    assert "Accept type image/png is not supported" in binary.log


def test_columns_that_are_not_there_are_missing_unless_the_model_was_pickled(
    models: Models, binary: ModelServer
) -> None:
    short = ",".join(models.rows[0].split(",")[:4])
    assert binary.invoke(short).text == binary.invoke(short + ",,").text
    with models.serve("binary-pickle") as pickled:
        assert pickled.invoke(",".join(models.rows[0].split(",")[:5])).status == 200
        refused = pickled.invoke(short)
        assert refused.status == 400
        assert refused.text == (
            "Unable to evaluate payload provided: Feature size of csv inference data 4 is not consistent with feature "
            "size of trained model 6."
        )


SELECTED = [
    ("binary-json", "predicted_label,labels,probability,probabilities,raw_score",
     lambda score: [int(score > 0.5), [0, 1], score, [1.0 - score, score], score]),
    ("softprob", "predicted_label,probability,labels",
     lambda scores: [scores.index(max(scores)), max(scores), [0, 1, 2]]),
    ("softmax", "predicted_label,raw_scores", lambda label: [label, [1.0 - label, label]]),
    ("squared", "predicted_score", lambda score: [score]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "keys", "expected"), SELECTED, ids=[name for name, _, _ in SELECTED])
def test_selected_predictions(models: Models, name: str, keys: str, expected: Any) -> None:
    with models.serve(name, SAGEMAKER_INFERENCE_OUTPUT=keys) as server:
        body = "\n".join(models.rows)
        wanted = [dict(zip(keys.split(","), expected(score), strict=True)) for score in models.told[name]]
        assert server.invoke(body, accept="application/json").json() == {"predictions": wanted}
        lines = server.invoke(body, accept="application/jsonlines").text.splitlines()
        assert [json.loads(line) for line in lines] == wanted
        text = ",".join(f'"{value}"' if isinstance(value, list) else str(value) for value in wanted[0].values())
        assert server.invoke(body).text.split("\n")[0] == text
        assert (
            server.invoke(body, accept="application/x-recordio-protobuf").body.count(
                keys.split(",", maxsplit=1)[0].encode()
            )
            == 12
        )


def test_what_an_objective_does_not_have_is_nan(models: Models) -> None:
    with models.serve("squared", SAGEMAKER_INFERENCE_OUTPUT="probability, predicted_score") as server:
        found = server.invoke(models.rows[0], accept="application/json").json()["predictions"][0]
        assert math.isnan(found["probability"])
        assert "incompatible for objective 'reg:squarederror'" in server.log
    with models.serve("poisson", SAGEMAKER_INFERENCE_OUTPUT="predicted_score") as server:
        refused = server.invoke(models.rows[0])
        assert refused.status == 500
        assert refused.text == "Objective `count:poisson` unsupported for selectable inference predictions."


def test_several_models_are_averaged_or_vote(models: Models, tmp_path: Path) -> None:
    for number, name in enumerate(["binary-json", "second"]):
        (tmp_path / str(number)).write_bytes((models.root / name / "xgboost-model").read_bytes())
    (tmp_path / ".hidden").write_text("no model")
    body = "\n".join(models.rows)
    with ModelServer(models.python, "xgboost", [tmp_path]) as server:
        found = numbers(server.invoke(body).text)
        pairs = zip(models.told["binary-json"], models.told["second"], strict=True)
        assert found == pytest.approx([(one + other) / 2 for one, other in pairs], abs=1e-6)
        assert "Ignoring dotfile" in server.log
    alone = {"SAGEMAKER_INFERENCE_ENSEMBLE": "false"}
    with ModelServer(models.python, "xgboost", [tmp_path], alone) as server:
        assert numbers(server.invoke(body).text) == models.told["binary-json"]
    (tmp_path / "1").unlink()
    for number, name in enumerate(["softmax", "softmax-second", "softmax-third"]):
        (tmp_path / str(number)).write_bytes((models.root / name / "xgboost-model").read_bytes())
    with ModelServer(models.python, "xgboost", [tmp_path]) as server:
        votes = zip(*(models.told[name] for name in ("softmax", "softmax-second", "softmax-third")), strict=True)
        expected = [max(sorted(set(vote)), key=vote.count) for vote in votes]
        assert numbers(server.invoke(body).text) == expected


def test_many_rows_are_what_few_rows_are(models: Models) -> None:
    with ModelServer(models.python, "xgboost", [models.root / "softprob"], told={"workers": 2}) as server:
        few = server.invoke("\n".join(models.rows)).text
        assert server.invoke("\n".join(models.rows * 800)).text == few * 800
    batch = {"SAGEMAKER_BATCH": "true"}
    server = ModelServer(models.python, "xgboost", [models.root / "binary-json"], batch, told={"workers": 2})
    with server:
        channels = [server.channel(), server.channel()]
        body = "\n".join(models.rows * 20).encode()
        found = [channel.ask([body], content_type="text/csv")[0].text for channel in channels]
        assert [numbers(text) for text in found] == [models.told["binary-json"] * 20] * 2
        for channel in channels:
            channel.close()
        until(lambda: server.log.count("The model server is ready.") == 2, lambda: server.log)
        assert server.log.count("Loading the model from") == 1


def test_a_batch_transform_ends_each_line(models: Models) -> None:
    with models.serve("softprob", SAGEMAKER_BATCH="true", SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv") as server:
        body = "\n".join(models.rows[:2])
        assert server.invoke(body).text == "".join(f"{row}\n" for row in models.told["softprob"][:2])
    with models.serve("binary-json", SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/json") as server:
        assert server.invoke(models.rows[0]).json() == {"predictions": [{"score": models.told["binary-json"][0]}]}


def test_a_body_may_be_limited(models: Models) -> None:
    with models.serve("binary-json", MAX_CONTENT_LENGTH="2097152") as server:
        assert server.ask("GET", "/execution-parameters").json()["MaxPayloadInMB"] == 2
        assert server.invoke(b"1" * 2097153).status == 413
        channel = server.channel()
        assert channel.ask([b"1" * 2097153], content_type="text/csv")[0].status == 413
        channel.close()


BROKEN = [
    ({}, "There is no model file in"),
    ({"xgboost-model": b"no model at all"}, "cannot be loaded by xgboost"),
    ({"xgboost-model": b"\x80\x04K\x01."}, "holds a int; an xgboost.Booster is expected"),
]


@pytest.mark.parametrize(("files", "words"), BROKEN, ids=["none", "junk", "number"])
def test_a_model_that_cannot_be_loaded_says_why_and_ends(
    python: Path, tmp_path: Path, files: dict[str, bytes], words: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    server = ModelServer(python, "xgboost", [tmp_path])
    assert server.start().wait(PATIENCE) == 1
    last = server.log.splitlines()[-1]  # all that a FailureReason has room for
    assert last.startswith("The model cannot be loaded. ")
    assert words in last


def test_the_end_waits_for_answers_and_memory_is_lean(models: Models) -> None:
    with models.serve("binary-json") as server:
        channel = server.channel()
        assert channel.ask([models.rows[0].encode()] * 50, content_type="text/csv")[49].status == 200
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        resident = int(status.partition("VmRSS:")[2].split()[0])
        assert resident < 120 * 1024
        assert server.stop() == 0
        channel.close()
