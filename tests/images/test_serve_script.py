"""Users' scripts on the model server: their functions, the image's defaults, and scripts that misbehave."""

import io
import os
import signal
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from clary.config import Config
from clary.images.image import resolve
from clary.images.interpreters import NoInterpreter, find
from clary.images.pull import Images
from clary.images.runtime import frames
from model_server import ModelServer
from waiting import PATIENCE, until

IMAGES = Path(__file__).resolve().parents[2] / ".envs" / "images"
TRAINS = """
import sys, joblib, numpy
from sklearn.linear_model import LinearRegression
rows = numpy.arange(12).reshape(4, 3) ** 2
joblib.dump(LinearRegression().fit(rows, rows.sum(axis=1)), sys.argv[1])
"""
LOADS = "import joblib, os\ndef model_fn(model_dir):\n    return joblib.load(os.path.join(model_dir, 'model.joblib'))\n"
# The script of AWS's own example for inference pipelines imports these.
OFFERED = """
import json, os
from sagemaker_containers.beta.framework import content_types, encoders, env, modules, transformer, worker
from sagemaker_inference import errors
def model_fn(model_dir):
    return os.environ.get("GREETING", "hello")
def input_fn(body, content_type):
    if content_type == content_types.CSV:
        assert isinstance(body, str)
        return encoders.decode(body, content_type)
    raise errors.UnsupportedFormatError(content_type)
def predict_fn(data, model):
    if data.sum() > 100:
        raise errors.GenericInferenceToolkitError(422, "too much")
    return data * 2
def output_fn(prediction, accept):
    if accept == "application/json":
        return worker.Response(json.dumps({"twice": prediction.tolist()}), mimetype=accept)
    if accept == "text/csv":
        return worker.Response(encoders.encode(prediction, accept), mimetype=accept, headers={"x-said": "yes"})
    raise errors.UnsupportedFormatError(accept)
"""
CONTEXT = """
def model_fn(model_dir, context):
    return context.system_properties["model_dir"]
def transform_fn(model, body, content_type, accept, context):
    context.set_response_header(0, "x-given", context.get_request_header(0, "X-Given") + "\\r\\nx-more: 1")
    return (type(body).__name__ + " " + content_type + " " + accept), "text/plain"
"""
STREAMS = """
def model_fn(model_dir):
    return None
def input_fn(body, content_type):
    return int(body)
def predict_fn(count, model):
    return count
def output_fn(count, accept):
    for number in range(abs(count)):
        yield "part %d;" % number
    if count < 0:
        raise RuntimeError("no more")
"""
MISBEHAVES = """
import os, sys, time
print("loading")
def model_fn(model_dir):
    return os.getpid()
def input_fn(body, content_type):
    return body.decode() if isinstance(body, bytes) else body
def predict_fn(word, model):
    if word == "raise":
        raise KeyError("no such thing")
    if word == "hang":
        time.sleep(600)
    if word == "die":
        os._exit(7)
    if word == "exit":
        sys.exit(3)
    if word == "huge":
        return b"x" * (64 << 20)
    if word == "object":
        return {"a": object()}
    return "fine " + str(os.getpid())
def output_fn(prediction, accept):
    return prediction
"""


@pytest.fixture(scope="module", params=["0.23-1", "1.2-1"])
def sklearn(request: pytest.FixtureRequest) -> Path:
    """The image's Python: 3.7, where there is one, and 3.11."""
    try:
        find(resolve(f"sagemaker-scikit-learn:{request.param}").python, "")
    except NoInterpreter as error:
        pytest.skip(str(error))
    return pulled(f"sagemaker-scikit-learn:{request.param}")


@pytest.fixture(scope="module")
def newest() -> Path:
    return pulled("sagemaker-scikit-learn:1.2-1")


def pulled(reference: str) -> Path:
    image = resolve(f"683313688378.dkr.ecr.us-east-1.amazonaws.com/{reference}")
    return Images(Config(images_home=str(IMAGES))).built(image, print).folder / "bin" / "python"


def script(python: Path, folder: Path, text: str, program: str = "inference.py", **environ: str) -> ModelServer:
    (folder / "code").mkdir(parents=True, exist_ok=True)
    (folder / "code" / program).write_text(text)
    named = {"SAGEMAKER_PROGRAM": program, "SAGEMAKER_SUBMIT_DIRECTORY": str(folder / "code")}
    return ModelServer(python, "scikit-learn", [folder], {**named, **environ})


