"""What the ledger says of billing: who paid when, and where the limits struck."""

import os

from ccfb.report import places
from ccfb.report.places import APART
from ccfb.report.rows import FOREVER

TYPE_CHECKING = False  # as in `rows`
if TYPE_CHECKING:
    from sqlite3 import Connection

    from ccfb.report.model import Event

RELOAD = 1_030
"""Milliseconds until sessions have taken up a change of billing (see `ccfb.client.reloads`)."""


def events(folders: tuple[str, ...]) -> "list[Event]":
    """All entries of the ledgers of some folders, one after the other.

    Of several with one number, the last.
    """
    found: dict[int, Event] = {}
    for place, folder in enumerate(folders):
        for event in _events(places.ledger(folder)):
            number = event.id + place * APART
            found[number] = event._replace(id=number)
    return [*found.values()]


def _events(path: str) -> "list[Event]":
    if not os.path.exists(path):
        return []
    from ccfb.billing import store  # noqa: PLC0415 - only when the ledger has changed
    from ccfb.report.model import Event  # noqa: PLC0415

    found = (Event(*(getattr(e, name) for name in Event._fields)) for e in store.ledger(path))
    return [event for event in found if _possible(event)]


def _possible(event: "Event") -> bool:
    """Whether its times can be told; those of a damaged line may be anything."""
    return 0 <= event.at < FOREVER and 0 <= (event.resets_at or 0) < FOREVER


def known(database: "Connection") -> "list[Event]":
    """Those that the cache has taken over."""
    from ccfb.report.model import Event  # noqa: PLC0415 - readers start without it

    return [Event(*row) for row in database.execute("SELECT * FROM ledger ORDER BY id")]


def turns(events: "list[Event]", places: int) -> list[list[tuple[int, int]]]:
    """When billing changed for the sessions of each place; see `ccfb.report.scan`."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(places)]
    for event in events:
        if event.event in {"switch", "revert"}:
            switch = event.id if event.event == "switch" else 0
            found[event.id // APART].append((round(event.at * 1000) + RELOAD, switch))
    return found


def billers(events: "list[Event]") -> dict[int, str]:
    """The provider that each switch went to, by the switch's number."""
    return {event.id: event.provider or "" for event in events if event.event == "switch"}


def switch_at(turns: list[tuple[int, int]], at: int) -> int:
    """The switch in force at a moment, in milliseconds since the epoch; 0: the subscription."""
    passed = [switch for turned, switch in turns if turned <= at]
    return passed[-1] if passed else 0
