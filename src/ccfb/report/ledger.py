"""What the ledger says of billing: who paid when, and where the limits struck."""

import os
from sqlite3 import Connection

from ccfb import paths
from ccfb.report.model import Event

RELOAD = 1_030
"""Milliseconds until sessions have taken up a change of billing (see `ccfb.client.reloads`)."""


def events() -> list[Event]:
    """All entries, oldest first."""
    if not os.path.exists(paths.own("ledger.jsonl")):
        return []
    from ccfb.billing import store  # noqa: PLC0415 - only when the ledger has changed

    return [Event(*(getattr(entry, name) for name in Event._fields)) for entry in store.ledger()]


def known(database: Connection) -> list[Event]:
    """Those that the cache has taken over."""
    return [Event(*row) for row in database.execute("SELECT * FROM ledger ORDER BY id")]


def turns(events: list[Event]) -> list[tuple[int, int]]:
    """When billing changed for sessions; see `ccfb.report.scan`."""
    return [
        (round(event.at * 1000) + RELOAD, event.id if event.event == "switch" else 0)
        for event in events
        if event.event in {"switch", "revert"}
    ]


def billers(events: list[Event]) -> dict[int, str]:
    """The provider that each switch went to, by the switch's number."""
    return {event.id: event.provider or "" for event in events if event.event == "switch"}


def switch_at(turns: list[tuple[int, int]], at: int) -> int:
    """The switch in force at a moment, in milliseconds since the epoch; 0: the subscription."""
    passed = [switch for turned, switch in turns if turned <= at]
    return passed[-1] if passed else 0
