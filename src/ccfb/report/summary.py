"""From sums to a view: who was billed, for what, and how often the limits struck. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise

from ccfb.report import days
from ccfb.report.model import (
    SUBSCRIPTION,
    Collected,
    Event,
    Limit,
    Line,
    Request,
    Sum,
    Switch,
    Totals,
    View,
)

HOUR = 3_600 // days.SLOT
WINDOW = 5 * HOUR
"""Slots of the shorter of the plan's windows."""

_NUMBERS = Sum._fields.index("requests")

Name = Callable[[Sum], str]


def view(collected: Collected, request: Request, offset: days.Offset, now: float) -> View:
    """What a report says.

    Args:
        collected: What it is made of.
        request: What to tell of it.
        offset: Of the time zone in which windows are told.
        now: Epoch seconds; what isn't over lasts until then.
    """
    billers = {event.id: event.provider or "" for event in collected.events}

    def provider(each: Sum) -> str:
        return billers.get(each.switch, SUBSCRIPTION)

    def project(each: Sum) -> str:
        return collected.folders.get(each.project, each.project)

    sums = [
        each
        for each in collected.sums
        if request.provider in {"", provider(each)} and _is(request.project, project(each))
    ]
    names: dict[str, Name] = {
        "day": lambda each: days.day_of(each.day).isoformat(),
        "week": lambda each: days.week_of(each.day),
        "month": lambda each: days.day_of(each.day).isoformat()[:7],
        "session": lambda each: each.session,
        "project": project,
        "model": lambda each: each.model,
        "provider": provider,
    }
    if request.by == "window":
        names["window"] = _windows(sums, collected.events, offset)
    limits = _limits(collected.events, now)
    return View(
        by=request.by,
        days=_span(sums),
        total=_line("total", sums, provider) if sums else None,
        providers=_lines(sums, provider, provider),
        lines=_lines(sums, names[request.by], provider) if request.by else [],
        models=_dearest(_lines(sums, names["model"], provider)),
        projects=_dearest(_lines(sums, project, provider)),
        limits=limits,
        saved=_length(span for limit in limits for span in limit.billed),
        switches=_switches(sums, collected.events),
    )


def _is(wanted: str, folder: str) -> bool:
    return not wanted or folder == wanted or folder.endswith("/" + wanted.strip("/"))


def _span(sums: list[Sum]) -> tuple[str, str] | None:
    if not sums:
        return None
    first, last = min(each.day for each in sums), max(each.last_day for each in sums)
    return days.day_of(first).isoformat(), days.day_of(last).isoformat()


def _totals(sums: Iterable[Sum]) -> Totals:
    columns = zip(*((*each[_NUMBERS:], each.cost * each.background) for each in sums), strict=True)
    return Totals(*map(sum, columns))


def _lines(sums: Iterable[Sum], name: Name, provider: Name) -> list[Line]:
    """Sums under their names, in the order of these."""
    named: defaultdict[str, list[Sum]] = defaultdict(list)
    for each in sums:
        named[name(each)].append(each)
    return [_line(name, named[name], provider) for name in sorted(named)]


def _line(name: str, sums: list[Sum], provider: Name) -> Line:
    billed: defaultdict[str, list[Sum]] = defaultdict(list)
    for each in sums:
        billed[provider(each)].append(each)
    totals = _totals(sums)
    parts = {who: _totals(part) if len(billed) > 1 else totals for who, part in billed.items()}
    first, last = min(each.slot for each in sums), max(each.last_slot for each in sums) + 1
    return Line(name, totals, parts, sums[0].project, first * days.SLOT, last * days.SLOT)


def _dearest(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: -line.totals.cost)


def _windows(sums: list[Sum], events: list[Event], offset: days.Offset) -> Name:
    """Under which window of five hours each slot is: the ledger knows some of their ends.

    The others are taken to begin with the hour of the first request after the one before.
    """
    ends = sorted(
        {
            -int(-event.resets_at // days.SLOT)
            for event in events
            if event.window == "five_hour" and event.resets_at
        }
    )
    names: dict[int, str] = {}
    start = stop = 0
    for slot in sorted({each.slot for each in sums}):
        known = next((end for end in ends if end - WINDOW <= slot < end), None)
        if known:
            start, stop = known - WINDOW, known
        elif slot >= stop:
            start = slot // HOUR * HOUR
            stop = min([start + WINDOW, *(end - WINDOW for end in ends if end - WINDOW > slot)])
        first, last = (days.clock(each * days.SLOT, offset) for each in (start, stop))
        names[slot] = f"{first:%Y-%m-%d %H:%M}-{last:%H:%M}"
    return lambda each: names[each.slot]


def _limits(events: list[Event], now: float) -> list[Limit]:
    """Each limit once, however many sessions ran into it, and as often as they did."""
    hits: defaultdict[tuple[str, float | None], list[Event]] = defaultdict(list)
    for event in events:
        if event.event == "limit":
            hits[event.window or "", event.resets_at].append(event)
    spans = [(since, until or now) for _, since, until, _ in _spans(events)]
    return [
        Limit(
            window,
            min(event.at for event in found),
            resets_at,
            len(found),
            [
                (max(since, found[0].at), min(until, resets_at))
                for since, until in spans
                if resets_at and since < resets_at and until > found[0].at
            ],
        )
        for (window, resets_at), found in hits.items()
    ]


def _length(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that spans cover together."""
    covered = end = 0.0
    for start, stop in sorted(spans):
        covered += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return covered


def _spans(events: list[Event]) -> list[tuple[Event, float, float | None, Event | None]]:
    """Switches, from when to when they were in force, and what ended them."""
    changes = [event for event in events if event.event in {"switch", "revert"}]
    return [
        (change, change.at, after.at if after else None, after)
        for change, after in pairwise([*changes, None])
        if change and change.event == "switch"
    ]


def _switches(sums: list[Sum], events: list[Event]) -> list[Switch]:
    billed: defaultdict[int, list[Sum]] = defaultdict(list)
    for each in sums:
        billed[each.switch].append(each)
    return [
        Switch(
            provider=change.provider or "",
            reason=change.reason or "",
            window=change.window,
            since=since,
            until=until,
            ended=after.reason if after and after.event == "revert" else None,
            totals=_totals(billed[change.id]),
        )
        for change, since, until, after in _spans(events)
    ]
