"""What holds after any order of events, for any user, with clocks that jump."""

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ccfb.billing.events import (
    Action,
    Chosen,
    Continue,
    Event,
    Limited,
    Nudge,
    Prompted,
    Refused,
    Say,
    Strayed,
    Tick,
    Told,
)
from ccfb.billing.machine import KEEP, LEAD, NUDGES, PATIENCE, advance
from ccfb.billing.model import Entry, Moment, State, Window
from ccfb.billing.rules import Policy, Rules

HOUR = 3_600.0
NAMES = ("anthropic", "openrouter")

sessions = st.sampled_from(["s1", "s2", "s3"])
failures = st.integers(0, 5).map("f{}".format)
providers = st.sampled_from(NAMES)
windows = st.sampled_from(["five_hour", "seven_day", "seven_day_opus", "plan"])
users = st.builds(
    Rules,
    mode=st.sampled_from(["auto", "off"]),
    usable=st.lists(providers, unique=True).map(tuple),
    windows=st.dictionaries(
        windows, st.builds(Policy, st.just("switch"), st.floats(60, 100), st.floats(0, 59))
    ),
    other=st.just(Policy("switch")),
)
spans = st.one_of(
    st.sampled_from([0.0, 0.5, LEAD, 30.0, 59.0, 61.0, PATIENCE, HOUR]),
    st.floats(0, 7 * 24 * HOUR),
)


