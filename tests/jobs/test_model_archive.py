"""A model's archive unpacked, by Pythons with filters for that, and by those before 3.11.4, such as Debian 12's."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.jobs.objects import Found
from clary.jobs.recipe import JobFailed
from clary.services.sagemaker.hosting import staging
from jobs.ml_tools import World, opened
from layers import archive, entry, link

Entry = tuple[tarfile.TarInfo, bytes]
OUT: dict[str, list[Entry]] = {
    "up": [entry("../out", "x")],
    "up within": [entry("a/../../out", "x")],
    "by a link": [link("a", ".."), entry("a/out", "x")],
    "an absolute link": [link("a", "/etc/passwd")],
    "a hard link": [link("a", "../../kept", hard=True)],
    "a device": [entry("a", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
    "a pipe": [entry("a", b"", type=tarfile.FIFOTYPE)],
}


@pytest.fixture(params=[True, False])
def filters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param and not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python has none")
    monkeypatch.setattr(staging, "FILTERS", request.param)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as found:
        yield found


def unpacked(world: World, *entries: Entry) -> Path:
    file = world.home / f"model-{world.number}.tar"
    file.write_bytes(archive(*entries))
    found = Found("model.tar.gz", file.stat().st_size, str(file), f"etag{world.number}")
    return staging.unpacked(world.home, world.job(), "s3://b/model.tar.gz", found, 1 << 30)


@pytest.mark.usefixtures("filters")
def test_what_an_archive_holds(world: World) -> None:
    told = [entry("code/run.sh", "x", mode=0o500, uid=77), entry("/etc/top", "y"), link("link", "code/run.sh")]
    root = unpacked(world, *told, link("code/hard", "etc/top", hard=True), link("code/up", "../etc/top"))
    assert (root / "link").read_text() == "x"
    assert (root / "code/up").read_text() == "y"
    assert (root / "code/hard").read_text() == "y"
    found = (root / "code/run.sh").stat()
    assert (found.st_mode & 0o777, found.st_uid) == (0o766, os.geteuid())


@pytest.mark.usefixtures("filters")
@pytest.mark.parametrize("which", OUT)
def test_what_leads_out(world: World, which: str) -> None:
    with pytest.raises(JobFailed, match="every path must stay inside"):
        unpacked(world, *OUT[which])
    assert not list(world.home.rglob("out"))
