"""What a collector doesn't have yet: increments of sums, each with the time in which it grew. Pure.

A collector adds increments up, so none may be sent twice, and those of one series must not overlap
in time. Days are those of UTC.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ccfb.report import ledger
from ccfb.report.export.rows import Numbers, total
from ccfb.report.model import SUBSCRIPTION, Collected, Sum

SECONDS = 86_400
"""In a day."""


class Series(NamedTuple):
    """What is added up apart from the rest."""

    project: str
    """The folder of its transcripts; never sent."""
    model: str
    billing: str
    background: bool


Key = tuple[int, Series]
"""A day, and what is added up on it."""


class Point(NamedTuple):
    """What a series grew by; times are epoch seconds."""

    since: float
    until: float
    series: Series
    numbers: Numbers
    keys: tuple[Key, ...]
    """What it is made of."""


NOTHING = Numbers(*[0] * len(Numbers._fields))


class Sent(NamedTuple):
    """What a collector has."""

    at: float = 0.0
    """When that was sent, in epoch seconds; 0: never."""
    totals: Mapping[Key, Numbers] = MappingProxyType({})


def utc(_: int) -> int:
    """The offset of UTC, whose days count."""
    return 0


def totals(collected: Collected, sums: Iterable[Sum]) -> dict[Key, Numbers]:
    """What is to be known of each day, from sums of days."""
    found: defaultdict[Key, list[Sum]] = defaultdict(list)
    billers = ledger.billers(collected.events)
    for each in sums:
        who = billers.get(each.switch, SUBSCRIPTION)
        series = Series(each.project, each.model, who, bool(each.background))
        found[each.day, series].append(each)
    return {key: total(same) for key, same in found.items()}


def points(known: Mapping[Key, Numbers], sent: Sent, now: float) -> list[Point]:
    """The increments since the last time, the earliest first.

    What a day grows by after all of it was sent counts in the time since then. What has become
    less is left alone: it can't be taken back.

    Args:
        known: What there is.
        sent: What the collector has.
        now: Until when increments count.
    """
    grown: defaultdict[tuple[float, float, Series], list[Key]] = defaultdict(list)
    growth = {key: _growth(of, sent.totals.get(key, NOTHING)) for key, of in known.items()}
    for key, numbers in growth.items():
        if any(numbers):
            grown[*_span(key, sent, now), key[1]].append(key)
    return [
        Point(*place, _sum(growth[key] for key in keys), tuple(keys))
        for place, keys in sorted(grown.items())
    ]


def taken(sent: Sent, points: Iterable[Point], known: Mapping[Key, Numbers], now: float) -> Sent:
    """What the collector has once it has taken some points."""
    totals = dict(sent.totals)
    for point in points:
        totals.setdefault((int(point.since // SECONDS), point.series), NOTHING)
        for key in point.keys:
            totals[key] = Numbers(*map(max, known[key], totals.get(key, NOTHING)))
    return Sent(max(now, sent.at), totals)


def _span(key: Key, sent: Sent, now: float) -> tuple[float, float]:
    """The time in which the growth of a day counts."""
    last, now = int(sent.at // SECONDS), max(now, sent.at)
    day = min(key[0], int(now // SECONDS))  # clocks may be wrong
    if day < last and key in sent.totals:
        day = last
    since = max(day * SECONDS, sent.at) if day >= last else day * SECONDS
    return since, min((day + 1) * SECONDS, now)


def _growth(numbers: Numbers, before: Numbers) -> Numbers:
    return Numbers(*(max(0, new - old) for new, old in zip(numbers, before, strict=True)))


def _sum(growths: Iterable[Numbers]) -> Numbers:
    return Numbers(*map(sum, zip(*growths, strict=True)))
