"""What the same work would cost on other plans, or by the token alone. Pure.

Windows are gone through one after the other: a plan carries each as far as it holds, and what is
beyond is billed.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import NamedTuple

from ccfb.plans import Plan
from ccfb.report.days import DAY, SLOT, Offset
from ccfb.report.model import PICO, BreakEven, Choice, Event, Slot
from ccfb.report.windows import LENGTH, end_of, windows

ENOUGH = 7
"""Days of usage below which nothing is said."""

HITS = 3
"""Limits below which nothing is learned of what a window holds."""

MONTH = 365.25 / 12
"""Days."""

WEEK = 7 * DAY
"""Slots."""

Plans = Mapping[str, Plan]


class Used(NamedTuple):
    """What was used in a window; dollars."""

    all: float
    plan: float
    """Of that, what the user's plan carried."""


def compare(
    slots: Sequence[Slot],
    events: Sequence[Event],
    plans: Plans,
    own: str | None,
    offset: Offset = lambda _: 0,
    every: Sequence[Slot] | None = None,
) -> BreakEven | None:
    """What this usage would cost in other ways, a month.

    Args:
        slots: The usage, the earliest first.
        events: The ledger's.
        plans: By name.
        own: The name of the user's; None: not known.
        offset: Of the time zone whose days count; by default UTC.
        every: All usage, if that is more: it tells what windows hold.

    Returns:
        None where nothing was used.
    """
    if not slots:
        return None
    first, last = (
        (each.slot * SLOT + offset(each.slot * SLOT)) // (DAY * SLOT)
        for each in (slots[0], slots[-1])
    )
    days = last - first + 1
    if days < ENOUGH:
        there = "there is 1 day" if days == 1 else f"there are {days} days"
        early = f"To compare plans takes {ENOUGH} days of usage; {there}."
        return BreakEven([], "", [early], days)
    limits = carried(every or slots, events)
    mine = plans[own] if own else None
    holds = _holds(mine, limits)
    if mine and holds:
        plans = _scaled(plans, holds / mine.share)
    months, used = days / MONTH, _windows(slots, events)
    choices = [
        Choice(name, plan.title, plan.price, _beyond(used, plan, mine) / months)
        for name, plan in plans.items()
    ]
    choices.append(Choice("api", "API alone", 0.0, _dollars(slots) / months))
    cheapest = min(choices, key=lambda choice: choice.total or 0.0).name
    unpriced = any(each.unpriced for each in slots)
    # What has no price would be paid at the API; limits refute what plans are taken to hold.
    if unpriced if cheapest == "api" else limits and not holds:
        cheapest = ""
    billed = _dollars([each for each in slots if each.switch])
    price = mine.price if mine else None
    choices.append(Choice("as_it_was", "as it was", price, billed / months))
    said = [*_assumptions(plans, own, limits, known=bool(holds)), *_weeks(events, plans)]
    if unpriced:
        said.append("What has no known price would come on top, most of all at the API alone.")
    return BreakEven(choices, cheapest, said, days)


def _dollars(slots: Sequence[Slot]) -> float:
    return sum(each.cost for each in slots) / PICO


def _holds(mine: Plan | None, limits: Sequence[float]) -> float | None:
    """The dollars that a window of the user's plan holds: as they say, or as its limits tell."""
    if mine and mine.told:
        return mine.window
    return limits[len(limits) // 2] if mine and len(limits) >= HITS else None


def carried(slots: Sequence[Slot], events: Sequence[Event]) -> list[float]:
    """The dollars that the plan had carried in windows whose limit was hit or near; rising.

    Args:
        slots: All usage, the earliest first.
        events: The ledger's.
    """
    hits: dict[int, float] = {}
    for event in events:
        end = end_of(event)
        if event.event in {"limit", "threshold"} and end:
            hits[end] = min(event.at, hits.get(end, inf))
    found = []
    for end, at in hits.items():
        first = bisect_left(slots, end - LENGTH, key=lambda each: each.slot)
        behind = bisect_right(slots, at // SLOT, key=lambda each: each.slot)
        dollars = _dollars([each for each in slots[first:behind] if not each.switch])
        if dollars:
            found.append(dollars)
    return sorted(found)


def _scaled(plans: Plans, one: float) -> dict[str, Plan]:
    """The plans, if a window of the smallest holds so many dollars; the user's word stays."""
    return {
        name: plan if plan.told else plan._replace(window=one * plan.share)
        for name, plan in plans.items()
    }


def _windows(slots: Sequence[Slot], events: Sequence[Event]) -> dict[int, Used]:
    """What was used in each window, by its first slot."""
    spans = windows({each.slot for each in slots}, events)
    used: defaultdict[int, float] = defaultdict(float)
    by_plan: defaultdict[int, float] = defaultdict(float)
    for each in slots:
        start, dollars = spans[each.slot][0], each.cost / PICO
        used[start] += dollars
        if not each.switch:
            by_plan[start] += dollars
    return {start: Used(dollars, by_plan[start]) for start, dollars in used.items()}


def _beyond(used: Mapping[int, Used], plan: Plan, mine: Plan | None) -> float:
    """The dollars that a plan doesn't carry; what the user's has carried, it can carry."""
    left: defaultdict[int, float] = defaultdict(lambda: inf if plan.week is None else plan.week)
    beyond = 0.0
    for start, (dollars, carried_) in used.items():
        proven = 0.0 if plan.told or not mine else carried_ * plan.share / mine.share
        covered = min(dollars, max(plan.window, proven), left[start // WEEK])
        left[start // WEEK] -= covered
        beyond += dollars - covered
    return beyond


def _assumptions(
    plans: Plans, own: str | None, limits: Sequence[float], *, known: bool
) -> Iterator[str]:
    def source(name: str) -> str:
        if plans[name].told:
            return " (as you say)"
        if name == own and known:
            span = f"{_short(limits[0])} to {_short(limits[-1])}"
            return f" (the median of {len(limits)} limits, {span})"
        return " (in proportion)" if known else ""

    told = [f"{_short(plan.window)} on {plan.title}{source(name)}" for name, plan in plans.items()]
    taken = ("hold", "") if known else ("are taken to hold", " (plans.*.window)")
    yield f"Five hours {taken[0]} {', '.join(told)}{taken[1]}."
    if not own:
        yield f"Which plan is yours isn't known (ccfb config set plan {'|'.join(plans)})."
    if limits and not known:
        why = f"that takes {HITS} limits of yours, and {_were(len(limits))} hit"
        if not own:
            why = "limits were hit, but of which isn't known"
        yield f"No plan is called the cheapest: {why}."
    yield "What goes beyond is billed at API prices, not waited for."
    yield "As it was: what was billed on top of your plan."


def _short(dollars: float) -> str:
    told = f"{dollars:,.2f}" if dollars < 100 else f"{dollars:,.0f}"  # noqa: PLR2004 - three digits
    return f"${told.removesuffix('.00')}"


def _were(number: int) -> str:
    return "one was" if number == 1 else f"{number:,} were"


def _weeks(events: Sequence[Event], plans: Plans) -> Iterator[str]:
    """Whether the comparison knows nothing of weekly limits."""
    free = [plan.title for plan in plans.values() if plan.week is None]
    if free:
        where = f" on {', '.join(free)}" if len(free) < len(plans) else ""
        hit = {
            event.resets_at
            for event in events
            if event.event == "limit" and (event.window or "").startswith("seven_day")
        }
        struck = f", though {_were(len(hit))} hit" if hit else ""
        yield f"Weekly limits aren't counted{where}{struck} (plans.*.week)."
