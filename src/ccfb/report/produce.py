"""One report: from what is asked for to its text."""

import gc
import time

from ccfb.report import days
from ccfb.report.collect import collect
from ccfb.report.model import Request
from ccfb.report.progress import Progress


def produce(request: Request, progress: Progress) -> str:
    """The text of a report.

    Args:
        request: What is asked for.
        progress: Told what has been read, if there is something to read.

    Raises:
        CcfbError: `unknown-timezone`.
    """
    enabled = gc.isenabled()
    gc.disable()  # there is much of everything, and none of it is garbage
    try:
        offset = days.of_zone(request.timezone) if request.timezone else days.local
        collected = collect(request, offset, progress)
        from ccfb.report import summary  # noqa: PLC0415 - while readers are at work

        view = summary.view(collected, request, offset, time.time())
        if request.as_json:
            from ccfb.report.render import envelope  # noqa: PLC0415 - only one of them is needed

            return envelope.render(view, collected, request.timezone or None)
        from ccfb.report.render import table  # noqa: PLC0415

        return "\n".join(table.render(view, collected, offset))
    finally:
        if enabled:
            gc.enable()
