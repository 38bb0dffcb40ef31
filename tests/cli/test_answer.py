"""`ccfb yes`, `no` and `wait` in a terminal: only a yes spends, and only where it was asked."""

import time
from pathlib import Path

import pytest

from ccfb import config, effects, secrets
from ccfb.billing import store
from ccfb.billing.events import Limited
from cli.console import Run

SESSION = "s1"


@pytest.fixture
def asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a key, whose five-hour limit was just hit."""
    monkeypatch.setattr(secrets, "_keychain", lambda: 1 / 0)
    (home / ".claude").mkdir(exist_ok=True)
    key = config.StoredKey(source=secrets.store("anthropic", "sk-ant-api03-none"))
    config.save(config.Config(keys={"anthropic": key}))
    resets_at = time.time() + 3_600
    effects.step(Limited(SESSION, "f1", "five_hour", resets_at, "hit", live=True))
    assert store.load().question


@pytest.mark.usefixtures("asked")
def test_a_yes_bills_the_key_until_the_reset(ccfb: Run) -> None:
    shown = ccfb("yes", "5").out
    assert "Billed to your anthropic key" in shown
    assert "at most $5.00" in shown
    state = store.load()
    assert state.billing == "anthropic"
    assert state.allowance
    assert state.allowance.dollars == 5.0
    assert state.question is None


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("word", ["no", "wait"])
def test_any_other_word_bills_nobody(ccfb: Run, word: str) -> None:
    assert "Nothing is billed" in ccfb(word).out
    assert store.load().billing == "subscription"
    assert store.load().question is None


@pytest.mark.usefixtures("asked")
def test_a_no_takes_a_yes_back(ccfb: Run) -> None:
    ccfb("yes")
    assert "Nothing is billed" in ccfb("no").out
    assert store.load().billing == "subscription"


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("dollars", ["0", "-1", "five", "1,5", "nan", "inf"])
def test_an_amount_that_is_none_bills_nobody(ccfb: Run, dollars: str) -> None:
    assert ccfb("yes", dollars).code == 2
    assert store.load().billing == "subscription"


@pytest.mark.usefixtures("asked")
def test_the_status_shows_the_question(ccfb: Run) -> None:
    shown = ccfb("status").out
    assert "The 5-hour limit was hit" in shown
    assert "ccfb yes" in shown


@pytest.mark.parametrize("word", ["yes", "no", "wait"])
def test_where_nothing_is_asked_nothing_is_answered(ccfb: Run, word: str) -> None:
    assert "Nothing is asked" in ccfb(word).out
    assert store.load().billing == "subscription"
    assert not store.load().answers
