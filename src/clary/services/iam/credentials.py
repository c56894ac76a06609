"""Access keys: from an id to the secret and the caller, without a look at the disk for keys in use.

No secret is stored. The home holds one random key (`secret.key`, 0600), and a permanent key's secret is the HMAC of its
id under it. Temporary credentials describe themselves: the session token holds who, for whom and until when, and the
HMAC of that; their secret is the HMAC of the token. So minting writes nothing, a restart loses nothing, and a copy of
the database alone lets nobody in. Whoever can read the home's key is root anyway.
"""

import base64
import hmac
import json
import zlib
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Final, Literal

from clary.errors import ExpiredToken, InvalidToken
from clary.resource.call import Caller
from clary.services.iam import names
from clary.services.iam.directory import SQL, Directory, Principal

KEPT: Final = 4096  # credentials in memory; beyond that it begins anew


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a signature is checked against. `token` and `expires` (seconds since the epoch) are empty for permanent
    keys.
    """

    access_key: str
    secret: str
    caller: Caller
    token: str = ""
    expires: float = 0.0
    issued: float = 0.0

    def check(self, token: str | None, now: float) -> None:
        """Raises InvalidToken or ExpiredToken."""
        if (token or "") != self.token:
            raise InvalidToken
        if self.expires and now >= self.expires:
            raise ExpiredToken


@dataclass(frozen=True, slots=True)
class Session:
    """What a session token says."""

    kind: Literal["role", "user", "federated", "root"]
    id: str  # of the role or user behind it; the account for root
    issued: float
    expires: float
    name: str = ""  # of the session
    policies: list[str] = field(default_factory=list)  # JSON texts and ARNs
    tags: dict[str, str] = field(default_factory=dict)
    transitive: list[str] = field(default_factory=list)
    source: str = ""  # SourceIdentity


class Vault:
    """Makes and finds credentials of one account."""

    def __init__(self, directory: Directory, key: bytes) -> None:
        self._directory = directory
        self._key = key
        self._kept: dict[str, Credentials] = {}
        self._generation = 0

    def secret(self, access_key: str, token: str = "") -> str:
        return secret(self._key, access_key, token)

    def find(self, access_key: str, token: str | None = None) -> Credentials | None:
        """The credentials of a key that may be used; None if there is no such key, or it does not fit the token.

        They may have expired: `check` tells.
        """
        generation = self._directory.generation
        if self._generation != generation:
            self._kept = {}
            self._generation = generation
        kept = self._kept
        known = kept.get(access_key)
        if known is not None and known.token == (token or ""):
            return known
        found = self._temporary(access_key, token) if token else self._permanent(access_key)
        if found is not None:
            if len(kept) >= KEPT:
                kept.clear()
            kept[access_key] = found
        return found

    def mint(self, session: Session) -> Credentials:
        """New temporary credentials. The role or user must exist."""
        access_key = names.access_key_id("ASIA", self._directory.account)
        token = seal(self._key, access_key, session)
        made = self._temporary(access_key, token)
        assert made is not None
        return made

    def _permanent(self, access_key: str) -> Credentials | None:
        row = self._directory.store.read().execute(SQL["key"], (access_key,)).fetchone()
        if row is None or row["status"] != "Active":
            return None
        caller = self._root(access_key)
        if row["entity"] is not None:
            principal = self._directory.by_id(row["entity"])
            assert principal is not None
            caller = self._user(principal, access_key)
        return Credentials(access_key, self.secret(access_key), caller)

    def _temporary(self, access_key: str, token: str) -> Credentials | None:
        session = unseal(self._key, access_key, token)
        if session is None:
            return None
        caller: Caller | None = None
        if session.kind == "root":
            caller = self._root(access_key, session)
        elif principal := self._directory.by_id(session.id):
            caller = self._behind(principal, access_key, session)
        if caller is None:
            return None  # the role or user is gone, and its sessions with it
        return Credentials(access_key, self.secret(access_key, token), caller, token, session.expires, session.issued)

    def _behind(self, principal: Principal, access_key: str, session: Session) -> Caller:
        if session.kind == "role":
            return self._role(principal, access_key, session)
        if session.kind == "federated":
            return self._federated(principal, access_key, session)
        return self._user(principal, access_key, session)

    def _root(self, access_key: str, session: Session | None = None) -> Caller:
        account = self._directory.account
        arn = names.root_arn(account)
        context = self._context(arn, account, "Account", {}, session)
        return Caller("root", account, arn, account, arn, access_key, (), context)

    def _user(self, user: Principal, access_key: str, session: Session | None = None) -> Caller:
        entity = user.entity
        context = self._context(entity.arn, entity.id, "User", user.tags, session)
        context["aws:username"] = [entity.name]
        return Caller("user", self._directory.account, entity.arn, entity.id, entity.arn, access_key, (), context)

    def _role(self, role: Principal, access_key: str, session: Session) -> Caller:
        entity, account = role.entity, self._directory.account
        user_id = f"{entity.id}:{session.name}"
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html: session tags override the role's
        context = self._context(entity.arn, user_id, "AssumedRole", {**role.tags, **session.tags}, session)
        arn = names.session_arn(account, entity.name, session.name)
        policies = tuple(session.policies)
        return Caller("assumed-role", account, arn, user_id, entity.arn, access_key, policies, context)

    def _federated(self, user: Principal, access_key: str, session: Session) -> Caller:
        account = self._directory.account
        user_id = f"{account}:{session.name}"
        arn = f"arn:aws:sts::{account}:federated-user/{session.name}"
        context = self._context(arn, user_id, "FederatedUser", session.tags, session)
        policies = tuple(session.policies)
        return Caller("federated-user", account, arn, user_id, user.entity.arn, access_key, policies, context)

    def _context(
        self, arn: str, user_id: str, kind: str, tags: dict[str, str], session: Session | None
    ) -> dict[str, list[str]]:
        """The keys that say who asks.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
        """
        context = {
            "aws:PrincipalArn": [arn],
            "aws:PrincipalAccount": [self._directory.account],
            "aws:PrincipalType": [kind],
            "aws:PrincipalIsAWSService": ["false"],
            "aws:ViaAWSService": ["false"],
            "aws:userid": [user_id],
            **{f"aws:PrincipalTag/{key}": [value] for key, value in tags.items()},
        }
        if session is not None:
            context["aws:TokenIssueTime"] = [str(session.issued)]
            context["aws:MultiFactorAuthPresent"] = ["false"]
            context["sts:TransitiveTagKeys"] = session.transitive
            if session.source:
                context["aws:SourceIdentity"] = [session.source]
        return context


def secret(key: bytes, access_key: str, token: str = "") -> str:
    """40 characters, as AWS's."""
    return base64.b64encode(_sign(key, f"secret\n{access_key}\n{token}")[:30]).decode()


def seal(key: bytes, access_key: str, session: Session) -> str:
    """The session token of an access key."""
    said = {name: value for name, value in asdict(session).items() if value}
    body = zlib.compress(json.dumps(said, separators=(",", ":")).encode(), 9)
    return base64.urlsafe_b64encode(_sign(key, f"token\n{access_key}\n".encode() + body) + body).decode()


def unseal(key: bytes, access_key: str, token: str) -> Session | None:
    """What the token says; None if it is not ours, or belongs to another access key."""
    try:
        raw = base64.urlsafe_b64decode(token.encode())
    except ValueError:
        return None
    if not hmac.compare_digest(raw[:32], _sign(key, f"token\n{access_key}\n".encode() + raw[32:])):
        return None
    return Session(**json.loads(zlib.decompress(raw[32:])))


def _sign(key: bytes, text: str | bytes) -> bytes:
    return hmac.digest(key, text.encode() if isinstance(text, str) else text, sha256)
