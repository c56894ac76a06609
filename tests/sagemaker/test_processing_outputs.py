"""What a program may leave in the folders of its outputs: names, depths and kinds of files that nobody thought of."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from processing_jobs import Processing
from sagemaker_inputs import fresh
from training_jobs import ENDS
from waiting import until

RESULT = "/opt/ml/processing/output/result"
FAILED = "ClientError: Artifact upload failed:Unable to upload "


@pytest.fixture(scope="module")
def processing(platform: Platform) -> Processing:
    return Processing(platform)


def to(processing: Processing, mode: str) -> tuple[str, dict[str, Any]]:
    """A prefix, and what makes a job upload to it."""
    prefix = fresh("left")
    return prefix, {"ProcessingOutputConfig": {"Outputs": [processing.output("result", prefix, mode)]}}


def test_names(processing: Processing) -> None:
    names = [
        "a\nb",
        "c d",
        "e+f",
        "%41",
        "x\ty",
        "\u00e9",
        "\u65e5",
        "a\\b",
        "q\x01z",
        " lead",
        "..x",
        "&<>",
        "n" * 255,
    ]
    assert set(processing.run(f"for name in {names!r}: open('{RESULT}/' + name, 'w').write('1')")) == set(names)


@pytest.mark.parametrize("mode", ["EndOfJob", "Continuous"])
def test_a_name_that_is_no_text(processing: Processing, mode: str) -> None:
    prefix, changed = to(processing, mode)
    script = f"for name in b'bad-\\xff', b'good': open(b'{RESULT}/' + name, 'w').write('1')"
    found = processing.end(script, **changed)
    where = f"to s3://{processing.bucket}/{prefix}/bad-\\xff"
    assert found["FailureReason"] == f"{FAILED}{where}: The name of the file is not UTF-8"
    if mode == "Continuous":
        assert processing.left(prefix) == {"good": b"1"}


@pytest.mark.parametrize("mode", ["EndOfJob", "Continuous"])
@pytest.mark.parametrize(("name", "count"), [("d", 1500), ("d" * 200, 60), ("d" * 200, 5)])
def test_folders_within_folders(processing: Processing, mode: str, name: str, count: int) -> None:
    """Deeper than Python goes, longer than a path may be, and longer than a key may be."""
    _, changed = to(processing, mode)
    script = f"""
import os
os.chdir("{RESULT}")
for _ in range({count}):
    os.mkdir("{name}")
    os.chdir("{name}")
open("x" * 200, "w").write("1")
"""
    reason = processing.end(script, **changed)["FailureReason"]
    assert reason.startswith(FAILED)
    assert reason.endswith(("a key has at most 1024 bytes", "Your key is too long"))
    assert len(reason) <= 1024


def test_what_is_no_file(processing: Processing) -> None:
    script = f"""
import os, socket
os.chdir("{RESULT}")
os.mkfifo("fifo")
socket.socket(socket.AF_UNIX).bind("socket")
os.symlink("/etc/passwd", "link")
os.symlink("/etc", "links")
open("a", "w").write("1")
os.link("a", "b")
open("empty", "w")
os.mkdir("closed")
open("closed/file", "w").write("2")
os.chmod("closed/file", 0)
os.chmod("closed", 0)
"""
    assert processing.run(script) == {"a": b"1", "b": b"1", "empty": b"", "closed/file": b"2"}


def test_holes_stay_holes(processing: Processing, platform: Platform) -> None:
    """A file that says that it has more bytes than the volume takes no more of the disk on its way to S3."""
    size = (100 << 20) + 4711
    prefix, changed = to(processing, "Continuous")
    script = f"""
with open("{RESULT}/sparse", "wb") as file:
    file.write(b"begin")
    file.seek({size} - 3)
    file.write(b"end")
"""
    assert processing.end(script, **changed)["ProcessingJobStatus"] == "Completed"
    body = processing.left(prefix)["sparse"]
    assert (len(body), body[:5], body[-3:], body.count(0)) == (size, b"begin", b"end", size - 8)
    (blob,) = (file for file in _files(platform.home / "blobs") if file.stat().st_size == size)
    assert blob.stat().st_blocks * 512 < 1 << 20


def _files(top: Path) -> list[Path]:
    return [Path(folder, name) for folder, _, names in os.walk(top) for name in names]


def test_links_that_come_and_go(processing: Processing) -> None:
    """Folders and files that turn into links while they are uploaded: nothing that is not the job's own is read."""
    prefix, changed = to(processing, "Continuous")
    script = f"""
import os, time
os.chdir("{RESULT}")
os.makedirs("a/b")
end = time.monotonic() + 6
while time.monotonic() < end:
    open("a/b/passwd", "w").write("mine")
    os.rename("a", "z")
    os.symlink("/etc", "a")
    os.unlink("a")
    os.rename("z", "a")
    os.unlink("a/b/passwd")
    os.symlink("/etc/passwd", "a/b/passwd")
    os.unlink("a/b/passwd")
open("a/b/passwd", "w").write("mine")
"""
    assert processing.end(script, **changed)["ProcessingJobStatus"] == "Completed"
    left = processing.left(prefix)
    assert left.pop("a/b/passwd") == b"mine"
    assert set(left.values()) <= {b"mine", b""}


def test_stopped_while_it_uploads(processing: Processing) -> None:
    """All of an output comes, or nothing of it."""
    name = processing.start(f"for number in range(1500): open('{RESULT}/%d' % number, 'w').write('1')")
    listed = partial(processing.s3.list_objects_v2, Bucket=processing.bucket, Prefix=f"{name}/out/")
    until(lambda: listed()["KeyCount"])
    with suppress(ClientError):  # it may have ended
        processing.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert processing.until(name, *ENDS)["ProcessingJobStatus"] == "Completed"
    assert listed()["KeyCount"] == 1000
    assert listed(StartAfter=listed()["Contents"][-1]["Key"])["KeyCount"] == 500
