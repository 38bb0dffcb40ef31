"""A view for people, as a table of plain text.

By hand: to import a library for tables takes longer than all the rest of a report.
"""

from collections.abc import Iterable, Sequence

from ccfb import words
from ccfb.report import days
from ccfb.report.model import PICO, SUBSCRIPTION, Collected, Limit, Line, Switch, Totals, View

TOP = 6
"""Models, projects and switches that a summary tells of."""

HEADS = ("requests", "input", "output", "cache write", "cache read", "cost")

REASONS = {"limit": "at the limit", "threshold": "ahead of the limit", "user": "by hand"}

_SCALE = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


def render(view: View, collected: Collected, offset: days.Offset) -> list[str]:
    """The lines of a text.

    Args:
        view: What to tell.
        collected: What it is made of; some of that may be damaged.
        offset: Of the time zone in which times are told.
    """
    if not view.days or not view.total:
        return ["No requests."]
    since, until = view.days
    lines = [since if since == until else f"{since} to {until}", ""]
    if view.by:
        lines += _table(view.by, view.lines, view.total)
    else:
        lines += _table("billed to", view.providers, view.total)
        for title, dearest in (("model", view.models), ("project", view.projects)):
            lines += ["", *_table(title, dearest[:TOP])]
        lines += _paragraph(map(_limit, view.limits[-TOP:]))
        lines += _paragraph(_switch(switch, offset) for switch in view.switches[-TOP:])
    return lines + _paragraph(_notes(view, view.total.totals, collected))


def _table(title: str, lines: Sequence[Line], total: Line | None = None) -> list[str]:
    """Lines under each other, with what was billed to a provider if anything was."""
    shown = [*lines, total] if total and len(lines) > 1 else [*lines]
    billed = any(set(line.providers) - {SUBSCRIPTION} for line in shown)
    rows = [[title, *HEADS, "billed"]] + [
        [line.name, *_cells(line.totals), _dollars(_billed(line))] for line in shown
    ]
    return _columns(rows if billed else [row[:-1] for row in rows])


def _cells(totals: Totals) -> list[str]:
    return [
        f"{totals.requests:,}",
        amount(totals.input),
        amount(totals.output),
        amount(totals.cache_write_5m + totals.cache_write_1h),
        amount(totals.cache_read),
        _dollars(totals),
    ]


def amount(number: int) -> str:
    """A large number in three digits."""
    for scale, sign in _SCALE:
        if number >= scale:
            return f"{number / scale:.3g}{sign}"
    return f"{number}"


def _dollars(totals: Totals) -> str:
    """What has a price; a question mark stands for what has none."""
    if totals.unpriced and not totals.cost:
        return "?"
    return money(totals.cost) + (" + ?" if totals.unpriced else "")


def money(cost: int) -> str:
    """Pico-dollars, to the cent."""
    return "<$0.01" if 0 < cost < PICO // 200 else f"${cost / PICO:,.2f}"


def _billed(line: Line) -> Totals:
    """What a provider was billed for."""
    parts = [totals for who, totals in line.providers.items() if who != SUBSCRIPTION]
    return Totals(*map(sum, zip(*parts, strict=True)))


def _columns(rows: list[list[str]]) -> list[str]:
    """The first to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:<{width}}" if not place else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _paragraph(lines: Iterable[str]) -> list[str]:
    found = list(lines)
    return ["", *found] if found else []


def _limit(limit: Limit) -> str:
    times = "once" if limit.hits == 1 else f"{limit.hits} times"
    seconds = sum(until - since for since, until in limit.billed)
    saved = f"; {words.duration(seconds)} not waited" if seconds else ""
    return f"{words.window(limit.window)} limit hit {times}{saved}"


def _switch(switch: Switch, offset: days.Offset) -> str:
    since = f"{days.clock(switch.since, offset):%Y-%m-%d %H:%M}"
    length = words.duration(switch.until - switch.since) if switch.until else "until now"
    window = f" ({words.window(switch.window)})" if switch.window else ""
    reason = REASONS.get(switch.reason, switch.reason) + window
    requests = f"{switch.totals.requests:,} requests"
    return f"{since}  {switch.provider}, {reason}, {length}: {requests}, {_dollars(switch.totals)}"


def _notes(view: View, totals: Totals, collected: Collected) -> Iterable[str]:
    """What should be known of the numbers."""
    if SUBSCRIPTION in {line.name for line in view.providers}:
        yield "The subscription's part is what the same would cost with a key; it wasn't billed."
    if totals.background:
        yield (
            f"{money(totals.background)} is background: calls of small models and others"
            " that leave no message, by Claude Code's own account."
        )
    if totals.unpriced:
        yield (
            f"{totals.unpriced:,} requests with {amount(totals.unpriced_tokens)} tokens have no"
            " price that is known; they aren't in the cost."
        )
    damaged = [
        f"{number:,} {what}"
        for number, what in (
            (collected.invalid, "lines that can't be read"),
            (collected.cut, "transcripts that end in the middle of a line"),
            (collected.unknown, "answers of an unknown form"),
        )
        if number
    ]
    if damaged:
        yield f"Left out: {', '.join(damaged)}."
