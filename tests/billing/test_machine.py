"""What the state machine promises: when money is spent, when it stops, and who is told."""

import pytest

from billing.story import (
    AUTO,
    BOOT,
    BOTH,
    DAY,
    DEFAULT,
    HOUR,
    NOW,
    RESET,
    SWITCH,
    WEEKLY,
    WINDOWS,
    World,
    continues,
    limit,
    refusal,
    says,
    told,
    weekly,
)
from ccfb.billing.budget import SAME
from ccfb.billing.events import (
    Answered,
    Answering,
    Bar,
    Chosen,
    Continue,
    Event,
    Failed,
    Limited,
    Nudge,
    Prompted,
    SignedIn,
    Strayed,
    Tick,
    Tidy,
    Told,
)
from ccfb.billing.machine import (
    FAILURES,
    GRACE,
    KEEP,
    LEAD,
    NUDGES,
    OUTAGE,
    PATIENCE,
    PAUSE,
    REST,
    SETTLED,
    TIDY_AFTER,
)
from ccfb.billing.model import Window
from ccfb.billing.rules import Policy, Rules

POOR = Rules("auto", other=SWITCH)
OFF = Rules("off", other=SWITCH)


# A limit


@pytest.mark.parametrize(
    ("rules", "event", "billed"),
    [
        pytest.param(AUTO, limit(), "anthropic", id="automatic and usable: switches"),
        pytest.param(
            Rules("auto", ("openrouter", "anthropic"), other=SWITCH),
            limit(),
            "openrouter",
            id="the first of the usable ones is taken",
        ),
        pytest.param(AUTO, limit(live=False), "anthropic", id="read from a transcript: switches"),
        pytest.param(OFF, limit(), "subscription", id="off: stays"),
        pytest.param(
            Rules("off", ("anthropic",), other=SWITCH), limit(), "subscription", id="off, usable"
        ),
        pytest.param(POOR, limit(), "subscription", id="no usable provider: stays"),
        pytest.param(AUTO, limit(resets_at=None), "subscription", id="unknown limit: stays"),
        pytest.param(AUTO, limit(resets_at=NOW - 1), "subscription", id="reset is past: stays"),
        pytest.param(AUTO, limit(resets_at=NOW + LEAD), "subscription", id="reset is upon us"),
        pytest.param(AUTO, told(100.0), "subscription", id="a full window isn't a limit yet"),
        pytest.param(AUTO, Tick(), "subscription", id="nothing happened"),
        pytest.param(AUTO, refusal(), "subscription", id="a provider that isn't billed refuses"),
        pytest.param(AUTO, Strayed("s1"), "subscription", id="a stray session"),
        pytest.param(AUTO, Prompted("s1"), "subscription", id="a prompt"),
    ],
)
def test_only_a_known_limit_with_the_users_leave_moves_billing(
    rules: Rules, event: Event, billed: str
) -> None:
    world = World(rules)
    world.sees(event)
    assert world.state.billing == billed
    assert len(world.written("switch")) == (billed != "subscription")


def test_a_limit_makes_its_session_go_on_at_once() -> None:
    world = World()
    assert world.sees(limit()) == [Continue("s1", NOW)]
    assert world.written() == ["limit", "switch", "continue"]
    assert world.state.switch
    assert world.state.switch.resets_at == RESET


def test_a_limit_read_from_a_transcript_continues_nobody() -> None:
    world = World()
    assert world.sees(limit(live=False)) == []
    assert world.written() == ["limit", "switch"]


def test_the_hook_of_a_limit_already_read_from_the_transcript_still_continues() -> None:
    world = World()
    world.sees(limit(live=False))
    assert continues(world.sees(limit())) == [Continue("s1", NOW)]
    assert world.written("limit", "switch") == ["limit", "switch"]


def test_three_sessions_at_one_limit_make_one_switch_and_all_go_on() -> None:
    world = World()
    went_on = []
    for number in range(3):
        world.passes(0.3)
        went_on += continues(world.sees(limit(f"s{number}", f"f{number}")))
    assert [action.session for action in went_on] == ["s0", "s1", "s2"]
    assert world.written("limit", "switch") == ["limit", "switch"]


@pytest.mark.parametrize("seconds", [0.0, 0.8, 30.0])
def test_a_limit_told_twice_continues_once(seconds: float) -> None:
    world = World()
    world.sees(limit())
    world.passes(seconds)
    assert world.sees(limit()) == []
    assert world.written() == ["limit", "switch", "continue"]


def test_turns_side_by_side_that_are_each_told_twice_continue_once_each() -> None:
    """A session's main turn and its agents can hit the limit together."""
    world = World()
    went_on = [
        bool(continues(world.sees(limit(failure=failure)))) for failure in ["main", "agent"] * 2
    ]
    assert went_on == [True, True, False, False]


def test_a_reset_told_to_the_minute_is_the_same_limit() -> None:
    world = World()
    world.sees(limit())
    world.sees(limit("s2", "f2", resets_at=RESET - SAME + 1))
    assert world.written("limit", "switch") == ["limit", "switch"]


