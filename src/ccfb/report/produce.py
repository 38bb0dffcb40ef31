"""One report: from what is asked for to its text."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ccfb.report import days
from ccfb.report.collect import collect
from ccfb.report.listing import Listing
from ccfb.report.model import BreakEven, Collected, Request, View
from ccfb.report.progress import Progress


def produce(request: Request, progress: Progress, listing: Listing | None = None) -> str:
    """The text of a report, for a terminal with its colours.

    Args:
        request: What is asked for.
        progress: Told what has been read, if there is something to read.
        listing: Of the transcripts, if somebody has begun with it.

    Raises:
        CcfbError: `unknown-timezone`, `unknown-project`, `unknown-provider`.
    """
    offset = clocks(request)
    listing = listing or Listing(request.folders)
    with _no_garbage():
        render = _renderer(request, offset)
        return render(*look(request, offset, progress, time.time(), listing))


def _renderer(request: Request, offset: days.Offset) -> Callable[[View, Collected], str]:
    """What makes the text; only one form is imported."""
    if request.as_json:
        from ccfb.report.render import envelope  # noqa: PLC0415

        return lambda view, collected: envelope.render(view, collected, request.timezone or None)
    if request.as_csv:
        from ccfb.report.render import csv  # noqa: PLC0415

        return lambda view, _: csv.render(view)
    from ccfb.report.render import table  # noqa: PLC0415

    return lambda view, collected: table.render(view, collected, offset)


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
    listing: Listing | None = None,
) -> tuple[View, Collected]:
    """What a report says, and what it is made of.

    Args:
        request: What is asked for.
        offset: Of the time zone whose days count.
        progress: Told what has been read, if there is something to read.
        now: Epoch seconds.
        listing: Of the transcripts, if somebody has begun with it.

    Raises:
        CcfbError: `unknown-project`, `unknown-provider`.
    """
    from ccfb.report import chosen, summary  # noqa: PLC0415 - while transcripts are listed

    collected = collect(request, offset, progress, listing)
    summary.check(collected, request)
    view = summary.view(collected, request, offset, now)
    if not request.part:
        view = view._replace(
            budget=[] if request.dated else chosen.caps(now),
            break_even=_break_even(request, offset, collected),
        )
    return view, collected


def _break_even(request: Request, offset: days.Offset, collected: Collected) -> BreakEven | None:
    from ccfb.report import breakeven, chosen, slots  # noqa: PLC0415 - as above

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
