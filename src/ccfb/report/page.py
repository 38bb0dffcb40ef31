"""What the report's page shows: a view, its days, and the plan's windows of five hours."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from statistics import median_high
from typing import NamedTuple

from ccfb.plans import Plan
from ccfb.report import breakeven, chosen, days, ledger, slots, summary
from ccfb.report.model import PICO, SUBSCRIPTION, Collected, Line, Request, Slot, Totals, View
from ccfb.report.produce import look
from ccfb.report.progress import Progress
from ccfb.report.windows import Window as Span
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
    unpriced: list[int]
    """Requests without a known price, also for each."""
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
    unpriced: list[int]
    """Requests without a known price, also for each."""
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
    said: bool
    """By the user; otherwise learned."""


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
    # A window counts as a whole, also where only a part of it is in the days that are asked for.
    every = slots.slots(request._replace(since=0, until=days.NEVER), offset)
    plans, own = chosen.plans()
    data = page_of(collected, request, offset, now, every, plans[own] if own else None)
    view = data.view._replace(budget=seen.budget, break_even=seen.break_even)
    return data._replace(view=view)


def page_of(
    collected: Collected,
    request: Request,
    offset: days.Offset,
    now: float,
    every: Sequence[Slot] = (),
    plan: Plan | None = None,
) -> PageData:
    """Find what the page shows.

    Args:
        collected: Sums that are kept apart by the quarter of an hour.
        request: What to tell of; `by` makes no difference.
        offset: Of the time zone in which times are told.
        now: Epoch seconds.
        every: All usage, of all projects and days; empty: what was collected.
        plan: The user's; None: not known.
    """
    view = summary.view(collected, request._replace(by="day"), offset, now)
    every = sorted(
        every or [Slot(each.slot, each.switch, each.cost, each.unpriced) for each in collected.sums]
    )
    who = ledger.billers(collected.events)
    shown = _shown(every, collected, request, offset)
    billers = _billers([each for used in shown.values() for each in used], who)
    said = bool(plan and plan.told)
    holds = plan.window if plan and said else _holds(every, collected)
    return PageData(
        view=view,
        collected=collected,
        request=request,
        offset=offset,
        made=days.clock(now, offset),
        billers=billers,
        days=_days(view, billers, offset),
        windows=_windows(shown, collected, billers, holds, offset),
        holds=holds,
        said=said,
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
        return Day(day, 0, [0.0] * len(billers), [0] * len(billers), hits)
    parts = [line.providers.get(who, Totals()) for who in billers]
    dollars = [part.cost / PICO for part in parts]
    return Day(day, line.totals.requests, dollars, [part.unpriced for part in parts], hits)


def _shown(
    every: Sequence[Slot], collected: Collected, request: Request, offset: days.Offset
) -> dict[Span, list[Slot]]:
    """What was used in each window in which something was used on the days asked for.

    The plan's windows are used by all projects together, whichever one is asked for.
    """
    spans = windows({each.slot for each in every}, collected.events)
    found: defaultdict[Span, list[Slot]] = defaultdict(list)
    for each in every:
        found[spans[each.slot]].append(each)

    def asked(each: Slot) -> bool:
        day = days.number_of(days.clock(each.slot * days.SLOT, offset).date())
        return request.since <= day <= request.until

    return {span: used for span, used in sorted(found.items()) if any(map(asked, used))}


def _billers(used: Sequence[Slot], who: Mapping[int, str]) -> list[str]:
    """The subscription, and whoever else was billed, the dearest first."""
    costs: defaultdict[str, int] = defaultdict(int)
    for each in used:
        costs[who.get(each.switch, SUBSCRIPTION)] += each.cost
    costs.pop(SUBSCRIPTION, None)
    return [SUBSCRIPTION, *sorted(costs, key=lambda name: -costs[name])]


def _holds(every: Sequence[Slot], collected: Collected) -> float | None:
    """What a window holds, in dollars: the median of what the plan had carried when it closed."""
    found = breakeven.carried(every, collected.events)
    return median_high(found) if found else None


def _windows(
    shown: Mapping[Span, Sequence[Slot]],
    collected: Collected,
    billers: list[str],
    holds: float | None,
    offset: days.Offset,
) -> list[Window]:
    hits, near = _ends(collected, "limit"), _ends(collected, "threshold")
    who = ledger.billers(collected.events)
    found = []
    for (start, end), used in shown.items():
        dollars, unpriced = [0.0] * len(billers), [0] * len(billers)
        for each in used:
            place = billers.index(who.get(each.switch, SUBSCRIPTION))
            dollars[place] += each.cost / PICO
            unpriced[place] += each.unpriced
        known = FULL if end in hits else NEAR if end in near else None
        estimate = min(FULL, FULL * dollars[0] / holds) if holds else None
        found.append(
            Window(
                start=days.clock(start * days.SLOT, offset),
                end=days.clock(end * days.SLOT, offset),
                percentage=known or estimate,
                told=bool(known),
                dollars=dollars,
                unpriced=unpriced,
                hit=days.clock(hits[end], offset) if end in hits else None,
                switches=[
                    (days.clock(event.at, offset), event.provider or "")
                    for event in collected.events
                    if event.event == "switch" and start <= event.at / days.SLOT < end
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