def test_a_later_limit_of_the_session_is_a_limit_of_its_own() -> None:
    world = World()
    world.sees(limit())
    world.passes_until(RESET + HOUR)
    assert continues(world.sees(limit(failure="f2", resets_at=RESET + 5 * HOUR)))
    assert world.written("limit", "switch", "revert") == [
        "limit",
        "switch",
        "revert",
        "limit",
        "switch",
    ]


def test_an_unknown_limit_is_recorded_and_told_and_left_alone() -> None:
    world = World()
    assert world.sees(limit(resets_at=None)) == []
    assert world.written() == ["unknown_limit"]
    assert "Unknown limit" in says(world.sees(Prompted("s1")))[0]


def test_an_unknown_limit_doesnt_touch_a_switch_that_is_in_force() -> None:
    world = World()
    world.sees(limit())
    assert continues(world.sees(limit(failure="f2", resets_at=None))) == []
    assert world.state.billing == "anthropic"


def test_a_message_of_any_length_leaves_a_short_trace() -> None:
    world = World()
    world.sees(Limited("s1", "f1", "plan", None, "x" * 1_000_000, live=True))
    assert len(world.state.model_dump_json()) < 5_000
    assert len(world.ledger[0].model_dump_json()) < 1_000


# When it ends


def test_the_weekly_limit_after_the_five_hour_one_prolongs_without_a_second_switch() -> None:
    world = World()
    world.sees(limit())
    world.passes(HOUR)
    world.sees(limit("s2", "f2", window="seven_day", resets_at=WEEKLY))
    assert world.state.wake.resets_at == WEEKLY
    assert world.written("switch") == ["switch"]
    world.passes_until(RESET)
    world.sees(Tick())
    assert world.state.billing == "anthropic"
    world.passes_until(WEEKLY)
    world.sees(Tick())
    assert world.state.billing == "subscription"


def test_the_five_hour_limit_after_the_weekly_one_doesnt_shorten() -> None:
    world = World()
    world.sees(limit(window="seven_day", resets_at=WEEKLY))
    world.sees(limit("s2", "f2"))
    assert world.state.switch
    assert (world.state.switch.window, world.state.switch.resets_at) == ("seven_day", WEEKLY)


@pytest.mark.parametrize(
    ("left", "billed"),
    [(HOUR, "anthropic"), (LEAD + 0.1, "anthropic"), (LEAD, "subscription"), (-1, "subscription")],
)
def test_billing_comes_back_right_before_the_reset(left: float, billed: str) -> None:
    world = World()
    world.sees(limit())
    world.passes_until(RESET - left)
    world.sees(Tick())
    assert world.state.billing == billed


@pytest.mark.parametrize(
    "event",
    [Tick(), told(3.0, RESET + 5 * HOUR), Prompted("s9"), Strayed("s9"), refusal("s9")],
    ids=lambda event: type(event).__name__,
)
@pytest.mark.parametrize("rules", [AUTO, POOR, OFF], ids=["auto", "no provider", "off"])
def test_every_event_sees_that_the_time_has_come(event: Event, rules: Rules) -> None:
    world = World()
    world.sees(limit())
    world.passes_until(RESET + HOUR)
    world.sees(event, rules)
    assert world.state.billing == "subscription"
    assert world.reasons() == ["reset"]


def test_the_gate_is_told_when_and_by_both_clocks() -> None:
    world = World()
    world.sees(limit())
    wake = world.state.wake
    assert (wake.at, wake.boot_at) == pytest.approx((RESET - LEAD, BOOT + 2 * HOUR - LEAD))
    assert (wake.marker, wake.resets_at) == ("anthropic", RESET)


def test_the_wall_clock_alone_brings_billing_back() -> None:
    """A machine that slept, on a system whose other clock sleeps too."""
    world = World()
    world.sees(limit())
    world.wall = RESET - LEAD
    world.sees(Tick())
    assert world.state.billing == "subscription"


def test_a_wall_clock_set_back_doesnt_prolong() -> None:
    world = World()
    world.sees(limit())
    world.wall -= 24 * HOUR
    world.passes(2 * HOUR)
    world.sees(Tick())
    assert world.state.billing == "subscription"


@pytest.mark.parametrize("live", [True, False], ids=["told again", "read again"])
def test_a_reset_that_came_doesnt_come_again_for_a_wall_clock_set_back(live: bool) -> None:
    """A transcript's old row must not start the spending anew, nor a late telling."""
    world = World()
    world.sees(limit(live=False))
    world.wall -= 24 * HOUR
    world.passes(2 * HOUR)
    world.sees(Tick())
    actions = world.sees(limit("s2", "f2", live=live))
    assert world.state.billing == "subscription"
    assert all(action.at < world.wall + 10 for action in continues(actions))


def test_a_wall_clock_set_forward_comes_back_early_and_stays() -> None:
    """Better a turn that fails than one that is billed past a reset."""
    world = World()
    world.sees(limit())
    world.wall += 24 * HOUR
    world.sees(Tick())
    assert world.state.billing == "subscription"
    assert world.sees(limit(failure="f2")) == []
    assert world.state.billing == "subscription"


def test_a_wall_clock_set_forward_and_corrected_counts_as_if_nothing_had_been() -> None:
    world = World()
    world.sees(limit())
    world.wall += 24 * HOUR
    world.sees(Tick())
    world.wall -= 24 * HOUR
    world.sees(limit(failure="f2"))
    assert world.state.billing == "anthropic"


