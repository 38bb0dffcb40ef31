"""What the status line promises: the most urgent, in one line, whatever it is given."""

import re
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

import scripts
from ccfb import statusline

NOW = 1_795_204_800.0
"""Fri 2026-11-20 20:00 UTC"""

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0

MARKS = {"\033[33m": "<yellow>", "\033[1;33m": "<bold>", "\033[31m": "<red>", "\033[0m": "</>"}

Payload = dict[str, Any]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Moments are told in local time."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        patch.delenv("COLUMNS", raising=False)
        patch.delenv("NO_COLOR", raising=False)
        time.tzset()
        yield
    time.tzset()


def payload(home: Path, **windows: tuple[float, float]) -> Payload:
    """A recorded one, with windows of our own; none of them: on a key."""
    recorded = scripts.recorded(home)["StatusLine"]
    recorded["rate_limits"] = {
        name: {"used_percentage": percentage, "resets_at": NOW + ahead}
        for name, (percentage, ahead) in windows.items()
    }
    return recorded


def last_known(**windows: tuple[float, float]) -> Payload:
    """Windows as the engine writes them down."""
    return {
        name: {"percentage": percentage, "resets_at": NOW + ahead}
        for name, (percentage, ahead) in windows.items()
    }


def draw(told: Payload, wake: Payload, *, behind: bool = False) -> str:
    """The line, its colours as readable marks."""
    text = statusline.line(told, wake, behind=behind, now=NOW)
    for colour, mark in MARKS.items():
        text = text.replace(colour, mark)
    return text


def plain(told: Payload, wake: Payload) -> str:
    return re.sub(r"\033\[[0-9;]*m", "", statusline.line(told, wake, now=NOW))


# What people see

FIVE = (33.3, 2 * HOUR)
WEEK = (41, 4 * DAY + 3 * HOUR)
BILLED = {"marker": "anthropic", "resets_at": NOW + 2 * HOUR}
QUESTION = {
    "window": "five_hour",
    "resets_at": NOW + 2 * HOUR,
    "reason": "limit",
    "provider": "anthropic",
    "take_over": 0.42,
    "per_hour": 3.0,
}
WEEKLY = {**QUESTION, "window": "seven_day", "resets_at": NOW + 3 * DAY, "provider": "openrouter"}

