"""A request costs what `genai-prices` says, an unknown one is never free, and looking is light."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st

import captures
from ccfb.prices import Price, Rates, Usage, cost, dearest, price, table, usage_of
from prices import slowly


def epoch(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


NOW = epoch("2026-11-20")
MODELS = {name: table.current()["providers"][name] for name in ("anthropic", "openrouter")}
EVERY = [(provider, model) for provider, models in MODELS.items() for model in models]
LENGTHS = {
    row[0]
    for models in MODELS.values()
    for model in models.values()
    for dated in model["prices"]
    for row in dated["standard"]
}
USAGES = [
    Usage(),
    Usage(1, 1),
    Usage(3, 812, 41_300, 2_150, 0),
    Usage(3, 812, 41_300, 0, 2_150),
    Usage(12_345, 6_789, 500_000, 40_000, 70_000, web_searches=3),
    *chain.from_iterable((Usage(n, 1_000), Usage(0, 7, n, 1, 0)) for n in sorted(LENGTHS)),
    *(Usage(1, 50, n - 3, 1, 1) for n in sorted(LENGTHS) if n),
]


def quickly(
    provider: str, model: str, usage: Usage, at: float, *, fast: bool = False
) -> float | None:
    found = price(provider, model, at, fast=fast)
    return None if found is None else cost(found, usage)


def called(provider: str, model: str) -> str:
    """A name of the model: the first of its own, or what its pattern stands for."""
    return (MODELS[provider][model]["names"] or [model])[0]


# What a request costs


@pytest.mark.parametrize("provider", MODELS)
def test_every_model_costs_what_the_slow_way_says(provider: str) -> None:
    for model, entry in MODELS[provider].items():
        name = called(provider, model)
        for dated in entry["prices"]:
            at = epoch(dated["since"] or "2024-01-01")
            for usage in USAGES:
                slow = slowly.dollars(provider, name, usage, at)
                assert slowly.same(quickly(provider, name, usage, at), slow), (name, at, usage)


@pytest.mark.parametrize("provider", MODELS)
def test_a_price_changes_at_midnight_utc(provider: str) -> None:
    usage = Usage(100, 100, 100, 100, 100)
    changed = {
        (model, dated["since"])
        for model, entry in MODELS[provider].items()
        for dated in entry["prices"][1:]
    }
    assert changed
    for model, day in changed:
        name = called(provider, model)
        for at in (epoch(day) - 0.001, epoch(day)):
            slow = slowly.dollars(provider, name, usage, at)
            assert slowly.same(quickly(provider, name, usage, at), slow), (name, at)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this machine has one zone")
@pytest.mark.parametrize("zone", ["UTC-14", "UTC+12"])
def test_the_day_is_not_the_users(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opus = "~anthropic/claude-opus-latest"
    change = epoch("2026-09-22")
    monkeypatch.setenv("TZ", zone)
    try:
        time.tzset()
        found = [price("openrouter", opus, at) for at in (change - 1, change)]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert [p and p.tiers[0].output for p in found] == [25, 20]


models = st.one_of(
    *(st.sampled_from([pair for pair in EVERY if pair[0] == name]) for name in MODELS)
)
counts = st.one_of(st.integers(0, 3_000), st.integers(0, 2_000_000))
usages = st.builds(Usage, counts, counts, counts, counts, counts, st.integers(0, 20))
moments = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=UTC).timestamp()
)


@given(which=models, usage=usages, at=moments)
def test_any_usage_at_any_time_costs_what_the_slow_way_says(
    which: tuple[str, str], usage: Usage, at: float
) -> None:
    assert slowly.same(quickly(*which, usage, at), slowly.dollars(*which, usage, at))


def test_a_long_prompt_raises_the_whole_request() -> None:
    found = price("anthropic", "claude-haiku-5-5", NOW)
    assert found
    assert cost(found, Usage(100_000, 1_000)) == pytest.approx(0.01 + 0.0005)
    assert cost(found, Usage(100_001, 1_000)) == pytest.approx(0.0500005 + 0.0025)
    assert cost(found, Usage(1, 1_000, cache_read=100_000)) == pytest.approx(
        (0.5 + 2_500 + 5_000) / 1e6
    )


def test_several_steps_of_length_are_told_apart() -> None:
    steps = Price("m", tuple(Rates(above, *[above + 1.0] * 5) for above in (0, 10, 20)))
    assert [steps.rates(n).input for n in (0, 1, 10, 11, 20, 21)] == [1, 1, 1, 11, 11, 21]


def test_cache_writes_of_an_hour_cost_more() -> None:
    found = price("anthropic", "claude-opus-5-5", NOW)
    assert found
    assert cost(found, Usage(cache_write_5m=1_000_000)) == pytest.approx(5)
    assert cost(found, Usage(cache_write_1h=1_000_000)) == pytest.approx(8)


@pytest.mark.parametrize("provider", MODELS)
def test_no_cache_write_of_a_claude_model_counts_as_if_it_were_input(provider: str) -> None:
    """Price lists leave them out; who sells the models on passes Anthropic's prices on."""
    claudes = {name: model for name, model in MODELS[provider].items() if "claude" in name}
    assert len(claudes) > 10
    for name, model in claudes.items():
        for dated in model["prices"]:
            for _, fresh, _, _, written_5m, written_1h in dated["standard"]:
                assert written_5m >= 1.19 * fresh, name  # the oldest Haiku's is rounded
                assert written_1h == pytest.approx(2 * fresh), name


