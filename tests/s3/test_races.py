"""What happens in the moments that no client can choose."""

from pathlib import Path
from typing import Any

import pytest

from clary.errors import AWSError
from clary.services.s3 import blobs, completion, conditions, copying
from s3.settings.inside import Inside
from s3.tools import MiB

PART = 5 * MiB


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(blobs, "GRACE", 0.0)  # everybody is slow
    made = Inside(tmp_path)
    made.create("races")
    yield made
    made.close()


def content(inside: Inside, key: str) -> bytes:
    slice_ = inside.call("GetObject", Bucket="races", Key=key).body
    return Path(slice_.path).read_bytes() if slice_ else b""


def overwrite(inside: Inside, key: str, body: bytes) -> None:
    """Its old bytes are gone on return."""
    old = Path(inside.call("GetObject", Bucket="races", Key=key).body.path)
    inside.put("races", key, body)
    old.unlink(missing_ok=True)


class Once:
    """Does something before the first call of a function."""

    def __init__(self, function: Any, first: Any) -> None:
        self.function, self.first = function, first

    def __call__(self, *given: Any, **named: Any) -> Any:
        first, self.first = self.first, None
        if first is not None:
            first()
        return self.function(*given, **named)


def test_a_source_that_is_overwritten_before_it_is_held(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    inside.put("races", "k", b"old")
    late = Once(conditions.check_source, lambda: overwrite(inside, "k", b"newer"))
    monkeypatch.setattr(conditions, "check_source", late)
    inside.call("CopyObject", Bucket="races", Key="copy", CopySource="races/k")
    assert content(inside, "copy") == b"newer"
    late.first = lambda: overwrite(inside, "k", b"newest")
    upload: dict[str, Any] = {"Bucket": "races", "Key": "parts"}
    upload["UploadId"] = inside.call("CreateMultipartUpload", **upload)["UploadId"]
    part = inside.call("UploadPartCopy", **upload, PartNumber=1, CopySource="races/k")["CopyPartResult"]
    inside.call("CompleteMultipartUpload", **upload, MultipartUpload={"Parts": [{"PartNumber": 1, **part}]})
    assert content(inside, "parts") == b"newest"


def test_a_source_that_is_overwritten_while_it_is_copied(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    inside.put("races", "k", b"old")
    monkeypatch.setattr(copying, "_head", Once(copying._head, lambda: overwrite(inside, "k", b"newer")))
    inside.call("CopyObject", Bucket="races", Key="copy", CopySource="races/k", ChecksumAlgorithm="SHA256")
    assert content(inside, "copy") == b"old"


def test_a_source_whose_bytes_are_lost(inside: Inside) -> None:
    inside.put("races", "k", b"old")
    Path(inside.call("GetObject", Bucket="races", Key="k").body.path).unlink()
    with pytest.raises(FileNotFoundError):
        inside.call("CopyObject", Bucket="races", Key="copy", CopySource="races/k")


def test_a_part_that_comes_while_its_upload_is_completed(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """The upload is not completed after all, since somebody else was faster; the part must be as it was sent."""
    where: dict[str, Any] = {"Bucket": "races", "Key": "k"}
    upload = where | {"UploadId": inside.call("CreateMultipartUpload", **where)["UploadId"]}
    bodies = {1: b"1" * PART, 2: b"2" * PART, 3: b"3" * PART}
    parts: list[dict[str, Any]] = []

    def send(number: int) -> None:
        etag = inside.call("UploadPart", bodies[number], **upload, PartNumber=number).headers["etag"]
        parts.append({"PartNumber": number, "ETag": etag})

    send(1)
    send(2)
    wanted = {"Parts": parts[:]}
    monkeypatch.setattr(inside.state.places, "end", Once(inside.state.places.end, lambda: send(3)))
    monkeypatch.setattr(completion, "_commit", Once(completion._commit, lambda: inside.put("races", "k", b"first")))
    with pytest.raises(AWSError, match="pre-conditions"):
        inside.call("CompleteMultipartUpload", **upload, MultipartUpload=wanted, IfNoneMatch="*")
    inside.call("CompleteMultipartUpload", **upload, MultipartUpload={"Parts": parts})
    assert content(inside, "k") == b"".join(bodies.values())
