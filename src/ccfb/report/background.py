"""What a session cost beyond its messages: calls of small models, and others that leave no answer.

The client tells of them only in its own account, when a session ends (`cost-state`, seen on 2.1.261
and 2.1.329): by model, all tokens of the session so far, and what they cost. What its messages
don't explain is the background. A session that is resumed, or forked, goes on with the account of
the one before, and names it by the moment at which that was started: of such accounts, what is
unexplained counts once, at its largest.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from operator import ge, sub
from typing import NamedTuple

from ccfb.report.model import PICO


class Account(NamedTuple):
    """The client's account of a session."""

    file: int
    session: str
    at: int
    """When the last message before it was written, in milliseconds since the epoch."""
    models: dict[str, tuple[float, ...]]
    """Input, output, read and written tokens, searches, and dollars."""


class Message(NamedTuple):
    """What a request used, or several that nothing has to tell apart."""

    at: int
    model: str
    used: tuple[int, ...]
    """As in an account."""
    cost: int | None
    """In pico-dollars, at the prices of Anthropic; None: unknown."""
    switch: int = 0
    """Which billed it; 0: the subscription."""
    requests: int = 1


class Rest(NamedTuple):
    """What is left of an account."""

    file: int
    session: str
    at: int
    model: str
    used: tuple[int, ...]
    """Input, output, read and written tokens, and searches."""
    cost: int | None


def rests(
    accounts: Iterable[Account], own: Mapping[int, list[Message]], shared: list[Message]
) -> list[Rest]:
    """What is left of accounts of one start, by model.

    Args:
        accounts: One for each transcript, the earliest first.
        own: The messages of each transcript.
        shared: Those of all subagents, which never stand in a copy.
    """
    largest: dict[str, Rest] = {}
    for account in accounts:
        told = [message for message in own[account.file] if message.at <= account.at]
        messages = [*told, *shared]
        called = _called(account.models, messages)
        for model, total in account.models.items():
            used = [each for each in messages if called.get(each.model) == model]
            rest = _rest(account, model, total, used)
            if sum(rest.used) > sum(largest[model].used if model in largest else ()):
                largest[model] = rest
    return list(largest.values())


def shared_out(rest: Rest, messages: Iterable[Message]) -> list[tuple[int, Rest]]:
    """What is left, by the switch that billed it: no account tells, so as requests were till then.

    Args:
        rest: Of an account.
        messages: Of its session.
    """
    billed: Counter[int] = Counter()
    for message in messages:
        if message.at <= rest.at:
            billed[message.switch] += message.requests
    parts, start, whole = [], 0, billed.total()
    for switch, requests in sorted(billed.items()):
        stop = start + requests
        used = tuple(_slice(tokens, start, stop, whole) for tokens in rest.used)
        cost = None if rest.cost is None else _slice(rest.cost, start, stop, whole)
        parts.append((switch, rest._replace(used=used, cost=cost)))
        start = stop
    return parts


def _slice(number: int, start: int, stop: int, whole: int) -> int:
    """A part of a number; all parts together are the number."""
    return number * stop // whole - number * start // whole


def _called(models: Mapping[str, tuple[float, ...]], messages: list[Message]) -> dict[str, str]:
    """What an account calls the models of messages.

    It has them as they were asked for, messages as they answered: `claude-opus-4-8` may be dated
    there, and `~anthropic/claude-opus-latest` is always called otherwise (seen on 2.1.329). Such a
    model is the smallest of those that no message names and that cover what it used.
    """
    used: defaultdict[str, list[tuple[int, ...]]] = defaultdict(list)
    for message in messages:
        used[message.model].append(message.used)
    called = {model: model for model in used if model in models}
    left = {model: total[:-1] for model, total in models.items() if model not in used}
    sums = {model: [*map(sum, zip(*each, strict=True))] for model, each in used.items()}
    for model in sorted(sums.keys() - called, key=lambda model: -sum(sums[model])):
        cover = [
            (sum(total), name) for name, total in left.items() if all(map(ge, total, sums[model]))
        ]
        if cover:
            _, name = min(cover)
            called[model] = name
            left[name] = tuple(map(sub, left[name], sums[model]))
    return called


def _rest(account: Account, model: str, total: tuple[float, ...], messages: list[Message]) -> Rest:
    *used, dollars = total
    for message in messages:
        used = [left - part for left, part in zip(used, message.used, strict=True)]
    costs = [message.cost for message in messages]
    known = dollars > 0 and None not in costs
    cost = max(0, round(dollars * PICO) - sum(filter(None, costs))) if known else None
    left = tuple(max(0, int(part)) for part in used)
    return Rest(account.file, account.session, account.at, model, left, cost)
