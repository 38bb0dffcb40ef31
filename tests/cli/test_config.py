"""`ccfb config`: what may happen by itself."""

import json
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from ccfb import config, paths, secrets
from ccfb.billing import store
from ccfb.client import registration
from ccfb.config import Config
from cli.console import NOW, Run, remember


@pytest.fixture
def key() -> None:
    registration.install()
    secrets.store("openrouter", "sk-or-1")
    config.save(Config.model_validate({"keys": {"openrouter": {"source": "file"}}}))


def test_all_settings_and_where_they_come_from(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    assert ccfb("config", "get").out == snapshot(name="defaults")
    ccfb("config", "set", "providers", "openrouter, anthropic")
    assert ccfb("config").out == ccfb("config", "get").out == snapshot(name="chosen")


def test_one_value_for_scripts(ccfb: Run) -> None:
    assert ccfb("config", "get", "mode").out == "off\n"
    assert ccfb("config", "get", "providers").out == "anthropic,openrouter\n"


def test_where_it_lies(ccfb: Run) -> None:
    assert ccfb("config", "path").out == "HOME/.claude/ccfb/config.json\n"


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("mode", ["auto", "off"])
def test_the_mode_says_what_it_means_for_money(
    ccfb: Run, snapshot: SnapshotAssertion, mode: str
) -> None:
    assert ccfb("config", "set", "mode", mode) == snapshot
    assert config.load().mode == mode


def test_auto_without_a_key_says_what_is_missing(ccfb: Run) -> None:
    assert "ccfb key set anthropic" in ccfb("config", "set", "mode", "auto").out


def test_auto_without_hooks_warns(ccfb: Run) -> None:
    assert "hooks are not installed" in ccfb("config", "set", "mode", "auto").err
    assert ccfb("config", "set", "mode", "off").err == ""


@pytest.mark.usefixtures("key")
def test_auto_answers_a_limit_in_force_and_off_ends_it(ccfb: Run) -> None:
    remember(limits={"five_hour": NOW + 7_200})
    shown = ccfb("config", "set", "mode", "auto").out
    assert "Now billed: your openrouter key, until the 5-hour limit resets: 12:00" in shown
    assert "Now billed: the subscription." in ccfb("config", "set", "mode", "off").out
    assert store.load().switch is None


@pytest.mark.usefixtures("key")
def test_a_choice_by_hand_stays(ccfb: Run) -> None:
    ccfb("use", "openrouter")
    shown = ccfb("config", "set", "mode", "auto").out
    assert "You chose your openrouter key by hand" in shown
    assert "ccfb use auto" in shown
    assert store.load().billing == "openrouter"


@pytest.mark.usefixtures("key")
def test_keys_stay_when_something_else_is_set(ccfb: Run) -> None:
    for name, value in (("mode", "auto"), ("providers", "openrouter")):
        ccfb("config", "set", name, value)
    content = json.loads(Path(paths.own("config.json")).read_text())
    assert content == {
        "mode": "auto",
        "providers": ["openrouter"],
        "keys": {"openrouter": {"source": "file"}},
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "on"),
        ("mode", ""),
        ("providers", ""),
        ("providers", "anthropic,"),
        ("providers", "anthropic,gemini"),
        ("providers", "anthropic,anthropic"),
    ],
)
def test_a_wrong_value_is_told_what_is_allowed(ccfb: Run, name: str, value: str) -> None:
    shown = ccfb("config", "set", name, value)
    assert shown.code == 1
    assert shown.err.startswith(f"error: {name} can't be {value!r}. [config-value]\nhint: Allowed:")
    assert not Path(paths.own("config.json")).exists()


def test_a_wrong_name_is_told_what_is_allowed(ccfb: Run) -> None:
    shown = ccfb("config", "set", "model", "auto")
    assert shown.code == 2
    assert "'mode', 'providers'" in shown.err
