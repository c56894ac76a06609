"""A bundle in a folder that is there already: the old one or the new one, whatever happens while it is written."""

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clary.images.runtime.bundle import Bundle, BundleError, Node, read, write

UID = "4b73a01f-5ea9-4967-8bed-7f27213d04d0"


def test_a_folder_has_the_old_bundle_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "b"
    first, second = Node("n", "tokenizer"), Node("n", "ngram")
    write(Bundle(UID, "n", first), str(place))
    (place / "notes.txt").write_text("mine")
    real = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "node.pb":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        for target in (place, tmp_path / "other"):
            with pytest.raises(OSError, match="No space"):
                write(Bundle(UID, "n", second), str(target), "protobuf")
    assert read(str(place)).root == first
    (place / "bundle.json").rename(tmp_path / "kept")
    (place / "bundle.json").mkdir()  # where no file can be put: at the last of the renames
    with pytest.raises(OSError, match="directory"):
        write(Bundle(UID, "n", second), str(place), "protobuf")
    (place / "bundle.json").rmdir()
    (tmp_path / "kept").rename(place / "bundle.json")
    assert read(str(place)).root == first
    write(Bundle(UID, "n", second), str(place), "protobuf")
    assert read(str(place)).root == second
    assert sorted(each.name for each in place.iterdir()) == ["bundle.json", "notes.txt", "root"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b"]
    (tmp_path / "theirs/root").mkdir(parents=True)
    with pytest.raises(BundleError, match="of no bundle"):
        write(Bundle(UID, "n", second), f"{tmp_path}/theirs")


@pytest.mark.parametrize(("renames", "root"), [(0, "first"), (1, None), (2, "second")])
def test_a_kill_between_the_renames_is_made_good_by_the_next_write(
    tmp_path: Path, renames: int, root: str | None
) -> None:
    place = tmp_path / "b"
    first, second = Node("first", "tokenizer"), Node("second", "ngram")
    write(Bundle(UID, "first", first), str(place))
    (place / "notes.txt").write_text("mine")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(renames), str(place)], check=False)
    assert killed.returncode == -signal.SIGKILL
    if root:
        assert read(str(place)).root.name == root
    else:
        with pytest.raises(BundleError, match=r"has no root/node\.json"):
            read(str(place))
        (kept,) = place.glob(".*.part/before")
        assert json.loads((kept / "node.json").read_text())["name"] == "first"
    write(Bundle(UID, "second", second), str(place), "protobuf")
    assert (read(str(place)).name, read(str(place)).root) == ("second", second)
    assert (place / "notes.txt").read_text() == "mine"


KILLED = """
import os, signal, sys
from pathlib import Path
from clary.images.runtime.bundle import Bundle, Node, write
left, real = [int(sys.argv[1])], Path.replace
def replace(path, target):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return real(path, target)
Path.replace = replace
write(Bundle("another", "second", Node("second", "ngram")), sys.argv[2])
"""
