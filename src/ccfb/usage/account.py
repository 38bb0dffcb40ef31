"""Whose plan it is: the account that is signed in, as the client's `.claude.json` names it."""

import hashlib
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from ccfb import paths


class Account(NamedTuple):
    """Who is signed in; empty where the client doesn't say."""

    uuid: str
    organization: str
    email: str


def account() -> str | None:
    """A short fingerprint of the account and its organization, or None: nobody is signed in.

    The plan is the organization's: one account in two of them has two.
    """
    who = signed_in()
    if who is None:
        return None
    return hashlib.sha256(f"{who.uuid} {who.organization}".encode()).hexdigest()[:12]


def signed_in() -> Account | None:
    """The account that is signed in."""
    # With `CLAUDE_CONFIG_DIR` it lies in that folder, else beside `.claude` (2.1.88 to 2.1.329).
    folder = paths.claude_dir() if os.environ.get("CLAUDE_CONFIG_DIR") else paths.home()
    try:
        with open(os.path.join(folder, ".claude.json"), "rb") as file:
            content = orjson.loads(file.read())
    except (OSError, orjson.JSONDecodeError):
        return None
    match content:
        case {"oauthAccount": {"accountUuid": str(uuid), **more}} if uuid:
            return Account(uuid, _text(more, "organizationUuid"), _text(more, "emailAddress"))
    return None


def _text(values: Mapping[Any, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""
