"""Transcripts read the simple way: what the scan is held against."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from ccfb import prices
from ccfb.report.answer import IMPOSSIBLE


class Message(NamedTuple):
    """What one request used."""

    at: int
    """Milliseconds since the epoch."""
    session: str
    model: str
    fast: bool
    used: tuple[int, ...]
    """Output, input, read, written for five minutes, written for an hour; searches."""


Found = dict[tuple[str, str], Message]
"""By the names of message and request."""


def messages(lines: Iterable[bytes]) -> Found:
    """The messages of a transcript, each with its largest output, and the rest of its first row."""
    found: Found = {}
    for line in lines:
        read = message(line)
        if read:
            name, told = read
            first = found.setdefault(name, told)
            if told.used[0] > first.used[0]:
                found[name] = first._replace(used=told.used)
    return found


def message(line: bytes) -> tuple[tuple[str, str], Message] | None:
    """What a line tells; None if it is no answer, or can't be understood."""
    try:
        row: dict[str, Any] = json.loads(line.decode(errors="replace"))
        model = row["message"]["model"]
        if row["type"] != "assistant" or not isinstance(model, str) or model == "<synthetic>":
            return None
        usage = prices.usage_of(row["message"]["usage"])
        told = Message(
            round(datetime.fromisoformat(row["timestamp"]).timestamp() * 1000),
            row.get("requestSessionId") or row.get("sessionId") or "",
            model,
            row["message"]["usage"].get("speed") == "fast",
            tuple(
                number if number < IMPOSSIBLE else 0
                for number in (
                    usage.output,
                    usage.input,
                    usage.cache_read,
                    usage.cache_write_5m,
                    usage.cache_write_1h,
                    usage.web_searches,
                )
            ),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None
    name = row["message"].get("id") or row.get("uuid") or told.at
    return (str(name), row.get("requestId") or ""), told


def everything(folder: Path) -> Found:
    """The messages of all transcripts in a folder of the client's, each once."""
    best: Found = {}
    for path in sorted((folder / "projects").rglob("*.jsonl")):
        for name, told in messages(path.read_bytes().splitlines()).items():
            if name not in best or told.used[0] > best[name].used[0]:
                best[name] = told
    return best
