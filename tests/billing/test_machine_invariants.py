"""What holds after any order of events, for any user, with clocks that jump."""

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ccfb.billing import budget
from ccfb.billing.events import (
    Action,
    Answered,
    Answering,
    Ask,
    Bar,
    Chosen,
    Continue,
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
    Told,
    Unmeasured,
    Word,
)
from ccfb.billing.machine import KEEP, LEAD, NUDGES, OUTAGE, PATIENCE, advance
from ccfb.billing.model import Entry, Moment, State, Window
from ccfb.billing.rules import Caps, Policy, Rules

HOUR = 3_600.0
TICK = 0.001
"""Seconds: no two events are of the same moment, and a meter is known by when it began."""

NAMES = ("anthropic", "openrouter")

sessions = st.sampled_from(["s1", "s2", "s3"])
failures = st.integers(0, 5).map("f{}".format)
providers = st.sampled_from(NAMES)
windows = st.sampled_from(["five_hour", "seven_day", "seven_day_opus", "plan", OUTAGE])
policies = st.sampled_from(["switch", "ask", "wait", "downgrade:sonnet"])
dollars = st.one_of(st.sampled_from([0.0, 0.1, 1.0, 5.0]), st.floats(0, 50))
caps = st.one_of(st.none(), st.floats(0.5, 20))
users = st.builds(
    Rules,
    mode=st.sampled_from(["ask", "auto", "notify", "off"]),
    usable=st.lists(providers, unique=True).map(tuple),
    offered=st.just(NAMES),
    windows=st.dictionaries(
        windows, st.builds(Policy, policies, st.floats(60, 100), st.floats(0, 59))
    ),
    other=st.builds(Policy, policies),
    caps=st.builds(Caps, caps, caps, caps, caps),
    unattended=st.booleans(),
    alert_at=st.just((50.0, 90.0)),
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
        self.wall, self.boot, self.offset = 1_800_000_000.0, 5_000.0, 0.0
        self.ledger: list[Entry] = []
        self.continued: set[tuple[str, str]] = set()
        self.nudged: dict[str, int] = {}
        self.metered = 0.0

    @property
    def now(self) -> Moment:
        return Moment(self.wall, self.boot, self.offset)

    def see(self, event: Event) -> list[Action]:
        self.time_passes(TICK)
        before = self.state.model_dump_json()
        state, actions = advance(self.state, event, self.user, self.now)
        again = advance(self.state, event, self.user, self.now)
        assert self.state.model_dump_json() == before, "advance changed what it was given"
        assert (state, actions) == again, "advance isn't a function of its arguments"

        entries = state.unwritten[len(self.state.unwritten) :]
        for entry in entries:
            if entry.event == "switch":
                self.must_be_allowed(entry, event)
            if entry.event in {"switch", "revert", "downgrade", "restore"}:
                self.nudged.clear()
        for name, kept in self.state.sessions.items():
            if kept.seen_at <= self.wall - KEEP:  # forgotten, as if it had never been
                self.nudged.pop(name, None)
                self.continued = {each for each in self.continued if each[0] != name}
        self.ledger += entries
        self.state = state
        return actions

    def must_be_allowed(self, entry: Entry, event: Event) -> None:
        if entry.reason == "user":
            assert event == Chosen(str(entry.provider))
            return
        assert self.user.mode in {"ask", "auto"}
        assert entry.provider in self.user.usable
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

    @rule(offset=st.sampled_from([-11 * HOUR, 0.0, 2 * HOUR, 14 * HOUR]))
    def the_user_travels(self, offset: float) -> None:
        self.offset = offset

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
        headless=st.booleans(),
    )
    def the_plan_refuses(
        self,
        session: str,
        failure: str,
        window: str,
        ahead: float | None,
        live: bool,
        headless: bool,
    ) -> None:
        resets_at = None if ahead is None else self.wall + ahead
        event = Limited(session, failure, window, resets_at, "limit", live, headless)
        went_on = [action for action in self.see(event) if isinstance(action, Continue)]
        assert len(went_on) <= (1 if live else 0)
        for action in went_on:
            assert action.session == session
            assert action.at <= self.wall + 10.0
            assert (session, failure) not in self.continued, "it was sent twice"
            self.continued.add((session, failure))

    @rule(session=sessions, failure=failures)
    def the_plans_servers_fail(self, session: str, failure: str) -> None:
        self.see(Failed(session, failure))

    @rule()
    def a_turn_ends_well(self) -> None:
        self.see(Answering())

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

    @rule(
        percentage=st.floats(0, 250),
        ahead=spans,
        window=windows,
        session=st.one_of(st.none(), sessions),
        extra=st.sampled_from([None, True, False]),
    )
    def a_window_is_told(
        self, percentage: float, ahead: float, window: str, session: str | None, extra: bool | None
    ) -> None:
        told = Window(percentage=percentage, resets_at=self.wall + ahead, seen_at=self.wall)
        self.see(Told({window: told}, session, extra))

    @rule(session=sessions, more=dollars)
    def a_session_has_cost_something(self, session: str, more: float) -> None:
        meter = self.state.meter
        since = meter.since if meter else self.wall - 1
        before = meter.sessions.get(session, 0.0) if meter else 0.0
        spent = sum(self.state.days.values())
        event = Metered({session: before + more}, since)
        self.see(event)
        self.see(event)
        if len(self.state.days) < budget.DAYS:
            booked = sum(self.state.days.values()) - spent
            assert abs(booked - (more if meter else 0.0)) < 1e-6, "not booked once"

    @rule()
    def what_it_costs_cant_be_told(self) -> None:
        self.see(Unmeasured())

    @rule(take_over=dollars, per_hour=dollars)
    def somebody_estimates(self, take_over: float, per_hour: float) -> None:
        self.see(Estimated(take_over, per_hour))

    @rule(choice=st.sampled_from([*NAMES, "subscription", "auto"]))
    def the_user_chooses(self, choice: str) -> None:
        self.see(Chosen(choice))
        if choice != "auto" and not self.state.stopped:
            assert self.state.billing == choice

    @rule(
        word=st.sampled_from(["yes", "no", "wait"]),
        amount=st.one_of(st.none(), dollars, st.just(-1.0)),
        session=st.one_of(st.none(), sessions),
    )
    def the_user_answers(self, word: Word, amount: float | None, session: str | None) -> None:
        self.see(Answered(word, amount, session))

    @rule(session=sessions)
    def a_turn_has_waited(self, session: str) -> None:
        actions = self.see(Resumed(session))
        if any(isinstance(action, Continue) for action in actions):
            assert self.state.switch, "it went on where nobody pays"
        again = self.see(Resumed(session))
        assert not any(isinstance(action, Continue) for action in again), "it was sent twice"

    @rule(account=st.sampled_from(["mine", "other"]))
    def somebody_signs_in(self, account: str) -> None:
        known = self.state.account
        self.see(SignedIn(account))
        if known not in {None, account}:
            assert not self.state.closed
            assert not self.state.answers
            assert not self.state.switch or self.state.hold

    @rule(session=sessions)
    def a_session_has_strayed(self, session: str) -> None:
        nudges = self.see(Strayed(session)).count(Nudge())
        if self.state.sessions[session].nudges:  # else billing changed in the same step
            self.nudged[session] = self.nudged.get(session, 0) + nudges

    @rule(session=sessions)
    def the_user_prompts(self, session: str) -> None:
        first = self.see(Prompted(session))
        barred = any(isinstance(action, Bar) for action in first)
        broke = budget.barred(self.state, session, self.user.caps)
        assert barred == (bool(self.state.switch) and broke)
        again = self.see(Prompted(session))
        assert not any(isinstance(action, Say | Ask) for action in again), "it was said twice"

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
            assert switch.window in after.ends
            assert self.boot < after.ends[switch.window] - LEAD

    @invariant()
    def who_refuses_is_allowed_or_nobody_is_billed(self) -> None:
        """Unless the user has chosen the provider by hand."""
        after, _ = advance(self.state, Tick(), self.user, self.now)
        if not after.switch or after.hold:
            return
        yes = {name for name, said in after.answers.items() if said.word == "yes"}
        does = {name: self.user.policy(name).does for name in after.closed}
        paid = {name for name in does if does[name] == "switch"}
        paid |= {name for name in does if does[name] == "ask" and name in yes}
        assert paid, "nobody has agreed"
        assert after.limits.keys() <= paid | after.downgrades.keys()

    @invariant()
    def a_budget_that_is_used_up_is_never_billed(self) -> None:
        after, _ = advance(self.state, Tick(), self.user, self.now)
        used_up = {cap.per for cap in budget.caps(after, self.user.caps, self.now) if cap.used_up}
        if after.switch:
            assert used_up <= ({"answer"} if after.hold else set())
        assert not (after.switch and after.stopped)

    @invariant()
    def off_never_spends_unless_the_user_chose(self) -> None:
        for mode in ("off", "notify"):
            after, _ = advance(self.state, Tick(), Rules(mode=mode), self.now)
            assert after.switch is None or (after.hold and after.switch.reason == "user")
            assert after.question is None
            assert not after.downgrades

    @invariant()
    def who_is_asked_can_be_billed_and_has_not_answered(self) -> None:
        after, _ = advance(self.state, Tick(), self.user, self.now)
        question = after.question
        if question is None:
            return
        assert after.switch is None
        assert not after.hold
        assert question.window in after.closed
        assert question.provider in self.user.offered
        said = after.answers.get(question.window)
        if said and abs(said.resets_at - question.resets_at) < 60:
            assert said.word != "no"
            assert said.word != "wait" or not said.limit

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
        assert wake.asked == (after.question is not None)
        assert wake.metered or not switch
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
