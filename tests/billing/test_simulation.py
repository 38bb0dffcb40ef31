"""Twenty-seven years of work, with everything going wrong now and then: what is never billed.

`billing.world` is what happens, `billing.auditor` what is promised. Excused is only what can't be
helped, and for no longer than that:

- what a session sends before it has taken up changed settings (1.4 s; 12 s where no status line
  runs, or in its first seconds) is in flight; a reset excuses nothing where a status line runs;
- 4 s after the engine was killed in the middle of its work;
- a reset that neither clock could tell: the wall clock is behind, and was so when the limit was
  told, or the computer was started anew since;
- the first request, per switch, of a turn whose session has used up its budget before: it was
  under way when billing went over, and nothing can stop it.
"""

from collections.abc import Callable
from dataclasses import replace
from math import inf

import pytest

from billing.auditor import BrokenError, Promise
from billing.world import PROVIDERS, Advance, User, World
from ccfb.billing import machine
from ccfb.billing.events import (
    Action,
    Chosen,
    Continue,
    Event,
    Failed,
    Limited,
    Prompted,
    SignedIn,
    Tick,
    Told,
)
from ccfb.billing.model import Downgrade, Moment, Session, State
from ccfb.billing.rules import UNCAPPED, Caps, Mode, Policy, Rules

DAYS = 1_450
"""For each of the users."""


def rules(mode: Mode, caps: Caps = UNCAPPED, *, unattended: bool = False, **policies: str) -> Rules:
    """The defaults, but for some windows' policies."""
    known = {"five_hour": "switch", "seven_day": "ask", "seven_day_opus": "ask", "outage": "wait"}
    windows = {name: Policy(does, 95, 50) for name, does in (known | policies).items()}
    return Rules(mode, PROVIDERS, PROVIDERS, windows, caps=caps, unattended=unattended)


USERS = [
    User("asked", (rules("ask"),)),
    User("unasked", (rules("auto"), rules("auto", Caps(day=5, month=60)))),
    User("frugal", (rules("ask", Caps(3, 4, 6, 40)), rules("auto", Caps(2, 3, 5, 40)))),
    User(
        "restless",
        (
            rules("ask"),
            rules("auto"),
            rules("notify"),
            rules("off"),
            rules("auto", Caps(window=3)),
            rules("ask", unattended=True),
        ),
        trouble=4,
    ),
    User(
        "robots",
        (rules("ask", unattended=True), rules("auto", unattended=True), rules("ask")),
        headless=0.8,
    ),
    User(
        "sparing",
        (
            rules("auto", seven_day_opus="downgrade:sonnet", outage="switch"),
            rules("ask", seven_day_opus="downgrade:sonnet", outage="ask"),
        ),
    ),
    User(
        "mistaken",
        (rules("auto", seven_day="wait", seven_day_opus="downgrade:opus-before"), rules("auto")),
        words=("no", "wait"),
    ),
]
WHO = {user.name: user for user in USERS}

HAPPENS = {
    *("Answered", "Answering", "Chosen", "Failed", "Limited", "Metered", "Prompted", "Refused"),
    *("Resumed", "SignedIn", "Strayed", "Tick", "Told", "Unmeasured"),
    *("account", "answer", "budget", "choice", "continue", "downgrade", "extra_usage", "limit"),
    *("outage", "provider_failure", "question", "restore", "revert", "switch", "threshold"),
}
"""Events and lines of the ledger that somebody has seen in the end."""


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_whatever_happens_no_promise_is_broken(user: User) -> None:
    world = World(user, seed=1)
    world.lives(DAYS)
    assert world.auditor.dollars > DAYS / 10, "too little was billed to prove anything"
    assert world.auditor.refusals > DAYS / 10, "too little was refused to prove anything"


def test_everything_happens_sooner_or_later() -> None:
    seen: set[str] = set()
    for user in USERS:
        world = World(replace(user, trouble=5), seed=1)
        world.lives(300)
        seen |= world.auditor.seen
    assert seen >= HAPPENS, HAPPENS - seen


def test_the_same_seed_gives_the_same_world() -> None:
    worlds = [World(WHO["restless"], seed=7) for _ in range(2)]
    for world in worlds:
        world.lives(20)
    assert worlds[0].disk == worlds[1].disk
    assert list(worlds[0].trail) == list(worlds[1].trail)


# Rules that are broken on purpose: each is noticed.


class Rash(machine._Run):
    """Asks nobody."""

    def _may_be_paid(self, window: str, resets_at: float) -> bool:
        return self._does(window) in {"switch", "ask"}


class Greedy(machine._Run):
    """Takes a yes for more than was allowed."""

    def _payable(self) -> dict[str, float]:
        if self.state.allowance:
            self.state.allowance.dollars = None
        return super()._payable()


class Hasty(machine._Run):
    """Goes over as soon as one of the windows that refuse may be paid for."""

    def _payable(self) -> dict[str, float]:
        return {w: r for w, r in self.state.closed.items() if self._may_be_paid(w, r)}


class Spendthrift(machine._Run):
    """Knows no budget."""

    def _mind_the_budget(self) -> None:
        pass


class Unbarred(machine._Run):
    """Lets turns go on whose session has used up its budget."""

    def _continue(self, name: str, session: Session, at: float) -> None:
        kept, session.spent = session.spent, -inf
        super()._continue(name, session, at)
        session.spent = kept


class Stubborn(machine._Run):
    """Tries a downgrade that doesn't help for ever."""

    def _downgrade(self, window: str, model: str, resets_at: float) -> Downgrade:
        return Downgrade(model=model, resets_at=resets_at, since=self.now.wall)