def wheel(folder: Path) -> None:
    """https://packaging.python.org/en/latest/specifications/binary-distribution-format/"""
    files = {
        "greeting.py": 'TEXT = "hello"\n',
        "greeting-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
        "greeting-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, "greeting-1.0.dist-info/RECORD"))
    with zipfile.ZipFile(folder / "greeting-1.0-py3-none-any.whl", "w") as archive:
        for name, text in {**files, "greeting-1.0.dist-info/RECORD": record}.items():
            archive.writestr(name, text)


def test_the_containers_defaults_serve_a_model(sklearn: Path, tmp_path: Path) -> None:
    subprocess.run([str(sklearn), "-W", "ignore", "-c", TRAINS, str(tmp_path / "model.joblib")], check=True)
    with script(sklearn, tmp_path, LOADS, "serve_it.py") as server:
        two = server.invoke("1,2,3\n4,5,6")
        assert (two.status, two.content_type) == (200, "application/json"), server.log
        assert two.json() == pytest.approx([6, 15], abs=1e-4)
        assert server.invoke("[[1, 2, 3]]", "application/json").json() == pytest.approx([6], abs=1e-4)
        assert server.invoke("1,2,3", accept="text/csv").text.splitlines()[0].startswith(("6.0", "5.99"))
        packed = subprocess.run(
            [str(sklearn), "-c", "import sys, numpy; numpy.save(sys.stdout.buffer, numpy.array([[1., 2., 3.]]))"],
            check=True,
            capture_output=True,
        ).stdout
        answer = server.invoke(packed, "application/x-npy", "application/x-npy")
        assert answer.body.startswith(b"\x93NUMPY")
        refused = server.invoke("1,2,3", "image/png")
        assert refused.status == 415
        assert refused.json()["error"] == "UnsupportedFormatError"
        assert "Content type image/png is not supported by this framework." in refused.json()["error-message"]
        assert server.invoke("1,2,3", accept="image/png").status == 406
        assert server.invoke("1,a,3").status == 500
        assert server.invoke("1,2").status == 500
        assert "Traceback" in server.log


def test_scripts_find_the_modules_of_the_containers(sklearn: Path, tmp_path: Path) -> None:
    with script(sklearn, tmp_path, OFFERED) as server:
        assert server.invoke("1,2", accept="application/json").json() == {"twice": [2, 4]}
        answer = server.invoke("1,2\n3,4", accept="text/csv")
        assert answer.text.split() in (["2.0,4.0", "6.0,8.0"], ["2,4", "6,8"])
        assert answer.headers["x-said"] == "yes"
        refused = server.invoke("99,2")
        assert (refused.status, refused.text) == (422, "too much")
        assert server.invoke("1", "text/plain").status == 415
        assert server.invoke("1,2", accept="text/plain").status == 406


def test_a_function_may_take_a_context(sklearn: Path, tmp_path: Path) -> None:
    default = {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"}
    with script(sklearn, tmp_path, CONTEXT, **default) as server:
        answer = server.invoke("1", "application/json", "*/*", x_given="so")
        assert (answer.text, answer.content_type) == ("str application/json text/csv", "text/plain")
        assert answer.headers["x-given"] == "so x-more: 1"  # one header, and no other
        assert (
            server.invoke("1", "application/octet-stream", x_given="").text == "bytes application/octet-stream text/csv"
        )


def test_what_a_script_yields_is_streamed(newest: Path, tmp_path: Path) -> None:
    with script(newest, tmp_path, STREAMS) as server:
        answer = server.invoke("3")
        assert (answer.text, answer.headers.get("transfer-encoding")) == ("part 0;part 1;part 2;", "chunked")
        channel = server.channel()
        found = channel.ask([b"2", b"-1", b"0"], content_type="text/csv")
        assert [each.text for each in found] == ["part 0;part 1;", "part 0;", ""]
        kinds = {number: [kind for n, kind in channel.seen if n == number] for number in range(3)}
        assert kinds[0] == [frames.BEGIN, frames.PART, frames.PART, frames.END]
        assert kinds[1] == [frames.BEGIN, frames.PART, frames.CANCEL]  # broken off: nobody may take it for whole
        assert "RuntimeError: no more" in server.log
        channel.close()


def test_misbehaviour_is_that_requests_alone(newest: Path, tmp_path: Path) -> None:
    with script(newest, tmp_path, MISBEHAVES) as server:
        first = server.invoke("x").text
        assert first.startswith("fine ")
        raised = server.invoke("raise")
        assert (raised.status, raised.text) == (500, "KeyError: 'no such thing'")
        assert "Traceback (most recent call last)" in server.log
        assert len(server.invoke("huge").body) == 64 << 20
        wrong = server.invoke("object")
        assert (wrong.status, "The answer is a dict; bytes or text is expected" in wrong.text) == (500, True)
        assert server.invoke("exit").status == 500
        assert server.invoke("x").text == first
        assert_replaced_after(server, "die", first)
        assert "has ended with 7" in server.log


def test_a_worker_that_hangs_is_replaced(newest: Path, tmp_path: Path) -> None:
    with script(newest, tmp_path, MISBEHAVES, SAGEMAKER_MODEL_SERVER_TIMEOUT="10") as server:
        assert_replaced_after(server, "hang", server.invoke("x").text)
        assert "[CRITICAL] WORKER TIMEOUT" in server.log


def assert_replaced_after(server: ModelServer, word: str, first: str) -> None:
    with pytest.raises((ConnectionError, OSError, EOFError)):
        server.invoke(word)
    other = server.invoke("x").text
    assert other.startswith("fine ")
    assert other != first
    assert server.log.count("loading") == 1  # workers share what was loaded


def test_connections_spread_over_the_workers(newest: Path, tmp_path: Path) -> None:
    server = script(newest, tmp_path, MISBEHAVES, SAGEMAKER_MODEL_SERVER_WORKERS="2")

    def spread() -> bool:
        channels = [server.channel() for _ in range(2)]
        found = {channel.ask([b"x"] * 3, content_type="text/csv")[2].text for channel in channels}
        for channel in channels:
            channel.close()
        return len(found) == 2

    with server:
        until(lambda: server.log.count("The model server is ready.") == 2, lambda: server.log)
        until(spread)  # who has none takes the next, if it is given a processor within milliseconds
        assert server.stop() == 0


BROKEN = [
    ("def model_fn(model_dir):\n    raise ValueError('not this model')", "ValueError: not this model"),
    ("import nothing_of_the_kind", "ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
    ("def predict_fn(data, model): pass", "Please provide a model_fn implementation."),
    ("def model_fn(d): pass\ndef transform_fn(*a): pass\ndef input_fn(*a): pass", "Cannot use transform_fn"),
    ("import sys; sys.exit(5)", ""),
]


@pytest.mark.parametrize(("text", "words"), BROKEN, ids=["raises", "imports", "lacks", "both", "exits"])
def test_a_script_that_cannot_be_loaded_ends_the_server(newest: Path, tmp_path: Path, text: str, words: str) -> None:
    server = script(newest, tmp_path, text)
    assert server.start().wait(PATIENCE) in {1, 5}
    assert words in server.log


def test_there_is_no_script(newest: Path, tmp_path: Path) -> None:
    server = ModelServer(newest, "scikit-learn", [tmp_path])
    assert server.start().wait(PATIENCE) == 1
    assert "There is no inference.py in" in server.log
    assert "SAGEMAKER_PROGRAM" in server.log


def test_threads_of_a_model_make_each_worker_load_it(newest: Path, tmp_path: Path) -> None:
    sleeps = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    with script(newest, tmp_path, sleeps + MISBEHAVES, SAGEMAKER_MODEL_SERVER_WORKERS="2") as server:
        assert server.invoke("x").text.startswith("fine ")
        until(lambda: server.log.count("The model server is ready.") == 2, lambda: server.log)
        assert server.log.count("loading") == 3


def test_requirements_are_installed_before_the_script_is_imported(newest: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels)
    target = str(tmp_path / "target")
    asks = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_TARGET": target}
    text = f"import sys; sys.path.append({target!r})\nfrom greeting import TEXT\n"
    text += "def model_fn(d): return TEXT\ndef transform_fn(model, *a): return model"
    server = script(newest, tmp_path / "model", text, **asks)
    requirements = tmp_path / "model" / "code" / "requirements.txt"
    requirements.write_text("greeting\n")
    with server:
        assert server.invoke("x").text == "hello"
    requirements.write_text("no-such-package-of-clary==1.0\n")
    server = script(newest, tmp_path / "model", text, **asks)
    assert server.start().wait(PATIENCE) == 1
    assert "pip could not install -r requirements.txt" in server.log
    assert "No matching distribution found for no-such-package-of-clary" in server.log


def test_the_script_may_come_as_an_archive(newest: Path, tmp_path: Path) -> None:
    packed = tmp_path / "sourcedir.tar.gz"
    body = MISBEHAVES.encode()
    with tarfile.open(packed, "w:gz") as archive:
        member = tarfile.TarInfo("entry.py")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    (tmp_path / "model").mkdir()
    named = {"SAGEMAKER_PROGRAM": "entry.py", "SAGEMAKER_SUBMIT_DIRECTORY": str(packed)}
    with ModelServer(newest, "scikit-learn", [tmp_path / "model"], named) as server:
        assert server.invoke("x").text.startswith("fine ")
    packed.write_bytes(b"no archive")
    server = ModelServer(newest, "scikit-learn", [tmp_path / "model"], named)
    assert server.start().wait(PATIENCE) == 1
    assert "is no tar archive" in server.log


def test_a_worker_that_is_killed_is_replaced(newest: Path, tmp_path: Path) -> None:
    with script(newest, tmp_path, MISBEHAVES) as server:
        pid = int(server.invoke("x").text.split()[1])
        os.kill(pid, signal.SIGKILL)
        assert int(server.invoke("x").text.split()[1]) != pid
        assert server.stop() == 0
