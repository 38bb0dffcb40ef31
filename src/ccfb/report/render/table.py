"""A view for people, on a terminal or in a pipe."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

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
from ccfb.report.render.wording import amount, dollars, money, notes, reason, worth

TOP = 3
"""Models and projects that a summary tells of."""

WIDE, NARROW, SLIM = 110, 80, 60
"""Columns from which all kinds of tokens are told, from which some are, and below which none is."""

ROOM = 20
"""Columns that a session's project and model take."""

YEAR = len("2026-")

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
        where = _plain(", ".join(view.folders))
        yield "No requests." if collected.files else f"There are no transcripts in {where}."
        return
    if view.switches and view.switches[-1].until is None:
        yield _billed_now(view.switches[-1], offset)
        yield ""
    yield from (_listed if view.by else _summary)(view, view.total, offset, screen)
    told = [*(view.break_even.assumptions if view.break_even and not view.by else ())]
    told += notes(view.total, collected)
    if view.by == "session":
        told.append("A session is told with the quarter of an hour in which it began.")
    if told:
        yield ""
        yield Text(" ".join(told), FAINT)


def _summary(
    view: View, total: Line, offset: days.Offset, screen: Console
) -> Iterator[RenderableType]:
    title = _span(view)
    if screen.width < SLIM:
        yield Text(title, STRONG)
        title = "provider"
    yield _lines(title, view.providers, total, offset, screen, bars=False)
    yield ""
    yield _facts(view, offset)
    if view.break_even and view.break_even.choices:
        yield ""
        yield _break_even(view.break_even, screen.width)


def _listed(
    view: View, total: Line, offset: days.Offset, screen: Console
) -> Iterator[RenderableType]:
    yield Text(_span(view), STRONG)
    yield ""
    yield _lines(view.by, view.lines, total, offset, screen, bars=view.by != "session")
    if view.by == "window" and view.limits:
        yield ""
        yield _limits(view.limits, offset, screen.width)
    if view.by == "provider" and view.switches:
        yield ""
        yield _switches(view.switches, offset, screen.width)


def _span(view: View) -> str:
    since, until = view.days or ("", "")
    return since if since == until else f"{since} to {until}"


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
    width = screen.width - (ROOM if title == "session" else 0)
    names = [_names(title, line, offset, screen.width) for line in lines]
    heads = [title, "project", "model"][: len(names[0])]
    table = _table(heads, _cells(total.totals, width))
    if billed:
        table.add_column("billed", justify="right", no_wrap=True, style=BILLED)
    if drawn:
        table.add_column(width=BAR)
    for words_, line in zip(names, lines, strict=True):
        cells = [*_cells(line.totals, width).values()]
        cells += [dollars(line.billed) if any(line.billed) else "-"] if billed else []
        bar = [_bar(line, dearest)] if drawn else []
        table.add_row(*map(_word, words_), *cells, *bar)
    if len(lines) > 1:
        cells = [*_cells(total.totals, width).values()]
        cells += [dollars(total.billed)] if billed else []
        table.add_row("total", *[""] * (len(heads) - 1), *cells, style=STRONG)
    return table