def test_a_reboot_leaves_the_wall_clock_in_charge() -> None:
    world = World()
    world.sees(limit())
    world.passes(HOUR)
    world.boot = 20.0
    world.sees(Tick())
    assert world.state.billing == "anthropic"
    world.passes_until(RESET)
    world.sees(Tick())
    assert world.state.billing == "subscription"


def test_turning_it_off_ends_a_switch_at_once() -> None:
    world = World()
    world.sees(limit())
    world.sees(Tick(), OFF)
    assert world.state.billing == "subscription"
    assert world.reasons() == ["off"]


def test_turning_it_on_at_a_known_limit_switches() -> None:
    world = World(OFF)
    world.sees(limit())
    world.sees(Tick(), AUTO)
    assert world.state.billing == "anthropic"


def test_keys_that_nobody_looked_for_dont_end_a_switch() -> None:
    """The status line and prompts look for no keys: they could be slow."""
    world = World()
    world.sees(limit())
    world.sees(Prompted("s1"), POOR)
    assert world.state.billing == "anthropic"


def test_emptied_variables_are_tidied_once_a_while_after_the_revert() -> None:
    world = World()
    world.sees(limit())
    world.passes_until(RESET)
    world.sees(Tick())
    assert world.state.wake.at == RESET + TIDY_AFTER
    world.passes(TIDY_AFTER)
    assert world.sees(Tick()) == [Tidy()]
    assert world.sees(Tick()) == []
    assert world.state.wake.at is None


def test_a_switch_before_the_tidying_puts_it_off_until_the_next_revert() -> None:
    """Else the gate would be told of a time long past, and wake the engine at every hook."""
    world = World()
    world.sees(limit())
    world.passes_until(RESET)
    world.sees(Tick())
    world.sees(Chosen("anthropic"))
    world.passes(TIDY_AFTER)
    assert world.sees(Tick()) == []
    assert world.state.wake.at is None


# A limit that is told once more right after its reset


def test_an_echo_right_before_the_reset_waits_for_it() -> None:
    world = World()
    world.passes_until(RESET - LEAD)
    assert world.sees(limit()) == [Continue("s1", RESET + GRACE)]
    assert world.state.billing == "subscription"


def test_an_echo_is_tried_once_more_and_not_for_ever() -> None:
    world = World()
    world.passes_until(RESET + 1)
    went_on = 0
    for number in range(10):
        went_on += len(continues(world.sees(limit(failure=f"f{number}"))))
        world.passes(1.0)
    assert 1 <= went_on <= 5
    world.passes_until(RESET + PATIENCE)
    assert world.sees(limit(failure="late")) == []
    assert world.written("switch") == []


def test_an_echo_of_a_turn_just_continued_isnt_continued_again() -> None:
    world = World()
    world.passes_until(RESET + 1)
    world.sees(limit())
    world.passes(2.0)
    assert world.sees(limit(failure="f2")) == []


@pytest.mark.parametrize("event", [limit(live=False), limit()], ids=["read", "told, but off"])
def test_an_echo_continues_only_a_waiting_session_and_only_with_leave(event: Limited) -> None:
    world = World(AUTO if not event.live else OFF)
    world.passes_until(RESET + 1)
    assert world.sees(event) == []


# The user's word


def test_use_subscription_never_spends() -> None:
    world = World()
    world.sees(Chosen("subscription"))
    assert world.sees(limit()) == []
    assert world.state.billing == "subscription"
    assert world.written("switch") == []
    assert "use auto" in says(world.sees(Prompted("s1")))[0]


def test_use_subscription_ends_a_switch() -> None:
    world = World()
    world.sees(limit())
    world.sees(Chosen("subscription"))
    world.sees(limit("s2", "f2"))
    assert world.state.billing == "subscription"


def test_use_provider_stays_until_the_user_says_otherwise() -> None:
    world = World(OFF)
    world.sees(Chosen("openrouter"))
    world.passes(100 * HOUR)
    world.sees(Tick())
    assert world.state.billing == "openrouter"
    assert world.state.wake.resets_at is None
    world.sees(Chosen("auto"))
    assert world.state.billing == "subscription"


def test_use_the_provider_that_is_billed_makes_it_stay() -> None:
    world = World()
    world.sees(limit())
    world.sees(Chosen("anthropic"))
    world.passes_until(RESET + HOUR)
    world.sees(Tick())
    assert world.state.billing == "anthropic"
    assert world.written("switch", "revert") == ["switch"]


def test_use_another_provider_changes_over() -> None:
    world = World()
    world.sees(limit())
    world.sees(Chosen("openrouter"))
    assert world.state.billing == "openrouter"
    assert world.written("switch", "revert") == ["switch", "revert", "switch"]


def test_a_chosen_provider_at_a_limit_goes_on_without_a_switch() -> None:
    world = World(OFF)
    world.sees(Chosen("openrouter"))
    assert continues(world.sees(limit()))
    assert world.state.billing == "openrouter"


def test_use_auto_at_a_known_limit_bills_until_its_reset() -> None:
    world = World()
    world.sees(Chosen("subscription"))
    world.sees(limit())
    world.sees(Chosen("auto"))
    assert world.state.billing == "anthropic"
    world.passes_until(RESET)
    world.sees(Tick())
    assert world.state.billing == "subscription"


