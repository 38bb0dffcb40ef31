"""The report as one page that needs nothing else: no request leaves it, and no script but its own.

Charts are drawn by scripts in `page/`; all else is told here.
"""

import base64
import hashlib
import html
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from statistics import median
from string import Template
from typing import Any

from ccfb import words
from ccfb.report import days
from ccfb.report.model import (
    SUBSCRIPTION,
    BreakEven,
    Cap,
    Choice,
    Line,
    Request,
    Switch,
    Totals,
    View,
)
from ccfb.report.page import Day, PageData, Window
from ccfb.report.render import wording
from ccfb.report.render.markup import Markup, element, embedded, together
from ccfb.report.render.wording import amount

KINDS = {SUBSCRIPTION, "anthropic", "openrouter", "bedrock", "vertex"}
"""Billers with a colour of their own."""

SCRIPTS = ("words", "chart", "costs", "windows", "calendar", "main")
"""One after the other; together they are a module."""

Key = tuple[str, str]
"""A colour or a sign, and what it stands for."""

TOP = 8
"""Models and projects with a line of their own."""

RECENT = 12
"""Switches that are told of."""


def render(data: PageData) -> str:
    """The page, as HTML."""
    style, script = _asset("page.css"), "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    view = data.view
    return Template(_asset("page.html")).substitute(
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}';"
        " base-uri 'none'; form-action 'none'",
        title=html.escape(f"Claude Code, {_period(view.days)}"),
        scope=html.escape(_scope(data.request)),
        span=html.escape(_period(view.days)),
        style=style,
        headline=_headline(view, part=data.request.part),
        costs_legend=_legend(_costs_keys(data)),
        windows_legend=_legend(_windows_keys(data)),
        days_legend=_legend(_days_keys(data)),
        holds=html.escape(_holding(data)),
        models=_ranking("Models", view.models),
        projects=_ranking("Projects", view.projects, paths=True),
        facts=_facts(data.days),
        break_even=_break_even(view.break_even) if view.break_even else "",
        budget=_budget(view.budget),
        switches=_switches(view.switches, data.offset),
        notes=together(element("p", note) for note in _notes(data)),
        data=embedded(_drawn(data)),
        script=script,
    )


def _asset(name: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), "page", name), encoding="utf-8") as file:
        return file.read()


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _drawn(data: PageData) -> dict[str, Any]:
    """What charts are drawn from; see `page/words.js`."""
    return {
        "billers": [
            [who.capitalize() if who == SUBSCRIPTION else who, _kind(who)] for who in data.billers
        ],
        "holds": data.holds,
        "days": [
            [
                day.date,
                day.requests,
                _rounded(day.dollars),
                day.unpriced,
                [*map(words.window, day.hits)],
            ]
            for day in data.days
        ],
        "windows": [_window(window, data.billers) for window in data.windows],
    }


def _window(window: Window, billers: list[str]) -> list[Any]:
    return [
        _stamp(window.start),
        (window.end - window.start).total_seconds() / words.HOUR,
        None if window.percentage is None else round(window.percentage, 1),
        int(window.told),
        _rounded(window.dollars),
        window.unpriced,
        _stamp(window.hit) if window.hit else 0,
        [[_stamp(at), billers.index(who)] for at, who in window.switches if who in billers],
    ]


def _rounded(dollars: Iterable[float]) -> list[float]:
    return [round(each, 3) for each in dollars]


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M}"


def _kind(who: str) -> str:
    return who if who in KINDS else "other"


def _legend(keys: Iterable[Key]) -> Markup:
    """What colours and signs stand for."""
    return element("p", *(element("span", _swatch(*key)) for key in keys), class_="legend")


def _costs_keys(data: PageData) -> Iterator[Key]:
    for who in data.billers:
        yield _kind(who), "Subscription, at API prices" if who == SUBSCRIPTION else who
    if any(day.hits for day in data.days):
        yield "struck", "a limit struck"


def _windows_keys(data: PageData) -> Iterator[Key]:
    if data.holds is None:
        yield "subscription", "plan"
    else:
        yield "subscription", "plan, at the limit or near"
        yield "subscription guess", "plan, estimated"
    if any(window.hit for window in data.windows):
        yield "cap", "limit hit"
    if any(window.switches for window in data.windows):
        yield "dot", "switch"


def _days_keys(data: PageData) -> Iterator[Key]:
    yield "subscription", "the stronger, the dearer"
    if len(data.billers) > 1:
        yield "paid", "a key was billed"


def _swatch(kind: str, name: str) -> Markup:
    """A colour, and what it stands for."""
    return together((element("i", class_=kind), Markup(html.escape(name))))


def _period(span: tuple[str, str] | None) -> str:
    if not span:
        return "No requests"
    since, until = map(date.fromisoformat, span)
    if since == until:
        return f"{since.day} {since:%B %Y}"
    year = "" if since.year == until.year else f" {since.year}"
    return f"{since.day} {since:%B}{year} to {until.day} {until:%B %Y}"


