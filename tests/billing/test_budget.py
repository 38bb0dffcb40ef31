"""What may be spent: by session, window, day and month, and as the user said."""

from dataclasses import replace

import pytest

from billing.story import (
    AUTO,
    DAY,
    DEFAULT,
    HOUR,
    NOW,
    RESET,
    WEEKLY,
    WINDOWS,
    World,
    continues,
    limit,
    refusal,
    says,
    told,
    weekly,
)
from ccfb.billing import budget
from ccfb.billing.events import Answered, Bar, Chosen, Metered, Prompted, Resumed, Tick
from ccfb.billing.machine import FLIGHT, KEEP, LEAD
from ccfb.billing.model import Moment, State
from ccfb.billing.rules import Caps, Rules

KINDS = ["session", "window", "day", "month"]


def capped(rules: Rules = AUTO, /, **dollars: float) -> Rules:
    return replace(rules, caps=Caps(**dollars))


def switched(rules: Rules) -> World:
    """A world in which a limit has made billing go over."""
    world = World(rules)
    world.sees(limit())
    assert world.billed == "anthropic"
    return world


# 80 % and 100 %


@pytest.mark.parametrize("per", KINDS)
def test_near_a_cap_the_user_is_told_once_and_at_the_cap_the_plan_is_billed(per: str) -> None:
    world = switched(capped(**{per: 10.0}))
    world.spends(7.9)
    assert world.written("budget") == []
    for dollars in (0.1, 0.1, 1.8):
        world.spends(dollars)
    assert world.reasons("budget") == ["near"]
    assert world.billed == "anthropic"
    world.spends(0.1)
    assert (world.billed, world.reasons()) == ("subscription", ["budget"])
    world.spends(0.4)  # was in flight
    assert world.reasons("budget") == ["near", "used up"]
    assert world.state.stopped == per
    near, used_up = says(world.sees(Prompted("s1")))
    assert near.startswith("$8.00 of $10.00 are spent")
    assert used_up.startswith("$10.00 of $10.00 are spent")
    assert f"budget.{per}" in used_up


@pytest.mark.parametrize("per", KINDS)
def test_a_jump_over_both_is_told_once(per: str) -> None:
    world = switched(capped(**{per: 10.0}))
    world.spends(12.0)
    assert world.reasons("budget") == ["used up"]


@pytest.mark.parametrize("per", KINDS)
def test_nothing_new_is_switched_while_a_cap_is_used_up(per: str) -> None:
    world = switched(capped(**{per: 10.0}))
    world.spends(10.0)
    world.passes(HOUR)
    assert continues(world.sees(limit("s2", "f2"))) == []
    assert world.billed == "subscription"
    (*_, why) = says(world.sees(Prompted("s2")))
    assert "budget" in why


@pytest.mark.parametrize("per", KINDS)
def test_who_raises_the_cap_goes_on(per: str) -> None:
    world = switched(capped(**{per: 10.0}))
    world.spends(10.0)
    world.sees(Tick(), capped(**{per: 20.0}))
    assert world.billed == "anthropic"
    world.rules = capped(**{per: 20.0})
    for dollars in (6.0, 4.0):
        world.spends(dollars)
    assert world.reasons("budget") == ["used up", "near", "used up"]


@pytest.mark.parametrize("per", KINDS)
def test_who_lowers_the_cap_below_what_was_spent_stops_at_once(per: str) -> None:
    world = switched(capped(**{per: 20.0}))
    world.spends(10.0)
    world.sees(Tick(), capped(**{per: 10.0}))
    assert world.billed == "subscription"


@pytest.mark.parametrize("per", ["session", "window", "day", "month"])
def test_a_provider_that_the_user_holds_ends_at_a_cap(per: str) -> None:
    world = World(capped(DEFAULT, **{per: 10.0}))
    world.sees(limit())
    world.sees(Chosen("openrouter"))
    world.spends(10.0)
    assert world.billed == "subscription"
    assert not world.state.hold


@pytest.mark.parametrize("per", ["window", "day", "month"])
def test_a_used_up_cap_isnt_evaded_by_choosing_a_provider(per: str) -> None:
    world = switched(capped(**{per: 10.0}))
    world.spends(10.0)
    world.sees(Chosen("openrouter"))
    assert world.billed == "subscription"


def test_ten_cents_ten_times_are_a_dollar() -> None:
    world = switched(capped(day=1.0))
    for _ in range(10):
        world.spends(0.1)
    assert world.billed == "subscription"


# What each cap is for


