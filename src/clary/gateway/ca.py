"""The certificate authority of this home: it lets the proxy answer for AWS's hosts, and for no other.

Its key never leaves the home, and its certificate is limited to AWS's domain, so that trusting it risks nothing else.
"""

import os
import ssl
import tempfile
import threading
import time
from collections import OrderedDict
from pathlib import Path

import botocore

DOMAINS = ("amazonaws.com",)
DAY = 86400.0
LEAF_USE = 30 * DAY  # then a new one is made, well before its 90 days are over
HOSTS = 512  # contexts in memory at most

# Where systems keep the authorities that they trust, in one file each.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class CA:
    """`certificate` is the authority's own (PEM); `bundle` has it and those that the system trusts, for clients that
    take one file for everything: AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, SSL_CERT_FILE. There is a bundle once all is there.
    """

    def __init__(self, folder: Path) -> None:
        """A folder without an authority that still holds has no bundle either, until `prepare`."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.certificate = folder / "ca.pem"
        self.bundle = folder / "bundle.pem"
        self._key = folder / "ca.key"
        self._contexts: OrderedDict[str, tuple[float, ssl.SSLContext]] = OrderedDict()
        self._lock = threading.Lock()
        self._made = self._holds()
        if self._made:
            self._gather()
        else:
            self.bundle.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Makes what is not there: 0.1 s, most of it to load what makes certificates. Whoever comes meanwhile waits."""
        with self._lock:
            if not self._made:
                self._make()
                self._gather()
                self._made = True

    def context(self, host: str) -> ssl.SSLContext:
        """For a server that is `host`, a name in lower case within DOMAINS. The first for a host takes some ms."""
        self.prepare()
        with self._lock:
            made, context = self._contexts.get(host, (0.0, None))
            if context is None or time.time() - made > LEAF_USE:
                context = self._make_context(host)
                self._contexts[host] = time.time(), context
            self._contexts.move_to_end(host)
            if len(self._contexts) > HOSTS:
                self._contexts.popitem(last=False)
            return context

    def _make_context(self, host: str) -> ssl.SSLContext:
        from clary.gateway import certificate  # noqa: PLC0415 - heavy, and only the proxy needs it

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # ssl reads certificates from files only; this one is its owner's alone.
        with tempfile.NamedTemporaryFile(dir=self._key.parent, prefix="leaf-") as file:
            file.write(certificate.leaf(self._key.read_bytes(), self.certificate.read_bytes(), host))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _holds(self) -> bool:
        """Whether there is a key with its certificate, and that for a while yet."""
        if not (self._key.exists() and self.certificate.exists()):
            return False
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self._key)
        except ssl.SSLError:  # a start that was interrupted between the two files
            return False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.certificate)
        end = context.get_ca_certs()[0]["notAfter"]
        assert isinstance(end, str)
        return ssl.cert_time_to_seconds(end) > time.time() + 90 * DAY

    def _gather(self) -> None:
        content = self.certificate.read_bytes() + _trusted(self.bundle)
        if not self.bundle.exists() or self.bundle.read_bytes() != content:
            _replace(self.bundle, content, 0o644)

    def _make(self) -> None:
        from clary.gateway import certificate  # noqa: PLC0415 - heavy, and needed once

        key, own = certificate.authority(DOMAINS)
        _replace(self._key, key, 0o600)
        _replace(self.certificate, own, 0o644)


def _trusted(bundle: Path) -> bytes:
    """The authorities that this machine trusts; those that botocore ships where it keeps none in a file."""
    configured = ssl.get_default_verify_paths().cafile
    for name in (configured, *SYSTEM_BUNDLES, Path(botocore.__file__).with_name("cacert.pem")):
        if name and Path(name).is_file() and not (bundle.exists() and bundle.samefile(name)):
            return Path(name).read_bytes()
    raise FileNotFoundError("botocore's cacert.pem")


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Writes a file whole or not at all, and never with more rights than `mode`."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(handle, mode)
        os.fsync(handle)
    Path(name).replace(path)
