"""Rows of the client's transcripts, read from their end.

Transcripts grow to many megabytes, while what counts stands at their end. They may be written to
at the same time: a line may be cut, and a file may be gone.
"""

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

BLOCK = 262_144
"""Bytes read at a time."""

LEVELS = 5
"""Folders below the projects: project, session, `subagents`, `workflows`, run."""

DISORDER = 60.0
"""Seconds by which a row may be older than one before it, or a file than its last row."""

CHAIN = frozenset({"assistant", "attachment", "system", "user"})
"""Rows of a conversation: the times of others may be those of what they describe."""

StrPath = str | os.PathLike[str]


def parse(line: bytes) -> dict[str, Any]:
    """A row; empty for a line that is cut or none."""
    import orjson  # noqa: PLC0415 - not every run comes here

    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return row if isinstance(row, dict) else {}


def time_of(row: dict[str, Any]) -> float | None:
    """When a row was written, in epoch seconds; None if it doesn't say."""
    try:
        return datetime.fromisoformat(row["timestamp"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def string(row: dict[str, Any], key: str) -> str | None:
    """A value, if it is a string."""
    value = row.get(key)
    return value if isinstance(value, str) else None


def backwards(path: StrPath, bound: int = sys.maxsize) -> Iterator[bytes]:
    """The lines of a file from its end, as far as they lie in its last `bound` bytes."""
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except OSError:
        return
    with file:
        start = file.seek(0, os.SEEK_END)
        stop = max(0, start - bound)
        cut = b""
        while start > stop:
            end, start = start, max(stop, start - BLOCK)
            file.seek(start)
            cut, *lines = (file.read(end - start) + cut).split(b"\n")
            yield from reversed(lines)
        if stop == 0:
            yield cut


def changed(folder: StrPath, since: float, levels: int = LEVELS) -> Iterator[str]:
    """The transcripts in a folder and below that were written to since a moment."""
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError:
        return
    for entry in entries:
        try:
            if entry.name.endswith(".jsonl"):
                if entry.stat().st_mtime >= since:
                    yield entry.path
            elif levels and entry.is_dir(follow_symlinks=levels == LEVELS):
                yield from changed(entry.path, since, levels - 1)
        except OSError:  # gone meanwhile
            continue


def below(transcript: StrPath, since: float = 0.0) -> Iterator[str]:
    """The transcripts of a session's subagents that were written to since a moment."""
    session, _ = os.path.splitext(transcript)
    yield from changed(os.path.join(session, "subagents"), since, LEVELS - 3)
