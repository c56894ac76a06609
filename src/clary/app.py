"""The composition root: everything is built here, in order. Read it first."""

import errno
import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from clary.compute.drivers import open_driver
from clary.config import Config
from clary.errors import ConfigError, PortInUse
from clary.gateway.access import AccessLog
from clary.gateway.app import Gateway
from clary.gateway.ca import CA
from clary.gateway.dataplane import DataPlane
from clary.gateway.http import Server
from clary.gateway.transparent import proxy
from clary.images.pull import Images
from clary.jobs import ml
from clary.jobs.recipe import Job
from clary.jobs.states import ENDED
from clary.jobs.worker import Worker
from clary.resource import crud
from clary.resource.bus import Bus
from clary.resource.call import Caller, Platform
from clary.services import (
    application_autoscaling,
    cloudwatch,
    ecr,
    glue,
    iam,
    logs,
    s3,
    sagemaker,
    sagemaker_metrics,
    sagemaker_runtime,
    sts,
)
from clary.services.cloudwatch.metrics import Metrics
from clary.services.iam import container
from clary.services.s3 import checksums
from clary.services.s3.inside import Inside
from clary.services.s3.webhdfs.door import Door
from clary.services.s3.webhdfs.tokens import Tokens
from clary.store.db import Store
from clary.store.journal import Journal

log = logging.getLogger(__name__)

SCHEMAS = tuple(
    f"clary.services.{name}"
    for name in (
        *("iam", "s3", "s3.settings", "ecr", "cloudwatch"),
        *("sagemaker", "sagemaker_runtime", "application_autoscaling", "glue", "glue.catalog", "glue.crawler"),
    )
)
LOCAL = ("127.0.0.1", "localhost", "0.0.0.0", "::", "::1")  # noqa: S104 - compared with, not bound to
HOUSEKEEPING = 60.0  # seconds between two rounds of it
BACKLOG = 1024  # connections that may wait to be accepted; the system may have a lower limit


class App:
    """Clary on one home, whose lock the caller holds: built by the constructor, running inside `serve`."""

    def __init__(self, config: Config) -> None:
        """Raises PortInUse and ConfigError."""
        self.listener = listen(config.host, config.port)
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
        config = platform.config
        journal, metrics = Journal(home / "logs-data", config.region), Metrics(platform)
        find = self.identity.credentials.find
        tokens = Tokens(
            find,
            partial(container.caller, self.identity, self._runs),
            partial(self.identity.credentials.secret, "webhdfs"),
            platform.clock,
        )
        authority = self.identity.authority
        objects = s3.build(platform, find, ecr.BLOBS, files=lambda state: Door(platform, state, tokens, authority).raw)
        registry = ecr.build(platform, objects.state.blobs, find, partial(self.identity.credentials.secret, "ecr"))
        self.registry = ecr.Inside(registry.state, config, authority, self._assume, lambda: self.port)
        tools = sagemaker.Tools(
            images=Images(config, self.registry),
            objects=Inside(objects.state, authority, self._assume),
            metrics=metrics,
            where=self._where,
        )
        nouns = sagemaker.build(platform, tools)
        runtime = sagemaker_runtime.build(platform, nouns.state.hosting, tools.objects, metrics)
        scaling = application_autoscaling.build(platform, nouns.state.hosting, metrics)
        spark = glue.build(platform, tools, self.identity.directory.role_arn, self._assume, journal)
        services = [
            objects,
            registry,
            iam.build(platform, self.identity, self._runs),
            sts.build(platform, self.identity),
            nouns,
            runtime,
            sagemaker_metrics.build(nouns.state),
            logs.build(platform, journal),
            cloudwatch.build(platform, metrics),
            scaling,
            spark,
        ]
        recipes = {**sagemaker.recipes(nouns, tools, self.store), **glue.recipes(spark)}
        self.worker = Worker(self.store, open_driver(config), recipes, journal, config)
        platform.wake = self.worker.wake
        self.dataplane = DataPlane(config, self._serving)
        self.hosting, self.runtime, self.schedule = nouns.state.hosting, runtime.state, scaling.state.clock
        self.glue = spark.state
        self.hosting.needed = self.dataplane.need
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
        warming = threading.Thread(target=self._warm_up, name="warm-up", daemon=True)

        def begun() -> None:
            ready()
            self.worker.start()
            self.dataplane.start()
            self.hosting.start()
            self.runtime.start()
            self.schedule.start()
            self.glue.start()
            warming.start()

        server = Server(self.gateway, self.listener, proxying, begun, self.gateway.housekeeping(HOUSEKEEPING))
        try:
            server.serve_forever()
        finally:
            if warming.is_alive():
                warming.join()  # Python, if it ended meanwhile, would break off its foreign code, which aborts then
            self.hosting.close()
            self.runtime.close()
            self.dataplane.close()
            self.worker.close()
            self.gateway.close()
            self.store.close()

    def _warm_up(self) -> None:
        """What the first who need it would wait for, and no start should."""
        try:
            self.ca.prepare()
        except Exception:  # whoever needs it tries again, and is told
            log.exception("the authority of the proxy cannot be made")
        checksums.crt()
        self.gateway.warm_up()

    def _where(self, job: Job) -> ml.Where:
        """How a job's containers reach this platform, as its role."""
        config, document = self.identity.config, job.document
        host = "127.0.0.1" if config.host in LOCAL else config.host
        endpoint = f"http://{host}:{self.port}"
        network = document.get("NetworkConfig", document)  # a processing job's
        isolated = network.get("EnableNetworkIsolation", False)
        self.ca.prepare()
        return ml.Where(
            home=config.home,
            region=job.arn.split(":")[3],
            endpoint=endpoint,
            bundle=self.ca.bundle,
            # https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html
            credentials="" if isolated else endpoint + container.PATH,
            token="" if isolated else container.token(self.identity, job.arn, document["RoleArn"]),
        )

    def _serving(self, port: int) -> socket.socket:
        """The socket that endpoints are invoked at. Raises PortInUse and ConfigError."""
        config = self.identity.config
        if port or config.serving_port:
            return listen(config.host, port or config.serving_port)
        with suppress(PortInUse, ConfigError):
            return listen(config.host, self.port + 1 if config.port else 0)
        return listen(config.host, 0)

    def _assume(self, role_arn: str) -> Caller:
        """The session in which the platform works for a job. Raises KeyError if the role is gone."""
        return self.identity.session(role_arn, container.SESSION).caller

    def _runs(self, arn: str) -> bool:
        job = self.store.read().execute(crud.SQL["job_find"], {"arn": arn}).fetchone()
        return job is not None and job["state"] not in ENDED


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens: whoever holds it owns the port. (Bound alone it would not: SO_REUSEADDR lets two sockets
    be bound to one port while neither listens.) Raises PortInUse and ConfigError.
    """
    with ExitStack() as failing:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listener = failing.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except socket.gaierror as error:
            raise ConfigError(f"host: {host!r} is no address of this machine ({error.strerror})") from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(f"port {port} of {host} is already in use", port) from error
            raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        failing.pop_all()
    return listener


def _folders(home: Path) -> Path:
    """The home and its folders, for their owner only."""
    for folder in (home, home / "logs", home / "tls"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home
