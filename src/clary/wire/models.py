"""The AWS service models that botocore ships: the only copy of the API that Clary has.

Nothing is read at import. A service's model is read when it is first asked for, and kept.
"""

import functools
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import botocore
import orjson
from botocore.model import OperationModel, ServiceModel

from clary.errors import Family, UnknownOperation

DATA = Path(botocore.__file__).parent / "data"

# Best first: what a model offers and what a request looks like decide which one is spoken.
PROTOCOLS = ("smithy-rpc-v2-cbor", "json", "rest-json", "rest-xml", "query", "ec2")


def _file(name: str) -> Path | None:
    versions = sorted(DATA.joinpath(name).glob("*/service-2.json.gz"))
    return versions[-1] if versions else None


@functools.cache
def service_model(name: str) -> ServiceModel:
    """The newest model of a service by botocore's name for it. Raises errors.UnknownOperation if there is none."""
    path = _file(name) if name.replace("-", "").isalnum() else None
    if path is None:
        raise UnknownOperation(f"There is no AWS service {name}")
    return ServiceModel(orjson.loads(gzip.decompress(path.read_bytes())), name)


@functools.cache
def protocols(model: ServiceModel) -> tuple[str, ...]:
    """Every protocol of the service that we speak, best first; CloudWatch has three."""
    offered = model.metadata.get("protocols") or [model.metadata["protocol"]]
    return tuple(name for name in PROTOCOLS if name in offered)


def protocol(model: ServiceModel) -> str:
    """The best protocol of the service that we speak."""
    return protocols(model)[0]


@functools.cache
def family(model: ServiceModel) -> Family:
    """Which words the errors common to all services take."""
    if model.service_name == "s3":
        return "s3"
    return "json" if protocol(model) in {"smithy-rpc-v2-cbor", "json", "rest-json"} else "query"


_known: dict[tuple[ServiceModel, str], dict[str, Any]] = {}


def known(model: ServiceModel, form: str) -> dict[str, Any]:
    """Where a form keeps what it compiled of this service's shapes; recursive shapes find themselves there."""
    return _known.setdefault((model, form), {})


@functools.cache
def output_events(operation: OperationModel) -> str:
    """The output member that is an event stream, or ""."""
    return (operation.output_shape and operation.output_shape.event_stream_name) or ""


@functools.cache
def metadata() -> dict[str, dict[str, Any]]:
    """The metadata of all services that botocore knows, by its name for them; about 0.1 s the first time."""
    names = sorted(path.name for path in DATA.iterdir() if path.is_dir())
    return {name: _metadata(path) for name in names if (path := _file(name))}


def _metadata(path: Path) -> dict[str, Any]:
    # The metadata stands at the head of the file; only a model that begins with its documentation is read whole.
    with path.open("rb") as file:
        head = zlib.decompressobj(31).decompress(file.read(4096)).decode(errors="replace")
    start = head.find('"metadata"')
    if start >= 0:
        try:
            found: dict[str, Any] = json.JSONDecoder().raw_decode(head, head.index("{", start))[0]
        except ValueError:
            pass  # it goes on beyond what we read
        else:
            return found
    whole: dict[str, Any] = orjson.loads(gzip.decompress(path.read_bytes()))["metadata"]
    return whole


@functools.cache
def signing_names() -> dict[str, list[str]]:
    """The name that requests are signed for -> the services that share it."""
    found: dict[str, list[str]] = {}
    for name, facts in metadata().items():
        found.setdefault(facts.get("signingName") or facts["endpointPrefix"], []).append(name)
    return found
