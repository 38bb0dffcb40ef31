"""`ccfb key`: keys go in without being seen, and come out only when asked for."""

import json
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from ccfb import config, paths, secrets
from ccfb.billing import store
from ccfb.client import registration
from cli.console import NOW, Keychain, Run, environment, on_terminal, remember

SECRET = "sk-ant-api03-secret"
KEY_FILE = "HOME/.claude/ccfb/keys/anthropic"


@pytest.fixture(autouse=True)
def installed() -> None:
    registration.install()


def secret_on_disk(home: Path) -> list[str]:
    """The files that hold the secret, and their modes."""
    return [
        f"{path.name} {path.stat().st_mode & 0o777:o}"
        for path in home.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    ]


def test_a_key_goes_into_the_keychain(ccfb: Run, home: Path, keychain: Keychain) -> None:
    shown = ccfb("key", "set", "anthropic", stdin=f"  {SECRET}\n")
    assert shown == (0, "anthropic's key is in the system keychain.\n", "")
    assert keychain.kept == {("ccfb", "anthropic"): SECRET}
    assert secret_on_disk(home) == []
    assert config.load().key_source("anthropic") == {"source": "keychain"}


def test_without_a_keychain_it_goes_into_a_file(ccfb: Run, home: Path) -> None:
    shown = ccfb("key", "set", "anthropic", stdin=SECRET)
    assert shown.out == (
        "anthropic's key is in a file only you can read, because no keychain works here: "
        f"{KEY_FILE}\n"
    )
    assert secret_on_disk(home) == ["anthropic 600"]
    for folder in (paths.own("keys"), paths.own_dir()):
        assert Path(folder).stat().st_mode & 0o777 == 0o700


def test_a_keychain_that_breaks_is_none(
    ccfb: Run, keychain: Keychain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: str) -> None:
        raise OSError("no bus")

    monkeypatch.setattr(keychain, "set_password", fail)
    assert KEY_FILE in ccfb("key", "set", "anthropic", stdin=SECRET).out


def test_a_prompt_does_not_show_the_key(home: Path) -> None:
    shown = on_terminal(["key", "set", "anthropic"], environment(home), secret=SECRET)
    assert "API key for anthropic (not shown):" in shown
    assert "only you can read" in shown
    assert SECRET not in shown
    assert secret_on_disk(home) == ["anthropic 600"]


@pytest.mark.parametrize(
    ("typed", "reference"),
    [
        ("", "key-empty"),
        (" \n", "key-empty"),
        ("two words", "key-malformed"),
        ("a\nb", "key-malformed"),
        ("sk-ant-\x1b[A", "key-malformed"),
        ("schlüssel", "key-malformed"),
    ],
)
def test_what_cannot_be_a_key_changes_nothing(ccfb: Run, typed: str, reference: str) -> None:
    ccfb("key", "set", "anthropic", stdin=SECRET)
    shown = ccfb("key", "set", "anthropic", stdin=typed)
    assert shown.code == 1
    assert f"[{reference}]" in shown.err
    assert secrets.read("anthropic", {"source": "file"}) == SECRET


def test_a_key_of_another_provider_is_not_taken(ccfb: Run) -> None:
    shown = ccfb("key", "set", "openrouter", stdin=SECRET)
    assert shown.code == 1
    assert shown.err == (
        "error: This is a key for anthropic, not for openrouter. [key-of-another]\n"
        "hint: Nothing was changed. If it is the one you mean: ccfb key set anthropic\n"
    )
    assert "There was no key" in ccfb("key", "remove", "openrouter").out


def test_a_key_of_an_unknown_kind_is_taken_with_a_warning(ccfb: Run) -> None:
    shown = ccfb("key", "set", "openrouter", stdin="gateway-key-1234")
    assert shown.code == 0
    assert shown.err == (
        "warning: This doesn't look like a key for openrouter: those begin with sk-or-\n"
    )
    assert secrets.read("openrouter", {"source": "file"}) == "gateway-key-1234"


@pytest.mark.parametrize(
    "words",
    [
        ("key", "set", "anthropic", SECRET),
        ("key", "set", SECRET),
        ("key", "remove", SECRET),
        ("key", SECRET),
    ],
)
def test_a_key_as_an_argument_is_refused_and_not_repeated(
    ccfb: Run, home: Path, words: tuple[str, ...]
) -> None:
    shown = ccfb(*words, stdin=SECRET)
    assert shown.code == 1
    assert "shell's history" in shown.err
    assert SECRET not in shown.out + shown.err
    assert secret_on_disk(home) == []


@pytest.mark.parametrize(
    ("option", "value", "reference"),
    [
        ("--from-env", SECRET, "variable-name"),
        ("--from-env", "A B", "variable-name"),
        ("--from-env", "", "variable-name"),
        ("--from-command", f"echo {SECRET}", "key-command"),
        ("--from-command", " ", "key-command"),
    ],
)
def test_a_key_in_place_of_the_way_to_it_is_refused(
    ccfb: Run, home: Path, option: str, value: str, reference: str
) -> None:
    shown = ccfb("key", "set", "anthropic", option, value)
    assert shown.code == 1
    assert f"[{reference}]" in shown.err
    assert SECRET not in shown.err
    assert secret_on_disk(home) == []