def _scope(request: Request) -> str:
    """What it is about."""
    project = f" in {request.project}" if request.project else ""
    who = f"what was billed to {request.provider}" if request.provider else "and who paid"
    return f"Claude Code{project}, {who}"


def _headline(view: View, *, part: bool) -> Markup:
    """Four numbers; limits are those of all usage, and not told of a part of it."""
    parts = {line.name: line.totals for line in view.providers}
    covered = parts.pop(SUBSCRIPTION, Totals())
    billed = Totals(*map(sum, zip(*parts.values(), strict=True)))
    who = ", ".join(f"{wording.dollars(totals)} {name}" for name, totals in parts.items())
    return element(
        "dl",
        _tile(
            "Billed to your keys",
            wording.dollars(billed),
            who or "No key was billed",
            "billed" if any(billed) else "",
        ),
        _tile("Covered by the plan", wording.dollars(covered), "At API prices; not billed"),
        *(_volume(view) if part else _struck(view)),
        class_="tiles",
    )


def _volume(view: View) -> Iterator[Markup]:
    totals = view.total.totals if view.total else Totals()
    yield _tile("Requests", f"{totals.requests:,}", wording.count(len(view.lines), "day"))
    read = totals.input + totals.cache_read + totals.cache_write_5m + totals.cache_write_1h
    yield _tile("Tokens written", amount(totals.output), f"{amount(read)} read")


def _struck(view: View) -> Iterator[Markup]:
    struck = Counter(words.window(limit.window) for limit in view.limits if limit.hits)
    told = [f"{window}: {number:,}" for window, number in struck.items()]
    nearly = sum(not limit.hits for limit in view.limits)
    told += [f"nearly: {nearly:,}"] if nearly else []
    switches = wording.count(len(view.switches), "switch", "switches")
    worth = f"For {wording.worth(view)}" if view.saved else switches
    yield _tile("Not waited", words.duration(view.saved), worth)
    yield _tile("Limits hit", f"{struck.total():,}", ", ".join(told) or "The plan never refused")


def _tile(name: str, number: str, more: str, kind: str = "") -> Markup:
    return element(
        "div", element("dt", name), element("dd", number), element("dd", more), class_=kind
    )


def _holding(data: PageData) -> str:
    """What the chart of windows rests on."""
    everyone = " All projects count here." if data.request.part else ""
    if data.holds is None:
        return (
            "How far each was used, in dollars at API prices: as none was used up so far, nobody"
            f" knows what a window holds.{everyone}"
        )
    learned = " that the plan had carried, by the median, in windows that were used up"
    return (
        f"How far each was used. Estimates rest on the ${data.holds:,.2f} at API prices"
        f"{', as you say' if data.said else learned}. What keys were billed for stands on"
        f" top.{everyone}"
    )


def _card(name: str, title: str, *children: str) -> Markup:
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, *children, class_="card", aria_labelledby=f"{name}-title")


def _table(heads: Sequence[tuple[str, str]], rows: Iterable[Markup], kind: str = "") -> Markup:
    """A table; heads have a class each."""
    cells = (element("th", title, scope="col", class_=style) for title, style in heads)
    return element(
        "table",
        element("thead", element("tr", *cells)),
        element("tbody", *rows),
        class_=kind,
    )


def _ranking(title: str, lines: Sequence[Line], *, paths: bool = False) -> Markup:
    """The dearest, and what the others come to."""
    if not lines:
        return Markup()
    most = max(line.totals.cost for line in lines)
    rows = [_rank(line, most, paths=paths) for line in lines[:TOP]]
    rest = lines[TOP:]
    if rest:
        totals = Totals(*map(sum, zip(*(line.totals for line in rest), strict=True)))
        rows.append(
            _cells(element("span", wording.count(len(rest), "other"), class_="soft"), totals)
        )
    heads = (
        ("Name", ""),
        ("Requests", "number"),
        ("Output", "number optional"),
        ("Cost", "number"),
    )
    return _card(title.lower(), title, _table(heads, rows))


def _rank(line: Line, most: int, *, paths: bool) -> Markup:
    name = line.name or "unknown"
    folder, _, last = name.rstrip("/").rpartition("/") if paths else ("", "", name)
    bars = ((_kind(who), totals.cost) for who, totals in sorted(line.providers.items(), key=_first))
    return _cells(
        together(
            (
                element("span", last or name),
                element("small", folder) if folder else Markup(),
                _bar(bars, most),
            )
        ),
        line.totals,
    )


def _first(part: tuple[str, Totals]) -> tuple[bool, int]:
    """The subscription, then the dearest."""
    who, totals = part
    return who != SUBSCRIPTION, -totals.cost


def _cells(name: Markup, totals: Totals) -> Markup:
    return element(
        "tr",
        element("th", name, scope="row", class_="name"),
        element("td", f"{totals.requests:,}", class_="number"),
        element("td", amount(totals.output), class_="number optional"),
        element("td", wording.dollars(totals), class_="number"),
    )


