"""`ccfb use`: the user's word on who is billed."""

import json
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from ccfb import config, effects, paths, secrets
from ccfb.billing import store
from ccfb.billing.events import Tick
from ccfb.client import registration
from ccfb.config import Config
from cli.console import NOW, Run, remember

LIMITED = {"limits": {"five_hour": NOW + 7_200}}


@pytest.fixture(autouse=True)
def installed() -> None:
    registration.install()


def configure(mode: str = "auto", **keys: dict[str, str]) -> None:
    config.save(Config.model_validate({"mode": mode, "keys": keys}))
    for provider, key in keys.items():
        if key["source"] == "file":
            secrets.store(provider, f"key-of-{provider}")


def settings() -> dict[str, Any]:
    values: dict[str, Any] = json.loads(Path(paths.settings()).read_text())
    return values


def test_a_provider_is_billed_at_once(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    configure(anthropic={"source": "file"})
    assert ccfb("use", "anthropic") == snapshot
    assert settings()["env"]["CCFB_BILLING"] == "anthropic"
    assert "api_key.py anthropic" in settings()["apiKeyHelper"]


def test_from_one_provider_to_the_other_and_back(ccfb: Run) -> None:
    configure(anthropic={"source": "file"}, openrouter={"source": "file"})
    ccfb("use", "anthropic")
    assert "Now billed: your openrouter key" in ccfb("use", "openrouter").out
    assert settings()["env"]["ANTHROPIC_BASE_URL"] == "https://openrouter.ai/api"
    ccfb("use", "subscription")
    assert set(settings()["env"].values()) == {""}
    assert "apiKeyHelper" not in settings()


def test_back_to_the_subscription(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    configure(anthropic={"source": "file"})
    ccfb("use", "anthropic")
    assert ccfb("use", "subscription") == snapshot
    assert store.load().hold


def test_nothing_changes_for_sessions_that_need_no_change(ccfb: Run) -> None:
    configure(anthropic={"source": "file"})
    assert "Running sessions" not in ccfb("use", "subscription").out


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_auto_says_what_it_will_do(ccfb: Run, snapshot: SnapshotAssertion, mode: str) -> None:
    configure(mode, anthropic={"source": "file"})
    ccfb("use", "anthropic")
    assert ccfb("use", "auto") == snapshot
    assert not store.load().hold


def test_auto_says_when_there_is_no_key(ccfb: Run) -> None:
    configure()
    assert "ccfb key set anthropic" in ccfb("use", "auto").out


def test_auto_answers_a_limit_in_force(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    configure(anthropic={"source": "file"})
    remember(**LIMITED, hold=True)
    assert ccfb("use", "auto") == snapshot


def test_auto_that_cannot_answer_a_limit_says_so(ccfb: Run) -> None:
    configure(anthropic={"source": "command", "command": "exit 3"})
    remember(**LIMITED, hold=True)
    assert "nothing was switched. Why: ccfb status" in ccfb("use", "auto").out


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (None, "There is no key for anthropic. [no-key]"),
        ({"source": "variable", "name": "NONE"}, "The variable NONE holds no key for anthropic."),
        ({"source": "command", "command": "exit 3"}, "The key command ended with exit code 3."),
        ({"source": "keychain"}, "The system keychain doesn't give anthropic's key:"),
    ],
)
def test_without_a_usable_key_nothing_is_switched(
    ccfb: Run, key: dict[str, str] | None, message: str
) -> None:
    if key:
        configure(anthropic=key)
    before = settings()
    shown = ccfb("use", "anthropic")
    assert (shown.code, shown.out) == (1, "")
    assert message in shown.err
    assert "hint: " in shown.err
    assert settings() == before


def test_without_hooks_it_warns(ccfb: Run) -> None:
    configure(anthropic={"source": "file"})
    registration.uninstall()
    shown = ccfb("use", "anthropic")
    assert shown.code == 0
    assert shown.err.startswith("warning: ccfb's hooks are not installed")


def test_settings_that_cannot_be_written_are_an_error(ccfb: Run) -> None:
    configure(anthropic={"source": "file"})
    Path(paths.settings()).write_text("{")
    shown = ccfb("use", "anthropic")
    assert shown.code == 1
    assert "[settings-invalid]" in shown.err


def test_a_choice_that_can_t_be_written_is_no_choice(ccfb: Run) -> None:
    settings = Path(paths.settings())
    ccfb("key", "set", "anthropic", stdin="sk-ant-api03-secret")
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("{ half an edit")
    assert ccfb("use", "anthropic").code == 1
    settings.write_text("{}")
    effects.step(Tick())
    assert store.load().billing == "subscription"
    assert "apiKeyHelper" not in settings.read_text()