def test_from_a_variable(ccfb: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    shown = ccfb("key", "set", "anthropic", "--from-env", "MY_KEY")
    assert shown == (0, "anthropic's key is read from the variable MY_KEY.\n", "")
    assert config.load().key_source("anthropic") == {"source": "variable", "name": "MY_KEY"}
    assert secret_on_disk(home) == []


def test_from_a_command(ccfb: Run, home: Path) -> None:
    shown = ccfb("key", "set", "anthropic", "--from-command", "printf sk-ant-%s api03-1")
    assert (shown.code, shown.err) == (0, "")
    assert secrets.read("anthropic", config.load().key_source("anthropic")) == "sk-ant-api03-1"


@pytest.mark.parametrize(
    ("option", "value", "warning"),
    [
        ("--from-env", "NOT_SET", "The variable NOT_SET holds no key for anthropic."),
        ("--from-command", "exit 3", "The key command ended with exit code 3."),
        ("--from-command", "echo x", "This doesn't look like a key for anthropic"),
    ],
)
def test_a_way_that_leads_nowhere_is_kept_with_a_warning(
    ccfb: Run, option: str, value: str, warning: str
) -> None:
    shown = ccfb("key", "set", "anthropic", option, value)
    assert shown.code == 0
    assert f"warning: {warning}" in shown.err
    assert config.load().key_source("anthropic")


def test_the_clients_own_variable_is_warned_of(ccfb: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    shown = ccfb("key", "set", "anthropic", "--from-env", "ANTHROPIC_API_KEY")
    assert "warning: claude itself bills ANTHROPIC_API_KEY" in shown.err


def test_a_new_way_forgets_the_stored_key(ccfb: Run, home: Path) -> None:
    ccfb("key", "set", "anthropic", stdin=SECRET)
    ccfb("key", "set", "anthropic", "--from-env", "MY_KEY")
    assert secret_on_disk(home) == []


def test_the_two_ways_exclude_each_other(ccfb: Run) -> None:
    shown = ccfb("key", "set", "anthropic", "--from-env", "A", "--from-command", "b")
    assert shown.code == 2


def test_a_new_key_gives_a_provider_another_chance(ccfb: Run) -> None:
    remember(failed={"anthropic": NOW + 900, "openrouter": NOW + 900})
    ccfb("key", "set", "anthropic", stdin=SECRET)
    assert set(store.load().failed) == {"openrouter"}


def test_a_key_that_was_waited_for_is_used_at_once(ccfb: Run) -> None:
    ccfb("config", "set", "mode", "auto")
    remember(limits={"five_hour": NOW + 7_200})
    shown = ccfb("key", "set", "anthropic", stdin=SECRET)
    assert "Now billed: your anthropic key, until the 5-hour limit resets: 12:00" in shown.out


def test_remove(ccfb: Run, home: Path, keychain: Keychain) -> None:
    ccfb("key", "set", "anthropic", stdin=SECRET)
    ccfb("key", "set", "openrouter", stdin="sk-or-1")
    shown = ccfb("key", "remove", "anthropic")
    assert shown == (0, "anthropic's key is removed.\n", "")
    assert set(keychain.kept) == {("ccfb", "openrouter")}
    assert set(config.load().keys) == {"openrouter"}
    assert ccfb("key", "remove", "anthropic").out == "There was no key for anthropic.\n"


def test_removing_the_key_in_use_warns(ccfb: Run) -> None:
    ccfb("key", "set", "anthropic", stdin=SECRET)
    ccfb("use", "anthropic")
    assert "ccfb use subscription" in ccfb("key", "remove", "anthropic").err


def test_on_the_subscription_no_key_is_printed(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    ccfb("key", "set", "anthropic", stdin=SECRET)
    assert ccfb("key") == snapshot


def test_another_program_gets_the_key_in_use(ccfb: Run) -> None:
    ccfb("key", "set", "anthropic", stdin=SECRET)
    ccfb("use", "anthropic")
    assert ccfb("key") == (0, f"{SECRET}\n", "")


def test_a_screen_gets_it_only_when_asked(ccfb: Run, home: Path) -> None:
    ccfb("key", "set", "anthropic", stdin=SECRET)
    ccfb("use", "anthropic")
    assert SECRET not in on_terminal(["key"], environment(home))
    assert SECRET in on_terminal(["key", "--reveal"], environment(home))


def test_past_the_reset_no_key_is_printed(ccfb: Run) -> None:
    ccfb("key", "set", "anthropic", stdin=SECRET)
    ccfb("config", "set", "mode", "auto")
    remember(limits={"five_hour": NOW + 7_200})
    ccfb("config", "set", "mode", "auto")
    assert ccfb("key").out == f"{SECRET}\n"
    state = json.loads(Path(paths.own("state.json")).read_text())
    state["switch"]["resets_at"] = state["wake"]["at"] = state["limits"]["five_hour"] = NOW
    Path(paths.own("state.json")).write_text(json.dumps(state))
    shown = ccfb("key")
    assert (shown.code, shown.out) == (1, "")
    assert store.load().switch is None
