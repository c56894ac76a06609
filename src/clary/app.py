"""The composition root: everything is built here, in order. Read it first."""

import errno
import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from clary.config import Config
from clary.errors import ConfigError, PortInUse
from clary.gateway.access import AccessLog
from clary.gateway.app import Gateway
from clary.gateway.ca import CA
from clary.gateway.http import Server
from clary.gateway.transparent import proxy
from clary.resource.bus import Bus
from clary.resource.call import Platform
from clary.services import iam, s3, sagemaker, sts
from clary.store.db import Store

log = logging.getLogger(__name__)

SCHEMAS = ("clary.services.iam", "clary.services.s3", "clary.services.s3.settings")
HOUSEKEEPING = 60.0  # seconds between two rounds of it
BACKLOG = 1024  # connections that may wait to be accepted; the system may have a lower limit


class App:
    """Clary on one home, whose lock the caller holds: built by the constructor, running inside `serve`."""

    def __init__(self, config: Config) -> None:
        """Raises PortInUse and ConfigError."""
        self.listener = listen(config)
        home = _folders(config.home)
        self.store = Store(home / "state.db", schemas=SCHEMAS)
        self.identity = iam.bootstrap(self.store, config)
        platform = Platform(
            config=self.identity.config,  # now with the account
            store=self.store,
            bus=Bus(),
            clock=time.time,
            authority=self.identity.authority,
        )
        services = [
            s3.build(platform, self.identity.credentials.find),
            iam.build(platform, self.identity),
            sts.build(platform, self.identity),
            sagemaker.build(platform),
        ]
        access = AccessLog(home / "logs" / "access.log" if config.access_log else None)
        self.gateway = Gateway(platform, services, self.identity.credentials.find, access)
        self.ca = CA(home / "tls")

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Answers until SIGINT or SIGTERM; `ready` is called when the first request can come."""
        proxying = proxy(self.ca, self.gateway.platform.config, self.listener.getsockname()[0])

        def begun() -> None:
            ready()
            threading.Thread(target=self.gateway.warm_up, name="warm-up", daemon=True).start()

        server = Server(self.gateway, self.listener, proxying, begun, self.gateway.housekeeping(HOUSEKEEPING))
        try:
            server.serve_forever()
        finally:
            self.gateway.close()
            self.store.close()


def listen(config: Config) -> socket.socket:
    """The gateway's socket, listening: whoever holds it owns the port. (Bound alone it would not: SO_REUSEADDR lets
    two sockets be bound to one port while neither listens.)
    """
    with ExitStack() as failing:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[
                0
            ]
            listener = failing.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except socket.gaierror as error:
            raise ConfigError(f"host: {config.host!r} is no address of this machine ({error.strerror})") from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(f"port {config.port} of {config.host} is already in use") from error
            raise ConfigError(f"cannot listen on {config.host}:{config.port}: {error.strerror}") from error
        failing.pop_all()
    return listener


def _folders(home: Path) -> Path:
    """The home and its folders, for their owner only."""
    for folder in (home, home / "logs", home / "tls"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home