def test_use_subscription_again_changes_nothing() -> None:
    world = World()
    world.sees(Chosen("subscription"))
    world.sees(Chosen("subscription"))
    assert world.written() == ["choice", "choice"]


# A provider that refuses


def test_the_next_provider_takes_over_and_the_session_goes_on() -> None:
    world = World()
    world.sees(limit())
    assert continues(world.sees(refusal())) == [Continue("s1", NOW)]
    assert world.state.billing == "openrouter"
    assert world.state.switch
    assert world.state.switch.resets_at == RESET


def test_without_another_provider_billing_comes_back_and_the_user_is_told() -> None:
    world = World(Rules("auto", ("anthropic",), other=SWITCH))
    world.sees(limit())
    assert world.sees(refusal()) == []
    assert world.state.billing == "subscription"
    assert says(world.sees(Prompted("s1"))) == ["anthropic refused: Credit balance is too low"]


def test_all_sessions_on_a_refusing_provider_go_on_with_the_next() -> None:
    world = World()
    for name in ("s1", "s2"):
        world.sees(limit(name, f"f-{name}"))
    went_on = [
        action.session
        for name in ("s1", "s2")
        for action in continues(world.sees(refusal(name, f"r-{name}")))
    ]
    assert went_on == ["s1", "s2"]
    assert world.written("provider_failure") == ["provider_failure"]
    assert world.state.billing == "openrouter"


def test_a_refusal_told_twice_is_answered_once() -> None:
    world = World()
    world.sees(limit())
    world.sees(refusal())
    assert world.sees(refusal()) == []
    assert world.written("provider_failure") == ["provider_failure"]


@pytest.mark.parametrize(
    ("until", "rest"),
    [(None, REST), (NOW + 30 * HOUR, 30 * HOUR), (NOW - HOUR, REST)],
    ids=["untold", "told", "told, but past"],
)
def test_a_provider_that_refused_is_left_alone(until: float | None, rest: float) -> None:
    rules = Rules("auto", ("anthropic",), other=SWITCH)
    world = World(rules)
    world.sees(limit(window="seven_day", resets_at=WEEKLY))
    world.sees(refusal(until=until))
    world.passes(rest - 1)
    world.sees(Tick())
    assert world.state.billing == "subscription"
    world.passes(1)
    world.sees(Tick())
    assert world.state.billing == "anthropic"


def test_two_refusing_providers_dont_take_turns() -> None:
    world = World()
    world.sees(limit())
    went_on = 0
    for number, provider in enumerate(["anthropic", "openrouter"] * 3):
        event = refusal(failure=f"r{number}", provider=provider, until=NOW - 5)
        went_on += len(continues(world.sees(event)))
        world.passes(3)
    assert went_on == 1
    assert world.state.billing == "subscription"


def test_a_chosen_provider_that_refuses_leaves_the_rest_to_the_rules() -> None:
    world = World(OFF)
    world.sees(Chosen("openrouter"))
    world.sees(refusal(provider="openrouter"))
    assert world.state.billing == "subscription"
    assert not world.state.hold


def test_choosing_a_provider_that_refused_tries_it_again() -> None:
    world = World()
    world.sees(limit())
    world.sees(refusal())
    world.sees(Chosen("anthropic"))
    assert world.state.billing == "anthropic"


# Sessions that don't follow, and what they are told


def test_a_stray_session_is_nudged_a_few_times_then_told_once() -> None:
    world = World()
    world.sees(limit())
    nudges = [Nudge() in world.sees(Strayed("s2")) for _ in range(NUDGES + 3)]
    assert nudges == [True] * NUDGES + [False] * 3
    assert world.state.wake.lost == ["s2"]
    assert len(says(world.sees(Prompted("s2")))) == 1


def test_a_turn_that_could_not_go_on_is_left_to_the_client_at_the_reset() -> None:
    """Else its own `continue at reset` would be taken for a second run of the task."""
    world = World()
    world.sees(limit())
    assert world.state.sessions["s1"].continued_at == NOW
    world.sees(Strayed("s1", lost=True))
    assert world.state.sessions["s1"].continued_at is None
    assert len(says(world.sees(Prompted("s1")))) == 1


def test_the_next_change_asks_stray_sessions_anew() -> None:
    world = World()
    world.sees(limit())
    for _ in range(NUDGES + 1):
        world.sees(Strayed("s2"))
    world.passes_until(RESET)
    world.sees(Tick())
    assert world.state.wake.lost == []
    assert world.sees(Strayed("s2")) == [Nudge()]


def test_what_a_stray_session_has_inherited_is_blanked_for_a_while() -> None:
    """It was started from a switched one, long ago: nothing is left in the settings to notice."""
    world = World()
    world.sees(Strayed("s1"))
    assert world.state.blanked
    assert world.state.wake.at == NOW + TIDY_AFTER
    world.passes(TIDY_AFTER)
    assert world.sees(Tick()) == [Tidy()]
    assert not world.state.blanked


