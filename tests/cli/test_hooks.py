"""`ccfb install-hooks` and `ccfb uninstall-hooks`, as the user sees them."""

import json
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from ccfb import paths
from ccfb.billing import store
from ccfb.client import registration
from cli.console import Clock, Keychain, Run, environment, on_terminal, remember

MINE = b'{\n    "model": "opus",\n    "env": {"EDITOR": "vi"}\n}'


@pytest.fixture
def settings() -> Path:
    """The user's own settings, with an indentation of their own and no final newline."""
    path = Path(paths.settings())
    path.parent.mkdir()
    path.write_bytes(MINE)
    return path


def test_a_first_install(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    assert ccfb("install-hooks") == snapshot
    assert registration.inspect().installed


def test_a_second_one_changes_nothing(ccfb: Run, settings: Path) -> None:
    ccfb("install-hooks")
    before = settings.read_bytes()
    assert ccfb("install-hooks").out.startswith("Already installed, nothing changed.\n")
    assert settings.read_bytes() == before


def test_a_dry_run_shows_the_change_and_makes_none(ccfb: Run, settings: Path) -> None:
    lines = ccfb("install-hooks", "--dry-run").out.splitlines()
    assert lines[:2] == ["--- HOME/.claude/settings.json", "+++ HOME/.claude/settings.json"]
    assert '     "model": "opus",' in lines
    assert any(line.startswith("+") and "/hooks/stop_failure.py" in line for line in lines)
    assert settings.read_bytes() == MINE
    ccfb("install-hooks")
    assert ccfb("install-hooks", "--dry-run").out == "Already installed, nothing to change.\n"


def test_a_dry_run_is_coloured_on_a_terminal(home: Path, settings: Path) -> None:
    shown = on_terminal(["install-hooks", "--dry-run"], environment(home, TERM="xterm"))
    assert "\x1b[32m+" in shown


def test_what_is_still_to_be_said(ccfb: Run) -> None:
    remember(hold=True)
    ccfb("config", "set", "mode", "notify")
    ccfb("key", "set", "anthropic", stdin="sk-ant-api03-1")
    shown = ccfb("install-hooks").out
    assert "ccfb key set" not in shown
    assert "ccfb config set mode ask" in shown
    assert "ccfb use auto" in shown


def test_settings_that_are_no_json_stay(ccfb: Run, settings: Path) -> None:
    settings.write_text("{")
    for words in (["install-hooks"], ["install-hooks", "--dry-run"], ["uninstall-hooks"]):
        shown = ccfb(*words)
        assert (shown.code, shown.out) == (1, "")
        assert "[settings-invalid]" in shown.err
        assert settings.read_text() == "{"


def test_out_again_to_the_byte(ccfb: Run, settings: Path, snapshot: SnapshotAssertion) -> None:
    ccfb("install-hooks")
    assert ccfb("uninstall-hooks") == snapshot
    assert settings.read_bytes() == MINE


def test_to_the_byte_also_in_the_middle_of_a_switch(
    ccfb: Run, settings: Path, clock: Clock, snapshot: SnapshotAssertion
) -> None:
    ccfb("install-hooks")
    ccfb("key", "set", "openrouter", stdin="sk-or-1")
    ccfb("use", "openrouter")
    began = clock.now
    assert ccfb("uninstall-hooks") == snapshot
    assert settings.read_bytes() == MINE
    assert store.load().switch is None
    assert clock.now - began >= 1.5, "running sessions have seen the variables empty"


def test_to_the_byte_also_right_after_a_revert(ccfb: Run, settings: Path) -> None:
    ccfb("install-hooks")
    ccfb("key", "set", "openrouter", stdin="sk-or-1")
    ccfb("use", "openrouter")
    ccfb("use", "auto")
    ccfb("uninstall-hooks")
    assert settings.read_bytes() == MINE


def test_its_dry_run_makes_no_change(ccfb: Run, settings: Path) -> None:
    assert ccfb("uninstall-hooks", "--dry-run").out == "There is nothing of ccfb in the settings.\n"
    ccfb("install-hooks")
    ccfb("key", "set", "openrouter", stdin="sk-or-1")
    ccfb("use", "openrouter")
    before = settings.read_bytes()
    shown = ccfb("uninstall-hooks", "--dry-run").out
    assert shown.startswith("First, billing goes from your openrouter key to the subscription.\n")
    assert "-" in shown
    assert settings.read_bytes() == before


def test_what_no_state_knows_of_is_taken_out(ccfb: Run, settings: Path) -> None:
    settings.write_text('{"apiKeyHelper": "print a key # ccfb", "env": {"CCFB_BILLING": "x"}}')
    ccfb("uninstall-hooks")
    assert not settings.exists() or settings.read_text().strip() in {"{}", '{"env": {}}'}


def test_uninstalling_twice(ccfb: Run, settings: Path) -> None:
    ccfb("install-hooks")
    ccfb("uninstall-hooks")
    assert "nothing changed" in ccfb("uninstall-hooks").out


def test_keys_configuration_and_ledger_stay(ccfb: Run, settings: Path) -> None:
    ccfb("install-hooks")
    ccfb("key", "set", "anthropic", stdin="sk-ant-api03-1")
    ccfb("config", "set", "mode", "auto")
    ccfb("uninstall-hooks")
    assert ccfb("config", "get", "mode").out == "auto\n"
    assert "ccfb/keys/anthropic" in str(list(settings.parent.rglob("anthropic")))


@pytest.mark.parametrize("answer", ["n", ""])
def test_purge_asks_first(ccfb: Run, settings: Path, answer: str) -> None:
    ccfb("install-hooks")
    before = settings.read_bytes()
    shown = ccfb("uninstall-hooks", "--purge", stdin=answer)
    assert shown.code == 130
    assert "Remove your API keys and everything in HOME/.claude/ccfb too?" in shown.err
    assert settings.read_bytes() == before


def test_purge_removes_keys_and_all(ccfb: Run, settings: Path, keychain: Keychain) -> None:
    ccfb("install-hooks")
    ccfb("key", "set", "anthropic", stdin="sk-ant-api03-1")
    shown = ccfb("uninstall-hooks", "--purge", stdin="y\n")
    assert shown.code == 0
    assert keychain.kept == {}
    assert [path.name for path in settings.parent.iterdir()] == ["settings.json"]
    assert json.loads(settings.read_text()) == json.loads(MINE)


def test_uninstalling_during_a_switch_is_no_choice(ccfb: Run) -> None:
    """After the next install, `mode auto` means what it says."""
    ccfb("install-hooks")
    ccfb("key", "set", "anthropic", stdin="sk-ant-api03-secret")
    ccfb("use", "anthropic")
    ccfb("uninstall-hooks")
    assert not store.load().hold
    ccfb("use", "subscription")
    ccfb("uninstall-hooks")
    assert store.load().hold
