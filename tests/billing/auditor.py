"""Books of what was said, told and billed, kept beside the machine and without looking into it.

The auditor hears what the machine hears, and is asked about every request. Its times are true
ones: a clock that is wrong is the machine's trouble, as long as another one is right.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Literal, NamedTuple

from ccfb.billing.events import (
    Answered,
    Answering,
    Chosen,
    Event,
    Failed,
    Limited,
    Metered,
    Refused,
    SignedIn,
    Told,
    Unmeasured,
)
from ccfb.billing.machine import FAILURES, LEAD, OUTAGE, PAUSE, REST
from ccfb.billing.model import SUBSCRIPTION, Entry
from ccfb.billing.rules import Rules

RELOAD = 1.4
"""Seconds from a decision until the slowest session has taken it up; what it sends meanwhile
counts as in flight. A reset has no such grace: what it needs is written ahead of it."""

HELPER = 12.0
"""The same for a session without a status line, or that missed a change: until its key ends."""

RESTART = 4.0
"""Seconds that a killed engine costs: until the next look, and the reload."""

SAME = 60.0
"""Seconds by which two tellings of a reset may differ."""

SHORTLY = 0.1
"""Seconds before a reset."""

ALMOST = 3.0
"""Dollars below a cap from which the machine may know better what was spent."""

ROUNDS, ROUND = 20, 60.0
"""Turns that can be cut off in so many seconds without going in circles."""

Promise = Literal[
    "no leave",
    "after the reset",
    "beyond a cap",
    "left on the plan",
    "left lying",
    "asked again",
    "in circles",
    "woken for nothing",
]


class BrokenError(AssertionError):
    """A promise was broken."""

    def __init__(self, promise: Promise, text: str) -> None:
        super().__init__(f"{promise}: {text}")
        self.promise = promise


@dataclass
class Clocks:
    """The time, and what the computer takes for it."""

    now: float
    booted: float
    boot: int = 0
    """How often the computer was started anew."""
    skew: float = 0.0
    """Seconds by which its wall clock is ahead."""
    offset: float = 0.0
    """Seconds by which the user's time is ahead of UTC."""
    killed_at: float = -inf
    """When the engine was last cut off."""

    @property
    def wall(self) -> float:
        return self.now + self.skew

    @property
    def restarting(self) -> bool:
        return self.now < self.killed_at + RESTART


class Sender(NamedTuple):
    """A session, as far as its requests are audited."""

    name: str
    slack: float
    """Seconds that it may be behind, beyond a reload."""
    began: float
    """When its turn began, or went on."""


@dataclass
class Closed:
    """A window that refuses, or nearly does."""

    resets_at: float
    refuses: bool
    doubtful: bool
    """The wall clock was wrong, or the plan has answered although it was full: the machine may
    hold it for open."""
    lag: float
    """Seconds by which the wall clock was behind when this was told."""
    boot: int


class Said(NamedTuple):
    """The user's word about one window."""

    word: str
    window: Closed
    at_limit: bool
    provider: str | None = None
    """Whose bill was asked about; None: anybody's."""


class Cap(NamedTuple):
    """A budget: of which kind, and of which session, window, day or month."""

    per: str
    instance: str


