"""What follows from what happened: a pure function, without clock, files or environment.

`advance(state, event, rules, now)` gives the next state and what is to be done besides
writing it. Everything that can surprise, time, money, double events, is decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ccfb.billing.model import Entry, Moment, Notice, Session, State, Switch, Wake, Window

LEAD = 1.5
"""Seconds before a reset at which the revert is written. A session has taken it up 1.05 to 1.1
seconds later, up to 1.34 on a busy machine (seen on 2.1.105 to 2.1.329), and from the reset on
nothing may be billed."""

SAME = 60.0
"""Seconds by which two tellings of one reset may differ: some texts only have the minute."""

PATIENCE = 90.0
"""Seconds after its reset that a limit is taken for a late echo, and the turn tried once more."""

GRACE = 0.5
"""Seconds after its reset at which a turn that came too early is tried once more."""

TIDY_AFTER = 600.0
"""Seconds after a revert until the emptied variables leave the settings file."""

NUDGES = 3
"""How often the settings are written again for one session that doesn't take them up."""

KEEP = 691_200.0
"""Seconds that a session or a notice is remembered: longer than any window lasts, because the
client goes on by itself at the reset."""

ANSWERED = 8
"""Failed turns that are remembered of a session."""

LENGTH = 500
"""Characters of a message that are kept."""

STEP = 5.0
"""Percentage points between two tellings of a window's utilization that are kept."""

REST = 3_600.0
"""Seconds that a provider is left alone after it refused, unless it said until when."""


class Threshold(NamedTuple):
    """Hysteresis over a window's utilization, in percent."""

    switch_at: float
    back_at: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What the user has said: see `ccfb.config`."""

    automatic: bool
    usable: tuple[str, ...] = ()
    """Providers whose key can be had, in order of preference."""
    ahead: Mapping[str, Threshold] = field(default_factory=dict)
    """Windows in which the switch comes before the limit does."""
    alert_at: tuple[float, ...] = ()
    """Percentages of any window that the user wants to hear of."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing but time has passed."""


@dataclass(frozen=True, slots=True)
class Limited:
    """The plan refused, until a known moment; None: until nobody knows."""

    session: str
    failure: str
    window: str
    resets_at: float | None
    text: str
    live: bool
    """The session is there and waits; False: read from its transcript later."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider refused to be billed: no credit, its own cap, a bad key, no such model."""

    session: str
    failure: str
    provider: str
    until: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """The client told the utilization of its windows."""

    windows: Mapping[str, Window]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The user has chosen the billing: `subscription`, a provider, or `auto`."""

    target: str


@dataclass(frozen=True, slots=True)
class Strayed:
    """A session is billed otherwise than it should be: it has missed a change of settings."""

    session: str
    lost: bool = False
    """It was tried often enough."""


@dataclass(frozen=True, slots=True)
class Prompted:
    """The user is about to send a prompt: the moment to be told things."""

    session: str


Event = Tick | Limited | Refused | Told | Chosen | Strayed | Prompted


@dataclass(frozen=True, slots=True)
class Continue:
    """The session's stalled turn is to go on, not before `at`, once the session is reloaded."""

    session: str
    at: float


@dataclass(frozen=True, slots=True)
class Tidy:
    """The emptied variables may leave the settings file."""


@dataclass(frozen=True, slots=True)
class Nudge:
    """Write the settings again, so that a session notices them."""


@dataclass(frozen=True, slots=True)
class Say:
    """A line for the user, at this prompt."""

    text: str


@dataclass(frozen=True, slots=True)
class Crossed:
    """A window has passed a percentage that the user wants to hear of, for the first time."""

    window: str
    percentage: float
    resets_at: float


Action = Continue | Tidy | Nudge | Say | Crossed


def advance(state: State, event: Event, rules: Rules, now: Moment) -> tuple[State, list[Action]]:
    """The next state after an event, and what is to be done."""
    run = _Run(state.model_copy(deep=True), rules, now)
    run.expire()
    match event:
        case Limited():
            run.limited(event)
        case Refused():
            run.refused(event)
        case Told():
            run.told(event.windows)
        case Chosen():
            run.chosen(event.target)
        case Strayed():
            run.strayed(event)
        case Prompted():
            run.prompted(event.session)
        case Tick():
            pass
    run.settle()
    return run.state, run.actions


