"""The composition root of the data plane: `python -m clary.plane HOME`, a process beside `clary up` (serving/)."""

import logging
import os
import resource
import sys
from pathlib import Path

from clary.config import Config
from clary.errors import ClaryError, ConfigError
from clary.resource import tags
from clary.services.iam import identity
from clary.serving import process
from clary.serving.app import Account, Plane
from clary.store.db import Reader


def main(home: Path) -> None:
    """Answers until SIGINT or SIGTERM. Raises ClaryError."""
    os.umask(0o077)
    config = Config.load(home=home)
    logging.basicConfig(level=config.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if not (config.home / "secret.key").exists():
        raise ConfigError(f"{config.home} has no account yet: start it with `clary up`")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each client takes a file, each container several
    process.acquire(config.home / "serving")
    bound = process.listener(config.host, config.serving_port)
    process.run(lambda: build(config), bound)


def build(config: Config) -> Plane:
    reader = Reader(config.home / "state.db")
    who = identity.reading(reader, config)

    def forget() -> None:
        who.directory.forget()
        who.authority.used.clear()  # main notes those; what came in here is not written down

    account = Account(
        id=who.config.account_id,
        find=who.credentials.find,
        allow=who.authority.allow,
        tags=lambda arn: tags.read(reader.read(), arn),
        forget=forget,
    )
    return Plane(who.config, reader, account)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except ClaryError as error:
        sys.exit(f"clary: {error.message}")
