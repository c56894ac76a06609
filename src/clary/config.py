"""Every setting: name, type, default, one sentence.

A setting comes from, in this order: the command line, the environment (`CLARY_<NAME>`), `config.toml` in the home, the
default below.
"""

import dataclasses
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from clary.errors import ConfigError

MiB = 1 << 20


def setting(default: Any, sentence: str, pattern: str = "") -> Any:
    return dataclasses.field(default=default, metadata={"sentence": sentence, "pattern": pattern})


@dataclasses.dataclass(frozen=True, slots=True)
class Config:
    home: Path = setting(Path("~/.clary"), "The folder that holds everything: state, objects, keys, logs.")
    host: str = setting("127.0.0.1", "The address to listen on; anything but loopback lets other machines in.")
    port: int = setting(4510, "The port of the gateway, which answers for every service; 0 takes a free one.")
    serving_port: int = setting(
        0, "The port that endpoints are invoked at; 0 takes the one after `port`, or a free one where that is taken."
    )
    serving_timeout: float = setting(
        60.0, "How many seconds a model's container may take to answer an invocation; AWS has 60."
    )
    serving_body_limit: int = setting(
        6 * MiB, "The largest body of an invocation and of its answer, in bytes; AWS has 6 MiB."
    )
    serverless_idle: float = setting(
        300.0, "How many seconds a serverless variant keeps its container after the last invocation."
    )
    harvest: float = setting(
        5.0, "How many seconds apart what endpoints have measured and captured is taken to CloudWatch and S3."
    )
    account_id: str = setting("", "The AWS account's 12 digits; made at first start if empty.", r"(\d{12})?")
    region: str = setting("us-west-2", "The region that `clary env` gives out.", r"[a-z]{2}(-[a-z]+)+-\d")
    body_limit: int = setting(64 * MiB, "The largest request body in bytes, but for streamed ones such as S3 objects.")
    clock_skew: int = setting(900, "How many seconds a request's signature may be off; AWS has 900.")
    proxy_other: str = setting(
        "tunnel", "What the CONNECT proxy does with hosts that are not AWS: tunnel or refuse.", "tunnel|refuse"
    )
    proxy_peers: str = setting(
        "loopback", "Whom the CONNECT proxy serves: loopback, the programs of this machine; or any.", "loopback|any"
    )
    threads: int = setting(64, "How many requests that write or wait are carried out at once.")
    oversubscribe: float = setting(
        4.0,
        "How many times over the machine's cores and memory are given out to jobs, which seldom use all they ask for.",
    )
    glue_workers: int = setting(
        0,
        "How many instances a Spark run of Glue has at most; 0: as many of its workers as there are processors for.",
        r"\d+",
    )
    access_log: bool = setting(True, "Whether each request is a line in logs/access.log.")
    log_level: str = setting("INFO", "DEBUG, INFO, WARNING or ERROR.", "DEBUG|INFO|WARNING|ERROR")
    driver: str = setting(
        "sandbox",
        "Where jobs run: sandbox; container, of an engine (dockerd or podman); or null, which isolates nothing.",
        "sandbox|container|null",
    )
    engine: str = setting(
        "", "Where the container engine listens (unix:///run/podman/podman.sock); the usual places if empty."
    )
    spark_drivers: int = setting(
        0,
        "How many Spark drivers wait for Glue runs of one G.1X instance, each taking about 650 MB of memory; the "
        "sandbox alone has them.",
        r"\d+",
    )
    images_home: str = setting(
        "", "The folder with the environments of images, which homes may share; HOME/images if empty."
    )
    pythons: str = setting("", "Folders with Pythons for images, ':' between them, before PATH's and uv's.")

    @classmethod
    def load(cls, **given: Any) -> "Config":
        """`given` holds what the command line says; None there means not said. Raises ConfigError."""
        said = {name: value for name, value in given.items() if value is not None}
        home = Path(said.get("home") or os.environ.get("CLARY_HOME") or "~/.clary").expanduser().absolute()
        values: dict[str, Any] = {**_file(home / "config.toml"), **_environment(), **said, "home": home}
        fields = {field.name: field for field in dataclasses.fields(cls)}
        if unknown := sorted(values.keys() - fields.keys()):
            known = ", ".join(sorted(fields))
            raise ConfigError(f"{home / 'config.toml'}: there is no setting {', '.join(unknown)}; there are {known}")
        return cls(**{name: _convert(fields[name], value) for name, value in values.items()})


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, OSError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _environment() -> dict[str, str]:
    names = {f"CLARY_{field.name.upper()}": field.name for field in dataclasses.fields(Config)}
    return {name: os.environ[key] for key, name in names.items() if os.environ.get(key)}


def _convert(field: "dataclasses.Field[Any]", value: Any) -> Any:
    kind: type[Any] = type(field.default)
    if kind is bool and isinstance(value, str):
        words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if value.lower() not in words:
            raise ConfigError(f"{field.name}: {value!r} is neither true nor false")
        return words[value.lower()]
    try:
        result = kind(value)
    except ValueError as error:
        raise ConfigError(f"{field.name}: {value!r} is no {kind.__name__}") from error
    pattern = field.metadata["pattern"]
    if pattern and not re.fullmatch(pattern, str(result)):
        raise ConfigError(f"{field.name}: {value!r} does not match {pattern}")
    return result