class _Run:
    """One step of the machine, over a copy of the state that is its own."""

    def __init__(self, state: State, rules: Rules, now: Moment) -> None:
        self.state = state
        self.rules = rules
        self.now = now
        self.actions: list[Action] = []

    def expire(self) -> None:
        """Let go of what has ended."""
        state, now = self.state, self.now
        switch = state.switch
        if switch and switch.resets_at is not None and _over(switch, now):
            gone = {w: r for w, r in state.closed.items() if r <= switch.resets_at}
            state.limits = {w: r for w, r in state.limits.items() if w not in gone}
            state.near = {w: r for w, r in state.near.items() if w not in gone}
            if _elapsed(switch, switch.resets_at, now):
                state.ended |= gone
            self._revert("reset")
        state.limits = {w: r for w, r in state.limits.items() if now.wall < r - LEAD}
        state.near = {w: r for w, r in state.near.items() if now.wall < r - LEAD}
        state.failed = {p: until for p, until in state.failed.items() if now.wall < until}
        fresh = now.wall - KEEP
        state.sessions = {s: kept for s, kept in state.sessions.items() if kept.seen_at > fresh}
        state.notices = [notice for notice in state.notices if notice.at > fresh]
        if state.tidy_at is not None and now.wall >= state.tidy_at and not state.switch:
            state.tidy_at = None
            state.blanked = False
            self.actions.append(Tidy())

    def settle(self) -> None:
        """Make billing agree with the limits and the user's word; note what wakes us next."""
        state = self.state
        switch = state.switch
        if not state.hold:
            if not self.rules.automatic or not state.closed:
                if switch:
                    self._revert("off" if state.closed else "utilization")
            else:
                self._cover()
        state.wake = _wake(state, self.rules)

    def limited(self, event: Limited) -> None:
        """The plan refuses; the session waits for an answer, once per failed turn."""
        state, now = self.state, self.now
        session = self._session(event.session)
        if event.failure in session.answered:
            return
        if event.live or event.resets_at is None:
            _answer(session, event.failure)
        else:
            session = session.model_copy()
        session.continued_at = None
        if event.resets_at is None:
            self._record("unknown_limit", session=event.session, text=event.text)
            self._tell(event.session, f"Unknown limit, left alone: {event.text}")
            return
        if event.resets_at <= now.wall + LEAD or _near(
            state.ended.get(event.window), event.resets_at
        ):
            self._echo(event, session)
            return
        new = not _near(state.limits.get(event.window), event.resets_at)
        if new:
            state.limits[event.window] = event.resets_at
            self._record(
                "limit",
                window=event.window,
                resets_at=event.resets_at,
                session=event.session,
                text=event.text,
            )
        self.settle()
        if not state.switch:
            if new or event.live:
                self._tell(event.session, self._why_not(), until_switch=True)
        elif event.live:
            self._continue(event.session, session, now.wall)

    def refused(self, event: Refused) -> None:
        """The provider doesn't take the bill: the next one does, or the plan."""
        state, switch = self.state, self.state.switch
        session = self._session(event.session)
        if event.failure in session.answered:
            return
        _answer(session, event.failure)
        session.continued_at = None
        self._tell(event.session, f"{event.provider} refused: {event.text}")
        if switch and switch.provider == event.provider:  # else another session told already
            until = event.until or 0.0
            rest = self.now.wall + REST
            state.failed[event.provider] = until if until > self.now.wall else rest
            self._record(
                "provider_failure", provider=event.provider, session=event.session, text=event.text
            )
            state.hold = False
            self._revert("provider failure")
        self.settle()
        if state.switch:
            self._continue(event.session, session, self.now.wall)

    def told(self, windows: Mapping[str, Window]) -> None:
        """Keep what is news: a session that has been idle since before a reset tells old ones."""
        for name, window in windows.items():
            known = self.state.windows.get(name)
            if known is None or window.resets_at >= known.resets_at - SAME:
                self.state.windows[name] = window
                self._compare(name, window)
                self._announce(name, window)

    def _compare(self, name: str, window: Window) -> None:
        """Close a window before it refuses, and open it again once it is well below."""
        state, ahead = self.state, self.rules.ahead.get(name)
        if ahead is None or window.resets_at <= self.now.wall + LEAD:
            return
        if window.percentage >= ahead.switch_at and name not in state.closed:
            if _near(state.ended.get(name), window.resets_at):
                return  # it has reset, by the clock that nobody can set
            state.near[name] = window.resets_at
            self._record("threshold", window=name, resets_at=window.resets_at)
        elif window.percentage <= ahead.back_at:
            state.near.pop(name, None)

    def _announce(self, name: str, window: Window) -> None:
        """Tell of the highest percentage passed, once per window, over all sessions."""
        passed = [at for at in self.rules.alert_at if at <= window.percentage]
        if not passed or window.resets_at <= self.now.wall:
            return
        told = self.state.announced.get(name)
        if told and _near(told.resets_at, window.resets_at) and told.percentage >= max(passed):
            return
        self.state.announced[name] = window.model_copy(update={"percentage": max(passed)})
        self.actions.append(Crossed(name, max(passed), window.resets_at))

    def chosen(self, target: str) -> None:
        """The user's word, until `auto`."""
        state = self.state
        self._record("choice", provider=target)
        state.hold = target != "auto"
        if target == state.billing:
            if state.switch:
                state.switch.reason, state.switch.resets_at = "user", None
            return
        if state.switch and (state.hold or state.switch.reason == "user"):
            self._revert("user")
        if target not in {"auto", "subscription"}:
            state.failed.pop(target, None)
            self._switch(target, "user", None, None)

    def strayed(self, event: Strayed) -> None:
        """Try a few times to be heard by a session, then leave it, and tell the user."""
        self.settle()  # what it has strayed from is what should be now
        state, session = self.state, self._session(event.session)
        if not state.switch and state.tidy_at is None:  # nothing is left there to notice
            state.blanked = state.unsettled = True
            state.tidy_at = self.now.wall + TIDY_AFTER
        if event.lost:  # its turn didn't go on after all: the client may, at the reset
            session.continued_at = None
        session.nudges = max(session.nudges, NUDGES if event.lost else 0) + 1
        if session.nudges <= NUDGES:
            self.actions.append(Nudge())
        elif session.nudges == NUDGES + 1:
            self._tell(
                event.session,
                f"This session didn't take up the change to {state.billing} so far; "
                "with the next prompt it is tried again.",
            )

    def prompted(self, name: str) -> None:
        """Say what was kept for this session."""
        state = self.state
        self.actions += [Say(notice.text) for notice in state.notices if notice.session == name]
        state.notices = [notice for notice in state.notices if notice.session != name]

    def _echo(self, event: Limited, session: Session) -> None:
        """A limit whose reset has come: the clocks differ a little, or the text is rounded."""
        reset, now = event.resets_at or 0.0, self.now.wall
        late = reset <= now - PATIENCE or _near(session.retried, reset)
        if self.rules.automatic and event.live and not late:
            session.retried = reset
            # Where the wall clock was set back, the reset has come though it lies ahead.
            self._continue(event.session, session, min(reset, now + LEAD) + GRACE)

    def _continue(self, name: str, session: Session, at: float) -> None:
        session.continued_at = self.now.wall
        self._record("continue", provider=self.state.billing, session=name)
        self.actions.append(Continue(name, at))

    def _cover(self) -> None:
        """Bill a provider for as long as the plan refuses."""
        state = self.state
        closed, switch = state.closed, state.switch
        window = max(closed, key=closed.__getitem__)
        reason = "limit" if window in state.limits else "threshold"
        if switch:
            switch.window, switch.resets_at = window, closed[window]
            return
        for provider in self.rules.usable:
            if provider not in state.failed:
                self._switch(provider, reason, window, closed[window])
                return

    def _switch(
        self, provider: str, reason: str, window: str | None, resets_at: float | None
    ) -> None:
        self.state.switch = Switch.model_validate(
            {
                "provider": provider,
                "reason": reason,
                "window": window,
                "resets_at": resets_at,
                "since": self.now.wall,
                "boot_since": self.now.boot,
            }
        )
        self.state.notices = [kept for kept in self.state.notices if not kept.until_switch]
        self.state.tidy_at = None  # what an earlier revert has emptied stays until the next one
        self._change()
        self._record("switch", provider=provider, window=window, resets_at=resets_at, reason=reason)

    def _revert(self, reason: str) -> None:
        switch = self.state.switch
        if not switch:
            return
        self.state.switch = None
        self._change()
        self.state.tidy_at = self.now.wall + TIDY_AFTER
        self._record("revert", provider=switch.provider, window=switch.window, reason=reason)

    def _change(self) -> None:
        """The settings will change: every session is asked anew to follow."""
        self.state.unsettled = True
        for session in self.state.sessions.values():
            session.nudges = 0

    def _session(self, name: str) -> Session:
        session = self.state.sessions.setdefault(name, Session(seen_at=self.now.wall))
        session.seen_at = self.now.wall
        return session

    def _tell(self, session: str, text: str, *, until_switch: bool = False) -> None:
        notices, text = self.state.notices, text[:LENGTH]
        if not any(kept.session == session and kept.text == text for kept in notices):
            at = self.now.wall
            notices.append(Notice(session=session, text=text, at=at, until_switch=until_switch))

    def _why_not(self) -> str:
        if self.state.hold:
            reason = "and you chose the subscription. To go on: ccfb use auto"
        elif not self.rules.automatic:
            reason = "and ccfb is off. To go on: ccfb config set mode auto"
        else:
            reason = "and no provider is usable. Why: ccfb status"
        return f"The plan's limit was hit, {reason}"

    def _record(self, event: str, *, text: str | None = None, **fields: object) -> None:
        self.state.last_id += 1
        fields["text"] = text and text[:LENGTH]
        entry = {"id": self.state.last_id, "at": self.now.wall, "event": event, **fields}
        self.state.unwritten.append(Entry.model_validate(entry))
        self.state.unsettled = True


