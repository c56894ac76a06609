"""Who may come in: access keys, sessions, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Platform


def test_root_is_the_account(platform: Platform) -> None:
    identity = platform.client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{identity['Account']}:root"
    assert len(identity["Account"]) == 12
