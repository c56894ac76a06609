"""The drivers there are, by the name that the setting `driver` has for them."""

from clary.compute.driver import Driver
from clary.compute.null import Null
from clary.config import Config
from clary.errors import ConfigError


def open_driver(config: Config) -> Driver:
    """Raises ClaryError, with what to do, where the one that is set cannot work."""
    if config.driver == "null":
        return Null(config.home)
    if config.driver == "sandbox":
        from clary.compute.sandbox import Sandbox  # noqa: PLC0415 - its bubblewrap is there on Linux alone

        return Sandbox(config.home)
    raise ConfigError(f"driver: there is no {config.driver!r}")