def test_searches_are_billed() -> None:
    found = price("anthropic", "claude-opus-5-5", NOW)
    assert found
    assert cost(found, Usage(web_searches=3)) == pytest.approx(0.03)


@pytest.mark.parametrize("provider", MODELS)
def test_fast_mode_has_its_own_price_or_none(provider: str) -> None:
    """The standard price would be too low: it is never taken for the fast one."""
    for model, entry in MODELS[provider].items():
        name = called(provider, model)
        for usage in USAGES:
            slow = slowly.dollars(provider, name, usage, NOW, fast=True)
            expected = slow if entry["prices"][-1]["fast"] else None
            assert slowly.same(quickly(provider, name, usage, NOW, fast=True), expected), name


def test_fast_mode_is_known_where_it_matters() -> None:
    fast = price("anthropic", "claude-opus-5-5", NOW, fast=True)
    standard = price("anthropic", "claude-opus-5-5", NOW)
    assert fast
    assert standard
    assert cost(fast, Usage(1_000, 1_000)) > cost(standard, Usage(1_000, 1_000))


# Which model is meant


def spellings(name: str) -> list[str]:
    """A name, as it is, with a date, and with its own date written without dashes."""
    dated = [f"{name}{end}" for end in ("-20260101", "-2026-01-01", "@20260101")]
    return [name, name.upper(), *dated, re.sub(r"(20\d\d)-(\d\d)-(\d\d)", r"\1\2\3", name)]


@pytest.mark.parametrize("provider", MODELS)
def test_every_name_means_the_model_that_the_slow_way_finds(provider: str) -> None:
    entries = MODELS[provider].items()
    names = {name for model, entry in entries for name in (model, *entry["names"])}
    for name in chain.from_iterable(map(spellings, sorted(names))):
        slow = slowly.priced(provider, name, Usage(), NOW)
        if slow or not name.lower().startswith("claude-"):  # for those, see below
            assert table._model(provider, name) == (slow.model.id if slow else None), name


