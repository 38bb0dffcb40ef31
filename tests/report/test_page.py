"""The report's page shows what a report says, whatever names there are, and needs nothing else."""

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ccfb import paths
from ccfb.plans import PLANS
from ccfb.report import days, page
from ccfb.report.model import PICO, Cap, Collected, Event, Request, Slot, Sum
from ccfb.report.render import html, markup
from report import corpus, months

TEN = days.number_of(days.day_of(20_000)) * days.DAY + 40
"""A slot: ten in the morning."""

HOUR = 4
END = TEN + 5 * HOUR


def used(slot: int, dollars: float, switch: int = 0, **rest: Any) -> Sum:
    """Requests of a quarter of an hour."""
    day = slot // days.DAY
    row = Sum("p", "", "m", switch, 0, day, day, slot, slot, 1, *[0] * 9)
    return row._replace(cost=round(dollars * PICO), **rest)


def told(number: int, slot: float, event: str, provider: str | None = None) -> Event:
    """An entry of the ledger about the window that ends at three."""
    return Event(number, slot * 900, event, provider, "five_hour", END * 900, "limit", None)


def shown(sums: list[Sum], *events: Event, **request: Any) -> page.PageData:
    collected = Collected(sums, list(events), {"p": "/p", "q": "/q"}, 1, 0, 0, 0)
    asked = months.REQUEST._replace(**request)
    inside = [each for each in sums if asked.since <= each.day <= asked.until]
    every = [Slot(each.slot, each.switch, each.cost, each.unpriced) for each in sums]
    return page.page_of(
        collected._replace(sums=inside), asked, months.utc, (TEN + 400) * 900, every
    )


def test_days_and_windows_come_to_the_total() -> None:
    data = months.data()
    total = data.view.total
    assert total
    for parts in (data.days, data.windows):
        assert sum(sum(part.dollars) for part in parts) == pytest.approx(total.totals.cost / PICO)
    billed = [sum(day.dollars[place] for day in data.days) for place in range(len(data.billers))]
    by_name = {line.name: line.totals.cost / PICO for line in data.view.providers}
    assert billed == [pytest.approx(by_name[who]) for who in data.billers]


def test_every_day_of_the_span_is_there_used_or_not() -> None:
    data = shown([used(TEN, 1), used(TEN + 3 * days.DAY, 2)])
    assert [(day.date[-2:], day.requests) for day in data.days] == [
        ("04", 1),
        ("05", 0),
        ("06", 0),
        ("07", 1),
    ]


def test_a_window_whose_limit_struck_was_full_and_others_are_measured_by_it() -> None:
    """Here a window holds 40 dollars: what the plan had carried when it refused."""
    data = shown(
        [
            used(TEN, 25),
            used(TEN + 4, 15),
            used(TEN + 5, 12, switch=2),
            used(TEN + 8, 18, switch=2),
            used(TEN + 40, 10),
        ],
        told(1, TEN + 5, "limit"),
        told(2, TEN + 6, "switch", "anthropic"),
        told(3, END, "revert", "anthropic"),
    )
    first, second = data.windows
    assert data.holds == 40
    assert (first.percentage, first.told, first.dollars) == (100, True, [40, 30])
    assert first.hit
    assert f"{first.hit:%H:%M}" == "11:15"
    assert [(f"{at:%H:%M}", who) for at, who in first.switches] == [("11:30", "anthropic")]
    assert (second.percentage, second.told, second.hit, second.switches) == (25, False, None, [])


def test_the_users_word_of_what_a_window_holds_is_the_last() -> None:
    data = shown([used(TEN, 10), used(TEN + 40, 9)], told(1, TEN + 1, "limit"))
    plan = PLANS["pro"]._replace(window=90.0, told=True)
    for mine, holds in ((plan._replace(told=False), 10), (plan, 90)):
        data = page.page_of(data.collected, months.REQUEST, months.utc, months.NOW, plan=mine)
        assert (data.holds, data.windows[1].percentage) == (holds, 900 / holds)
        assert ("$90.00 at API prices, as you say" in html.render(data)) == mine.told


