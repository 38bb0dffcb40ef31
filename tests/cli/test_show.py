"""How the command line says times and tables."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccfb.cli import show
from cli.console import NOW

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5.0, "due"),
        (0.0, "due"),
        (1.0, "in less than a minute"),
        (MINUTE, "in 1 min"),
        (59 * MINUTE + 59, "in 59 min"),
        (HOUR, "in 1 h"),
        (2 * HOUR + 14 * MINUTE, "in 2 h 14 min"),
        (DAY, "in 1 d"),
        (4 * DAY + 3 * HOUR + 59 * MINUTE, "in 4 d 3 h"),
    ],
)
def test_how_far_off_a_moment_is(seconds: float, words: str) -> None:
    assert show.ahead(NOW + seconds) == words


@given(st.floats(min_value=60, max_value=1e9))
def test_an_amount_of_time_has_at_most_two_units(seconds: float) -> None:
    assert 2 <= len(show.duration(seconds).split()) <= 4


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOW, "10:00"),
        (NOW + 13 * HOUR, "23:00"),
        (NOW + 14 * HOUR, "Sat 21 Nov, 00:00"),
        (NOW - 11 * HOUR, "Thu 19 Nov, 23:00"),
    ],
)
def test_a_moment_has_its_day_unless_it_is_today(moment: float, words: str) -> None:
    assert show.clock(moment) == words


def test_people_read_local_time_and_machines_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    assert show.until(NOW + HOUR) == "12:00 (in 1 h)"
    assert show.stamp(NOW) == "2026-11-20 11:00:00"
    assert show.iso(NOW) == "2026-11-20T10:00:00Z"


def test_windows_are_called_as_the_client_calls_them() -> None:
    assert show.window("seven_day_opus") == "weekly Opus"
    assert show.window("thirty_day_fable") == "thirty day fable"
    assert show.window(None) == "plan"


def test_rows_stand_under_each_other() -> None:
    shown = show.rows([("one", ["a", "b"]), ("nothing", []), ("three", ["c"])])
    assert shown == "one    a\n       b\nthree  c"


def test_a_text_from_elsewhere_cannot_command_the_terminal() -> None:
    assert show.plain("hit\x1b[2J your\n limit\x07") == "hit[2J your limit"