CASES: dict[str, tuple[Payload, Payload]] = {
    # windows of the payload, wake
    "nothing known": ({}, {}),
    "a calm plan": ({"five_hour": FIVE, "seven_day": WEEK}, {}),
    "a window from 75 on": ({"five_hour": (75, 72 * MINUTE), "seven_day": WEEK}, {}),
    "just below 75": ({"five_hour": (74.9, 72 * MINUTE)}, {}),
    "from 90 on, the most urgent first": ({"five_hour": (83, 40), "seven_day": (90, DAY)}, {}),
    "beyond its end": ({"five_hour": (104.2, 45 * MINUTE)}, {}),
    "a model's window, and names nobody knows": (
        {"seven_day": WEEK, "seven_day_opus": (99, 3 * DAY), "spend_limit": (12, 9 * DAY)},
        {},
    ),
    "last known, where the payload tells none": (
        {},
        {"line": {"windows": last_known(five_hour=FIVE, seven_day=WEEK)}},
    ),
    "the payload's word is newer": (
        {"five_hour": FIVE},
        {"line": {"windows": last_known(five_hour=(20, HOUR), seven_day_opus=(60, DAY))}},
    ),
    "windows of before their reset": (
        {"five_hour": (97, -5)},
        {"line": {"windows": last_known(five_hour=(99, 0), seven_day=WEEK)}},
    ),
    "a reset nobody told": (
        {},
        {"line": {"windows": {"five_hour": {"percentage": 12.0}}}},
    ),
    "a key is billed": ({}, BILLED),
    "until another day": ({}, {**BILLED, "resets_at": NOW + 3 * DAY}),
    "until the user says so": ({}, {"marker": "openrouter", "resets_at": None}),
    "a budget": ({}, {**BILLED, "line": {"spent": 1.2, "cap": 5, "per": "day"}}),
    "a budget from 80 % on": ({}, {**BILLED, "line": {"spent": 4, "cap": 5.0, "per": "month"}}),
    "what the user allowed": ({}, {**BILLED, "line": {"spent": 0, "cap": 2.5, "per": "answer"}}),
    "no budget": ({}, {**BILLED, "line": {"spent": 0.123, "cap": None, "per": None}}),
    "dollars spent earlier today": (
        {"five_hour": FIVE},
        {"line": {"spent": 1.2, "cap": 5, "per": "day"}},
    ),
    "nothing spent": ({"five_hour": FIVE}, {"line": {"spent": 0.0, "cap": 5, "per": "day"}}),
    "a budget that is used up": (
        {"five_hour": (100, HOUR)},
        {"line": {"stopped": "day", "spent": 5.01, "cap": 5, "per": "day"}},
    ),
    "an allowance that is used up": ({}, {"line": {"stopped": "answer"}}),
    "a question": (
        {"five_hour": (100, 2 * HOUR), "seven_day": WEEK},
        {"line": {"question": QUESTION}},
    ),
    "ahead of the wall": (
        {"five_hour": FIVE, "seven_day": (96.4, 3 * DAY)},
        {"line": {"question": {**WEEKLY, "reason": "threshold"}}},
    ),
    "a question with no price": (
        {"five_hour": (100, 2 * HOUR)},
        {"line": {"question": {**QUESTION, "take_over": None, "per_hour": None}}},
    ),
    "a question with high prices": (
        {},
        {"line": {"question": {**QUESTION, "take_over": 12.34, "per_hour": 27.8}}},
    ),
    "a question in an outage": ({}, {"line": {"question": {**QUESTION, "window": "outage"}}}),
    "a question whose window has reset": (
        {"five_hour": (1, 5 * HOUR)},
        {"line": {"question": {**QUESTION, "resets_at": NOW}}},
    ),
    "a question while a key is billed": ({}, {**BILLED, "line": {"question": WEEKLY}}),
    "a model spared": (
        {"seven_day_opus": (96, 4 * DAY)},
        {"line": {"downgraded": {"seven_day_opus": "sonnet"}}},
    ),
    "all models spared": ({}, {"line": {"downgraded": {"five_hour": "haiku"}}}),
    "extra usage": ({"five_hour": FIVE}, {"line": {"extra_usage": True}}),
    "more than there is room for": (
        {"five_hour": (104, HOUR), "seven_day": WEEK, "seven_day_opus": (77, 4 * DAY)},
        {
            **BILLED,
            "line": {"spent": 4, "cap": 5, "per": "day", "extra_usage": True},
        },
    ),
}


def test_the_line(home: Path, snapshot: SnapshotAssertion) -> None:
    shown = {name: draw(payload(home, **windows), wake) for name, (windows, wake) in CASES.items()}
    assert "\n".join(f"{name:42} {line}" for name, line in shown.items()) == snapshot


@pytest.mark.parametrize("columns", [60, 40, 20])
def test_a_narrow_line_keeps_the_most_urgent(
    home: Path, monkeypatch: pytest.MonkeyPatch, columns: int, snapshot: SnapshotAssertion
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    names = (
        "a window from 75 on",
        "a budget that is used up",
        "a question",
        "a question while a key is billed",
        "more than there is room for",
    )
    shown = {name: draw(payload(home, **CASES[name][0]), CASES[name][1]) for name in names}
    assert "\n".join(f"{name:42} {line}" for name, line in shown.items()) == snapshot


@pytest.mark.parametrize("wake", [BILLED, {}], ids=["missed a switch", "missed the way back"])
def test_a_session_that_lags_behind_says_so(wake: Payload, snapshot: SnapshotAssertion) -> None:
    assert draw({}, wake, behind=True) == snapshot


def test_no_color_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert statusline.line({}, BILLED, now=NOW) == "anthropic until 22:00"


@pytest.mark.parametrize(
    ("told", "columns"),
    [
        ("", 76),
        ("80", 76),
        ("60", 56),
        ("84", 80),
        ("200", 80),
        ("3", 1),
        ("0", 76),
        ("-7", 76),
        ("wide", 76),
        ("9" * 5_000, 76),
    ],
)
def test_the_line_leaves_the_clients_margins_free(
    monkeypatch: pytest.MonkeyPatch, told: str, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", told)
    assert len(plain({}, {"line": {"template": "x" * 300}})) == columns


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.5, "<1m"),
        (59.9, "<1m"),
        (60, "1m"),
        (HOUR - 1, "59m"),
        (HOUR, "1h"),
        (72 * MINUTE, "1h12m"),
        (DAY - 1, "23h59m"),
        (DAY + 59 * MINUTE, "1d"),
        (3 * DAY + 4.5 * HOUR, "3d4h"),
    ],
)
def test_time_to_a_reset_is_told_in_two_units(seconds: float, shown: str) -> None:
    wake = {"line": {"windows": last_known(five_hour=(10, seconds))}}
    assert plain({}, wake) == f"subscription · 5h 10% {shown}"


