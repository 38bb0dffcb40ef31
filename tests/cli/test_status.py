"""`ccfb status`: what is in force, what is wrong, and not a byte written."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from ccfb import config, files, paths, secrets
from ccfb.billing import store
from ccfb.billing.model import Entry
from ccfb.client import registration
from ccfb.config import Config
from cli.console import NOW, Keychain, Run, remember

HOUR = 3_600.0

SWITCHED: dict[str, Any] = {
    "switch": {
        "provider": "anthropic",
        "reason": "limit",
        "window": "five_hour",
        "resets_at": NOW + 2 * HOUR + 840,
        "since": NOW - 60,
    },
    "limits": {"five_hour": NOW + 2 * HOUR + 840},
    "windows": {
        "five_hour": {"percentage": 101.2, "resets_at": NOW + 2 * HOUR + 840, "seen_at": NOW - 70},
        "seven_day": {"percentage": 43, "resets_at": NOW + 99 * HOUR, "seen_at": NOW - 70},
    },
}


@pytest.fixture
def healthy() -> None:
    """Installed, on, and with a key."""
    registration.install()
    secrets.store("anthropic", "sk-ant-api03-1")
    config.save(Config.model_validate({"mode": "auto", "keys": {"anthropic": {"source": "file"}}}))


def edit_settings(change: dict[str, Any]) -> None:
    path = Path(paths.settings())
    values = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values | change))


def follow(billing: str = "anthropic") -> None:
    """Let the settings say what a switch says."""
    edit_settings({"env": {"CCFB_BILLING": billing}, "apiKeyHelper": "print a key # ccfb"})


def problems(ccfb: Run) -> dict[str, dict[str, str]]:
    found = json.loads(ccfb("status", "--json").out)["problems"]
    return {problem["reference"]: problem for problem in found}


def test_on_a_fresh_machine(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    assert ccfb("status") == snapshot


@pytest.mark.usefixtures("healthy")
def test_all_is_well(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    remember(windows=SWITCHED["windows"])
    assert ccfb("status") == snapshot


@pytest.mark.usefixtures("healthy")
def test_switched_at_a_limit(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    remember(**SWITCHED)
    follow()
    assert ccfb("status") == snapshot


@pytest.mark.usefixtures("healthy")
def test_chosen_by_hand(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    remember(hold=True, limits={"seven_day": NOW + 30 * HOUR})
    assert ccfb("status") == snapshot


@pytest.mark.usefixtures("healthy")
def test_a_window_that_has_reset_since(ccfb: Run) -> None:
    window = {"percentage": 80, "resets_at": NOW - 1, "seen_at": NOW - HOUR}
    remember(windows={"five_hour": window})
    assert "5-hour   80 %  has reset since" in ccfb("status").out


@pytest.mark.usefixtures("healthy")
def test_machines_get_exactly_this(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    remember(**SWITCHED)
    follow()
    assert ccfb("status", "--json").out == snapshot


def test_the_contract_with_machines(ccfb: Run) -> None:
    status = json.loads(ccfb("status", "--json").out)
    assert list(status) == [
        "schema_version",
        "billing",
        "reason",
        "window",
        "resets_at",
        "windows",
        "question",
        "budget",
        "hooks_installed",
        "problems",
    ]
    assert status["schema_version"] == 1
    assert status["billing"] == "subscription"
    assert status["reason"] is status["window"] is status["resets_at"] is None
    assert status["windows"] == {}
    assert status["hooks_installed"] is False
    assert all(list(each) == ["reference", "message", "hint"] for each in status["problems"])


@pytest.mark.usefixtures("healthy")
def test_nothing_is_written(ccfb: Run, home: Path) -> None:
    remember(**SWITCHED, unsettled=True, failed={"anthropic": NOW + 60})
    Path(paths.own("config.json")).write_text("{")
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    assert ccfb("status").code == ccfb("status", "--json").code == 0
    Path(paths.own("state.json")).write_text("damaged")
    ccfb("status")
    after = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    before.pop(Path(paths.own("state.json")))
    after.pop(Path(paths.own("state.json")))
    assert after == before


@pytest.mark.usefixtures("healthy")
def test_no_problems_when_all_is_well(ccfb: Run) -> None:
    assert problems(ccfb) == {}
    remember(**SWITCHED)
    follow()
    assert problems(ccfb) == {}


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize(
    ("change", "reference"),
    [
        ({"hooks": {}, "statusLine": {}}, "hooks-not-installed"),
        ({"hooks": {}}, "hooks-damaged"),
        ({"statusLine": {"type": "command", "command": "theirs"}}, "hooks-damaged"),
        ({"statusLine": {"type": "command", "command": "elsewhere # ccfb"}}, "hooks-elsewhere"),
        ({"disableAllHooks": True}, "hooks-forbidden"),
        ({"env": {"ANTHROPIC_API_KEY": "sk-ant-api03-9"}}, "not-on-the-plan"),
        ({"env": {"ANTHROPIC_AUTH_TOKEN": "t"}}, "not-on-the-plan"),
        ({"apiKeyHelper": "theirs"}, "not-on-the-plan"),
        ({"env": {"CCFB_BILLING": "anthropic"}}, "settings-left-over"),
        ({"apiKeyHelper": "print a key # ccfb"}, "settings-left-over"),
    ],
    ids=str,
)
def test_what_is_wrong_in_the_settings(ccfb: Run, change: dict[str, Any], reference: str) -> None:
    edit_settings(change)
    found = problems(ccfb)
    assert list(found) == [reference]
    assert "sk-ant" not in found[reference]["message"]


@pytest.mark.usefixtures("healthy")
def test_what_is_emptied_is_no_problem(ccfb: Run) -> None:
    edit_settings({"env": {"CCFB_BILLING": "", "ANTHROPIC_AUTH_TOKEN": ""}})
    assert problems(ccfb) == {}


@pytest.mark.usefixtures("healthy")
def test_settings_that_nobody_can_read_are_told_once(ccfb: Run) -> None:
    Path(paths.settings()).write_text("{")
    assert list(problems(ccfb)) == ["settings-invalid"]
    assert ccfb("status").out.count("problem:") == 1


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize("billing", ["", "openrouter"])
def test_settings_that_disagree_with_the_state(ccfb: Run, billing: str) -> None:
    remember(**SWITCHED)
    follow(billing)
    found = problems(ccfb)
    assert list(found) == ["settings-changed"]
    assert found["settings-changed"]["hint"] == "ccfb use subscription, then ccfb use anthropic"


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize(
    ("state", "reference"),
    [
        ({"unsettled": True}, "unsettled"),
        ({"wake": {"lost": ["s-1"]}}, "session-lost"),
        ({"failed": {"anthropic": NOW + HOUR}}, "provider-failed"),
    ],
)
def test_what_is_wrong_in_the_state(ccfb: Run, state: dict[str, Any], reference: str) -> None:
    remember(**state)
    assert reference in problems(ccfb)


@pytest.mark.usefixtures("healthy")
def test_a_provider_that_refused_is_usable_again_in_time(ccfb: Run) -> None:
    remember(failed={"anthropic": NOW + HOUR})
    assert {"provider-failed", "no-usable-provider"} == problems(ccfb).keys()
    remember(failed={"anthropic": NOW - 1})
    assert problems(ccfb) == {}


@pytest.mark.usefixtures("healthy")
def test_a_damaged_state_is_told(ccfb: Run) -> None:
    Path(paths.own("state.json")).write_text("{")
    assert list(problems(ccfb)) == ["state-damaged"]


@pytest.mark.usefixtures("healthy")
def test_a_wrong_configuration_is_told_without_the_key_in_it(ccfb: Run) -> None:
    Path(paths.own("config.json")).write_text('{"keys": {"anthropic": "sk-ant-api03-1"}}')
    found = problems(ccfb)
    assert list(found) == ["config-invalid", "mode-off"]
    assert "sk-ant" not in ccfb("status").out
    assert "keys.anthropic" in found["config-invalid"]["message"]


@pytest.mark.usefixtures("healthy")
def test_errors_of_the_last_day_are_told(ccfb: Run) -> None:
    Path(paths.own("ccfb.log")).write_text(
        "2026-11-19T09:59:59Z Stop ValueError: too old\n"
        "2026-11-19T10:00:00Z Stop ValueError: one\n"
        "2026-11-20T09:58:00Z StopFailure KeyError: 'two'\n"
    )
    assert problems(ccfb)["errors-logged"]["message"] == (
        "Twice in 24 hours something went wrong inside ccfb; the last, 09:58, in StopFailure: "
        "KeyError: 'two'"
    )


@pytest.mark.usefixtures("healthy")
def test_unknown_limits_of_the_last_week_are_told(ccfb: Run) -> None:
    files.make_own_dir()
    times = (NOW - 200 * HOUR, NOW - 30 * HOUR, NOW - HOUR)
    store.append(
        [
            Entry(id=number, at=at, event="unknown_limit", text=f"limit\x1b {number}")
            for number, at in enumerate(times, 1)
        ]
    )
    assert problems(ccfb)["unknown-limit"]["message"] == (
        "Twice in 7 days a limit was hit that ccfb doesn't know; the last, 09:00: limit 3"
    )


@pytest.mark.usefixtures("healthy")
def test_a_key_in_the_terminals_environment_is_told(
    ccfb: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-1")
    assert list(problems(ccfb)) == ["key-in-environment"]
    assert "sk-ant" not in ccfb("status").out


KEYS = [
    ({"source": "file"}, "key in a file, which is gone", False),
    ({"source": "keychain"}, "key in the system keychain", True),
    ({"source": "command", "command": "touch ran"}, "key from a command", True),
    (
        {"source": "variable", "name": "MY_KEY"},
        "key in the variable MY_KEY, which is not set here",
        False,
    ),
]


@pytest.mark.parametrize(("key", "words", "usable"), KEYS)
def test_keys_are_glanced_at_and_not_touched(
    ccfb: Run,
    keychain: Keychain,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    key: dict[str, str],
    words: str,
    usable: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    keychain.kept.clear()
    files.make_own_dir()
    config.save(Config.model_validate({"mode": "auto", "keys": {"openrouter": key}}))
    shown = " ".join(ccfb("status").out.split())
    assert f"openrouter {'usable' if usable else 'not usable'} {words} hooks" in shown
    assert ("no-usable-provider" not in problems(ccfb)) is usable
    assert not os.path.exists("ran")


def test_problems_that_one_command_puts_right_name_it_once(ccfb: Run, healthy: None) -> None:
    config.write({"cost_limit_per_session": 5, "notify_at_percentage": 80})
    shown = ccfb("status").out
    assert shown.count("[config-words]") == 2
    assert shown.count("hint: ccfb config update") == 1
