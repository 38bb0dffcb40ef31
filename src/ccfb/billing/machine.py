"""What follows from what happened: a pure function, without clock, files or environment.

`advance(state, event, rules, now)` gives the next state and what is to be done besides
writing it. Everything that can surprise, time, money, double events, is decided here.
"""

from collections.abc import Collection, Mapping
from math import inf
from typing import Literal

from ccfb.billing import budget
from ccfb.billing.budget import MORE, SAME, WORDS
from ccfb.billing.events import (
    Action,
    Answered,
    Answering,
    Ask,
    Bar,
    Chosen,
    Continue,
    Crossed,
    Estimated,
    Event,
    Failed,
    Limited,
    Metered,
    Nudge,
    Prompted,
    Refused,
    Resumed,
    Say,
    SignedIn,
    Strayed,
    Tick,
    Tidy,
    Told,
    Unmeasured,
)
from ccfb.billing.model import (
    Allowance,
    Answer,
    Downgrade,
    Entry,
    Meter,
    Moment,
    Notice,
    Question,
    Session,
    State,
    Switch,
    Wake,
    Window,
)
from ccfb.billing.rules import DOWNGRADE, NEVER, Rules

LEAD = 1.5
"""Seconds before a reset at which the revert is written. A session has taken it up 1.05 to 1.1
seconds later, up to 1.34 on a busy machine (seen on 2.1.105 to 2.1.329), and from the reset on
nothing may be billed."""

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

BARRED = f"This session has used up its budget. {MORE['session']}"

UNNAMED = ("plan", "overage")
"""What a limit is called that doesn't say which window refuses (seen on 2.1.105 and 2.1.136), or
that extra usage is gone too."""

FIVE_HOURS, WEEK = 18_000.0, 604_800.0
"""Seconds that the plan's windows last."""

FAILURES = 3
"""Turns in a row that the plan's servers fail until it counts as an outage."""

OUTAGE = "outage"
"""The name under which an outage has its policy, like a window."""

PAUSE = 600.0
"""Seconds after which the plan is tried again in an outage."""

ON_ITS_WAY = 60.0
"""Seconds after a window was told to be full in which an answer proves nothing: it may be the one
that has filled it."""

SETTLED = 5.0
"""Seconds after a downgrade until which a refused turn is tried again: later, it doesn't help."""

FLIGHT = 600.0
"""Seconds after a revert in which requests in flight are still measured."""


def advance(state: State, event: Event, rules: Rules, now: Moment) -> tuple[State, list[Action]]:
    """The next state after an event, and what is to be done."""
    run = _Run(state.model_copy(deep=True), rules, now)
    run.expire()
    run.take(event)
    run.settle()
    return run.state, run.actions


