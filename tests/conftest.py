"""A real `clary up` for tests that come in by the front door."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import hypothesis
import pytest

from waiting import PATIENCE, until

CLARY = str(Path(sys.prefix) / "bin" / "clary")
TESTS = Path(__file__).resolve().parent
IMAGES = TESTS.parent / ".envs" / "images"  # pulled once for all tests
BUSY = [hypothesis.HealthCheck.too_slow]  # a busy machine is no error
hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=BUSY)
hypothesis.settings.load_profile("suite")

# The modules that take longest, as --durations=0 has them, begin first: none is left alone at the end. The first four
# pull an image each.
LONGEST = (
    "spark/test_mleap.py",
    "images/test_pytorch.py",
    "images/test_xgboost_data.py",
    "clients/test_processing_sdk2.py",
    "cli/test_demo.py",
    "walkthroughs/test_w5.py",
    "clients/test_own_images_sdk.py",
    "images/test_xgboost.py",
    "spark/test_awsglue.py",
    "glue/test_warm.py",
    "clients/test_serving_sdk2.py",
    "sagemaker/test_endpoint_killed.py",
    "clients/test_spark_sdk.py",
    "walkthroughs/test_w3.py",
    "glue/test_warm_limits.py",
    "clients/test_sagemaker_sdk.py",
    "clients/test_experiments_sdk2.py",
    "sagemaker/test_training_ends.py",
    "clients/test_processing_sdk3.py",
    "glue/test_bookmark.py",
    "compute/test_contract.py",
    "serving/test_hostile.py",
    "images/test_serve_xgboost.py",
    "images/test_serve_script.py",
    "glue/test_spark_run.py",
    "images/test_serve_several.py",
    "clients/test_spark_history.py",
    "clients/test_training_sdk.py",
    "clients/test_awscli.py",
    "glue/test_run.py",
    "glue/test_etl.py",
    "compute/test_user.py",
    "compute/test_container.py",
    "cli/test_up.py",
    "cli/test_user.py",
)

SESSION = boto3.session.Session()  # which reads each service's model once
MAKING = threading.Lock()  # it makes clients for one thread at a time


class Platform:
    """A Clary process on a home of its own."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._environment = environment

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def root(self) -> tuple[str, str]:
        """Access key id and secret of the account's root."""
        keys = json.loads((self.home / "root.json").read_text())
        return keys["AccessKeyId"], keys["SecretAccessKey"]

    def start(self) -> "Platform":
        """Starts it and waits until it answers; after `kill`, on the same home and port."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CLARY_"))}
        environment |= {"CLARY_IMAGES_HOME": str(IMAGES), "CLARY_HARVEST": "0.5", **self._environment}
        run = self.home / "run.json"
        run.unlink(missing_ok=True)
        with (self.home.parent / "out.txt").open("ab") as out:
            self.process = subprocess.Popen(
                [CLARY, "up", "--home", self.home, "--port", str(self.port)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        process = self.process

        def ready() -> bool:
            assert process.poll() is None, f"clary up ended: {said()}"
            return run.exists() and (self.home / "tls" / "bundle.pem").exists()  # the last of what it makes

        def said() -> str:
            return (self.home.parent / "out.txt").read_text()

        until(ready, said)
        self.port = json.loads(run.read_text())["port"]
        return self

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        self.process = None

    def client(
        self, service: str, *, keys: tuple[str, ...] | None = None, region: str = "us-west-2", **given: Any
    ) -> Any:
        """A boto3 client; `keys` are access key id, secret and, for temporary ones, the token: root's if not given."""
        key, secret, *token = keys or self.root
        once = {"retries": {"total_max_attempts": 1}, "read_timeout": PATIENCE, "connect_timeout": PATIENCE}
        config = botocore.config.Config(parameter_validation=False, **once).merge(
            given.pop("config", botocore.config.Config())
        )
        with MAKING:
            return SESSION.client(
                service,
                endpoint_url=given.pop("endpoint_url", self.url),
                region_name=region,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token=token[0] if token else None,
                config=config,
                **given,
            )


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """One for all tests of a worker: give what you make a name of its own."""
    yield from _running()


@pytest.fixture
def own_platform() -> Iterator[Platform]:
    """One for this test alone, to kill and start again."""
    yield from _running()


def _running() -> Iterator[Platform]:
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    running = Platform(folder / "home").start()
    yield running
    if running.process is not None:
        running.stop()
    shutil.rmtree(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {TESTS / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
