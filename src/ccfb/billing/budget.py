"""What was spent, by session, window, day and month, and whether a cap is reached. Pure."""

from datetime import UTC, datetime, timedelta
from math import inf
from typing import NamedTuple

from ccfb.billing.model import Allowance, Moment, Session, Spent, State
from ccfb.billing.rules import Caps

SAME = 60.0
"""Seconds by which two tellings of one reset may differ: some texts only have the minute."""

WARN = 0.8
"""The share of a cap at which the user is told."""

CENT = 1e-9
"""Dollars by which sums of floats may be off."""

DAYS = 62
"""Days that are kept: this month, whatever happens to the clock."""

KEEP = DAYS * 86_400.0
"""Seconds that a session's dollars are kept."""


WORDS = {
    "session": "a session",
    "window": "a window",
    "day": "a day",
    "month": "a month",
    "answer": "as you said",
    "unmeasured": "nobody can tell how much is left",
}
"""What a cap is for."""

MORE = {
    "session": "More: ccfb config set budget.session DOLLARS",
    "window": "More: ccfb config set budget.window DOLLARS",
    "day": "More: ccfb config set budget.day DOLLARS",
    "month": "More: ccfb config set budget.month DOLLARS",
    "answer": "More: ccfb yes DOLLARS",
    "unmeasured": "Why: ccfb status",
}
"""What raises it."""


class Cap(NamedTuple):
    """A cap, and how far it is used up."""

    per: str
    """`session`, `window`, `day`, `month`, or `answer`: what the user's yes allows."""
    instance: str
    """Which of them."""
    spent: float
    dollars: float

    @property
    def share(self) -> float:
        """How much of it is used up, of 1."""
        return self.spent / self.dollars if self.dollars > 0 else inf

    @property
    def used_up(self) -> bool:
        """Whether nothing may be spent any more."""
        return self.spent >= self.dollars - CENT

    @property
    def short(self) -> bool:
        """Whether the user is to be told."""
        return self.spent >= WARN * self.dollars - CENT


def today(state: State, now: Moment) -> str:
    """The day on the user's calendar, as in 2026-11-21."""
    return day_of(now.wall, state.offset)


def day_of(moment: float, offset: float) -> str:
    """The day of a moment, where clocks are so many seconds ahead of UTC."""
    return (datetime.fromtimestamp(moment, UTC) + timedelta(seconds=offset)).date().isoformat()


def spend(state: State, session: str, dollars: float, now: Moment) -> None:
    """Book what a session has spent, under everything that has a cap."""
    meter, day = state.meter, today(state, now)
    if meter is None:
        return
    kept = state.sessions.setdefault(session, Session(seen_at=now.wall))
    kept.seen_at = now.wall
    kept.spent += dollars
    state.days[day] = state.days.get(day, 0.0) + dollars
    state.days = dict(sorted(state.days.items())[-DAYS:])
    for window, resets_at in state.closed.items():
        known = state.spent.get(window)
        same = known is not None and abs(known.resets_at - resets_at) <= SAME
        before = known.dollars if known and same else 0.0
        state.spent[window] = Spent(resets_at=resets_at, dollars=before + dollars)
    if state.allowance:
        state.allowance.spent += dollars


def caps(state: State, limits: Caps, now: Moment) -> list[Cap]:
    """Every cap that holds now, with the nearest to its end first."""
    found = []
    if limits.session is not None and state.meter:
        for name in state.meter.sessions:
            kept = state.sessions.get(name)
            found.append(Cap("session", name, kept.spent if kept else 0.0, limits.session))
    if limits.window is not None:
        for name in state.closed:
            known = state.spent.get(name)
            if known and known.resets_at > now.wall:
                instance = f"{name} {known.resets_at:.0f}"
                found.append(Cap("window", instance, known.dollars, limits.window))
    day = today(state, now)
    if limits.day is not None:
        found.append(Cap("day", day, state.days.get(day, 0.0), limits.day))
    if limits.month is not None:
        month = day[: len("2026-11")]
        spent = sum(each for date, each in state.days.items() if date.startswith(month))
        found.append(Cap("month", month, spent, limits.month))
    found += _allowed(state.allowance)
    return sorted(found, key=lambda cap: cap.share, reverse=True)


def barred(state: State, session: str, limits: Caps) -> bool:
    """Whether a session, of an earlier window perhaps, has nothing left to spend."""
    kept = state.sessions.get(session)
    return bool(kept and limits.session is not None and kept.spent >= limits.session - CENT)


def _allowed(allowance: Allowance | None) -> list[Cap]:
    if allowance is None or allowance.dollars is None:
        return []
    return [Cap("answer", f"{allowance.since:.0f}", allowance.spent, allowance.dollars)]
