"""The Spark image's environment, and the oracle in it."""

import fcntl
import os
from pathlib import Path

import pytest

import clary.images
from clary.config import Config
from clary.images.image import resolve
from clary.images.pull import BuiltIn, Images
from conftest import IMAGES
from spark.oracle import Oracle
from waiting import until

FOLDER = Path(clary.images.__file__).parent


@pytest.fixture(scope="session")
def spark_image() -> BuiltIn:
    """Pulled once for all tests."""
    return Images(Config(images_home=str(IMAGES))).built(resolve("sagemaker-spark-processing:3.5"), print)


@pytest.fixture(scope="session")
def oracle(spark_image: BuiltIn, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Oracle:
    """The first worker that asks starts it; it ends with the test session."""
    base = tmp_path_factory.getbasetemp()
    alone = worker_id == "master"
    folder = base if alone else base.parent
    place = folder / "oracle"
    with (folder / "oracle.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _start(spark_image, place, os.getpid() if alone else os.getppid())
    return Oracle(place)


def _start(image: BuiltIn, place: Path, session: int) -> None:
    """With the image's own packages (awsglue, mleap, smspark) where a container has them."""
    packages = (FOLDER / "spark" / "python", FOLDER / "runtime")
    environment = {
        "PATH": f"{image.folder}/bin:{os.environ['PATH']}",
        "HOME": str(place.parent),
        "PYTHONPATH": os.pathsep.join(map(str, packages)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYSPARK_PYTHON": str(image.folder / "bin" / "python"),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    program = [str(image.folder / "bin" / "python"), str(Path(__file__).with_name("oracle.py"))]
    with place.with_suffix(".log").open("wb") as log:
        # It outlives this worker, which therefore never waits for it.
        process = os.posix_spawn(
            program[0],
            [*program, str(place), str(session)],
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)],
        )

    def said() -> str:
        return place.with_suffix(".log").read_text(errors="replace")

    def listens() -> bool:
        assert os.waitpid(process, os.WNOHANG) == (0, 0), said()
        return place.exists()

    until(listens, said)