class Untidy(machine._Run):
    """Wants to tidy up where it can't."""

    def settle(self) -> None:
        tidy_at = self.state.tidy_at
        super().settle()
        self.state.tidy_at = tidy_at
        self.state.wake = machine._wake(self.state, self.rules, self.now)


class Nervous(machine._Run):
    """Takes one failure for an outage."""

    def failed(self, event: Failed) -> None:
        self.state.outages = machine.FAILURES
        super().failed(event)


class Nagging(machine._Run):
    """Doesn't take no for an answer."""

    def settle(self) -> None:
        answers = self.state.answers.items()
        self.state.answers = {window: said for window, said in answers if said.word == "yes"}
        super().settle()


def running(run: type[machine._Run]) -> Advance:
    """A machine with other steps."""

    def advance(
        state: State, event: Event, rules: Rules, now: Moment
    ) -> tuple[State, list[Action]]:
        taken = run(state.model_copy(deep=True), rules, now)
        taken.expire()
        taken.take(event)
        taken.settle()
        return taken.state, taken.actions

    return advance


def hearing(what: Callable[[Event], Event]) -> Advance:
    """A machine that hears something else."""
    return lambda state, event, rules, now: machine.advance(state, what(event), rules, now)


def late(state: State, event: Event, rules: Rules, now: Moment) -> tuple[State, list[Action]]:
    """Goes back when the reset has come, and not ahead of it."""
    then = now._replace(wall=now.wall - machine.LEAD, boot=now.boot - machine.LEAD)
    after, actions = machine.advance(state, event, rules, then)
    for name in ("at", "boot_at"):
        when = getattr(after.wake, name)
        setattr(after.wake, name, None if when is None else when + machine.LEAD)
    return after, actions


def credulous(state: State, event: Event, rules: Rules, now: Moment) -> tuple[State, list[Action]]:
    """Believes the wall clock alone."""
    state, actions = machine.advance(state, event, rules, now)
    state.ends, state.ended, state.wake.boot_at = {}, {}, None
    return state, actions


def forgetful(state: State, event: Event, rules: Rules, now: Moment) -> tuple[State, list[Action]]:
    """Has lost what the user said when it was cut off."""
    if state.unsettled:
        state = state.model_copy(update={"answers": {}, "allowance": None})
    return machine.advance(state, event, rules, now)


def unhelpful(state: State, event: Event, rules: Rules, now: Moment) -> tuple[State, list[Action]]:
    """Leaves turns lying that were cut off."""
    after, actions = machine.advance(state, event, rules, now)
    return after, [action for action in actions if not isinstance(action, Continue)]


def shy(state: State, event: Event, rules: Rules, now: Moment) -> tuple[State, list[Action]]:
    """Goes back to the plan whenever the user is about to prompt."""
    idle = replace(rules, mode="off") if isinstance(event, Prompted) else rules
    return machine.advance(state, event, idle, now)


def weekly(state: State, event: Event, rules: Rules, now: Moment) -> tuple[State, list[Action]]:
    """Takes the weekly window for any other."""
    windows = {**rules.windows, "seven_day": rules.windows["five_hour"]}
    return machine.advance(state, event, replace(rules, windows=windows), now)


def everywhere(event: Event) -> Event:
    """Takes everybody for a headless run."""
    return replace(event, headless=True) if isinstance(event, Limited) else event


def loyal(event: Event) -> Event:
    """Doesn't notice another account, nor what the plan itself tells of its windows."""
    asked = isinstance(event, Told) and event.session is None
    return SignedIn("mine") if asked or isinstance(event, SignedIn) else event


def clinging(event: Event) -> Event:
    """Keeps a provider that the user has chosen, and given back."""
    return Tick() if event == Chosen("auto") else event


BROKEN: list[tuple[Advance, str, str, Promise]] = [
    (running(Rash), "asked", "", "no leave"),
    (running(Greedy), "asked", "", "no leave"),
    (running(Hasty), "unasked", "", "no leave"),
    (weekly, "unasked", "", "no leave"),
    (hearing(everywhere), "robots", "", "no leave"),
    (hearing(loyal), "unasked", "signs_in", "no leave"),
    (hearing(clinging), "asked", "chooses", "no leave"),
    (running(Nervous), "sparing", "breaks_down", "no leave"),
    (late, "unasked", "", "after the reset"),
    (credulous, "restless", "sets_the_clock", "after the reset"),
    (running(Spendthrift), "frugal", "", "beyond a cap"),
    (running(Unbarred), "frugal", "", "beyond a cap"),
    (forgetful, "asked", "", "asked again"),
    (running(Nagging), "asked", "", "asked again"),
    (shy, "unasked", "", "left on the plan"),
    (unhelpful, "unasked", "", "left lying"),
    (running(Stubborn), "mistaken", "", "in circles"),
    (running(Untidy), "sparing", "", "woken for nothing"),
]
"""A machine, in whose world it is found out, what often happens there, and what it breaks."""


def broken(world: World) -> Promise | None:
    """The first promise that is broken within some months."""
    try:
        world.lives(300)
    except BrokenError as error:
        return error.promise
    return None


@pytest.mark.parametrize(("advance", "name", "often", "promise"), BROKEN)
def test_a_machine_that_breaks_a_promise_is_found_out(
    advance: Advance, name: str, often: str, promise: Promise
) -> None:
    user = replace(WHO[name], trouble=5, often=often)
    assert promise in (broken(World(user, seed, advance)) for seed in range(1, 6))