@pytest.mark.parametrize(
    ("provider", "name", "model"),
    [
        ("anthropic", "claude-opus-5-5[1m]", "claude-opus-5-5"),
        ("anthropic", "claude-sonnet-4-5-20250929[1m]", "claude-sonnet-4-5"),
        ("anthropic", "Claude-Opus-4-8[1M]", "claude-opus-4-8"),
        ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("openrouter", "anthropic/claude-opus-4.5", "anthropic/claude-opus-4.5"),
        ("openrouter", "anthropic/claude-4.8-opus-20260528", "anthropic/claude-opus-4.8"),
        ("openrouter", "anthropic/claude-opus-4.8[1m]", "anthropic/claude-opus-4.8"),
        ("openrouter", "~anthropic/claude-opus-latest", "~anthropic/claude-opus-latest"),
        # What one provider's session costs at another.
        ("openrouter", "claude-opus-5-5", "anthropic/claude-opus-5.5"),
        ("openrouter", "claude-opus-5-5-20261231[1m]", "anthropic/claude-opus-5.5"),
        ("openrouter", "claude-haiku-4-5-20251001", "anthropic/claude-haiku-4.5"),
        ("openrouter", "claude-sonnet-5", "anthropic/claude-sonnet-5"),
        ("anthropic", "anthropic/claude-opus-5.5", "claude-opus-5-5"),
        ("anthropic", "anthropic/claude-opus-5.5-20260921", "claude-opus-5-5"),
        ("anthropic", "anthropic/claude-4.5-haiku-20251001", "claude-haiku-4-5"),
    ],
)
def test_the_names_that_the_client_uses_are_understood(
    provider: str, name: str, model: str
) -> None:
    found = price(provider, name, NOW)
    assert found
    assert found.model == model


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "<synthetic>"),
        ("anthropic", ""),
        ("anthropic", "claude-opus-99"),
        ("anthropic", "anthropic/claude-opus-99"),
        ("anthropic", "gpt-5"),
        ("anthropic", "openai/gpt-5"),
        ("openrouter", "nobody/nothing"),
        ("openrouter", "claude-opus-99"),
        ("openrouter", "gpt-5"),
        ("bedrock", "claude-opus-5-5"),
    ],
)
def test_an_unknown_model_has_no_price(provider: str, model: str) -> None:
    assert price(provider, model, NOW) is None


@pytest.mark.parametrize("model", ["deepseek/deepseek-r1:free", "scaledown/extract"])
def test_a_known_model_without_a_price_has_none_either(model: str) -> None:
    """Nothing is free because nobody wrote its price down, or only half of it."""
    assert slowly.priced("openrouter", model, Usage(), NOW)
    assert price("openrouter", model, NOW) is None


def test_no_price_is_zero() -> None:
    for provider, model in EVERY:
        for dated in MODELS[provider][model]["prices"]:
            for row in (*dated["standard"], *dated["fast"]):
                assert min(row[1:]) > 0, model


@given(provider=st.sampled_from(["anthropic", "openrouter", "x"]), name=st.text(max_size=40))
def test_any_text_may_be_asked_for(provider: str, name: str) -> None:
    price(provider, name, NOW)


# The dearest


@given(which=models, usage=usages, at=moments, fast=st.booleans())
def test_nothing_costs_more_than_the_dearest(
    which: tuple[str, str], usage: Usage, at: float, fast: bool
) -> None:
    found = price(*which, at, fast=fast)
    if found:
        assert cost(dearest(which[0], at), usage) >= cost(found, usage) - 1e-9


@pytest.mark.parametrize("provider", MODELS)
def test_the_dearest_is_the_highest_that_anybody_asks(provider: str) -> None:
    dated = [table._in_force(entry, "2026-11-20") for entry in MODELS[provider].values()]
    rows = [row for prices in dated for row in (*prices["standard"], *prices["fast"])]
    (rates,) = dearest(provider, NOW).tiers
    for number, rate in enumerate(rates[1:], start=1):
        assert rate == max(row[number] for row in rows)


def test_an_unknown_provider_is_as_dear_as_the_dearest_of_all() -> None:
    usage = Usage(1_000, 1_000, 1_000, 1_000, 1_000, 1)
    known = [cost(dearest(provider, NOW), usage) for provider in MODELS]
    assert cost(dearest("bedrock", NOW), usage) >= max(known)


# What a message says


def split(written: int, written_5m: int, written_1h: int) -> dict[str, Any]:
    return {
        "input_tokens": 7,
        "output_tokens": 5,
        "cache_read_input_tokens": 11,
        "cache_creation_input_tokens": written,
        "cache_creation": {
            "ephemeral_5m_input_tokens": written_5m,
            "ephemeral_1h_input_tokens": written_1h,
        },
    }


