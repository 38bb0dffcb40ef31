"""Telling limits apart: what the error at the end of a failed turn means.

Only two things are ever read here: a `StopFailure` payload, and a transcript's API-error row.
Whether the plan refused is a question of money, so a text counts as a limit only if it has a known
form from its first to its last word, and tells a reset that its window can have. Everything else
that looks like a limit is an unknown one: recorded, told, and never acted on.

The forms were seen on 2.1.88 to 2.1.329, older and rarer ones in public reports. Nothing here
knows the time or the machine: both are arguments.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any, NamedTuple

MINUTE = 60
"""Seconds to which a text rounds a reset down."""

LATE = 60
"""Seconds after its reset that a refusal may still be written down."""

FIVE_HOURS = 5 * 3_600 + 600
"""Seconds that a five-hour window can last, and a little."""

WEEK = 8 * 86_400
"""Seconds that any window of a plan can last, and a little."""

MONTH = 32 * 86_400
"""Seconds that an organization's monthly limit can last, and a little."""

MILLISECONDS = 10**11
"""An epoch beyond this is told in milliseconds."""


class Kind(StrEnum):
    """What a failed turn means for billing."""

    LIMIT = "limit"
    """The plan refuses until a known moment."""
    UNKNOWN_LIMIT = "unknown_limit"
    """It looks like a limit, but in no known form, or without a reset that can be read."""
    THROTTLE = "throttle"
    """For a moment only: the server's, or the key's per minute."""
    OUTAGE = "outage"
    """Overloaded, or a server error."""
    AUTH = "auth"
    """The login or the key isn't accepted."""
    CREDIT = "credit"
    """The provider's key has no money left."""
    CAP = "cap"
    """The key's own spending cap, with its end where it is told."""
    MODEL = "model"
    """The provider has no such model."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a failed turn was read as.

    Args:
        kind: What it means.
        window: The plan's window that refuses, as the API names it (`five_hour`, `seven_day`,
            `seven_day_opus`, `overage`); None where nothing tells.
        resets_at: When it ends; epoch seconds, UTC.
        text: What the user was shown.
    """

    kind: Kind
    window: str | None
    resets_at: int | None
    text: str


def read_failure(
    error: str,
    text: str,
    *,
    quota: Mapping[str, Any] | None,
    at: float,
    zone: tzinfo | None,
    known: Mapping[str, int],
) -> Finding:
    """Read the error at the end of a failed turn.

    Args:
        error: The kind that the client gave it: `rate_limit` for a limit on 2.1.88 to 2.1.329;
            empty for rows of older clients, which have no such field.
        text: What the user was shown.
        quota: The row's `quotaLimits`: exact where it is there (seen on 2.1.261 and 2.1.329;
            2.1.176 and older have none).
        at: When the turn failed; epoch seconds, UTC.
        zone: Where a time without a zone is local; None for the zone of this machine.
        known: When each window resets, as the status line last told; epoch seconds, UTC.
    """
    words = _plain(text)
    kind = _kind(error, words)
    if kind is Kind.LIMIT:
        return _limit(_Failure(text, _notice(words), at, zone, known), quota)
    resets_at = _end_of_cap(words, at) if kind is Kind.CAP else None
    return Finding(kind, None, resets_at, text)


# What it is, apart from the plan's limits. The texts are tried from their beginning; 2.1.105 and
# older show the body of the answer as it came.

_TEXTS = (
    # Warnings, and what a plan doesn't include: no limit was hit.
    (r"You've used|You're close to|You're now using|Now using|Approaching", Kind.OTHER),
    (r"You(?:'ve| have) hit your fast limit", Kind.OTHER),
    (r"API Error: (?:Extra usage|Usage credits)(?: is| are)? required", Kind.OTHER),
    (r"API Error: (?:Server is temporarily limiting|Rate limit reached|429\b)", Kind.THROTTLE),
    (r"API Error: Request rejected \(429\)", Kind.THROTTLE),
    (r"API Error: 4\d\d .*You have reached your specified API usage limits", Kind.CAP),
    (r"(?:Failed to authenticate\. )?API Error: 403 .*Key limit exceeded", Kind.CREDIT),
    (r"API Error: 402\b|(?:API Error: 4\d\d .*)?credit balance is too low", Kind.CREDIT),
    (r"There's an issue with the selected model", Kind.MODEL),
    (r"API Error: (?:Repeated )?(?:5\d\d\b|Overloaded)", Kind.OUTAGE),
)
_KNOWN_TEXTS = tuple((re.compile(text, re.IGNORECASE), kind) for text, kind in _TEXTS)

