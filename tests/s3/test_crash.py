"""kill -9 while objects arrive: what was acknowledged is whole, nothing is half there, and no blob stays behind."""

import hashlib
import os
import random
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from s3.tools import MiB, new_bucket

ROUNDS = 3
WRITERS = 6


class Writers:
    """Threads that put objects of many sizes, and complete uploads, until the server is gone."""

    def __init__(self, platform: Any, bucket: str, turn: int) -> None:
        self.platform, self.bucket, self.turn = platform, bucket, turn
        self.acknowledged: dict[str, str] = {}  # key -> SHA-256
        self.tried: dict[str, set[str]] = {}
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(WRITERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        s3 = self.platform.client("s3")
        random_ = random.Random(number * 100 + self.turn)
        count = 0
        while True:
            count += 1
            # Some keys are written again and again, so that old blobs go while new ones come.
            key = f"{number}/{self.turn}-{count}" if count % 3 else f"{number}/same"
            ways = [self._small, self._small, self._small, self._large, self._parts]
            try:
                random_.choice(ways)(s3, key)
            except (BotoCoreError, HTTPClientError, ClientError, OSError):
                return

    def _note(self, key: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.tried.setdefault(key, set()).add(digest)
        return digest

    def _small(self, s3: Any, key: str) -> str:
        data = os.urandom(4096)
        digest = self._note(key, data)
        s3.put_object(Bucket=self.bucket, Key=key, Body=data)
        self.acknowledged[key] = digest
        return digest

    def _large(self, s3: Any, key: str) -> str:
        data = os.urandom(MiB)
        digest = self._note(key, data)
        s3.put_object(Bucket=self.bucket, Key=key, Body=data)
        self.acknowledged[key] = digest
        return digest

    def _parts(self, s3: Any, key: str) -> str:
        pieces = [os.urandom(5 * MiB), os.urandom(1000)]
        digest = self._note(key, b"".join(pieces))
        where = {"Bucket": self.bucket, "Key": key}
        where["UploadId"] = s3.create_multipart_upload(**where)["UploadId"]
        parts = [
            {"PartNumber": n, "ETag": s3.upload_part(**where, PartNumber=n, Body=piece)["ETag"]}
            for n, piece in enumerate(pieces, start=1)
        ]
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        self.acknowledged[key] = digest
        return digest


def test_kill_nine(own_platform: Any) -> None:
    platform = own_platform
    bucket = new_bucket(platform.client("s3"))
    acknowledged: dict[str, str] = {}
    tried: dict[str, set[str]] = {}
    for turn in range(ROUNDS):
        writers = Writers(platform, bucket, turn)
        writers.start()
        time.sleep(random.uniform(0.5, 1.5))
        platform.kill()
        writers.join()
        acknowledged |= writers.acknowledged
        for key, digests in writers.tried.items():
            tried.setdefault(key, set()).update(digests)
        platform.start()
        _check(platform.client("s3"), bucket, acknowledged, tried)
        for key in writers.tried.keys() - writers.acknowledged.keys():
            acknowledged.pop(key, None)  # the last attempt may stand or not, and may be replaced by the next round
    assert len(acknowledged) > 30
    _wait_for_sweep(platform.home)
    platform.stop()
    assert _on_disk(platform.home) == _in_rows(platform.home)
    platform.start()


def _check(s3: Any, bucket: str, acknowledged: dict[str, str], tried: dict[str, set[str]]) -> None:
    found: dict[str, str] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            data = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            assert len(data) == entry["Size"]
            found[entry["Key"]] = hashlib.sha256(data).hexdigest()
    for key, digest in found.items():
        assert digest in tried[key], f"{key} was never put like this"
    for key, digest in acknowledged.items():
        # A later attempt that was cut off may have been carried out all the same.
        assert found.get(key) == digest or len(tried[key]) > 1, f"{key} is lost"
        assert key in found


def _wait_for_sweep(home: Path) -> None:
    deadline = time.monotonic() + 20
    while _on_disk(home) - _in_rows(home) and time.monotonic() < deadline:
        time.sleep(0.2)


def _on_disk(home: Path) -> set[int]:
    files = (file for file in (home / "blobs").rglob("*") if file.is_file())
    return {int(file.parent.name, 16) << 12 | int(file.name, 16) for file in files}


def _in_rows(home: Path) -> set[int]:
    with closing(sqlite3.connect(f"file:{home / 'state.db'}?mode=ro", uri=True)) as connection:
        tables = ("object", "version", "upload", "part")
        return {row[0] for table in tables for row in connection.execute(f"SELECT blob FROM {table}")} - {0}  # noqa: S608 - our own names
