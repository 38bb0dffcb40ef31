"""From sums to a view: nothing is lost or counted twice, and limits are told as they were."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccfb.errors import CcfbError
from ccfb.report import days, summary
from ccfb.report.model import BY, PICO, SUBSCRIPTION, Collected, Event, Request, Sum, View
from ccfb.report.windows import LENGTH, windows

FIRST = 20_000
"""A day."""

NOON = (FIRST * days.DAY + 48) * days.SLOT
"""Epoch seconds."""

HOUR = 3_600.0
NOW = NOON + 30 * 86_400.0


def utc(_: int) -> int:
    return 0


def used(
    slot: int = 0, *, project: str = "a", model: str = "m", switch: int = 0, **more: int
) -> Sum:
    """A request, so many slots after noon."""
    slot += FIRST * days.DAY + 48
    day = slot // days.DAY
    values = dict.fromkeys(Sum._fields[Sum._fields.index("requests") :], 0)
    values |= {"requests": 1, "cost": PICO, "output": 10, **more}
    return Sum(project, f"s{project}", model, switch, 0, day, day, slot, slot, **values)


def event(number: int, hours: float, event: str, **more: Any) -> Event:
    """Something that happened so many hours after noon, in a window that ends at four."""
    values = {
        "provider": None,
        "window": "five_hour",
        "resets_at": NOON + 4 * HOUR,
        "reason": None,
        "dollars": None,
        **more,
    }
    return Event(id=number, at=NOON + hours * HOUR, event=event, **values)


def switched(number: int, hours: float, provider: str = "anthropic", **more: Any) -> Event:
    return event(number, hours, "switch", provider=provider, reason="limit", **more)


def reverted(number: int, hours: float) -> Event:
    return event(number, hours, "revert", provider="anthropic", reason="reset")


def view(sums: list[Sum], events: list[Event] | None = None, **request: Any) -> View:
    folders = {"a": "/home/ada/api", "b": "/home/ada/web"}
    collected = Collected(sums, events or [], folders, files=1, invalid=0, unknown=0, cut=0)
    return summary.view(collected, Request(("projects",), **request), utc, NOW)


# Lines


EVENTS = [switched(1, 1), reverted(2, 2), switched(3, 26, "openrouter"), reverted(4, 30)]

sums_ = st.lists(
    st.builds(
        used,
        st.integers(0, 400),
        project=st.sampled_from("abc"),
        model=st.sampled_from(["m", "n"]),
        switch=st.sampled_from([0, 1, 3]),
        cost=st.integers(0, PICO),
        input=st.integers(0, 1_000),
        unpriced=st.integers(0, 1),
    ),
    min_size=1,
)


@given(sums_, st.sampled_from(BY))
def test_lines_come_to_the_total_however_they_are_drawn(sums: list[Sum], by: str) -> None:
    seen = view(sums, EVENTS, by=by)
    assert seen.total
    for lines in (seen.lines, seen.providers, seen.models, seen.projects):
        for name in ("requests", "cost", "input", "output", "unpriced"):
            whole = sum(getattr(line.totals, name) for line in lines)
            assert whole == getattr(seen.total.totals, name) == sum(getattr(s, name) for s in sums)
    for line in [*seen.lines, seen.total]:
        assert sum(part.cost for part in line.providers.values()) == line.totals.cost
        own = line.providers.get(SUBSCRIPTION)
        assert line.billed.cost == line.totals.cost - (own.cost if own else 0)


@given(sums_)
def test_providers_alone_come_to_the_whole(sums: list[Sum]) -> None:
    names = (SUBSCRIPTION, "anthropic", "openrouter")
    parts = [view(sums, EVENTS, provider=name).total for name in names]
    assert sum(part.totals.requests for part in parts if part) == len(sums)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("day", ["2024-10-04", "2024-10-05", "2024-11-03"]),
        ("week", ["2024-W40", "2024-W44"]),
        ("month", ["2024-10", "2024-11"]),
        ("window", ["2024-10-04 11:00-16:00", "2024-10-05 00:00-05:00", "2024-11-03 12:00-17:00"]),
        ("session", ["sa", "sb"]),
        ("project", ["/home/ada/web", "/home/ada/api"]),
        ("model", ["n", "m"]),
        ("provider", [SUBSCRIPTION, "anthropic"]),
    ],
)
def test_times_stand_in_their_order_and_all_else_the_dearest_first(
    by: str, names: list[str]
) -> None:
    sums = [
        used(30 * days.DAY, project="b", model="n", cost=9 * PICO),
        used(0),
        used(50, switch=1),
    ]
    assert [line.name for line in view(sums, EVENTS, by=by).lines] == names


@pytest.mark.parametrize(
    ("project", "requests"),
    [("/home/ada/api", 1), ("api", 1), ("ada/web", 2), ("/web/", 2), ("", 3), ("eb", 0), ("x", 0)],
)
def test_the_last_part_of_a_folder_is_enough(project: str, requests: int) -> None:
    total = view([used(), used(1, project="b"), used(2, project="b")], project=project).total
    assert (total.totals.requests if total else 0) == requests


def test_a_session_is_told_with_what_cost_most_of_it() -> None:
    sums = [
        used(0, model="n", cost=2 * PICO),
        used(1, model="m", cost=3 * PICO),
        used(2, model="n", cost=2 * PICO),
    ]
    (line,) = view(sums, by="session").lines
    assert (line.name, line.project, line.model) == ("sa", "/home/ada/api", "n")
    (day,) = view(sums, by="day").lines
    assert (day.project, day.model) == (None, None)


def test_nothing_lasts_beyond_now() -> None:
    """Sums only know the quarter of an hour."""
    collected = Collected([used(0)], [], {}, files=1, invalid=0, unknown=0, cut=0)
    for now, until in ((NOON + 100, NOON + 100), (NOON + 2_000, NOON + 900)):
        (line,) = summary.view(collected, Request((), by="day"), utc, now).lines
        assert (line.since, line.until) == (NOON, until)


# Windows


def test_the_ledger_knows_when_windows_end() -> None:
    """Those before and after stop where it says; others begin with the hour."""
    start = FIRST * days.DAY
    known = event(1, 0, "limit", resets_at=float((start + 30) * days.SLOT))
    found = windows([start + 5, start + 9, start + 11, start + 29, start + 30, start + 33], [known])
    assert found == {
        start + 5: (start + 4, start + 10),
        start + 9: (start + 4, start + 10),
        start + 11: (start + 10, start + 30),
        start + 29: (start + 10, start + 30),
        start + 30: (start + 28, start + 48),
        start + 33: (start + 28, start + 48),
    }


@given(st.sets(st.integers(0, 1_000), min_size=1), st.sets(st.integers(1, 1_000), max_size=5))
def test_each_slot_is_in_its_window(slots: set[int], ends: set[int]) -> None:
    told = [event(1, 0, "limit", resets_at=float(end * days.SLOT)) for end in ends]
    for slot, (start, stop) in windows(slots, told).items():
        assert start <= slot < stop <= start + LENGTH


# Limits, and what wasn't waited


LIMIT = event(1, 1, "limit")


def test_what_a_key_was_billed_for_until_the_reset_was_not_waited() -> None:
    seen = view([used(6, switch=2)], [LIMIT, switched(2, 1.5), reverted(3, 4)])
    (limit,) = seen.limits
    assert (limit.hits, limit.billed, seen.saved) == (
        1,
        [(NOON + 1.5 * HOUR, NOON + 4 * HOUR)],
        2.5 * HOUR,
    )


def test_a_switch_that_was_billed_nothing_has_saved_nothing() -> None:
    assert view([used()], [LIMIT, switched(2, 1.5), reverted(3, 4)]).saved == 0


def test_without_a_switch_everybody_waited() -> None:
    seen = view([used()], [LIMIT])
    assert (len(seen.limits), seen.saved) == (1, 0)


def test_time_under_two_limits_is_saved_once() -> None:
    weekly = event(2, 1, "limit", window="seven_day", resets_at=NOON + 100 * HOUR)
    events = [LIMIT, weekly, switched(3, 2), reverted(4, 6)]
    seen = view([used(10, switch=3)], events)
    assert [limit.window for limit in seen.limits] == ["five_hour", "seven_day"]
    assert seen.saved == 4 * HOUR


def test_a_switch_that_goes_on_has_saved_the_time_until_now() -> None:
    weekly = event(1, 1, "limit", window="seven_day", resets_at=NOW + 9 * HOUR)
    seen = view([used(10, switch=2)], [weekly, switched(2, 2)])
    assert seen.saved == NOW - (NOON + 2 * HOUR)
    assert seen.switches[0].until is None


@pytest.mark.parametrize(("apart", "windows"), [(0, 1), (59, 1), (61, 2)])
def test_two_tellings_of_a_reset_are_one_window(apart: float, windows: int) -> None:
    again = event(2, 2, "limit", resets_at=NOON + 4 * HOUR - apart)
    seen = view([used()], [LIMIT, again])
    assert len(seen.limits) == windows
    assert sum(limit.hits for limit in seen.limits) == 2


def test_a_window_that_was_left_ahead_of_its_limit_was_not_hit() -> None:
    near = event(1, 1, "threshold")
    assert [limit.hits for limit in view([used()], [near]).limits] == [0]
    assert [limit.hits for limit in view([used()], [near, event(2, 2, "limit")]).limits] == [1]


def test_switches_are_told_with_what_they_came_to() -> None:
    sums = [used(6, switch=2), used(7, switch=2), used(20, switch=3)]
    events = [LIMIT, switched(2, 1), switched(3, 2, "openrouter"), reverted(4, 4)]
    first, second = view(sums, events).switches
    assert (first.provider, first.until, first.ended) == ("anthropic", second.since, None)
    assert (second.provider, second.until, second.ended) == ("openrouter", NOON + 4 * HOUR, "reset")
    assert (first.totals.requests, second.totals.requests) == (2, 1)


@pytest.mark.parametrize(
    ("since", "until", "told"), [(0, 0, 1), (-5, -1, 0), (1, 5, 0), (-5, 5, 1), (0, 10**6, 1)]
)
def test_only_limits_and_switches_of_the_users_days_are_told(
    since: int, until: int, told: int
) -> None:
    events = [LIMIT, switched(2, 1.5), reverted(3, 4)]
    seen = view([used(6, switch=2)], events, since=FIRST + since, until=FIRST + until)
    assert (len(seen.limits), len(seen.switches)) == (told, told)


@pytest.mark.parametrize("part", [{"project": "api"}, {"provider": "anthropic"}])
def test_limits_are_nothing_of_a_projects_or_a_providers(part: dict[str, str]) -> None:
    """But switches are, if they paid for something of it."""
    events = [LIMIT, switched(2, 1.5), reverted(3, 4)]
    seen = view([used(6, switch=2)], events, **part)
    assert (seen.limits, seen.saved, len(seen.switches)) == ([], 0, 1)
    assert view([used(6)], events, **part).switches == []


# What isn't there


@pytest.mark.parametrize(
    ("request_", "reference", "message", "hint"),
    [
        (
            {"project": "apy"},
            "unknown-project",
            "No project is called apy.",
            "There are: api, …",
        ),
        (
            {"project": "xyzzy"},
            "unknown-project",
            "No project is called xyzzy.",
            "There are: api, web.",
        ),
        (
            {"provider": "openruter"},
            "unknown-provider",
            "openruter was never billed.",
            "There are: openrouter, …",
        ),
        (
            {"provider": "gemini"},
            "unknown-provider",
            "gemini was never billed.",
            "There are: subscription, anthropic, openrouter.",
        ),
    ],
)
def test_who_asks_for_the_unknown_hears_what_is_known(
    request_: dict[str, str], reference: str, message: str, hint: str
) -> None:
    folders = {"a": "/home/ada/api", "b": "/home/ada/web"}
    collected = Collected([], EVENTS, folders, files=1, invalid=0, unknown=0, cut=0)
    with pytest.raises(CcfbError) as caught:
        summary.check(collected, Request(("projects",), **request_))  # type: ignore[arg-type]
    assert (caught.value.reference, caught.value.message) == (reference, message)
    assert caught.value.hint == hint


def test_what_is_known_may_be_asked_for() -> None:
    collected = Collected([], EVENTS, {"a": "/home/ada/api"}, files=1, invalid=0, unknown=0, cut=0)
    for request in ({}, {"project": "api"}, {"provider": SUBSCRIPTION}, {"provider": "openrouter"}):
        summary.check(collected, Request(("projects",), **request))  # type: ignore[arg-type]


def test_nothing_used_is_an_empty_view() -> None:
    seen = view([], EVENTS, by="day")
    assert (seen.days, seen.total, seen.lines, seen.providers) == (None, None, [], [])
