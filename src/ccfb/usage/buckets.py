"""What the server says of a plan's windows: the answer of its usage endpoint.

`claude-meter` hands the same answer on, so there is one reader. Shapes as seen in public clients
of the endpoint, 2026: `{"five_hour": {"utilization": 96.0, "resets_at": "…Z"}, "seven_day_opus":
null, "extra_usage": {"is_enabled": …}, "limits": [{"kind": "weekly_scoped", "percent": 15,
"resets_at": "…", "scope": {"model": {"display_name": "Fable"}}}]}`.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

KINDS = {"session": "five_hour", "weekly_all": "seven_day"}
"""Windows as `limits` calls them."""

FULL = 100.0


class Reading(NamedTuple):
    """How far a window is used up: percent, 0-100 or more, and its reset in epoch seconds."""

    percentage: float
    resets_at: float


class Telling(NamedTuple):
    """What one source told of the plan."""

    windows: dict[str, Reading]
    """By the plan's names, such as `five_hour` or `seven_day_opus`; also names we don't know."""
    extra_usage: bool | None
    """Whether the plan goes on past its limits at extra cost: switched on, and not used up."""


def telling(answer: dict[str, Any]) -> Telling:
    """Read an answer. What is null, absurd or without a reset is passed over."""
    windows = dict(_scoped(answer.get("limits")))
    for name, bucket in answer.items():
        # With dollars, it is a credit that was granted, and no window (seen as `iguana_necktie`).
        if isinstance(bucket, dict) and bucket.get("limit_dollars") is None:
            # Percent always: 0.98 is seen, and means 0.98 %.
            reading = _reading(bucket.get("utilization"), bucket.get("resets_at"))
            if reading and name != "extra_usage":
                windows[name] = reading
    return Telling(windows, _extra_usage(answer.get("extra_usage")))


def _scoped(limits: object) -> Iterator[tuple[str, Reading]]:
    """The windows in `limits`: newer than the named ones, and alone in having a new model's."""
    for limit in limits if isinstance(limits, list) else []:
        match limit:
            case {"kind": "weekly_scoped", "scope": {"model": {"display_name": str(model)}}} if (
                model.strip()
            ):
                name = f"seven_day_{model.lower().split()[0]}"
            case {"kind": str(kind)} if kind in KINDS:
                name = KINDS[kind]
            case _:
                continue
        reading = _reading(limit.get("percent"), limit.get("resets_at"))
        if reading:
            yield name, reading


def _extra_usage(block: object) -> bool | None:
    if not isinstance(block, dict) or not isinstance(block.get("is_enabled"), bool):
        return None
    used = _percentage(block.get("utilization"))
    return block["is_enabled"] and (used is None or used < FULL)


def _reading(utilization: object, resets_at: object) -> Reading | None:
    percentage = _percentage(utilization)
    if percentage is None or not isinstance(resets_at, str):
        return None
    try:
        reset = datetime.fromisoformat(resets_at)
    except ValueError:
        return None
    return Reading(percentage, reset.timestamp()) if reset.tzinfo else None


def _percentage(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None