def _table(words: Iterable[str], numbers: Iterable[str]) -> Table:
    """Words to the left, and shortened where there is no room; numbers are whole."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=FAINT)
    for head in words:
        table.add_column(_word(head))
    for head in numbers:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def _word(name: str) -> Text:
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
        return {"requests": requests, "in + cache": amount(read), "output": output, COST: cost}
    if width >= SLIM:
        return {"tokens": amount(read + totals.output), COST: cost}
    return {"cost": cost}


def _names(title: str, line: Line, offset: days.Offset, width: int) -> list[str]:
    """What a line is called, as far as there is room."""
    if title == "session":
        start = _clock(line.since, offset, width)
        project = _plain((line.project or "").rpartition("/")[2])
        if width < SLIM:
            return [start, project]
        names = [f"{start}  {_plain(line.name)[:8]}", project]
        return [*names, _model(line.model or "")] if width >= WIDE else names
    if title == "window" and width < SLIM:
        return [line.name[YEAR:]]
    return [_folder(line.name) if title == "project" else _plain(line.name)]


def _clock(at: float, offset: days.Offset, width: int = WIDE) -> str:
    """A moment; without the year where there is no room."""
    return f"{days.clock(at, offset):%Y-%m-%d %H:%M}"[YEAR if width < SLIM else 0 :]


def _model(name: str) -> str:
    return _plain(name).removeprefix("claude-")


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


def _billed_now(switch: Switch, offset: days.Offset) -> Text:
    """The first thing to know."""
    who, why = words.biller(_plain(switch.provider)), _plain(reason(switch))
    return Text(f"Billed now: {who}, since {_clock(switch.since, offset)} ({why})", BILLED)


def _struck(view: View) -> str:
    """How often each limit was hit, or would have been."""
    told = []
    for window in dict.fromkeys(limit.window for limit in view.limits):
        kinds = Counter(bool(limit.hits) for limit in view.limits if limit.window == window)
        ways = ((kinds[True], "hit"), (kinds[False], "nearly hit"))
        often = ", ".join(f"{way} {_times(times)}" for times, way in ways if times)
        told.append(f"{_plain(words.window(window))} {often}")
    return "; ".join(told)


def _worth(view: View) -> str:
    """What it took not to wait."""
    return f"{words.duration(view.saved)} not waited for {worth(view)}" if view.saved else ""


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
    spent = f"{money(cap.spent * PICO)} of {money(cap.dollars * PICO)}"
    return f"{spent} {words.PERIODS[cap.per]}{' (used up)' if cap.used_up else ''}"


def _shares(dearest: Sequence[Line]) -> str:
    """The dearest, with their part of the cost."""
    whole = sum(line.totals.cost for line in dearest)
    if not whole:
        return ""
    said = [
        f"{_model(line.name.rpartition('/')[2])} {100 * line.totals.cost / whole:.0f} %"
        for line in dearest[:TOP]
    ]
    more = len(dearest) - TOP
    return ", ".join(said) + (f", {more} more" if more > 0 else "")


def _break_even(found: BreakEven, width: int) -> Table:
    """What each choice would cost, and which is the cheapest."""
    heads = ("plan", "beyond it", "total")
    first = 0 if width >= SLIM else heads.index("total")
    table = _table(["a month of this"], heads[first:])
    table.add_column(no_wrap=True)
    for choice in found.choices:
        best = choice.name == found.cheapest
        costs = choice.plan, choice.fallback, choice.total
        told = ["?" if cost is None else money(cost * PICO) if cost else "-" for cost in costs]
        mark = "cheapest" if best else ""
        table.add_row(choice.title, *told[first:], mark, style=PLAN if best else "")
    return table


def _limits(limits: Sequence[Limit], offset: days.Offset, width: int) -> Table:
    """Each limit, when it struck, and how long nobody had to wait for its reset."""
    resets = width >= SLIM
    table = _table(["limit"], ["noticed", *(["resets"] if resets else []), "not waited"])
    for limit in limits:
        seconds = sum(until - since for since, until in limit.billed)
        reset = _clock(limit.resets_at, offset)[YEAR:] if limit.resets_at else "?"
        table.add_row(
            _word(_plain(words.window(limit.window)) + ("" if limit.hits else ", nearly")),
            _clock(limit.at, offset, width),
            *([reset] if resets else []),
            words.duration(seconds) if seconds else "-",
        )
    return table


def _switches(switches: Sequence[Switch], offset: days.Offset, width: int) -> Table:
    """Each switch, why, how long it was in force, and what it came to."""
    told, counted = ["switch", "to"], ["billed"]
    if width >= SLIM:
        told.append("reason")
    if width >= NARROW:
        counted = ["lasted", "requests", "billed"]
    table = _table(told, counted)
    table.columns[0].no_wrap = True
    for switch in switches:
        cells: dict[str, str | Text] = {
            "switch": _clock(switch.since, offset, width),
            "to": _word(_plain(switch.provider)),
            "reason": _word(_plain(reason(switch))),
            "lasted": _lasted(switch),
            "requests": f"{switch.totals.requests:,}",
            "billed": Text(dollars(switch.totals), BILLED),
        }
        table.add_row(*(cells[head] for head in [*told, *counted]))
    return table
