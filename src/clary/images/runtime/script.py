"""Script mode: the user's own program is fetched, its requirements are installed, and it runs with its arguments.

It does for a plain program, package or command what AWS's sagemaker-training toolkit does, with the same variables,
arguments, exit codes and failure file, without the time that the toolkit takes to import boto3, gevent and paramiko.
What else the toolkit can (MPI, uploading while it runs), the toolkit is started for.
https://github.com/aws/sagemaker-training-toolkit
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from .environment import Environment

if TYPE_CHECKING:
    from collections.abc import Callable

_MPI = "sagemaker_mpi_enabled"
# Other ways to distribute a training, which the SDK's `distribution` asks for and which are not here.
_NOT_HERE = (
    "sagemaker_torch_distributed_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_distributed_dataparallel_enabled",
)
_SSHD = "/usr/sbin/sshd"  # which the toolkit starts, also for one instance
_KEPT = 4096  # bytes of standard error, for the failure file
_SAID = 700  # characters of them that are told: FailureReason has 1,024, and the error itself comes last
_PATIENCE = 900.0  # seconds that other hosts' names may take


class CodeError(Exception):
    """The user's program cannot be had."""


class ScriptError(Exception):
    """A program of the user's ended otherwise than with 0."""

    def __init__(self, kind: str, code: int, said: str, command: list[str]) -> None:
        extra = '\nExtraInfo "OutOfMemory: Process killed by SIGKILL (signal 9)"' if code in {137, -9} else ""
        words = " ".join(command)
        super().__init__(f'{kind}:\nExitCode {code}\nErrorMessage "{said}"{extra}\nCommand "{words}"')


def run(base: Path, hyperparameters: dict[str, Any]) -> int:
    """The exit code: 0, or 1 with output/failure written."""
    try:
        environment = Environment(base, hyperparameters)
        _check_distribution(environment)
        if environment.ours.get("sagemaker_s3_output"):
            _toolkit()
        _fetch(environment)
        _install(environment)
        if environment.ours.get(_MPI):
            _check_mpi(environment)
            _toolkit()
        _resolve(environment.hosts)
        command = _command(environment)
        variables = environment.variables()
        os.environ.update(variables)
        _say("Invoking user script\n\nEnvironment variables:\n")
        print("\n".join(f"{name}={value}" for name, value in variables.items() if name != "SM_TRAINING_ENV"))
        print("\nInvoking script with the following command:\n\n" + " ".join(command) + "\n\n", flush=True)
        _carry_out(command, environment.code, "ExecuteUserScriptError")
    except ScriptError as error:
        return _failed(base, str(error))
    except CodeError as error:
        return _failed(base, f"Framework Error: \n{error}")
    except Exception:  # noqa: BLE001 - whatever it is, it is the job's FailureReason
        return _failed(base, f"Framework Error: \n{_reason(traceback.format_exc())}")
    _say("Reporting training SUCCESS")
    (base / "output").mkdir(exist_ok=True)
    (base / "output" / "success").touch()
    return 0


def _toolkit() -> NoReturn:
    command = [sys.executable, "-c", "from sagemaker_training.cli.train import main; main()"]
    os.execv(command[0], command)  # noqa: S606 - it takes our place


def _check_distribution(environment: Environment) -> None:
    for name in _NOT_HERE:
        if environment.ours.get(name):
            raise CodeError(
                f"{name} is not supported by Clary: please leave `distribution` out. The program finds the hosts in "
                "SM_HOSTS, and its own in SM_CURRENT_HOST."
            )


def _check_mpi(environment: Environment) -> None:
    """Amazon's images of XGBoost and scikit-learn have no MPI either; a machine or a requirements.txt may."""
    if len(environment.hosts) > 1:
        raise CodeError("MPI joins the processes of one instance here, not of several: please set InstanceCount to 1.")
    if not shutil.which("mpirun"):
        raise CodeError(
            "There is no mpirun, which sagemaker_mpi_enabled needs: install Open MPI 4 on the machine that Clary runs "
            "on (the package openmpi-bin), or name openmpi<5 in requirements.txt; and mpi4py there."
        )
    if not Path(_SSHD).exists():
        raise CodeError(
            f"There is no {_SSHD}, which sagemaker-training needs for MPI: install OpenSSH's server on the machine "
            "that Clary runs on (the package openssh-server)."
        )


def _fetch(environment: Environment) -> None:
    """The program's folder: from S3, from a channel, or as it is. What is there already stays."""
    source, code = environment.submitted, environment.code
    code.mkdir(parents=True, exist_ok=True)
    if any(code.iterdir()) or source == str(code):
        return
    if source.startswith("s3://"):
        from . import s3  # noqa: PLC0415 - only here

        packed = code.with_name("code.tar.gz")
        try:
            s3.download(source, packed)
        except Exception as error:
            raise CodeError(
                f"Cannot download {source}, which sagemaker_submit_directory is: {error}{_hint()}"
            ) from error
        try:
            _unpack(packed, code)
        except tarfile.ReadError as error:
            raise CodeError(f"{source}, which sagemaker_submit_directory is, is no tar archive.") from error
        packed.unlink()
    elif Path(source).is_dir():
        code.rmdir()
        shutil.copytree(source, str(code))
    elif tarfile.is_tarfile(source):
        _unpack(Path(source), code)
    else:
        shutil.copy2(source, str(code))


