"""clary env and clary run: unchanged programs end up here."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Clary, plain
from conftest import CLARY, Platform
from waiting import PATIENCE

# What both SageMaker SDKs do: an STS client with a hard-coded endpoint.
HARD_CODED = """
import boto3
endpoint = "https://sts.us-west-2.amazonaws.com"
sts = boto3.client("sts", region_name="us-west-2", endpoint_url=endpoint)
print(sts.get_caller_identity()["Arn"])
"""
PRESIGNED = """
import boto3
s3 = boto3.client("s3", endpoint_url="https://s3.us-west-2.amazonaws.com", config=boto3.session.Config(
    s3={"use_accelerate_endpoint": True}, use_dualstack_endpoint=True))
print(s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"}))
"""
# Neither the endpoint variable nor the plug-in: only the proxy and its authority are left.
BY_PROXY = """
import boto3, os
for name in ("AWS_ENDPOINT_URL", "BOTOCORE_EXPERIMENTAL__PLUGINS"):
    del os.environ[name]
print(boto3.client("sts").get_caller_identity()["Arn"])
"""


def python(script: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=plain() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def environment(platform: Platform) -> dict[str, str]:
    told = subprocess.run(
        [CLARY, "env", "--home", platform.home, "--json"], env=plain(), capture_output=True, check=True
    )
    given: dict[str, str] = json.loads(told.stdout)
    return given


def test_hard_coded_endpoints_come_here(environment: dict[str, str]) -> None:
    assert ":assumed-role/AmazonSageMaker-ExecutionRole/" in python(HARD_CODED, environment)


def test_presigned_urls_too(environment: dict[str, str], platform: Platform) -> None:
    assert python(PRESIGNED, environment).startswith(f"{platform.url}/b/k?")


def test_without_an_endpoint_the_plug_in_does_nothing(environment: dict[str, str]) -> None:
    del environment["AWS_ENDPOINT_URL"]
    url = python(PRESIGNED.replace("True", "False"), environment)
    assert url.startswith("https://s3.us-west-2.amazonaws.com/b/k?")


def test_shell_lines(clary: Clary, home: Path) -> None:
    """Read back by a shell, twice, they are what --json says; what lists held before stays."""
    assert clary("up", "--detach").returncode == 0
    script = f'eval "$({CLARY} env)"; eval "$({CLARY} env)"; exec {sys.executable} -c "{{}}"'
    script = script.format("import json, os; print(json.dumps(dict(os.environ)))")
    shell = subprocess.run(
        ["sh", "-euc", script],
        env=plain(CLARY_HOME=str(home), PYTHONPATH="/mine"),
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(shell.stdout)
    told = json.loads(clary("env", "--json", PYTHONPATH="/mine").stdout)
    changing = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"}
    assert {name: seen[name] for name in told.keys() - changing} == {
        name: told[name] for name in told.keys() - changing
    }
    assert seen["CLARY_HOME"] == str(home)
    assert seen["PYTHONPATH"].endswith(":/mine")
    assert seen["PYTHONPATH"].count("plugin") == 1


def test_env_says_what_to_do(clary: Clary, home: Path) -> None:
    env = clary("env")
    assert env.returncode == 1
    assert env.stdout == ""
    assert "clary up --detach`" in env.stderr
    elsewhere = clary("env", "--home", home.parent / "another home")
    assert f"clary up --detach --home '{home.parent / 'another home'}'`" in elsewhere.stderr


def test_run_starts_it_for_as_long_as_the_command_runs(clary: Clary) -> None:
    done = clary("run", "--", sys.executable, "-c", HARD_CODED + "\nraise SystemExit(7)")
    assert done.returncode == 7
    assert "AmazonSageMaker-ExecutionRole" in done.stdout
    assert "for as long as" in done.stderr
    assert clary("status").returncode == 3


def test_run_takes_over_what_cannot_be_told(clary: Clary) -> None:
    done = clary("run", "--", sys.executable, "-c", BY_PROXY)
    assert done.returncode == 0, done.stderr
    assert "AmazonSageMaker-ExecutionRole" in done.stdout


def test_run_leaves_a_running_one_alone(platform: Platform, clary: Clary) -> None:
    assert clary("run", "--home", platform.home, "--", "true").returncode == 0
    assert clary("status", "--home", platform.home).returncode == 0


def test_run_passes_signals_on(platform: Platform) -> None:
    trap = "trap 'echo told; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    process = subprocess.Popen(
        [CLARY, "run", "--home", platform.home, "--", "sh", "-c", trap], env=plain(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (9, "told\n")


@pytest.mark.parametrize(
    ("command", "code"), [(["no-such-command"], 127), (["/"], 126), (["sh", "-c", "kill -9 $$"], 137)], ids=str
)
def test_run_codes(platform: Platform, clary: Clary, command: list[str], code: int) -> None:
    assert clary("run", "--home", platform.home, "--", *command).returncode == code


def test_sdk_defaults_opt_out(environment: dict[str, str]) -> None:
    text = Path(environment["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"]).read_text()
    assert "TelemetryOptOut: true" in text
