"""What URIs mean, and that pulls are whole."""

import contextlib
import dataclasses
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.config import Config
from clary.images import image as image_module
from clary.images import pull
from clary.images.image import UnknownImage, images, resolve
from clary.images.interpreters import NoInterpreter, find
from clary.images.pull import Images, PullFailed
from conftest import CLARY

SPARK = "sagemaker-spark-processing:3.5"


@pytest.mark.parametrize(
    ("uri", "reference", "library"),
    [
        ("246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1", "sagemaker-xgboost:1.7-1", "1.7.4"),
        ("1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.5-1-cpu-py3", "sagemaker-xgboost:1.5-1", "1.5.2"),
        ("1.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn:1.2-1", "sagemaker-scikit-learn:1.2-1", "1.2.1"),
        ("433757028032.dkr.ecr.us-west-2.amazonaws.com/xgboost:latest", "xgboost:latest", "0.72.1"),
        ("433757028032.dkr.ecr.us-west-2.amazonaws.com/xgboost", "xgboost:latest", "0.72.1"),
        ("sagemaker-xgboost:3.0-5", "sagemaker-xgboost:3.0-5", "3.0.5"),
        ("7.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:2.8.0-cpu-py312", "pytorch-training:2.8.0", "2.8.0+cpu"),
        ("7.dkr.ecr.us-west-2.amazonaws.com/pytorch-inference:2.5-cpu-py311", "pytorch-inference:2.5.1", "2.5.1+cpu"),
        ("pytorch-training:2.7.1-cpu-py312-ubuntu22.04-sagemaker-v1.3", "pytorch-training:2.7.1", "2.7.1+cpu"),
        ("7.dkr.ecr.us-west-2.amazonaws.com/pytorch:2.13-cpu-amzn2023-sagemaker", "pytorch:2.13", "2.13.0+cpu"),
        ("7.dkr.ecr.x.amazonaws.com/tensorflow-training:2.19-cpu-py312", "tensorflow-training:2.19.0", "2.19.0"),
        ("1.dkr.ecr.x.amazonaws.com/sagemaker-spark-processing:2.4-cpu-py37-v1.3", SPARK, "3.5.9"),
        ("1.dkr.ecr.x.amazonaws.com/sagemaker-spark-processing:3.5-cpu-py312-v1.0", SPARK, "3.5.9"),
        ("aws-glue:0.9", "aws-glue:3.5", "3.5.9"),
    ],
)  # fmt: skip
def test_resolve(uri: str, reference: str, library: str) -> None:
    found = resolve(uri)
    assert (found.reference, found.library.split()[1]) == (reference, library)


@pytest.mark.parametrize(
    "uri",
    ["xgboost:1.7-1", "sagemaker-xgboost", "sagemaker-xgboost:9", "me/mine:1", "", ":", "x@sha256:0"],
)
def test_unknown(uri: str) -> None:
    with pytest.raises(UnknownImage, match=r"There are .*sagemaker-xgboost:1\.7-1"):
        resolve(uri)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        (
            "pytorch-training:2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker",
            "pytorch-training:2.8.0 is there for cpu alone",
        ),
        ("pytorch:2.13-cu133-amzn2023-sagemaker", "pytorch:2.13 is there for cpu alone"),
        ("pytorch-training:2.8.0-cpu-py311", "There are pytorch-training:2.5.1, "),
        (
            "pytorch-inference:2.8.0-cpu-py312",
            "There are pytorch-inference:2.5.1, pytorch-inference:2.5, pytorch-training:2.7.1, ",
        ),
        ("tensorflow-training:1.15-cpu-py37", "There are tensorflow-training:2.16.2, "),
        ("sagemaker-spark-procesing:3.9-cpu", "There are sagemaker-spark-processing:3.5, sagemaker-spark-processing:2"),
    ],
)
def test_unknown_of_a_framework(uri: str, words: str) -> None:
    with pytest.raises(UnknownImage) as error:
        resolve(uri)
    assert words in error.value.message
    assert "xgboost" not in error.value.message


@given(st.text())
def test_any_text_is_known_or_not(uri: str) -> None:
    with contextlib.suppress(UnknownImage):
        assert resolve(uri) in images()


