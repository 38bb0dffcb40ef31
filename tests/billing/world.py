"""A world in which people work: plans, sessions, providers, wrong clocks, an engine that dies.

What is true here is kept apart from the machine, which only hears what a real one would: events,
two clocks, and its own state as it was last saved. Seconds and dollars throughout.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from math import inf
from typing import Any, NamedTuple

from billing.auditor import Auditor, BrokenError, Clocks, Sender
from ccfb.billing import machine
from ccfb.billing.events import (
    Action,
    Answered,
    Answering,
    Ask,
    Bar,
    Chosen,
    Continue,
    Event,
    Failed,
    Limited,
    Metered,
    Nudge,
    Prompted,
    Refused,
    Resumed,
    SignedIn,
    Strayed,
    Tick,
    Tidy,
    Told,
    Unmeasured,
    Word,
)
from ccfb.billing.model import Entry, Moment, State, Window
from ccfb.billing.rules import Rules
from ccfb.client.overrides import SLOW_CLOCK

Advance = Callable[[State, Event, Rules, Moment], tuple[State, list[Action]]]

START = 1_800_000_000.0
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
WEEK = 7 * DAY
PROVIDERS = ("anthropic", "openrouter")
FULL = 100.0

RELOAD = (1.03, 1.34)
"""Until a session takes up changed settings."""

ATTEMPTS, ATTEMPT = 3, 1.5
"""How often, and how long, the engine waits for a session to do so."""

KEY = 10.0
"""How long a session keeps a key."""

WATCHED = 4.0
"""From which age on a session surely notices changed settings."""

REQUEST, TOOL = (1.0, 15.0), (0.1, 2.0)
"""Until a request is answered, and from then until the next one."""

FAILING = 0.4
"""Until a request that is refused has ended its turn."""

TRAIL = 60
"""Lines that are shown where a promise was broken."""


class KilledError(Exception):
    """The engine was killed somewhere between two writes."""


class Settings(NamedTuple):
    """What stands in the client's settings."""

    provider: str = ""
    model: str = ""


@dataclass
class Quota:
    """One window of a plan."""

    length: float
    share: float
    """Percent that a request uses."""
    resets_at: float = 0.0
    used: float = 0.0


@dataclass
class Plan:
    """What one account may use."""

    account: str
    windows: dict[str, Quota]
    credits: int = 0
    """Requests that are answered beyond the limits."""

    def passes(self, now: float) -> None:
        """Windows reset: the shortest begins with its next request, the others at once."""
        for name, quota in self.windows.items():
            if quota.resets_at <= now:
                begins = now if name == "five_hour" else quota.resets_at
                lengths = (now - begins) // quota.length + 1
                quota.resets_at = float(int(begins + lengths * quota.length))
                quota.used = 0.0

    def refuses(self, model: str, now: float) -> str | None:
        """The window that refuses a request, if any; of several, the one that does for longest."""
        self.passes(now)
        full = [w for w, quota in self.windows.items() if quota.used >= FULL and counts(w, model)]
        if not full or self.credits:
            return None
        return max(full, key=lambda name: self.windows[name].resets_at)

    def answers(self, model: str, size: float) -> None:
        """A request was answered."""
        counting = [quota for name, quota in self.windows.items() if counts(name, model)]
        if self.credits and any(quota.used >= FULL for quota in counting):
            self.credits -= 1
        for quota in counting:
            quota.used += size * quota.share

    def tells(self, now: float, *names: str) -> dict[str, Window]:
        """How far its windows are used up."""
        return {
            name: Window(percentage=quota.used, resets_at=quota.resets_at, seen_at=now)
            for name, quota in self.windows.items()
            if name in names and quota.resets_at > now
        }


def counts(window: str, model: str) -> bool:
    """Whether a model's requests count in a window."""
    return window != "seven_day_opus" or model.startswith("opus")