# Templates

TEMPLATES = {
    # template: what it shows on a key, with a week's window known
    "": "",
    "{billing}": "anthropic until 22:00",
    "{billing} · {question} · {seven_day}": "anthropic until 22:00 · 7d 41% 4d3h",
    "{question} | {seven_day} | {billing}": "7d 41% 4d3h | anthropic until 22:00",
    "limits: {windows} | {billing}": "limits: 7d 41% 4d3h · opus 7d 60% 1d | anthropic until 22:00",
    "[{five_hour} {question}] · {model}": "Opus 5.5",
    "[{five_hour}{seven_day}]": "[7d 41% 4d3h]",
    "{five_hour} · ": "",
    "ccfb · {five_hour} · !": "ccfb · !",
    "{seven_day_opus} · {seven_day_sonnet}": "opus 7d 60% 1d",
    "{project} · {context} · {downgraded} · {extra_usage}": "project · context 1%",
    "{billing} {spend} {": "anthropic until 22:00 {spend} {",
    "{{model}} {}": "{Opus 5.5} {}",
    "{budget}|{budget}": "$1.20/$5 today|$1.20/$5 today",
    "\033[31mred\033[0m\r\n{model}\u2028\x07": "[31mred[0mOpus 5.5",
    "\ue0b0 {model} \U000f0001": "\ue0b0 Opus 5.5 \U000f0001",
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_says_what_is_shown_and_where(home: Path, template: str) -> None:
    windows = last_known(seven_day=WEEK, seven_day_opus=(60, DAY))
    known = {"spent": 1.2, "cap": 5, "per": "day", "windows": windows, "template": template}
    assert plain(payload(home), {**BILLED, "line": known}) == TEMPLATES[template]


def test_what_doesnt_fit_is_cut_at_the_end_if_it_is_one_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    template = "{billing}, then 限限限限限限"
    assert draw({}, {"line": {"template": template}}) == "subscription, then …"
    assert draw({}, {"marker": "x" * 30, "line": {}}) == f"<yellow>{'x' * 19}</>…"
    wide = {"marker": "限" * 30, "line": {"template": "{billing}!"}}
    assert draw({}, wide) == f"<yellow>{'限' * 9}</>…"


def test_the_built_in_template_has_no_problems() -> None:
    assert statusline.problems(statusline.TEMPLATE) == []
    assert statusline.problems(" | ".join(f"{{{name}}}" for name in statusline.FIELDS)) == []
    assert statusline.problems("{seven_day_opus} \ue0b0") == []


@pytest.mark.parametrize(
    "template", ["{spend}", "{billing", "{Billing}", "a\033[31mb", "{\033}", "{a} {b"]
)
def test_the_problems_of_a_template_are_told(template: str, snapshot: SnapshotAssertion) -> None:
    assert statusline.problems(template) == snapshot


def test_every_field_shows_something(home: Path) -> None:
    """A field that is told of and never filled would be a promise not kept."""
    known = {
        "question": QUESTION,
        "spent": 1,
        "windows": last_known(five_hour=FIVE, seven_day=WEEK),
        "downgraded": {"seven_day_opus": "sonnet"},
        "extra_usage": True,
    }
    for name in statusline.FIELDS:
        assert plain(payload(home), {"line": {**known, "template": f"{{{name}}}"}}), name


# Whatever it is given

WORDS = st.sampled_from([*statusline.FIELDS, "five_hour", "seven_day_opus", "limit", "anthropic"])
TEXTS = st.text() | WORDS | st.sampled_from(["\033[31m", "限" * 50, "a\nb", "\ud800", "x" * 90])
MOMENTS = st.floats(NOW - DAY, NOW + 9 * DAY)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from([10**400, 1e300, -1, float("nan"), 99.6, NOW + 60])
)
JUNK = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=12
)
NUMBERS = st.floats(0, 200) | MOMENTS