@pytest.mark.parametrize(
    ("rules", "word"), [(OFF, "mode ask"), (POOR, "ccfb status")], ids=["off", "no provider"]
)
def test_who_stays_at_a_limit_is_told_why_once(rules: Rules, word: str) -> None:
    world = World(rules)
    world.sees(limit())
    world.sees(limit(live=False))  # the same row, found in the transcript
    assert world.state.wake.sessions == ["s1"]
    (line,) = says(world.sees(Prompted("s1")))
    assert word in line
    assert says(world.sees(Prompted("s1"))) == []
    assert world.state.wake.sessions == []


def test_a_transcript_read_again_tells_nothing_again() -> None:
    world = World(OFF)
    said = []
    for _ in range(3):
        world.sees(limit(live=False))
        said += says(world.sees(Prompted("s1")))
    assert len(said) == 1


def test_notices_go_to_their_own_session() -> None:
    world = World(OFF)
    world.sees(limit("s1", "f1"))
    world.sees(limit("s2", "f2"))
    assert len(says(world.sees(Prompted("s1")))) == 1
    assert world.state.wake.sessions == ["s2"]


def test_a_session_is_remembered_for_as_long_as_a_weekly_limit_lasts() -> None:
    """The client's own `continue at reset` must find that the task went on already."""
    world = World()
    world.sees(limit(window="seven_day", resets_at=NOW + 7 * 24 * HOUR))
    world.passes_until(NOW + 7 * 24 * HOUR + 75)
    world.sees(Prompted("s1"))
    assert world.state.sessions["s1"].continued_at == NOW


def test_what_is_old_is_forgotten() -> None:
    world = World(OFF)
    world.sees(limit())
    world.passes(KEEP)
    world.sees(Tick())
    assert not world.state.sessions
    assert not world.state.notices
    assert not world.state.limits


# What the status line tells


@pytest.mark.parametrize(
    ("percentage", "next_"), [(0.0, 5.0), (4.9, 5.0), (5.0, 10.0), (98.0, 100.0), (104.0, 105.0)]
)
def test_the_gate_is_told_the_next_percentage_worth_telling(
    percentage: float, next_: float
) -> None:
    world = World()
    world.sees(told(percentage))
    assert world.state.wake.windows == {"five_hour": {"resets_at": RESET, "percentage": next_}}


def test_an_idle_session_that_tells_of_an_old_window_is_not_believed() -> None:
    world = World()
    world.sees(told(3.0, RESET + 5 * HOUR))
    world.sees(told(97.0, RESET))
    assert world.state.windows["five_hour"].percentage == 3.0


# Ahead of the limit

AHEAD = Rules(
    "auto", ("anthropic",), windows={"five_hour": Policy("switch", switch_at=95, back_at=50)}
)


@pytest.mark.parametrize(
    ("rules", "event", "billed"),
    [
        pytest.param(AHEAD, told(94.9), "subscription", id="below: stays"),
        pytest.param(AHEAD, told(95), "anthropic", id="at the threshold: switches"),
        pytest.param(AHEAD, told(140), "anthropic", id="more than all of it: switches"),
        pytest.param(AHEAD, told(99, NOW - 60), "subscription", id="a window that has reset"),
        pytest.param(AHEAD, told(99, NOW + 1), "subscription", id="resets before it would help"),
        pytest.param(AUTO, told(99), "subscription", id="no threshold: waits for the limit"),
        pytest.param(OFF, told(99), "subscription", id="off: stays"),
        pytest.param(
            AHEAD,
            Told({"seven_day": Window(percentage=99, resets_at=WEEKLY, seen_at=NOW)}),
            "subscription",
            id="a window without a threshold of its own",
        ),
    ],
)
def test_a_window_is_left_before_it_refuses(rules: Rules, event: Told, billed: str) -> None:
    world = World(rules)
    world.sees(event)
    assert world.state.billing == billed


def test_a_crossing_is_one_switch_however_often_it_is_told() -> None:
    world = World(AHEAD)
    for percentage in (95, 96, 95, 99):
        world.sees(told(percentage))
    assert world.written() == ["threshold", "switch"]
    assert world.state.switch
    assert world.state.switch.reason == "threshold"


def test_between_the_thresholds_nothing_moves() -> None:
    world = World(AHEAD)
    world.sees(told(95))
    world.sees(told(51))
    assert world.state.billing == "anthropic"
    world.sees(told(50))
    assert world.state.billing == "subscription"
    world.sees(told(94))
    assert world.state.billing == "subscription"
    assert world.reasons() == ["utilization"]


def test_the_reset_ends_it_like_a_limit() -> None:
    world = World(AHEAD)
    world.sees(told(95))
    assert world.state.wake.at == RESET - LEAD
    world.passes_until(RESET - LEAD)
    world.sees(Tick())
    assert world.state.billing == "subscription"
    assert world.reasons() == ["reset"]
    world.sees(told(95))
    assert world.state.billing == "subscription", "an idle session tells of the window before"


def test_a_limit_that_strikes_in_flight_changes_nothing() -> None:
    world = World(AHEAD)
    world.sees(told(95))
    actions = world.sees(limit())
    assert continues(actions)
    assert world.written("switch") == ["switch"]


def test_the_gate_is_woken_at_the_threshold_itself() -> None:
    rules = Rules("auto", windows={"five_hour": Policy("switch", 93.5, 50)})
    world = World(rules)
    world.sees(told(91))
    assert world.state.wake.windows["five_hour"]["percentage"] == 93.5


