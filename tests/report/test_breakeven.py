"""Plans are compared by what was really used, and nobody is told more than is known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccfb.plans import PLANS
from ccfb.report import breakeven, days
from ccfb.report.model import PICO, BreakEven, Choice, Event, Slot
from ccfb.report.windows import LENGTH

FIRST = 1_000 * days.DAY
"""A midnight, UTC; in slots."""

MONTHS = 30 / breakeven.MONTH
"""Of 30 days."""


def used(day: int, dollars: float, *, hour: int = 8, switch: int = 0) -> Slot:
    slot = FIRST + day * days.DAY + hour * 4
    return Slot(slot, switch, round(dollars * PICO), unpriced=0)


def hit(day: int, *, hour: int = 8, window: str = "five_hour", event: str = "limit") -> Event:
    """A limit an hour after that; its window began at that hour."""
    at = (FIRST + day * days.DAY + hour * 4 + 4) * days.SLOT
    resets_at = (FIRST + day * days.DAY + hour * 4 + LENGTH) * days.SLOT
    return Event(day + 1, at, event, None, window, resets_at, None, None)


def compared(slots: list[Slot], *events: Event, own: str | None = None, **plans: Any) -> BreakEven:
    known = {name: plan._replace(**plans) for name, plan in PLANS.items()}
    found = breakeven.compare(slots, events, known, own)
    assert found
    return found


def choice(found: BreakEven, name: str) -> Choice:
    return next(each for each in found.choices if each.name == name)


def beyond(found: BreakEven) -> dict[str, float]:
    """What is billed in the whole month, in dollars."""
    return {each.name: round(each.fallback * MONTHS, 6) for each in found.choices}


MONTH = [used(day, 50) for day in range(30)]
"""$50 every morning."""


def test_a_plan_carries_its_windows_as_far_as_they_hold() -> None:
    assert beyond(compared(MONTH)) == {
        "pro": 30 * (50 - 18),
        "max_5x": 30 * (50 - 35),
        "max_20x": 0,
        "api": 30 * 50,
        "as_it_was": 0,
    }


def test_windows_of_one_day_are_counted_apart() -> None:
    twice = sorted([*MONTH, *(used(day, 50, hour=13) for day in range(30))])
    assert beyond(compared(twice))["max_5x"] == 60 * (50 - 35)
    together = sorted([*MONTH, *(used(day, 50, hour=12) for day in range(30))])
    assert beyond(compared(together))["max_5x"] == 30 * (100 - 35)


def test_costs_are_told_for_a_month() -> None:
    """However long the usage is that they are made of."""
    for length in (10, 30, 300):
        found = compared([used(day, 50) for day in range(length)])
        assert choice(found, "api").total == pytest.approx(50 * breakeven.MONTH)
        assert choice(found, "pro").plan == 20


@pytest.mark.parametrize(
    ("dollars", "cheapest"), [(0.1, "api"), (18, "pro"), (37, "max_5x"), (100, "max_20x")]
)
def test_the_cheapest_is_what_costs_least(dollars: float, cheapest: str) -> None:
    assert compared([used(day, dollars) for day in range(30)]).cheapest == cheapest


def test_what_it_was_cannot_be_chosen() -> None:
    """Work that waited was cheap, but isn't for sale."""
    found = compared(MONTH)
    assert found.cheapest == "max_20x"
    assert choice(found, "as_it_was").fallback == 0


def test_what_was_billed_came_on_top_of_the_own_plan() -> None:
    found = compared([*MONTH[:-1], used(29, 50, switch=7)], own="max_5x")
    assert choice(found, "as_it_was").plan == 100
    assert beyond(found)["as_it_was"] == 50


def test_without_a_known_plan_nothing_is_said_of_its_price() -> None:
    found = compared(MONTH)
    assert (choice(found, "as_it_was").plan, choice(found, "as_it_was").total) == (None, None)
    assert any("ccfb config set plan" in said for said in found.assumptions)
    assert not any("config set plan " in said for said in compared(MONTH, own="pro").assumptions)


@pytest.mark.parametrize("length", range(1, 9))
def test_a_few_days_tell_nothing(length: int) -> None:
    found = compared([used(day, 50) for day in range(length)])
    assert bool(found.choices) == bool(found.cheapest) == (length >= 7)
    assert found.assumptions
    assert found.days == length


def test_where_nothing_was_used_there_is_nothing_to_compare() -> None:
    assert breakeven.compare([], [], PLANS, "pro") is None


# What windows hold


LIMITS = [hit(day) for day in range(10)]


def test_the_users_limits_tell_what_windows_hold() -> None:
    """Of their plan by the median, and of the others in proportion to their names."""
    carried = [*range(60, 160, 10)]
    slots = [used(day, dollars) for day, dollars in enumerate(carried)]
    told = compared(slots, *LIMITS, own="max_5x").assumptions[0]
    assert "$22 on Pro (in proportion), " in told
    assert "$110 on Max 5x (the median of 10 limits, $60 to $150), " in told
    assert "$440 on Max 20x (in proportion)" in told


def test_some_days_are_compared_by_what_all_have_told() -> None:
    """Whoever asks for a week hears of the same windows as whoever asks for all."""
    carried = [used(day, dollars) for day, dollars in enumerate(range(60, 160, 10))]
    week = [used(day, 10) for day in range(20, 30)]
    whole = [*carried, *week]
    some = breakeven.compare(week, LIMITS, PLANS, "max_5x", every=whole)
    assert some
    assert some.assumptions[0] == compared(whole, *LIMITS, own="max_5x").assumptions[0]
    assert choice(some, "api").fallback == pytest.approx(100 * breakeven.MONTH / 10)


