"""PyTorch's image, where this machine has what it needs: one processing job, and its model server."""

import subprocess
from pathlib import Path

import pytest

from clary.config import Config
from clary.images.apart import lacking
from clary.images.image import resolve
from clary.images.pull import Images
from conftest import IMAGES, Platform
from model_server import ModelServer
from processing_jobs import Processing
from waiting import PATIENCE

URI = "763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch:2.13-cpu-amzn2023-sagemaker"
SCRIPT = """
import torch
torch.manual_seed(1)
rows = torch.arange(12.0).reshape(4, 3)
model = torch.nn.Linear(3, 1)
loss = (model(rows) - rows.sum(dim=1, keepdim=True)).square().mean()
loss.backward()
with open("/opt/ml/processing/output/result/said", "w") as file:
    file.write(f"{torch.__version__} {torch.cuda.is_available()} {list(model.weight.grad.shape)}")
"""
SAVES = """
import sys, numpy, torch
class Doubles(torch.nn.Module):
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows * 2
torch.jit.trace(Doubles(), torch.ones(1, 2)).save(sys.argv[1])
numpy.save(sys.argv[2], numpy.array([[1.5, 2.5]], dtype="float32"))
"""
SERVES = "def predict_fn(data, model):\n    return model(data) + 1\n"


@pytest.fixture(scope="session")
def python() -> Path:
    image = resolve(URI)
    if why := lacking(image):
        pytest.skip(why)
    return Images(Config(images_home=str(IMAGES))).built(image, print).folder / "bin" / "python"


@pytest.mark.usefixtures("python")
def test_a_processing_job(platform: Platform) -> None:
    left = Processing(platform).run(SCRIPT, application={"ImageUri": URI})
    assert left == {"said": b"2.13.0+cpu False [1, 3]"}


def test_a_script_serves_torchscript(python: Path, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(SERVES)
    subprocess.run([python, "-W", "ignore", "-c", SAVES, tmp_path / "model.pt", tmp_path / "rows.npy"], check=True)
    rows = (tmp_path / "rows.npy").read_bytes()
    with ModelServer(python, "pytorch", [tmp_path]) as server:
        assert server.invoke("[[1, 2], [3, 4]]", "application/json").json() == [[3.0, 5.0], [7.0, 9.0]]
        assert server.invoke("1,2\n3,4\n", accept="text/csv").text == "3.0,5.0\n7.0,9.0\n"
        assert server.invoke(rows, "application/x-npy", "application/json").json() == [[4.0, 6.0]]
        assert server.invoke("hello", "text/plain").status == 415


def test_a_model_that_is_not_there(python: Path, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(SERVES)
    server = ModelServer(python, "pytorch", [tmp_path])
    assert server.start().wait(PATIENCE) == 1
    assert "Failed to load model with default model_fn: missing file model.pt" in server.log
