"""smspark, Amazon's programs around Spark: options, the job's configuration, event logs."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import clary.images
from waiting import until

PACKAGES = Path(clary.images.__file__).parent / "spark" / "python"


@pytest.fixture(scope="module")
def smspark() -> Iterator[Any]:
    """Its modules, which run inside the container, where our own are not."""
    sys.path.insert(0, str(PACKAGES))
    try:
        names = ("submit", "classifications", "events")
        yield {name: importlib.import_module(f"smspark.{name}") for name in names}
    finally:
        sys.path.remove(str(PACKAGES))


def test_options_and_what_is_the_programs_own(smspark: Any) -> None:
    words = ["--class=a.B", "-v", "--local-spark-event-logs-dir", "/logs", "s3://b/app.jar", "--class", "x", "-v"]
    given = smspark["submit"].parse(words)
    assert (given.app, given.arguments) == ("s3://b/app.jar", ["--class", "x", "-v"])
    assert given.options == {"--class": "a.B", "--local-spark-event-logs-dir": "/logs"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "missing parameter: app"),
        (["--conf", "a=b", "x.py"], "no such option: --conf"),
        (["--class"], "--class option requires an argument"),
        (["--py-files", "none.py", "x.py"], "must be an absolute path to a file or directory"),
        (["--files", "/none/such", "x.py"], "file path /none/such does not exist"),
    ],
)
def test_what_is_wrong_is_said_in_the_containers_words(
    smspark: Any, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert smspark["submit"].main(words) == 1
    assert capsys.readouterr().err.startswith("ValueError: ")
    assert smspark["submit"].main(words) == 1
    assert said in capsys.readouterr().err


def test_a_folder_stands_for_its_files(smspark: Any, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("in/b.py", "in/a.py", "in/deep/c.py", "d.py"):
        (tmp_path / name).touch()
    listed = smspark["submit"].listed(f"{tmp_path}/in,s3://b/e.py,file://{tmp_path}/d.py")
    names = ("in/a.py", "in/b.py", "in/deep/c.py")
    assert listed == ",".join([*(f"{tmp_path}/{name}" for name in names), "s3://b/e.py", f"{tmp_path}/d.py"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="Found zero files in"):
        smspark["submit"].listed(f"{tmp_path}/empty")


def test_the_configuration_is_settings_and_environment(smspark: Any, tmp_path: Path) -> None:
    file = tmp_path / "configuration.json"
    read = smspark["classifications"].read
    assert read(file) == smspark["classifications"].Configuration()
    export = {"Classification": "export", "Properties": {"A": 1, "B": "x y"}}
    told = [
        {"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "1g"}},
        {"Classification": "core-site", "Properties": {"fs.x": "y"}},
        {"Classification": "spark-hive-site", "Properties": {"hive.z": "w"}},
        {"Classification": "spark-env", "Properties": {}, "Configurations": [export]},
        {"Classification": "yarn-site", "Properties": {"yarn.x": "1"}},
    ]
    file.write_text(json.dumps(told))
    found = read(file)
    assert found.settings == {"spark.executor.memory": "1g", "spark.hadoop.fs.x": "y", "spark.hadoop.hive.z": "w"}
    assert found.environment == {"A": "1", "B": "x y"}
    assert found.ignored == ["yarn-site"]
    file.write_text(json.dumps(told[0]))  # one alone
    assert read(file).settings == {"spark.executor.memory": "1g"}
    for text in ("{", "[1]", '{"Properties": {}}', '{"Classification": "hbase"}'):
        file.write_text(text)
        with pytest.raises(ValueError, match=r"JSON|Could not determine|Unknown classification 'hbase'"):
            read(file)


def test_event_logs_are_copied_under_their_final_name(smspark: Any, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    publisher = smspark["events"].Publisher(source, target, every=0.05)
    log = source / "app-1.inprogress"
    log.write_text("one\n")
    until((target / "app-1").exists)
    log.write_text("one\ntwo\n")
    log.rename(source / "app-1")
    publisher.close()
    assert [file.name for file in target.iterdir()] == ["app-1"]
    assert (target / "app-1").read_text() == "one\ntwo\n"
