"""Ids and ARNs as AWS forms them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

import base64
import secrets
from typing import Final

PREFIXES: Final = {
    "user": "AIDA",
    "role": "AROA",
    "group": "AGPA",
    "policy": "ANPA",
    "instance-profile": "AIPA",
}
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ACCOUNT_BITS: Final = 0x7FFFFFFFFF80


def unique_id(kind: str) -> str:
    """`AROA` and 17 characters, for a role."""
    return PREFIXES[kind] + "".join(secrets.choice(ALPHABET) for _ in range(17))


def access_key_id(prefix: str, account: str) -> str:
    """`prefix` (AKIA: permanent, ASIA: temporary) and 16 characters, of which the first ten hold the account, as
    AWS's do: GetAccessKeyInfo reads it from there.
    """
    head = (1 << 47) | (int(account) << 7) | secrets.randbits(7)
    return prefix + base64.b32encode(head.to_bytes(6, "big") + secrets.token_bytes(4)).decode()


def account_of(access_key: str) -> str:
    """The account that an access key id names. Raises ValueError if it is none."""
    if access_key[:4] not in {"AKIA", "ASIA"} or len(access_key) != 20:
        raise ValueError(access_key)
    head = int.from_bytes(base64.b32decode(access_key[4:])[:6], "big")
    return f"{(head & _ACCOUNT_BITS) >> 7:012}"


def arn(account: str, kind: str, path: str, name: str) -> str:
    return f"arn:aws:iam::{account}:{kind}{path}{name}"


def root_arn(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def session_arn(account: str, role: str, session: str) -> str:
    """The path of the role is not part of it."""
    return f"arn:aws:sts::{account}:assumed-role/{role}/{session}"


def name_of(arn_: str) -> str:
    """`R` of arn:aws:iam::123456789012:role/a/path/R."""
    return arn_.rpartition("/")[2]