def objects(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects with some of the keys, each as it should be or not."""
    return st.fixed_dictionaries({}, optional={k: v | LEAVES for k, v in known.items()}) | JUNK


ASKED = objects(
    window=WORDS, resets_at=MOMENTS, reason=WORDS, provider=TEXTS, take_over=NUMBERS, per_hour=JUNK
)
TEMPLATE = st.lists(
    TEXTS | st.sampled_from([*(f"{{{name}}}" for name in statusline.FIELDS), " · ", " | ", "{"])
).map("".join)
LINE = objects(
    template=TEMPLATE,
    question=ASKED,
    windows=st.dictionaries(TEXTS, objects(percentage=NUMBERS, resets_at=MOMENTS)),
    downgraded=st.dictionaries(TEXTS, TEXTS),
    extra_usage=st.booleans(),
    stopped=TEXTS,
    spent=NUMBERS,
    cap=NUMBERS,
    per=WORDS,
)
PAYLOAD = objects(
    rate_limits=st.dictionaries(TEXTS, objects(used_percentage=NUMBERS, resets_at=MOMENTS)),
    model=objects(display_name=TEXTS),
    workspace=objects(project_dir=TEXTS),
    context_window=objects(used_percentage=NUMBERS),
)
HOSTILE = "a\033[31mb\nc\ud800"
"""A text that would break a line, and colour what follows."""
HOSTILE_WINDOWS = {HOSTILE: {"percentage": 1, "used_percentage": 1, "resets_at": NOW + 1}}
HOSTILE_LINE = {
    "question": {"window": HOSTILE, "reason": HOSTILE, "provider": HOSTILE},
    "windows": HOSTILE_WINDOWS,
    "downgraded": {HOSTILE: HOSTILE},
    "stopped": HOSTILE,
    "per": HOSTILE,
    "template": HOSTILE + "".join(f"{{{name}}} · " for name in statusline.FIELDS),
}
HOSTILE_PAYLOAD = {
    "rate_limits": HOSTILE_WINDOWS,
    "model": {"display_name": HOSTILE},
    "workspace": {"project_dir": HOSTILE},
}
COLOURED = re.compile(r"\033\[(?:1;)?3[13]m[^\033]+\033\[0m")


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=PAYLOAD,
    wake=objects(marker=TEXTS, resets_at=MOMENTS, line=LINE),
    behind=st.booleans(),
    columns=st.integers(-1, 120),
)
@example(told={}, wake={"marker": HOSTILE, "line": HOSTILE_LINE}, behind=True, columns=84)
@example(
    told=HOSTILE_PAYLOAD, wake={"line": {"template": "{model}{project}"}}, behind=False, columns=84
)
@example(told={}, wake={"line": {"windows": HOSTILE_WINDOWS}}, behind=False, columns=84)
@example(told={}, wake={"line": {"downgraded": {HOSTILE: HOSTILE}}}, behind=False, columns=84)
def test_any_junk_makes_one_line_that_fits(
    monkeypatch: pytest.MonkeyPatch, told: Any, wake: Any, behind: bool, columns: int
) -> None:
    """No error, no line break, no colour left open, no more columns than there are."""
    monkeypatch.setenv("COLUMNS", str(columns))
    as_read = [value if isinstance(value, dict) else {} for value in (told, wake)]
    text = statusline.line(*as_read, behind=behind, now=NOW)
    bare = COLOURED.sub(lambda found: found[0][found[0].index("m") + 1 : -4], text)
    assert "\033" not in bare
    assert len(bare.splitlines()) <= 1
    assert width(bare) <= min(80, max(1, (columns if columns > 0 else 80) - 4))


@given(TEMPLATE)
def test_any_template_can_be_judged(template: str) -> None:
    """A template without problems shows nothing literally that looks like a field."""
    if not statusline.problems(template):
        shown = statusline.line({}, {"line": {"template": template}}, now=NOW)
        assert not any(f"{{{name}}}" in shown for name in statusline.FIELDS)
