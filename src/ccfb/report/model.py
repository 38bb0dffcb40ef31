"""What a report is made of, and what it says."""

from collections.abc import Sequence
from typing import NamedTuple

from ccfb.report.days import NEVER

SUBSCRIPTION = "subscription"

BY = ("day", "week", "month", "session", "project", "model", "provider", "window")

TIMES = {"day", "week", "month", "session", "window"}
"""Of these, those whose lines stand in the order of time; elsewhere the dearest is first."""

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
    as_csv: bool = False

    @property
    def part(self) -> bool:
        """Whether it is about a part of the usage; limits, caps and plans are about all of it."""
        return bool(self.project or self.provider)

    @property
    def dated(self) -> bool:
        """Whether it is about some days only."""
        return bool(self.since) or self.until < NEVER


class Event(NamedTuple):
    """An entry of a ledger, without its words."""

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
    since: int
    """Epoch seconds: the quarter of an hour in which it began."""
    until: int
    """The end of that in which it ended; at most now."""
    project: str | None = None
    """Of a session: the folder that the client worked in."""
    model: str | None = None
    """Of a session: the dearest."""

    @property
    def billed(self) -> Totals:
        """What a provider was billed for."""
        parts = [part for who, part in self.providers.items() if who != SUBSCRIPTION]
        return Totals(*map(sum, zip(*parts, strict=True)))


class Limit(NamedTuple):
    """A window that was used up, or nearly; times are epoch seconds."""

    window: str
    at: float
    """When that was first noticed."""
    resets_at: float | None
    hits: int
    """How often the limit was hit; 0: it was left ahead of it."""
    billed: list[tuple[float, float]]
    """When a provider was billed until its reset: time that nobody had to wait."""


class Slot(NamedTuple):
    """What one biller's requests of a quarter of an hour come to."""

    slot: int
    """See `ccfb.report.days`."""
    switch: int
    """In the ledger; 0: the subscription."""
    cost: int
    """Pico-dollars, of what has a price."""
    unpriced: int
    """Requests without a price."""


class Cap(NamedTuple):
    """A cap of the budget that holds now."""

    per: str
    """`session`, `window`, `day`, `month`, or `answer`: what the user's yes allows."""
    spent: float
    """Dollars."""
    dollars: float
    used_up: bool = False
    """Nothing more is spent."""


class Choice(NamedTuple):
    """A way to pay for the same work; dollars a month."""

    name: str
    """One of the plans, `as_it_was`, or `api`."""
    title: str
    plan: float | None
    """None: which plan it was isn't known."""
    fallback: float
    """What is billed by the token, beyond the plan."""

    @property
    def total(self) -> float | None:
        """Both together."""
        return None if self.plan is None else self.plan + self.fallback


class BreakEven(NamedTuple):
    """What this usage would cost in other ways."""

    choices: list[Choice]
    """Empty: it is too early to tell."""
    cheapest: str
    """Of what can be chosen: a plan, or the API alone; empty: that isn't known."""
    assumptions: list[str]
    """Sentences; also why it is too early."""
    days: int
    """Of usage that it rests on."""


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
    """The dearest first; so are models and projects."""
    lines: list[Line]
    """In the order of time, or the dearest first: see `TIMES`."""
    models: list[Line]
    projects: list[Line]
    limits: list[Limit]
    saved: float
    """Seconds that nobody had to wait, whichever limit it was."""
    switches: list[Switch]
    folders: Sequence[str] = ()
    """Where transcripts were looked for."""
    budget: Sequence[Cap] = ()
    break_even: BreakEven | None = None
    """None: not to be told of a part of the usage."""