_AUTH_TEXT = re.compile(
    r"Failed to authenticate|Invalid API key|Not logged in|.{0,60}Please run /login", re.IGNORECASE
)

_ERRORS = {
    "rate_limit": Kind.LIMIT,
    "billing_error": Kind.CREDIT,
    "authentication_failed": Kind.AUTH,
    "oauth_org_not_allowed": Kind.AUTH,
    "cloud_credential_error": Kind.AUTH,
    "overloaded": Kind.OUTAGE,
    "server_error": Kind.OUTAGE,
    "model_not_found": Kind.MODEL,
}


def _kind(error: str, words: str) -> Kind:
    """The kind; `LIMIT` where a limit is to be looked for."""
    for pattern, kind in _KNOWN_TEXTS:
        if pattern.match(words):
            return kind
    if error in _ERRORS:
        return _ERRORS[error]
    if _notice(words):
        # A client that calls it by another name than any seen so far isn't taken at its word.
        return Kind.UNKNOWN_LIMIT if error else Kind.LIMIT
    return Kind.AUTH if not error and _AUTH_TEXT.match(words) else Kind.OTHER


_CAP = re.compile(r"regain access on (\d{4}-\d\d-\d\d at \d\d:\d\d UTC)")


def _end_of_cap(words: str, at: float) -> int | None:
    told = _CAP.search(words)
    reset = _reset(told[1], at, UTC) if told else None
    return reset.minute if reset else None


# The words of a limit: a head that names it, and asides behind separators, one of them the reset.

_HEAD = re.compile(
    r"You(?:'ve| have) (?:hit|reached) your (?:(?P<hit>[\w.' -]+) )?limit\.?"
    r"|(?:Claude (?:(?:AI|Max|Pro) )?)?(?:(?P<reached>[\w. -]+) )?limit reached\.?"
    r"|You(?:'re| are) out of (?P<out>extra usage|usage credits|usage)\.?",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    r"\s*[\u00b7\u2219\u2022]\s*|\s+[-\u2013\u2014]\s+|\s*\n\s*|\|(?=\d)|\.\s(?=Your limit will)"
)
_RESETS = re.compile(
    r"(?:(?:your (?:(?P<name>[\w.' -]+) )?limit )?resets(?: at)?|your limit will reset at)"
    r" (?P<when>.+?)\.?",
    re.IGNORECASE,
)
_EPOCH = re.compile(r"\d{10}(?:\d{3})?")
_ASIDE = re.compile(
    r"progress saved|(?:run )?/[a-z][a-z-]*\b.{0,160}|raise it at \S+|ask your admin .{1,160}",
    re.IGNORECASE,
)

_NAMES = {
    "": "",
    "usage": "",
    "org's monthly usage": "",
    "session": "five_hour",
    "5-hour": "five_hour",
    "5 hour": "five_hour",
    "five-hour": "five_hour",
    "weekly": "seven_day",
    # What is used beyond the plan has a budget of its own.
    "extra usage": "overage",
    "usage credit": "overage",
    "usage credits": "overage",
    "monthly spend": "overage",
    "individual spend": "overage",
    "org's monthly spend": "overage",
}
_MODEL = re.compile(r"(?:weekly )?(?P<model>[A-Z][a-z]+)(?: \d[\d.]*)?(?: weekly)?")
_NO_MODELS = frozenset({"context", "fast", "rate"})


class _Notice(NamedTuple):
    """A limit as the text tells it."""

    window: str
    """Empty where the text doesn't tell."""
    monthly: bool
    when: str | None


