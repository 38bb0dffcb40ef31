"""Whose plan it is: told apart without being named."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ccfb import usage
from ccfb.usage.account import account
from usage.plan import ACCOUNT


def write(folder: Path, content: object) -> Path:
    path = folder / ".claude.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def of(home: Path, **changed: Any) -> str | None:
    write(home, {"numStartups": 7, "oauthAccount": ACCOUNT | changed, "projects": {}})
    return account()


def test_a_fingerprint_says_only_that_it_is_another_account(home: Path) -> None:
    mine = of(home)
    assert mine
    assert re.fullmatch(r"[0-9a-f]{12}", mine)
    assert of(home, emailAddress="new@example.com", organizationName="New") == mine
    assert of(home, accountUuid="another") != mine
    assert of(home, organizationUuid="another") != mine
    assert of(home, organizationUuid=None)
    assert usage.account is account


def test_the_file_lies_where_the_client_looks_for_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `CLAUDE_CONFIG_DIR`, inside that folder."""
    mine = of(home)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(elsewhere))
    assert account() is None
    write(elsewhere, {"oauthAccount": ACCOUNT | {"accountUuid": "second"}})
    assert account() not in {None, mine}
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "")
    assert account() == mine


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        [],
        {},
        {"oauthAccount": None},
        {"oauthAccount": {}},
        {"oauthAccount": "me"},
        {"oauthAccount": {"accountUuid": ""}},
        {"oauthAccount": {"accountUuid": 7}},
        b'{"oauthAccount": {"accountUuid": "\\ud800"}}',
    ],
    ids=repr,
)
def test_nobody_is_signed_in(home: Path, content: object) -> None:
    assert account() is None
    write(home, content)
    assert account() is None


def test_a_folder_in_its_place_is_nobody(home: Path) -> None:
    (home / ".claude.json").mkdir()
    assert account() is None
