"""Who is asked, and what follows from the answer: modes, policies, windows and words."""

from dataclasses import replace

import pytest

from billing.story import (
    BOTH,
    DAY,
    DEFAULT,
    HOUR,
    NOW,
    RESET,
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
from ccfb.billing.events import (
    Answered,
    Ask,
    Chosen,
    Estimated,
    Event,
    Prompted,
    Resumed,
    Tick,
    Word,
)
from ccfb.billing.machine import LEAD, REST
from ccfb.billing.rules import Mode, Policy, Rules

AUTO = replace(DEFAULT, mode="auto")
HEADLESS = replace(DEFAULT, unattended=True)

NEAR, LIMIT = told(95), limit()
NEAR_WEEKLY, WEEKLY_LIMIT = told(95, WEEKLY, window="seven_day"), weekly()


def story(*events: Event | str, rules: Rules = DEFAULT) -> World:
    """A world in which some things have happened; a string is the user's word."""
    world = World(rules)
    for event in events:
        if isinstance(event, str):
            word: Word = event  # type: ignore[assignment]
            world.sees(Answered(word))
        else:
            world.sees(event)
    return world


# What each mode does about each policy


@pytest.mark.parametrize(
    ("mode", "does", "billed", "asked"),
    [
        ("ask", "switch", "subscription", True),
        ("ask", "ask", "subscription", True),
        ("ask", "wait", "subscription", False),
        ("auto", "switch", "anthropic", False),
        ("auto", "ask", "subscription", True),
        ("auto", "wait", "subscription", False),
        ("notify", "switch", "subscription", False),
        ("notify", "ask", "subscription", False),
        ("off", "switch", "subscription", False),
        ("off", "ask", "subscription", False),
    ],
)
@pytest.mark.parametrize("event", [NEAR, LIMIT, NEAR_WEEKLY, WEEKLY_LIMIT])
def test_nothing_is_billed_that_neither_mode_nor_policy_allow(
    mode: Mode, does: str, billed: str, event: Event, *, asked: bool
) -> None:
    windows = {name: Policy(does, 95, 50) for name in ("five_hour", "seven_day")}
    world = story(event, rules=Rules(mode, BOTH, BOTH, windows))
    assert (world.billed, world.asked is not None) == (billed, asked)


@pytest.mark.parametrize("mode", ["ask", "auto", "notify", "off"])
def test_by_default_a_weekly_window_never_switches_by_itself(mode: Mode) -> None:
    world = story(WEEKLY_LIMIT, NEAR_WEEKLY, rules=replace(DEFAULT, mode=mode))
    world.passes_until(WEEKLY - HOUR)
    world.sees(Tick())
    assert world.billed == "subscription"


# What a word does, and for how long


@pytest.mark.parametrize("word", ["yes", "no", "wait"])
@pytest.mark.parametrize("event", [NEAR, LIMIT], ids=["near", "limit"])
def test_only_a_yes_bills(word: Word, event: Event) -> None:
    world = story(event, word)
    assert world.billed == ("anthropic" if word == "yes" else "subscription")
    assert world.asked is None
    assert world.reasons("answer") == [word]


@pytest.mark.parametrize(
    ("events", "asked"),
    [
        ((NEAR,), ("five_hour", "threshold")),
        ((NEAR, LIMIT), ("five_hour", "limit")),
        ((NEAR, "no", LIMIT), None),
        ((NEAR, "wait"), None),
        ((NEAR, "wait", NEAR), None),
        ((NEAR, "wait", LIMIT), ("five_hour", "limit")),
        ((NEAR, "wait", LIMIT, "wait", limit("s2", "f2")), None),
        ((LIMIT, "wait", limit("s2", "f2")), None),
        ((LIMIT, "no", limit("s2", "f2")), None),
        ((LIMIT, "no", WEEKLY_LIMIT), ("seven_day", "limit")),
        ((NEAR_WEEKLY, LIMIT), ("five_hour", "limit")),
        ((LIMIT, WEEKLY_LIMIT), ("seven_day", "limit")),
        ((LIMIT, Chosen("subscription")), None),
        ((LIMIT, Chosen("subscription"), Chosen("auto")), ("five_hour", "limit")),
    ],
)
def test_what_is_asked_after_all_this(
    events: tuple[Event | str, ...], asked: tuple[str, str] | None
) -> None:
    assert story(*events).asked == asked


def test_a_question_stays_one_until_it_is_answered_or_its_window_resets() -> None:
    world = story(LIMIT)
    for _ in range(3):
        world.passes(60)
        world.sees(Tick())
    assert world.written("question") == ["question"]
    assert world.state.wake.asked
    world.passes_until(RESET - LEAD)
    world.sees(Tick())
    assert world.asked is None
    assert not world.state.wake.asked


@pytest.mark.parametrize("word", ["yes", "no", "wait"])
def test_a_word_holds_until_its_window_resets(word: Word) -> None:
    world = story(LIMIT, word)
    world.passes_until(RESET - LEAD)
    world.sees(Tick())
    assert world.billed == "subscription"
    world.passes(HOUR)
    world.sees(limit(failure="f2", resets_at=RESET + 5 * HOUR))
    assert world.asked == ("five_hour", "limit")
    assert world.billed == "subscription"


def test_who_changes_their_mind_is_heard_at_once() -> None:
    world = story(LIMIT, "no")
    world.sees(Answered("yes"))
    assert world.billed == "anthropic"
    world.sees(Answered("no"))
    assert world.billed == "subscription"
    assert world.reasons() == ["answer"]


def test_a_word_where_nothing_is_closed_is_none() -> None:
    world = story("yes")
    world.sees(LIMIT)
    assert world.billed == "subscription"
    assert world.written("answer") == []


def test_a_yes_ends_what_the_user_has_held() -> None:
    world = story(LIMIT, Chosen("subscription"), "yes")
    assert world.billed == "anthropic"
    assert not world.state.hold


def test_a_no_leaves_the_plan_held() -> None:
    assert story(LIMIT, Chosen("subscription"), "no").state.hold


def test_a_mode_that_becomes_more_careful_asks_for_what_it_did_by_itself() -> None:
    world = story(LIMIT, rules=AUTO)
    assert world.billed == "anthropic"
    world.sees(Tick(), DEFAULT)
    assert (world.billed, world.asked) == ("subscription", ("five_hour", "limit"))


# Several windows


@pytest.mark.parametrize(
    ("events", "billed"),
    [
        ((LIMIT, WEEKLY_LIMIT), "subscription"),
        ((WEEKLY_LIMIT, LIMIT), "subscription"),
        ((LIMIT, NEAR_WEEKLY), "anthropic"),
        ((NEAR_WEEKLY, LIMIT), "anthropic"),
        ((NEAR, WEEKLY_LIMIT), "subscription"),
        ((LIMIT, WEEKLY_LIMIT, "yes"), "anthropic"),
        ((LIMIT, WEEKLY_LIMIT, "no"), "subscription"),
        ((WEEKLY_LIMIT, "yes", LIMIT), "anthropic"),
        ((WEEKLY_LIMIT, "no", LIMIT), "subscription"),
    ],
)
def test_every_window_that_refuses_must_be_allowed_but_not_one_that_is_near(
    events: tuple[Event | str, ...], billed: str
) -> None:
    assert story(*events, rules=AUTO).billed == billed


def test_a_window_that_bars_lets_the_other_go_on_after_its_reset() -> None:
    world = story(LIMIT, "no", WEEKLY_LIMIT, "yes", rules=DEFAULT)
    assert world.billed == "anthropic", "the question was about both"
    world = story(WEEKLY_LIMIT, "yes", limit(failure="f2"), rules=DEFAULT)
    assert world.billed == "subscription"
    world.passes_until(RESET)
    world.sees(Tick())
    assert world.billed == "anthropic"


@pytest.mark.parametrize("waiting", ["five_hour", "seven_day"])
def test_where_one_that_refuses_waits_nobody_is_asked_about_the_other(waiting: str) -> None:
    windows = WINDOWS | {waiting: Policy("wait")}
    world = story(LIMIT, WEEKLY_LIMIT, rules=replace(DEFAULT, windows=windows))
    assert world.asked is None
    world.sees(Answered("yes"))
    assert world.billed == "subscription"


def test_a_yes_to_another_window_is_none_to_the_one_before() -> None:
    """Its amount belongs to one answer, and to one bill."""
    world = story(NEAR, Answered("yes", 5.0), told(40))
    assert world.billed == "subscription"
    for event in (WEEKLY_LIMIT, Answered("yes")):
        world.sees(event)
    world.sees(limit(failure="f2"))
    assert world.billed == "subscription"
    assert world.asked == ("five_hour", "limit")


# The bill that is meant


@pytest.mark.parametrize(
    ("rules", "asked"),
    [
        (replace(DEFAULT, offered=("openrouter", "anthropic")), "openrouter"),
        (replace(DEFAULT, offered=("anthropic",)), "anthropic"),
        (replace(DEFAULT, offered=()), None),
    ],
)
def test_the_question_names_who_would_be_billed(rules: Rules, asked: str | None) -> None:
    question = story(LIMIT, rules=rules).state.question
    assert (question.provider if question else None) == asked


def test_a_yes_while_somebody_is_billed_is_for_that_bill() -> None:
    world = story(LIMIT, Chosen("openrouter"), "yes")
    assert world.billed == "openrouter"
    assert world.state.answers["five_hour"].provider == "openrouter"


def test_who_needs_no_yes_isnt_bound_to_the_bill_of_an_earlier_one() -> None:
    """The user was asked before, and has chosen `auto` since."""
    world = story(LIMIT, "yes")
    world.rules = AUTO
    world.sees(refusal())
    assert world.billed == "openrouter"


def test_a_yes_for_one_bill_doesnt_prolong_another_one() -> None:
    """The first provider had no credit when the weekly window came near, and has it again."""
    world = story(NEAR_WEEKLY, "yes", refusal(), rules=AUTO)
    world.sees(LIMIT)
    assert world.billed == "openrouter"
    world.passes(REST)
    world.sees(Tick())
    assert world.state.switch
    assert world.state.switch.window == "five_hour"
    world.passes_until(RESET)
    world.sees(Tick())
    assert world.billed == "anthropic"


# Where nobody can be asked


@pytest.mark.parametrize(
    ("rules", "events", "billed"),
    [
        (HEADLESS, (limit(headless=True),), "anthropic"),
        (HEADLESS, (weekly(headless=True),), "anthropic"),
        (HEADLESS, (limit(),), "subscription"),
        (HEADLESS, (limit(), limit("s2", "f2", headless=True)), "anthropic"),
        (HEADLESS, (limit(headless=True, live=False),), "anthropic"),
        (HEADLESS, (NEAR,), "subscription"),
        (HEADLESS, (NEAR, "wait", limit(headless=True)), "anthropic"),
        (HEADLESS, (NEAR, "no", limit(headless=True)), "subscription"),
        (HEADLESS, (limit(), "wait", limit("s2", "f2", headless=True)), "subscription"),
        (HEADLESS, (limit(headless=True), weekly("s2")), "subscription"),
        (HEADLESS, (Chosen("subscription"), limit(headless=True)), "subscription"),
        (DEFAULT, (limit(headless=True),), "subscription"),
        (replace(HEADLESS, mode="notify"), (limit(headless=True),), "subscription"),
        (
            replace(HEADLESS, windows={"five_hour": Policy("wait")}),
            (limit(headless=True),),
            "subscription",
        ),
    ],
)
def test_only_limits_of_headless_runs_are_answered_by_the_configuration(
    rules: Rules, events: tuple[Event | str, ...], billed: str
) -> None:
    assert story(*events, rules=rules).billed == billed


def test_what_the_configuration_has_answered_goes_to_the_ledger() -> None:
    world = story(limit(headless=True), rules=HEADLESS)
    (entry,) = (entry for entry in world.ledger if entry.event == "answer")
    assert (entry.window, entry.reason, entry.text) == ("five_hour", "yes", "nobody can be asked")


# Turns that wait for the answer


def test_a_turn_that_waits_goes_on_once_the_user_has_said_yes() -> None:
    world = story(LIMIT)
    assert continues(world.sees(Resumed("s1"))) == []
    world.sees(Answered("yes"))
    assert [each.session for each in continues(world.sees(Resumed("s1")))] == ["s1"]
    assert continues(world.sees(Resumed("s1"))) == []


def test_a_yes_typed_where_the_turn_was_cut_off_makes_it_go_on_at_once() -> None:
    world = story(LIMIT)
    assert continues(world.sees(Answered("yes", session="s2"))) == []
    assert continues(world.sees(Answered("yes", session="s1")))


def test_a_turn_that_the_user_has_taken_up_again_doesnt_go_on_by_itself() -> None:
    world = story(LIMIT, Prompted("s1"), "yes")
    assert continues(world.sees(Resumed("s1"))) == []


def test_who_is_asked_isnt_told_besides_why_nothing_was_switched() -> None:
    assert says(story(LIMIT).sees(Prompted("s1"))) == []


# What the user sees of a question


def test_each_session_is_asked_once() -> None:
    world = story(LIMIT)
    asked = [Ask() in world.sees(Prompted(name)) for name in ("s1", "s1", "s2", "s1")]
    assert asked == [True, False, True, False]


def test_a_limit_is_another_question_than_its_approach() -> None:
    world = story(NEAR, Prompted("s1"), LIMIT)
    assert Ask() in world.sees(Prompted("s1"))


def test_what_it_would_cost_is_part_of_the_question() -> None:
    world = story(LIMIT, Estimated(1.5, 12.0))
    line = world.state.wake.line["question"]
    assert line == {
        "window": "five_hour",
        "resets_at": RESET,
        "reason": "limit",
        "provider": "anthropic",
        "take_over": 1.5,
        "per_hour": 12.0,
    }


def test_an_estimate_that_comes_too_late_is_let_go() -> None:
    world = story(LIMIT, "no", Estimated(1.5, 12.0))
    assert world.asked is None


def test_the_status_line_knows_the_windows_that_have_not_reset() -> None:
    world = story(told(40), told(70, WEEKLY, window="seven_day"))
    assert world.state.wake.line["windows"] == {
        "five_hour": {"percentage": 40.0, "resets_at": RESET},
        "seven_day": {"percentage": 70.0, "resets_at": WEEKLY},
    }
    world.passes(DAY)
    world.sees(Tick())
    assert list(world.state.wake.line["windows"]) == ["seven_day"]
    assert world.wall == NOW + DAY


def test_a_yes_is_for_the_bill_that_was_asked_about_though_a_better_provider_is_back() -> None:
    world = story(LIMIT, "yes", refusal())
    assert world.state.question
    assert world.state.question.provider == "openrouter"
    world.passes(REST + 1)
    world.sees(Answered("yes"))
    assert world.billed == "openrouter"