def _over(switch: Switch, now: Moment) -> bool:
    """Whether a switch has come to its end, by either clock."""
    if switch.resets_at is None:
        return False
    return now.wall >= switch.resets_at - LEAD or _elapsed(switch, switch.resets_at, now)


def _elapsed(switch: Switch, resets_at: float, now: Moment) -> bool:
    """Whether a reset has come, by the clock that nobody can set."""
    return now.boot - switch.boot_since >= resets_at - LEAD - switch.since


def _near(known: float | None, told: float) -> bool:
    """Whether two tellings are of the same reset."""
    return known is not None and abs(known - told) <= SAME


def _answer(session: Session, failure: str) -> None:
    """Remember that a failed turn was answered."""
    session.answered = [*session.answered, failure][-ANSWERED:]


def _next(name: str, percentage: float, rules: Rules) -> float:
    """The percentage at which a window is of interest again."""
    ahead = rules.ahead.get(name)
    points = [*rules.alert_at, *([ahead.switch_at] if ahead else [])]
    step = (percentage // STEP + 1) * STEP
    return min([step, *(point for point in points if point > percentage)])


def _wake(state: State, rules: Rules) -> Wake:
    switch = state.switch
    wake = Wake(
        unsettled=state.unsettled,
        windows={
            name: {
                "resets_at": window.resets_at,
                "percentage": _next(name, window.percentage, rules),
            }
            for name, window in state.windows.items()
        },
        sessions=sorted({notice.session for notice in state.notices}),
        lost=sorted(name for name, kept in state.sessions.items() if kept.nudges > NUDGES),
        settled_at=state.settled_at,
        at=state.tidy_at,
    )
    if switch:
        wake.marker = switch.provider
        wake.resets_at = switch.resets_at
        if switch.resets_at is not None:
            wake.at = switch.resets_at - LEAD
            wake.boot_at = switch.boot_since + wake.at - switch.since
    return wake
