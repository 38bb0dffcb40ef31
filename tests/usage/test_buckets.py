"""What is read from the server's word on the plan, whoever brings it."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccfb.usage.buckets import Reading, telling
from usage.claude_meter_standin import NAMES, iso
from usage.plan import RESET

AT = iso(RESET)
OK = {"utilization": 41.0, "resets_at": AT}


def windows(answer: dict[str, Any]) -> dict[str, Reading]:
    return telling(answer).windows


def limit(percent: object, **more: Any) -> dict[str, Any]:
    return {"group": "weekly", "percent": percent, "severity": "normal", "resets_at": AT} | more


def scope(model: object) -> dict[str, Any]:
    return {"model": {"id": None, "display_name": model}, "surface": None}


@pytest.mark.parametrize("name", [*NAMES, "tangelo"])
def test_every_window_is_kept_by_its_name(name: str) -> None:
    """All that `models.rs` of claude-meter lists, and what comes after it."""
    assert windows({name: OK, "member_dashboard_available": False}) == {name: Reading(41.0, RESET)}


@pytest.mark.parametrize(
    ("utilization", "percentage"),
    [(0, 0.0), (41, 41.0), (12.5, 12.5), (100.0, 100.0), (117.3, 117.3), (0.9884844, 0.9884844)],
)
def test_utilization_is_percent(utilization: float, percentage: float) -> None:
    """Also below one: a live answer of 2026-09-24 had 0.9884844 for 2.47 of 250 dollars."""
    found = windows({"five_hour": {"utilization": utilization, "resets_at": AT}})
    assert found == {"five_hour": Reading(percentage, RESET)}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-09-24T11:39:59.671160+00:00", 1790249999.67116),  # the endpoint
        ("2026-10-04T15:10:00.041798123Z", 1791126600.041798),  # claude-meter, in nanoseconds
        ("2026-07-02T16:00:00.000Z", 1783008000.0),
        ("2026-07-02T18:00:00+02:00", 1783008000.0),
    ],
)
def test_a_reset_is_a_moment(text: str, moment: float) -> None:
    found = windows({"five_hour": {"utilization": 1, "resets_at": text}})
    assert found["five_hour"].resets_at == pytest.approx(moment, abs=1e-5)


NO_FIGURES: list[Any] = [None, -1, "96", True, [], {}, math.nan, math.inf, -math.inf]
IN_NO_TIME_ZONE = "2026-07-02T16:00:00"
NO_MOMENTS: list[Any] = [None, 0, RESET, True, "", "soon", [], IN_NO_TIME_ZONE]


@pytest.mark.parametrize(
    "bucket",
    [
        None,
        [],
        "96",
        96.0,
        True,
        {},
        {"utilization": 0.0, "resets_at": None},  # before the first request of a window
        {"utilization": 96.0},
        *({"utilization": value, "resets_at": AT} for value in NO_FIGURES),
        *({"utilization": 96, "resets_at": value} for value in NO_MOMENTS),
    ],
    ids=repr,
)
def test_what_tells_nothing_for_certain_is_passed_over(bucket: object) -> None:
    assert windows({"five_hour": bucket, "seven_day": OK}) == {"seven_day": Reading(41.0, RESET)}


def test_credit_is_no_window() -> None:
    """In live answers: a grant for the cloud, which closes nothing when it is used up."""
    credit = {"utilization": 100.0, "resets_at": AT, "limit_dollars": 250, "used_dollars": 250}
    window = {"utilization": 9.0, "resets_at": AT, "limit_dollars": None, "used_dollars": None}
    assert windows({"iguana_necktie": credit, "five_hour": window}) == {
        "five_hour": Reading(9.0, RESET)
    }


def test_a_model_s_window_is_found_where_only_limits_tell_of_it() -> None:
    """As observed on 2026-07-16, where `seven_day_opus` and the like were null."""
    answer = {
        "five_hour": {"utilization": 4, "resets_at": AT},
        "seven_day_opus": None,
        "limits": [
            limit(5, kind="session", scope=None),
            limit(13, kind="weekly_all", scope=None),
            limit(15, kind="weekly_scoped", scope=scope("Fable")),
            limit(16, kind="weekly_scoped", scope=scope("Opus 5.5")),
        ],
    }
    assert windows(answer) == {
        "five_hour": Reading(4.0, RESET),
        "seven_day": Reading(13.0, RESET),
        "seven_day_fable": Reading(15.0, RESET),
        "seven_day_opus": Reading(16.0, RESET),
    }


@pytest.mark.parametrize(
    "other",
    [
        None,
        "session",
        {},
        limit(99, kind="monthly"),
        limit(99, kind=7),
        limit(99, kind="weekly_scoped", scope=None),
        limit(99, kind="weekly_scoped", scope={"model": None, "surface": "web"}),
        limit(99, kind="weekly_scoped", scope=scope(None)),
        limit(99, kind="weekly_scoped", scope=scope(" ")),
        limit(True, kind="session"),
        limit(99, kind="session", resets_at=None),
    ],
    ids=repr,
)
def test_a_limit_that_nobody_knows_is_no_window(other: object) -> None:
    assert windows({"limits": [other]}) == {}
    assert windows({"limits": other}) == {}


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (None, None),
        ([], None),
        ({}, None),
        ({"is_enabled": None}, None),
        ({"is_enabled": "true"}, None),
        ({"is_enabled": False, "monthly_limit": None, "utilization": None}, False),
        ({"is_enabled": True, "monthly_limit": None, "utilization": None}, True),
        ({"is_enabled": True, "monthly_limit": 2000, "utilization": 12.25}, True),
        # Seen with all of it used.
        ({"is_enabled": True, "monthly_limit": 10000, "utilization": 100}, False),
    ],
)
def test_extra_usage_is_told_as_long_as_there_is_some(block: object, told: bool | None) -> None:
    answer = {"extra_usage": block}
    assert telling(answer).extra_usage is told
    assert windows({"extra_usage": {"is_enabled": True, **OK}}) == {}


TEXT = st.text("aZ9 _-:\u00e9", max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from([*NAMES, "extra_usage", "limits"]) | TEXT
BUCKETS = st.fixed_dictionaries(
    {},
    optional={
        "utilization": JSON | st.floats(),
        "percent": JSON | st.floats(),
        "resets_at": JSON | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
        "kind": st.sampled_from(["session", "weekly_scoped"]) | JSON,
        "scope": JSON | TEXT.map(scope),
        "is_enabled": JSON,
        "limit_dollars": JSON,
    },
)


@given(st.dictionaries(KEYS, JSON | BUCKETS | st.lists(BUCKETS)))
def test_whatever_stands_there_a_reading_is_a_figure_and_a_moment(answer: dict[str, Any]) -> None:
    told = telling(answer)
    for name, reading in told.windows.items():
        assert isinstance(name, str)
        assert math.isfinite(reading.percentage)
        assert reading.percentage >= 0.0
        assert math.isfinite(reading.resets_at)
    assert told.extra_usage in {None, True, False}
    json.dumps(told)
