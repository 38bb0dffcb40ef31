"""The price of a request as `genai-prices` works it out itself: what the table is held against."""

import math
from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
from genai_prices.types import ModelPrice, PriceCalculation, Tier, TieredPrices

from ccfb.prices import Usage

WRITES = {"cache_write_mtok": Decimal("1.25"), "cache_write_1h_mtok": Decimal(2)}
"""Times the price of input: what Anthropic asks, where `genai-prices` doesn't say."""


def priced(
    provider: str, model: str, usage: Usage, at: float, *, fast: bool = False
) -> PriceCalculation | None:
    """The whole calculation; None for a model that it doesn't know."""
    try:
        return genai_prices.calc_price(
            tokens(usage),
            model,
            provider_id=provider,
            genai_request_timestamp=datetime.fromtimestamp(at, UTC),
            price_context={"speed": "fast"} if fast else None,
        )
    except LookupError:
        return None


def dollars(
    provider: str, model: str, usage: Usage, at: float, *, fast: bool = False
) -> float | None:
    """None where an input or an output token has no price."""
    found = priced(provider, model, usage, at, fast=fast)
    if not found or found.model_price.input_mtok is None or found.model_price.output_mtok is None:
        return None
    if "claude" not in found.model.id:
        return float(found.total_price)
    listed = vars(found.model_price)
    written = {key: times(found.model_price.input_mtok, factor) for key, factor in WRITES.items()}
    whole = ModelPrice(**{**written, **{key: rate for key, rate in listed.items() if rate}})
    return float(whole.calc_price(tokens(usage))["total_price"])


def tokens(usage: Usage) -> genai_prices.Usage:
    return genai_prices.Usage(
        input_tokens=usage.prompt,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write_5m + usage.cache_write_1h,
        cache_write_5m_tokens=usage.cache_write_5m,
        cache_write_1h_tokens=usage.cache_write_1h,
        web_searches=usage.web_searches,
    )


def times(rate: Decimal | TieredPrices, factor: Decimal) -> Decimal | TieredPrices:
    if isinstance(rate, TieredPrices):
        tiers = [Tier(tier.start, tier.price * factor) for tier in rate.tiers]
        return TieredPrices(rate.base * factor, tiers)
    return rate * factor


def same(dollars: float | None, others: float | None) -> bool:
    """Equal to a billionth of a dollar, or both unknown."""
    if dollars is None or others is None:
        return dollars is others
    return math.isclose(dollars, others, rel_tol=0, abs_tol=1e-9)