@pytest.mark.parametrize(
    ("seconds", "offset", "billed"),
    [
        (16 * HOUR - 1, 0.0, "subscription"),
        (16 * HOUR, 0.0, "anthropic"),
        (15 * HOUR - 1, HOUR, "subscription"),
        (15 * HOUR, HOUR, "anthropic"),
        (24 * HOUR - 1, -8 * HOUR, "subscription"),
        (24 * HOUR, -8 * HOUR, "anthropic"),
    ],
)
def test_a_day_ends_at_the_users_midnight(seconds: float, offset: float, billed: str) -> None:
    world = World(capped(day=5.0))
    world.offset = offset
    world.sees(limit(window="seven_day", resets_at=NOW + 3 * DAY))
    world.spends(5.0)
    world.passes(seconds)
    world.sees(Tick())
    assert world.billed == billed


@pytest.mark.parametrize(("days", "billed"), [(16, "subscription"), (17, "anthropic")])
def test_a_month_ends_on_its_last_day(days: int, billed: str) -> None:
    """It is the 15th of January."""
    world = switched(capped(month=5.0))
    for _ in range(5):
        world.spends(1.0)
    world.passes(days * DAY)
    world.sees(limit(failure="f2", resets_at=world.wall + HOUR))
    assert world.billed == billed


def test_a_month_is_the_sum_of_its_days() -> None:
    world = World(capped(month=3.0))
    for day in range(3):
        world.sees(limit(failure=f"f{day}", resets_at=world.wall + HOUR))
        world.spends(1.0)
        assert world.billed == ("subscription" if day == 2 else "anthropic")
        world.passes(DAY)


def test_a_window_has_a_budget_of_its_own_until_its_reset() -> None:
    world = switched(capped(window=5.0))
    world.spends(5.0)
    world.passes_until(RESET + HOUR)
    world.sees(limit(failure="f2", resets_at=RESET + 5 * HOUR))
    assert world.billed == "anthropic"
    world.spends(4.0)
    assert world.billed == "anthropic"


def test_dollars_count_in_every_window_that_is_closed() -> None:
    """The longest one is billed for; the others last as long."""
    world = switched(capped(window=5.0))
    world.spends(2.0)
    world.sees(weekly())
    world.spends(3.0)
    assert world.billed == "subscription"
    world.passes_until(RESET)
    world.sees(Tick())
    assert world.billed == "anthropic"
    world.spends(2.0)
    assert world.billed == "subscription"
    assert world.state.spent["seven_day"].dollars == 5.0


def test_a_session_that_has_spent_its_budget_ends_it_for_all_until_windows_are_open() -> None:
    world = switched(capped(session=5.0))
    world.spends(5.0, "s1")
    assert continues(world.sees(limit("s2", "f1"))) == []
    later(world)
    assert world.billed == "anthropic"


def later(world: World) -> None:
    """The next window is used up, too, by another session; in between nothing has happened."""
    world.passes_until(RESET + HOUR)
    world.sees(limit("s2", "f2", resets_at=RESET + 5 * HOUR))


def test_a_session_without_budget_sends_no_prompt_while_a_provider_is_billed() -> None:
    world = switched(capped(session=5.0))
    world.spends(5.0, "s1")
    assert not any(isinstance(action, Bar) for action in world.sees(Prompted("s1")))
    later(world)
    assert any(isinstance(action, Bar) for action in world.sees(Prompted("s1")))
    assert not any(isinstance(action, Bar) for action in world.sees(Prompted("s2")))


def test_a_session_without_budget_doesnt_go_on_by_itself() -> None:
    world = switched(capped(session=5.0))
    world.spends(5.0, "s1")
    later(world)
    assert continues(world.sees(limit("s1", "f3", resets_at=RESET + 5 * HOUR))) == []
    assert continues(world.sees(Resumed("s1"))) == []
    assert "budget" in says(world.sees(Prompted("s1")))[-1]


def test_a_session_that_goes_on_for_weeks_has_one_budget() -> None:
    world = switched(capped(session=5.0))
    world.spends(3.0, "s1")
    world.passes(KEEP + DAY)
    world.sees(limit("s2", "f2", resets_at=world.wall + HOUR))
    world.spends(2.0, "s1")
    assert world.billed == "subscription"


# As the user said


def asked(dollars: float | None, rules: Rules = DEFAULT) -> World:
    world = World(rules)
    world.sees(limit())
    world.sees(Answered("yes", dollars))
    assert world.billed == "anthropic"
    return world


def test_a_yes_holds_until_its_dollars_are_used() -> None:
    world = asked(5.0)
    world.spends(4.0)
    assert world.reasons("budget") == ["near"]
    world.spends(1.0)
    assert (world.billed, world.reasons()) == ("subscription", ["budget"])
    assert world.asked is None, "the user has said how much"
    assert world.state.stopped is None
    assert world.state.wake.line["stopped"] == "answer"
    assert "ccfb yes" in says(world.sees(Prompted("s1")))[-1]


