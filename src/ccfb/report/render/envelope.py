"""A view for machines: a contract, so names and kinds of values stay."""

import json
from datetime import UTC, datetime
from typing import Any

from ccfb.report.model import PICO, Collected, Limit, Line, Switch, Totals, View

SCHEMA_VERSION = 1


def render(view: View, collected: Collected, timezone: str | None) -> str:
    """One JSON object. Times are ISO 8601, UTC; days are those of the time zone.

    Args:
        view: What to tell.
        collected: What it is made of.
        timezone: Its name, or an offset; None: this machine's.
    """
    since, until = view.days or (None, None)
    return json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "since": since,
            "until": until,
            "timezone": timezone,
            "by": view.by or None,
            "total": _totals(view.total.totals if view.total else Totals()),
            "lines": list(map(_line, view.lines)),
            "providers": list(map(_line, view.providers)),
            "models": list(map(_line, view.models)),
            "projects": list(map(_line, view.projects)),
            "limits": list(map(_limit, view.limits)),
            "not_waited_seconds": round(view.saved),
            "switches": list(map(_switch, view.switches)),
            "transcripts": {
                "files": collected.files,
                "invalid_lines": collected.invalid,
                "unknown_answers": collected.unknown,
                "cut_lines": collected.cut,
            },
        },
        indent=2,
    )


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        **_totals(line.totals),
        "providers": {who: _totals(totals) for who, totals in line.providers.items()},
        "first_at": _iso(line.since),
        "last_at": _iso(line.until),
    }


def _totals(totals: Totals) -> dict[str, Any]:
    priced = totals.cost or not totals.unpriced
    return {
        "requests": totals.requests,
        "input_tokens": totals.input,
        "output_tokens": totals.output,
        "cache_read_tokens": totals.cache_read,
        "cache_write_5m_tokens": totals.cache_write_5m,
        "cache_write_1h_tokens": totals.cache_write_1h,
        "web_searches": totals.searches,
        "cost_usd": totals.cost / PICO if priced else None,
        "background_usd": totals.background / PICO,
        "unpriced_requests": totals.unpriced,
        "unpriced_tokens": totals.unpriced_tokens,
    }


def _limit(limit: Limit) -> dict[str, Any]:
    return {
        "window": limit.window,
        "at": _iso(limit.at),
        "resets_at": _iso(limit.resets_at),
        "hits": limit.hits,
        "not_waited_seconds": round(sum(until - since for since, until in limit.billed)),
    }


def _switch(switch: Switch) -> dict[str, Any]:
    return {
        "provider": switch.provider,
        "reason": switch.reason,
        "window": switch.window,
        "since": _iso(switch.since),
        "until": _iso(switch.until),
        "ended": switch.ended,
        **_totals(switch.totals),
    }


def _iso(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
