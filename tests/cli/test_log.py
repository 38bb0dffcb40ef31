"""`ccfb log`: the ledger for people and for scripts."""

import json
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from ccfb import files
from ccfb.billing import store
from ccfb.billing.model import Entry
from cli.console import NOW, Run, environment, on_terminal

HISTORY: list[dict[str, Any]] = [
    {"event": "choice", "provider": "auto"},
    {
        "event": "limit",
        "window": "five_hour",
        "resets_at": NOW + 7_200,
        "session": "s1",
        "text": "You've hit your 5-hour limit · resets 12pm (UTC)",
    },
    {
        "event": "switch",
        "provider": "anthropic",
        "window": "five_hour",
        "resets_at": NOW + 7_200,
        "reason": "limit",
    },
    {"event": "continue", "provider": "anthropic", "session": "s1"},
    {"event": "provider_failure", "provider": "anthropic", "text": "Credit \x1b[31mtoo low"},
    {"event": "revert", "provider": "anthropic", "window": "five_hour", "reason": "reset"},
    {"event": "unknown_limit", "session": "s1", "text": "You've hit your lunar limit"},
]


@pytest.fixture
def history() -> None:
    files.make_own_dir()
    store.append(
        [
            Entry.model_validate({"id": number, "at": NOW + 60 * number, **entry})
            for number, entry in enumerate(HISTORY, 1)
        ]
    )


def test_nothing_has_happened(ccfb: Run) -> None:
    assert ccfb("log").out == "Nothing has happened so far.\n"
    assert ccfb("log", "--json").out == ""


@pytest.mark.usefixtures("history")
def test_the_newest_is_last(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    assert ccfb("log").out == snapshot


@pytest.mark.usefixtures("history")
def test_scripts_get_one_object_a_line(ccfb: Run, snapshot: SnapshotAssertion) -> None:
    lines = ccfb("log", "--json").out.splitlines()
    assert [json.loads(line)["event"] for line in lines] == [e["event"] for e in HISTORY]
    assert lines == snapshot


@pytest.mark.usefixtures("history")
def test_the_last_few(ccfb: Run) -> None:
    whole = ccfb("log").out.splitlines()
    last = ccfb("log", "--limit", "2").out.splitlines()
    assert [line.split()[:2] for line in last] == [line.split()[:2] for line in whole[-2:]]


@pytest.mark.usefixtures("history")
def test_only_what_is_longer_than_the_screen_goes_through_the_pager(home: Path) -> None:
    variables = environment(home, PAGER="sed s/^/paged:/", TERM="xterm")
    assert "paged:2026" in on_terminal(["log"], {**variables, "LINES": "5", "COLUMNS": "80"})
    assert "paged:" not in on_terminal(["log"], {**variables, "LINES": "50", "COLUMNS": "80"})


@pytest.mark.usefixtures("history")
def test_colours_only_where_they_are_wanted(home: Path) -> None:
    variables = environment(home, TERM="xterm", LINES="50", COLUMNS="80")
    assert "\x1b[" in on_terminal(["log"], variables)
    assert "\x1b[" not in on_terminal(["log"], {**variables, "NO_COLOR": "1"})
    assert "\x1b[" not in on_terminal(["log"], {**variables, "TERM": "dumb"})


@pytest.mark.usefixtures("history")
def test_no_colours_in_a_pager_either(home: Path) -> None:
    variables = environment(home, PAGER="cat", TERM="xterm", LINES="5", COLUMNS="80")
    assert "\x1b[" not in on_terminal(["log"], {**variables, "NO_COLOR": "1"})


@pytest.mark.usefixtures("history")
def test_no_colours_in_a_pipe(ccfb: Run) -> None:
    assert "\x1b[" not in ccfb("log").out
