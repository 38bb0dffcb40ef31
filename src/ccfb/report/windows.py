"""The plan's windows of five hours: from when to when. Pure."""

from bisect import bisect_right
from collections.abc import Iterable

from ccfb.report.days import NEVER, SLOT
from ccfb.report.model import Event

HOUR = 3_600 // SLOT
LENGTH = 5 * HOUR
"""Slots."""

Window = tuple[int, int]
"""Its first slot, and the one behind it."""


def end_of(event: Event) -> int | None:
    """The slot behind the window that an event of the ledger tells of; None: it tells of none."""
    if event.window != "five_hour" or not event.resets_at:
        return None
    return -int(-event.resets_at // SLOT)


def windows(slots: Iterable[int], events: Iterable[Event]) -> dict[int, Window]:
    """Under which window each slot is: the ledger knows some of their ends.

    The others are taken to begin with the hour of the first request after the one before.
    """
    ends = sorted({end for event in events if (end := end_of(event))})
    found: dict[int, Window] = {}
    start = stop = 0
    for slot in sorted(slots):
        after = bisect_right(ends, slot)
        end = ends[after] if after < len(ends) else NEVER
        if end - LENGTH <= slot:
            start, stop = end - LENGTH, end
        elif slot >= stop:
            start = slot // HOUR * HOUR
            stop = min(start + LENGTH, end - LENGTH)
        found[slot] = start, stop
    return found
