"""What the report's page shows: a view, its days, and the plan's windows of five hours."""

from collections import defaultdict
from datetime import date, datetime
from statistics import median_high
from typing import NamedTuple

from ccfb.report import breakeven, days, summary
from ccfb.report.model import PICO, SUBSCRIPTION, Collected, Line, Request, Slot, Sum, View
from ccfb.report.produce import look
from ccfb.report.progress import Progress
from ccfb.report.windows import end_of, windows

NEAR, FULL = 95.0, 100.0
"""Percent: from where a window usually counts as nearly used up, and where the plan refuses."""


class Day(NamedTuple):
    """What was used on a day; each one of the span is there."""

    date: str
    """As in ISO 8601."""
    requests: int
    dollars: list[float]
    """At API prices, for each of the page's billers."""
    hits: list[str]
    """Windows whose limits struck."""


class Window(NamedTuple):
    """A window of five hours in which something was used; times are the user's."""

    start: datetime
    end: datetime
    percentage: float | None
    """How far the plan's part was used, up to 100; None: nobody knows what it holds."""
    told: bool
    """By the ledger; otherwise the percentage is an estimate."""
    dollars: list[float]
    """At API prices, for each of the page's billers."""
    hit: datetime | None
    """When the plan refused."""
    switches: list[tuple[datetime, str]]
    """When billing went over, and to whom."""


class PageData(NamedTuple):
    """All that the page shows."""

    view: View
    collected: Collected
    request: Request
    offset: days.Offset
    made: datetime
    billers: list[str]
    """The subscription, and whoever else was billed, the dearest first."""
    days: list[Day]
    windows: list[Window]
    holds: float | None
    """Dollars that the plan carries in a window, at API prices; None: none was used up so far."""


def collect_page(request: Request, offset: days.Offset, progress: Progress, now: float) -> PageData:
    """Read what is new, and find what the page shows.

    Args:
        request: What to tell of; `by` makes no difference.
        offset: Of the time zone in which times are told.
        progress: Told what has been read.
        now: Epoch seconds.

    Raises:
        CcfbError: `unknown-project`, `unknown-provider`.
    """
    # For windows, sums are kept apart by the quarter of an hour: that is enough for all the rest.
    seen, collected = look(request._replace(by="window"), offset, progress, now)
    data = page_of(collected, request, offset, now)
    view = data.view._replace(budget=seen.budget, break_even=seen.break_even)
    return data._replace(view=view)


def page_of(collected: Collected, request: Request, offset: days.Offset, now: float) -> PageData:
    """Find what the page shows in sums that are kept apart by the quarter of an hour."""
    view = summary.view(collected, request._replace(by="day"), offset, now)
    everyone = request._replace(by="", project="", provider="")
    # The plan's windows are used by all projects together, whichever one is asked for.
    whole = summary.view(collected, everyone, offset, now)
    dearest = sorted(whole.providers, key=lambda line: -line.totals.cost)
    billers = [SUBSCRIPTION, *(line.name for line in dearest if line.name != SUBSCRIPTION)]
    holds = _holds(collected)
    return PageData(
        view=view,
        collected=collected,
        request=request,
        offset=offset,
        made=days.clock(now, offset),
        billers=billers,
        days=_days(view, billers, offset),
        windows=_windows(collected, whole, billers, holds, offset),
        holds=holds,
    )


def _days(view: View, billers: list[str], offset: days.Offset) -> list[Day]:
    if not view.days:
        return []
    lines = {line.name: line for line in view.lines}
    hits: defaultdict[str, list[str]] = defaultdict(list)
    for limit in view.limits:
        if limit.hits:
            hits[f"{days.clock(limit.at, offset):%Y-%m-%d}"].append(limit.window)
    first, last = (days.number_of(date.fromisoformat(day)) for day in view.days)
    return [
        _day(day, lines.get(day), billers, hits[day])
        for day in (days.day_of(number).isoformat() for number in range(first, last + 1))
    ]


def _day(day: str, line: Line | None, billers: list[str], hits: list[str]) -> Day:
    if not line:
        return Day(day, 0, [0.0] * len(billers), hits)
    costs = (line.providers[who].cost if who in line.providers else 0 for who in billers)
    return Day(day, line.totals.requests, [cost / PICO for cost in costs], hits)


def _holds(collected: Collected) -> float | None:
    """What a window holds, in dollars: the median of what the plan had carried when it closed."""
    sums = collected.sums
    slots = [Slot(each.slot, each.switch, each.cost, each.unpriced) for each in sums]
    found = breakeven.carried(sorted(slots), collected.events)
    return median_high(found) if found else None


def _windows(
    collected: Collected,
    whole: View,
    billers: list[str],
    holds: float | None,
    offset: days.Offset,
) -> list[Window]:
    hits, near = _ends(collected, "limit"), _ends(collected, "threshold")
    spans = windows({each.slot for each in collected.sums}, collected.events)
    sums: defaultdict[tuple[int, int], list[Sum]] = defaultdict(list)
    for each in collected.sums:
        sums[spans[each.slot]].append(each)
    place = {who: index for index, who in enumerate(billers)}
    who = {event.id: event.provider or "" for event in collected.events}
    found = []
    for (start, end), used in sorted(sums.items()):
        dollars = [0.0] * len(billers)
        for each in used:
            dollars[place[who.get(each.switch, SUBSCRIPTION)]] += each.cost / PICO
        known = FULL if end in hits else NEAR if end in near else None
        estimate = min(FULL, FULL * dollars[0] / holds) if holds else None
        found.append(
            Window(
                start=days.clock(start * days.SLOT, offset),
                end=days.clock(end * days.SLOT, offset),
                percentage=known or estimate,
                told=bool(known),
                dollars=dollars,
                hit=days.clock(hits[end], offset) if end in hits else None,
                switches=[
                    (days.clock(switch.since, offset), switch.provider)
                    for switch in whole.switches
                    if start <= switch.since / days.SLOT < end
                ],
            )
        )
    return found


def _ends(collected: Collected, *kinds: str) -> dict[int, float]:
    """When one of these events first happened in windows, by their ends."""
    return {
        end: each.at
        for each in reversed(collected.events)
        if each.event in kinds and (end := end_of(each))
    }
