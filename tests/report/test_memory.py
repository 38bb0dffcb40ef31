"""However many transcripts there are, a report needs little more memory."""

import tracemalloc
from pathlib import Path

import pytest

from ccfb import paths
from ccfb.report import collect, update
from ccfb.report.model import Request
from report.test_collect import forget, quiet, utc
from report.test_scan import line, row

EACH = 350
"""Bytes for a transcript more; its path has a hundred."""


def make(home: Path, first: int, count: int) -> None:
    """Invent transcripts."""
    for number in range(first, first + count):
        folder = home / ".claude" / "projects" / f"-home-user-{number % 20}"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{number:08x}-1a2b-4c3d-8e4f-0123456789ab"
        (folder / f"{name}.jsonl").write_bytes(line(row(f"m{number}", sessionId=name)))


def peak() -> int:
    """The most bytes that a report needs at a time."""
    tracemalloc.start()
    try:
        collect.collect(Request((paths.projects(),)), utc, quiet)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peaks() -> tuple[int, int]:
    """Those of a first report, and of one that finds all in the cache."""
    forget()
    return peak(), peak()


def test_a_report_of_many_transcripts_needs_little_more_memory(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "SUSPECTS", 100)  # soon reached, as are the other limits
    make(home, 0, 500)
    peaks()  # with all that is loaded only once
    few = peaks()
    make(home, 500, 2_000)
    for one, other in zip(few, peaks(), strict=True):
        assert (other - one) / 2_000 < EACH
