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
from ccfb.report.days import DAY, SLOT
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


class Learned(NamedTuple):
    """What the plan had carried in windows by the time their limit was hit; dollars."""

    low: float
    usual: float
    high: float
    hits: int


def compare(
    slots: Sequence[Slot], events: Sequence[Event], plans: Plans, own: str | None
) -> BreakEven | None:
    """What this usage would cost in other ways, a month.

    Args:
        slots: All usage, the earliest first.
        events: The ledger's.
        plans: By name.
        own: The name of the user's; None: not known.

    Returns:
        None where nothing was used.
    """
    if not slots:
        return None
    days = slots[-1].slot // DAY - slots[0].slot // DAY + 1
    if days < ENOUGH:
        there = "there is 1 day" if days == 1 else f"there are {days} days"
        return BreakEven([], "", [f"It takes {ENOUGH} days of usage to tell; {there}."], days)
    learned = _learned(slots, events)
    if learned and own:
        plans = _scaled(plans, learned.usual / plans[own].share)
    months, used = days / MONTH, _windows(slots, events)
    choices = [
        Choice(name, plan.title, plan.price, _beyond(used, plan) / months)
        for name, plan in plans.items()
    ]
    choices.append(Choice("api", "API alone", 0.0, _dollars(slots) / months))
    cheapest = min(choices, key=lambda choice: choice.total or 0.0).name
    billed = _dollars([each for each in slots if each.switch])
    price = plans[own].price if own else None
    choices.append(Choice("as_it_was", "as it was", price, billed / months))
    said = [*_assumptions(plans, own, learned), *_weeks(events, plans)]
    return BreakEven(choices, cheapest, said, days)


def _dollars(slots: Sequence[Slot]) -> float:
    return sum(each.cost for each in slots) / PICO


def _learned(slots: Sequence[Slot], events: Sequence[Event]) -> Learned | None:
    found = carried(slots, events)
    if len(found) < HITS:
        return None
    return Learned(found[0], found[len(found) // 2], found[-1], len(found))


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
    """The plans, if a window of the smallest holds so many dollars."""
    return {name: plan._replace(window=one * plan.share) for name, plan in plans.items()}


def _windows(slots: Sequence[Slot], events: Sequence[Event]) -> dict[int, float]:
    """The dollars used in each window, by its first slot."""
    spans = windows({each.slot for each in slots}, events)
    used: defaultdict[int, float] = defaultdict(float)
    for each in slots:
        used[spans[each.slot][0]] += each.cost / PICO
    return used


def _beyond(used: Mapping[int, float], plan: Plan) -> float:
    """The dollars that a plan doesn't carry."""
    left: defaultdict[int, float] = defaultdict(lambda: inf if plan.week is None else plan.week)
    beyond = 0.0
    for start, dollars in used.items():
        covered = min(dollars, plan.window, left[start // WEEK])
        left[start // WEEK] -= covered
        beyond += dollars - covered
    return beyond


def _assumptions(plans: Plans, own: str | None, learned: Learned | None) -> Iterator[str]:
    holds = {name: f"{_short(plan.window)} on {plan.title}" for name, plan in plans.items()}
    if learned and own:
        yield (
            f"Five hours hold {holds.pop(own)}, by the median of {learned.hits} limits"
            f" ({_short(learned.low)} to {_short(learned.high)}), and in proportion"
            f" {', '.join(holds.values())}."
        )
    else:
        yield f"Five hours are taken to hold {', '.join(holds.values())} (plans.*.window)."
    if not own:
        yield f"Which plan is yours isn't known (ccfb config set plan {'|'.join(plans)})."
    yield "The rest is billed at API prices, not waited for."


def _short(dollars: float) -> str:
    return f"${dollars:.3g}" if dollars < 100 else f"${dollars:,.0f}"  # noqa: PLR2004 - three digits


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