def test_each_image_is_locked_and_says_its_source() -> None:
    for image in images():
        name, _, version = image.library.partition(" ")
        if name != "MLeap":  # which no package is
            assert f"\n{name}=={version} " in "\n" + image.lock.read_text(), image.reference
        assert image.source.startswith("https://")
        assert not [word for word in ("http://", "https://", "--index") if word in image.lock.read_text()]


def test_what_a_gpu_needs_is_left_out_without_one() -> None:
    image = resolve("sagemaker-xgboost:3.0-5")
    assert "nvidia-nccl-cu12==" in image.lock.read_text()
    assert ("nvidia-nccl-cu12" in pull.wanted_packages(image)) == Path("/dev/nvidiactl").exists()


def _small(folder: Path) -> image_module.Image:
    """An image of one small package, from the lock of another."""
    big = resolve("sagemaker-scikit-learn:1.2-1")
    lines = big.lock.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("six=="))
    end = next(number for number in range(start + 1, len(lines)) if not lines[number].startswith(" "))
    (folder / "locks").mkdir(parents=True)
    (folder / "locks" / "1.txt").write_text("\n".join(lines[start:end]) + "\n")
    return image_module.Image("small", "small", "1", "six", "3.11", (), "https://example.org", folder)


def test_two_that_ask_at_once_build_once(tmp_path: Path) -> None:
    image = _small(tmp_path / "small")
    there = Images(Config(home=tmp_path))
    left = tmp_path / "images" / ".small-1-left.building"
    left.mkdir(parents=True)
    said: list[str] = []
    threads = [threading.Thread(target=there.ready, args=(image, said.append)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([line for line in said if line.startswith("Pulled")]) == 1
    environment = there.built(image, said.append)
    python = environment.folder / "bin" / "python"
    assert subprocess.run([python, "-c", "import six"], check=False).returncode == 0
    assert {
        mode for path in environment.folder.rglob("*") if path.is_dir() for mode in [path.stat().st_mode & 0o777]
    } == {0o777}
    (environment.folder / pull.MADE).unlink()  # as if it had been killed half way
    there.built(image, said.append)
    assert there.size(image) > 0
    assert there.remove(image)
    assert there.size(image) == 0
    assert not there.remove(image)


def test_a_pull_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    image = _small(tmp_path / "small")
    image.lock.write_text("six==1.17.0 --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(PullFailed, match=r"small:1 could not be pulled: .*six"):
        Images(Config(home=tmp_path)).built(image, print)
    assert not [path for path in (tmp_path / "images").iterdir() if path.is_dir()]


def test_what_no_place_has_is_named_before_anything_is_built(tmp_path: Path) -> None:
    image = dataclasses.replace(resolve("pytorch:2.13"), apart=("torch==0.0.1+cpu --hash=sha256:0",))
    said: list[str] = []
    with pytest.raises(
        PullFailed, match=r"no place that pip's settings name has torch 0\.0\.1\+cpu\..*can be had here: "
    ):
        Images(Config(home=tmp_path)).ready(image, said.append)
    assert not said


def test_a_python_that_is_not_here_is_named() -> None:
    with pytest.raises(NoInterpreter, match=r"needs Python 3\.99"):
        find("3.99", "/nowhere:/tmp")


def test_a_tag_whose_python_is_not_here_says_which_tags_can_run(tmp_path: Path) -> None:
    image = dataclasses.replace(resolve("sagemaker-scikit-learn:0.20.0"), python="3.99")
    with pytest.raises(PullFailed, match=r"learn:0\.20\.0 .*needs Python 3\.99.* what these need: .*learn:1\.4-2 \(sc"):
        Images(Config(home=tmp_path)).built(image, print)


def test_command(tmp_path: Path) -> None:
    listed = subprocess.run([CLARY, "images", "--home", tmp_path], capture_output=True, text=True, check=True).stdout
    assert "sagemaker-xgboost:1.7-1" in listed
    refused = subprocess.run(
        [CLARY, "images", "pull", "none:1", "--home", tmp_path], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "There is no image none:1" in refused.stderr
    gone = subprocess.run(
        [
            CLARY,
            "images",
            "rm",
            "xgboost:1",
            "--home",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "was not pulled" in gone.stdout
