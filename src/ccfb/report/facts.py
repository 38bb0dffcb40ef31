"""Sums of messages, and what they cost: what a report is made of."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from operator import mul

from ccfb import prices
from ccfb.report.model import PICO
from ccfb.report.rows import AT, KEY, KIND, OUTPUT, Kind, each

SLOT = 900_000
"""Milliseconds that a sum spans: in every time zone, days begin with one."""

DAY = 86_400_000 // SLOT
"""Slots."""

Fact = tuple[int, ...]
"""Index of the kind, slot, requests, those without a price, tokens and searches as in a row, and
the cost in pico-dollars."""

Tier = tuple[float, ...]
"""Tokens of the prompt above which it holds, and pico-dollars for each of the numbers in a row."""


def sums(
    rows: bytes,
    kinds: Sequence[Kind],
    billers: Mapping[int, str],
    without: Collection[int] = (),
) -> list[Fact]:
    """Add messages up.

    Args:
        rows: The messages of a transcript.
        kinds: What these have in common.
        billers: The providers that switches went to.
        without: Keys of messages that are counted elsewhere.
    """
    runs: defaultdict[tuple[int, int], list[tuple[int, ...]]] = defaultdict(list)
    kind = stop = start = 0
    run: list[tuple[int, ...]] = []
    for row in each(rows):
        if row[KIND] != kind or not start <= row[AT] < stop:  # mostly as the row before
            kind, slot = row[KIND], row[AT] // SLOT
            start, stop = slot * SLOT, (slot + 1) * SLOT
            run = runs[kind, slot]
        run.append(row)
    if without:
        kept = {
            place: [row for row in run if row[KEY] not in without] for place, run in runs.items()
        }
        return [_sum(*place, kinds[place[0]], run, billers) for place, run in kept.items() if run]
    return [_sum(*place, kinds[place[0]], run, billers) for place, run in runs.items()]


def _sum(
    number: int, slot: int, kind: Kind, run: list[tuple[int, ...]], billers: Mapping[int, str]
) -> Fact:
    _, model, fast, switch = kind
    tiers = tariff(billers.get(switch) or seller(model), model, fast, slot // DAY)
    used = tuple(map(sum, list(zip(*run, strict=True))[OUTPUT:]))
    # A long prompt makes its whole request dearer: then each has a price of its own.
    if len(tiers) > 1 and any(sum(row[OUTPUT + 1 : -1]) > tiers[1][0] for row in run):
        dollars = sum(cost(tiers, row[OUTPUT:]) for row in run)
    else:
        dollars = cost(tiers[:1], used)
    return number, slot, len(run), 0 if tiers else len(run), *used, dollars


def cost(tiers: tuple[Tier, ...], used: Sequence[int]) -> int:
    """What a request costs, or several where its length makes no difference; 0 without a price."""
    if not tiers:
        return 0
    tier = tiers[0]
    if len(tiers) > 1:
        prompt = sum(used[1:5])
        tier = next((tier for tier in reversed(tiers) if prompt > tier[0]), tier)
    dollars: float = sum(map(mul, tier[1:], used))
    return round(dollars)


def forget() -> None:
    """Have prices looked up anew: a view that stays may outlive them."""
    prices.forget()
    tariff.cache_clear()


def seller(model: str) -> str:
    """Whose price list a model is looked up in unless billing was switched."""
    return "openrouter" if "/" in model else "anthropic"


@cache
def tariff(provider: str, model: str, fast: bool, day: int) -> tuple[Tier, ...]:
    """A model's rates, by rising length of the prompt; empty if its price isn't known.

    Args:
        provider: Whose prices.
        model: As the provider or the client calls it.
        fast: In fast mode.
        day: Days since the epoch, UTC.
    """
    price = prices.price(provider, model, day * 86_400, fast=fast)
    if price is None:
        return ()
    token, search = PICO / 1e6, PICO / 1e3 * price.web_search
    return tuple(
        (
            tier.above,
            tier.output * token,
            tier.input * token,
            tier.cache_read * token,
            tier.cache_write_5m * token,
            tier.cache_write_1h * token,
            search,
        )
        for tier in price.tiers
    )
