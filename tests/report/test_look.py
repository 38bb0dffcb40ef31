"""What a report says beside its sums: the budget, the user's plan, and what was used when."""

import json
from pathlib import Path
from typing import Any

import pytest

from ccfb import files, paths
from ccfb.billing import budget
from ccfb.plans import PLANS
from ccfb.report import chosen, collect, days
from ccfb.report.model import Cap, Request
from ccfb.report.slots import slots
from report import corpus, struck

NOW = 1_795_168_800.0
"""2026-11-20, 10:00 UTC."""

FRIDAY = {"days": {"2026-11-01": 1.5, "2026-11-19": 5, "2026-11-20": 3.25}}


def utc(_: int) -> int:
    return 0


def quiet(_done: int, _total: int) -> None:
    """Nobody looks on."""


def say(**said: Any) -> None:
    files.make_own_dir()
    Path(paths.own("config.json")).write_text(json.dumps(said))


def remember(**state: Any) -> None:
    files.make_own_dir()
    Path(paths.own("state.json")).write_text(json.dumps(state, separators=(",", ":")))


# The budget


def test_without_a_word_there_is_no_budget_and_the_plan_is_not_known() -> None:
    assert chosen.caps(NOW) == []
    assert chosen.plans() == (PLANS, None)


@pytest.mark.parametrize(
    ("said", "caps"),
    [
        ({"budget": {"day": 20}}, [Cap("day", 3.25, 20)]),
        ({"budget": {"day": 3}}, [Cap("day", 3.25, 3, used_up=True)]),
        (
            {"budget": {"day": 20, "month": 10}},
            [Cap("month", 9.75, 10), Cap("day", 3.25, 20)],
        ),
        ({"cost_limit_per_session": 5}, [Cap("session", 0.5, 5)]),
        ({"mode": "auto"}, []),
    ],
    ids=str,
)
def test_every_cap_is_told_with_what_is_spent_of_it(said: Any, caps: list[Cap]) -> None:
    """Also one in an earlier tool's words; the nearest to its end first."""
    say(**said)
    meter = {"provider": "anthropic", "since": NOW - 60, "sessions": {"s": 0.5}}
    sessions = {"s": {"seen_at": NOW, "spent": 0.5}}
    remember(**FRIDAY, meter=meter, sessions=sessions, allowance=None)
    assert chosen.caps(NOW) == caps
    assert {cap.per for cap in caps} <= budget.WORDS.keys()


def test_a_day_is_the_users() -> None:
    say(budget={"day": 20})
    remember(**FRIDAY, allowance=None, offset=-11 * 3_600)
    assert chosen.caps(NOW) == [Cap("day", 5, 20)]


def test_what_a_yes_allows_is_told_too() -> None:
    remember(allowance={"dollars": 5.0, "spent": 1.0, "since": NOW - 60})
    assert chosen.caps(NOW) == [Cap("answer", 1, 5)]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"days": 5}'])
def test_a_damaged_state_is_left_to_the_engine(content: str) -> None:
    say(budget={"day": 20})
    path = Path(paths.own("state.json"))
    path.write_text(content)
    assert chosen.caps(NOW) == []
    assert path.read_text() == content


# The plan


def test_the_users_word_on_plans_comes_before_ours() -> None:
    say(plan="max_5x", plans={"pro": {"price": 17}, "max_5x": {"window": 50, "week": 400}})
    plans, own = chosen.plans()
    assert own == "max_5x"
    assert plans == {
        "pro": PLANS["pro"]._replace(price=17),
        "max_5x": PLANS["max_5x"]._replace(window=50, week=400, told=True),
        "max_20x": PLANS["max_20x"],
    }


def test_a_configuration_with_a_mistake_stops_no_report() -> None:
    say(plan="max_6x", budget={"day": "much"})
    remember(allowance=None)
    assert chosen.plans() == (PLANS, None)
    assert chosen.caps(NOW) == []


def test_a_configuration_that_has_changed_is_understood_anew() -> None:
    for plan in ("pro", "max_5x", "pro"):
        say(plan=plan)
        assert [chosen.plans()[1], chosen.plans()[1]] == [plan, plan]


# What was used when


@pytest.fixture
def worked(home: Path) -> tuple[str, ...]:
    corpus.make(home / ".claude", size=400_000, sessions=12)
    struck.strike(home / ".claude" / "projects", 4)
    return (paths.projects(),)


@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns", "Pacific/Auckland"])
def test_quarters_of_an_hour_come_to_the_same_as_the_sums(
    worked: tuple[str, ...], zone: str
) -> None:
    """Wherever the user's days begin and end."""
    offset = days.of_zone(zone)
    every = Request(worked, by="day")
    busy = sorted({each.day for each in collect.collect(every, offset, quiet).sums})
    for request in (every, *(every._replace(since=day, until=day) for day in busy)):
        sums = collect.collect(request, offset, quiet).sums
        found = slots(request, offset)
        assert sum(each.cost for each in found) == sum(each.cost for each in sums) > 0
        assert sum(each.unpriced for each in found) == sum(each.unpriced for each in sums)
        assert {each.switch for each in found} == {each.switch for each in sums}
        assert found == sorted(found)


def test_only_the_folders_that_are_asked_for_count(home: Path, worked: tuple[str, ...]) -> None:
    other = home / "other"
    corpus.make(other, size=100_000, sessions=3, seed=2)
    both = Request((*worked, str(other / "projects")))
    requests = [Request((folder,)) for folder in both.folders]
    for request in (both, *requests):
        collect.collect(request, utc, quiet)
    apart = [slots(request, utc) for request in requests]
    costs = [sum(each.cost for each in part) for part in (slots(both, utc), *apart)]
    assert costs[0] == costs[1] + costs[2]
    assert all(costs)


def test_where_no_cache_can_be_kept_nothing_is_known_of_it() -> None:
    assert slots(Request((paths.projects(),)), utc) == []