def test_off_takes_it_back_and_auto_makes_it_so_again() -> None:
    world = World(AHEAD)
    world.sees(told(95))
    world.sees(Tick(), OFF)
    assert world.state.billing == "subscription"
    world.sees(Tick())
    assert world.state.billing == "anthropic"


def test_why_nothing_was_switched_isn_t_told_after_a_switch() -> None:
    world = World(OFF)
    world.sees(limit())
    world.sees(Tick(), AUTO)
    assert world.state.billing == "anthropic"
    assert says(world.sees(Prompted("s1"), AUTO)) == []


# Sessions that tell different figures


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (("s1", 60), ("s2", 40), 60),
        (("s1", 60), ("s2", 61), 61),
        (("s1", 60), ("s1", 40), 40),
        (("s1", 60), (None, 40), 40),
        ((None, 60), ("s1", 40), 60),
        ((None, 60), (None, 40), 40),
        (("s1", 96), ("s2", 240), 240),
    ],
)
def test_of_two_figures_the_higher_counts_unless_one_source_told_both(
    first: tuple[str | None, float], second: tuple[str | None, float], kept: float
) -> None:
    """An idle session lags behind; who has asked the plan itself doesn't."""
    world = World()
    for session, percentage in (first, second):
        world.sees(told(percentage, session=session))
    assert world.state.windows["five_hour"].percentage == kept


@pytest.mark.parametrize(
    ("resets_at", "kept"),
    [(RESET - SAME, 3.0), (RESET - SAME - 1, 97.0), (NOW + KEEP, 3.0), (NOW + KEEP + 1, 97.0)],
    ids=["the same reset", "an older one", "a later one", "one that no window can have"],
)
def test_figures_of_an_older_window_or_of_none_are_passed_over(
    resets_at: float, kept: float
) -> None:
    world = World()
    world.sees(told(97.0, session="s1"))
    world.sees(told(3.0, resets_at, session="s1"))
    assert world.state.windows["five_hour"].percentage == kept


def test_the_next_window_is_open_whatever_the_clock_says() -> None:
    """The plan was reset ahead of time, or the wall clock was set back."""
    world = World()
    world.sees(limit())
    world.sees(told(2.0, RESET + HOUR))
    assert world.billed == "subscription"
    assert not world.state.closed


# Extra usage


@pytest.mark.parametrize(
    ("percentage", "extra", "closed"),
    [(99.0, True, True), (100.0, True, False), (130.0, True, False), (130.0, False, True)],
)
def test_a_plan_that_goes_on_beyond_its_limit_isnt_left(
    percentage: float, extra: bool, closed: bool
) -> None:
    world = World(DEFAULT)
    window = Window(percentage=percentage, resets_at=RESET, seen_at=NOW)
    world.sees(Told({"five_hour": window}, extra_usage=extra))
    assert bool(world.state.closed) is closed
    assert world.written("extra_usage") == ["extra_usage"] * extra


# Limits that don't say which window refuses


@pytest.mark.parametrize("name", ["plan", "overage"])
@pytest.mark.parametrize(
    ("known", "ahead", "window"),
    [
        ((), 5 * HOUR, "five_hour"),
        ((), 5 * HOUR + 1, "seven_day"),
        ((), 7 * DAY, "seven_day"),
        ((("seven_day", 100.0),), 4 * HOUR, "seven_day"),
        ((("five_hour", 100.0), ("seven_day", 70.0)), 4 * HOUR, "five_hour"),
        ((("five_hour", 70.0), ("seven_day", 100.0)), 4 * HOUR, "seven_day"),
    ],
)
def test_a_window_without_a_name_is_known_by_its_reset(
    name: str, known: tuple[tuple[str, float], ...], ahead: float, window: str
) -> None:
    world = World()
    for told_of, percentage in known:
        world.sees(told(percentage, NOW + ahead, window=told_of))
    world.sees(limit(window=name, resets_at=NOW + ahead))
    assert list(world.state.limits) == [window]


def test_a_month_is_no_window_and_keeps_its_name() -> None:
    world = World(DEFAULT)
    world.sees(limit(window="plan", resets_at=NOW + 20 * DAY))
    assert list(world.state.limits) == ["plan"]
    assert world.asked == ("plan", "limit")


def test_a_weekly_limit_without_a_name_never_switches_by_itself() -> None:
    """Neither when it strikes, nor in its last five hours."""
    world = World(Rules("auto", BOTH, BOTH, WINDOWS))
    world.sees(limit(window="plan", resets_at=NOW + 6 * HOUR))
    world.passes(2 * HOUR)
    world.sees(Tick())
    assert world.billed == "subscription"
    assert world.asked == ("seven_day", "limit")


def test_a_limit_with_and_without_its_name_is_one() -> None:
    world = World(DEFAULT)
    world.sees(limit(window="plan"))
    world.sees(Answered("no"))
    world.sees(limit("s2", "f2"))
    assert world.written("limit", "question") == ["limit", "question"]


# A wall clock that is wrong while nobody is billed


def test_a_reset_that_came_unanswered_isnt_billed_for_afterwards() -> None:
    world = World(DEFAULT)
    world.sees(limit())
    world.wall -= 24 * HOUR
    world.passes(2 * HOUR - LEAD)
    world.sees(Answered("yes"))
    assert world.billed == "subscription"
    assert world.asked is None


