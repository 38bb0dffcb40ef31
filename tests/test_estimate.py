"""What a switch costs is told beforehand: by what the session has used, at a key's prices."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccfb import prices
from ccfb.client.messages import Message
from ccfb.drill.api import FakeApi
from ccfb.estimate import (
    HOUR,
    INSTRUCTIONS,
    LEAST,
    PAUSE,
    from_sessions,
    from_size,
    per_hour,
    take_over,
)
from ccfb.meter import charge
from ccfb.prices import Usage
from drill.asking import PLAN, ask

NOW = 1_795_200_000.0
OPUS = "claude-opus-5-5"
OPENROUTER = {"opus": "~anthropic/claude-opus-latest", "sonnet": "~anthropic/claude-sonnet-latest"}


def used(
    fresh: int = 0, output: int = 0, read: int = 0, m5: int = 0, h1: int = 0
) -> dict[str, Any]:
    return {
        "input_tokens": fresh,
        "output_tokens": output,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": m5 + h1,
        "cache_creation": {"ephemeral_5m_input_tokens": m5, "ephemeral_1h_input_tokens": h1},
    }


def message(
    sent_at: float = NOW,
    usage: Mapping[str, Any] | None = None,
    *,
    took: float = 10.0,
    model: str = OPUS,
    session: str = "s1",
    path: str = "s1.jsonl",
    sidechain: bool = False,
    kept: int | None = None,
) -> Message:
    usage = used(read=100_000, h1=1_000, output=500) if usage is None else usage
    name = (f"{session}-{path}-{sent_at}", "")
    return Message(
        session, path, name, sent_at + took, sent_at, model, dict(usage), False, sidechain, kept
    )


def dollars(usage: Usage, model: str = OPUS, provider: str = "anthropic") -> float:
    found = prices.price(provider, model, NOW)
    assert found
    return prices.cost(found, usage)


# Taking over.


@pytest.mark.parametrize(
    "usage",
    [
        used(fresh=3, read=90_000, h1=9_997, output=2_000),
        used(fresh=100_000, output=2_000),
        used(m5=100_000, output=2_000),
    ],
)
def test_the_whole_context_is_written_to_a_cold_cache_for_five_minutes(
    usage: dict[str, Any],
) -> None:
    """However much of it the plan's cache holds, and for how long it holds it there."""
    first = take_over([message(usage=usage)], "anthropic", NOW)
    assert first
    assert first.dollars == pytest.approx(dollars(Usage(cache_write_5m=102_000, output=2_000)))
    assert (first.tokens, first.model, first.unknown) == (102_000, OPUS, False)


def test_what_counts_is_the_last_message_of_the_main_conversation() -> None:
    """A subagent's context ends with it; an earlier one may have been compacted since."""
    said = [
        message(NOW - 9, used(read=900_000, output=100)),
        message(NOW - 5, used(read=50_000, output=300)),
        message(NOW, used(read=7_000, output=9), sidechain=True, path="agent"),
    ]
    first = take_over(said, "anthropic", NOW)
    assert first
    assert first.tokens == 50_300
    assert first.dollars == pytest.approx(dollars(Usage(cache_write_5m=50_300, output=200)))


def test_after_a_compaction_the_context_is_small() -> None:
    """What it has left, and the instructions: they are in the first prompt, which was short."""
    said = [
        message(NOW - 90, used(m5=30_000, output=100)),
        message(NOW - 60, used(read=900_000, output=300)),
        message(NOW - 30, used(read=900_000, output=8_000), kept=4_000),
    ]
    first = take_over(said, "anthropic", NOW)
    assert first
    assert first.dollars == pytest.approx(dollars(Usage(cache_write_5m=34_000, output=200)))
    said.append(message(NOW, used(read=25_000, m5=10_000, output=300)))
    first = take_over(said, "anthropic", NOW)
    assert first
    assert first.tokens == 35_300
    alone = take_over([said[2]], "anthropic", NOW)
    assert alone
    assert alone.tokens == INSTRUCTIONS + 4_000


def test_a_compaction_is_a_part_of_the_pace() -> None:
    """It reads what was cached, unless that has run out meanwhile."""
    usage = used(read=100_000, output=2_000)
    for pause, read in ((60, True), (400, False)):
        said = [message(NOW - pause - 10), message(NOW, usage, kept=1_000)]
        pace, before = per_hour(said, "anthropic", NOW), per_hour(said[:1], "anthropic", NOW)
        assert pace
        assert before
        cached = Usage(cache_read=100_000) if read else Usage(cache_write_5m=100_000)
        expected = dollars(cached._replace(output=2_000))
        assert pace.dollars - before.dollars == pytest.approx(expected)


