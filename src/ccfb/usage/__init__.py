"""How far the plan is used up, from elsewhere than the status line.

The status line tells only of sessions that are on the plan, and of two windows. These sources are
asked beside it, each at its own pace, by one session for all. Nothing here knows what is done
with the answer.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Protocol

from filelock import FileLock, Timeout

from ccfb import files, gate, paths
from ccfb.usage import claude_meter, endpoint, turns
from ccfb.usage.account import account
from ccfb.usage.buckets import Reading, Telling
from ccfb.usage.turns import NoAnswerError, Turn

__all__ = ["Reading", "Source", "Sources", "Telling", "account", "ask", "next_due"]


class Source(Protocol):
    """A source in the configuration."""

    @property
    def enabled(self) -> bool:
        """Whether the user wants it asked."""

    @property
    def every(self) -> float:
        """Seconds between two times."""


class Sources(Protocol):
    """`sources` in the configuration."""

    @property
    def claude_meter(self) -> Source:
        """The program."""

    @property
    def usage_endpoint(self) -> Source:
        """The server."""


class _Round(NamedTuple):
    """A source that is there."""

    turn: Turn
    due: float
    ask: Callable[[Callable[[], None]], Telling]


def ask(sources: Sources, now: float) -> list[Telling]:
    """Ask the sources that are due, unless another session does so at this moment.

    It may take some 10 seconds for each. What fails is one line in `ccfb.log`, and no error here.

    Args:
        sources: What the configuration says.
        now: Epoch seconds.
    """
    try:
        files.make_own_dir()
        with FileLock(paths.own("usage.lock"), timeout=0, mode=0o600):
            kept = turns.load()
            rounds = [each for each in _rounds(sources, kept, now) if each.due <= now]
            return [told for each in rounds if (told := _ask(each, kept, now))]
    except Timeout:
        return []
    except Exception as problem:  # noqa: BLE001 - the session goes on without
        gate.log("usage", problem)
        return []


def next_due(sources: Sources, now: float) -> float | None:
    """When a source is next due, in epoch seconds; None: there is none."""
    return min((each.due for each in _rounds(sources, turns.load(), now)), default=None)


def _rounds(sources: Sources, kept: turns.Turns, now: float) -> Iterator[_Round]:
    login = endpoint.login()
    if sources.claude_meter.enabled and (program := claude_meter.find()):
        due = kept.claude_meter.due(sources.claude_meter.every, login, now)
        yield _Round(kept.claude_meter, due, partial(claude_meter.ask, program))
    if sources.usage_endpoint.enabled:
        every = max(sources.usage_endpoint.every, endpoint.SPACING)
        due = kept.usage_endpoint.due(every, login, now)
        yield _Round(kept.usage_endpoint, due, partial(endpoint.ask, now))


def _ask(each: _Round, kept: turns.Turns, now: float) -> Telling | None:
    """Ask one source. That it was asked is written down before."""

    def asking() -> None:
        each.turn.asked = now
        turns.save(kept)

    try:
        told = each.ask(asking)
    except NoAnswerError as error:
        if error.message not in {"", each.turn.problem}:
            gate.log("usage", error)
        each.turn.failed(error, now)
        told = None
    else:
        each.turn.answered()
    turns.save(kept)
    return told