def test_a_window_that_was_left_ahead_of_its_limit_was_nearly_full() -> None:
    (window,) = shown([used(TEN, 1)], told(1, TEN + 1, "threshold")).windows
    assert (window.percentage, window.told, window.hit) == (95, True, None)


def test_an_estimate_is_never_beyond_the_limit() -> None:
    """It would have struck."""
    data = shown([used(TEN, 10), used(TEN + 40, 90)], told(1, TEN + 1, "limit"))
    assert [window.percentage for window in data.windows] == [100, 100]
    assert not data.windows[1].told


def test_without_limits_nobody_knows_how_full_a_window_was() -> None:
    data = shown([used(TEN, 10)])
    assert data.holds is None
    assert [window.percentage for window in data.windows] == [None]
    assert "nobody knows" in html.render(data)


def test_windows_are_those_of_all_projects_whichever_is_asked_for() -> None:
    sums = [used(TEN, 10), used(TEN, 5, project="q"), used(TEN + 2, 3, switch=2)]
    data = shown(
        sums, told(1, TEN + 1, "limit"), told(2, TEN + 1, "switch", "anthropic"), project="q"
    )
    (window,) = data.windows
    assert (window.dollars, len(window.switches)) == ([15, 3], 1)
    assert [day.dollars for day in data.days] == [[5, 0]]


def test_windows_count_as_a_whole_whichever_days_are_asked_for() -> None:
    """And what they hold is learned from all of them."""
    evening = TEN + 12 * HOUR
    sums = [used(TEN, 40), used(evening, 10), used(evening + 3 * HOUR, 10), used(TEN + 192, 1)]
    limit = told(1, TEN + 1, "limit")
    day = TEN // days.DAY + 1
    data = shown(sums, limit, since=day, until=day)
    (window,) = data.windows
    assert f"{window.start:%d %H:%M}" == "04 22:00"
    assert (window.percentage, window.dollars) == (50, [20])
    assert [day.dollars for day in data.days] == [[10]]


def test_a_part_of_the_usage_is_not_said_to_be_without_limits() -> None:
    """Whose limit it was nobody can tell."""
    sums = [used(TEN, 10), used(TEN, 5, project="q")]
    limit = told(1, TEN + 1, "limit")
    whole, part = (
        Page(html.render(data)).texts
        for data in (shown(sums, limit), shown(sums, limit, project="q"))
    )
    assert "Limits hit" in whole
    assert "Limits hit" not in part
    assert "Claude Code in q, and who paid" in part


def test_days_are_marked_on_which_limits_struck() -> None:
    """Not those on which they were avoided."""
    sums = [used(TEN, 1), used(TEN + days.DAY, 1)]
    assert [day.hits for day in shown(sums, told(1, TEN, "limit")).days] == [["five_hour"], []]
    assert [day.hits for day in shown(sums, told(1, TEN, "threshold")).days] == [[], []]


def test_what_transcripts_and_the_ledger_tell_comes_to_the_page(home: Path) -> None:
    made = corpus.make(home / ".claude", size=300_000, sessions=10)
    request = Request((paths.projects(),), timezone="UTC")
    data = page.collect_page(request, months.utc, lambda _done, _total: None, months.NOW)
    assert sum(day.requests for day in data.days) == len(made.answers)
    assert data.view.break_even
    Page(html.render(data))