class _Run:
    """One step of the machine, over a copy of the state that is its own."""

    def __init__(self, state: State, rules: Rules, now: Moment) -> None:
        self.state = state
        self.rules = rules
        self.now = now
        self.actions: list[Action] = []

    def take(self, event: Event) -> None:  # noqa: C901, PLR0912 - a table of events
        """Note what has happened."""
        if not isinstance(event, Metered):  # which may tell of the last requests
            self._put_the_meter_away()
        match event:
            case Limited():
                self.limited(event)
            case Refused():
                self.refused(event)
            case Failed():
                self.failed(event)
            case Answering():
                self.answering()
            case Told():
                self.told(event)
            case Metered():
                self.metered(event)
            case Unmeasured():
                self.state.unmeasured = self.state.switch is not None
            case Estimated():
                self.estimated(event)
            case Chosen():
                self.chosen(event.target)
            case Answered():
                self.answered(event)
            case Resumed():
                self.resumed(event.session)
            case SignedIn():
                self.signed_in(event.account)
            case Strayed():
                self.strayed(event)
            case Prompted():
                self.prompted(event.session)
            case Tick():
                pass

    def expire(self) -> None:
        """Let go of what has ended."""
        state, now, closed = self.state, self.now, self.state.closed
        if state.switch and state.meter is None:  # of an earlier version
            state.meter = Meter(provider=state.switch.provider, since=state.switch.since)
        state.ends = {w: now.boot + r - now.wall for w, r in closed.items()} | state.ends
        if budget.today(state, now) not in state.days:  # a day has one midnight
            state.offset = now.offset
        elapsed = [r for w, r in closed.items() if now.boot >= state.ends.get(w, inf) - LEAD]
        ended = {w: r for w, r in closed.items() if r <= max(elapsed, default=0.0)}
        over = ended | {w: r for w, r in closed.items() if now.wall >= r - LEAD}
        state.ended |= ended
        if state.switch and state.switch.resets_at is not None and state.switch.window in over:
            self._revert("reset")
        if OUTAGE in over:
            state.outages = FAILURES - 1  # one more, and it isn't over
        self._open(over)
        answers = state.answers.items()
        state.answers = {w: a for w, a in answers if now.wall < a.resets_at - LEAD}
        if not any(answer.word == "yes" for answer in state.answers.values()):
            state.allowance = None
        state.failed = {p: until for p, until in state.failed.items() if now.wall < until}
        fresh = now.wall - KEEP
        # What a session has cost counts for as long as it can be resumed, if that is capped.
        spent = fresh if self.rules.caps.session is None else now.wall - budget.KEEP
        state.sessions = {
            name: kept
            for name, kept in state.sessions.items()
            if kept.seen_at > (spent if kept.spent else fresh)
        }
        state.notices = [notice for notice in state.notices if notice.at > fresh]
        state.spent = {w: spent for w, spent in state.spent.items() if spent.resets_at > fresh}
        if state.tidy_at is not None and now.wall >= state.tidy_at and not state.switch:
            state.tidy_at = None
            state.blanked = False
            self.actions.append(Tidy())

    def settle(self) -> None:
        """Make billing agree with limits, budget and the user's word; note what wakes us next."""
        self._mind_the_budget()
        self._spare()
        if not self.state.hold:
            payable = self._payable()
            if payable and not self.state.stopped:
                self._cover(payable)
            elif self.state.switch:
                self._revert(self._why_back())
        self._ask()
        capped = self.state.wake.capped
        self.state.wake = _wake(self.state, self.rules, self.now)
        if self.state.switch and self.state.wake.capped != capped:
            self.state.unsettled = self.state.wake.unsettled = True  # a key lives shorter now

    # What has happened.

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
        window = self._named(event.window, event.resets_at)
        gone = _near(state.ended.get(window), event.resets_at)
        gone |= _near(state.others.get(window), event.resets_at)
        if event.resets_at <= now.wall + LEAD or gone:
            self._echo(event, session)
            return
        session.stalled = event.live
        new = not _near(state.limits.get(window), event.resets_at)
        if new:
            self._close(state.limits, window, event.resets_at)
            state.extra_usage = False
            self._record(
                "limit",
                window=window,
                resets_at=event.resets_at,
                session=event.session,
                text=event.text,
            )
        if event.headless and self.rules.unattended and self._asks(window, event.resets_at):
            self._consent(window, event.resets_at)
        self.settle()
        spared = state.downgrades.get(window)
        if state.switch or (spared and abs(now.wall - spared.since) <= SETTLED):
            if event.live:
                self._continue(event.session, session, now.wall)
        elif not state.question and (new or event.live):
            self._tell(event.session, self._why_not(), until_switch=True)

    def _named(self, window: str, resets_at: float) -> str:
        """The window that refuses, told once and for all.

        Where nothing was told of it before, one that resets within five hours is taken for the
        five-hour one, another for the weekly one.
        """
        if window not in UNNAMED or window in self.rules.windows:
            return window
        windows = self.state.windows.items()
        told = {name: each for name, each in windows if _near(each.resets_at, resets_at)}
        if told:
            return max(told, key=lambda name: told[name].percentage)
        left = resets_at - self.now.wall
        return window if left > WEEK else "five_hour" if left <= FIVE_HOURS else "seven_day"

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

    def failed(self, event: Failed) -> None:
        """The plan's servers fail: several times in a row is an outage, if the user wants so."""
        state, now = self.state, self.now
        if state.switch or self.rules.policy(OUTAGE).does == "wait":
            return
        session = self._session(event.session)
        if event.failure in session.answered:
            return
        _answer(session, event.failure)
        session.stalled, session.continued_at = True, None
        state.outages += 1
        if state.outages >= FAILURES and OUTAGE not in state.limits:
            self._close(state.limits, OUTAGE, now.wall + PAUSE)
            self._record("outage", session=event.session)
            self.settle()
            if state.switch:
                self._continue(event.session, session, now.wall)

    def answering(self) -> None:
        """The plan's servers answer, unless it was a provider; beyond a limit it's extra usage."""
        state = self.state
        if state.switch:
            return
        state.outages = 0
        self._open({OUTAGE})
        told_before = self.now.wall - ON_ITS_WAY
        beyond = {
            name for name in _beyond(state, self.now) if state.windows[name].seen_at <= told_before
        }
        if beyond and not _measured(state, self.now):  # else a provider may have answered
            state.extra_usage = True
            state.near = {w: r for w, r in state.near.items() if w not in beyond}
            self._record("extra_usage", window=min(beyond))

    def told(self, event: Told) -> None:
        """Keep what is news: a session that has been idle since before a reset tells old ones.

        Within one window the higher figure counts, unless the same source has told both.
        """
        state = self.state
        if event.extra_usage is not None and event.extra_usage != state.extra_usage:
            state.extra_usage = event.extra_usage
            if event.extra_usage:
                self._record("extra_usage")
        for name, window in event.windows.items():
            known = state.windows.get(name)
            if window.resets_at > self.now.wall + KEEP:
                continue
            if known and window.resets_at < known.resets_at - SAME:
                continue
            if _near(state.others.get(name), window.resets_at):
                continue  # a session that has been idle since another account was signed in
            if known and _fallen(known, window) and event.session not in {None, known.session}:
                continue
            if window.resets_at > state.closed.get(name, inf) + SAME:
                self._open({name})  # the next one has begun
            state.windows[name] = window.model_copy(update={"session": event.session})
            self._compare(name, window)
            self._announce(name, window)

    def _compare(self, name: str, window: Window) -> None:
        """Close a window before it refuses, and open it again once it is well below."""
        state, left = self.state, window.resets_at - self.now.wall
        policy = self.rules.policy(name)
        beyond = state.extra_usage and window.percentage >= 100  # noqa: PLR2004 - percent
        if left <= LEAD or policy.does == "wait" or beyond:
            return
        if window.percentage >= policy.switch_at and name not in state.closed:
            if _near(state.ended.get(name), window.resets_at):
                return  # it has reset, by the clock that nobody can set
            self._close(state.near, name, window.resets_at)
            self._record("threshold", window=name, resets_at=window.resets_at)
        elif window.percentage <= policy.back_at:
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

    def metered(self, event: Metered) -> None:
        """Book what was spent since the last look."""
        meter = self.state.meter
        if meter is None or meter.since != event.since:
            return  # measured for an earlier switch
        self.state.unmeasured = False
        for session, total in event.dollars.items():
            more = total - meter.sessions.get(session, 0.0)
            if more > 0:
                meter.sessions[session] = total
                budget.spend(self.state, session, more, self.now)
        self._put_the_meter_away()

    def _put_the_meter_away(self) -> None:
        if not self.state.closed and not _measured(self.state, self.now):
            self.state.meter, self.state.unmeasured = None, False

    def estimated(self, event: Estimated) -> None:
        """The price of going on, for the question."""
        if self.state.question:
            self.state.question.take_over = event.take_over
            self.state.question.per_hour = event.per_hour

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

    def answered(self, event: Answered) -> None:
        """The user's word on all windows that are closed, and may only be paid for with it."""
        state = self.state
        asked, provider = self._meant(), self._offer()
        if state.question and state.question.provider in self.rules.offered:
            provider = state.question.provider  # though a better one has come back since
        for window, resets_at in asked.items():
            limit = window in state.limits
            state.answers[window] = Answer(
                word=event.word, resets_at=resets_at, limit=limit, provider=provider
            )
        if not asked:
            return
        yes = event.word == "yes"
        # Earlier ones are superseded: an allowance belongs to one answer.
        earlier = state.answers.items()
        state.answers = {w: a for w, a in earlier if w in asked or a.word != "yes"}
        state.allowance = Allowance(dollars=event.dollars, since=self.now.wall) if yes else None
        state.hold = state.hold and not (yes or state.switch)
        window = max(asked, key=asked.__getitem__)
        self._record("answer", window=window, reason=event.word, dollars=event.dollars)
        self.settle()
        if event.session:
            self.resumed(event.session)

    def resumed(self, name: str) -> None:
        """Let a stalled turn go on, once."""
        session = self._session(name)
        if session.stalled and self.state.switch:
            self._continue(name, session, self.now.wall)

    def signed_in(self, account: str) -> None:
        """Another account has windows, limits and answers of its own."""
        state = self.state
        if state.account and state.account != account:
            state.others = {name: window.resets_at for name, window in state.windows.items()}
            state.others |= state.closed
            self._open(state.closed)
            state.windows, state.announced, state.ended, state.answers = {}, {}, {}, {}
            state.extra_usage, state.outages = False, 0
            self._record("account")
            if state.switch and not state.hold:
                self._revert("account")
        state.account = account

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
        if name in state.sessions:
            self._session(name).stalled = False
        self.settle()  # what has ended isn't asked any more
        if state.switch and budget.barred(state, name, self.rules.caps):
            self.actions.append(Bar(BARRED))
        self.actions += [Say(notice.text) for notice in state.notices if notice.session == name]
        state.notices = [notice for notice in state.notices if notice.session != name]
        if state.question and name not in state.question.told:
            state.question.told.append(name)
            self.actions.append(Ask())

    # What follows.

    def _reason(self, window: str) -> Literal["limit", "threshold"]:
        return "limit" if window in self.state.limits else "threshold"

    def _does(self, window: str) -> str:
        return self.rules.policy(window).does

    def _asks(self, window: str, resets_at: float) -> bool:
        """Whether the user's word on a window is missing."""
        if self._does(window) != "ask":
            return False
        answer = self.state.answers.get(window)
        if answer is None or not _near(answer.resets_at, resets_at):
            return True
        if answer.word == "yes":
            return answer.provider in self.state.failed  # the word was for another bill
        return answer.word == "wait" and not answer.limit and window in self.state.limits

    def _meant(self) -> dict[str, float]:
        """What the user's word is about: what is asked, and what resets no later than that."""
        state = self.state
        closed = {w: r for w, r in state.closed.items() if self._does(w) == "ask"}
        refusing = [r for w, r in closed.items() if w in state.limits]
        latest = max(refusing) if refusing else min(closed.values(), default=0.0)
        if state.question:
            latest = state.question.resets_at
        return {w: r for w, r in closed.items() if r <= latest + SAME}

    def _offer(self) -> str | None:
        """Who is billed, or would be, as far as nobody has read the key."""
        switch, failed = self.state.switch, self.state.failed
        if switch:
            return switch.provider
        return next((p for p in self.rules.offered if p not in failed), None)

    def _consent(self, window: str, resets_at: float) -> None:
        """The configuration's yes, where nobody can be asked."""
        self.state.answers[window] = Answer(word="yes", resets_at=resets_at, limit=True)
        self.state.allowance = self.state.allowance or Allowance(since=self.now.wall)
        self._record("answer", window=window, reason="yes", text="nobody can be asked")

    def _may_be_paid(self, window: str, resets_at: float) -> bool:
        does = self._does(window)
        if does != "ask":
            return does == "switch"
        state, answer = self.state, self.state.answers.get(window)
        if not answer or answer.word != "yes" or not _near(answer.resets_at, resets_at):
            return False
        if state.switch and answer.provider not in {None, state.switch.provider}:
            return False
        return bool(state.allowance and answer.provider not in state.failed)

    def _payable(self) -> dict[str, float]:
        """Closed windows that may be paid for; none while one that refuses may not."""
        state = self.state
        if state.allowance and _spent(state.allowance):
            return {}
        closed = {w: r for w, r in state.closed.items() if w not in state.downgrades}
        payable = {w: r for w, r in closed.items() if self._may_be_paid(w, r)}
        barred = [w for w in closed if w in state.limits and w not in payable]
        return {} if barred else payable

    def _why_back(self) -> str:
        if not self.state.closed:
            return "utilization"
        if self.state.stopped or (self.state.allowance and _spent(self.state.allowance)):
            return "budget"
        return "off" if self.rules.mode in NEVER else "answer"

    def _mind_the_budget(self) -> None:
        """Tell of caps that come near; return to the plan when one is used up."""
        state = self.state
        caps = budget.caps(state, self.rules.caps, self.now)
        for cap in caps:
            key = f"{cap.per} {cap.instance} {cap.dollars} {cap.used_up}"
            if not cap.short or key in state.warned:
                continue
            state.warned = [*state.warned, key][-ANSWERED * 4 :]
            reason = "used up" if cap.used_up else "near"
            text = f"${cap.spent:.2f} of ${cap.dollars:.2f} are spent ({WORDS[cap.per]})."
            self._record("budget", reason=reason, dollars=cap.spent, text=text)
            for session in state.meter.sessions if state.meter else ():
                self._tell(session, f"{text} {MORE[cap.per]}" if cap.used_up else text)
        used_up = [cap.per for cap in caps if cap.used_up]
        general = [per for per in used_up if per != "answer"]
        general += ["unmeasured"] if state.unmeasured and caps else []
        state.stopped = general[0] if general else None
        if general and state.switch:
            state.hold = False
            self._revert("budget")

    def _spare(self) -> None:
        """Work with other models while a window is closed whose policy is to downgrade."""
        state = self.state
        wanted = {
            window: self._downgrade(window, does.removeprefix(DOWNGRADE), resets_at)
            for window, resets_at in state.closed.items()
            if (does := self._does(window)).startswith(DOWNGRADE)
        }
        before, after = _models(state.downgrades), _models(wanted)
        for window in sorted(before.items() - after.items()):
            self._record("restore", window=window[0])
        for window in sorted(after.items() - before.items()):
            until = wanted[window[0]].resets_at
            self._record("downgrade", window=window[0], resets_at=until, text=window[1])
        state.downgrades = wanted
        if before != after:
            self._change()
            if not after and not state.switch:
                state.tidy_at = self.now.wall + TIDY_AFTER

    def _downgrade(self, window: str, model: str, resets_at: float) -> Downgrade:
        known = self.state.downgrades.get(window)
        since = known.since if known and known.model == model else self.now.wall
        return Downgrade(model=model, resets_at=resets_at, since=since)

    def _ask(self) -> None:
        """Ask about what is closed, as long as somebody could be billed."""
        state = self.state
        closed = state.near | state.limits if not state.switch else {}
        asked = {w: r for w, r in closed.items() if self._asks(w, r)}
        provider = self._offer()
        waits = any(self._does(window) == "wait" for window in state.limits)
        if not asked or not provider or waits or state.hold or state.stopped:
            state.unsettled |= state.question is not None  # its clock goes, too
            state.question = None
            return
        window = max(asked, key=lambda name: (name in state.limits, asked[name]))
        reason = self._reason(window)
        known = state.question
        if known and (known.window, known.reason) == (window, reason):
            known.resets_at, known.provider = asked[window], provider
            return
        state.question = Question(
            window=window,
            resets_at=asked[window],
            reason=reason,
            provider=provider,
            since=self.now.wall,
        )
        self._record(
            "question", window=window, resets_at=asked[window], provider=provider, reason=reason
        )

    def _close(self, closed: dict[str, float], window: str, resets_at: float) -> None:
        """A window refuses, or would soon, until its reset: by whichever clock has it first."""
        state, end = self.state, self.now.boot + resets_at - self.now.wall
        same = _near(state.closed.get(window), resets_at)
        state.ends[window] = min(end, state.ends.get(window, end)) if same else end
        closed[window] = resets_at

    def _open(self, gone: Collection[str]) -> None:
        """Windows that have reset."""
        state = self.state
        state.ends = {w: end for w, end in state.ends.items() if w not in gone}
        state.limits = {w: r for w, r in state.limits.items() if w not in gone}
        state.near = {w: r for w, r in state.near.items() if w not in gone}
        state.answers = {w: a for w, a in state.answers.items() if w not in gone}

    def _echo(self, event: Limited, session: Session) -> None:
        """A limit whose reset has come: the clocks differ a little, or the text is rounded."""
        reset, now = event.resets_at or 0.0, self.now.wall
        late = reset <= now - PATIENCE or _near(session.retried, reset)
        if self.rules.mode not in NEVER and event.live and not late:
            session.retried = reset
            # Where the wall clock was set back, the reset has come though it lies ahead.
            self._continue(event.session, session, min(reset, now + LEAD) + GRACE)

    def _continue(self, name: str, session: Session, at: float) -> None:
        if self.state.switch and budget.barred(self.state, name, self.rules.caps):
            self._tell(name, BARRED)
            return
        session.continued_at, session.stalled = self.now.wall, False
        self._record("continue", provider=self.state.billing, session=name)
        self.actions.append(Continue(name, at))

    def _cover(self, payable: Mapping[str, float]) -> None:
        """Bill a provider for as long as the plan refuses."""
        state, switch = self.state, self.state.switch
        window = max(payable, key=payable.__getitem__)
        if switch:
            switch.window, switch.resets_at = window, payable[window]
            return
        asked = {window for window in payable if self._does(window) == "ask"}
        named = {answer.provider for window, answer in state.answers.items() if window in asked}
        for provider in self.rules.usable:
            if provider not in state.failed and named <= {provider, None}:
                self._switch(provider, self._reason(window), window, payable[window])
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
            }
        )
        self.state.meter = Meter(provider=provider, since=self.now.wall)
        self.state.notices = [kept for kept in self.state.notices if not kept.until_switch]
        self.state.tidy_at = None  # what an earlier revert has emptied stays until the next one
        self._change()
        self._record("switch", provider=provider, window=window, resets_at=resets_at, reason=reason)

    def _revert(self, reason: str) -> None:
        switch = self.state.switch
        if not switch:
            return
        meter = self.state.meter
        self.state.switch = None
        if meter:
            meter.until = self.now.wall
        self._change()
        self.state.tidy_at = self.now.wall + TIDY_AFTER
        self._record(
            "revert",
            provider=switch.provider,
            window=switch.window,
            reason=reason,
            dollars=sum(meter.sessions.values()) if meter else None,
        )

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
        state = self.state
        if state.hold:
            reason = "and you chose the subscription. To go on: ccfb use auto"
        elif state.stopped:
            reason = f"and the budget is used up ({WORDS[state.stopped]}). {MORE[state.stopped]}"
        elif state.allowance and _spent(state.allowance):
            reason = f"and what you allowed is used up. {MORE['answer']}"
        elif self.rules.mode in NEVER:
            reason = "and nothing is switched. To be asked: ccfb config set mode ask"
        elif any(answer.word != "yes" for answer in state.answers.values()):
            reason = "and you didn't want to go on. If you do now: ccfb yes"
        elif self.rules.offered or self.rules.usable:
            reason = "and its policy is to wait. To go on: ccfb use PROVIDER"
        else:
            reason = "and no provider is usable. Why: ccfb status"
        return f"The plan's limit was hit, {reason}"

    def _record(self, event: str, *, text: str | None = None, **fields: object) -> None:
        self.state.last_id += 1
        fields["text"] = text and text[:LENGTH]
        entry = {"id": self.state.last_id, "at": self.now.wall, "event": event, **fields}
        self.state.unwritten.append(Entry.model_validate(entry))
        self.state.unsettled = True