def test_the_status_line_may_know_of_more() -> None:
    first = take_over([message()], "anthropic", NOW, recache=150_000)
    assert first
    assert first.tokens == 150_500


def test_a_long_context_costs_a_long_prompts_price() -> None:
    said = [message(usage=used(read=120_000, output=1), model="claude-haiku-5-5")]
    first = take_over(said, "anthropic", NOW)
    assert first
    assert first.dollars == pytest.approx((120_001 * 0.625 + 2.5) / 1e6)


def test_before_the_first_message_there_is_nothing_to_tell() -> None:
    assert take_over([], "anthropic", NOW) is None
    assert take_over([message(sidechain=True)], "anthropic", NOW) is None
    assert per_hour([], "anthropic", NOW) is None


def test_the_model_is_the_one_that_the_provider_is_asked_for() -> None:
    first = take_over([message()], "openrouter", NOW, models=OPENROUTER)
    assert first
    assert (first.model, first.unknown) == ("~anthropic/claude-opus-latest", False)
    plain = take_over([message()], "openrouter", NOW)
    assert plain
    assert (plain.model, plain.unknown) == ("anthropic/claude-opus-5.5", False)


def test_an_unknown_price_is_the_dearest_and_is_told() -> None:
    said = [message(model="claude-unheard-of")]
    first, then = take_over(said, "anthropic", NOW), per_hour(said, "anthropic", NOW)
    known = take_over([message()], "anthropic", NOW)
    assert first
    assert then
    assert known
    assert (first.unknown, first.model, then.unknown) == (True, "dearest", True)
    assert first.dollars > known.dollars


# Per hour.


def test_an_hour_costs_what_the_last_one_did() -> None:
    """The hour that ends with the last request, however long ago that is."""
    said = [message(NOW - 9_000 + 60 * n) for n in range(90)]
    then = per_hour(said, "anthropic", NOW)
    assert then
    assert then.requests == 61
    each = dollars(Usage(output=500, cache_read=100_000, cache_write_5m=1_000))
    assert then.per_hour == pytest.approx(then.dollars * HOUR / then.seconds)
    assert then.dollars == pytest.approx(61 * each)
    assert then.seconds == pytest.approx(HOUR + 10)


def test_a_minutes_work_is_not_taken_for_a_sixtieth_of_an_hour() -> None:
    said = [message(NOW + n, took=1) for n in range(3)]
    then = per_hour(said, "anthropic", NOW)
    assert then
    assert then.seconds == LEAST
    assert then.per_hour == pytest.approx(then.dollars * HOUR / LEAST)


def test_a_pause_is_no_work() -> None:
    said = [message(NOW - 3_000), message(NOW)]
    then = per_hour(said, "anthropic", NOW)
    assert then
    assert then.seconds == pytest.approx(PAUSE + 10)


@pytest.mark.parametrize(("idle", "cold"), [(299, False), (300, False), (301, True)])
def test_after_five_minutes_a_keys_cache_is_cold(idle: float, cold: bool) -> None:
    """The plan's is warm for an hour: what was read there is written again on a key."""
    usage = used(read=100_000, h1=1_000, output=500)
    said = [message(NOW, usage), message(NOW + 10 + idle, usage)]
    then = per_hour(said, "anthropic", NOW)
    assert then
    warm = dollars(Usage(output=500, cache_read=100_000, cache_write_5m=1_000))
    cool = dollars(Usage(output=500, cache_write_5m=101_000))
    assert then.dollars == pytest.approx(warm + (cool if cold else warm))


def test_each_conversation_has_its_own_pauses() -> None:
    """A subagent doesn't keep the main conversation's cache warm."""
    main = [message(NOW), message(NOW + 600)]
    agent = [message(NOW + 20 * n, used(), path="agent", sidechain=True, took=1) for n in range(30)]
    both = sorted([*main, *agent], key=lambda each: each.sent_at)
    alone, together = per_hour(main, "anthropic", NOW), per_hour(both, "anthropic", NOW)
    assert alone
    assert together
    assert together.dollars == pytest.approx(alone.dollars)


said = st.lists(
    st.builds(
        message,
        st.floats(NOW - 9_000, NOW),
        st.builds(used, *[st.integers(0, 150_000)] * 5),
        path=st.sampled_from(["s1.jsonl", "agent"]),
        model=st.sampled_from([OPUS, "claude-haiku-5-5", "claude-unheard-of"]),
    ),
    min_size=1,
    max_size=20,
).map(lambda found: sorted(found, key=lambda each: each.sent_at))


