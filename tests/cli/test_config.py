"""`ccfb config`: what may happen by itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete
from syrupy.assertion import SnapshotAssertion

from ccfb import cli, config, paths, secrets
from ccfb.billing import store
from ccfb.cli.config import settings
from ccfb.client import registration
from ccfb.config import Config
from cli.console import NOW, Keychain, Run, remember

EARLIER = {
    "auto_switch": True,
    "cost_limit_per_session": 5,
    "log_usage": True,
    "notify_at_percentage": 80,
    "mode": "ask",
}


def write(content: Any) -> Path:
    path = Path(paths.own("config.json"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def stands() -> dict[str, Any]:
    """What stands in `config.json`, but for `$schema`."""
    values: dict[str, Any] = json.loads(Path(paths.own("config.json")).read_text())
    values.pop("$schema", None)
    return values


def complete(*words: str) -> list[str]:
    """What the shell offers for the last word."""
    *before, last = words
    shell = ShellComplete(cli.root, {}, "ccfb", "_CCFB_COMPLETE")
    return [item.value for item in shell.get_completions(before, last)]


@pytest.fixture
def key() -> None:
    registration.install()
    secrets.store("openrouter", "sk-or-1")
    config.save(Config.model_validate({"keys": {"openrouter": {"source": "file"}}}))


# Looking


def test_all_settings_and_where_they_come_from(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    assert ccfb("config", "show").out == snapshot(name="defaults")
    write(
        {
            **EARLIER,
            "keys": {"anthropic": {"source": "variable", "name": "KEY"}},
            "models": {"openrouter": {"opus": "some/model"}},
            "alerts": {"urls": ["slack://t0ken/b/c"]},
            "windows": {"seven_day": {"policy": "downgrade:sonnet"}, "seven_days": {}},
        }
    )
    assert ccfb("config") == ccfb("config", "show") == snapshot(name="chosen")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "ask"),
        ("providers", "anthropic,openrouter"),
        ("budget.day", "none"),
        ("windows.five_hour.policy", "switch"),
        ("windows.one_of_tomorrow.policy", "ask"),
        ("windows.outage.switch_at", "95"),
        ("alerts.at", "50,75,90"),
        ("alerts.desktop", "true"),
        ("alerts.urls", "none"),
        ("keys.anthropic", "none"),
    ],
)
def test_one_value_for_scripts(ccfb: Run, name: str, value: str) -> None:
    assert ccfb("config", "get", name).out == f"{value}\n"


def test_tokens_are_not_printed(ccfb: Run) -> None:
    write({"alerts": {"urls": ["slack://t0ken/b/c", "json://host"]}})
    assert ccfb("config", "get", "alerts.urls").out == "2, not shown\n"


def test_where_it_lies(ccfb: Run) -> None:
    assert ccfb("config", "path").out == "HOME/.claude/ccfb/config.json\n"


def test_a_file_with_errors_is_told_by_line(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    write('{\n  "mode": "on",\n  "budget": {"day": -5}\n}')
    assert ccfb("config") == snapshot


# Setting


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("mode", "notify", {"mode": "notify"}),
        ("headless", "yes", {"headless": "yes"}),
        ("providers", "openrouter, anthropic", {"providers": ["openrouter", "anthropic"]}),
        ("budget.day", "20", {"budget": {"day": 20}}),
        ("budget.month", "99.5", {"budget": {"month": 99.5}}),
        ("budget.day", "none", {"budget": {"day": None}}),
        ("windows.seven_day.policy", "switch", {"windows": {"seven_day": {"policy": "switch"}}}),
        ("windows.five_hour.switch_at", "90", {"windows": {"five_hour": {"switch_at": 90}}}),
        ("windows.new.policy", "downgrade:a/b", {"windows": {"new": {"policy": "downgrade:a/b"}}}),
        ("alerts.at", "50,80", {"alerts": {"at": [50, 80]}}),
        ("alerts.at", "none", {"alerts": {"at": []}}),
        ("alerts.terminal", "true", {"alerts": {"terminal": True}}),
        (
            "sources.usage_endpoint.enabled",
            "true",
            {"sources": {"usage_endpoint": {"enabled": True}}},
        ),
        ("models.openrouter.opus", "a/b", {"models": {"openrouter": {"opus": "a/b"}}}),
        ("status_line", "{billing} 5", {"status_line": "{billing} 5"}),
        ("status_line", "none", {"status_line": None}),
    ],
)
def test_everything_can_be_set_by_its_dotted_name(
    ccfb: Run, name: str, value: str, written: dict[str, Any]
) -> None:
    shown = ccfb("config", "set", name, value)
    assert shown.out.startswith(f"{name} is now {value.replace(', ', ',')}.\n")
    assert stands() == written
    assert ccfb("config", "get", name).out == f"{value.replace(', ', ',')}\n"


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("mode", ["ask", "auto", "notify", "off"])
def test_the_mode_says_what_it_means_for_money(
    ccfb: Run, snapshot: SnapshotAssertion, mode: str
) -> None:
    assert ccfb("config", "set", "mode", mode) == snapshot
    assert config.load().mode == mode


def test_auto_without_a_key_says_what_is_missing(ccfb: Run) -> None:
    assert "ccfb key set anthropic" in ccfb("config", "set", "mode", "auto").out


def test_without_hooks_a_mode_that_switches_warns(ccfb: Run) -> None:
    assert "hooks are not installed" in ccfb("config", "set", "mode", "auto").err
    assert "hooks are not installed" in ccfb("config", "set", "mode", "ask").err
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


def test_what_stands_there_stays_in_its_order(ccfb: Run) -> None:
    write({"windows": {"outage": {"policy": "ask"}}, "auto_switch": True, "headless": "yes"})
    ccfb("config", "set", "windows.five_hour.policy", "ask")
    assert stands() == {
        "windows": {"outage": {"policy": "ask"}, "five_hour": {"policy": "ask"}},
        "auto_switch": True,
        "headless": "yes",
    }
    assert list(stands()) == ["windows", "auto_switch", "headless"]


@pytest.mark.parametrize(
    ("name", "value", "message", "hint"),
    [
        ("mode", "on", 'mode can\'t be "on".', "Allowed: ask, auto, notify or off"),
        ("mode", "", 'mode can\'t be "".', "Allowed: ask, auto, notify or off"),
        ("budget.day", "0", 'budget.day can\'t be "0".', "Allowed: a number above 0 or none"),
        ("budget.day", "$5", 'budget.day can\'t be "$5".', "Allowed: a number above 0 or none"),
        ("alerts.desktop", "1", 'alerts.desktop can\'t be "1".', "Allowed: true or false"),
        (
            "alerts.at",
            "50,180",
            'alerts.at can\'t be "50,180".',
            "Allowed: a list, each a whole number from 1 to 100, with commas between",
        ),
        (
            "providers",
            "anthropic,anthropic",
            'providers can\'t be "anthropic,anthropic".',
            "Allowed: a list of at least 1, each anthropic or openrouter, with commas between",
        ),
        (
            "windows.seven_day.policy",
            "downgrade",
            'windows.seven_day.policy can\'t be "downgrade".',
            "Allowed: switch, ask, wait or downgrade:<model>",
        ),
        (
            "windows.five_hour.switch_at",
            "40",
            "windows.five_hour: back_at (50) has to be below switch_at (40).",
            "Nothing was changed.",
        ),
        (
            "mode",
            "sk-ant-api03-1",
            "mode can't be another text.",
            "Allowed: ask, auto, notify or off",
        ),
    ],
)
def test_a_wrong_value_is_told_what_is_allowed(
    ccfb: Run, name: str, value: str, message: str, hint: str
) -> None:
    shown = ccfb("config", "set", name, value)
    assert shown.code == 1
    assert shown.err == f"error: {message} [config-value]\nhint: {hint}\n"
    assert not Path(paths.own("config.json")).exists()


@pytest.mark.parametrize("value", ["", "anthropic,", "anthropic,gemini", "none"])
def test_providers_that_dont_exist_cant_be_set(ccfb: Run, value: str) -> None:
    assert ccfb("config", "set", "providers", value).code == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model", "There is no setting model. Did you mean mode?"),
        ("budgets.day", "There is no setting budgets.day. Did you mean budget.day?"),
        ("windows.new.policies", "Did you mean windows.new.policy?"),
        ("budget", "Did you mean budget.session or budget.window or budget.day or budget.month?"),
        ("nonsense", "There is no setting nonsense. There are: ccfb config show"),
        ("providers.0", "There is no setting providers.0."),
        ("sk-ant-api03-1", "There is no setting …. There are: ccfb config show"),
    ],
)
def test_a_wrong_name_is_told_the_nearest(ccfb: Run, name: str, message: str) -> None:
    shown = ccfb("config", "set", name, "auto")
    assert shown.code == 2
    assert message in shown.err


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("keys.anthropic", "ccfb key set PROVIDER"),
        ("alerts.urls", "Write them into the file: ccfb config path"),
        ("auto_switch", "Write `mode`: `auto` for true, `notify` for false."),
        ("api_key", "A key has no place in this file: `ccfb key set` keeps it."),
    ],
)
def test_what_is_set_in_other_ways_is_told_how(ccfb: Run, name: str, hint: str) -> None:
    shown = ccfb("config", "set", name, "sk-ant-api03-1")
    assert (shown.code, shown.out) == (1, "")
    assert f"hint: {hint}\n" in shown.err
    assert "sk-ant" not in shown.err
    assert not Path(paths.own("config.json")).exists()


@pytest.mark.parametrize("content", ['{"mod": "auto"}', '{"mode": "auto"', '{"mode": "on"}'])
def test_a_file_with_errors_is_not_written_over(ccfb: Run, content: str) -> None:
    path = write(content)
    for arguments in (["set", "headless", "yes"], ["update"]):
        assert "[config-invalid]" in ccfb("config", *arguments).err
        assert path.read_text() == content


def test_what_is_wrong_can_be_put_right(ccfb: Run) -> None:
    write('{"mode": "aotu"}')
    assert "mode is now auto." in ccfb("config", "set", "mode", "auto").out


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("windows.weekly.policy", "switch", "windows.seven_day"),
        ("windows.five_hour.policy", "downgrade:sonnet", "windows.seven_day_opus.policy"),
        ("status_line", "{biling}", "billing"),
    ],
)
def test_what_would_do_nothing_is_refused(ccfb: Run, name: str, value: str, hint: str) -> None:
    shown = ccfb("config", "set", name, value)
    assert shown.code == 1
    assert hint in shown.err


# Unsetting


def test_what_is_unset_is_the_default_again(ccfb: Run) -> None:
    write({"mode": "auto", "budget": {"day": 5}, "windows": {"five_hour": {"policy": "wait"}}})
    shown = ccfb("config", "unset", "budget.day").out
    assert shown == "budget.day is out of config.json. It is now none.\n"
    assert "It is now ask." in ccfb("config", "unset", "mode").out
    assert ccfb("config", "unset", "windows").out == "windows is out of config.json.\n"
    assert stands() == {}


def test_an_earlier_option_takes_over_again(ccfb: Run) -> None:
    write({"mode": "ask", "auto_switch": True})
    assert "It is now auto." in ccfb("config", "unset", "mode").out
    ccfb("config", "unset", "auto_switch")
    assert stands() == {}


def test_what_has_no_place_in_the_file_can_be_taken_out(ccfb: Run) -> None:
    write({"mod": "auto", "headless": "yes"})
    assert ccfb("config", "unset", "mod").out == "mod is out of config.json.\n"
    assert stands() == {"headless": "yes"}


def test_what_else_is_wrong_stays_and_is_told(ccfb: Run) -> None:
    path = write('{"mod": "auto",\n"headless": true}')
    shown = ccfb("config", "unset", "mod")
    assert "line 2: headless is true: allowed is no or yes." in shown.err
    assert path.read_text() == '{"mod": "auto",\n"headless": true}'


@pytest.mark.parametrize("name", ["budget.day", "budget", "mode.x", "sk-ant-api03-1"])
def test_what_isnt_set_cant_be_unset(ccfb: Run, name: str) -> None:
    write({"mode": "auto"})
    shown = ccfb("config", "unset", name)
    assert shown.code == 1
    assert "isn't set. [config-value]" in shown.err
    assert "sk-ant" not in shown.err


# From an earlier tool


def test_todays_words_are_written_for_those_of_an_earlier_tool(
    ccfb: Run, snapshot: SnapshotAssertion
) -> None:
    write({"$schema": "./mine.json", **EARLIER})
    before = config.load()
    assert ccfb("config", "update") == snapshot
    assert stands() == {"mode": "ask", "budget": {"session": 5}, "alerts": {"at": [80]}}
    assert config.load() == before
    assert "Nothing" in ccfb("config", "update").out


SECRET = "sk-ant-api03-earlier"


@pytest.mark.parametrize(
    "arguments", [["show"], [], ["get", "mode"], ["set", "mode", "off"], ["update"]], ids=str
)
def test_a_key_in_the_file_is_moved_to_where_keys_belong(
    ccfb: Run, keychain: Keychain, arguments: list[str]
) -> None:
    write({"api_key": SECRET, "headless": "yes"})
    shown = ccfb("config", *arguments)
    assert shown.code == 0
    assert "It is anthropic's key now, in the system keychain." in shown.err
    assert SECRET not in shown.out + shown.err
    assert keychain.kept == {("ccfb", "anthropic"): SECRET}
    assert stands()["keys"] == {"anthropic": {"source": "keychain"}}
    assert not [f for f in Path(paths.own("")).iterdir() if SECRET in f.read_text()]
    assert "api_key" not in ccfb("config", *arguments).err, "it is told once"


def test_a_key_of_openrouters_becomes_openrouters(ccfb: Run) -> None:
    write({"api_key": " sk-or-v1-earlier\n"})
    assert "openrouter's key now, in a file only you can read." in ccfb("config").err
    assert Path(secrets.file_of("openrouter")).read_text() == "sk-or-v1-earlier\n"


def test_a_key_that_looks_like_none_is_moved_with_a_word(ccfb: Run) -> None:
    write({"api_key": "earlier"})
    assert "It doesn't look like a key for anthropic" in ccfb("config").err


@pytest.mark.parametrize(
    "content",
    [
        {"api_key": SECRET, "keys": {"anthropic": {"source": "variable", "name": "KEY"}}},
        {"api_key": "two words"},
        {"api_key": ""},
    ],
    ids=str,
)
def test_a_key_that_cant_be_used_stays_until_the_user_takes_it_out(
    ccfb: Run, content: dict[str, Any]
) -> None:
    write({"log_usage": True, **content})
    for arguments in ([], ["update"], ["set", "headless", "yes"]):
        ccfb("config", *arguments)
        assert stands()["api_key"] == content["api_key"]
    assert "hint: ccfb config unset api_key" in ccfb("config").err
    ccfb("config", "unset", "api_key")
    assert "api_key" not in stands()
    assert not Path(paths.own("keys")).exists()


def test_a_key_in_a_file_with_errors_stays_there(ccfb: Run) -> None:
    path = write({"api_key": SECRET, "mode": "on"})
    before = path.read_text()
    shown = ccfb("config")
    assert SECRET not in shown.out + shown.err
    assert path.read_text() == before
    assert not Path(paths.own("keys")).exists()


# Completion


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["set", "budget."], ["budget.session", "budget.window", "budget.day", "budget.month"]),
        (
            ["set", "windows.outage."],
            [f"windows.outage.{name}" for name in ("policy", "switch_at", "back_at")],
        ),
        (["set", "mode", ""], ["ask", "auto", "notify", "off"]),
        (["set", "mode", "a"], ["ask", "auto"]),
        (["set", "alerts.desktop", ""], ["true", "false"]),
        (["set", "budget.day", ""], ["none"]),
        (["set", "windows.new.policy", "s"], ["switch"]),
        (["set", "providers", ""], ["anthropic", "openrouter"]),
        (["set", "providers", "openrouter,"], ["openrouter,anthropic"]),
        (["set", "nonsense", ""], []),
        (["get", "head"], ["headless"]),
        (["unset", ""], ["budget.day", "budget", "log_usage"]),
    ],
    ids=str,
)
def test_the_shell_completes_names_and_values(words: list[str], offered: list[str]) -> None:
    write({"budget": {"day": 5}, "log_usage": True})
    assert complete("config", *words) == offered


def test_keys_and_tokens_are_nothing_to_complete() -> None:
    assert not [name for name in settings() if name.startswith(("keys", "alerts.urls", "$"))]