def _near(known: float | None, told: float) -> bool:
    """Whether two tellings are of the same reset."""
    return known is not None and abs(known - told) <= SAME


def _answer(session: Session, failure: str) -> None:
    """Remember that a failed turn was answered."""
    session.answered = [*session.answered, failure][-ANSWERED:]


def _fallen(known: Window, told: Window) -> bool:
    """Whether a window is told to be less used than it was known to be."""
    return _near(known.resets_at, told.resets_at) and told.percentage < known.percentage


def _beyond(state: State, now: Moment) -> set[str]:
    """Windows that are used up and don't refuse, as far as nobody knows why."""
    return {
        name
        for name, window in state.windows.items()
        if window.percentage >= 100  # noqa: PLR2004 - percent
        and window.resets_at > now.wall
        and name not in state.limits
        and not state.extra_usage
    }


def _spent(allowance: Allowance) -> bool:
    """Whether nothing is left of what the user has allowed."""
    return allowance.dollars is not None and allowance.spent >= allowance.dollars - budget.CENT


def _measured(state: State, now: Moment) -> bool:
    """Whether requests are billed to a provider, or may still be on their way."""
    meter = state.meter
    return meter is not None and (meter.until is None or now.wall <= meter.until + FLIGHT)


def _models(downgrades: Mapping[str, Downgrade]) -> dict[str, str]:
    return {window: downgrade.model for window, downgrade in downgrades.items()}