def _bar(parts: Iterable[tuple[str, float]], most: float) -> Markup:
    """Parts behind each other, in percent of the most there is."""
    start = 0.0
    drawn = []
    for kind, size in parts:
        width = 100 * size / most if most else 0
        place = {"x": f"{start:.2f}%", "width": f"{width:.2f}%", "height": "100%"}
        drawn.append(element("rect", class_=kind, **place))
        start += width
    return element("svg", *drawn, class_="bar", aria_hidden="true")


def _facts(found: Sequence[Day]) -> Markup:
    """What the calendar comes to."""
    worked = {day.date: sum(day.dollars) for day in found if day.requests}
    if not worked:
        return Markup()
    dearest = max(worked, key=worked.__getitem__)
    told = (
        ("Days with work", f"{len(worked):,} of {len(found):,}"),
        ("A usual one", f"${median(worked.values()):,.2f}"),
        ("The dearest", f"${worked[dearest]:,.2f} on {_period((dearest, dearest))}"),
        ("With a limit", wording.count(sum(1 for day in found if day.hits), "day")),
    )
    return element(
        "dl",
        *(element("div", element("dt", name), element("dd", fact)) for name, fact in told),
        class_="facts",
    )


def _budget(caps: Sequence[Cap]) -> Markup:
    """The caps that hold now."""
    if not caps:
        return Markup()
    rows = (
        element(
            "tr",
            element("th", words.PERIODS[cap.per].capitalize(), scope="row"),
            element("td", _bar((("anthropic", min(cap.spent, cap.dollars)),), cap.dollars)),
            element("td", _spent(cap), class_="number"),
        )
        for cap in caps
    )
    heads = (("Cap", ""), ("", "wide"), ("Spent", "number"))
    return _card("budget", "Budget", _table(heads, rows, "choices"))


def _spent(cap: Cap) -> str:
    end = ", used up" if cap.used_up else ""
    return f"${cap.spent:,.2f} of ${cap.dollars:,.2f}{end}"


def _break_even(found: BreakEven) -> Markup:
    """What the same work would cost a month."""
    most = max((choice.total or choice.fallback for choice in found.choices), default=0)
    rows = [_choice(choice, most, found.cheapest) for choice in found.choices]
    heads = (
        ("A month of this", ""),
        ("", "wide optional"),
        (_swatch("subscription", "Plan"), "number"),
        (_swatch("anthropic", "Billed"), "number"),
        ("Total", "number"),
    )
    notes = element("p", " ".join(found.assumptions), class_="note")
    table = element("div", _table(heads, rows, "choices"), class_="scroll") if rows else Markup()
    return _card("choices", "What to choose", table, notes)


def _choice(choice: Choice, most: float, cheapest: str) -> Markup:
    best = element("span", "cheapest", class_="best") if choice.name == cheapest else Markup()
    own = choice.plan or 0.0
    bar = _bar((("subscription", own), ("anthropic", choice.fallback)), most)
    return element(
        "tr",
        element("th", choice.title[:1].upper() + choice.title[1:], best, scope="row"),
        element("td", bar, class_="wide optional"),
        element("td", "?" if choice.plan is None else f"${own:,.0f}", class_="number"),
        element("td", f"${choice.fallback:,.0f}", class_="number"),
        element("td", "?" if choice.total is None else f"${choice.total:,.0f}", class_="number"),
    )


def _switches(switches: Sequence[Switch], offset: days.Offset) -> Markup:
    """The last ones, the newest first."""
    if not switches:
        return Markup()
    shown = switches[: -RECENT - 1 : -1]
    heads = (
        ("When", ""),
        ("Billed to", ""),
        ("Why", "optional"),
        ("For", "number optional"),
        ("Requests", "number"),
        ("Cost", "number"),
    )
    title = "Switches" if len(shown) == len(switches) else f"The last {RECENT} switches"
    return _card("switches", title, _table(heads, (_switch(each, offset) for each in shown)))


def _switch(switch: Switch, offset: days.Offset) -> Markup:
    at = days.clock(switch.since, offset)
    length = words.duration(switch.until - switch.since) if switch.until else "until now"
    return element(
        "tr",
        element("th", f"{at.day} {at:%b %H:%M}", scope="row"),
        element("td", _swatch(_kind(switch.provider), switch.provider)),
        element("td", wording.reason(switch), class_="optional"),
        element("td", length, class_="number optional"),
        element("td", f"{switch.totals.requests:,}", class_="number"),
        element("td", wording.dollars(switch.totals), class_="number"),
    )


def _notes(data: PageData) -> Iterator[str]:
    """What should be known of the numbers."""
    if data.view.total:
        yield from wording.notes(data.view.total, data.collected)
    zone = data.request.timezone or "this machine"
    yield f"Made by ccfb on {data.made.day} {data.made:%B %Y, %H:%M}. Times are those of {zone}."
