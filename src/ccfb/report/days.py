"""Days of the user's: which sums belong to which."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple

from ccfb.errors import CcfbError

SLOT = 900
"""Seconds that a sum spans; see `ccfb.report.facts`."""

DAY = 86_400 // SLOT
"""Slots."""

FIRST = date(1970, 1, 1).toordinal()

NEVER = 1 << 31
"""A day after all others."""

Offset = Callable[[int], int]
"""Seconds by which clocks are ahead of UTC, at a moment in epoch seconds."""


class Period(NamedTuple):
    """Slots in which clocks are ahead of UTC by the same time."""

    start: int
    stop: int
    offset: int
    """Slots."""


def local(moment: int) -> int:
    """The offset of this machine."""
    return time.localtime(moment).tm_gmtoff


def of_zone(name: str) -> Offset:
    """The offset of a time zone, such as `Europe/Berlin`.

    Raises:
        CcfbError: `unknown-timezone`.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only when it is asked for

    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CcfbError(
            "unknown-timezone",
            f"There is no time zone called {name}.",
            "Names are like Europe/Berlin, or UTC.",
        ) from None

    def offset(moment: int) -> int:
        ahead = datetime.fromtimestamp(moment, UTC).astimezone(zone).utcoffset()
        return int(ahead.total_seconds()) if ahead else 0

    return offset


def periods(start: int, stop: int, offset: Offset) -> Iterator[Period]:
    """Cut a span of slots where clocks are changed."""
    while start < stop:
        ahead = offset(start * SLOT)
        end = start
        while end < stop and offset(min(end + DAY, stop) * SLOT) == ahead:
            end += DAY
        end = min(end, stop)
        while end < stop and offset(end * SLOT) == ahead:
            end += 1
        yield Period(start, end, ahead // SLOT)
        start = end


def day_of(number: int) -> date:
    """The date of a day that is counted from 1970 on."""
    return date.fromordinal(FIRST + number)


def number_of(day: date) -> int:
    """The number of a day."""
    return day.toordinal() - FIRST


def week_of(number: int) -> str:
    """The week of a day, as in ISO 8601."""
    year, week, _ = day_of(number).isocalendar()
    return f"{year}-W{week:02}"


def clock(at: float, offset: Offset) -> datetime:
    """What clocks show at a moment, which is given in epoch seconds."""
    return datetime.fromtimestamp(int(at) + offset(int(at)), UTC)
