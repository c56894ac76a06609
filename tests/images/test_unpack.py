"""Images of users unpacked: what layers say comes out, and nothing of them leaves the tree."""

import gzip
import os
import signal
import stat
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from clary.images import rootfs, unpack
from clary.images.own import Own, own
from clary.images.registry import Layer, Pushed
from clary.images.rootfs import Trees
from clary.images.unpack import BadLayer
from layers import archive, entry, layer, link, pushed

ROOT = os.geteuid() == 0
Entry = tuple[tarfile.TarInfo, bytes]


def pull(folder: Path, *layers: list[Entry] | Layer) -> Path:
    blobs = folder / "blobs"
    blobs.mkdir(exist_ok=True)
    made = [one if isinstance(one, Layer) else layer(blobs, archive(*one)) for one in layers]
    return Trees(folder / "images").ready(pushed(*made), lambda _line: None)


def names(tree: Path) -> list[str]:
    return sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))


def test_layers_lie_over_each_other(tmp_path: Path) -> None:
    lower = [entry("etc/", None), entry("etc/kept", "1"), entry("etc/changed", "1"), entry("opt/gone", "1")]
    lower += [
        entry("var/a/b", "1"),
        entry("var/c", "1"),
        entry("usr/bin/tool", "1", mode=0o755),
        link("bin", "usr/bin"),
    ]
    upper = [entry("etc/changed", "2"), entry("opt/.wh.gone", ""), entry("var/.wh..wh..opq", ""), entry("var/new", "2")]
    upper += [entry("bin/more", "2"), link("etc/link", "/etc/kept"), link("etc/hard", "usr/bin/tool", hard=True)]
    tree = pull(tmp_path, lower, upper)
    assert names(tree) == [
        *("bin", "etc", "etc/changed", "etc/hard", "etc/kept", "etc/link", "opt"),
        *("usr", "usr/bin", "usr/bin/more", "usr/bin/tool", "var", "var/new"),
    ]
    assert (tree / "etc/changed").read_text() == "2"
    assert (tree / "etc/link").readlink() == Path("/etc/kept")
    assert (tree / "etc/hard").read_text() == "1"
    assert (tree / "bin").readlink() == Path("usr/bin"), "a folder that is only part of a path follows the link"
    assert (tree / "usr/bin/tool").stat().st_mode & 0o777 == 0o755


def test_what_replaces_what(tmp_path: Path) -> None:
    lower = [entry("a/file", "1"), entry("b", "1"), link("c", "a"), entry("d/", None, mode=0o700), entry("e/f/g", "1")]
    upper = [entry("a", "2"), entry("b/inside", "2"), entry("c/", None, mode=0o711), entry("d/more", "2")]
    upper += [entry("e/", None, mode=0o750), entry("twice", "1"), entry("twice", "2")]
    tree = pull(tmp_path, lower, upper)
    assert names(tree) == ["a", "b", "b/inside", "c", "d", "d/more", "e", "e/f", "e/f/g", "twice"]
    assert (tree / "a").read_text() == "2"
    assert not (tree / "c").is_symlink()
    assert stat.S_IMODE((tree / "c").stat().st_mode) == 0o711
    assert stat.S_IMODE((tree / "d").stat().st_mode) == 0o700, "a folder that is only part of a path stays as it was"
    assert stat.S_IMODE((tree / "e").stat().st_mode) == 0o750
    assert (tree / "twice").read_text() == "2"


def test_owners_modes_and_times(tmp_path: Path) -> None:
    told = [
        entry("file", "x", mode=0o4640, uid=33, gid=34, mtime=1_000_000),
        entry("far", "x", uid=1 << 30, gid=5, mtime=-5),
        entry("closed/", None, mode=0o000, uid=33),
        entry("closed/in", "x", mode=0o000),
        entry("pipe", b"", type=tarfile.FIFOTYPE),
    ]
    tree = pull(tmp_path, told)
    file, far = (tree / "file").lstat(), (tree / "far").lstat()
    assert stat.S_IMODE(file.st_mode) == 0o640, "nothing runs as its owner"
    assert file.st_mtime == 1_000_000
    assert stat.S_ISFIFO((tree / "pipe").lstat().st_mode)
    if ROOT:
        assert (file.st_uid, file.st_gid) == (33, 34)
        assert (far.st_uid, far.st_gid) == (65534, 5)
        assert stat.S_IMODE((tree / "closed").lstat().st_mode) == 0
    else:
        assert file.st_uid == os.geteuid()
        assert (tree / "closed/in").read_text() == "x", "what is ours we can read"


