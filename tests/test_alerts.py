"""What the user hears of, in which words, and how often."""

import json
import time

import pytest

from ccfb import alerts, config, effects, notify
from ccfb.billing import store
from ccfb.billing.events import Chosen, Crossed, Limited, Tick, Told
from ccfb.billing.machine import advance
from ccfb.billing.model import Moment, State, Window
from ccfb.billing.rules import Policy, Rules
from ccfb.notify import Alert

NOW = 1_800_000_000.0
RESET = NOW + 7_200.0
AUTO = Rules("auto", ("anthropic",), other=Policy("switch"))
OFF = Rules(mode="off")
LIMIT = Limited("s", "f", "five_hour", RESET, "SECRET WORDS OF SOMEBODY ELSE", live=True)


def told(percentage: float, resets_at: float = RESET) -> Told:
    return Told({"five_hour": Window(percentage=percentage, resets_at=resets_at, seen_at=NOW)})


@pytest.mark.parametrize(
    ("rules", "event", "titles"),
    [
        (AUTO, LIMIT, ["Billed to anthropic"]),
        (OFF, LIMIT, ["The plan's limit"]),
        (OFF, Limited("s", "f", "x", None, "?", live=True), ["A limit that ccfb doesn't know"]),
        (AUTO, Chosen("anthropic"), []),
        (AUTO, Tick(), []),
    ],
)
def test_what_is_told(rules: Rules, event: Limited | Chosen | Tick, titles: list[str]) -> None:
    state, actions = advance(State(), event, rules, Moment(NOW, 0.0))
    found = alerts.alerts(state.unwritten, actions, state)
    assert [alert.title for alert in found] == titles
    assert not any("SECRET" in alert.text for alert in found)


def test_each_percentage_is_told_once_per_window_over_all_sessions() -> None:
    rules = Rules(mode="off", alert_at=(50, 75, 90))
    state = State()
    heard: list[float] = []
    later = RESET + 18_000.0
    for event in (
        *map(told, (20, 50, 51, 50, 92, 76, 99)),
        *(told(percentage, later) for percentage in (10, 60)),
    ):
        state, actions = advance(state, event, rules, Moment(NOW, 0.0))
        heard += [action.percentage for action in actions if isinstance(action, Crossed)]
    assert heard == [50, 90, 50]


def test_the_gate_is_woken_at_a_percentage_that_is_to_be_told() -> None:
    rules = Rules(mode="off", alert_at=(52.5,))
    state, _ = advance(State(), told(51), rules, Moment(NOW, 0.0))
    assert state.wake.windows["five_hour"]["percentage"] == 52.5


def test_the_engine_sends_them_where_there_is_a_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Alert] = []
    monkeypatch.setattr(notify, "send", sent.append)
    effects.step(Limited("s", "f", "x", None, "?", live=True))
    assert sent == []
    config.save(config.Config(alerts=config.Alerts(urls=["json://localhost:1"])))
    effects.step(Limited("s", "g", "x", None, "?", live=True))
    assert [alert.title for alert in sent] == ["A limit that ccfb doesn't know"]


def test_billing_doesn_t_depend_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "anywhere", lambda: 1 / 0)
    effects.step(Chosen("subscription"))
    state, _ = effects.step(Limited("s", "f", "x", None, "?", live=True))
    assert not state.unsettled


def test_the_terminal_tells_where_the_user_wants_it_to() -> None:
    config.save(config.Config(alerts=config.Alerts(desktop=False, terminal=True)))
    effects.step(Limited("s", "f", "x", None, "?", live=True))
    wake = store.load().wake
    assert json.loads(wake.terminal)["terminalSequence"].startswith("\x1b]9;ccfb: A limit that")
    assert abs(wake.told_at - time.time()) < 60
