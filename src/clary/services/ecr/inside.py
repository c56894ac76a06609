"""The registry for what runs inside this process: jobs and endpoints take images from it, each as a role.

Implements images.registry.Registry. Permissions are those of a pull: the role's policies and the repository's.
"""

import platform as machine
import re
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from clary.config import Config
from clary.errors import AccessDenied, AWSError
from clary.images.registry import Layer, Pushed, Untagged
from clary.resource.call import Authority, Caller
from clary.services.ecr import digests, image, layer, state
from clary.services.ecr.manifest import LARGEST, LISTS
from clary.services.ecr.state import ECR, HOST

LOCAL = ("127.0.0.1", "localhost", "[::1]")
ACTIONS = ("BatchGetImage", "GetDownloadUrlForLayer")
# What Docker and OCI call this machine. https://go.dev/doc/install/source#environment
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_REFERENCE = re.compile(
    rf"(?P<host>[^/@]+)/(?P<name>[^:@]+)(?::(?P<tag>{image.TAG}))?(?:@(?P<digest>{digests.PATTERN}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Inside:
    """`assume` gives the caller that a role's session is, and raises KeyError where the role is gone; `port` is the
    gateway's.
    """

    state: ECR
    config: Config  # with the account
    authority: Authority
    assume: Callable[[str], Caller]
    port: Callable[[], int]

    def find(self, role_arn: str, region: str, uri: str) -> Pushed | None:
        match = _REFERENCE.fullmatch(uri)
        if match is None or (place := self._place(match["host"], region)) is None:
            return None
        connection = self.state.store.read()
        row = state.find(connection, place, match["name"])
        if row is None:
            return None
        self._check(role_arn, place, row)
        named = {"digest": match["digest"]} if match["digest"] else {"tag": match["tag"] or "latest"}
        found = image.find(connection, row["id"], **named)
        if found is None:
            raise Untagged(uri, named.get("tag"), named.get("digest"))
        image.pulled(self.state, found)
        return self._pushed(uri, row, self._here(uri, row, found))

    def _place(self, host: str, region: str) -> str | None:
        """The region of our registry that is called so; None for another's."""
        if named := HOST.fullmatch(host):
            return named["region"] if named["account"] == self.state.account else None
        name, _, port = host.rpartition(":")
        near = name in LOCAL or self.config.host not in LOCAL
        return region if near and port == str(self.port()) else None

    def _check(self, role_arn: str, region: str, row: sqlite3.Row) -> None:
        try:
            caller = self.assume(role_arn)
        except KeyError:
            raise AccessDenied(f"The role {role_arn} does not exist any more") from None
        resource = state.arn_of(region, self.state.account, row["name"])
        for action in ACTIONS:
            asked = state.asking(self.state.store.read(), action, resource, row, region)
            self.authority.allow(caller, asked, caller.context)

    def _here(self, uri: str, row: sqlite3.Row, found: sqlite3.Row) -> sqlite3.Row:
        """The image for this machine, where what was found is a list. Raises AWSError."""
        if found["media"] not in LISTS:
            return found
        wanted, offered = _architecture(), []
        for each in orjson.loads(found["manifest"])["manifests"]:
            described = each.get("platform") or {}
            if (described.get("os"), described.get("architecture")) == ("linux", wanted):
                single = image.find(self.state.store.read(), row["id"], digest=each["digest"])
                if single is not None:
                    return self._here(uri, row, single)
            offered.append(f"{described.get('os')}/{described.get('architecture')}")
        raise _elsewhere(uri, offered)

    def _pushed(self, uri: str, row: sqlite3.Row, found: sqlite3.Row) -> Pushed:
        manifest = orjson.loads(found["manifest"])
        config = self._layer(uri, row, manifest["config"])
        document: Any = None
        with suppress(OSError, ValueError):
            document = orjson.loads(config.path.read_bytes()) if config.size <= LARGEST else None
        if not isinstance(document, dict):
            raise AWSError("ValidationException", f"The image {uri} has no configuration that can be read.", 400)
        made = document.get("os", "linux"), document.get("architecture", _architecture())
        if made != ("linux", _architecture()):
            raise _elsewhere(uri, ["/".join(map(str, made))])
        layers = tuple(self._layer(uri, row, each) for each in manifest["layers"])
        return Pushed(uri, found["digest"], document, layers)

    def _layer(self, uri: str, row: sqlite3.Row, described: dict[str, Any]) -> Layer:
        found = layer.find(self.state.store.read(), row, described["digest"])
        if found is None:
            raise AWSError("ValidationException", f"The image {uri} lacks the layer {described['digest']}.", 400)
        path = Path(self.state.blobs.path(found["blob"]))
        return Layer(described["digest"], described["mediaType"], found["size"], path)


def _architecture() -> str:
    return ARCHITECTURES.get(machine.machine(), machine.machine())


def _elsewhere(uri: str, offered: list[str]) -> AWSError:
    said = f"The image {uri} is for {', '.join(offered) or 'no platform'}, and this machine needs"
    return AWSError("ValidationException", f"{said} linux/{_architecture()}.", 400)
