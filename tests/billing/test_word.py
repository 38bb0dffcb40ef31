"""What the user's word covers, and what it doesn't."""

from dataclasses import replace

import orjson
import pytest

from ccfb import files, paths
from ccfb.billing import store
from ccfb.billing.budget import today
from ccfb.billing.events import (
    Answered,
    Answering,
    Chosen,
    Event,
    Limited,
    Metered,
    Refused,
    Tick,
    Told,
    Unmeasured,
)
from ccfb.billing.machine import ON_ITS_WAY, advance
from ccfb.billing.model import Entry, Moment, State, Window
from ccfb.billing.rules import Caps, Policy, Rules

NOW = 1_800_000_000.0
HOUR, DAY = 3_600.0, 86_400.0
BOTH = ("anthropic", "openrouter")
ASK = Rules(
    "ask",
    BOTH,
    BOTH,
    windows={"five_hour": Policy("switch", 95, 50), "seven_day": Policy("ask", 95, 50)},
)
AUTO = replace(ASK, mode="auto")


class User:
    """A state, and what happens to it."""

    def __init__(self, rules: Rules = ASK, state: State | None = None) -> None:
        self.rules = rules
        self.state = state or State()
        self.wall = NOW

    def sees(self, event: Event, offset: float = 0.0) -> None:
        moment = Moment(self.wall, self.wall - NOW + 5_000.0, offset)
        self.state, _ = advance(self.state, event, self.rules, moment)
        self.state.unwritten, self.state.unsettled = [], False

    def told(self, percentage: float, window: str = "five_hour", ahead: float = 2 * HOUR) -> None:
        kept = Window(percentage=percentage, resets_at=self.wall + ahead, seen_at=self.wall)
        self.sees(Told({window: kept}, "s1"))

    def limited(self, window: str = "five_hour", ahead: float = 2 * HOUR) -> None:
        self.sees(Limited("s1", window, window, self.wall + ahead, "hit", live=True))

    def spends(self, dollars: float) -> None:
        assert self.state.meter
        before = sum(self.state.meter.sessions.values())
        self.sees(Metered({"s1": before + dollars}, self.state.meter.since))


def test_a_yes_for_five_hours_is_none_for_the_week() -> None:
    user = User()
    user.told(96, "seven_day", 5 * DAY)
    user.sees(Answered("no"))
    user.limited()
    user.sees(Answered("yes"))
    assert user.state.switch
    assert user.state.switch.window == "five_hour"
    assert user.state.answers["seven_day"].word == "no"


def test_a_yes_covers_what_resets_before_what_was_asked() -> None:
    user = User()
    user.told(96)
    user.limited("seven_day", 3 * DAY)
    user.sees(Answered("yes"))
    assert user.state.answers.keys() == {"five_hour", "seven_day"}


def test_without_a_question_the_smallest_bill_is_meant() -> None:
    user = User()
    user.told(96, "seven_day", 5 * DAY)
    user.sees(Answered("no"))
    user.told(96)
    user.sees(Answered("no"))
    user.sees(Answered("yes"))
    assert user.state.switch
    assert user.state.switch.window == "five_hour"


def test_a_no_ends_what_was_switched_by_hand_at_a_limit() -> None:
    user = User()
    user.limited()
    user.sees(Chosen("anthropic"))
    user.sees(Answered("no"))
    assert user.state.billing == "subscription"


def test_the_amount_holds_for_all_that_is_billed_meanwhile() -> None:
    user = User(AUTO)
    user.limited()
    user.limited("seven_day", 3 * DAY)
    user.sees(Answered("yes", 2.0))
    assert user.state.billing == "anthropic"
    user.spends(2.5)
    assert user.state.billing == "subscription"


def test_a_yes_names_who_is_billed() -> None:
    """Another provider is another bill: it is asked anew."""
    user = User()
    user.limited()
    assert user.state.question
    assert user.state.question.provider == "anthropic"
    user.sees(Answered("yes"))
    user.sees(Refused("s1", "r1", "anthropic", None, "no credit"))
    assert user.state.billing == "subscription"
    assert user.state.question
    assert user.state.question.provider == "openrouter"
    user.sees(Answered("yes"))
    assert user.state.billing == "openrouter"


def test_where_its_key_cant_be_had_nobody_else_is_billed() -> None:
    user = User(replace(ASK, usable=("openrouter",)))
    user.limited()
    user.sees(Answered("yes"))
    assert user.state.billing == "subscription"


@pytest.mark.parametrize(("caps", "billed"), [(Caps(), "anthropic"), (Caps(day=9), "subscription")])
def test_what_cant_be_measured_isnt_spent_where_there_is_a_cap(caps: Caps, billed: str) -> None:
    user = User(replace(AUTO, caps=caps))
    user.limited()
    user.sees(Unmeasured())
    assert user.state.billing == billed
    if caps.day:
        assert user.state.stopped == "unmeasured"
        user.sees(Metered({}, user.state.meter.since if user.state.meter else 0.0))
        assert user.state.billing == "anthropic", "it can be measured again"


def test_what_was_measured_for_an_earlier_switch_isnt_booked_for_this_one() -> None:
    user = User()
    user.limited()
    user.sees(Answered("yes"))
    user.sees(Metered({"s1": 3.0}, NOW - 60))
    assert user.state.days == {}


def test_a_switch_of_an_earlier_version_is_measured_and_ends() -> None:
    old = {"provider": "anthropic", "reason": "limit", "window": "five_hour", "since": NOW - 60}
    state = State.model_validate(
        {
            "switch": {**old, "resets_at": NOW + HOUR, "boot_since": 1.0},
            "limits": {"five_hour": NOW + HOUR},
        }
    )
    user = User(AUTO, state)
    user.sees(Tick())
    assert user.state.meter
    assert user.state.ends.keys() == {"five_hour"}


def test_a_day_has_one_midnight() -> None:
    """Sessions in several time zones share a home, and a day's budget."""
    user = User(replace(AUTO, caps=Caps(day=1.0)))
    user.limited()
    user.spends(2.0)
    assert user.state.stopped == "day"
    user.sees(Tick(), offset=14 * HOUR)
    assert user.state.stopped == "day"


def test_a_lost_state_forgets_no_dollars(home: object) -> None:
    files.make_own_dir()
    entry = Entry(id=1, at=NOW, event="revert", provider="anthropic", dollars=3.0)
    store.append([entry, entry.model_copy(update={"id": 2, "dollars": 4.0})])
    files.replace(paths.own("state.json"), b"{")
    state = store.load()
    assert list(state.days.values()) == [7.0]
    assert list(state.days) == [today(state, Moment(NOW, 0.0))]


def test_a_later_version_may_tell_of_more() -> None:
    told = {"unwritten": [{"id": 1, "at": 1.0, "event": "of tomorrow"}], "tomorrow": True}
    assert (
        State.model_validate(orjson.loads(orjson.dumps(told))).unwritten[0].event == "of tomorrow"
    )


@pytest.mark.parametrize(("pause", "extra"), [(1.0, False), (ON_ITS_WAY + 1, True)])
def test_a_plan_that_answers_beyond_its_limit_has_extra_usage(pause: float, extra: bool) -> None:
    user = User()
    user.told(100)
    user.wall += pause
    user.sees(Answering())
    assert user.state.extra_usage is extra
    assert (user.state.question is None) is extra, "it is never fought"
    user.limited()
    assert not user.state.extra_usage, "it is gone, too"
    assert user.state.question