def test_giving_a_provider_back_after_the_reset_doesnt_switch_again() -> None:
    world = World()
    world.sees(limit())
    world.sees(Chosen("anthropic"))
    world.wall -= 24 * HOUR
    world.passes(3 * HOUR)
    world.sees(Chosen("auto"))
    assert world.billed == "subscription"


@pytest.mark.parametrize("wrong", [0, 1], ids=["first", "later"])
def test_one_telling_by_a_clock_that_is_right_is_enough(wrong: int) -> None:
    """The threshold is told before the limit, each with the clock of its moment."""
    world = World(DEFAULT)
    events: list[Event] = [told(97), limit()]
    for number, event in enumerate(events):
        world.wall = NOW - DAY * (number == wrong)
        world.sees(event)
    world.wall = NOW - DAY
    world.passes(2 * HOUR)
    world.sees(Tick())
    assert not world.state.closed


def test_a_gate_that_sleeps_by_either_clock_wakes_for_the_question() -> None:
    world = World(DEFAULT)
    world.sees(limit())
    wake = world.state.wake
    assert (wake.at, wake.boot_at) == pytest.approx((RESET - LEAD, BOOT + 2 * HOUR - LEAD))
    assert wake.asked
    assert wake.marker == ""


# Another account


def signed_in(rules: Rules = DEFAULT) -> World:
    world = World(rules)
    world.sees(SignedIn("mine"))
    return world


def test_another_account_has_windows_and_answers_of_its_own() -> None:
    world = signed_in()
    world.sees(told(97, session="s1"))
    world.sees(Answered("yes"))
    assert world.billed == "anthropic"
    world.sees(SignedIn("other"))
    state = world.state
    assert (world.billed, world.reasons()) == ("subscription", ["account"])
    assert [state.windows, state.closed, state.answers, state.question] == [{}, {}, {}, None]
    world.sees(told(97, RESET + HOUR))
    assert world.asked == ("five_hour", "threshold")


@pytest.mark.parametrize("account", ["mine", "other"])
def test_a_provider_that_the_user_holds_stays_with_any_account(account: str) -> None:
    world = signed_in()
    world.sees(Chosen("anthropic"))
    world.sees(SignedIn(account))
    assert world.billed == "anthropic"


def test_the_same_account_changes_nothing() -> None:
    world = signed_in(AUTO)
    world.sees(limit())
    before = world.state
    world.sees(SignedIn("mine"))
    assert world.state == before


def test_who_signs_in_for_the_first_time_forgets_nothing() -> None:
    world = World()
    world.sees(limit())
    world.sees(SignedIn("mine"))
    assert world.billed == "anthropic"


def test_an_idle_session_of_the_earlier_account_closes_nothing() -> None:
    world = signed_in(Rules("auto", BOTH, BOTH, WINDOWS))
    world.sees(told(40, session="s1"))
    world.sees(SignedIn("other"))
    world.sees(told(99, session="s1"))
    assert world.billed == "subscription"
    assert not world.state.windows


def test_a_limit_of_the_earlier_account_is_tried_again_with_the_new_one() -> None:
    """The request was under way when the other account signed in."""
    world = signed_in(AUTO)
    world.sees(told(99, session="s1"))
    world.sees(SignedIn("other"))
    assert [action.session for action in continues(world.sees(limit()))] == ["s1"]
    assert world.billed == "subscription"
    assert continues(world.sees(limit(failure="f2"))) == [], "once"


# Outages


def outage(does: str, mode: str = "auto") -> World:
    windows = WINDOWS | {OUTAGE: Policy(does)}
    return World(Rules(mode, BOTH, BOTH, windows))  # type: ignore[arg-type]


def fail(world: World, count: int, first: int = 0) -> list[Continue]:
    return [
        action
        for number in range(count)
        for action in continues(world.sees(Failed("s1", f"o{first + number}")))
    ]


@pytest.mark.parametrize(
    ("does", "mode", "count", "billed", "asked"),
    [
        ("switch", "auto", FAILURES - 1, "subscription", None),
        ("switch", "auto", FAILURES, "anthropic", None),
        ("switch", "ask", FAILURES, "subscription", (OUTAGE, "limit")),
        ("ask", "auto", FAILURES, "subscription", (OUTAGE, "limit")),
        ("wait", "auto", FAILURES, "subscription", None),
        ("downgrade:haiku", "auto", FAILURES, "subscription", (OUTAGE, "limit")),
        ("switch", "notify", FAILURES, "subscription", None),
        ("switch", "off", FAILURES, "subscription", None),
    ],
)
def test_an_outage_is_left_like_a_limit_if_the_user_wants_so(
    does: str, mode: str, count: int, billed: str, asked: tuple[str, str] | None
) -> None:
    world = outage(does, mode)
    went_on = fail(world, count)
    assert (world.billed, world.asked) == (billed, asked)
    assert len(went_on) == (billed != "subscription")


