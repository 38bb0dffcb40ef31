"""A view for people, on a terminal or in a pipe."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ccfb import paths, words
from ccfb.report import days
from ccfb.report.model import (
    PICO,
    BreakEven,
    Cap,
    Collected,
    Limit,
    Line,
    Switch,
    Totals,
    View,
)
from ccfb.report.render.wording import amount, dollars, money, notes, reason

TOP = 3
"""Models and projects that a summary tells of."""

WIDE, NARROW = 110, 80
"""Columns from which all kinds of tokens are told; below which there is no bar."""

COST = "at API prices"

BAR = 16
"""Its columns."""

PLAN, BILLED, FAINT, STRONG = "green", "yellow", "dim", "bold"
"""Styles: who paid, what matters less, what matters more."""


def render(view: View, collected: Collected, offset: days.Offset) -> str:
    """The view as wide as the terminal, with colours if it has them.

    Args:
        view: What to tell.
        collected: What it is made of; some of that may be damaged.
        offset: Of the time zone in which times are told.
    """
    screen = console()
    with screen.capture() as shown:
        screen.print(*parts(view, collected, offset, screen), sep="\n")
    return "\n".join(line.rstrip() for line in shown.get().rstrip("\n").split("\n"))


def console() -> Console:
    """Standard output; without colours where they aren't wanted."""
    plain = bool(os.environ.get("NO_COLOR"))
    return Console(
        color_system=None if plain else "auto", highlight=False, markup=False, emoji=False
    )


def parts(
    view: View, collected: Collected, offset: days.Offset, screen: Console
) -> Iterator[RenderableType]:
    """What stands below each other."""
    if not view.days or not view.total:
        yield "No requests." if collected.files else "Claude Code has left no transcripts here."
        return
    since, until = view.days
    span = since if since == until else f"{since} to {until}"
    told = [*notes(view.total, collected)]
    if view.by:
        yield Text(span, STRONG)
        yield ""
        yield _lines(view.by, view.lines, view.total, offset, screen)
        if view.by == "window" and view.limits:
            yield ""
            yield _limits(view.limits, offset)
        if view.by == "provider" and view.switches:
            yield ""
            yield _switches(view.switches, offset)
    else:
        yield _lines(span, view.providers, view.total, offset, screen, bars=False)
        yield ""
        yield _facts(view, offset)
        if view.break_even:
            if view.break_even.choices:
                yield ""
                yield _break_even(view.break_even)
            told = [*view.break_even.assumptions, *told]
    if told:
        yield ""
        yield Text(" ".join(told), FAINT)


def _lines(
    title: str,
    lines: Sequence[Line],
    total: Line,
    offset: days.Offset,
    screen: Console,
    *,
    bars: bool = True,
) -> Table:
    """Lines under each other, with what was billed to a provider if anything was."""
    billed = any(total.billed)
    dearest = max(line.totals.cost for line in lines)
    drawn = bars and screen.color_system and screen.width >= NARROW and dearest
    table = _table(title, *_cells(total.totals, screen.width))
    if billed:
        table.add_column("billed", justify="right", no_wrap=True, style=BILLED)
    if drawn:
        table.add_column(width=BAR)
    for line in lines:
        cells = [*_cells(line.totals, screen.width).values()]
        cells += [dollars(line.billed) if any(line.billed) else "-"] if billed else []
        bar = [_bar(line, dearest)] if drawn else []
        table.add_row(_first(_name(title, line, offset)), *cells, *bar)
    if len(lines) > 1:
        cells = [*_cells(total.totals, screen.width).values()]
        table.add_row("total", *cells, *([dollars(total.billed)] if billed else []), style=STRONG)
    return table


