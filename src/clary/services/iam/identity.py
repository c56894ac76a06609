"""The account of a home: made at first start, opened at every other."""

import dataclasses
import json
import os
import random
import re
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from clary.config import Config
from clary.errors import ClaryError, ConfigError
from clary.services.iam import managed, names
from clary.services.iam.authority import Judge
from clary.services.iam.credentials import Credentials, Session, Vault, seal, secret
from clary.services.iam.directory import SQL, Directory
from clary.store.db import Reader, Store

ROLE: Final = "AmazonSageMaker-ExecutionRole"
ROLE_PATH: Final = "/service-role/"
HOURS_12: Final = 12 * 3600
# Who may use the default role: everybody in the account, and the services that the platform consists of.
TRUSTED: Final = (
    *("sagemaker", "glue", "redshift", "redshift-serverless", "cloudformation", "ec2", "lambda", "athena"),
    *("apigateway", "elasticmapreduce", "events", "scheduler", "states", "application-autoscaling", "logs", "firehose"),
)
# What the walkthroughs do beside SageMaker itself.
USED: Final = (
    *("s3", "iam", "sts", "ecr", "logs", "cloudwatch", "events", "cloudformation", "ec2", "kms", "ssm", "tag"),
    *("redshift", "redshift-data", "redshift-serverless", "secretsmanager", "glue", "lakeformation", "athena"),
    *("elasticmapreduce", "dynamodb", "apigateway", "execute-api", "lambda", "application-autoscaling", "sagemaker"),
    *("sns", "sqs", "states", "servicecatalog", "scheduler"),
)


@dataclass(slots=True)
class Identity:
    """What app.py hands to the gateway and the services."""

    config: Config  # with the account
    directory: Directory
    credentials: Vault
    authority: Judge
    clock: Callable[[], float]

    def session(self, role_arn: str, name: str, seconds: int = 3600) -> Credentials:
        """Credentials of a role for what the platform itself runs under it (a job): whoever passed the role was asked
        then. Raises KeyError if there is no such role any more.
        """
        role = self.directory.principal(role_arn)
        if role is None:
            raise KeyError(role_arn)
        now = self.clock()
        return self.credentials.mint(Session("role", role.entity.id, now, now + seconds, name))


def bootstrap(store: Store, config: Config, clock: Callable[[], float] = time.time) -> Identity:
    """Opens the home's account, or makes it: its number, the root's access key, the default execution role.

    Raises ConfigError if the home belongs to another account than the config says, or its key is gone.
    """
    row = store.read().execute(SQL["fact"], ("account",)).fetchone()
    account = row["value"] if row else config.account_id or f"{random.SystemRandom().randrange(10**11, 10**12)}"
    if config.account_id not in {"", account}:
        raise ConfigError(f"account_id: this home belongs to account {account}, not {config.account_id}")
    directory = Directory(store, account)
    vault = Vault(directory, _home_key(config.home, new=row is None))
    if row is None:
        directory.change(lambda connection: _found(connection, account, clock()))
    (root,) = store.read().execute(SQL["keys"], (None,)).fetchmany(1)
    keys = {"AccessKeyId": root["id"], "SecretAccessKey": vault.secret(root["id"])}
    _private(config.home / "root.json", json.dumps({**keys, "Account": account}, indent=4).encode())
    config = dataclasses.replace(config, account_id=account)
    return Identity(config, directory, vault, Judge(directory, clock), clock)


def reading(reader: Reader, config: Config, clock: Callable[[], float] = time.time) -> Identity:
    """The home's account for another process of ours: nothing is written, and `directory.forget` is to be called when
    the state has changed. Raises ConfigError if the home has no account yet.
    """
    row = reader.read().execute(SQL["fact"], ("account",)).fetchone()
    if row is None:
        raise ConfigError(f"{config.home} has no account yet")
    directory = Directory(reader, row["value"])
    vault = Vault(directory, _home_key(config.home, new=False))
    return Identity(
        dataclasses.replace(config, account_id=row["value"]), directory, vault, Judge(directory, clock), clock
    )


def environment(home: Path, name: str, duration: int = HOURS_12) -> dict[str, str]:
    """Fresh credentials of the default execution role, in a session of this name: what `clary env` gives out.

    {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration" (ISO 8601), "Account", "RoleArn"}. Needs no running
    server and writes nothing. Raises ClaryError if the home has no account yet, or the role was deleted.
    """
    try:
        key = (home / "secret.key").read_bytes()
        connection = sqlite3.connect(f"file:{home / 'state.db'}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            fact = connection.execute(SQL["fact"], ("account",)).fetchone()
            role = connection.execute(SQL["entity_by_name"], ("role", ROLE)).fetchone()
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        raise ClaryError(f"{home} has no account yet: start it with `clary up`") from error
    if fact is None or role is None:
        raise ClaryError(f"{home} has no role {ROLE}")
    now = time.time()
    access_key = names.access_key_id("ASIA", fact["value"])
    name = re.sub(r"[^\w+=,.@-]", "-", name, flags=re.ASCII)[:64]
    token = seal(key, access_key, Session("role", role["id"], now, now + duration, name))
    return {
        "AccessKeyId": access_key,
        "SecretAccessKey": secret(key, access_key, token),
        "SessionToken": token,
        "Expiration": datetime.fromtimestamp(now + duration, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Account": fact["value"],
        "RoleArn": role["arn"],
    }


def _found(connection: sqlite3.Connection, account: str, now: float) -> None:
    connection.execute(SQL["fact_put"], ("account", account))
    connection.execute(SQL["key_add"], (names.access_key_id("AKIA", account), None, now))
    services = [f"{name}.amazonaws.com" for name in TRUSTED]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"},
            {
                "Effect": "Allow",
                "Principal": {"AWS": names.root_arn(account)},
                "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
            },
        ],
    }
    document = {
        "AssumeRolePolicyDocument": json.dumps(trust),
        "Description": "SageMaker execution role, made at Clary's first start",
        "MaxSessionDuration": HOURS_12,
    }
    role = {
        "id": names.unique_id("role"),
        "kind": "role",
        "name": ROLE,
        "path": ROLE_PATH,
        "arn": names.arn(account, "role", ROLE_PATH, ROLE),
        "boundary": None,
        "document": json.dumps(document),
        "created": now,
    }
    connection.execute(SQL["entity_add"], role)
    connection.execute(SQL["attach"], (role["id"], f"{managed.PREFIX}/AmazonSageMakerFullAccess"))
    grant = {"Effect": "Allow", "Action": [f"{name}:*" for name in USED], "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [grant]})
    connection.execute(SQL["inline_put"], (role["id"], "Walkthroughs", text))


def _home_key(home: Path, *, new: bool) -> bytes:
    path = home / "secret.key"
    if not path.exists():
        if not new:
            raise ConfigError(f"{path} is gone, and with it every access key's secret: put it back from your backup")
        _private(path, os.urandom(32))
    return path.read_bytes()


def _private(path: Path, content: bytes) -> None:
    """Writes a file for its owner only, whole or not at all, and on the disk when this returns."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
