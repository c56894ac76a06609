"""Scripts with what belongs to them, as jobs: requirements, packages, shell scripts, MPI, uploading while they run."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Platform
from sagemaker_inputs import fresh
from training_jobs import Jobs, packed

# A job's hyperparameters are texts; the SDKs send each value as JSON.
EVERY_TYPE = {"flag": True, "items": [1, "two", None], "map": {"a": 1, "b": "x y"}, "n": 3, "none": None,
              "rate": 0.5, "t": "it's", "word": "a b"}  # fmt: skip
ARGUMENTS = ["--flag", "True", "--items", "[1, 'two', None]", "--map", "a=1,b=x y", "-n", "3", "--none", "",
             "--rate", "0.5", "-t", "it's", "--word", "a b"]  # fmt: skip
SAYS_ARGUMENTS = "import json, sys; open('/opt/ml/model/said', 'w').write(json.dumps(sys.argv[1:]))"
SAYS_GREETING = "import greeting; open('/opt/ml/model/said', 'w').write(greeting.TEXT + ' ' + greeting.__file__)"


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> Jobs:
    return Jobs(platform, fresh("scripts"))


@pytest.fixture(scope="module")
def with_wheels() -> Iterator[Jobs]:
    """On a machine whose pip asks one folder, which has the wheel of `greeting`, and nothing else."""
    with tempfile.TemporaryDirectory(prefix="clary-wheels-") as folder:
        place = Path(folder)
        (place / "wheels").mkdir()
        wheel(place / "wheels")
        environment = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(place / "wheels"),
            "PIP_EXTRA_INDEX_URL": "http://me:secret@127.0.0.1:1/simple",
        }
        platform = Platform(place / "home", **environment).start()
        yield Jobs(platform, fresh("wheels"))
        platform.stop()


def wheel(folder: Path) -> Path:
    """https://packaging.python.org/en/latest/specifications/binary-distribution-format/"""
    path = folder / "greeting-1.0-py3-none-any.whl"
    files = {
        "greeting.py": 'TEXT = "hello"\n',
        "greeting-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
        "greeting-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, "greeting-1.0.dist-info/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, "greeting-1.0.dist-info/RECORD": record}.items():
            archive.writestr(name, text)
    return path


def script(jobs: Jobs, program: str, files: dict[str, str | bytes], **hyperparameters: Any) -> dict[str, str]:
    """The hyperparameters that run it, as the SDKs send them."""
    key = f"code/{fresh()}/sourcedir.tar.gz"
    jobs.s3.put_object(Bucket=jobs.bucket, Key=key, Body=packed(files))
    ours = {"sagemaker_program": program, "sagemaker_submit_directory": f"s3://{jobs.bucket}/{key}"}
    return {name: json.dumps(value) for name, value in {**hyperparameters, **ours}.items()}


def isolated(jobs: Jobs, name: str, files: dict[str, str | bytes]) -> dict[str, Any]:
    """Runs t.py without network: it comes by a channel, as the SDKs send it then."""
    prefix = f"code/{fresh()}/"
    jobs.s3.put_object(Bucket=jobs.bucket, Key=f"{prefix}sourcedir.tar.gz", Body=packed(files))
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{jobs.bucket}/{prefix}"}
    given = {
        "sagemaker_program": "t.py",
        "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
    }
    channels = [{"ChannelName": "code", "DataSource": {"S3DataSource": source}}]
    return jobs.run(name, given, InputDataConfig=channels, EnableNetworkIsolation=True)


def said(jobs: Jobs, hyperparameters: dict[str, str]) -> str:
    """What the script wrote."""
    name = fresh()
    found = jobs.run(name, hyperparameters)
    assert found["TrainingJobStatus"] == "Completed", found["FailureReason"]
    return jobs.model(name)["said"].decode()


def test_hyperparameters_of_every_type(jobs: Jobs) -> None:
    assert json.loads(said(jobs, script(jobs, "t.py", {"t.py": SAYS_ARGUMENTS}, **EVERY_TYPE))) == ARGUMENTS


def test_a_shell_script_gets_the_same_words(jobs: Jobs) -> None:
    files: dict[str, str | bytes] = {"go.sh": '#!/bin/sh\nexec python says.py "$@"\n', "says.py": SAYS_ARGUMENTS}
    assert json.loads(said(jobs, script(jobs, "go.sh", files, **EVERY_TYPE))) == ARGUMENTS


def test_a_package_is_installed_and_run_as_a_module(jobs: Jobs) -> None:
    setup = "from setuptools import setup; setup(name='mine', version='1', packages=['mine'], py_modules=['main'])"
    files: dict[str, str | bytes] = {
        "setup.py": setup,
        "main.py": "import mine, sys; open('/opt/ml/model/said', 'w').write(mine.WORD + sys.argv[2])",
        "mine/__init__.py": "WORD = 'packaged '",
    }
    assert said(jobs, script(jobs, "main.py", files, depth=3)) == "packaged 3"