@given(said=said)
def test_a_key_costs_something_between_a_cache_that_is_always_warm_and_one_that_never_is(
    said: list[Message],
) -> None:
    def dollars(*, warm: bool) -> float:
        total = 0.0
        for each in said:
            usage = prices.usage_of(each.usage)
            read = usage.cache_read if warm else 0
            kept = Usage(usage.input, usage.output, read, usage.prompt - usage.input - read)
            total += charge("anthropic", each.model, kept, NOW).dollars
        return total

    found = from_sessions(said, "anthropic", NOW).session.usual
    assert dollars(warm=True) - 1e-9 <= found <= dollars(warm=False) + 1e-9


# A project.


def test_a_project_costs_what_its_sessions_did() -> None:
    """The median, and what one in ten exceeds; the latest session can be gone on with."""
    said = [
        message(NOW + 1_000 * n, used(fresh=n * 100_000), session=f"s{n}", path=f"s{n}")
        for n in range(1, 12)
    ]
    found = from_sessions(said, "anthropic", NOW)
    assert found.session.usual == pytest.approx(0.4 * 6)
    assert found.session.high == pytest.approx(0.4 * 10)
    assert found.hour.usual == pytest.approx(0.4 * 6 * HOUR / LEAST)
    assert found.take_over
    assert found.take_over.tokens == 1_100_000
    assert not found.unknown


def test_one_session_is_all_there_is_to_tell() -> None:
    found = from_sessions([message()], "anthropic", NOW)
    assert found.session.usual == found.session.high > 0


def test_an_unknown_price_among_the_sessions_is_told() -> None:
    said = [message(), message(NOW + 1, model="claude-unheard-of", session="s2")]
    assert from_sessions(said, "anthropic", NOW).unknown


def test_a_project_without_sessions_costs_more_the_larger_it_is_up_to_a_bound() -> None:
    sizes = [0, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]
    found = [from_size(size, OPUS, "anthropic", NOW) for size in sizes]
    usual = [each.session.usual for each in found]
    assert usual == sorted(usual)
    assert all(each.session.usual <= each.session.high for each in found)
    assert found[-1].session == found[-2].session
    assert found[0].session.usual == found[0].session.high > 0
    assert all(each.take_over is None for each in found)


def test_a_session_that_reads_the_project_costs_what_reading_it_does() -> None:
    """At the least: each of its tokens is written once, and read by half of the requests."""
    nothing, much = (from_size(size, OPUS, "anthropic", NOW) for size in (0, 1_000_000))
    read = min(0.1 * 1_000_000, 150_000)
    least = dollars(Usage(cache_write_5m=round(read), cache_read=round(read * 28)))
    assert much.session.usual - nothing.session.usual == pytest.approx(least, rel=0.1)


def test_an_unknown_model_of_an_assumed_session_is_told() -> None:
    assert from_size(1_000, "claude-unheard-of", "anthropic", NOW).unknown
    assert not from_size(1_000, OPUS, "openrouter", NOW, models=OPENROUTER).unknown


# Held against what the API then counts.


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    with FakeApi(tmp_path) as api:
        yield api


def request(conversation: list[dict[str, Any]], ttl: Mapping[str, str]) -> dict[str, Any]:
    """The next step of a conversation, marked for the cache as the client does."""
    mark = {"type": "ephemeral", **ttl}
    *before, last = conversation
    return {
        "model": OPUS,
        "tools": [{"name": "Bash", "description": "x" * 40_000}],
        "system": [{"type": "text", "text": "y" * 20_000, "cache_control": mark}],
        "messages": [*before, {**last, "content": [last["content"][0] | {"cache_control": mark}]}],
    }


def test_the_take_over_is_within_a_fifth_of_what_the_first_request_on_the_key_costs(
    api: FakeApi,
) -> None:
    conversation: list[dict[str, Any]] = []
    said = []
    for step in range(4):
        words = [{"type": "text", "text": f"LOOP9 please, {'z' * 3_000}"}]
        result = {"type": "tool_result", "content": "step " * 50}
        conversation.append({"role": "user", "content": [result] if step else words})
        answer = ask(api, request(conversation, {"ttl": "1h"}), Authorization=PLAN).body
        conversation.append({"role": "assistant", "content": answer["content"]})
        said.append(message(NOW + step, answer["usage"]))
    assert said[-1].usage["cache_read_input_tokens"] > 10_000, "the plan's cache is warm"
    foretold = take_over(said, "anthropic", NOW)
    conversation.append({"role": "user", "content": [{"type": "tool_result", "content": "step 5"}]})
    first = ask(api, request(conversation, {}), x_api_key="sk-ant-api03-invented").body["usage"]
    cost = dollars(prices.usage_of(first))
    assert foretold
    assert foretold.dollars == pytest.approx(cost, rel=0.2)
    assert cost > 5 * dollars(prices.usage_of(said[-1].usage)), "and not what a warm cache costs"
