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
from waiting import until

ROUNDS = 3
PUTS = 200
WRITERS = 6


class Writers:
    """Threads that put objects of many sizes, and complete uploads, until the server is gone."""

    def __init__(self, platform: Any, bucket: str, turn: int) -> None:
        self.platform, self.bucket, self.turn = platform, bucket, turn
        self.acknowledged: dict[str, str] = {}  # key -> SHA-256
        self.tried: dict[str, list[str]] = {}  # key -> SHA-256, in order
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
            ways = [*[self._small] * 6, self._large, self._parts]
            try:
                random_.choice(ways)(s3, key)
            except (BotoCoreError, HTTPClientError, ClientError, OSError):
                return

    def _note(self, key: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.tried.setdefault(key, []).append(digest)
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
    tried: dict[str, list[str]] = {}
    for turn in range(ROUNDS):
        writers = Writers(platform, bucket, turn)
        writers.start()
        until(lambda: len(writers.acknowledged) >= PUTS // ROUNDS)  # noqa: B023 - called at once
        time.sleep(random.uniform(0, 0.1))
        platform.kill()
        writers.join()
        acknowledged |= writers.acknowledged
        for key, digests in writers.tried.items():
            tried.setdefault(key, []).extend(digests)
        platform.start()
        found = _check(platform.client("s3"), bucket, acknowledged, tried)
        # What was cut off may have been carried out all the same: then it is what stands from now on.
        acknowledged |= found
    assert len(acknowledged) > PUTS // 2
    until(lambda: not _on_disk(platform.home) - _in_rows(platform.home))
    platform.stop()
    assert _on_disk(platform.home) == _in_rows(platform.home)
    platform.start()


def _check(s3: Any, bucket: str, acknowledged: dict[str, str], tried: dict[str, list[str]]) -> dict[str, str]:
    """What is there, each of it whole; nothing that was acknowledged is lost or older than its acknowledgement."""
    found: dict[str, str] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            data = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            assert len(data) == entry["Size"]
            found[entry["Key"]] = hashlib.sha256(data).hexdigest()
    for key, digest in found.items():
        assert digest in tried[key], f"{key} was never put like this"
    for key, digest in acknowledged.items():
        assert found.get(key) in tried[key][tried[key].index(digest) :], f"{key} is lost"
    return found


def _on_disk(home: Path) -> set[int]:
    files = (file for file in (home / "blobs").rglob("*") if file.is_file())
    return {int(file.parent.name, 16) << 12 | int(file.name, 16) for file in files}


def _in_rows(home: Path) -> set[int]:
    with closing(sqlite3.connect(f"file:{home / 'state.db'}?mode=ro", uri=True)) as connection:
        tables = ("object", "version", "upload", "part")
        return {row[0] for table in tables for row in connection.execute(f"SELECT blob FROM {table}")} - {0}  # noqa: S608 - our own names
