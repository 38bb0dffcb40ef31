"""What was used when, whatever the project: read from a cache that is up to date."""

import os
from datetime import date
from typing import TYPE_CHECKING

from ccfb.report import cache, days, places
from ccfb.report.model import Request, Slot

if TYPE_CHECKING:
    from sqlite3 import Connection

QUERY = """
SELECT slot, switch, sum(cost), sum(unpriced)
FROM facts
WHERE slot >= ? AND slot < ?
GROUP BY 1, 2 ORDER BY 1
"""


LAST = days.number_of(date.max)
"""The last day that a calendar knows."""


def slots(request: Request, offset: days.Offset) -> list[Slot]:
    """The sums of each quarter of an hour in the user's days, the earliest first.

    Empty where no cache can be kept.
    """
    path = places.cache(request.folders)
    if not os.path.exists(path):
        return []
    span = _start(request.since, offset), _start(request.until + 1, offset)

    def work(database: "Connection") -> list[Slot]:
        return [*map(Slot._make, database.execute(QUERY, span))]

    return cache.use(path, work)


def _start(day: int, offset: days.Offset) -> int:
    """The first slot of a day."""
    if not 0 < day <= LAST:
        return day * days.DAY
    midnight = day * days.DAY * days.SLOT
    return (midnight - offset(midnight)) // days.SLOT