def _isolated() -> bool:
    """SageMaker gives a job without network no credentials either."""
    return not os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")


def _hint() -> str:
    if not _isolated():
        return ""
    return (
        ". A job with EnableNetworkIsolation reaches no S3. Please give the archive by a channel, as `code`, and set "
        "sagemaker_submit_directory to /opt/ml/input/data/code/sourcedir.tar.gz"
    )


def _unpack(packed: Path, folder: Path) -> None:
    with tarfile.open(str(packed), "r:*") as archive:
        if hasattr(tarfile, "tar_filter"):
            archive.extractall(str(folder), filter="tar")
        else:
            archive.extractall(str(folder))  # noqa: S202 - in the container, by the user who packed it


def _install(environment: Environment) -> None:
    code, name = environment.code, environment.program
    required = ["-r", "requirements.txt"] if (code / "requirements.txt").exists() else []
    if name.endswith(".sh"):
        (code / name).chmod(0o777)
    elif (code / "setup.py").exists():
        _say("Installing module.")
        _pip([".", *required], code, "InstallModuleError")
    elif name.endswith(".py"):
        if required:
            _say("Installing dependencies from requirements.txt")
            _pip(required, code, "InstallRequirementsError")
    else:
        (code / name).chmod(0o777)


def _pip(wanted: list[str], code: Path, kind: str) -> None:
    """Asks the places that the image's environment names by PIP_ variables, or the job's own."""
    if os.environ.get("CA_REPOSITORY_ARN") and "-r" in wanted:
        raise CodeError(
            "CA_REPOSITORY_ARN names an index of CodeArtifact, which Clary does not have: please name one by "
            "PIP_INDEX_URL instead."
        )
    patience = ["--retries", "0"] if _isolated() else []
    _carry_out([sys.executable, "-m", "pip", "install", *patience, *wanted], code, kind, _unreachable)


def _unreachable(said: str) -> str:
    if _isolated():
        return (
            "\nA job with EnableNetworkIsolation reaches no package index: please put the wheels into source_dir and "
            "name them by their paths in requirements.txt."
        )
    if "connection broken by" in said:
        return (
            "\nThe package index cannot be reached. It is the one that pip's settings name on the machine that Clary "
            "runs on, or PIP_INDEX_URL in the job's Environment."
        )
    return ""


def _command(environment: Environment) -> list[str]:
    name, arguments = environment.program, environment.arguments()
    if not name.endswith(".sh"):
        if (environment.code / "setup.py").exists():
            return [sys.executable, "-m", name.replace(".py", ""), *arguments]
        if name.endswith(".py"):
            return [sys.executable, name, *arguments]
    return ["/bin/sh", "-c", f"./{name} {' '.join(shlex.quote(argument) for argument in arguments)}"]


def _carry_out(command: list[str], folder: Path, kind: str, advice: Callable[[str], str] = lambda _said: "") -> None:
    """Runs it, its standard error passing through our hands: the end of that says why it failed, and `advice` what to
    do. A SIGTERM for us is one for it.
    """
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {**os.environ, "PYTHONPATH": ":".join(paths)}
    process = subprocess.Popen(command, cwd=str(folder), env=variables, stderr=subprocess.PIPE, bufsize=0)
    signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
    assert process.stderr
    pipe = process.stderr.fileno()
    said = b""
    while True:
        # A child that it left behind may hold the pipe open for ever.
        if not select.select([pipe], [], [], 0.2)[0]:
            if process.poll() is not None:
                break
            continue
        piece = os.read(pipe, 1 << 16)
        if not piece:
            break
        said = (said + piece)[-_KEPT:]
        sys.stderr.buffer.write(piece)
        sys.stderr.buffer.flush()
    code = process.wait()
    if code:
        text = said.decode("utf-8", "replace")
        raise ScriptError(kind, code, _reason(text) + advice(text), command)


def _reason(said: str) -> str:
    """From the last traceback on; of other programs, the last lines."""
    head = "Traceback (most recent call last):"
    start = said.rfind(head)
    if start < 0:
        return "\n".join(said.strip().splitlines()[-5:])[-_SAID:]
    trace = said[start:].strip()
    return trace if len(trace) <= _SAID else f"{head}\n  ...\n{trace[-_SAID:].partition(chr(10))[2] or trace[-_SAID:]}"


def _resolve(hosts: list[str]) -> None:
    """Until the names of all hosts are known, as they come up one by one."""
    deadline = time.monotonic() + _PATIENCE
    for host in hosts if len(hosts) > 1 else []:
        while True:
            try:
                socket.gethostbyname(host)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def _failed(base: Path, reason: str) -> int:
    (base / "output").mkdir(exist_ok=True)
    (base / "output" / "failure").write_text(reason)
    _say("Reporting training FAILURE", "ERROR")
    _say(reason, "ERROR")
    return 1


def _say(text: str, level: str = "INFO") -> None:
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)) + f",{int(now * 1000) % 1000:03d}"
    print(f"{stamp} sagemaker-training-toolkit {level:<8} {text}", file=sys.stderr, flush=True)
