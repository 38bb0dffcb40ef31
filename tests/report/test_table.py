"""What people see: one screen, whole numbers, and no order to the terminal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from ccfb import files, paths
from ccfb.report.model import (
    BY,
    PICO,
    SUBSCRIPTION,
    BreakEven,
    Collected,
    Limit,
    Line,
    Request,
    Switch,
    Totals,
    View,
)
from ccfb.report.produce import look
from ccfb.report.render import table, wording
from report import corpus, struck

NOW = 1_795_168_800.0
"""2026-11-20, 10:00 UTC."""

TEN_DAYS = {"since": int(NOW) // 86_400 - 72, "until": int(NOW) // 86_400 - 62}
"""In which limits struck."""

SAID = '{"plan": "max_5x", "budget": {"day": 20, "month": 100}}'
SPENT = '{"days": {"2026-11-19": 5.5, "2026-11-20": 3.2}}'

Show = Callable[..., str]


def utc(_: int) -> int:
    return 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the client's, made once."""
    folder = tmp_path_factory.mktemp("made")
    corpus.make(folder, size=1_500_000, sessions=60)
    return folder


@pytest.fixture
def worked(home: Path, made: Path) -> None:
    """Three months of work, with limits, keys and a budget."""
    (home / ".claude").mkdir()
    (home / ".claude" / "projects").symlink_to(made / "projects")
    struck.strike(home / ".claude" / "projects")
    files.replace(paths.own("config.json"), SAID.encode())
    files.replace(paths.own("state.json"), SPENT.encode())


