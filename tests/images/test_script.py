"""Script mode, as a container starts it, with a folder in the place of /opt/ml."""

import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from clary.images.image import FOLDER
from waiting import PATIENCE

TRAIN = FOLDER / "runtime" / "train.py"


def started(base: Path, files: dict[str, str], **hyperparameters: Any) -> "subprocess.Popen[str]":
    config = base / "ml" / "input" / "config"
    config.mkdir(parents=True)
    with tarfile.open(base / "sourcedir.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            (base / name).write_text(text)
            archive.add(base / name, name)
    given = {"sagemaker_submit_directory": str(base / "sourcedir.tar.gz"), **hyperparameters}
    (config / "hyperparameters.json").write_text(json.dumps({name: json.dumps(value) for name, value in given.items()}))
    (config / "inputdataconfig.json").write_text('{"train": {"TrainingInputMode": "File"}}')
    (config / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
    return subprocess.Popen(
        [sys.executable, str(TRAIN), "scikit_learn"],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base / "ml")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_arguments_and_variables(tmp_path: Path) -> None:
    text = "import json, os, sys; print('ARGS', json.dumps(sys.argv[1:])); print('ENV', json.dumps(dict(os.environ)))"
    out, _ = (
        process := started(tmp_path, {"t.py": text}, sagemaker_program="t.py", epochs=3, name="a b", o={"k": 1})
    ).communicate()
    assert process.returncode == 0
    lines = dict(line.split(" ", 1) for line in out.splitlines() if line.startswith(("ARGS ", "ENV ")))
    assert json.loads(lines["ARGS"]) == ["--epochs", "3", "--name", "a b", "-o", "k=1"]
    environment = json.loads(lines["ENV"])
    assert environment["SM_CHANNEL_TRAIN"] == str(tmp_path / "ml" / "input" / "data" / "train")
    assert json.loads(environment["SM_HPS"]) == {"epochs": 3, "name": "a b", "o": {"k": 1}}
    assert environment["SM_MODEL_DIR"] == str(tmp_path / "ml" / "model")
    assert json.loads(environment["SM_TRAINING_ENV"])["channel_input_dirs"]["train"] == environment["SM_CHANNEL_TRAIN"]
    assert (tmp_path / "ml" / "output" / "success").exists()


def test_a_script_that_fails_says_why(tmp_path: Path) -> None:
    process = started(tmp_path, {"t.py": "raise ValueError('no rows')"}, sagemaker_program="t.py")
    _, errors = process.communicate()
    assert process.returncode == 1
    failure = (tmp_path / "ml" / "output" / "failure").read_text()
    assert failure.startswith('ExecuteUserScriptError:\nExitCode 1\nErrorMessage "Traceback')
    assert "ValueError: no rows" in failure
    assert "ValueError: no rows" in errors


def test_a_shell_script(tmp_path: Path) -> None:
    process = started(
        tmp_path, {"go.sh": '#!/bin/sh\necho "GOT $1 $2"; exit 7'}, sagemaker_program="go.sh", word="it's"
    )
    out, _ = process.communicate()
    assert "GOT --word it's" in out
    assert process.returncode == 1
    assert "ExitCode 7" in (tmp_path / "ml" / "output" / "failure").read_text()


def test_the_script_is_told_to_end(tmp_path: Path) -> None:
    text = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("SAVED", flush=True), sys.exit(0)))
print("READY", flush=True)
time.sleep(600)
"""
    process = started(tmp_path, {"t.py": text}, sagemaker_program="t.py")
    assert process.stdout
    while process.stdout.readline() != "READY\n":
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=PATIENCE)
    assert "SAVED" in out
    assert process.returncode == 0


def test_a_child_left_behind_does_not_hold_the_job(tmp_path: Path) -> None:
    text = "import subprocess; print('PID', subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL).pid)"
    process = started(tmp_path, {"t.py": text}, sagemaker_program="t.py")
    assert process.wait(PATIENCE) == 0
    assert process.stdout
    (pid,) = (int(line.split()[1]) for line in process.stdout if line.startswith("PID "))
    os.kill(pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        assert stream
        stream.close()


@pytest.mark.parametrize("given", [{}, {"sagemaker_program": "missing.py"}])
def test_no_script(tmp_path: Path, given: dict[str, str]) -> None:
    process = started(tmp_path, {"t.py": ""}, **given)
    process.communicate()
    assert process.returncode == 1
    assert (tmp_path / "ml" / "output" / "failure").read_text()


def test_a_distribution_that_is_not_here_is_refused_by_name(tmp_path: Path) -> None:
    given = {"sagemaker_program": "t.py", "sagemaker_torch_distributed_enabled": True}
    process = started(tmp_path, {"t.py": "print('ran')"}, **given)
    out, _ = process.communicate()
    assert process.returncode == 1
    assert "ran" not in out
    failure = (tmp_path / "ml" / "output" / "failure").read_text()
    assert "sagemaker_torch_distributed_enabled is not supported by Clary" in failure
