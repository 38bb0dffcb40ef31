"""A view for machines: a contract, so names and kinds of values stay."""

import json
from datetime import UTC, datetime
from typing import Any

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

SCHEMA_VERSION = 1


def render(view: View, collected: Collected, timezone: str | None) -> str:
    """One JSON object. Times are ISO 8601, UTC; days are those of the time zone.

    Args:
        view: What to tell.
        collected: What it is made of.
        timezone: Its name, or an offset; None: this machine's.
    """
    since, until = view.days or (None, None)
    return _laid_out(
        {
            "schema_version": SCHEMA_VERSION,
            "since": since,
            "until": until,
            "timezone": timezone,
            "by": view.by or None,
            "total": totals(view.total.totals if view.total else Totals()),
            "lines": list(map(_line, view.lines)),
            "providers": list(map(_line, view.providers)),
            "models": list(map(_line, view.models)),
            "projects": list(map(_line, view.projects)),
            "limits": list(map(_limit, view.limits)),
            "not_waited_seconds": round(view.saved),
            "switches": list(map(_switch, view.switches)),
            "budget": list(map(_cap, view.budget)),
            "break_even": view.break_even and _break_even(view.break_even),
            "transcripts": {
                "files": collected.files,
                "invalid_lines": collected.invalid,
                "unknown_answers": collected.unknown,
                "cut_lines": collected.cut,
            },
        }
    )


def _laid_out(values: dict[str, Any]) -> str:
    """JSON with a line for each thing; the library's own layout takes ten times as long."""
    return "{\n" + ",\n".join(f'  "{key}": {_value(of)}' for key, of in values.items()) + "\n}"


def _value(value: object) -> str:
    if not value or not isinstance(value, list):
        return json.dumps(value)
    return "[\n    " + ",\n    ".join(map(json.dumps, value)) + "\n  ]"


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        **totals(line.totals),
        "billed_usd": totals(line.billed)["cost_usd"],
        "providers": {who: totals(part) for who, part in line.providers.items()},
        **span(line),
    }


def span(line: Line) -> dict[str, str | None]:
    """From when to when, to a quarter of an hour; of a session also where, and mostly with what."""
    session = {"project": line.project, "model": line.model} if line.model is not None else {}
    return {"since": iso(line.since), "until": iso(line.until), **session}


def totals(of: Totals) -> dict[str, Any]:
    """The numbers of some requests; dollars."""
    priced = of.cost or not of.unpriced
    return {
        "requests": of.requests,
        "input_tokens": of.input,
        "output_tokens": of.output,
        "cache_read_tokens": of.cache_read,
        "cache_write_5m_tokens": of.cache_write_5m,
        "cache_write_1h_tokens": of.cache_write_1h,
        "web_searches": of.searches,
        "cost_usd": of.cost / PICO if priced else None,
        "background_usd": of.background / PICO,
        "unpriced_requests": of.unpriced,
        "unpriced_tokens": of.unpriced_tokens,
    }


def _limit(limit: Limit) -> dict[str, Any]:
    return {
        "window": limit.window,
        "at": iso(limit.at),
        "resets_at": iso(limit.resets_at),
        "hits": limit.hits,
        "not_waited_seconds": round(sum(until - since for since, until in limit.billed)),
    }


def _switch(switch: Switch) -> dict[str, Any]:
    return {
        "provider": switch.provider,
        "reason": switch.reason,
        "window": switch.window,
        "since": iso(switch.since),
        "until": iso(switch.until),
        "ended": switch.ended,
        **totals(switch.totals),
    }


def _cap(cap: Cap) -> dict[str, Any]:
    return {"per": cap.per, "spent_usd": cap.spent, "cap_usd": cap.dollars}


def _break_even(found: BreakEven) -> dict[str, Any]:
    return {
        "days": found.days,
        "choices": [
            {
                "name": choice.name,
                "plan_usd_per_month": choice.plan,
                "fallback_usd_per_month": choice.fallback,
                "total_usd_per_month": choice.total,
            }
            for choice in found.choices
        ],
        "cheapest": found.cheapest or None,
        "assumptions": found.assumptions,
    }


def iso(moment: float | None) -> str | None:
    """A moment in whole seconds, UTC."""
    if moment is None:
        return None
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
