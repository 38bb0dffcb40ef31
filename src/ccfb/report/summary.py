"""From sums to a view: who was billed, for what, and how often the limits struck. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise

from ccfb.errors import CcfbError
from ccfb.report import days
from ccfb.report.model import (
    SUBSCRIPTION,
    TIMES,
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
from ccfb.report.places import APART
from ccfb.report.windows import windows

MOST = 8
"""Names that are told of those that are known."""

SAME = 60.0
"""Seconds by which two tellings of one reset may differ: some only have the minute."""

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
        if request.provider in {"", provider(each)} and is_meant(request.project, project(each))
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
        names["window"] = _windows(collected.sums, collected.events, offset)

    def lines(name: Name) -> list[Line]:
        """What isn't over lasts until now."""
        found = _lines(sums, name, provider)
        return [line._replace(until=min(line.until, int(now))) for line in found]

    asked = lines(names[request.by]) if request.by else []
    if request.by == "session":
        folders, models = _main(sums, project), _main(sums, names["model"])
        asked = [
            line._replace(project=folders[line.name], model=models[line.name]) for line in asked
        ]
    switches = [
        switch
        for switch in _switches(sums, collected.events)
        if (switch.totals.requests or not request.part)
        and _within(request, offset, switch.since, switch.until or now)
    ]
    limits = [
        limit
        for limit in _limits(collected, now)
        if not request.part and _within(request, offset, limit.at, limit.at)
    ]
    return View(
        by=request.by,
        days=_span(sums),
        total=_line("total", sums, provider) if sums else None,
        providers=_dearest(lines(provider)),
        lines=_ordered(asked, request.by),
        models=_dearest(lines(names["model"])),
        projects=_dearest(lines(project)),
        limits=limits,
        saved=_length(span for limit in limits for span in limit.billed),
        switches=switches,
        folders=request.folders,
    )


def _within(request: Request, offset: days.Offset, first: float, last: float) -> bool:
    """Whether a span touches the user's days."""
    start, end = (days.number_of(days.clock(at, offset).date()) for at in (first, last))
    return start <= request.until and end >= request.since


def _ordered(lines: list[Line], by: str) -> list[Line]:
    """By time, or by cost."""
    if by in TIMES:
        return sorted(lines, key=lambda line: (line.since, line.name))
    return _dearest(lines)


def check(collected: Collected, request: Request) -> None:
    """See that what is asked for is there at all.

    Raises:
        CcfbError: `unknown-project` or `unknown-provider`, with those that are known.
    """
    folders = sorted(set(collected.folders.values()))
    if not any(is_meant(request.project, folder) for folder in folders or [""]):
        names = list(dict.fromkeys(folder.rpartition("/")[2] for folder in folders))
        raise _unknown(
            "project", f"No project is called {request.project}.", request.project, names
        )
    billed = {event.provider or "" for event in collected.events if event.event == "switch"}
    names = [SUBSCRIPTION, *sorted(billed)]
    if request.provider and request.provider not in names:
        said = f"{request.provider} was never billed."
        raise _unknown("provider", said, request.provider, names)


def _unknown(kind: str, message: str, wanted: str, names: list[str]) -> CcfbError:
    import difflib  # noqa: PLC0415 - rare

    near = difflib.get_close_matches(wanted, names, MOST) or names[:MOST]
    more = ", …" if len(names) > len(near) else "."
    return CcfbError(f"unknown-{kind}", message, f"There are: {', '.join(near)}{more}")


def is_meant(wanted: str, folder: str) -> bool:
    """Whether a project's folder is the one that is asked for; its last part is enough."""
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
    return Line(name, totals, parts, first * days.SLOT, last * days.SLOT)


def _main(sums: Iterable[Sum], name: Name) -> dict[str, str]:
    """Which of some names each session spent most on."""
    costs: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in sums:
        costs[each.session][name(each)] += each.cost
    return {session: spent.most_common(1)[0][0] for session, spent in costs.items()}


def _dearest(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: -line.totals.cost)


def _windows(sums: list[Sum], events: list[Event], offset: days.Offset) -> Name:
    """The window of five hours that each slot is under, by the clock."""
    names = {}
    for slot, window in windows({each.slot for each in sums}, events).items():
        first, last = (days.clock(each * days.SLOT, offset) for each in window)
        names[slot] = f"{first:%Y-%m-%d %H:%M}-{last:%H:%M}"
    return lambda each: names[each.slot]


def _limits(collected: Collected, now: float) -> list[Limit]:
    """Each window that was used up, or nearly, once; and as often as sessions ran into its limit.

    Time counts as not waited where a provider was billed for something, unless it was chosen by
    hand: who did that may not have come to work at the limit.
    """
    closed: defaultdict[tuple[str, float | None], list[Event]] = defaultdict(list)
    last: dict[str, float | None] = {}
    for event in collected.events:
        if event.event in {"limit", "threshold"}:
            window, resets_at = event.window or "", event.resets_at
            before = last.get(window)
            if not (before and resets_at and abs(before - resets_at) <= SAME):
                last[window] = resets_at
            closed[window, last[window]].append(event)
    used = {each.switch for each in collected.sums}
    spans = [
        (since, until or now)
        for change, since, until, _ in _spans(collected.events)
        if change.id in used and change.reason != "user"
    ]
    return [
        Limit(
            window,
            found[0].at,
            resets_at,
            sum(event.event == "limit" for event in found),
            [
                (max(since, found[0].at), min(until, resets_at))
                for since, until in spans
                if resets_at and since < resets_at and until > found[0].at
            ],
        )
        for (window, resets_at), found in closed.items()
    ]


def _length(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that spans cover together."""
    covered = end = 0.0
    for start, stop in sorted(spans):
        covered += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return covered


def _spans(events: list[Event]) -> list[tuple[Event, float, float | None, Event | None]]:
    """Switches, from when to when they were in force, and what ended them in their ledger."""
    changes: defaultdict[int, list[Event | None]] = defaultdict(list)
    for event in events:
        if event.event in {"switch", "revert"}:
            changes[event.id // APART].append(event)
    return [
        (change, change.at, after.at if after else None, after)
        for ledger in changes.values()
        for change, after in pairwise([*ledger, None])
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
