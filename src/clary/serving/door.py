"""Who asks, and may they: as the gateway does it, remembered for as long as nothing of it can have changed."""

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from clary.errors import InvalidAccessKey, MissingAuthentication, SignatureMismatch
from clary.resource.call import Caller, Keys, Permission
from clary.wire import sigv4
from clary.wire.message import Request
from clary.wire.signature import UNSIGNED, Signature

KEPT = 8192  # decisions in memory; beyond that it begins anew
SERVICE = "sagemaker"


class Credentials(Protocol):
    """What a signature is checked against (services/iam/credentials.py)."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def token(self) -> str: ...
    @property
    def caller(self) -> Caller: ...
    def check(self, token: str | None, now: float) -> None: ...


Find = Callable[[str, str | None], Credentials | None]
Allow = Callable[[Caller, Permission, Mapping[str, list[str]]], None]
Tags = Callable[[str], Mapping[str, str]]  # of an ARN


class Door:
    def __init__(self, find: Find, allow: Allow, tags: Tags, skew: float) -> None:
        self._find = find
        self._allow = allow
        self._tags = tags
        self._skew = skew
        self._allowed: set[tuple[str, str, str, str, str]] = set()

    def forget(self) -> None:
        """What is known of keys, policies and tags may have changed."""
        self._allowed.clear()

    def authenticate(self, request: Request) -> tuple[Credentials, Signature]:
        """Raises what the gateway raises."""
        signature = sigv4.read(request)
        if signature is None:
            raise MissingAuthentication
        credentials = self._find(signature.access_key, signature.token)
        if credentials is None:
            raise InvalidAccessKey
        now = time.time()
        credentials.check(signature.token, now)
        if signature.version != 4:
            raise SignatureMismatch
        if signature.service != SERVICE:
            raise SignatureMismatch(f"Credential should be scoped to correct service: '{SERVICE}'.")
        digest = "" if signature.payload_hash == UNSIGNED else hashlib.sha256(request.body).hexdigest()
        sigv4.verify(signature, request, credentials.secret, digest, now, self._skew)
        return credentials, signature

    def authorize(self, credentials: Credentials, action: str, arn: str, model: str, request: Request) -> None:
        """May they `action` on the endpoint `arn`, for the TargetModel `model`? Raises AccessDenied.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemakerai.html
        """
        key = (credentials.access_key, credentials.token, action, arn, model)
        if key in self._allowed:
            return
        caller = credentials.caller
        context = {"sagemaker:TargetModel": [model]} if model else {}
        for name, value in self._tags(arn).items():
            context |= {f"aws:ResourceTag/{name}": [value], f"sagemaker:ResourceTag/{name}": [value]}
        asked = Keys(caller, request, arn.split(":", 4)[3], time.time())
        self._allow(caller, Permission(action, arn, context), asked)
        if not asked.seen:  # a decision that no condition had a part in holds for the next request too
            if len(self._allowed) >= KEPT:
                self._allowed.clear()
            self._allowed.add(key)