@dataclass
class Auditor:
    """See above."""

    clocks: Clocks
    rules: Rules
    asked: tuple[float, str] | None = None
    """The question that stands in the status line: until which reset, and whose bill."""
    hold: str | None = None
    closed: dict[str, Closed] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    """The last reset that was told of each window."""
    gone: set[tuple[str, float]] = field(default_factory=set)
    """Windows of the account before."""
    said: dict[str, Said] = field(default_factory=dict)
    allowed: float = inf
    """Dollars that are left of the last yes."""
    failures: int = 0
    extra_usage: bool = False
    account: str | None = None
    resting: dict[str, float] = field(default_factory=dict)
    """Providers that have refused, and until when they are left alone."""
    spent: dict[Cap, float] = field(default_factory=dict)
    used_up: dict[Cap, float] = field(default_factory=dict)
    """Since when."""
    lapsed: float = -inf
    """When a word, or the last dollar, has ended what was allowed until then."""
    owed: float | None = None
    """Since when a provider has to be billed."""
    billed: str = ""
    switched_at: float = -inf
    paid_at: dict[str, float] = field(default_factory=dict)
    """When each session has first cost something since then."""
    offset: float = 0.0
    unmeasured: bool = False
    rounds: dict[str, deque[float]] = field(default_factory=dict)
    dollars: float = 0.0
    refusals: int = 0
    seen: set[str] = field(default_factory=set)
    """What has happened at all: a world without it would prove nothing."""

    @property
    def now(self) -> float:
        return self.clocks.now

    @property
    def today(self) -> str:
        """The user's day; who travels has no second one of the same name, nor a longer one."""
        today = self._day(self.offset)
        if Cap("day", today) in self.spent:
            return today
        self.offset = self.clocks.offset
        return self._day(self.offset)

    def _day(self, offset: float) -> str:
        return datetime.fromtimestamp(self.clocks.wall + offset, UTC).date().isoformat()

    # What the machine hears, and says.

    def hears(self, event: Event, truly: str | None = None) -> None:  # noqa: C901 - a table
        """Note an event that the machine has taken in.

        Args:
            event: The event.
            truly: The window that is meant, where the event doesn't name it.
        """
        self.seen.add(type(event).__name__)
        with self._word():
            match event:
                case Limited(resets_at=float(resets_at)):
                    self._limited(event, truly or event.window, resets_at)
                case Told():
                    self._told(event)
                case Failed():
                    self._failed()
                case Answering():
                    self._answering()
                case Chosen():
                    self._chosen(event.target)
                case Answered():
                    self._answered(event)
                case Refused():
                    self._refused(event)
                case Unmeasured():
                    self.unmeasured = self.justified(self.now) and not self.clocks.skew
                case Metered():
                    self.unmeasured = False
                case SignedIn():
                    self._signed_in(event.account)

    def minds(self, rules: Rules) -> None:
        """The user has another mind."""
        with self._word():
            self.rules = rules
            for cap in self.spent:
                self._weigh(cap)

    def reads(self, entry: Entry) -> None:
        """Note a line of the ledger."""
        self.seen.add(entry.event)
        said = self.said.get(entry.window or "") if entry.event == "question" else None
        if said and self.now < said.window.resets_at - SAME and self._stands(said):
            raise BrokenError("asked again", f"{entry.window}: {said}")

    def switches(self, provider: str) -> None:
        """The settings bill a provider from now on, or none."""
        if provider and not self.billed:
            self.switched_at, self.paid_at = self.now, {}
        self.billed = provider

    def settles(self) -> None:
        """The machine has taken a step, and all has followed."""
        self.unmeasured &= bool(self._closed(self.now))
        if not self._owes():
            self.owed = None
        elif self.owed is None:
            self.owed = self.now

    # What happens to turns and requests.

    def bills(self, sender: Sender, provider: str) -> None:
        """A request is sent that a provider will bill."""
        slack = self._slack(sender)
        in_flight = self.now <= self.lapsed + RELOAD + slack
        leave = [self.justified(self.now - late, provider) for late in (0, slack)]
        if not in_flight and not any(leave):
            promise: Promise = "no leave"
            if self.justified(-inf, provider):
                promise = "after the reset"
            raise BrokenError(promise, f"{sender} to {provider}; {self.closed}, {self.said}")
        for cap in self._caps(sender.name):
            since = self.used_up.get(cap, inf)
            if cap.per == "session" and sender.began < self.switched_at:
                # A turn that was under way when billing went over isn't stopped before it costs.
                since = max(since, self.paid_at.get(sender.name, inf))
            if self.now > since + RELOAD + slack:
                raise BrokenError("beyond a cap", f"{sender}: {cap} since {since:.1f}")

    def books(self, sender: Sender, windows: list[str], dollars: float) -> None:
        """A provider has billed a request, sent when some windows were closed."""
        self.dollars += dollars
        self.paid_at.setdefault(sender.name, self.now)
        today = self.today
        caps = [Cap("session", sender.name), Cap("day", today), Cap("month", today[:7])]
        with self._word(sender.slack):
            self.allowed -= dollars
            for cap in caps + [Cap("window", window) for window in windows]:
                self.spent[cap] = self.spent.get(cap, 0.0) + dollars
                self._weigh(cap, sender.slack)

    def refuses(self, sender: Sender, why: str) -> None:
        """The plan doesn't answer a request that was just sent."""
        self.refusals += 1
        since = inf if self.owed is None else self.owed
        if self.now > since + RELOAD + self._slack(sender) and self._owes():
            raise BrokenError("left on the plan", f"{sender} since {since:.1f}: {why}")

    def stops(self, sender: Sender) -> None:
        """A turn was cut off by a limit, and doesn't go on by itself."""
        if self._owes() and not self._reached(Cap("session", sender.name), ALMOST):
            raise BrokenError("left lying", f"{sender}; {self.closed}, {self.said}")

    def continues(self, session: str) -> None:
        """A turn that was cut off goes on by itself."""
        rounds = self.rounds.setdefault(session, deque(maxlen=ROUNDS))
        if len(rounds) == ROUNDS and self.now < rounds[0] + ROUND:
            raise BrokenError("in circles", session)
        rounds.append(self.now)

    def windows(self) -> list[str]:
        """Windows that are closed, told by clocks that were right."""
        closed = self._closed(self.now).items()
        return [f"{name} {each.resets_at:.0f}" for name, each in closed if not each.doubtful]

    # Whether billing is allowed, and whether it is owed.

    def justified(self, when: float, provider: str | None = None) -> bool:
        """Whether a provider may be billed.

        Args:
            when: As far as resets are concerned.
            provider: Its name; None: any.
        """
        if self.unmeasured and (self.rules.caps.day or self.allowed < inf):
            return False  # nobody can tell how much is left
        if self.hold:
            return self.hold != SUBSCRIPTION
        closed = self._closed(when)
        paid = {name for name in closed if self._may_be_paid(name, provider)}
        spared = {name for name in closed if self._policy(name).startswith("downgrade")}
        others = self._closed(when + LEAD).items()
        refusing = {name for name, each in others if each.refuses and not each.doubtful}
        return bool(paid) and refusing <= paid | spared

    def _owes(self) -> bool:
        """Whether somebody has to be billed: nothing is in the way, nor in doubt."""
        caps = [*self._caps(""), *(Cap("session", name) for name in self.paid_at)]
        return (
            not self.clocks.skew
            and not self.clocks.restarting
            and not any(each.doubtful for each in self._closed(self.now).values())
            and not any(self._reached(cap, ALMOST) for cap in caps)
            and not self.hold
            and not self.unmeasured
            and self.allowed > ALMOST
            and any(
                self.resting.get(name, 0.0) <= self.now
                and self.justified(self.now + LEAD + 0.1, name)
                for name in self.rules.usable
            )
        )

    def _policy(self, name: str) -> str:
        does = self.rules.windows.get(name, self.rules.other).does
        if self.rules.mode in {"notify", "off"}:
            return "wait"
        return "ask" if self.rules.mode == "ask" and does == "switch" else does

    def _may_be_paid(self, name: str, provider: str | None) -> bool:
        policy, said = self._policy(name), self.said.get(name)
        if policy != "ask" or not said:
            return policy == "switch"
        meant = provider is None or said.provider in {provider, None}
        yes = said.word == "yes" and same(said.window, self.closed[name])
        return yes and meant and self.allowed > 0

    def _stands(self, said: Said) -> bool:
        """Whether it isn't asked for again; who waits is asked when the limit strikes."""
        if said.window.doubtful:
            return False
        if said.word == "yes":  # for one bill
            return self.resting.get(said.provider or "", 0.0) <= self.now
        return said.word == "no" or said.at_limit

    def _closed(self, when: float) -> dict[str, Closed]:
        return {w: each for w, each in self.closed.items() if when < self._end(each)}

    def _end(self, closed: Closed) -> float:
        """When a reset has come, by the first of the two clocks that has it."""
        by_wall = max(0.0, -self.clocks.skew)
        by_boot = closed.lag if closed.boot == self.clocks.boot else inf
        return closed.resets_at + min(by_wall, by_boot)

    def _slack(self, sender: Sender) -> float:
        return max(sender.slack, RESTART if self.clocks.restarting else 0.0)

    def _caps(self, session: str) -> list[Cap]:
        today = self.today
        caps = [Cap("session", session), Cap("day", today), Cap("month", today[:7])]
        return caps + [Cap("window", window) for window in self.windows()]

    def _reached(self, cap: Cap, but: float) -> bool:
        dollars: float | None = getattr(self.rules.caps, cap.per)
        return dollars is not None and self.spent.get(cap, 0.0) >= dollars - but

    def _weigh(self, cap: Cap, slack: float = 0.0) -> None:
        if not self._reached(cap, 1e-6):
            self.used_up.pop(cap, None)
        elif cap not in self.used_up:
            self.used_up[cap] = self.now + slack
            counts = cap.instance in self.paid_at if cap.per == "session" else cap in self._caps("")
            if counts and self.hold != SUBSCRIPTION:
                self.hold = None

    @contextmanager
    def _word(self, slack: float = 0.0) -> Iterator[None]:
        """Note when a word, or the last dollar, ends what was allowed until then.

        Args:
            slack: Seconds until it is known.
        """
        when, provider = self.now - slack, self.billed or None
        before = self.justified(when, provider)
        yield
        if before and not self.justified(when, provider):
            self.lapsed = self.now + slack

    # Events, one by one.

    def _close(self, name: str, resets_at: float, *, refuses: bool) -> None:
        known = self.closed.get(name)
        if known and abs(known.resets_at - resets_at) <= SAME:
            known.refuses |= refuses
        # A pause is our own, and begins now; what others tell is compared with the wall clock.
        elif name == OUTAGE or (
            resets_at > self.clocks.wall + LEAD and (name, resets_at) not in self.gone
        ):
            clocks = self.clocks
            lag, doubtful = max(0.0, -clocks.skew), clocks.skew != 0
            self.closed[name] = Closed(resets_at, refuses, doubtful, lag, clocks.boot)

    def _limited(self, event: Limited, name: str, resets_at: float) -> None:
        self._close(name, resets_at, refuses=True)
        self.extra_usage = False
        window, said = self.closed.get(name), self.said.get(name)
        stands = window and said and same(said.window, window) and self._stands(said)
        asks = self._policy(name) == "ask" and not stands
        if window and event.headless and self.rules.unattended and asks:
            others = (each for each in self.said.values() if each.word == "yes")
            if not any(self.now < each.window.resets_at - LEAD for each in others):
                self.allowed = inf
            self.said[name] = Said("yes", window, at_limit=True)

    def _told(self, event: Told) -> None:
        if event.extra_usage is not None:
            self.extra_usage = event.extra_usage
        for name, window in event.windows.items():
            policy, known = self.rules.windows.get(name, self.rules.other), self.closed.get(name)
            if window.resets_at < self.told.get(name, 0.0) - SAME:
                continue  # a session that has been idle since
            if (name, window.resets_at) in self.gone:
                continue
            self.told[name] = window.resets_at
            if known and window.resets_at > known.resets_at + SAME:  # the next one has begun
                end = self._end(known)
                if end <= self.now and self.justified(end - SHORTLY, self.billed or None):
                    self.lapsed = max(self.lapsed, end - RELOAD)  # a reset has no grace
                del self.closed[name]
                self.said.pop(name, None)
            if self._policy(name) == "wait" or (self.extra_usage and window.percentage >= 100):
                continue
            if window.percentage >= policy.switch_at:
                self._close(name, window.resets_at, refuses=False)

    def _failed(self) -> None:
        if self._policy(OUTAGE) == "wait":
            return
        known = self.closed.get(OUTAGE)
        if known and known.resets_at <= self.now + LEAD:
            self.failures = FAILURES - 1  # one more is enough
            del self.closed[OUTAGE]
        self.failures += 1
        if self.failures >= FAILURES and OUTAGE not in self.closed:
            self._close(OUTAGE, self.now + PAUSE, refuses=True)

    def _answering(self) -> None:
        if not self.justified(self.now):  # else it was a provider
            self.failures = 0
            self.closed.pop(OUTAGE, None)
            for each in self.closed.values():
                each.doubtful |= not each.refuses

    def _chosen(self, target: str) -> None:
        self.hold = None if target == "auto" else target
        self.resting.pop(target, None)

    def _answered(self, event: Answered) -> None:
        rested = (name for name in self.rules.offered if self.resting.get(name, 0.0) <= self.now)
        provider = self.billed or (self.asked[1] if self.asked else next(rested, None))
        closed = self._closed(self.now + LEAD)
        meant = {w: each for w, each in closed.items() if self._policy(w) == "ask"}
        ends = [each.resets_at for each in meant.values() if each.refuses]
        last = max(ends) if ends else min((e.resets_at for e in meant.values()), default=0.0)
        last = self.asked[0] if self.asked else last
        meant = {w: each for w, each in meant.items() if each.resets_at <= last + SAME}
        if meant:  # an earlier yes is superseded
            self.said = {w: said for w, said in self.said.items() if said.word != "yes"}
        for name, each in meant.items():
            self.said[name] = Said(event.word, each, each.refuses, provider)
        if meant:
            self.allowed = inf if event.dollars is None else event.dollars
            if event.word == "yes" or self.hold != SUBSCRIPTION:
                self.hold = None

    def _refused(self, event: Refused) -> None:
        if event.provider == self.billed:
            self.resting[event.provider] = max(self.now + REST, event.until or 0.0)
            self.hold = None

    def _signed_in(self, account: str) -> None:
        if self.account is not None and account != self.account:
            self.gone = {(name, each.resets_at) for name, each in self.closed.items()}
            self.gone |= set(self.told.items())
            self.closed, self.said, self.told, self.failures = {}, {}, {}, 0
        self.account = account


def same(one: Closed, other: Closed) -> bool:
    """Whether two tellings are of the same reset."""
    return abs(one.resets_at - other.resets_at) <= SAME