def test_the_users_word_on_a_window_comes_before_what_limits_tell() -> None:
    """Of their own plan it tells of the others too, unless they have said that as well."""
    told = {
        **PLANS,
        "max_5x": PLANS["max_5x"]._replace(window=40, told=True),
        "max_20x": PLANS["max_20x"]._replace(window=99, told=True),
    }
    found = breakeven.compare(MONTH, LIMITS, told, "max_5x")
    assert found
    assert found.assumptions[0] == (
        "Five hours hold $8 on Pro (in proportion), $40 on Max 5x (as you say), "
        "$99 on Max 20x (as you say)."
    )
    assert beyond(found)["max_5x"] == 30 * (50 - 40)


def test_what_a_plan_has_carried_it_can_carry() -> None:
    """The median says less of a window than the window itself."""
    slots = sorted([*MONTH, used(15, 90), used(16, 70, switch=1)])
    found = compared(slots, *LIMITS, own="max_5x")
    assert beyond(found) == {
        "pro": 30 * (50 - 10) + (90 + 70) - 18 - 0,
        "max_5x": 70,
        "max_20x": 0,
        "api": 30 * 50 + 90 + 70,
        "as_it_was": 70,
    }


def test_what_came_after_a_limit_or_was_billed_says_nothing_of_the_plan() -> None:
    slots = [
        each
        for day in range(10)
        for each in (
            used(day, 20),
            used(day, 500, switch=1),
            used(day, 500, hour=10, switch=1),
            used(day, 500, hour=11),
        )
    ]
    assert "$20 on Max 5x" in compared(slots, *LIMITS, own="max_5x").assumptions[0]


def test_a_limit_that_several_sessions_met_counts_once() -> None:
    told = compared(MONTH, *LIMITS[:3], *LIMITS[:3], own="pro").assumptions[0]
    assert "3 limits" in told


def test_a_limit_that_was_left_ahead_of_it_tells_too() -> None:
    near = [hit(day, event="threshold") for day in range(5)]
    assert "5 limits" in compared(MONTH, *near, own="pro").assumptions[0]


@pytest.mark.parametrize(
    ("events", "own", "cheapest"),
    [(LIMITS[:2], "pro", ""), (LIMITS, None, ""), ([], None, "pro"), ([], "pro", "pro")],
    ids=str,
)
def test_else_the_configuration_tells(events: list[Event], own: str | None, cheapest: str) -> None:
    """Two limits are too few, and of a plan without a name they say nothing.

    But they refute what the configuration says: no plan is called the cheapest.
    """
    found = compared(MONTH, *events, own=own, window=40)
    assert "$40 on Pro, $40 on Max 5x, $40 on Max 20x" in found.assumptions[0]
    assert any("No plan is called the cheapest" in said for said in found.assumptions) is bool(
        events
    )
    assert found.cheapest == cheapest


def test_the_api_alone_is_called_the_cheapest_whatever_windows_hold() -> None:
    assert compared([used(day, 0.1) for day in range(30)], *LIMITS).cheapest == "api"


def test_weeks_count_where_the_configuration_knows_what_they_hold() -> None:
    found = compared(MONTH, window=1_000, week=100)
    weeks = {each.slot // breakeven.WEEK for each in MONTH}
    whole = 30 * 50 - 100 * len(weeks)
    assert whole <= beyond(found)["pro"] <= whole + 100
    assert not any("Weekly" in said for said in found.assumptions)


def test_that_weeks_are_left_out_is_said_and_how_often_they_were_hit() -> None:
    weekly = [hit(day, window="seven_day") for day in (6, 13)]
    said = compared(MONTH, *weekly, *LIMITS).assumptions
    assert "Weekly limits aren't counted, though 2 were hit (plans.*.week)." in said
    some = {**PLANS, "pro": PLANS["pro"]._replace(week=100)}
    found = breakeven.compare(MONTH, [], some, None)
    assert found
    assert "Weekly limits aren't counted on Max 5x, Max 20x (plans.*.week)." in found.assumptions


# Whatever the usage


slots_ = st.lists(
    st.builds(
        Slot,
        st.integers(FIRST, FIRST + 60 * days.DAY),
        st.integers(0, 2),
        st.integers(0, 200 * PICO),
        st.just(0),
    ),
    min_size=1,
).map(sorted)
holds = st.floats(0.01, 1_000)


@given(slots_, holds, holds, st.none() | holds)
def test_what_holds_more_never_bills_more(
    slots: list[Slot], one: float, other: float, week: float | None
) -> None:
    small, large = (
        beyond(compared(slots, window=window, week=week)) for window in sorted((one, other))
    )
    assert all(large[name] <= small[name] + 1e-6 for name in small)


@given(slots_, holds, st.none() | holds)
def test_no_plan_bills_more_than_the_api_alone(
    slots: list[Slot], window: float, week: float | None
) -> None:
    found = compared(slots, window=window, week=week)
    for each in found.choices:
        assert 0 <= each.fallback <= choice(found, "api").fallback + 1e-6
    if found.choices:
        totals = [each.total or 0.0 for each in found.choices if each.name != "as_it_was"]
        assert choice(found, found.cheapest).total == min(totals)