BAD: dict[str, tuple[list[list[Entry]], str]] = {
    "up": ([[entry("../out", "x")]], r"leads out of the image by `\.\.`"),
    "up within": ([[entry("a/../../out", "x")]], r"leads out of the image"),
    "up by a link": ([[link("a", "../../../.."), entry("a/out", "x")]], "leads out of the image by a link"),
    "a circle": ([[link("a", "b"), link("b", "a"), entry("a/out", "x")]], "circle"),
    "a hard link out": ([[link("a", "../../../out", hard=True)]], r"`\.\.`"),
    "a hard link by a link out": ([[link("a", "../.."), link("b", "a/out", hard=True)]], "leads out of the image"),
    "a hard link to nothing": ([[link("b", "nothing", hard=True)]], "which is not there"),
    "a device": ([[entry("a", b"", type=tarfile.BLKTYPE, devmajor=8)]], "is a device"),
    "a terminal": ([[entry("a", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=1)]], "is a device"),
    "a folder that is a file": ([[entry("a", "x"), entry("a/b", "x")]], "lies in what is no folder"),
    "a file that is a folder": ([[entry("a/b", "x"), entry("a", "x")]], "is a folder and something else"),
    "a whiteout of all": ([[entry("a/.wh...", "")]], "takes away what is no file"),
}


@pytest.mark.parametrize("which", BAD)
def test_what_is_refused(tmp_path: Path, which: str) -> None:
    (tmp_path / "out").write_text("kept")
    layers, said = BAD[which]
    with pytest.raises(BadLayer, match=said):
        pull(tmp_path, *layers)
    assert (tmp_path / "out").read_text() == "kept"
    assert [path for path in (tmp_path / "images/trees").iterdir() if path.suffix != ".lock"] == []


@pytest.mark.parametrize(
    "layers",
    [
        [[entry("a/" * 2000 + "f", "x")]],
        [[entry("a/" * number + "a", None) for number in range(1500)]],
        [[entry("a/" * 199 + "f", "x"), link("s", "a/" * 199)], [entry("s/b/c/d/f", "x")]],
    ],
)
def test_folders_that_lie_too_deep(tmp_path: Path, layers: list[list[Entry]]) -> None:
    """Deeper than Python goes; also those that a link of one layer adds to another's."""
    with pytest.raises(BadLayer, match="lies in more than 200 folders"):
        pull(tmp_path, *layers)
    assert not list((tmp_path / "images").glob("*/.*.building"))
    assert names(pull(tmp_path, [entry("a/" * 199 + "f", "x")]))