@dataclass(eq=False)
class Session:
    """One run of the client."""

    name: str
    kind: str
    """`interactive`, driven over a `stream`, or just `once`."""
    model: str
    opened: float
    settings: Settings
    state: str = "idle"
    """Or `working`, `waiting` for its settings, `stalled`, `closed`."""
    left: int = 0
    """Requests until its turn ends."""
    began: float = 0.0
    missed: bool = False
    """It hasn't noticed a change of settings."""
    patient: bool = False
    """It is stalled, and its hook waits for the user's word."""
    key_at: float = -inf
    seen: dict[str, Window] = field(default_factory=dict)
    """What the plan has told it last."""

    @property
    def sender(self) -> Sender:
        late = self.kind != "interactive" or self.missed
        return Sender(self.name, KEY + 2.0 if late else 0.0, self.began)


@dataclass(frozen=True)
class User:
    """Somebody's habits."""

    name: str
    minds: tuple[Rules, ...]
    """What they want first, and what else they may come to want."""
    words: tuple[Word | None, ...] = ("yes", "no", "wait", None)
    """What they answer; None: nothing."""
    headless: float = 0.3
    """The share of headless runs among their sessions."""
    trouble: float = 1.0
    """How often something unusual happens, compared with others."""
    often: str = ""
    """What happens every other day."""