def _plain(text: str) -> str:
    """The words without the variants of apostrophes and blanks."""
    return re.sub(r"[^\S\n]+", " ", re.sub("[\u2018\u2019\u02bc]", "'", text)).strip()


def _notice(words: str) -> _Notice | None:
    """The limit that a text tells, if it has a known form from beginning to end."""
    head, *asides = _SEPARATOR.split(words)
    found = _HEAD.fullmatch(head)
    if not found:
        return None
    name = found["hit"] or found["reached"] or found["out"] or ""
    monthly = name.lower().endswith("monthly usage")
    when = None
    for aside in filter(None, asides):
        resets = _RESETS.fullmatch(aside)
        told = resets["when"] if resets else aside if _EPOCH.fullmatch(aside) else None
        if told and when is None:
            when = told
            name = (resets["name"] if resets else None) or name
        elif not _ASIDE.fullmatch(aside):
            return None
    window = _window(name)
    return None if window is None else _Notice(window, monthly, when)


def _window(name: str) -> str | None:
    """The API's name for a window; empty where none is named, None for a stranger."""
    if name.lower() in _NAMES:
        return _NAMES[name.lower()]
    model = _MODEL.fullmatch(name)
    if not model or model["model"].lower() in _NO_MODELS:
        return None
    return f"seven_day_{model['model'].lower()}"


# From the words to a window and a reset.


class _Failure(NamedTuple):
    """What is asked about a limit."""

    text: str
    notice: _Notice | None
    at: float
    zone: tzinfo | None
    known: Mapping[str, int]


def _limit(failure: _Failure, quota: Mapping[str, Any] | None) -> Finding:
    """The window that refuses and its reset, from the row where it tells, else from the text."""
    notice = failure.notice
    window, resets_at = _from_quota(quota)
    if resets_at is not None:
        window = window or (notice.window if notice else "")
        longest = WEEK
    else:
        window, resets_at = _from_text(failure)
        longest = FIVE_HOURS if window == "five_hour" else WEEK
    if notice and notice.monthly:
        longest = MONTH
    if resets_at is None or not -MINUTE - LATE <= resets_at - failure.at <= longest:
        return Finding(Kind.UNKNOWN_LIMIT, window or None, None, failure.text)
    return Finding(Kind.LIMIT, window or None, resets_at, failure.text)


def _from_quota(quota: Mapping[str, Any] | None) -> tuple[str, int | None]:
    """What the row tells; beside a warning there is a quota too, which doesn't reject."""
    if not quota or quota.get("status") != "rejected":
        return "", None
    window, resets_at = quota.get("rateLimitType"), quota.get("resetsAt")
    if isinstance(resets_at, bool) or not isinstance(resets_at, int | float) or resets_at <= 0:
        return "", None
    return window if isinstance(window, str) else "", _seconds(resets_at)


def _from_text(failure: _Failure) -> tuple[str, int | None]:
    """What the text tells, made exact by what the status line has told before."""
    notice, at = failure.notice, failure.at
    reset = _reset(notice.when, at, failure.zone) if notice and notice.when else None
    if not notice or not reset:
        return notice.window if notice else "", None
    near = {
        name: told
        for name, told in failure.known.items()
        if told > at and -MINUTE <= told - reset.minute < 2 * MINUTE
    }
    nearest = min(near, key=lambda name: abs(near[name] - reset.minute), default="")
    window = notice.window or nearest
    if not window and not notice.monthly:
        window = _likely(reset, at)
    exact = near.get(window, near.get(nearest))
    if exact is not None and 0 <= exact - reset.minute < MINUTE:
        return window, exact
    return window, reset.minute if reset.minute > at else reset.minute + reset.rounded


def _likely(reset: "_Reset", at: float) -> str:
    """The window that a text of 2.1.136 and older means, which doesn't name it."""
    if reset.dated:
        return "seven_day"
    return "five_hour" if reset.minute - at <= FIVE_HOURS else ""


def _seconds(epoch: float) -> int:
    return int(epoch / 1000 if epoch > MILLISECONDS else epoch)


# Times as the client writes them.

