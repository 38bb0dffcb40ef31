"""What a key is billed: each of its requests once, at its own price, and none for free."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccfb import prices
from ccfb.client.messages import Message
from ccfb.meter import RELOAD, Spent, charge, spent
from ccfb.prices import Usage

NOW = 1_795_200_000.0
MODELS = ("claude-opus-5-5", "claude-haiku-5-5", "claude-unheard-of")


def message(
    sent_at: float = NOW,
    model: str = "claude-opus-5-5",
    usage: Mapping[str, Any] | None = None,
    *,
    session: str = "s1",
    fast: bool = False,
    sidechain: bool = False,
    kept: int | None = None,
) -> Message:
    used = {"input_tokens": 1_000_000} if usage is None else dict(usage)
    name = (f"m-{sent_at}-{session}", "r")
    return Message(session, "t", name, sent_at + 9, sent_at, model, used, fast, sidechain, kept)


def test_a_session_costs_what_its_requests_cost() -> None:
    usage = {
        "input_tokens": 1_000,
        "output_tokens": 2_000,
        "cache_read_input_tokens": 100_000,
        "cache_creation_input_tokens": 30_000,
        "cache_creation": {"ephemeral_1h_input_tokens": 10_000},
    }
    found = spent([message(usage=usage), message(NOW + 1, usage=usage)], "anthropic", NOW, NOW + 9)
    one = (1_000 * 4 + 2_000 * 20 + 100_000 * 0.2 + 20_000 * 5 + 10_000 * 8) / 1e6
    assert found["s1"].dollars == pytest.approx(2 * one)
    assert found["s1"].tokens == Usage(2_000, 4_000, 200_000, 40_000, 20_000)
    assert (found["s1"].requests, found["s1"].unknown) == (2, 0.0)


def test_each_session_has_its_own_sum_with_its_subagents() -> None:
    sent = [message(), message(NOW + 1, sidechain=True), message(NOW + 2, session="s2")]
    found = spent(sent, "anthropic", NOW, NOW + 9)
    assert {name: each.requests for name, each in found.items()} == {"s1": 2, "s2": 1}


@pytest.mark.parametrize(
    ("sent_at", "counts"),
    [
        (NOW - 0.001, False),
        (NOW, True),
        (NOW + 100, True),
        (NOW + 100 + RELOAD - 0.001, True),
        (NOW + 100 + RELOAD, False),
    ],
)
def test_only_what_was_sent_while_a_key_was_billed_counts(sent_at: float, counts: bool) -> None:
    """Until sessions have taken up the way back; the answer may come later."""
    assert bool(spent([message(sent_at)], "anthropic", NOW, NOW + 100)) is counts


def test_a_long_prompt_is_priced_by_itself() -> None:
    """A sum of short ones isn't taken for one."""
    short = [message(NOW + n, "claude-haiku-5-5", {"input_tokens": 60_000}) for n in range(2)]
    long = [message(NOW, "claude-haiku-5-5", {"input_tokens": 120_000})]
    assert spent(short, "anthropic", NOW, NOW + 9)["s1"].dollars == pytest.approx(0.012)
    assert spent(long, "anthropic", NOW, NOW + 9)["s1"].dollars == pytest.approx(0.06)


def test_the_price_is_that_of_the_day_on_which_it_was_sent() -> None:
    model, changed = "~anthropic/claude-opus-latest", 1_790_035_200.0  # 2026-09-22
    sent = [message(changed - 1, model), message(changed, model, session="s2")]
    found = spent(sent, "openrouter", 0, NOW)
    assert [each.dollars for each in found.values()] == [5.0, 4.0]