def _table(*heads: str) -> Table:
    """The first column to the left, and shortened where there is no room; the others are whole."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=FAINT)
    table.add_column(_first(heads[0]))
    for head in heads[1:]:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def _first(name: str) -> Text:
    return Text(name, no_wrap=True, overflow="ellipsis")


def _cells(totals: Totals, width: int) -> dict[str, str]:
    """What there is room for, by its head."""
    written = totals.cache_write_5m + totals.cache_write_1h
    read = totals.input + written + totals.cache_read
    requests, output, cost = f"{totals.requests:,}", amount(totals.output), dollars(totals)
    if width >= WIDE:
        return {
            "requests": requests,
            "input": amount(totals.input),
            "cache write": amount(written),
            "cache read": amount(totals.cache_read),
            "output": output,
            COST: cost,
        }
    if width >= NARROW:
        return {"requests": requests, "input": amount(read), "output": output, COST: cost}
    return {"tokens": amount(read + totals.output), COST: cost}


def _name(title: str, line: Line, offset: days.Offset) -> str:
    """What a line is called, short enough for a terminal."""
    if title == "session":
        start = f"{days.clock(line.since, offset):%Y-%m-%d %H:%M}"
        return f"{start}  {_plain(line.name)[:8]}"
    return _folder(line.name) if title == "project" else _plain(line.name)


def _folder(name: str) -> str:
    home = paths.home()
    return _plain("~" + name[len(home) :] if name.startswith(home + "/") else name)


def _plain(name: str) -> str:
    """Names come from transcripts: nothing in them may be an order to the terminal."""
    return "".join(letter for letter in name if letter.isprintable())


def _bar(line: Line, dearest: int) -> Text:
    """The line's part of the dearest one, and of that what was billed."""
    whole = round(BAR * line.totals.cost / dearest)
    billed = min(whole, -(-BAR * line.billed.cost // dearest))
    return Text("━" * (whole - billed), PLAN) + Text("━" * billed, BILLED)


def _facts(view: View, offset: days.Offset) -> Table:
    """Whatever can be said in a line."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style=FAINT, no_wrap=True)
    table.add_column()
    for title, text in _said(view, offset):
        if text:
            table.add_row(title, text)
    return table


def _said(view: View, offset: days.Offset) -> Iterator[tuple[str, str]]:
    yield "limits", _struck(view)
    yield "worth it?", _worth(view)
    yield "switches", _switched(view.switches, offset)
    yield "budget", ", ".join(map(_cap, view.budget))
    yield "models", _shares(view.models)
    yield "projects", _shares(view.projects)


def _struck(view: View) -> str:
    """How often each limit was hit, or would have been."""
    hit = Counter(limit.window for limit in view.limits if limit.hits)
    ahead = sum(not limit.hits for limit in view.limits)
    said = [f"{_plain(words.window(window))} hit {_times(times)}" for window, times in hit.items()]
    said += [f"nearly hit {_times(ahead)}"] if ahead else []
    return ", ".join(said)


def _worth(view: View) -> str:
    """What it took not to wait; what was chosen by hand is another matter."""
    if not view.saved:
        return ""
    parts = [switch.totals for switch in view.switches if switch.reason != "user"]
    totals = Totals(*map(sum, zip(*parts, strict=True)))
    told = f"{dollars(totals)} for {words.duration(view.saved)} not waited"
    if totals.unpriced:
        return told
    return f"{told}: {money(totals.cost / view.saved * words.HOUR)} an hour"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def _switched(switches: Sequence[Switch], offset: days.Offset) -> str:
    if not switches:
        return ""
    counts = Counter(switch.provider for switch in switches)
    told = ", ".join(f"{number:,} to {_plain(who)}" for who, number in counts.items())
    return f"{told}; the last on {days.clock(switches[-1].since, offset):%Y-%m-%d}"


def _lasted(switch: Switch) -> str:
    return words.duration((switch.until or words.now()) - switch.since)


def _cap(cap: Cap) -> str:
    from ccfb.billing.budget import WORDS  # noqa: PLC0415 - only where there is one

    return f"{money(cap.spent * PICO)} of {money(cap.dollars * PICO)} {WORDS[cap.per]}"


def _shares(dearest: Sequence[Line]) -> str:
    """The dearest, with their part of the cost."""
    whole = sum(line.totals.cost for line in dearest)
    if not whole:
        return ""
    said = [
        f"{_plain(line.name.rpartition('/')[2]).removeprefix('claude-')}"
        f" {100 * line.totals.cost / whole:.0f} %"
        for line in dearest[:TOP]
    ]
    more = len(dearest) - TOP
    return ", ".join(said) + (f", {more} more" if more > 0 else "")


def _break_even(found: BreakEven) -> Table:
    """What each choice would cost, and which is the cheapest."""
    table = _table(f"a month like these {found.days} days", "plan", "beyond it", "total")
    table.add_column(no_wrap=True)
    for choice in found.choices:
        best = choice.name == found.cheapest
        costs = choice.plan, choice.fallback, choice.total
        told = ["?" if cost is None else money(cost * PICO) if cost else "-" for cost in costs]
        mark = "cheapest" if best else ""
        table.add_row(choice.title, *told, mark, style=PLAN if best else "")
    return table


def _limits(limits: Sequence[Limit], offset: days.Offset) -> Table:
    """Each limit, when it struck, and how long nobody had to wait for its reset."""
    table = _table("limit", "noticed", "resets", "not waited")
    for limit in limits:
        seconds = sum(until - since for since, until in limit.billed)
        table.add_row(
            _plain(words.window(limit.window)) + ("" if limit.hits else ", nearly"),
            f"{days.clock(limit.at, offset):%Y-%m-%d %H:%M}",
            f"{days.clock(limit.resets_at, offset):%m-%d %H:%M}" if limit.resets_at else "?",
            words.duration(seconds) if seconds else "-",
        )
    return table


def _switches(switches: Sequence[Switch], offset: days.Offset) -> Table:
    """Each switch, why, how long it was in force, and what it came to."""
    table = _table("switch", "to", "reason", "lasted", "requests", "billed")
    for column in table.columns[1:3]:
        column.justify = "left"
    for switch in switches:
        table.add_row(
            _first(f"{days.clock(switch.since, offset):%Y-%m-%d %H:%M}"),
            _plain(switch.provider),
            _plain(reason(switch)),
            _lasted(switch),
            f"{switch.totals.requests:,}",
            Text(dollars(switch.totals), BILLED),
        )
    return table
