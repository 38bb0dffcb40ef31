"""One report: from what is asked for to its text."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ccfb.report import breakeven, chosen, days, slots, summary
from ccfb.report.begin import Begun, begin
from ccfb.report.collect import collect
from ccfb.report.listing import Listing
from ccfb.report.model import BreakEven, Collected, Request, View
from ccfb.report.progress import Progress


def produce(request: Request, progress: Progress, begun: Begun | None = None) -> str:
    """The text of a report, for a terminal with its colours.

    Args:
        request: What is asked for.
        progress: Told what has been read, if there is something to read.
        begun: What has begun already.

    Raises:
        CcfbError: `unknown-timezone`, `unknown-project`, `unknown-provider`.
    """
    offset = clocks(request)
    with _no_garbage():
        form = "envelope" if request.as_json else "csv" if request.as_csv else "table"
        if begun is None:
            listing = Listing(request.folders)
            begun = begin(request.folders, [f"ccfb.report.render.{form}"], listing)
        view, collected = look(request, offset, progress, time.time(), begun)
        if request.as_json:
            from ccfb.report.render import envelope  # noqa: PLC0415 - only one form is imported

            return envelope.render(view, collected, request.timezone or None)
        if request.as_csv:
            from ccfb.report.render import csv  # noqa: PLC0415

            return csv.render(view)
        from ccfb.report.render import table  # noqa: PLC0415

        return table.render(view, collected, offset)


def clocks(request: Request) -> days.Offset:
    """The offset of the time zone whose days count.

    Raises:
        CcfbError: `unknown-timezone`.
    """
    return days.of_zone(request.timezone) if request.timezone else days.local


def look(
    request: Request,
    offset: days.Offset,
    progress: Progress,
    now: float,
    begun: Begun | None = None,
) -> tuple[View, Collected]:
    """What a report says, and what it is made of.

    Args:
        request: What is asked for.
        offset: Of the time zone whose days count.
        progress: Told what has been read, if there is something to read.
        now: Epoch seconds.
        begun: What has begun already.

    Raises:
        CcfbError: `unknown-project`, `unknown-provider`.
    """
    collected = collect(request, offset, progress, begun)
    summary.check(collected, request)
    view = summary.view(collected, request, offset, now)
    if not request.part:
        view = view._replace(
            budget=[] if request.dated else chosen.caps(now),
            break_even=_break_even(request, offset, collected),
        )
    return view, collected


def _break_even(request: Request, offset: days.Offset, collected: Collected) -> BreakEven | None:
    used = every = slots.slots(request, offset)
    if request.dated:
        every = slots.slots(Request(request.folders), offset)
    return breakeven.compare(used, collected.events, *chosen.plans(), offset, every)


@contextmanager
def _no_garbage() -> Iterator[None]:
    """There is much of everything, and none of it is garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
