"""Increments add up to what there is, whatever grows when; and none overlaps another in time."""

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ccfb.report.export.points import NOTHING, SECONDS, Key, Point, Sent, Series, points, taken
from ccfb.report.export.rows import Numbers

ONE, OTHER = (Series("shop", model, "subscription", False) for model in ("opus", "haiku"))


def used(requests: int) -> Numbers:
    return NOTHING._replace(requests=requests)


growth = st.tuples(st.integers(0, 5), st.sampled_from([ONE, OTHER]), st.integers(-2, 3))
runs = st.lists(
    st.tuples(
        st.lists(growth, max_size=5),
        st.floats(0, 1.5 * SECONDS, allow_nan=False),
        st.integers(0, 4),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(runs)
def test_increments_add_up_and_do_not_overlap(
    runs: list[tuple[list[tuple[int, Series, int]], float, int]],
) -> None:
    """Also when days grow late, shrink, are ahead of the clock, or are only taken in part."""
    known: dict[Key, Numbers] = {}
    most: Counter[Key] = Counter()
    sent, now, got = Sent(), 0.0, list[Point]()
    for grown, passed, accepted in runs:
        now += passed
        for day, series, requests in grown:
            before = known.get((day, series), NOTHING).requests
            known[day, series] = used(max(0, before + requests))
        new = points(known, sent, now)[:accepted]
        if new:
            sent = taken(sent, new, known, now)
            got += new
        for point in new:
            for key in point.keys:
                most[key] = max(most[key], known[key].requests)
    assert sum(point.numbers.requests for point in got) == sum(most.values())
    for series in (ONE, OTHER):
        spans = sorted(point[:2] for point in got if point.series == series)
        assert all(since <= until for since, until in spans)
        assert all(one[1] <= other[0] for one, other in pairwise(spans))


def spans(known: dict[Key, Numbers], sent: Sent, now: float) -> list[tuple[float, float]]:
    """In days."""
    return [(p.since / SECONDS, p.until / SECONDS) for p in points(known, sent, now * SECONDS)]


def test_the_past_is_told_by_day_and_today_until_now() -> None:
    known = {(1, ONE): used(1), (2, ONE): used(1), (3, ONE): used(1)}
    assert spans(known, Sent(), 3.5) == [(1, 2), (2, 3), (3, 3.5)]


def test_what_grows_counts_since_the_last_time() -> None:
    sent = Sent(3.25 * SECONDS, {(3, ONE): used(1)})
    assert spans({(3, ONE): used(2), (4, ONE): used(2)}, sent, 4.5) == [(3.25, 4), (4, 4.5)]


def test_a_day_that_grows_late_counts_now() -> None:
    """Together with what today has grown by."""
    sent = Sent(3.25 * SECONDS, {(1, ONE): used(1), (3, ONE): used(1)})
    (point,) = points({(1, ONE): used(3), (3, ONE): used(2)}, sent, 3.5 * SECONDS)
    assert point.numbers == used(3)
    assert (point.since, point.until) == (3.25 * SECONDS, 3.5 * SECONDS)


def test_a_day_that_was_never_sent_has_its_own_time() -> None:
    """As when only later days were asked for at first."""
    assert spans({(1, ONE): used(3)}, Sent(3.25 * SECONDS), 3.5) == [(1, 2)]


def test_what_becomes_less_is_left_alone() -> None:
    known = {(1, ONE): Numbers(1, 0, 5, 0, 0, 0, 0, 0, 10)}
    sent = Sent(SECONDS * 2, {(1, ONE): Numbers(1, 0, 5, 0, 0, 0, 0, 0, 20)})
    assert points(known, sent, SECONDS * 2.5) == []
    more = {(1, ONE): Numbers(2, 0, 6, 0, 0, 0, 0, 0, 15)}
    (point,) = points(more, sent, SECONDS * 2.5)
    assert point.numbers == Numbers(1, 0, 1, 0, 0, 0, 0, 0, 0)
    assert taken(sent, [point], more, SECONDS * 2.5).totals[1, ONE].cost == 20


def test_a_clock_that_was_wrong_makes_no_negative_time() -> None:
    sent = Sent(3.25 * SECONDS, {(3, ONE): used(1)})
    assert spans({(3, ONE): used(2), (9, OTHER): used(1)}, sent, 3) == [(3.25, 3.25)] * 2
