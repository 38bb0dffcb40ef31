"""A story, told to the machine event by event."""

from collections.abc import Iterable

from ccfb.billing.events import Action, Continue, Event, Limited, Metered, Refused, Say, Told
from ccfb.billing.machine import advance
from ccfb.billing.model import Entry, Moment, State, Window
from ccfb.billing.rules import Policy, Rules

NOW = 1_800_000_000.0
"""2027-01-15, 08:00 UTC."""
BOOT = 5_000.0
HOUR, DAY = 3_600.0, 86_400.0
RESET = NOW + 2 * HOUR
WEEKLY = NOW + 50 * HOUR

BOTH = ("anthropic", "openrouter")
SWITCH = Policy("switch")
AUTO = Rules("auto", BOTH, BOTH, other=SWITCH)
"""Everything switches by itself."""
WINDOWS = {
    "five_hour": Policy("switch", 95, 50),
    "seven_day": Policy("ask", 95, 50),
    "seven_day_opus": Policy("ask", 95, 50),
    "outage": Policy("wait"),
}
"""What holds without a word of the user."""
DEFAULT = Rules("ask", BOTH, BOTH, WINDOWS)


class World:
    """A state with its two clocks, and all that was decided so far."""

    def __init__(self, rules: Rules = AUTO) -> None:
        self.rules = rules
        self.state = State()
        self.wall, self.boot, self.offset = NOW, BOOT, 0.0
        self.ledger: list[Entry] = []

    def sees(self, event: Event, rules: Rules | None = None) -> list[Action]:
        """Let an event happen now; what it wrote goes to the ledger, as the engine does it."""
        moment = Moment(self.wall, self.boot, self.offset)
        self.state, actions = advance(self.state, event, rules or self.rules, moment)
        self.ledger += self.state.unwritten
        self.state.unwritten = []
        self.state.unsettled = self.state.wake.unsettled = False
        return actions

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.boot += seconds

    def passes_until(self, moment: float) -> None:
        self.passes(moment - self.wall)

    def spends(self, dollars: float, session: str = "s1") -> list[Action]:
        """A session costs a provider something more."""
        meter = self.state.meter
        assert meter, "nobody is billed"
        total = meter.sessions.get(session, 0.0) + dollars
        return self.sees(Metered({session: total}, meter.since))

    @property
    def billed(self) -> str:
        return self.state.billing

    @property
    def asked(self) -> tuple[str, str] | None:
        """The pending question: about which window, and why."""
        question = self.state.question
        return (question.window, question.reason) if question else None

    def written(self, *events: str) -> list[str]:
        """The ledger's events, or those of some kinds."""
        return [entry.event for entry in self.ledger if not events or entry.event in events]

    def reasons(self, event: str = "revert") -> list[str | None]:
        return [entry.reason for entry in self.ledger if entry.event == event]


def limit(
    session: str = "s1",
    failure: str = "f1",
    *,
    window: str = "five_hour",
    resets_at: float | None = RESET,
    live: bool = True,
    headless: bool = False,
) -> Limited:
    text = "You've hit your 5-hour limit"
    return Limited(session, failure, window, resets_at, text, live, headless)


def weekly(session: str = "s1", failure: str = "w1", *, headless: bool = False) -> Limited:
    return limit(session, failure, window="seven_day", resets_at=WEEKLY, headless=headless)


def refusal(
    session: str = "s1",
    failure: str = "r1",
    provider: str = "anthropic",
    until: float | None = None,
) -> Refused:
    return Refused(session, failure, provider, until, "Credit balance is too low")


def told(
    percentage: float,
    resets_at: float = RESET,
    *,
    window: str = "five_hour",
    session: str | None = None,
    seen_at: float = NOW,
) -> Told:
    seen = Window(percentage=percentage, resets_at=resets_at, seen_at=seen_at)
    return Told({window: seen}, session)


def continues(actions: Iterable[Action]) -> list[Continue]:
    return [action for action in actions if isinstance(action, Continue)]


def says(actions: Iterable[Action]) -> list[str]:
    return [action.text for action in actions if isinstance(action, Say)]