def _next(name: str, window: Window, rules: Rules) -> float:
    """The percentage at which a window is of interest again."""
    switch_at = rules.policy(name).switch_at
    step = (window.percentage // STEP + 1) * STEP
    points = [point for point in (*rules.alert_at, switch_at) if point > window.percentage]
    return min([step, *points])


def _wake(state: State, rules: Rules, now: Moment) -> Wake:
    switch, question, models = state.switch, state.question, _models(state.downgrades)
    until = switch.window if switch and switch.resets_at is not None else None
    windows = {*state.downgrades, until}
    windows.add(question.window if question else None)
    closed = {w: r for w, r in state.closed.items() if w in windows}
    moments = [state.tidy_at] if state.tidy_at is not None else []
    moments += [resets_at - LEAD for resets_at in closed.values()]
    wake = Wake(
        at=min(moments, default=None),
        boot_at=min((state.ends[w] - LEAD for w in closed if w in state.ends), default=None),
        unsettled=state.unsettled,
        windows={
            name: {
                "resets_at": window.resets_at,
                "percentage": _next(name, window, rules),
            }
            for name, window in state.windows.items()
        },
        sessions=sorted({notice.session for notice in state.notices}),
        lost=sorted(name for name, kept in state.sessions.items() if kept.nudges > NUDGES),
        settled_at=state.settled_at,
        model="" if switch else " ".join(f"{w}:{m}" for w, m in sorted(models.items())),
        asked=question is not None,
        metered=_measured(state, now),
        capped=bool(budget.caps(state, rules.caps, now)),
        costs=state.wake.costs if state.meter else {},
        failing=state.outages > 0 or bool(_beyond(state, now)),
        look_at=state.wake.look_at,
        told_at=state.wake.told_at,
        terminal=state.wake.terminal,
        config=state.wake.config,
        line=_line(state, rules, now),
    )
    if switch:
        wake.marker = switch.provider
        wake.resets_at = switch.resets_at
    return wake


def _line(state: State, rules: Rules, now: Moment) -> dict[str, object]:
    """What the status line shows beyond the client's own figures."""
    cap = next(iter(budget.caps(state, rules.caps, now)), None)
    meter = state.meter.sessions.values() if state.meter and state.switch else ()
    windows = {
        name: {"percentage": window.percentage, "resets_at": window.resets_at}
        for name, window in state.windows.items()
        if window.resets_at > now.wall
    }
    used_up = state.allowance and _spent(state.allowance)
    return {
        "spent": cap.spent if cap else sum(meter),
        "cap": cap.dollars if cap else None,
        "per": cap.per if cap else None,
        "question": state.question.model_dump(exclude={"told", "since"})
        if state.question
        else None,
        "windows": windows,
        "downgraded": _models(state.downgrades),
        "extra_usage": state.extra_usage,
        "stopped": state.stopped or ("answer" if used_up else None),
    }
