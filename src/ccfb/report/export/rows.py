"""What leaves the machine: names, numbers and times, and never a word of prompts or code. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

from ccfb.report import days, ledger
from ccfb.report.model import PICO, SUBSCRIPTION, Collected, Event, Request, Sum
from ccfb.report.summary import is_meant

Names = Literal["name", "hash", "none"]
"""How projects are called: by the last part of their folder, by a hash of all of it, or not."""

_NUMBERS = Sum._fields.index("requests")


class Use(NamedTuple):
    """What a session used on a day, of one model and at one biller's expense."""

    machine: str
    day: date
    session: str
    project: str | None
    model: str
    billing: str
    """A provider, or the subscription."""
    background: bool
    """It stands in no message; see `ccfb.report.background`."""
    requests: int
    input_tokens: int
    """Neither read from the cache nor written to it."""
    output_tokens: int
    cache_read_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    web_searches: int
    cost_usd: float | None
    """Dollars, of what has a price; None: nothing has."""
    unpriced_requests: int


class Happening(NamedTuple):
    """An entry of the ledger, without its words."""

    machine: str
    at: datetime
    event: str
    provider: str | None
    window: str | None
    resets_at: datetime | None
    reason: str | None
    dollars: float | None


class Numbers(NamedTuple):
    """What some requests come to; see `Sum`."""

    requests: int
    unpriced: int
    output: int
    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    searches: int
    cost: int


def uses(collected: Collected, request: Request, machine: str, names: Names) -> list[Use]:
    """The rows of usage, by day, from sums of sessions."""
    found: defaultdict[tuple[int, str, str, str, str, int], list[Sum]] = defaultdict(list)
    billers = ledger.billers(collected.events)
    for each in chosen(collected, request):
        who = billers.get(each.switch, SUBSCRIPTION)
        place = each.day, each.session, each.project, each.model, who, each.background
        found[place].append(each)
    rows = []
    for day, session, project, model, who, background in sorted(found):
        numbers = total(found[day, session, project, model, who, background])
        rows.append(
            Use(
                machine=machine,
                day=days.day_of(day),
                session=session,
                project=project_name(collected.folders.get(project), names),
                model=model,
                billing=who,
                background=bool(background),
                requests=numbers.requests,
                input_tokens=numbers.input,
                output_tokens=numbers.output,
                cache_read_tokens=numbers.cache_read,
                cache_write_5m_tokens=numbers.cache_write_5m,
                cache_write_1h_tokens=numbers.cache_write_1h,
                web_searches=numbers.searches,
                cost_usd=None if numbers.unpriced and not numbers.cost else numbers.cost / PICO,
                unpriced_requests=numbers.unpriced,
            )
        )
    return rows


def happenings(
    collected: Collected, request: Request, offset: days.Offset, machine: str
) -> list[Happening]:
    """The rows of events, of the whole machine: they know of no project."""
    return [
        Happening(
            machine=machine,
            at=_clock(event.at),
            event=event.event,
            provider=event.provider,
            window=event.window,
            resets_at=_clock(event.resets_at) if event.resets_at else None,
            reason=event.reason,
            dollars=event.dollars,
        )
        for event in within(collected.events, request, offset)
    ]


def within(events: list[Event], request: Request, offset: days.Offset) -> Iterator[Event]:
    """The events of the user's days."""
    for event in events:
        day = days.number_of(days.clock(event.at, offset).date())
        if request.since <= day <= request.until:
            yield event


def chosen(collected: Collected, request: Request) -> Iterator[Sum]:
    """The sums of the project that is asked for, if one is."""
    for each in collected.sums:
        if is_meant(request.project, collected.folders.get(each.project, each.project)):
            yield each


def total(sums: list[Sum]) -> Numbers:
    """What sums come to together."""
    width = len(Numbers._fields)
    columns = zip(*(each[_NUMBERS : _NUMBERS + width] for each in sums), strict=True)
    return Numbers(*map(sum, columns))


def project_name(folder: str | None, names: Names) -> str | None:
    """How a project is called outside; None where its folder isn't known.

    The folder of its transcripts is no substitute: its name spells the whole path.
    """
    if not folder or names == "none":
        return None
    if names == "hash":
        return hashlib.sha256(folder.encode()).hexdigest()[:16]
    return folder.rstrip("/").rpartition("/")[2]


def _clock(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