class Page(HTMLParser):
    """A page, taken apart as a browser would."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []
        self.inside: dict[str, list[str]] = {}
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in {"meta", "input"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.inside.setdefault(self.open[-1], []).append(data)
            self.texts.append(data)

    @property
    def policy(self) -> str:
        return next(
            value or ""
            for _, name, value in self.attributes
            if name == "content" and "src" in f"{value}"
        )


NASTY = [
    "</script><img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "<!--<script>alert(1)//",
    "$style ${script} {{x}} %s &lt;b&gt; \u2028\u2029",
]


def nasty(work: Collected) -> Collected:
    """Months whose every name is an attack."""
    folders = {name: f"/home/{NASTY[n % 4]}" for n, name in enumerate(work.folders)}
    names = {model: NASTY[n % 4] for n, model in enumerate(months.MODELS)}
    return work._replace(
        folders=folders,
        sums=[each._replace(model=names[each.model]) for each in work.sums],
        events=[
            each._replace(
                provider=each.provider and NASTY[each.id % 4],
                window=NASTY[each.id % 4] if each.id % 3 else each.window,
            )
            for each in work.events
        ],
    )


def test_names_are_text_whatever_they_are() -> None:
    work = months.collected(20)
    plain = Page(html.render(page.page_of(work, months.REQUEST, months.utc, months.NOW)))
    text = html.render(page.page_of(nasty(work), months.REQUEST, months.utc, months.NOW))
    attacked = Page(text)
    assert attacked.tags.keys() == plain.tags.keys()
    assert attacked.tags["script"] == 2
    assert not [name for _, name, _ in attacked.attributes if name.startswith("on")]
    for name in NASTY:
        assert any(name in told for told in attacked.texts)
    data = json.loads(attacked.inside["script"][0])
    assert {who for who, _ in data["billers"]} & {*NASTY}
    assert not re.search(r"[<>&\u2028\u2029]", attacked.inside["script"][0])


def test_attributes_are_text_too() -> None:
    assert markup.element("i", title='"><b>') == '<i title="&quot;&gt;&lt;b&gt;"></i>'


def test_only_its_own_style_and_script_may_run() -> None:
    """They are known by their contents; nothing may be loaded or sent."""
    parsed = Page(html.render(months.data(20)))
    allowed = dict(part.split(" ", 1) for part in parsed.policy.split("; "))
    for kind, content in (
        ("style-src", parsed.inside["style"][0]),
        ("script-src", parsed.inside["script"][1]),
    ):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert allowed.pop(kind) == f"'sha256-{digest}'"
    assert set(allowed.values()) == {"'none'"}
    assert "default-src" in allowed


def test_it_names_nothing_that_could_be_loaded() -> None:
    text = html.render(months.data(20))
    addresses = set(re.findall(r"\w+://[^\"'\s<]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert not {name for _, name, _ in Page(text).attributes} & {"src", "href", "style"}


def test_a_year_is_a_small_page() -> None:
    assert len(html.render(months.data(365)).encode()) < 300_000


def test_what_has_no_known_price_isnt_told_as_nothing() -> None:
    """Nor are dollars told as if they were all."""
    sums = [
        used(TEN, 0, unpriced=1, unpriced_tokens=9),
        used(TEN + 1, 2, switch=1),
        used(TEN + 1, 0, switch=1, unpriced=3),
    ]
    data = shown(sums, told(1, TEN + 1, "switch", "anthropic"))
    texts = Page(html.render(data)).texts
    assert {"?", "$2.00 + ?", "$2.00 + ? anthropic"} <= {*texts}
    assert any("4 requests without a known price" in text for text in texts)
    assert data.days[0].unpriced == data.windows[0].unpriced == [1, 3]


def test_what_it_cost_not_to_wait_is_told_apart_from_what_was_billed_by_hand() -> None:
    by_hand = told(4, TEN + 50, "switch", "anthropic")._replace(reason="user")
    data = shown(
        [used(TEN, 1), used(TEN + HOUR, 6, switch=2), used(TEN + 51, 5, switch=4)],
        told(1, TEN + 2 * HOUR, "limit"),
        told(2, TEN + 2 * HOUR, "switch", "anthropic"),
        told(3, END, "revert", "anthropic"),
        by_hand,
    )
    assert "For $6.00, $2.00 an hour; $5.00 by hand" in Page(html.render(data)).texts


def test_nothing_used_is_a_page_too() -> None:
    parsed = Page(html.render(shown([])))
    assert "No requests" in parsed.texts


def test_a_cap_that_is_used_up_is_marked() -> None:
    data = months.data(7)
    caps = [Cap("day", 20.5, 20, used_up=True), Cap("month", 151.02, 250)]
    texts = Page(html.render(data._replace(view=data.view._replace(budget=caps)))).texts
    assert {"Today", "$20.50 of $20.00, used up", "This month", "$151.02 of $250.00"} <= {*texts}


@pytest.mark.parametrize(
    "part", ["Billed to your keys", "Models", "atlas-api", "What to choose", "Budget", "Today"]
)
def test_what_isnt_drawn_is_told_without_a_script(part: str) -> None:
    assert part in Page(html.render(months.data())).texts