def test_after_a_pause_the_plan_is_tried_again_and_one_more_failure_is_enough() -> None:
    world = outage("switch")
    fail(world, FAILURES)
    world.sees(Answering())  # the provider did
    world.passes(PAUSE - LEAD)
    world.sees(Tick())
    assert world.billed == "subscription"
    fail(world, 1, first=FAILURES)
    assert world.billed == "anthropic"


def test_a_plan_that_answers_ends_the_outage() -> None:
    world = outage("ask")
    fail(world, FAILURES)
    world.sees(Answering())
    assert (world.asked, world.state.closed, world.state.wake.failing) == (None, {}, False)
    fail(world, FAILURES - 1, first=FAILURES)
    assert world.asked is None


def test_a_failure_told_twice_counts_once() -> None:
    world = outage("switch")
    for _ in range(FAILURES):
        fail(world, 1)
    assert world.billed == "subscription"


def test_who_has_answered_isnt_asked_at_every_failure() -> None:
    world = outage("ask")
    fail(world, FAILURES)
    world.sees(Answered("no"))
    for number in range(8):
        world.passes(60)
        fail(world, 1, first=10 + number)
    assert world.written("outage", "question") == ["outage", "question"]


# Windows that are spared


def sparing(does: str = "downgrade:sonnet", mode: str = "auto") -> World:
    windows = WINDOWS | {"seven_day_opus": Policy(does, 95, 50)}
    return World(Rules(mode, BOTH, BOTH, windows))  # type: ignore[arg-type]


OPUS = limit(window="seven_day_opus", resets_at=WEEKLY)


@pytest.mark.parametrize("event", [OPUS, told(96, WEEKLY, window="seven_day_opus")])
def test_a_window_is_spared_by_another_model_until_its_reset(event: Event) -> None:
    """It costs nothing, so nobody is asked."""
    world = sparing(mode="ask")
    went_on = continues(world.sees(event))
    world.sees(event)
    assert bool(went_on) == isinstance(event, Limited)
    assert (world.billed, world.asked) == ("subscription", None)
    assert world.state.wake.model == "seven_day_opus:sonnet"
    assert world.state.wake.line["downgraded"] == {"seven_day_opus": "sonnet"}
    assert world.state.wake.at == WEEKLY - LEAD
    world.passes_until(WEEKLY - LEAD)
    world.sees(Tick())
    assert world.state.wake.model == ""
    assert world.written("downgrade", "restore") == ["downgrade", "restore"]
    assert world.state.tidy_at == world.wall + TIDY_AFTER


@pytest.mark.parametrize("mode", ["notify", "off"])
def test_nobody_is_downgraded_who_doesnt_want_anything_done(mode: str) -> None:
    world = sparing(mode=mode)
    world.sees(OPUS)
    assert world.state.wake.model == ""


def test_a_spared_window_doesnt_bar_another_one() -> None:
    world = sparing()
    world.sees(OPUS)
    world.sees(limit(failure="f2"))
    assert world.billed == "anthropic"
    assert world.state.wake.model == "", "who pays works with the model of their choice"
    world.passes_until(RESET)
    world.sees(Tick())
    assert world.state.wake.model == "seven_day_opus:sonnet"


@pytest.mark.parametrize("skew", [0.0, -DAY], ids=["right", "set back"])
def test_a_downgrade_that_doesnt_help_isnt_tried_for_ever(skew: float) -> None:
    """Another model of the same family, say."""
    world = sparing("downgrade:opus-before")
    assert continues(world.sees(OPUS))
    world.wall += skew
    world.passes(SETTLED + 1)
    event = limit(failure="f2", window="seven_day_opus", resets_at=WEEKLY)
    assert continues(world.sees(event)) == []


@pytest.mark.parametrize("window", ["five_hour", "seven_day"])
def test_a_window_of_all_models_isnt_spared_by_one_of_them(window: str) -> None:
    windows = WINDOWS | {window: Policy("downgrade:haiku", 95, 50)}
    world = World(Rules("auto", BOTH, BOTH, windows))
    world.sees(limit(window=window))
    assert world.asked == (window, "limit")
    assert not world.state.downgrades


def test_a_window_restored_while_a_provider_is_billed_tidies_nothing() -> None:
    """Else the gate would be told of a time long past, and wake the engine at every hook."""
    world = sparing()
    world.sees(limit(window="seven_day_opus", resets_at=NOW + HOUR))
    world.sees(limit(failure="f2"))
    world.passes(HOUR)
    world.sees(Tick())
    assert world.billed == "anthropic"
    assert world.state.wake.at == RESET - LEAD


# Whatever happens twice


@pytest.mark.parametrize(
    "event",
    [
        limit(),
        weekly(),
        limit(live=False),
        limit(resets_at=None),
        refusal(),
        Failed("s1", "o1"),
        told(97),
        SignedIn("mine"),
        Prompted("s1"),
    ],
    ids=lambda event: type(event).__name__,
)
@pytest.mark.parametrize("rules", [DEFAULT, AUTO], ids=["ask", "auto"])
def test_an_event_told_twice_changes_nothing_more(rules: Rules, event: Event) -> None:
    world = World(rules)
    world.sees(limit("s0", "f0"))
    world.sees(event)
    before, entries = world.state, len(world.ledger)
    again = world.sees(event)
    assert not any(isinstance(action, Continue | Bar) for action in again)
    assert len(world.ledger) == entries
    assert world.state == before