def test_requirements_come_from_where_the_machine_s_pip_has_them(with_wheels: Jobs) -> None:
    files: dict[str, str | bytes] = {"t.py": SAYS_GREETING, "requirements.txt": "greeting==1.0\n"}
    text = said(with_wheels, script(with_wheels, "t.py", files))
    assert text.startswith("hello /opt/venv/lib/python3")  # the job's own layer over the image


def test_the_passwords_of_the_machine_s_pip_stay_with_it(with_wheels: Jobs) -> None:
    text = "import json, os; open('/opt/ml/model/said', 'w').write(json.dumps(dict(os.environ)))"
    told = json.loads(said(with_wheels, script(with_wheels, "t.py", {"t.py": text})))
    assert told["PIP_EXTRA_INDEX_URL"] == "http://127.0.0.1:1/simple"
    assert not [name for name, value in told.items() if "secret" in value]


def test_requirements_that_are_nowhere(with_wheels: Jobs) -> None:
    files: dict[str, str | bytes] = {"t.py": "", "requirements.txt": "no-such-package-of-ours\n"}
    found = with_wheels.run(fresh(), script(with_wheels, "t.py", files))
    assert found["TrainingJobStatus"] == "Failed"
    reason = found["FailureReason"]
    assert reason.startswith("AlgorithmError: InstallRequirementsError:\nExitCode 1\n")
    assert "No matching distribution found for no-such-package-of-ours" in reason
    assert reason.endswith(", exit code: 1")


def test_an_index_that_cannot_be_reached(jobs: Jobs) -> None:
    files: dict[str, str | bytes] = {"t.py": "", "requirements.txt": "no-such-package-of-ours\n"}
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "PIP_EXTRA_INDEX_URL": "", "PIP_RETRIES": "1"}
    found = jobs.run(fresh(), script(jobs, "t.py", files), Environment=nowhere)
    assert "The package index cannot be reached" in found["FailureReason"]


def test_an_index_of_codeartifact(jobs: Jobs) -> None:
    files: dict[str, str | bytes] = {"t.py": "", "requirements.txt": "six\n"}
    given = {"CA_REPOSITORY_ARN": "arn:aws:codeartifact:us-west-2:123456789012:repository/d/r"}
    found = jobs.run(fresh(), script(jobs, "t.py", files), Environment=given)
    assert "CodeArtifact, which Clary does not have: please name one by PIP_INDEX_URL" in found["FailureReason"]


def test_a_job_without_network_says_what_to_do_about_requirements(jobs: Jobs) -> None:
    found = isolated(jobs, fresh(), {"t.py": "", "requirements.txt": "no-such-package-of-ours\n"})
    assert "EnableNetworkIsolation reaches no package index: please put the wheels into" in found["FailureReason"]


def test_a_job_without_network_installs_what_it_brought_along(jobs: Jobs, tmp_path: Path) -> None:
    path = wheel(tmp_path)
    files: dict[str, str | bytes] = {path.name: path.read_bytes(), "requirements.txt": f"./{path.name}\n"}
    name = fresh()
    found = isolated(jobs, name, {**files, "t.py": SAYS_GREETING})
    assert found["TrainingJobStatus"] == "Completed", found["FailureReason"]
    assert jobs.model(name)["said"].startswith(b"hello ")


def test_mpi_without_mpirun_says_what_to_install(jobs: Jobs) -> None:
    given = script(jobs, "t.py", {"t.py": ""}, sagemaker_mpi_enabled=True)
    found = jobs.run(fresh(), given, Environment={"PATH": "/nowhere"})
    assert "There is no mpirun, which sagemaker_mpi_enabled needs: install Open MPI 4" in found["FailureReason"]


def test_mpi_over_several_instances(jobs: Jobs) -> None:
    given = script(jobs, "t.py", {"t.py": ""}, sagemaker_mpi_enabled=True)
    two = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    found = jobs.run(fresh(), given, ResourceConfig=two)
    assert "please set InstanceCount to 1" in found["FailureReason"]


def test_what_the_toolkit_uploads_while_the_job_runs(jobs: Jobs) -> None:
    text = "import os; open(os.environ['SM_OUTPUT_INTERMEDIATE_DIR'] + '/step.txt', 'w').write('1')"
    name, place = fresh(), f"s3://{jobs.bucket}/meanwhile"
    found = jobs.run(name, script(jobs, "t.py", {"t.py": text}, sagemaker_s3_output=place))
    assert found["TrainingJobStatus"] == "Completed", found["FailureReason"]
    key = f"meanwhile/{name}/output/intermediate/step.txt"
    assert jobs.s3.get_object(Bucket=jobs.bucket, Key=key)["Body"].read() == b"1"
