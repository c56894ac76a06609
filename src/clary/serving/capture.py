"""Data capture: requests and answers, a line of JSON each, in files that main carries to S3.

HOME/serving/capture/<hash of the endpoint's ARN>/<variant>/<yyyy>/<mm>/<dd>/<hh>/<mm-ss-mmm-uuid>.jsonl, as they will
be named in S3 below the endpoint's name; `.part` while it is written. Beside the variants, endpoint.json says whose it
is.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

import base64
import contextlib
import hashlib
import logging
import os
import random
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from clary.serving.answers import Head, stamp

if TYPE_CHECKING:
    from clary.serving.endpoints import Variant
    from clary.serving.invocation import Invocation

log = logging.getLogger(__name__)
BIG = 8 << 20  # bytes of a file


class _File:
    def __init__(self, folder: Path, at: float) -> None:
        place = folder / time.strftime("%Y/%m/%d/%H", time.gmtime(at))
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.strftime('%M-%S', time.gmtime(at))}-{int(at * 1000) % 1000:03d}-{uuid.uuid4()}.jsonl"
        self.path = place / name
        self.part = place / f"{name}.part"
        self.since = at
        self.size = 0
        self._file = os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, lines: bytes) -> None:
        """Whole, or not at all. Raises OSError."""
        try:
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:  # a full disk
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise
        self.size += len(lines)

    def close(self) -> None:
        os.close(self._file)
        if self.size:
            self.part.rename(self.path)
        else:  # nothing could be written
            self.part.unlink()


class Capture:
    def __init__(self, folder: Path, old: float) -> None:
        """`old`: seconds that a file stays open."""
        self._folder = folder
        self._old = old
        self._lines: dict[tuple[str, str], list[bytes]] = {}
        self._files: dict[tuple[str, str], _File] = {}
        self._told: dict[str, dict[str, Any]] = {}  # by ARN, of those who have lines
        for part in folder.rglob("*.jsonl.part"):
            _mend(part)

    def wants(self, variant: "Variant") -> bool:
        """Whether this variant's traffic may be captured at all."""
        return variant.fleet.capture is not None

    def note(self, invocation: "Invocation", variant: "Variant", head: Head, body: bytes) -> None:
        config = variant.fleet.capture
        if config is None or random.random() * 100 >= config.get("InitialSamplingPercentage", 100):  # noqa: S311 - a lottery
            return
        key = variant.route.arn, variant.told.name
        self._lines.setdefault(key, []).append(record(invocation, config, head, body))
        told = {"EndpointArn": variant.route.arn, "EndpointName": variant.route.name, "DataCaptureConfig": config}
        self._told[variant.route.arn] = told

    def tick(self, now: float) -> None:
        for key, lines in self._lines.items():
            with _or_lost(key):
                self._write(key, lines, now)
        self._lines, self._told = {}, {}
        for key, file in list(self._files.items()):
            if now - file.since >= self._old or file.size >= BIG:
                self._close(key)

    def close(self) -> None:
        self.tick(time.time())
        for key in list(self._files):
            self._close(key)

    def _close(self, key: tuple[str, str]) -> None:
        with _or_lost(key):
            self._files.pop(key).close()

    def _write(self, key: tuple[str, str], lines: list[bytes], now: float) -> None:
        file = self._files.get(key)
        if file is None:
            arn, variant = key
            folder = self._folder / place(arn)
            file = self._files[key] = _File(folder / variant, now)
            about = folder / "endpoint.json"
            fresh = about.with_suffix(".new")
            fresh.write_bytes(orjson.dumps(self._told[arn]))
            fresh.rename(about)
        file.write(b"".join(lines))


def place(arn: str) -> str:
    return hashlib.sha256(arn.encode()).hexdigest()[:16]


@contextlib.contextmanager
def _or_lost(key: tuple[str, str]) -> Iterator[None]:
    """A full disk must not end what goes on beside it."""
    try:
        yield
    except OSError:
        log.exception("what was captured of %s, variant %s, is lost", *key)


def _mend(part: Path) -> None:
    """A file whose writer was killed: the lines that are whole."""
    whole = part.read_bytes().rfind(b"\n") + 1
    if whole:
        os.truncate(part, whole)
        part.rename(part.with_suffix(""))
    else:
        part.unlink()


def record(invocation: "Invocation", config: dict[str, Any], head: Head, body: bytes) -> bytes:
    """One line."""
    modes = {option.get("CaptureMode") for option in config.get("CaptureOptions", ())}
    types = config.get("CaptureContentTypeHeader") or {}
    captured: dict[str, Any] = {}
    if modes & {"Input", "InputAndOutput"}:
        kind = invocation.headers.get("content-type", "")
        captured["endpointInput"] = _side("INPUT", kind, invocation.body, types)
    if modes & {"Output", "InputAndOutput"}:
        captured["endpointOutput"] = _side("OUTPUT", head.content_type, body, types)
    about: dict[str, Any] = {"eventId": str(uuid.uuid4())}
    if inference := invocation.headers.get("x-amzn-sagemaker-inference-id"):
        about["inferenceId"] = inference
    if custom := invocation.headers.get("x-amzn-sagemaker-custom-attributes"):
        about["customAttributes"] = [custom]
    about["inferenceTime"] = stamp(time.time())
    return orjson.dumps({"captureData": captured, "eventMetadata": about, "eventVersion": "0"}) + b"\n"


def _side(mode: str, kind: str, body: bytes, types: dict[str, list[str]]) -> dict[str, Any]:
    """CSV and JSON as they are, anything else as base64: CaptureContentTypeHeader in
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CaptureContentTypeHeader.html
    """
    plain = kind.partition(";")[0].strip().lower()
    encoding = "BASE64"
    for name, member in (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes")):
        if plain and plain in {each.partition(";")[0].strip().lower() for each in types.get(member, ())}:
            encoding = name
    try:
        data = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode()
    except UnicodeDecodeError:  # it is not what it says
        data, encoding = base64.b64encode(body).decode(), "BASE64"
    return {"observedContentType": kind, "mode": mode, "data": data, "encoding": encoding}
