"""What scripts get is a contract: names and kinds of values stay."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from ccfb import files, paths
from ccfb.report.model import BY, PICO, Request, Totals
from ccfb.report.produce import produce
from ccfb.report.render import envelope
from report import corpus, struck

TOTALS = {
    "requests": int,
    "input_tokens": int,
    "output_tokens": int,
    "cache_read_tokens": int,
    "cache_write_5m_tokens": int,
    "cache_write_1h_tokens": int,
    "web_searches": int,
    "cost_usd": float,
    "background_usd": float,
    "unpriced_requests": int,
    "unpriced_tokens": int,
}
LINE = {
    "name": str,
    **TOTALS,
    "billed_usd": float,
    "providers": {"*": TOTALS},
    "since": str,
    "until": str,
}
SESSION = {"project": str, "model": str}
CONTRACT = {
    "schema_version": 1,
    "since": str,
    "until": str,
    "timezone": str,
    "by": str,
    "total": TOTALS,
    "lines": [LINE],
    "providers": [LINE],
    "models": [LINE],
    "projects": [LINE],
    "limits": [
        {"window": str, "at": str, "resets_at": str, "hits": int, "not_waited_seconds": int}
    ],
    "not_waited_seconds": int,
    "switches": [
        {
            "provider": str,
            "reason": str,
            "window": str,
            "since": str,
            "until": str,
            "ended": str,
            **TOTALS,
        }
    ],
    "budget": [{"per": str, "spent_usd": float, "cap_usd": float}],
    "break_even": {
        "days": int,
        "choices": [
            {
                "name": str,
                "plan_usd_per_month": float,
                "fallback_usd_per_month": float,
                "total_usd_per_month": float,
            }
        ],
        "cheapest": str,
        "assumptions": [str],
    },
    "transcripts": {"files": int, "invalid_lines": int, "unknown_answers": int, "cut_lines": int},
}


def breaches(value: Any, contract: Any, place: str = "") -> list[str]:
    """Where a value isn't what was promised; a value may be null, a list not be empty."""
    match contract:
        case [each]:
            whole = isinstance(value, list) and value
            inner = [(v, each, f"{place}[]") for v in value] if whole else [(value, None, place)]
        case dict():
            if "*" in contract:
                contract = dict.fromkeys(value, contract["*"])
            if value is not None and [*value] != [*contract]:
                return [f"{place}: {[*value]}"]
            inner = [(v, contract[name], f"{place}.{name}") for name, v in (value or {}).items()]
        case type():
            kinds = (int, float) if contract is float else contract
            return [] if value is None or isinstance(value, kinds) else [f"{place}: {value!r}"]
        case _:
            return [] if value == contract is not None else [f"{place}: {value!r}"]
    return [each for v, promise, where in inner for each in breaches(v, promise, where)]


@pytest.fixture(autouse=True)
def worked(home: Path) -> None:
    corpus.make(home / ".claude", size=400_000, sessions=12)
    struck.strike(home / ".claude" / "projects", 4)
    files.replace(paths.own("config.json"), b'{"budget": {"day": 20}, "plan": "pro"}')
    files.replace(paths.own("state.json"), b'{"days": {}}')


def told(**request: Any) -> dict[str, Any]:
    text = produce(request_(as_json=True, **request), lambda _done, _total: None)
    values: dict[str, Any] = json.loads(text)
    return values


def request_(**more: Any) -> Request:
    return Request((paths.projects(),), timezone="UTC", **more)


@pytest.mark.parametrize("by", BY)
def test_json_is_what_was_promised(by: str) -> None:
    line = LINE | (SESSION if by == "session" else {})
    assert not breaches(told(by=by), CONTRACT | {"lines": [line]})


def test_a_summary_has_no_lines_and_what_is_not_known_is_null() -> None:
    summary = told()
    assert (summary["lines"], summary["by"]) == ([], None)
    nothing = told(since=10**6)
    assert (nothing["since"], nothing["break_even"]) == (None, None)
    assert nothing["total"] == dict.fromkeys(TOTALS, 0)


@pytest.mark.parametrize(
    ("requests", "unpriced", "cost", "told"),
    [(2, 2, 0, None), (2, 1, PICO, 1.0), (2, 0, 0, 0.0), (0, 0, 0, 0.0)],
)
def test_what_has_no_price_has_no_cost(
    requests: int, unpriced: int, cost: int, told: float | None
) -> None:
    some = Totals(requests=requests, unpriced=unpriced, cost=cost)
    assert envelope.totals(some)["cost_usd"] == told


def rows(**request: Any) -> list[dict[str, str]]:
    text = produce(request_(as_csv=True, **request), lambda _done, _total: None)
    return [*csv.DictReader(text.splitlines())]


@pytest.mark.parametrize("by", BY)
def test_csv_has_the_lines_of_json_in_columns_that_stay(by: str) -> None:
    lines = told(by=by)["lines"]
    found = rows(by=by)
    session = SESSION if by == "session" else ()
    assert [*found[0]] == [by, *TOTALS, "billed_usd", "since", "until", *session]
    for row, line in zip(found, lines, strict=True):
        assert row.pop(by) == line["name"]
        assert row == {name: "" if line[name] is None else str(line[name]) for name in row}
