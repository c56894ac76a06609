"""Pipe channels: what goes through them, and the process that feeds them (feeder.py)."""

import json
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clary.jobs.ml import data, farm, feeder
from clary.jobs.ml.data import FAILED
from clary.jobs.ml.place import instance
from clary.jobs.objects import Found, Objects
from clary.jobs.recipe import Job, JobFailed

Document = dict[str, Any]


@dataclass(slots=True)
class Stream:
    """What a channel says, record by record. `files` are those that the records speak of, by number; a record's entry
    is such a number, or a text.
    """

    files: list[Found] = field(default_factory=list)
    records: list[list[int | str]] = field(default_factory=list)


def stream(channel: Document, objects: Objects, role: str, region: str) -> Stream:
    """Raises JobFailed."""
    source = channel["DataSource"].get(data.SOURCES, {})
    if source.get("S3DataType") == "AugmentedManifestFile":
        return _augmented(channel, source, objects, role)
    found = [each for _, each in data.files(channel, objects, role, region).entries]
    return Stream(found, [[number] for number in range(len(found))])


def _augmented(channel: Document, source: Document, objects: Objects, role: str) -> Stream:
    """JSON lines; of each, the named attributes in order, where `...-ref` names an object to take.
    https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest-stream.html
    """
    uri, names = source["S3Uri"], source.get("AttributeNames", [])
    if not names:
        raise JobFailed(f"ClientError: channel {channel['ChannelName']}: an AugmentedManifestFile needs AttributeNames")
    made = Stream()
    for number, line in enumerate(data.read(uri, objects, role).splitlines(), 1):
        if not line.strip():
            continue
        values = attributes(line, names, f"{uri}, line {number}")
        record: list[int | str] = []
        for name, value in zip(names, values, strict=True):
            if name.endswith("-ref"):
                made.files.append(data.find(str(value), objects, role))
                record.append(len(made.files) - 1)
            else:
                record.append(value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))
        made.records.append(record)
    if not made.records:
        raise JobFailed(f"{FAILED}the augmented manifest {uri} has no lines")
    return made


def attributes(line: bytes, names: list[str], place: str) -> list[Any]:
    """Raises JobFailed."""
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise JobFailed(f"{FAILED}the augmented manifest {place} is no JSON: {error}") from error
    missing = [name for name in names if not isinstance(entry, dict) or name not in entry]
    if missing:
        raise JobFailed(f"{FAILED}the augmented manifest {place} has no attribute {', '.join(missing)}")
    return [entry[name] for name in names]


def part(whole: Stream, number: int, count: int) -> Stream:
    """The share of one instance of several (ShardedByS3Key); of an augmented manifest, of its lines."""
    return Stream(whole.files, whole.records[number::count])


def plan(home: Path, job: Job, channel: Document, made: Stream) -> Document:
    """The channel's part of the feeder's plan. The files are held by links: S3 may delete the objects meanwhile."""
    wrap = channel.get("RecordWrapperType") == "RecordIO"
    packed = channel.get("CompressionType") == "Gzip"
    if wrap and not packed and (long := next((each for each in made.files if each.size > feeder.LONGEST), None)):
        raise JobFailed(f"{FAILED}{long.key} is larger than the {feeder.LONGEST} bytes of a RecordIO record")
    folder = farm.plant(home, job, data.named([(f"{number:08d}", found) for number, found in enumerate(made.files)]))

    def piece(entry: int | str) -> Document:
        if isinstance(entry, str):
            return {"text": entry, "wrap": wrap}
        return {"path": f"{folder}/{entry:08d}", "gzip": packed, "wrap": wrap}

    return {
        "name": channel["ChannelName"],
        "seed": channel.get("ShuffleConfig", {}).get("Seed"),
        "records": [[piece(entry) for entry in record] for record in made.records],
    }


def feed(job: Job, number: int, channels: list[Document], place: Path) -> None:
    """Starts a feeder for an instance; it lives as long as the instance's folder. The FIFOs are in the folder `place`
    on return.
    """
    plan_file = instance(job, number) / f"pipes-{uuid.uuid4().hex}.json"
    plan_file.write_text(json.dumps({"data": str(place), "channels": channels}))
    with (instance(job, number) / "feeder.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", feeder.__file__, plan_file],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    assert process.stdout is not None
    ready = process.stdout.readline()
    process.stdout.close()
    threading.Thread(target=process.wait, name=f"feeder-{process.pid}", daemon=True).start()  # no zombie stays
    if not ready:
        said = (instance(job, number) / "feeder.log").read_text()
        raise JobFailed(f"InternalServerError: the pipes could not be fed: {said}")