class World:
    """See above.

    Args:
        user: Who works here.
        seed: The same one gives the same world.
        advance: The machine, or one that breaks a rule.
    """

    def __init__(self, user: User, seed: int, advance: Advance = machine.advance) -> None:
        self.user, self.seed, self.advance = user, seed, advance
        self.random = random.Random(f"{user.name} {seed}")
        self.clocks = Clocks(START, booted=START - 5_000.0)
        self.auditor = Auditor(self.clocks, user.minds[0])
        self.todo: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self.numbers = count(1)
        self.plans = [self._plan(account) for account in ("mine", "other")]
        self.plan = self.plans[0]
        self.sessions: dict[str, Session] = {}
        self.disk, self.settings = State(), Settings()
        self.rows: list[Limited] = []
        """Failed turns that no hook told of: they are found in the transcripts later."""
        self.unnamed: dict[float, str] = {}
        """Windows that were told of without a name, by their reset."""
        self.costs: dict[str, float] = {}
        self.costs_before: dict[str, float] = {}
        """Up to the last switch."""
        self.broke: dict[str, float] = {}
        """Providers without credit, and until when."""
        self.down_until = self.unreadable_until = 0.0
        self.look_at = 0.0
        self.alarm = 0
        self.pondered: tuple[str, float, str] | None = None
        """The question that the user has thought about last."""
        self.last_id = 0
        self.trail: deque[str] = deque(maxlen=TRAIL)

    def lives(self, days: int) -> None:
        """Let days pass.

        Raises:
            BrokenError: A promise was broken; its notes say how to see it again.
        """
        for day in range(days):
            try:
                self._plans_a_day()
                self._runs(START + (day + 1) * DAY)
            except BrokenError as error:
                error.add_note(f"World({self.user.name!r}, seed={self.seed}), day {day}:")
                error.add_note("\n".join(self.trail))
                raise

    # Time.

    @property
    def now(self) -> float:
        return self.clocks.now

    @property
    def moment(self) -> Moment:
        """What the machine takes for now."""
        return Moment(self.clocks.wall, self.now - self.clocks.booted, self.clocks.offset)

    def after(self, seconds: float, what: Callable[..., object], *args: Any) -> None:
        """Have something happen later."""
        heapq.heappush(self.todo, (self.now + seconds, next(self.numbers), what, args))

    def some(self, low: float, high: float) -> float:
        return self.random.uniform(low, high)

    def happens(self, chance: float) -> bool:
        return self.random.random() < chance

    def _runs(self, until: float) -> None:
        while self.todo and self.todo[0][0] < until:
            self.clocks.now, _, what, args = heapq.heappop(self.todo)
            what(*args)
        self.clocks.now = until

    def _plan(self, account: str) -> Plan:
        week = START + self.some(0, WEEK)
        windows = {
            "five_hour": Quota(5 * HOUR, 14.0),
            "seven_day": Quota(WEEK, 1.4, week),
            "seven_day_opus": Quota(WEEK, 3.0, week + HOUR),
        }
        return Plan(account, windows)

    def _plans_a_day(self) -> None:
        for _ in range(self.random.randint(1, 2)):
            burst = self.some(6 * HOUR, 22 * HOUR)
            self.after(burst, self.opens)
            for _ in range(self.random.randint(2, 4)):
                self.after(burst + self.some(10, 3 * HOUR), self.works)
        unusual = {
            self.glances: 1.0,
            self.minds_otherwise: 0.08,
            self.chooses: 0.06,
            self.says_it_unasked: 0.05,
            self.sets_the_clock: 0.04,
            self.starts_anew: 0.04,
            self.runs_out_of_credit: 0.05,
            self.breaks_down: 0.06,
            self.hides_costs: 0.04,
            self.signs_in: 0.02,
            self.travels: 0.02,
            self.is_generous: 0.02,
            self.sells_extra_usage: 0.02,
        }
        for what, chance in unusual.items():
            often = what.__name__ == self.user.often
            if self.happens(0.5 if often else chance * self.user.trouble):
                self.after(self.some(6 * HOUR, DAY), what)

    # What is unusual.

    def minds_otherwise(self) -> None:
        """`ccfb config set`."""
        self.auditor.minds(self.random.choice(self.user.minds))
        self.engine(Tick())

    def chooses(self) -> None:
        """`ccfb use`, and back after a while."""
        self.engine(Chosen(self.random.choice([*PROVIDERS, "subscription"])))
        self.after(self.some(MINUTE, 8 * HOUR), self.engine, Chosen("auto"))

    def says_it_unasked(self) -> None:
        """`ccfb yes`, long after the question, or before."""
        self._answers_now(None)

    def sets_the_clock(self) -> None:
        """A wall clock that is wrong for some hours."""
        self._skews(self.random.choice([-DAY, -HOUR, -MINUTE, MINUTE, HOUR, DAY]))
        self.after(self.some(MINUTE, 30 * HOUR), self._skews, 0.0)

    def _skews(self, seconds: float) -> None:
        self.clocks.skew = seconds
        for closed in self.auditor.closed.values():
            closed.doubtful = True
        self._log(f"the wall clock is {seconds:.0f} s ahead")
        self._sets_the_alarm()

    def starts_anew(self) -> None:
        """A computer that is started anew: what was running is gone."""
        for session in list(self.sessions.values()):
            self.closes(session)
        self.clocks.booted, self.clocks.boot = self.now - 10.0, self.clocks.boot + 1
        self._log("the computer was started anew")

    def runs_out_of_credit(self) -> None:
        """A provider that refuses for a while."""
        self.broke[self.random.choice(PROVIDERS)] = self.now + self.some(HOUR, DAY)

    def breaks_down(self) -> None:
        """The plan's servers fail for a while."""
        self.down_until = self.now + self.some(HOUR, 6 * HOUR)

    def hides_costs(self) -> None:
        """Nobody can tell what was spent, for a while."""
        self.unreadable_until = self.now + self.some(5 * MINUTE, 2 * HOUR)

    def signs_in(self) -> None:
        """The other account is used from now on."""
        self.plan = self.plans[self.plan is self.plans[0]]
        self._log(f"signed in as {self.plan.account}")

    def travels(self) -> None:
        """Midnight is at another time."""
        self.clocks.offset = self.random.choice([-8, 0, 2, 9]) * HOUR

    def is_generous(self) -> None:
        """A plan whose window is reset ahead of time."""
        name = self.random.choice(["five_hour", "seven_day"])
        quota = self.plan.windows[name]
        quota.resets_at, quota.used = float(int(self.now + quota.length)), 0.0
        self._log(f"{name} was reset ahead of time")

    def sells_extra_usage(self) -> None:
        """The plan goes on beyond its limits, for some requests."""
        self.plan.credits = self.random.randint(1, 20)

    # Sessions that work.

    def opens(self) -> None:
        """A session starts, and an earlier one ends."""
        if self.sessions and self.happens(0.65):
            return
        idle = [each for each in self.sessions.values() if each.state in {"idle", "stalled"}]
        if len(self.sessions) > 2 and idle:
            self.closes(self.random.choice(idle))
        headless = self.happens(self.user.headless)
        kind = self.random.choice(["stream", "once"]) if headless else "interactive"
        model = self.random.choice(["opus", "sonnet"])
        session = Session(f"s{next(self.numbers)}", kind, model, self.now, self.settings)
        self.sessions[session.name] = session
        self.engine(Tick())
        session.settings = self.settings
        self._sets_the_alarm()
        if kind == "once":
            self.after(1.0, self.begins, session)

    def closes(self, session: Session) -> None:
        """A session ends."""
        session.state = "closed"
        self.sessions.pop(session.name, None)
        self._sets_the_alarm()

    def works(self) -> None:
        """The user prompts in one of the sessions."""
        free = [each for each in self.sessions.values() if each.kind != "once"]
        if free:
            self.begins(self.random.choice(free))

    def glances(self) -> None:
        """The status line of an idle session is drawn: it tells what it was told last."""
        session = self._clock()
        if session and (self._climbed(session) or self.needed(session)):
            self.hook(session, Told(session.seen, session.name))

    def begins(self, session: Session) -> None:
        """A prompt."""
        if session.state not in {"idle", "stalled"}:
            return
        wake, actions = self.disk.wake, list[Action]()
        if wake.asked or wake.marker or session.name in wake.sessions or self.needed(session):
            actions = self.hook(session, Prompted(session.name))
        if any(isinstance(action, Bar) for action in actions):
            return
        if Ask() in actions and session.kind == "interactive":
            self._ponders(self.some(1, 20))
        session.left, session.patient = self.random.randint(2, 4), False
        killed = self.now == self.clocks.killed_at  # hooks fail open: nobody has looked at it
        session.began = -inf if killed else self.now
        self.goes(session)

    def goes(self, session: Session, attempt: int = 0) -> None:
        """A turn starts, or goes on, once its session has the settings that it should have."""
        if session.state == "closed":
            return
        wake = self.disk.wake
        on_course = session.settings == (wake.marker, wake.model)
        if not on_course and attempt < ATTEMPTS:
            session.state = "waiting"
            if attempt:
                self._nudges()
            self.after(ATTEMPT, self.goes, session, attempt + 1)
        elif not on_course and not wake.marker:
            session.state = "idle"  # the prompt is blocked
        else:
            session.state = "working"
            self.sends(session)

    def sends(self, session: Session) -> None:
        """A request goes out, to whom the session takes to be billed."""
        if session.state != "working":
            return
        provider, downgraded = session.settings
        if not provider:
            self._sends_to_the_plan(session, downgraded.partition(":")[2] or session.model)
        elif not self._has_a_key(session, provider):
            self.after(FAILING, self._refused, session, provider, "no key")
        elif self.now < self.broke.get(provider, 0.0):
            self.after(FAILING, self._refused, session, provider, "no credit")
        else:
            self.auditor.bills(session.sender, provider)
            cost, windows = self.some(0.02, 0.8), self.auditor.windows()
            self.after(self.some(*REQUEST), self._billed, session, cost, windows)

    def _sends_to_the_plan(self, session: Session, model: str) -> None:
        why = "down" if self.now < self.down_until else self.plan.refuses(model, self.now)
        if why and session.kind != "once":  # those have read their settings at the start
            self.auditor.refuses(session.sender, why)
        if why == "down":
            self.after(FAILING, self._failed, session)
        elif why:
            resets_at = self.plan.windows[why].resets_at
            self.after(FAILING, self._limited, session, why, resets_at)
        else:
            self.after(self.some(*REQUEST), self._answered, session, self.plan, model)

    def _has_a_key(self, session: Session, provider: str) -> bool:
        """Whether the helper hands one out; in sessions without a status line it is the clock."""
        if self.now <= session.key_at + KEY:
            return True
        due = self.disk.wake.marker != provider or self._due()
        self.engine(Tick() if due else None)
        session.key_at = self.now
        return self.disk.wake.marker == provider and self.now != self.clocks.killed_at

    def _billed(self, session: Session, cost: float, windows: list[str]) -> None:
        if session.state != "closed":  # else nobody knows what it has cost
            self.costs[session.name] = self.costs.get(session.name, 0.0) + cost
            self.auditor.books(session.sender, windows, cost)
            self._log(f"{session.name} cost ${cost:.2f}")
            self._goes_on(session)

    def _answered(self, session: Session, plan: Plan, model: str) -> None:
        plan.answers(model, self.some(0.5, 1.5))
        if session.state != "closed":
            session.seen = plan.tells(self.now, "five_hour", "seven_day")
            self._goes_on(session)

    def _goes_on(self, session: Session) -> None:
        """An answer is there: the status line is drawn, and the turn goes on, or ends."""
        if session.kind == "interactive":
            news = self._climbed(session) or self.needed(session)
            self.hook(session, Told(session.seen, session.name) if news else None)
        if self.now > self.look_at:
            self.look_at = self.now + HOUR
            told = self.plan.tells(self.now, *self.plan.windows)
            self.engine(Told(told, extra_usage=self.plan.credits > 0))
        session.left -= 1
        if session.left > 0:
            self.after(self.some(*TOOL), self.sends, session)
            return
        session.state = "idle"
        if self.disk.wake.metered or self.disk.wake.failing or self.needed(session):
            self.hook(session, Answering())
        if session.kind == "once":
            self.closes(session)

    def _climbed(self, session: Session) -> bool:
        known = self.disk.wake.windows
        return any(
            name not in known
            or told.resets_at > known[name]["resets_at"] + MINUTE
            or told.percentage >= known[name]["percentage"]
            for name, told in session.seen.items()
        )

    # Turns that are cut off.

    def _limited(self, session: Session, window: str, resets_at: float) -> None:
        name = window
        if window != "seven_day_opus" and self.happens(0.1):
            name = "plan"
            self.unnamed[resets_at] = window
        failure, once = f"f{next(self.numbers)}", session.kind == "once"
        headless = session.kind != "interactive"
        event = Limited(session.name, failure, name, resets_at, "limit", not once, headless)
        if once:
            self.rows.append(event)
        self._stalls(session, event)
        if self.happens(0.2) and not once:
            self.after(0.3, self.engine, event)

    def _failed(self, session: Session) -> None:
        self._stalls(session, Failed(session.name, f"f{next(self.numbers)}"))

    def _refused(self, session: Session, provider: str, text: str) -> None:
        failure = f"f{next(self.numbers)}"
        self._stalls(session, Refused(session.name, failure, provider, None, text))

    def _stalls(self, session: Session, event: Limited | Failed | Refused) -> None:
        """A turn was cut off: perhaps it goes on by itself."""
        if session.state == "closed":
            return
        if session.kind == "once":
            self.closes(session)
            return
        session.state = "stalled"
        self._continues(session, self.hook(session, event))
        if session.state == "stalled":
            session.patient = self.disk.question is not None
            if isinstance(event, Limited):
                self.auditor.stops(session.sender)

    def _continues(self, session: Session, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Continue):
                session.state, session.patient, session.began = "waiting", False, self.now
                self.auditor.continues(session.name)
                self.after(max(0.0, action.at - self.clocks.wall), self.goes, session)
                return

    def _resumes(self, session: Session) -> None:
        """The hook of a stalled turn sees that somebody is billed now."""
        if session.state == "stalled" and session.patient and self.disk.wake.marker:
            session.patient = False
            self._continues(session, self.engine(Resumed(session.name)))

    # The user's word.

    def _ponders(self, seconds: float) -> None:
        """The user has seen the question, and answers in a while, or never."""
        asked = self.disk.question
        if asked and self.pondered != (asked.window, asked.resets_at, asked.reason):
            self.pondered = (asked.window, asked.resets_at, asked.reason)
            self.after(seconds, self._answers_now, self.pondered)

    def _answers_now(self, asked: tuple[str, float, str] | None) -> None:
        word = self.random.choice(self.user.words)
        if word is None or (asked and not self.disk.question):
            return
        amounts = self.happens(0.6) and word == "yes"
        dollars = self.random.choice([1.0, 2.0, 5.0, 20.0]) if amounts else None
        stalled = [s for s in self.sessions.values() if s.patient and s.state == "stalled"]
        session = self.random.choice(stalled) if stalled and self.happens(0.5) else None
        actions = self.engine(Answered(word, dollars, session.name if session else None))
        if self.now == self.clocks.killed_at:  # nothing is seen to happen
            self.after(5.0, self._answers_now, asked)
        elif session:
            self._continues(session, actions)

    # The engine, as hooks and commands run it.

    def needed(self, session: Session) -> bool:
        """Whether the gate would wake the engine, whatever the hook."""
        return self._due() or self._strayed(session)

    def _due(self) -> bool:
        wake, now = self.disk.wake, self.moment
        by_wall = wake.at is not None and now.wall >= wake.at
        by_boot = wake.boot_at is not None and now.boot >= wake.boot_at
        return wake.unsettled or by_wall or by_boot

    def _strayed(self, session: Session) -> bool:
        wake = self.disk.wake
        return (
            session.kind != "once"
            and session.settings != (wake.marker, wake.model)
            and session.name not in wake.lost
            and self.clocks.wall > wake.settled_at + ATTEMPT
        )

    def hook(self, session: Session, event: Event | None) -> list[Action]:
        """The engine runs in a hook of a session."""
        actions = self.engine(event)
        if self._strayed(session) and Nudge() in self.engine(Strayed(session.name)):
            self._nudges()
        return actions

    def engine(self, event: Event | None) -> list[Action]:
        """One run of the engine. It may be killed: then nobody hears what it has decided."""
        try:
            self._measures()
            while self.rows:
                self.step(self.rows[0])
                del self.rows[0]
            if self.disk.account != self.plan.account:
                self.step(SignedIn(self.plan.account))
            return self.step(event) if event else []
        except KilledError:
            if isinstance(event, Limited):
                self.rows.append(replace(event, live=False))
            return []
        finally:
            self._sets_the_alarm()
            self._ponders(self.random.choice([5.0, MINUTE, HOUR, DAY]))

    def _measures(self) -> None:
        """What sessions have cost since the switch, as their transcripts tell."""
        meter = self.disk.meter
        if meter is None:
            return
        if self.now < self.unreadable_until:
            if self.disk.switch and self.disk.wake.capped:
                self.step(Unmeasured())
            return
        totals = {
            name: cost - self.costs_before.get(name, 0.0)
            for name, cost in self.costs.items()
            if cost > self.costs_before.get(name, 0.0)
        }
        if self.disk.unmeasured or any(
            total > meter.sessions.get(name, 0.0) for name, total in totals.items()
        ):
            self.step(Metered(totals, meter.since))

    def step(self, event: Event) -> list[Action]:
        """One step of the machine, and what is written after it, or only some of that."""
        asked = self.disk.question
        self.auditor.asked = (asked.resets_at, asked.provider) if asked else None
        state, actions = self.advance(self.disk, event, self.auditor.rules, self.moment)
        follows = state.unsettled or Tidy() in actions
        dies = follows and self.happens(0.02)
        where = self.random.choice(["saved", "saved and written", "lost"]) if dies else ""
        self._log(f"{_short(event)} -> {state.billing}; {', '.join(state.closed)} {where}")
        if where == "lost":
            self._dies()
        self.disk = state
        self.auditor.hears(event, self._truly(event))
        self._reads(state.unwritten)
        if follows:
            if where == "saved":
                self._dies()
            self._writes(Settings(state.wake.marker, state.wake.model))
            if where:
                self._dies()
            state.unwritten = []
            state.unsettled = state.wake.unsettled = False
        if self._due():
            raise BrokenError("woken for nothing", f"{state.wake} at {self.moment}")
        self.auditor.settles()
        return actions

    def _dies(self) -> None:
        self.clocks.killed_at = self.now
        self.disk = State.model_validate_json(self.disk.model_dump_json())
        raise KilledError

    def _truly(self, event: Event) -> str | None:
        """The window that is meant by a limit that doesn't tell."""
        unnamed = isinstance(event, Limited) and event.window == "plan"
        return self.unnamed[event.resets_at or 0.0] if unnamed else None  # type: ignore[union-attr]

    def _reads(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.id > self.last_id:
                self.last_id = entry.id
                self._log(f"  {entry.event} {entry.window} {entry.provider} {entry.reason}")
                self.auditor.reads(entry)
                if entry.event == "switch":
                    self.costs_before = dict(self.costs)

    def _writes(self, settings: Settings) -> None:
        if settings == self.settings:
            return
        self.auditor.switches(settings.provider)
        if settings.provider and not self.settings.provider:
            if self.disk.wake.resets_at:  # for which some people wait
                left = self.disk.wake.resets_at - self.clocks.wall
                self.after(max(0.0, left - self.some(0, MINUTE)), self.works)
            for session in self.sessions.values():
                if session.patient:
                    self.after(0.5, self._resumes, session)
        self.settings = settings
        self.disk.settled_at = self.disk.wake.settled_at = self.clocks.wall
        self._nudges()

    def _nudges(self) -> None:
        """The settings were written: sessions that watch them take them up."""
        for session in self.sessions.values():
            if session.kind == "once":
                continue
            if self.now < session.opened + WATCHED and self.happens(0.5):
                session.missed = True
                self.after(ATTEMPT + 1.0, self._follows, session)
            else:
                self.after(self.some(*RELOAD), self._reloads, session)

    def _reloads(self, session: Session) -> None:
        session.settings, session.missed = self.settings, False

    def _follows(self, session: Session) -> None:
        """The status line of a session that has missed a change is drawn."""
        if session.state != "closed" and session.kind == "interactive" and self.needed(session):
            self.hook(session, None)

    def _clock(self) -> Session | None:
        """A session whose status line runs on a clock."""
        clocks = [each for each in self.sessions.values() if each.kind == "interactive"]
        return self.random.choice(clocks) if clocks else None

    def _sets_the_alarm(self) -> None:
        """Have the next such drawing wake the engine when it is due."""
        self.alarm += 1
        wake, clocks = self.disk.wake, self.clocks
        often = wake.marker or wake.asked or wake.unsettled
        if not (often or wake.model) or not self._clock():
            return
        by_wall = inf if wake.at is None else wake.at - clocks.skew
        by_boot = inf if wake.boot_at is None else wake.boot_at + clocks.booted
        due = max(min(by_wall, by_boot) - self.now + self.some(0, 0.05), 0.0)
        if wake.unsettled or self.now == clocks.killed_at:
            due = self.some(0, 1)
        if due < inf:
            due += 0 if often else self.some(0, SLOW_CLOCK)
            self.after(due, self._rings, self.alarm)

    def _rings(self, alarm: int) -> None:
        session = self._clock()
        if session and alarm == self.alarm:
            self.hook(session, Told(session.seen, session.name))

    def _log(self, line: str) -> None:
        self.trail.append(f"{self.now - START:.1f} {line}")


def _short(event: Event) -> str:
    if not isinstance(event, Told):
        return str(event)
    told = (f"{name} {window.percentage:.0f} %" for name, window in event.windows.items())
    return f"Told({event.session}: {', '.join(told)})"
