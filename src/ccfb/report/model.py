"""What a report is made of, and what it says."""

from typing import NamedTuple

from ccfb.report.days import NEVER

SUBSCRIPTION = "subscription"

BY = ("day", "week", "month", "session", "project", "model", "provider", "window")

PICO = 10**12
"""Parts of a dollar: in them costs are whole numbers, whose sums are exact."""


class Request(NamedTuple):
    """What a report is asked for."""

    folders: tuple[str, ...]
    """Of projects."""
    since: int = 0
    """The first day, as a number; see `ccfb.report.days`."""
    until: int = NEVER
    """The last."""
    timezone: str = ""
    """Whose days count, by name; empty: this machine's."""
    by: str = ""
    """What lines are: one of `BY`; empty: a summary."""
    project: str = ""
    """Only this one: a folder, or the last part of it."""
    provider: str = ""
    """Only what this one was billed for; or the subscription."""
    prune: bool = False
    """Forget transcripts that are gone."""
    as_json: bool = False


class Event(NamedTuple):
    """An entry of the ledger, without its words."""

    id: int
    at: float
    event: str
    provider: str | None
    window: str | None
    resets_at: float | None
    reason: str | None
    dollars: float | None


class Sum(NamedTuple):
    """What requests come to that have the rest in common."""

    project: str
    """The folder of its transcripts."""
    session: str
    """Empty unless lines are sessions."""
    model: str
    switch: int
    """In the ledger; 0: the subscription."""
    background: int
    """1: it stands in no message; see `ccfb.report.background`."""
    day: int
    """The first; see `ccfb.report.days`."""
    last_day: int
    slot: int
    """The first; see `ccfb.report.days`."""
    last_slot: int
    requests: int
    unpriced: int
    """Requests without a price."""
    output: int
    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    searches: int
    cost: int
    """Pico-dollars."""
    unpriced_tokens: int


class Collected(NamedTuple):
    """All that a view is made of."""

    sums: list[Sum]
    events: list[Event]
    folders: dict[str, str]
    """Where the client worked, by project."""
    files: int
    invalid: int
    """Lines that aren't JSON."""
    unknown: int
    """Answers of a form that isn't known."""
    cut: int
    """Transcripts whose last line isn't complete."""


class Totals(NamedTuple):
    """What some requests come to."""

    requests: int = 0
    unpriced: int = 0
    output: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    searches: int = 0
    cost: int = 0
    """Pico-dollars, of what has a price."""
    unpriced_tokens: int = 0
    background: int = 0
    """Pico-dollars of the cost that stand in no message."""


class Line(NamedTuple):
    """A line of a view."""

    name: str
    totals: Totals
    providers: dict[str, Totals]
    """By who was billed."""
    project: str
    """Of its first request."""
    since: int
    """Epoch seconds, to a quarter of an hour."""
    until: int


class Limit(NamedTuple):
    """A limit that was hit; times are epoch seconds."""

    window: str
    at: float
    resets_at: float | None
    hits: int
    """How often, by however many sessions."""
    billed: list[tuple[float, float]]
    """When a provider was billed until its reset: time that nobody had to wait."""


class Switch(NamedTuple):
    """A span in which a provider was billed; times are epoch seconds."""

    provider: str
    reason: str
    window: str | None
    since: float
    until: float | None
    """None: it goes on."""
    ended: str | None
    """Why billing went back; None: it goes on, or another provider was next."""
    totals: Totals


class View(NamedTuple):
    """What a report says."""

    by: str
    days: tuple[str, str] | None
    """The first and the last with something in it, as ISO dates."""
    total: Line | None
    """None: nothing is in it."""
    providers: list[Line]
    lines: list[Line]
    """In the order of their names."""
    models: list[Line]
    """The dearest first; so are projects."""
    projects: list[Line]
    limits: list[Limit]
    saved: float
    """Seconds that nobody had to wait, whichever limit it was."""
    switches: list[Switch]
