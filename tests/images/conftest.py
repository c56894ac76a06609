"""The built-in XGBoost of two versions, each with the Car Evaluation data to train on."""

from pathlib import Path

import pytest

from clary.config import Config
from clary.images.image import resolve
from clary.images.pull import Images
from served_models import Models
from training_container import Container, cars

IMAGES = Path(__file__).resolve().parents[2] / ".envs" / "images"
SOFTMAX = {"num_round": "10", "objective": "multi:softmax", "num_class": "4", "eval_metric": "mlogloss,merror"}


@pytest.fixture(scope="session", params=["1.7-1", "3.0-5"])
def python(request: pytest.FixtureRequest) -> Path:
    """That of the image, pulled once for all tests."""
    image = resolve(f"683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:{request.param}")
    return Images(Config(images_home=str(IMAGES))).built(image, print).folder / "bin" / "python"


@pytest.fixture
def container(python: Path, tmp_path: Path) -> Container:
    made = Container(tmp_path / "ml", python, dict(SOFTMAX))
    train, validation = cars()
    made.put("train", "train.csv", "\n".join(train) + "\n")
    made.put("validation", "validation.csv", "\n".join(validation) + "\n")
    return made


@pytest.fixture(scope="session")
def models(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models(python, tmp_path_factory.mktemp("models"))
