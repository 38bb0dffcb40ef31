"""What a session would cost at a provider, foretold from what it has used so far.

A provider knows nothing of what the plan's cache holds: the first request writes the whole
context anew. And on a key the client has prompts cached for five minutes, on the plan for an hour
(seen on 2.1.329): writing is cheaper there, but after a longer pause everything is written once
more. Both is reckoned with. Where the user has set `ENABLE_PROMPT_CACHING_1H`, it is an hour on a
key as well, and the figures for writing are too low, by up to three eighths.

The calls of small models, such as for a title, stand in no transcript, and so not in these figures;
the status line's `cost.total_cost_usd` has them. The requests that compact a conversation are
reckoned (see `ccfb.client.messages`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median, quantiles
from typing import NamedTuple

from ccfb import prices
from ccfb.client.messages import Message
from ccfb.meter import CACHE_LIFE, Charge, charge
from ccfb.prices import Usage

HOUR = 3_600.0

PAUSE = 900.0
"""Seconds between two requests, of which no more count as work."""

LEAST = 300.0
"""Seconds that every session is taken to have worked: a minute of it says little of an hour."""

REQUESTS = 60
"""In the hour that a session is assumed to take where none has been seen."""

INSTRUCTIONS = 28_000
"""Tokens that the client sends along, its tools' descriptions included (seen on 2.1.329)."""

ADDED = 1_000
"""Tokens that an assumed answer and the results of its tools add."""

ANSWER = 400
"""Tokens of an assumed answer."""

FEW, MANY = 0.1, 0.5
"""The parts of a project that a session is assumed to read: usually, and in one of ten."""

MOST = 150_000
"""Tokens of a project that it is assumed to read at most."""


class TakeOver(NamedTuple):
    """The first request after a switch."""

    dollars: float
    tokens: int
    """Of context, written to a cold cache."""
    model: str
    """Whose price it is."""
    unknown: bool
    """The price isn't known, and the provider's dearest was taken."""


class Pace(NamedTuple):
    """What a session costs while it works."""

    dollars: float
    """In all."""
    per_hour: float
    """Dollars."""
    seconds: float
    """Of work, on which that rests."""
    requests: int
    unknown: bool
    """The price of a model isn't known, and the provider's dearest was taken."""


class Spread(NamedTuple):
    """What is to be expected of a session, in dollars."""

    usual: float
    """The median."""
    high: float
    """The 90th percentile: one session in ten costs more."""


class Prospect(NamedTuple):
    """What is to be expected of work in a project."""

    session: Spread
    hour: Spread
    """Of work."""
    take_over: TakeOver | None
    """Of the latest session as it is now, if there is one."""
    unknown: bool
    """The price of a model isn't known, and the provider's dearest was taken."""


def take_over(
    messages: Iterable[Message],
    provider: str,
    now: float,
    *,
    models: Mapping[str, str] = {},
    recache: int = 0,
) -> TakeOver | None:
    """What the first request costs once a provider is billed: the context at the price of writing.

    The context is all that the session's last request sent and got back, or, where that was a
    compaction, what it has left and the instructions, which are in the shortest prompt. The
    answer is taken to be as long as the session's median one. Subagents begin afresh and aren't
    counted.

    Args:
        messages: Of one session, of any time, in order.
        provider: Who would be billed.
        now: Epoch seconds, UTC; for the day's prices.
        models: The provider's model names by the client's tiers (`opus`, `sonnet`, `haiku`).
        recache: `prompt_cache.recache_tokens_if_cold` of the status line, where there is one.

    Returns:
        None if nothing has been said so far.
    """
    main = [message for message in messages if not message.sidechain]
    if not main:
        return None
    last = main[-1]
    used = [prices.usage_of(message.usage) for message in main if message.kept is None]
    if last.kept is None:
        tokens = max(used[-1].prompt, recache) + used[-1].output
    else:
        shortest = min((usage.prompt for usage in used), default=INSTRUCTIONS)
        tokens = max(shortest + last.kept, recache)
    answer = round(median([usage.output for usage in used] or [ANSWER]))
    first = Usage(cache_write_5m=tokens, output=answer)
    cost = _charge(last, first, provider, now, models)
    return TakeOver(cost.dollars, tokens, cost.model, cost.unknown)


def per_hour(
    messages: Sequence[Message],
    provider: str,
    now: float,
    *,
    models: Mapping[str, str] = {},
) -> Pace | None:
    """What a session would cost in an hour, going on as in its last one.

    That hour ends with its last request, however long ago. What its requests would have cost is
    divided by the time that it worked in it: from the first request to the last answer, of a
    pause not more than 15 minutes, and never less than 5 minutes in all.

    Args:
        messages: Of one session and its subagents, of any time, in order.
        provider: Who would be billed.
        now: Epoch seconds, UTC; for the day's prices.
        models: As in `take_over`.

    Returns:
        None if nothing has been said so far.
    """
    if not messages:
        return None
    begin = max(message.at for message in messages) - HOUR
    # All of them are looked at: whether the cache was warm depends on the message before.
    charges = [
        (message, cost)
        for message, cost in _charges(messages, provider, now, models)
        if message.at >= begin
    ]
    return _pace(charges)


