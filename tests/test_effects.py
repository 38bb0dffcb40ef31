"""How often the status line runs while another model goes on: a session that idles is back soon."""

import json
import time
from pathlib import Path

import pytest

from ccfb import config, effects, paths, secrets
from ccfb.billing import store
from ccfb.billing.events import Answered, Event, Tick, Told
from ccfb.billing.model import Window
from ccfb.client import registration
from ccfb.client.overrides import CLOCK, SLOW_CLOCK

WEEK = 7 * 86_400


@pytest.fixture(autouse=True)
def sparing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a key who wants Sonnet where there is no Opus left."""
    monkeypatch.setattr(secrets, "_keychain", lambda: 1 / 0)
    (home / ".claude").mkdir()
    key = config.StoredKey(source=secrets.store("anthropic", "sk-ant-api03-none"))
    windows = {"seven_day_opus": config.WindowRules(policy="downgrade:sonnet")}
    config.save(config.Config(keys={"anthropic": key}, windows=windows))


def used_up(window: str) -> Event:
    now = time.time()
    return Told({window: Window(percentage=100, resets_at=now + WEEK, seen_at=now)}, "session")


def interval() -> object:
    slot = json.loads(Path(paths.settings()).read_text()).get("statusLine")
    return slot.get("refreshInterval") if slot else None


def reset() -> None:
    """All windows are open again, and the emptied variables aren't needed any more."""
    state = store.load()
    state.near, state.limits, state.question = {}, {}, None
    store.save(state)
    effects.step(Tick())
    state = store.load()
    state.tidy_at = time.time()
    store.save(state)
    effects.step(Tick())


@pytest.mark.parametrize(
    ("theirs", "wanted"),
    [("", SLOW_CLOCK), ("60", SLOW_CLOCK), ('"often"', SLOW_CLOCK), ("5", 5), ("1.0", 1.0)],
)
def test_it_runs_now_and_then_until_the_reset_and_then_as_before(
    theirs: str, wanted: float
) -> None:
    settings = Path(paths.settings())
    more = f', "refreshInterval" : {theirs}' if theirs else ""
    settings.write_text(f'{{"statusLine": {{"type": "command", "command": "mine"{more}}} }}\n')
    registration.install()
    before = settings.read_bytes()
    effects.step(used_up("seven_day_opus"))
    assert interval() == wanted
    reset()
    assert settings.read_bytes() == before


@pytest.mark.parametrize("theirs", [None, 5])
def test_a_question_is_shown_at_once_and_then_it_is_slow_again(theirs: int | None) -> None:
    own = {"type": "command", "command": "mine"} | ({"refreshInterval": theirs} if theirs else {})
    Path(paths.settings()).write_text(json.dumps({"statusLine": own}))
    registration.install()
    effects.step(used_up("seven_day_opus"))
    effects.step(used_up("five_hour"))
    assert store.load().question
    assert interval() == CLOCK
    effects.step(Answered("no", session="session"))
    assert not store.load().question
    assert interval() == (theirs or SLOW_CLOCK)


def test_a_status_line_of_the_users_own_keeps_its_pace() -> None:
    effects.step(used_up("seven_day_opus"))
    assert interval() is None
    registration.install()
    effects.step(Tick())
    assert interval() == SLOW_CLOCK, "now there is one of ours"
