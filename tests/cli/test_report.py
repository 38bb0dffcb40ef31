"""`ccfb report`: what may be asked for, in which form, and what is said of mistakes."""

import json
import os
import stat
from datetime import date
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from ccfb.cli import report
from cli.console import Run, environment, on_terminal
from report import corpus, struck


@pytest.fixture
def worked(home: Path) -> Path:
    """Three months of work, with limits."""
    corpus.make(home / ".claude", size=400_000, sessions=12)
    struck.strike(home / ".claude" / "projects", 4)
    return home


def test_help(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    shown = ccfb("report", "--help").out
    assert max(map(len, shown.splitlines())) <= 100
    assert shown == snapshot


def test_a_summary_is_what_one_gets(ccfb: Run, worked: Path) -> None:
    shown = ccfb("report")
    assert (shown.code, shown.err) == (0, "")
    assert all(word in shown.out for word in ("subscription", "limits", "worth it?", "Max 5x"))


def test_what_the_user_says_of_a_window_is_what_it_holds(ccfb: Run, worked: Path) -> None:
    ccfb("config", "set", "plan", "max_5x")
    assert "on Max 5x (the median of" in " ".join(ccfb("report").out.split())
    ccfb("config", "set", "plans.max_5x.window", "40")
    assert "$40 on Max 5x (as you say)" in " ".join(ccfb("report").out.split())


def test_no_colours_in_a_pipe(ccfb: Run, worked: Path) -> None:
    assert "\x1b" not in ccfb("report", "--by", "day").out


def test_colours_only_where_they_are_wanted(worked: Path) -> None:
    variables = environment(worked, TERM="xterm-256color", COLUMNS="80", LINES="99", PAGER="cat")
    assert "\x1b[" in on_terminal(["report"], variables)
    for unwanted in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b[" not in on_terminal(["report"], {**variables, **unwanted})


def test_long_lists_go_through_the_pager_and_the_summary_never(worked: Path) -> None:
    variables = environment(worked, PAGER="sed s/^/paged:/", TERM="xterm", COLUMNS="80")
    for arguments, lines, paged in (
        (["report", "--by", "session"], "5", True),
        (["report", "--by", "session"], "99", False),
        (["report"], "5", False),
    ):
        shown = on_terminal(arguments, {**variables, "LINES": lines})
        assert ("paged:" in shown) is paged


def test_a_week_has_the_days_that_were_asked_for(ccfb: Run, worked: Path) -> None:
    report = ("report", "--json", "--by", "day", "--timezone", "Asia/Tokyo")
    every = [line["name"] for line in json.loads(ccfb(*report).out)["lines"]]
    some = json.loads(ccfb(*report, "--since", every[1], "--until", every[-2]).out)
    assert [line["name"] for line in some["lines"]] == every[1:-1]


@pytest.mark.parametrize(
    ("said", "zone", "meant"),
    [
        ("2026-11-01", "UTC", "2026-11-01"),
        ("20261101", "UTC", "2026-11-01"),
        ("today", "UTC", "2026-11-20"),
        ("today", "Pacific/Kiritimati", "2026-11-21"),
        ("yesterday", "Pacific/Kiritimati", "2026-11-20"),
        ("7d", "UTC", "2026-11-13"),
    ],
)
def test_a_day_may_be_said_as_people_say_it(said: str, zone: str, meant: str) -> None:
    """Where the days that count are, also if that is said behind it."""
    asked = report.command.make_context("report", ["--since", said, "--timezone", zone])
    assert asked.params["since"] == date.fromisoformat(meant)


def test_csv_is_by_day_if_nothing_else_is_said(ccfb: Run, worked: Path) -> None:
    assert ccfb("report", "--csv").out.startswith("day,requests,")
    assert ccfb("report", "--csv", "--by", "model").out.startswith("model,requests,")


def test_another_folder_of_the_client(ccfb: Run, worked: Path, tmp_path: Path) -> None:
    corpus.make(tmp_path / "other", size=100_000, sessions=2, seed=3)
    own, other = str(worked / ".claude"), str(tmp_path / "other")

    def requests(*folders: str) -> int:
        options = [word for folder in folders for word in ("--config-dir", folder)]
        total: int = json.loads(ccfb("report", "--json", *options).out)["total"]["requests"]
        return total

    assert requests() == requests(own) > 0
    assert requests(own, other) == requests(own) + requests(other) > requests(own)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--by", "year"), 2, "'day', 'week', 'month', 'session', 'project', 'model'"),
        (("--since", "2026-13-01"), 2, "2026-13-01 is no day; say it like 2026-11-01, 7d or"),
        (("--until", "last week"), 2, "last week is no day"),
        (("--html", "--by", "day"), 2, "leave out --by"),
        (("--since", "2026-11-02", "--until", "2026-11-01"), 2, "--until is before --since."),
        (("--json", "--csv"), 2, "Choose one of --json, --csv, --html or --open, and --watch."),
        (("--open", "--watch"), 2, "Choose one of"),
        (("--watch",), 2, "--watch needs a terminal."),
        (("--config-dir", "nowhere"), 2, "'nowhere' does not exist"),
        (("--timezone", "Mars/Olympus"), 1, "[unknown-timezone]"),
        (("--timezone", "../../etc"), 1, "[unknown-timezone]"),
        (("--project", "xyzzy"), 1, "hint: There are: "),
        (("--provider", "gemini"), 1, "hint: There are: subscription, anthropic, openrouter."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_are_told_with_what_is_right(
    ccfb: Run, worked: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    shown = ccfb("report", *words)
    assert (shown.code, shown.out) == (code, "")
    assert said in shown.err


def test_days_without_work(ccfb: Run, worked: Path) -> None:
    assert ccfb("report", "--since", "2031-01-01").out == "No requests.\n"


# The page


def test_the_page_is_one_file_for_the_users_eyes(
    ccfb: Run, worked: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    assert ccfb("report", "--html").out == f"Written to {tmp_path}/ccfb-report.html\n"
    (page,) = set(tmp_path.iterdir()) - before
    assert page.read_text().lower().startswith("<!doctype html>")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert ccfb("report", "--html", "other.html").code == 0
    assert (tmp_path / "other.html").exists()


def test_the_page_goes_into_a_pipe_too(ccfb: Run, worked: Path) -> None:
    assert ccfb("report", "--html", "-").out.lower().startswith("<!doctype html>")


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a browser is told to open is written down there."""
    opened, script = tmp_path / "opened", tmp_path / "browser"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
    script.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(script))
    return opened


@pytest.mark.parametrize("named", [True, False])
def test_the_page_is_opened(worked: Path, tmp_path: Path, browser: Path, named: bool) -> None:
    page = tmp_path / "page.html"
    variables = environment(worked, BROWSER=os.environ["BROWSER"], TMPDIR=str(tmp_path))
    arguments = ["report", "--open", *(["--html", str(page)] if named else [])]
    on_terminal(arguments, variables)
    found = Path(browser.read_text().removeprefix("file://"))
    assert found.read_text().lower().startswith("<!doctype html>")
    assert (found == page) is named


# How little it takes


WARM = """
import sys
from ccfb import cli
cli.run(["report", *sys.argv[1:]])
print("\\n".join(sys.modules), file=sys.stderr)
"""

HEAVY = {"pydantic", "orjson", "rich", "ccfb.prices", "ccfb.config", "ccfb.report.update"}


@pytest.mark.parametrize(
    ("form", "needed"), [("--json", set()), ("--csv", set()), ("--by=day", {"rich"})]
)
def test_where_nothing_is_new_nothing_heavy_is_imported(
    spawn: Run, worked: Path, form: str, needed: set[str]
) -> None:
    """Also where the user has said which plan is theirs."""
    (worked / ".claude" / "ccfb" / "config.json").write_text('{"plan": "pro"}')
    spawn("-c", WARM, form)
    assert set(spawn("-c", WARM, form).err.split()) & HEAVY == needed