_WHEN = re.compile(
    r"(?:(?P<month>[a-z]{3})[a-z]*\.? (?P<day>\d{1,2})(?:, (?P<year>\d{4}))?(?:, | at )"
    r"|(?P<weekday>mon|tue|wed|thu|fri|sat|sun)[a-z]*,? (?:at )?"
    r"|(?P<date>\d{4}-\d\d-\d\d)(?: at |T| ))?"
    r"(?:(?P<hour12>\d{1,2})(?::(?P<minute12>\d\d))? ?(?P<half>[ap])\.?m\.?"
    r"|(?P<hour>\d{1,2}):(?P<minute>\d\d))"
    r"(?: ?(?P<utc>UTC|GMT|Z)| \((?P<zone>[^()]+)\))?",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class _Reset(NamedTuple):
    """A reset as a text tells it."""

    minute: int
    """Epoch seconds, UTC; the beginning of its minute."""
    dated: bool
    rounded: int
    """Seconds by which it may be later."""


def _reset(words: str, at: float, zone: tzinfo | None) -> _Reset | None:
    """The next such moment after `at`, which itself may lie within that minute, or just behind."""
    if _EPOCH.fullmatch(words):
        return _Reset(_seconds(int(words)), dated=False, rounded=0)
    told = _WHEN.fullmatch(words)
    clock = _clock(told) if told else None
    if not told or not clock:
        return None
    there = _zone(told, zone)
    today = datetime.fromtimestamp(at, there).date()
    minutes = sorted(m for day in _days(told, today) for m in _minutes(day, clock, there))
    for minute in minutes:
        if at < minute + MINUTE + LATE:
            dated = bool(told["month"] or told["weekday"] or told["date"])
            return _Reset(minute, dated, MINUTE)
    return None


def _clock(told: re.Match[str]) -> time | None:
    """The time of day; None for one that no clock shows."""
    if told["half"]:
        hour, minute = int(told["hour12"]), int(told["minute12"] or 0)
        if not 1 <= hour <= 12:  # noqa: PLR2004 - a clock's face
            return None
        hour = hour % 12 + (12 if told["half"].lower() == "p" else 0)
    else:
        hour, minute = int(told["hour"]), int(told["minute"])
    try:
        return time(hour, minute)
    except ValueError:
        return None


def _days(told: re.Match[str], today: date) -> Iterator[date]:
    """The days that can be meant: a year isn't always told, a date not even then."""
    if told["date"]:
        yield from _dates(told["date"])
    elif told["month"]:
        month = told["month"].lower()
        years = [int(told["year"])] if told["year"] else range(today.year - 1, today.year + 2)
        if month in _MONTHS:
            for year in years:
                yield from _dates(f"{year:04}-{_MONTHS.index(month) + 1:02}-{told['day']:0>2}")
    else:
        for days in range(-1, 9):
            day = today + timedelta(days)
            if not told["weekday"] or _WEEKDAYS[day.weekday()] == told["weekday"].lower():
                yield day


def _dates(words: str) -> Iterator[date]:
    """The date, if there is such a day in that year."""
    try:
        yield date.fromisoformat(words)
    except ValueError:
        return


def _minutes(day: date, clock: time, zone: tzinfo | None) -> Iterator[int]:
    """The moments at which a clock on a wall shows that time, in epoch seconds.

    Two where the clock is set back. A time that is left out where it is set forward counts from
    before, which is as long after as it was left out.
    """
    wall = datetime.combine(day, clock, zone)
    first, second = (int(wall.replace(fold=fold).timestamp()) for fold in (0, 1))
    yield first
    if second > first:
        yield second


def _zone(told: re.Match[str], local: tzinfo | None) -> tzinfo | None:
    """The zone of a text.

    The client names the machine's own, by names that the machine's tables may have dropped
    (`Asia/Calcutta`): one that isn't found is the local one.
    """
    name = told["utc"] or told["zone"]
    if not name:
        return local
    if name.upper() in {"UTC", "GMT", "Z"}:
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - most limits tell of UTC, or of no zone at all

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return local