@pytest.mark.parametrize(
    ("message", "usage"),
    [
        (split(200, 200, 0), Usage(7, 5, 11, 200, 0)),
        (split(200, 0, 200), Usage(7, 5, 11, 0, 200)),
        (split(200, 150, 50), Usage(7, 5, 11, 150, 50)),
        (split(200, 0, 0), Usage(7, 5, 11, 200, 0)),
        (split(200, 0, 50), Usage(7, 5, 11, 150, 50)),
        (split(0, 150, 50), Usage(7, 5, 11, 150, 50)),
        ({"cache_creation_input_tokens": 9}, Usage(cache_write_5m=9)),
        ({"cache_creation_input_tokens": 9, "cache_creation": None}, Usage(cache_write_5m=9)),
        ({"server_tool_use": {"web_search_requests": 2}}, Usage(web_searches=2)),
        ({"input_tokens": None, "output_tokens": "5", "cache_read_input_tokens": -1}, Usage()),
        ({}, Usage()),
    ],
)
def test_a_message_tells_what_it_used(message: Mapping[str, Any], usage: Usage) -> None:
    assert usage_of(message) == usage


def messages(value: object) -> list[dict[str, Any]]:
    """Every message with a usage, wherever it stands in a recording."""
    if isinstance(value, list):
        return [found for child in value for found in messages(child)]
    if not isinstance(value, dict):
        return []
    own = [value] if isinstance(value.get("usage"), dict) and "model" in value else []
    return own + messages(list(value.values()))


@pytest.mark.parametrize("path", sorted(captures.FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_a_recorded_answer_without_a_split_counts_as_written_for_five_minutes(path: Path) -> None:
    told = messages(json.loads(path.read_bytes()))
    answers = [message for message in told if message["model"] != "<synthetic>"]
    assert answers
    for answer in answers:
        assert usage_of(answer["usage"]) == Usage(1_000, 42, 5_000, 200, 0)
        assert price("anthropic", answer["model"], NOW)
    assert all(usage_of(m["usage"]) == Usage() for m in told if m not in answers)


@given(
    usage=st.builds(split, counts, counts, counts),
    model=st.sampled_from(["claude-opus-5-5", "claude-haiku-5-5", "claude-sonnet-4-5"]),
)
def test_a_message_is_read_as_the_slow_way_reads_it(usage: dict[str, Any], model: str) -> None:
    writes = usage["cache_creation"]
    explained = writes["ephemeral_5m_input_tokens"] + writes["ephemeral_1h_input_tokens"]
    usage["cache_creation_input_tokens"] += explained  # what isn't explained must be left over
    slow = genai_prices.extract_usage({"model": model, "usage": usage}, provider_id="anthropic")
    at = datetime.fromtimestamp(NOW, UTC)
    total = float(slow.calc_price(genai_request_timestamp=at).total_price)
    assert slowly.same(quickly("anthropic", model, usage_of(usage), NOW), total)


# How much it takes along

SPY = """\
import json, sys
before = set(sys.modules)
from ccfb import prices
light = set(sys.modules) - before
assert prices.price("anthropic", "claude-opus-5-5", 1_790_000_000)
assert prices.dearest("openrouter", 1_790_000_000)
print(json.dumps([sorted(light), sorted(set(sys.modules) - before)]))
"""


def test_looking_up_a_price_takes_nothing_but_the_standard_library() -> None:
    done = subprocess.run([sys.executable, "-c", SPY], capture_output=True, check=True, text=True)
    light, all_of_them = json.loads(done.stdout)
    assert {name for name in light if name.startswith("ccfb")} == {
        "ccfb",
        "ccfb.paths",
        "ccfb.prices",
        "ccfb.prices.model",
        "ccfb.prices.table",
    }
    strangers = {name.split(".")[0] for name in all_of_them} - sys.stdlib_module_names - {"ccfb"}
    assert not strangers