def test_fast_mode_has_its_own_price() -> None:
    found = spent([message(fast=True)], "anthropic", NOW, NOW + 9)["s1"]
    assert (found.dollars, found.unknown) == (8.0, 0.0)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-unheard-of"),
        ("openrouter", "anthropic/claude-unheard-of"),
        ("openrouter", ""),
        ("bedrock", "claude-opus-5-5"),
    ],
)
def test_a_model_without_a_known_price_counts_at_the_dearest(provider: str, model: str) -> None:
    """Money fails closed: such a request is told apart, and is never free."""
    found = spent([message(model=model), message(NOW + 1)], provider, NOW, NOW + 9)["s1"]
    dearest = prices.dearest(provider, NOW).tiers[0].input
    assert found.unknown >= dearest > 0
    assert found.dollars >= found.unknown


@pytest.mark.parametrize(
    "model",
    [
        "anthropic/claude-opus-5.5",
        "anthropic/claude-opus-5.5-20260921",
        "~anthropic/claude-opus-latest[1m]",
        "claude-opus-5-5-20260921",
    ],
)
def test_openrouter_may_call_a_model_in_several_ways(model: str) -> None:
    cost = charge("openrouter", model, Usage(1_000_000), NOW)
    assert (cost.dollars, cost.unknown) == (4.0, False)


@pytest.mark.parametrize(
    ("before", "written"),
    [
        ([], True),
        ([-20.0], True),
        ([0.5], True),
        ([RELOAD + 1], False),
        ([-20.0, RELOAD + 1], False),
        ([RELOAD + 1, RELOAD + 2, 1_000.0], False),
    ],
)
def test_a_compaction_is_only_cheap_where_the_provider_has_surely_cached_it(
    before: list[float], written: bool
) -> None:
    """Not on the plan, not in the moment of the switch; and five minutes later it is lost."""
    usage = {"cache_read_input_tokens": 100_000, "output_tokens": 2_000}
    at = max([*before, RELOAD]) + 300

    def cost(at: float) -> float:
        asked = [message(NOW + each) for each in before]
        compaction = message(NOW + at, usage=usage, kept=1_000)
        answered = spent(asked, "anthropic", NOW, NOW + 9_999).get("s1", Spent()).dollars
        whole = spent([*asked, compaction], "anthropic", NOW, NOW + 9_999)
        return whole["s1"].dollars - answered

    dear = (100_000 * 5 + 2_000 * 20) / 1e6
    cheap = (100_000 * 0.2 + 2_000 * 20) / 1e6
    assert cost(at) == pytest.approx(dear if written else cheap)
    assert cost(at + 10) == pytest.approx(dear)


def test_a_compaction_after_no_answer_costs_the_dearest() -> None:
    compaction = message(model="", usage={"cache_read_input_tokens": 100_000}, kept=1_000)
    found = spent([compaction], "anthropic", NOW, NOW + 9)["s1"]
    assert found.dollars == found.unknown > 0


sent = st.builds(
    message,
    st.floats(NOW - 50, NOW + 150),
    st.sampled_from(MODELS),
    st.fixed_dictionaries(
        {"input_tokens": st.integers(0, 300_000), "output_tokens": st.integers(0, 50_000)}
    ),
    session=st.sampled_from(["s1", "s2"]),
)


@given(sent=st.lists(sent, max_size=12), cut=st.floats(NOW, NOW + 100))
def test_no_request_is_lost_between_two_spans(sent: list[Message], cut: float) -> None:
    """Two spans side by side never come to less than the one that they make up."""

    def dollars(since: float, until: float) -> float:
        return sum(each.dollars for each in spent(sent, "anthropic", since, until).values())

    whole = dollars(NOW, NOW + 100)
    assert dollars(NOW, cut) + dollars(cut, NOW + 100) >= whole - 1e-9
    assert whole >= sum(each.unknown for each in spent(sent, "anthropic", NOW, NOW + 100).values())


@given(usage=st.builds(Usage, *[st.integers(0, 200_000)] * 5))
def test_an_unknown_model_is_never_cheaper_than_a_known_one(usage: Usage) -> None:
    unknown = charge("anthropic", "claude-unheard-of", usage, NOW)
    assert unknown.unknown
    assert unknown.dollars >= charge("anthropic", "claude-opus-5-5", usage, NOW).dollars