def test_another_yes_allows_as_much_again() -> None:
    world = asked(5.0)
    world.spends(5.0)
    world.sees(Answered("yes", 2.0))
    world.spends(1.9)
    assert world.billed == "anthropic"
    world.spends(0.1)
    assert world.billed == "subscription"


def test_a_yes_without_an_amount_is_bound_by_the_budget_alone() -> None:
    world = asked(None, capped(DEFAULT, day=50.0))
    world.spends(49.0)
    assert world.billed == "anthropic"
    world.spends(1.0)
    assert world.billed == "subscription"


def test_a_yes_is_over_with_its_window() -> None:
    world = asked(5.0)
    world.spends(1.0)
    world.passes_until(RESET - LEAD)
    world.sees(Tick())
    world.sees(Tick())
    assert world.state.allowance is None
    assert world.state.wake.line["per"] is None


@pytest.mark.parametrize("dollars", [0.0, -1.0])
def test_a_yes_for_nothing_bills_nothing(dollars: float) -> None:
    world = World(DEFAULT)
    world.sees(limit())
    world.sees(Answered("yes", dollars))
    assert world.billed == "subscription"


# What is measured


def test_what_was_told_twice_is_booked_once() -> None:
    world = switched(AUTO)
    event = Metered({"s1": 2.0, "s2": 1.0}, NOW)
    for _ in range(2):
        world.sees(event)
    assert list(world.state.days.values()) == [3.0]
    assert {name: kept.spent for name, kept in world.state.sessions.items()} == {
        "s1": 2.0,
        "s2": 1.0,
    }


def test_a_sum_that_has_become_smaller_is_passed_over() -> None:
    world = switched(AUTO)
    for total in (2.0, 1.0, 2.5):
        world.sees(Metered({"s1": total}, NOW))
    assert world.state.sessions["s1"].spent == 2.5


def test_what_was_in_flight_at_the_end_is_booked_however_late_it_is_told() -> None:
    world = switched(AUTO)
    world.passes_until(RESET)
    world.sees(Tick())
    assert world.state.wake.metered
    world.passes(FLIGHT + HOUR)
    world.spends(1.0)
    assert list(world.state.days.values()) == [1.0]
    assert (world.state.meter, world.state.wake.metered) == (None, False)


def test_while_the_plan_is_billed_nothing_is_measured() -> None:
    world = World(AUTO)
    assert not world.state.wake.metered
    world.sees(Metered({"s1": 9.0}, NOW))
    assert not world.state.days


@pytest.mark.parametrize(
    ("caps", "capped"), [(Caps(), False), (Caps(day=1.0), True), (Caps(month=1.0), True)]
)
def test_the_gate_knows_whether_dollars_are_counted(caps: Caps, *, capped: bool) -> None:
    assert switched(replace(AUTO, caps=caps)).state.wake.capped is capped


def test_the_status_line_shows_the_cap_that_is_nearest() -> None:
    world = asked(20.0, capped(DEFAULT, session=5.0, day=8.0, month=100.0))
    world.spends(3.0, "s1")
    world.spends(3.0, "s2")
    line = world.state.wake.line
    assert (line["spent"], line["cap"], line["per"]) == (6.0, 8.0, "day")


def test_without_a_cap_the_status_line_shows_what_this_switch_has_cost() -> None:
    world = switched(AUTO)
    world.spends(3.0)
    world.sees(refusal())
    world.spends(1.0)
    line = world.state.wake.line
    assert (line["spent"], line["cap"], line["per"]) == (1.0, None, None)


def test_days_are_kept_as_long_as_a_month_may_need_them() -> None:
    world = World(Rules("off"))
    world.sees(Chosen("anthropic"))
    for _ in range(100):
        world.spends(1.0)
        world.passes(DAY)
    assert len(world.state.days) == budget.DAYS
    assert max(world.state.days) == budget.day_of(world.wall - DAY, 0.0)


def test_a_cap_of_nothing_is_used_up() -> None:
    state = State(days={"2027-01-15": 0.0})
    (cap,) = budget.caps(state, Caps(day=0.0), Moment(NOW, 0.0))
    assert cap.used_up
    assert cap.short


def test_a_threshold_and_a_cap_dont_take_turns() -> None:
    """At the cap the plan is billed, though the window is still near its limit."""
    world = World(replace(DEFAULT, mode="auto", windows=WINDOWS, caps=Caps(window=2.0)))
    world.sees(told(97))
    world.spends(2.0)
    for percentage in (98, 99, 120):
        world.sees(told(percentage))
    assert world.written("switch", "revert") == ["switch", "revert"]
    assert world.state.near == {"five_hour": RESET}
    assert world.wall < WEEKLY