def from_sessions(
    messages: Sequence[Message], provider: str, now: float, *, models: Mapping[str, str] = {}
) -> Prospect:
    """What a session in a project is to cost, going by what earlier ones would have cost.

    Args:
        messages: Of all these sessions and their subagents, in order; at least one.
        provider: Who would be billed.
        now: Epoch seconds, UTC; for the day's prices.
        models: As in `take_over`.
    """
    sessions: dict[str, list[tuple[Message, Charge]]] = {}
    for message, cost in _charges(messages, provider, now, models):
        sessions.setdefault(message.session, []).append((message, cost))
    paces = [_pace(session) for session in sessions.values()]
    return Prospect(
        _spread([pace.dollars for pace in paces]),
        _spread([pace.per_hour for pace in paces]),
        take_over(messages, provider, now, models=models),
        any(pace.unknown for pace in paces),
    )


def from_size(
    tokens: int, model: str, provider: str, now: float, *, models: Mapping[str, str] = {}
) -> Prospect:
    """What a session in a project is to cost of which nothing but its size is known.

    It is assumed to take an hour, and to make 60 requests without a longer pause. The first one
    writes 28,000 tokens of instructions to the cache; each further one reads all that came
    before, and adds 1,000 tokens and its part of a tenth of the project, or of one half, at most
    150,000 tokens; each answer has 400.

    Args:
        tokens: Of the whole project.
        model: As the client calls it.
        provider: Who would be billed.
        now: Epoch seconds, UTC; for the day's prices.
        models: As in `take_over`.
    """
    name = _called(model, models)
    hour = Spread(
        *(
            sum(charge(provider, name, usage, now).dollars for usage in _assumed(read))
            for read in (min(tokens * FEW, MOST), min(tokens * MANY, MOST))
        )
    )
    return Prospect(hour, hour, None, charge(provider, name, Usage(), now).unknown)


def _assumed(read: float) -> Iterator[Usage]:
    """The requests of an assumed session that reads so many tokens of its project."""
    each = ADDED + read / REQUESTS
    yield Usage(cache_write_5m=INSTRUCTIONS, output=ANSWER)
    for done in range(REQUESTS - 1):
        before = round(INSTRUCTIONS + done * each)
        yield Usage(cache_read=before, cache_write_5m=round(each), output=ANSWER)


def _spread(values: Sequence[float]) -> Spread:
    if len(values) == 1:
        return Spread(values[0], values[0])
    return Spread(median(values), quantiles(values, n=10, method="inclusive")[-1])


def _charges(
    messages: Iterable[Message], provider: str, now: float, models: Mapping[str, str]
) -> Iterator[tuple[Message, Charge]]:
    """What each request would cost on a key, by the pause before it in its own conversation."""
    answered: dict[str, float] = {}
    for message in messages:
        idle = message.sent_at - answered.get(message.path, message.sent_at)
        answered[message.path] = message.at
        usage = _on_a_key(prices.usage_of(message.usage), idle)
        yield message, _charge(message, usage, provider, now, models)


def _on_a_key(usage: Usage, idle: float) -> Usage:
    """The same request with a cache of five minutes."""
    lost = usage.cache_read if idle > CACHE_LIFE else 0
    return usage._replace(
        cache_read=usage.cache_read - lost,
        cache_write_5m=usage.cache_write_5m + usage.cache_write_1h + lost,
        cache_write_1h=0,
    )


def _charge(
    message: Message, usage: Usage, provider: str, now: float, models: Mapping[str, str]
) -> Charge:
    return charge(provider, _called(message.model, models), usage, now, fast=message.fast)


def _called(model: str, models: Mapping[str, str]) -> str:
    """What a provider is asked for instead of a model."""
    return next((name for tier, name in models.items() if tier in model), model)


def _pace(charges: Sequence[tuple[Message, Charge]]) -> Pace:
    dollars = sum(cost.dollars for _, cost in charges)
    seconds = _worked([message for message, _ in charges])
    unknown = any(cost.unknown for _, cost in charges)
    return Pace(dollars, dollars * HOUR / seconds, seconds, len(charges), unknown)


def _worked(messages: Sequence[Message]) -> float:
    """Seconds from the first request to the last answer, without what is too long of a pause."""
    moments = sorted([messages[0].sent_at, *(message.at for message in messages)])
    return max(LEAST, sum(min(later - earlier, PAUSE) for earlier, later in pairwise(moments)))
