"""W5, processing jobs: examples/ctr_features as a user runs it, and its image by the tools that users have."""

import csv
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import debian
from clients.conftest import made
from conftest import CLARY, IMAGES, Platform
from processing_jobs import Processing
from sagemaker_inputs import fresh
from waiting import LIMIT

EXAMPLE = Path(__file__).parents[2] / "examples" / "ctr_features"
FOLDER = "/opt/ml/processing"
# `vfs` mounts nothing, so that what a test leaves is files alone.
STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "{0}/storage"\nrunroot = "{0}/running"\n'


def forget(platform: Platform, image: str) -> None:
    """Takes away what is unpacked of it: all tests, also of later runs, share the folder."""
    name, _, tag = image.partition("/")[2].partition(":")
    ecr = platform.client("ecr")
    (found,) = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])["imageDetails"]
    around = {**os.environ, "CLARY_IMAGES_HOME": str(IMAGES)}
    command = [CLARY, "images", "rm", found["imageDigest"], "--home", str(platform.home)]
    done = subprocess.run(command, env=around, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("is removed.\n"), done.stderr


def by_spark(platform: Platform, uri: str) -> list[str]:
    """The lines that rates.py left there."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    s3 = platform.client("s3")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/part-")["Contents"]]
    (key,) = keys
    text: str = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return text.splitlines()


def by_hand(count: int) -> list[str]:
    """The same table of so many rows, without Spark."""
    text = subprocess.check_output([sys.executable, EXAMPLE / "clicks.py", str(count), "/dev/stdout"], text=True)
    shown: Counter[str] = Counter()
    clicked: Counter[str] = Counter()
    for row in csv.DictReader(text.splitlines()):
        shown[row["site_category"]] += 1
        clicked[row["site_category"]] += int(row["click"])
    found = sorted(shown, key=lambda name: (-shown[name], name))
    lines = [f"{name},{shown[name]},{clicked[name]},{round(clicked[name] / shown[name], 4)}" for name in found]
    return ["site_category,shown,clicked,rate", *lines]


@pytest.mark.parametrize("way", ["env"])
def test_the_same_features_by_three_processors_and_a_model_of_them(outside: Any, way: str, platform: Platform) -> None:
    arguments = ("--rows", "6000", "--features", "4096")
    done = outside(way, "sagemaker2", "python", str(EXAMPLE / "run.py"), *arguments)
    assert done.returncode == 0, (done.stdout, done.stderr)
    told = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in done.stdout.splitlines())
    }
    assert told["Click logs"].startswith("6,000 rows, s3://")
    assert told["Script"] == told["Entry point"] == "the same features, to the byte"
    assert done.stdout.count("test: 1500 rows, 22.0 features in each") == 3  # each job's log, as the SDK shows it
    auc = next(float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("test:auc "))
    assert 0.62 < auc < 0.9

    assert told["Spark"].endswith("/rates")
    assert by_spark(platform, told["Spark"]) == by_hand(6000)

    sagemaker = platform.client("sagemaker")
    jobs = sagemaker.list_processing_jobs(NameContains="ctr-", StatusEquals="Completed")["ProcessingJobSummaries"]
    described = [sagemaker.describe_processing_job(ProcessingJobName=job["ProcessingJobName"]) for job in jobs]
    ran = {job["ProcessingJobName"].split("-")[1]: job["AppSpecification"] for job in described}
    assert ran.keys() == {"sklearn", "script", "program", "spark"}
    assert ran["script"]["ContainerEntrypoint"] == ["python3", f"{FOLDER}/input/code/features.py"]
    assert "ContainerEntrypoint" not in ran["program"]
    assert ran["script"]["ImageUri"] == ran["program"]["ImageUri"] != ran["sklearn"]["ImageUri"]
    forget(platform, told["Image"])


class Tools:
    """Programs for images, each with nothing around it but what this test leads it to."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform, self.folder = platform, folder
        (folder / "storage.conf").write_text(STORAGE.format(folder))
        self.around = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
            "AWS_ENDPOINT_URL": platform.url,
            "AWS_ACCESS_KEY_ID": platform.root[0],
            "AWS_SECRET_ACCESS_KEY": platform.root[1],
            "AWS_DEFAULT_REGION": "us-west-2",
        }

    def run(self, *command: Any, given: str = "") -> str:
        done = subprocess.run(
            [str(word) for word in command], cwd=self.folder, env=self.around, input=given,
            capture_output=True, text=True, timeout=LIMIT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout.strip()

    def aws(self, *words: str) -> str:
        return self.run(made("awscli") / "bin" / "aws", *words, "--output", "text")

    def repository(self, tool: str) -> str:
        """A new one that the tool is logged in to: HOST/NAME."""
        if not debian.ready(tool, "skopeo"):
            pytest.skip(f"{tool} or skopeo is not here: scripts/debian.py names the package")
        name = fresh("hand")
        uri = self.aws("ecr", "create-repository", "--repository-name", name, "--query", "repository.repositoryUri")
        password = self.aws("ecr", "get-login-password")
        login = (tool, "login", "--tls-verify=false", "--username", "AWS", "--password-stdin")
        self.run(*login, uri.partition("/")[0], given=password)
        return uri


@pytest.fixture
def tools(platform: Platform, tmp_path: Path) -> Tools:
    return Tools(platform, tmp_path)


@pytest.mark.parametrize("tool", ["podman", "buildah"])
def test_an_image_that_is_built_and_pushed_by_hand_runs(tools: Tools, tool: str, platform: Platform) -> None:
    image = tools.repository(tool) + ":by-hand"
    context = tools.folder / "context"
    shutil.copytree(EXAMPLE, context)
    tools.run(sys.executable, context / "image.py", context / "root")
    tools.run(tool, "build", "--layers=false", "--tag", image, context)
    tools.run(tool, "push", "--tls-verify=false", image)
    if tool == "buildah":  # whatever else was pushed by one may be copied by the other
        tools.run("skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false",
                  f"docker://{image}", f"docker://{image}-again")  # fmt: skip
        image += "-again"

    here = tools.folder / "here"
    for name in ("input/clicks", "output/train", "output/test"):
        (here / name).mkdir(parents=True)
    clicks = here / "input" / "clicks" / "clicks.csv"
    tools.run(sys.executable, EXAMPLE / "clicks.py", "1000", clicks)
    tools.run(sys.executable, EXAMPLE / "features.py", "--base", here)

    processing, name = Processing(platform), fresh("ctr")
    processing.put(f"{name}/clicks", {"clicks.csv": clicks.read_bytes()})
    processing.start(
        "", name,
        application={"ImageUri": image, "ContainerEntrypoint": None},
        inputs=[processing.input("clicks", f"s3://{processing.bucket}/{name}/clicks/")],
        ProcessingOutputConfig={"Outputs": [processing.output(part, f"{name}/{part}") for part in ("train", "test")]},
    )  # fmt: skip
    processing.until(name, "Completed")
    forget(platform, image)
    for part in ("train", "test"):
        bare = (here / "output" / part / f"{part}.svm").read_bytes()
        assert processing.left(f"{name}/{part}") == {f"{part}.svm": bare}
    assert "test: 250 rows, 22.0 features in each" in processing.log(name)


def test_clicks_are_skewed_and_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        subprocess.run([sys.executable, EXAMPLE / "clicks.py", "12000", tmp_path / name], check=True)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    names, *rows = [line.split(",") for line in (tmp_path / "one").read_text().splitlines()]
    assert (len(names), len(rows), {len(row) for row in rows}) == (24, 12_000, {24})
    columns = {name: Counter(each) for name, each in zip(names, zip(*rows, strict=True), strict=True)}
    assert 0.12 < columns["click"]["1"] / len(rows) < 0.22
    assert len(columns["id"]) == len(rows)
    assert [row[names.index("hour")] for row in rows] == sorted(row[names.index("hour")] for row in rows)
    skewed = (("site_id", 0.3, 1000), ("device_id", 0.8, 1000), ("device_ip", 0.02, 4000), ("C1", 0.9, 5))
    for name, most, fewest in skewed:
        assert columns[name].most_common(1)[0][1] > most * len(rows), name
        assert len(columns[name]) >= fewest, name
