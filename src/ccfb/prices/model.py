"""Tokens, rates, and the sum of a request. Pure, and standard library only."""

from collections.abc import Mapping
from typing import Any, NamedTuple

MILLION = 1_000_000
THOUSAND = 1_000


class Usage(NamedTuple):
    """What one request used, in tokens; no token is counted in two fields."""

    input: int = 0
    """Neither read from the cache nor written to it."""
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    web_searches: int = 0
    """Searches on the provider's side, which are billed one by one."""

    @property
    def prompt(self) -> int:
        """Tokens sent, cached or not: what decides on a long request's rates."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h


class Rates(NamedTuple):
    """Dollars per million tokens."""

    above: int
    """They hold for the whole request when its prompt has more tokens than this."""
    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float


class Price(NamedTuple):
    """What a model costs at one provider on one day."""

    model: str
    """The provider's own name for it."""
    tiers: tuple[Rates, ...]
    """By rising prompt length, never empty; the first one holds from zero."""
    web_search: float = 0.0
    """Dollars per thousand searches; 0 where the provider has no price for them."""

    def rates(self, prompt: int) -> Rates:
        """The rates of a request whose prompt has that many tokens."""
        rates = self.tiers[0]
        for tier in self.tiers[1:]:
            if prompt > tier.above:
                rates = tier
        return rates


def cost(price: Price, usage: Usage) -> float:
    """The dollars that one request costs.

    Usage must be a single request's, never a sum of several: a long prompt raises the rates of
    its whole request, and a sum would be taken for one.
    """
    rates = price.rates(usage.prompt)
    tokens = (
        usage.input * rates.input
        + usage.output * rates.output
        + usage.cache_read * rates.cache_read
        + usage.cache_write_5m * rates.cache_write_5m
        + usage.cache_write_1h * rates.cache_write_1h
    )
    return tokens / MILLION + usage.web_searches * price.web_search / THOUSAND


def usage_of(message_usage: Mapping[str, Any]) -> Usage:
    """Read the `usage` object of a message in a transcript.

    Cache writes that the split doesn't explain count as written for five minutes: the client
    writes 0 and 0 where an answer came without a split (seen on 2.1.105 to 2.1.329). What isn't
    a number of tokens counts as none.
    """
    split = _object(message_usage, "cache_creation")
    written_5m = _count(split, "ephemeral_5m_input_tokens")
    written_1h = _count(split, "ephemeral_1h_input_tokens")
    written = max(_count(message_usage, "cache_creation_input_tokens"), written_5m + written_1h)
    return Usage(
        input=_count(message_usage, "input_tokens"),
        output=_count(message_usage, "output_tokens"),
        cache_read=_count(message_usage, "cache_read_input_tokens"),
        cache_write_5m=written - written_1h,
        cache_write_1h=written_1h,
        web_searches=_count(_object(message_usage, "server_tool_use"), "web_search_requests"),
    )


def _object(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}


def _count(parent: Mapping[str, Any], key: str) -> int:
    value = parent.get(key)
    return value if isinstance(value, int) and value > 0 else 0