class Billing(RuleBasedStateMachine):
    """A world in which anything may happen, and what must hold in it nevertheless."""

    @initialize(user=users)
    def begin(self, user: Rules) -> None:
        self.user = user
        self.state = State()
        self.wall, self.boot = 1_800_000_000.0, 5_000.0
        self.ledger: list[Entry] = []
        self.continued: set[tuple[str, str]] = set()
        self.nudged: dict[str, int] = {}

    @property
    def now(self) -> Moment:
        return Moment(self.wall, self.boot)

    def see(self, event: Event) -> list[Action]:
        before = self.state.model_dump_json()
        state, actions = advance(self.state, event, self.user, self.now)
        again = advance(self.state, event, self.user, self.now)
        assert self.state.model_dump_json() == before, "advance changed what it was given"
        assert (state, actions) == again, "advance isn't a function of its arguments"

        entries = state.unwritten[len(self.state.unwritten) :]
        for entry in entries:
            if entry.event == "switch":
                self.must_be_allowed(entry, event, state)
            if entry.event in {"switch", "revert"}:
                self.nudged.clear()
        for name, kept in self.state.sessions.items():
            if kept.seen_at <= self.wall - KEEP:  # forgotten, as if it had never been
                self.nudged.pop(name, None)
                self.continued = {each for each in self.continued if each[0] != name}
        self.ledger += entries
        self.state = state
        return actions

    def must_be_allowed(self, entry: Entry, event: Event, after: State) -> None:
        if entry.reason == "user":
            assert event == Chosen(str(entry.provider))
            return
        assert self.user.mode == "auto"
        assert entry.provider in self.user.usable
        assert not after.hold
        assert entry.resets_at is not None
        assert entry.resets_at > self.wall + LEAD

    # What may happen.

    @rule(seconds=spans)
    def time_passes(self, seconds: float) -> None:
        self.wall += seconds
        self.boot += seconds

    @rule(seconds=st.sampled_from([-24 * HOUR, -HOUR, -60.0, -1.0, 1.0, 60.0, HOUR, 24 * HOUR]))
    def the_wall_clock_is_set(self, seconds: float) -> None:
        self.wall += seconds

    @rule()
    def the_machine_is_started_anew(self) -> None:
        self.wall += 60.0
        self.boot = 10.0

    @rule(user=users)
    def the_user_has_another_mind(self, user: Rules) -> None:
        self.user = user

    @rule()
    def the_engine_commits(self) -> None:
        self.state = self.state.model_copy(deep=True)
        self.state.unwritten, self.state.unsettled = [], False

    @rule(
        session=sessions,
        failure=failures,
        window=windows,
        ahead=st.one_of(st.none(), spans, spans.map(lambda span: -span)),
        live=st.booleans(),
    )
    def the_plan_refuses(
        self, session: str, failure: str, window: str, ahead: float | None, live: bool
    ) -> None:
        resets_at = None if ahead is None else self.wall + ahead
        actions = self.see(Limited(session, failure, window, resets_at, "limit", live))
        went_on = [action for action in actions if isinstance(action, Continue)]
        assert len(went_on) <= (1 if live else 0)
        for action in went_on:
            assert action.session == session
            assert action.at <= self.wall + 10.0
            assert (session, failure) not in self.continued, "it was sent twice"
            self.continued.add((session, failure))

    @rule(
        session=sessions,
        failure=failures,
        provider=providers,
        ahead=st.one_of(st.none(), spans, spans.map(lambda span: -span)),
    )
    def a_provider_refuses(
        self, session: str, failure: str, provider: str, ahead: float | None
    ) -> None:
        until = None if ahead is None else self.wall + ahead
        actions = self.see(Refused(session, failure, provider, until, "no credit"))
        if any(isinstance(action, Continue) for action in actions):
            assert self.state.switch, "it went on where nobody pays"

    @rule(percentage=st.floats(0, 250), ahead=spans, window=windows)
    def a_window_is_told(self, percentage: float, ahead: float, window: str) -> None:
        told = Window(percentage=percentage, resets_at=self.wall + ahead, seen_at=self.wall)
        self.see(Told({window: told}))

    @rule(choice=st.sampled_from([*NAMES, "subscription", "auto"]))
    def the_user_chooses(self, choice: str) -> None:
        self.see(Chosen(choice))
        if choice != "auto":
            assert self.state.billing == choice

    @rule(session=sessions)
    def a_session_has_strayed(self, session: str) -> None:
        nudges = self.see(Strayed(session)).count(Nudge())
        if self.state.sessions[session].nudges:  # else billing changed in the same step
            self.nudged[session] = self.nudged.get(session, 0) + nudges

    @rule(session=sessions)
    def the_user_prompts(self, session: str) -> None:
        self.see(Prompted(session))
        again = self.see(Prompted(session))
        assert not any(isinstance(action, Say) for action in again), "it was said twice"

    @rule()
    def nothing_happens(self) -> None:
        self.see(Tick())

    # What holds.

    @invariant()
    def a_limit_never_spends_past_its_reset(self) -> None:
        after, _ = advance(self.state, Tick(), self.user, self.now)
        switch = after.switch
        if switch and switch.reason != "user":
            assert switch.resets_at is not None
            assert self.wall < switch.resets_at - LEAD
            assert self.boot < after.ends[str(switch.window)] - LEAD

    @invariant()
    def off_never_spends_unless_the_user_chose(self) -> None:
        after, _ = advance(self.state, Tick(), Rules(mode="off"), self.now)
        assert after.switch is None or (after.hold and after.switch.reason == "user")

    @invariant()
    def ids_count_up_and_switches_and_reverts_take_turns(self) -> None:
        assert [entry.id for entry in self.ledger] == list(range(1, len(self.ledger) + 1))
        turns = [entry.event for entry in self.ledger if entry.event in {"switch", "revert"}]
        assert turns == [("switch", "revert")[number % 2] for number in range(len(turns))]
        assert bool(len(turns) % 2) == bool(self.state.switch)

    @invariant()
    def the_gate_is_woken_in_time_and_not_for_nothing(self) -> None:
        after, _ = advance(self.state, Tick(), self.user, self.now)
        wake, switch = after.wake, after.switch
        assert wake.marker == (switch.provider if switch else "")
        if switch and switch.resets_at is not None:
            assert wake.at is not None
            assert wake.at <= switch.resets_at
        assert wake.at is None or wake.at > self.wall
        assert wake.boot_at is None or wake.boot_at > self.boot

    @invariant()
    def sessions_that_dont_listen_are_left_alone(self) -> None:
        assert all(count <= NUDGES for count in self.nudged.values())

    @invariant()
    def the_state_survives_the_disk(self) -> None:
        stored = orjson.dumps(self.state.model_dump(mode="json"))
        assert State.model_validate(orjson.loads(stored)) == self.state


TestBilling = Billing.TestCase
TestBilling.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