def test_a_layer_whose_compression_breaks_off(tmp_path: Path) -> None:
    """In the middle of a file, with a digest that is right."""
    text = "".join(f"{number * 7919 % 100003} {number}\n" for number in range(200_000))
    data = bytearray(gzip.compress(archive(entry("big", text))))
    data[len(data) // 2 :] = b"\xff" * 3000
    (tmp_path / "blobs").mkdir()
    broken = layer(tmp_path / "blobs", bytes(data), compressed=False)
    with pytest.raises(BadLayer, match="is no whole tar archive"):
        pull(tmp_path, broken)


def test_a_configuration_of_anything(tmp_path: Path) -> None:
    odd: list[Any] = [None, [], "x", {"Env": "x", "Cmd": {}, "Entrypoint": "x"}]
    for config in ({}, *({"config": one} for one in odd)):
        assert own("own:1", "sha256:0", tmp_path, config) == Own("own:1", "sha256:0", tmp_path)


def test_a_link_planted_by_another_layer_leads_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    lower = [link("a", str(outside)), link("b", "../../../../../.."), link("c", "b")]
    upper = [entry("a/planted", "x"), entry("a/.wh.kept", ""), entry("c/planted", "x")]
    tree = pull(tmp_path, lower, upper)
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert (Path(str(tree) + str(outside)) / "planted").read_text() == "x", "within the tree it leads where it says"
    assert (tree / "planted").read_text() == "x"


def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb says how large it is, and is not begun; one that does not say is stopped."""
    monkeypatch.setattr(unpack, "room", lambda _folder: 1 << 20)
    with pytest.raises(BadLayer, match="no room"):
        pull(tmp_path, [entry("bomb", bytes(8 << 20))])
    with pytest.raises(BadLayer, match="no room"):
        pull(tmp_path, [entry(f"{number}", b"") for number in range(300)])


def test_broken_archives(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    whole = layer(blobs, archive(entry("a", os.urandom(100_000))))
    cut = layer(blobs, archive(entry("a", bytes(100_000)))[:50_000], compressed=False)
    with pytest.raises(BadLayer, match="whole"):
        pull(tmp_path, cut)
    with pytest.raises(BadLayer, match="whole"):
        pull(tmp_path, layer(blobs, b"this is no archive" * 1000))
    data = bytearray(whole.path.read_bytes())
    data[-9] ^= 1
    whole.path.write_bytes(data)
    with pytest.raises(BadLayer):
        pull(tmp_path, whole)
    long = entry("x", b"", pax_headers={"comment": "x" * (2 << 20)})
    with pytest.raises(BadLayer, match="too long"):
        pull(tmp_path, [long])


def test_other_bytes_than_the_digest_says(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    one, other = layer(blobs, archive(entry("a", "1"))), layer(blobs, archive(entry("b", "2")))
    with pytest.raises(BadLayer, match="other bytes than its digest says"):
        pull(tmp_path, Layer(one.digest, one.media_type, one.size, other.path))


def test_layers_are_shared(tmp_path: Path) -> None:
    base = [entry("base", os.urandom(1000))]
    one, two = pull(tmp_path, base, [entry("a", "1")]), pull(tmp_path, base, [entry("a", "2")])
    assert (one / "base").stat().st_ino == (two / "base").stat().st_ino
    assert (one / "a").read_text() + (two / "a").read_text() == "12"
    trees = Trees(tmp_path / "images")
    first, second = trees.pulled()
    assert trees.remove(first.digest)
    assert not trees.remove(first.digest)
    assert trees.pulled() == [second]
    assert len(list((tmp_path / "images/layers").glob("[!.]*"))) == 2
    assert trees.remove(second.digest)
    assert list((tmp_path / "images/layers").glob("[!.]*")) == []


def test_what_is_replaced_goes_once_nobody_uses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rootfs, "KEEP", 0.0)
    (tmp_path / "blobs").mkdir()
    trees, jobs = Trees(tmp_path / "images"), [tmp_path / str(number) for number in range(4)]
    images = [pushed(layer(tmp_path / "blobs", archive(entry("a", str(number))))) for number in range(4)]
    other = Pushed("elsewhere/own:1", images[3].digest, {}, images[3].layers)
    for job, image in zip(jobs, [images[0], images[1], other], strict=False):
        job.mkdir()
        trees.ready(image, lambda _line: None, user=job)
    assert len(trees.pulled()) == 3, "all are in use"
    jobs[0].rmdir()
    jobs[2].rmdir()
    trees.ready(images[2], lambda _line: None)
    assert {one.digest for one in trees.pulled()} == {images[1].digest, images[2].digest, other.digest}
    assert len(list((tmp_path / "images/layers").glob("[!.]*"))) == 3


def test_it_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    real = unpack.unpack

    def counting(layer: Layer, *given: Any, **more: Any) -> Any:
        counted.append(layer.digest)
        return real(layer, *given, **more)

    monkeypatch.setattr(unpack, "unpack", counting)
    (tmp_path / "blobs").mkdir()
    wanted = pushed(layer(tmp_path / "blobs", archive(entry("a", bytes(1 << 20)), *many(2000))))
    said: list[str] = []
    trees = [Trees(tmp_path / "images") for _ in range(4)]
    threads = [threading.Thread(target=one.ready, args=(wanted, said.append)) for one in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counted) == 1
    assert len([line for line in said if line.startswith("Pulled")]) == 1
    assert trees[0].there(wanted)


def many(count: int) -> list[Entry]:
    return [entry(f"folder-{number % 50}/{number}", str(number)) for number in range(count)]


@pytest.mark.parametrize("cut", [1, 200, 2300, 3000])
def test_a_pull_that_is_killed_begins_anew(tmp_path: Path, cut: int) -> None:
    """Killed at the so many-th file that it opens, folder that it makes, link or name that it gives."""
    (tmp_path / "blobs").mkdir()
    made = layer(tmp_path / "blobs", archive(*many(2000)))
    script = (
        "import itertools, os, signal, sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[1])\n"
        "from clary.images.registry import Layer\nfrom clary.images.rootfs import Trees\nfrom layers import pushed\n"
        "counter = itertools.count(1)\n"
        "def hook(event, _):\n"
        "    if event in ('os.mkdir', 'os.link', 'os.utime', 'os.rename') and next(counter) == int(sys.argv[3]):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(hook)\n"
        f"made = Layer({made.digest!r}, {made.media_type!r}, {made.size}, Path({str(made.path)!r}))\n"
        "Trees(Path(sys.argv[2])).ready(pushed(made), print)\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parents[1]), str(tmp_path / "images"), str(cut)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    wanted = pushed(made)
    assert not Trees(tmp_path / "images").there(wanted)
    tree = Trees(tmp_path / "images").ready(wanted, lambda _line: None)
    assert len([path for path in tree.rglob("*") if path.is_file()]) == 2000


def test_a_stopped_job_pulls_no_further(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 100:
            raise Stop

    (tmp_path / "blobs").mkdir()
    wanted: Pushed = pushed(layer(tmp_path / "blobs", archive(*many(2000))))
    with pytest.raises(Stop):
        Trees(tmp_path / "images").ready(wanted, lambda _line: None, check)
    assert calls < 200
    assert not Trees(tmp_path / "images").there(wanted)