@pytest.fixture
def show(home: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    """What a terminal of some width shows, without its colours."""

    def show(width: int, **request: Any) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        asked = Request((paths.projects(),), **request)
        view, collected = look(asked, utc, lambda _done, _total: None, NOW)
        return table.render(view, collected, utc)

    return show


@pytest.mark.usefixtures("worked")
@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_summary(show: Show, snapshot: SnapshotAssertion, width: int) -> None:
    assert show(width) == snapshot


@pytest.mark.usefixtures("worked")
@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("by", BY)
def test_a_line_for_each(show: Show, snapshot: SnapshotAssertion, by: str, width: int) -> None:
    some = {} if by in {"month", "model", "project", "provider"} else TEN_DAYS
    assert show(width, by=by, **some) == snapshot


@pytest.mark.usefixtures("worked")
@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("by", ["", *BY])
def test_every_number_is_whole(show: Show, by: str, width: int) -> None:
    """Names of models are shortened where there is no room; numbers, dates and times are not."""
    shown = show(width, by=by).splitlines()
    assert max(map(len, shown)) <= width
    names = ("claude-", "anthropic/")
    assert not [line for line in shown if "…" in line and not line.startswith(names)]


@pytest.mark.usefixtures("worked")
def test_a_part_of_the_usage_says_nothing_of_limits_and_plans(show: Show) -> None:
    parts = {"No switch was made": {"project": "tools"}, "billed": {"provider": "anthropic"}}
    for said, part in parts.items():
        shown = show(80, **part)
        assert said in shown
        assert not [word for word in ("limits", "budget", "Pro", "worth it?") if word in shown]


def test_nobody_who_never_worked_is_shown_a_table(show: Show, home: Path) -> None:
    assert show(200) == f"There are no transcripts in {home}/.claude/projects."


@pytest.mark.usefixtures("worked")
def test_what_windows_hold_is_the_same_on_all_days(show: Show) -> None:
    def holds(**request: Any) -> str:
        _, _, said = " ".join(show(80, **request).split()).partition("Five hours hold ")
        return said.partition(" What goes beyond")[0]

    assert "the median of" in holds() == holds(since=TEN_DAYS["until"])


@pytest.mark.usefixtures("worked")
def test_some_days_say_nothing_of_todays_budget(show: Show) -> None:
    assert "budget" in show(80)
    assert "budget" not in show(80, **TEN_DAYS)
    assert "budget" not in show(80, since=TEN_DAYS["since"])


@pytest.mark.usefixtures("worked")
def test_days_without_work(show: Show) -> None:
    assert show(80, since=10**6) == "No requests."


# Pure


def line(name: str, *, billed: bool = False, **totals: int) -> Line:
    known = Totals(**{"requests": 1, "cost": PICO, **totals})
    return Line(name, known, {"anthropic" if billed else SUBSCRIPTION: known}, 0, 900)


def rendered(lines: list[Line], by: str = "model", **more: Any) -> str:
    view = View(by, ("2026-11-01", "2026-11-02"), lines[-1], lines, lines, lines, lines, [], 0, [])
    counts = {"files": 1, "invalid": 0, "unknown": 0, "cut": 0}
    found = {name: more.pop(name, count) for name, count in counts.items()}
    collected = Collected([], [], {}, **found)
    return table.render(view._replace(**more), collected, utc)


@pytest.mark.parametrize("by", [*BY, ""])
def test_a_name_is_no_order_to_the_terminal(by: str) -> None:
    """Names of models and folders come from files that anybody may have written."""
    hostile = line("a\x1b[31mb\x07\u202ec\u009bd[bold]e[/]")
    shown = rendered([hostile], by)
    assert not [letter for letter in shown if not letter.isprintable() and letter != "\n"]
    assert by == "session" or "[bold]e[/]" in shown


def test_a_model_without_a_price_is_not_free() -> None:
    unknown = line("new", cost=0, unpriced=3, unpriced_tokens=12_345)
    shown = rendered([unknown])
    assert "$0.00" not in shown
    left_out = "Not in the cost: 3 requests without a known price, 12.3k tokens."
    assert left_out in " ".join(shown.split())
    assert "$1.00 + ?" in rendered([line("some", unpriced=1)])


def test_what_was_left_out_is_told() -> None:
    shown = rendered([line("m")], invalid=2, cut=1, unknown=3)
    assert "Left out: 2 invalid lines, 1 cut line, 3 unknown answers." in " ".join(shown.split())
    assert "Left out" not in rendered([line("m")])


def test_it_is_too_early_to_compare_plans() -> None:
    early = BreakEven([], "", ["To compare plans takes 7 days of usage; there is 1 day."], 1)
    shown = rendered([line("m")], "", break_even=early)
    assert "To compare plans takes 7 days" in shown
    assert "Max 5x" not in shown


def test_what_was_billed_for_calls_without_a_message_is_told_too() -> None:
    background = line("m", billed=True, requests=0, background=PICO)
    assert rendered([background]).splitlines()[3].split() == ["m", "0", "0", "0", "$1.00", "$1.00"]


def switch(dollars: int, reason: str) -> Switch:
    totals = Totals(requests=1, cost=dollars * PICO)
    return Switch("anthropic", reason, "five_hour", NOW, NOW + 3_600, "reset", totals)


def test_what_was_not_waited_is_weighed_against_what_that_took() -> None:
    """What somebody chose to have billed by hand is another matter."""
    switches = [switch(3, "limit"), switch(5, "threshold"), switch(70, "user")]
    shown = rendered([line("m")], "", switches=switches, saved=4 * 3_600.0)
    assert "4 h not waited for $8.00, $2.00 an hour; $70.00 by hand" in shown
    assert "not waited" not in rendered([line("m")], "", switches=switches)


def test_that_a_key_is_billed_now_is_the_first_thing_that_is_said() -> None:
    now = switch(1, "user")._replace(until=None)
    for by in ("", "day"):
        shown = rendered([line("m")], by, switches=[switch(3, "limit"), now])
        first = "Billed now: your anthropic key, since 2026-11-20 10:00 (by hand)"
        assert shown.splitlines()[0] == first
        assert "Billed now" not in rendered([line("m")], by, switches=[switch(3, "limit")])


def test_limits_are_told_by_their_windows() -> None:
    limits = [
        Limit(window, NOW, NOW + 60, hits, [])
        for window, hits in (("five_hour", 1), ("five_hour", 0), ("seven_day", 3), ("five_hour", 2))
    ]
    shown = rendered([line("m")], "", limits=limits)
    assert "5-hour hit twice, nearly hit once; weekly hit once" in shown


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.00k"),
        (16_000_000, "16.0M"),
        (999_600, "1.00M"),
        (123_456, "123k"),
        (7_470_000_000, "7.47G"),
    ],
)
def test_large_numbers_have_three_digits(number: int, told: str) -> None:
    assert wording.amount(number) == told


@pytest.mark.parametrize(
    ("cost", "told"),
    [(0, "$0.00"), (1, "<$0.01"), (PICO // 100, "$0.01"), (1_234 * PICO, "$1,234.00")],
)
def test_dollars_are_told_to_the_cent(cost: int, told: str) -> None:
    assert wording.money(cost) == told
