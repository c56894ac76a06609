"""`clary env`: the variables that lead unchanged AWS clients to Clary.

AWS_ENDPOINT_URL alone is not enough: both SageMaker SDKs hard-code their STS endpoint (plugin/clary_endpoint.py), ask
the internet for telemetry, and look for an instance's metadata service.
"""

import json as json_
import os
import pwd
import shlex
from pathlib import Path

from clary import plugin
from clary.cli import say
from clary.cli.home import Home, Running
from clary.config import Config
from clary.errors import ClaryError
from clary.services.iam.identity import environment

PLUGIN = "clary=clary_endpoint"

# SDK 2 and 3 read this as an administrator's file, before the user's own, which may say otherwise.
# https://sagemaker.readthedocs.io/en/stable/overview.html#configuring-and-using-defaults-with-the-sagemaker-python-sdk
SDK_DEFAULTS = """\
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""


def show(home: Home, *, json: bool) -> None:
    """Prints them. Raises ClaryError if Clary isn't running on this home."""
    running = home.running()
    if running is None:
        raise ClaryError(
            f"Clary is not running on {home}: start it with `{home.command('up --detach')}`, then ask again"
        )
    found = variables(home, running)
    if json:
        say.line(json_.dumps(found, indent=2))
        return
    for name, value in found.items():
        say.line(f"export {name}={shlex.quote(value)}")


def variables(home: Home, running: Running) -> dict[str, str]:
    """Name and value; lists that the caller's environment holds already are kept, once."""
    config = Config.load(home=home.path)
    return {
        "CLARY_HOME": str(home.path),
        "AWS_ENDPOINT_URL": running.url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": running.serving_url,
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
        **_credentials(home.path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # else StartLiveTail goes to stream-127.0.0.1
        "AWS_ALLOW_HTTP": "true",  # Rust's object_store (obstore, polars, delta-rs) refuses http:// without it
        "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(_sdk_defaults(home)),
        "BOTOCORE_EXPERIMENTAL__PLUGINS": _with("BOTOCORE_EXPERIMENTAL__PLUGINS", ",", PLUGIN),
        "PYTHONPATH": _with("PYTHONPATH", os.pathsep, plugin.__path__[0]),
    }


def _credentials(home: Path) -> dict[str, str]:
    made = environment(home, _user())
    return {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        "AWS_SESSION_TOKEN": made["SessionToken"],
        "AWS_CREDENTIAL_EXPIRATION": made["Expiration"],
    }


def _user() -> str:
    """The session's name: who asked, as the access log will show it."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user without a line in passwd
        return f"uid-{os.geteuid()}"


def _with(variable: str, separator: str, item: str) -> str:
    others = (part for part in os.environ.get(variable, "").split(separator) if part not in {"", "DISABLED", item})
    return separator.join([item, *others])


def _sdk_defaults(home: Home) -> Path:
    path = home.path / "sagemaker-sdk.yaml"
    if not path.exists() or path.read_text() != SDK_DEFAULTS:
        path.write_text(SDK_DEFAULTS)
    return path
