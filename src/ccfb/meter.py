"""What has been spent: the dollars of the requests that were billed to a provider.

Computed from what stands in the client's transcripts, so without the calls of small models, and
with the requests that compact a conversation as reckoned (see `ccfb.client.messages`).
"""

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from ccfb import prices
from ccfb.client.messages import Message
from ccfb.prices import Usage

RELOAD = 2.0
"""Seconds in which every running session has taken up a change of billing; it takes about one
(seen on 2.1.88 to 2.1.329)."""


CACHE_LIFE = 300.0
"""Seconds for which a prompt is cached on a key."""


class Charge(NamedTuple):
    """What one request costs."""

    dollars: float
    model: str
    """Whose price it is."""
    unknown: bool
    """The model has no price that we know: it counts at the dearest of its provider."""


class Spent(NamedTuple):
    """What the requests of a session cost."""

    dollars: float = 0.0
    unknown: float = 0.0
    """Dollars among them of models without a known price, counted at the provider's dearest."""
    requests: int = 0
    tokens: Usage = Usage()
    """A sum, to be told; prices hold for single requests."""


def charge(provider: str, model: str, usage: Usage, at: float, *, fast: bool = False) -> Charge:
    """What a request costs at a provider; none is free because its price isn't known.

    Args:
        provider: Who bills it.
        model: As the provider or the client calls it.
        usage: Of this one request.
        at: Whose day's prices; epoch seconds, UTC.
        fast: In fast mode.
    """
    known = prices.price(provider, model, at, fast=fast)
    price = known or prices.dearest(provider, at)
    return Charge(prices.cost(price, usage), price.model, known is None)


def spent(
    messages: Iterable[Message], provider: str, since: float, until: float
) -> dict[str, Spent]:
    """What each session's requests cost while a provider was billed, its subagents' included.

    What a compaction has read from the cache is only known to have been there where the provider
    has answered in that conversation a moment ago. Otherwise it counts as written.

    Sessions take up a change a moment after it was written: what they send in the meantime counts
    at both ends, so this errs on the side of too much, by the requests of a second or two.

    Args:
        messages: Of any time, in order.
        provider: Who was billed.
        since: When the settings were changed to bill it; epoch seconds, UTC.
        until: When they were changed back, or now.
    """
    sums: dict[str, Spent] = {}
    cached: dict[str, float] = {}  # by conversation: when the provider has surely kept it last
    for message in messages:
        if since <= message.sent_at < until + RELOAD:
            before = sums.get(message.session, Spent())
            warm = message.sent_at - cached.get(message.path, -inf) <= CACHE_LIFE
            sums[message.session] = _add(before, message, provider, warm=warm)
            if message.sent_at >= since + RELOAD:
                cached[message.path] = message.at
    return sums


def _add(before: Spent, message: Message, provider: str, *, warm: bool) -> Spent:
    usage = prices.usage_of(message.usage)
    if message.kept is not None and not warm:
        usage = usage._replace(cache_read=0, cache_write_5m=usage.cache_read)
    cost = charge(provider, message.model, usage, message.sent_at, fast=message.fast)
    return Spent(
        before.dollars + cost.dollars,
        before.unknown + (cost.dollars if cost.unknown else 0.0),
        before.requests + 1,
        Usage(*map(sum, zip(before.tokens, usage, strict=True))),
    )
