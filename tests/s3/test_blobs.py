"""The blob store: what a crash leaves is swept, what is named stays, and a full disk changes nothing."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from clary.errors import AWSError
from clary.services.s3.blobs import BITS, Folder, Writer
from s3.settings.inside import Inside


def contents(store: Folder, blob: int) -> bytes:
    return Path(store.path(blob)).read_bytes()


def test_a_sweep_takes_what_earlier_processes_left_and_nobody_names(tmp_path: Path) -> None:
    first = Folder(tmp_path)
    named, orphan = first.put(b"named"), first.put(b"orphan")
    first.close()
    second = Folder(tmp_path)
    on_its_way = second.put(b"on its way")
    assert named >> BITS != on_its_way >> BITS
    assert second.sweep(iter([named])) == 1
    assert contents(second, named) == b"named"
    assert contents(second, on_its_way) == b"on its way"
    assert not Path(second.path(orphan)).exists()
    second.delete([named])
    second.close()  # waits for what is to be unlinked
    third = Folder(tmp_path)
    assert third.sweep(iter([on_its_way])) == 0
    assert [folder.name for folder in tmp_path.iterdir()] == [f"{on_its_way >> BITS:08x}"]
    third.close()


def test_names_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    first = Folder(tmp_path)
    orphan = first.put(b"orphan")
    first.close()
    folder = tmp_path / f"{orphan >> BITS:08x}"
    for name in ("lost+found", "00000G00", "1"):
        (tmp_path / name).mkdir()
    (folder / ".nfs0001").touch()
    second = Folder(tmp_path)
    assert second.first == (orphan >> BITS) + 1
    assert second.sweep(iter([])) == 1
    second.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(["lost+found", "00000G00", "1", folder.name])
    assert [file.name for file in folder.iterdir()] == [".nfs0001"]


def test_the_folder_itself_outlives_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
        Folder(tmp_path / "blobs").close()
    assert synced == [tmp_path.stat().st_ino]


def test_pieces_are_joined_in_place_or_anew(tmp_path: Path) -> None:
    store = Folder(tmp_path)
    main = store.create()
    main.finish()
    for offset, data in ((0, b"aaaa"), (8, b"cc")):
        writer = store.place(main.blob, offset)
        writer.write([data[:1], b"", data[1:]])
        writer.finish()
    stray = store.put(b"bbbb")
    assert store.join([(main.blob, 8, 2), (stray, 1, 2)]) != main.blob
    whole = store.join([(main.blob, 0, 4), (stray, 0, 4), (main.blob, 8, 2)], into=main.blob)
    assert whole == main.blob
    assert contents(store, whole) == b"aaaabbbbcc"
    copy = store.link(whole)
    store.delete([whole])
    store.close()
    assert contents(store, copy) == b"aaaabbbbcc"


class Full(Folder):
    """A disk on which nothing fits any more."""

    def create(self) -> Any:
        return FullWriter(super().create())


class FullWriter:
    def __init__(self, writer: Writer) -> None:
        self.blob, self.abort, self.finish = writer.blob, writer.abort, writer.finish

    def write(self, chunks: list[bytes]) -> None:
        raise OSError(errno.ENOSPC, f"No space left on device for {len(chunks)} chunks")


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_full_disk(tmp_path: Path, size: int) -> None:
    inside = Inside(tmp_path)
    inside.create("full-bucket")
    inside.put("full-bucket", "before", b"x")
    object.__setattr__(inside.state, "blobs", Full(tmp_path / "full"))
    refused_as_full(inside, size)
    inside.state.blobs.close()
    assert [file for file in (tmp_path / "full").rglob("*") if file.is_file()] == []
    inside.close()


def refused_as_full(inside: Inside, size: int) -> None:
    with pytest.raises(AWSError, match="There is no space left on the disk") as caught:
        inside.put("full-bucket", "k", b"x" * size)
    assert (caught.value.code("s3"), caught.value.status("s3")) == ("InsufficientStorage", 507)
    assert inside.keys("full-bucket") == ["before"]


def test_a_disk_that_is_full_only_when_it_is_asked_to_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = Inside(tmp_path)
    inside.create("full-bucket")
    inside.put("full-bucket", "before", b"x")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    beside = inside.state.blobs.put(b"waits for the same commit")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        refused_as_full(inside, 10)
    with pytest.raises(OSError, match="is not on the disk") as caught:
        inside.state.blobs.settle(beside)
    assert caught.value.errno == errno.ENOSPC
    inside.put("full-bucket", "k", b"x")
    assert inside.keys("full-bucket") == ["before", "k"]
    inside.close()
