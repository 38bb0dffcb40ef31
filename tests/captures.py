"""What the real client did at each kind of failure, recorded on four versions."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("captures")

RESET_AFTER = 7_200
"""Seconds from a recorded session's answers to the reset of its five-hour window."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One failure, as one version of the client met it.

    Args:
        version: The client's.
        name: What happened, such as `oauth five_hour`.
        billing: Who was billed; None for an interactive session.
        headers: The headers of the answer that was served.
        stop_failure: The payload of the `StopFailure` hook; None where the run lost it.
        rows: The transcript's API-error rows; interactive sessions were recorded without.
        windows: `rate_limits` as the status line last told them.
        when: When it failed; epoch seconds, UTC.
    """

    version: str
    name: str
    billing: str | None
    headers: Json
    stop_failure: Json | None
    rows: tuple[Json, ...]
    windows: Json
    when: float

    def __str__(self) -> str:
        return f"{self.version} {self.name}"


def load() -> list[Case]:
    """Every case in which a turn failed."""
    cases = []
    for path in sorted(FOLDER.glob("*.json")):
        recorded = json.loads(path.read_text(encoding="utf-8"))
        version = recorded["client_version"]
        cases += [_case(version, case) for case in recorded["cases"] if _failed(case)]
    return cases


def _failed(case: Json) -> bool:
    return bool(_rows(case) or _stop_failures(case))


def _case(version: str, case: Json) -> Case:
    rows = _rows(case)
    status_lines = case.get("statusline_inputs", [])
    windows = status_lines[-1].get("rate_limits", {}) if status_lines else {}
    return Case(
        version=version,
        name=case["case"],
        billing=case.get("billing"),
        headers=case.get("http_response", {}).get("headers", {}),
        stop_failure=next(iter(_stop_failures(case)), None),
        rows=tuple(rows),
        windows=windows,
        when=_when(rows, windows),
    )


def _when(rows: list[Json], windows: Json) -> float:
    if rows:
        return datetime.fromisoformat(rows[-1]["timestamp"]).timestamp()
    return float(windows["five_hour"]["resets_at"] - RESET_AFTER)


def _rows(case: Json) -> list[Json]:
    rows = case.get("transcript_assistant_rows", [])
    return [row for row in rows if row.get("isApiErrorMessage")]


def _stop_failures(case: Json) -> list[Json]:
    payloads = case.get("hook_payloads", [])
    return [payload for payload in payloads if payload["hook_event_name"] == "StopFailure"]
