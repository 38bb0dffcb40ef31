"""Limits are told apart from everything else, and their resets read to the minute."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import captures
from ccfb.client.limits import Finding, Kind, read_failure

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")

AT = datetime(2026, 11, 20, 14, 25, 30, tzinfo=UTC).timestamp()
"""A Friday, 15:25:30 in Berlin."""

CASES = captures.load()

PLAN_CASES = {
    "oauth five_hour": "five_hour",
    "oauth seven_day": "seven_day",
    "oauth seven_day_opus": "seven_day_opus",
    "oauth seven_day_sonnet": "seven_day_sonnet",
    "oauth overage claim": "overage",
    "interactive until the 5-hour limit": "five_hour",
}
OTHER_CASES = {
    "oauth 429 no unified": Kind.THROTTLE,
    "oauth 529": Kind.OUTAGE,
    "oauth 401": Kind.AUTH,
    "key credit low": Kind.CREDIT,
    "key 401": Kind.AUTH,
    "key 429 tpm": Kind.THROTTLE,
    "key usage limit": Kind.CAP,
    "openrouter 402": Kind.CREDIT,
    "openrouter 403": Kind.CREDIT,
    "openrouter 404 model": Kind.MODEL,
}


def utc(words: str) -> int:
    return int(datetime.fromisoformat(words).replace(tzinfo=UTC).timestamp())


def read(text: str, *, error: str = "rate_limit", at: float = AT, **given: object) -> Finding:
    asked: dict[str, object] = {"quota": None, "zone": BERLIN, "known": {}} | given
    return read_failure(error, text, at=at, **asked)  # type: ignore[arg-type]


# What the real client did.


def told_by_row(case: captures.Case) -> Finding:
    row = case.rows[-1]
    text = row["message"]["content"][0]["text"]
    quota = row.get("quotaLimits")
    return read(text, error=row["error"], at=case.when, quota=quota, zone=UTC)


def told_by_hook(case: captures.Case) -> Finding:
    assert case.stop_failure
    known = {name: window["resets_at"] for name, window in case.windows.items()}
    error, text = case.stop_failure["error"], case.stop_failure["last_assistant_message"]
    return read(text, error=error, at=case.when, known=known, zone=UTC)


def tellings(name: str) -> Iterator[tuple[captures.Case, Finding]]:
    for case in CASES:
        if case.name == name and case.rows:
            yield case, told_by_row(case)
        if case.name == name and case.stop_failure:
            yield case, told_by_hook(case)


def test_every_recorded_failure_is_expected() -> None:
    """A new recording has to be given a meaning here."""
    assert {case.name for case in CASES} == PLAN_CASES.keys() | OTHER_CASES.keys()
    assert {case.version for case in CASES} == {"2.1.105", "2.1.176", "2.1.261", "2.1.329"}


@pytest.mark.parametrize("name", PLAN_CASES)
def test_recorded_limits_are_limits(name: str) -> None:
    """On every version, by the row and by the hook: a limit, with its reset to the minute."""
    for case, finding in tellings(name):
        reset = case.headers.get("anthropic-ratelimit-unified-reset")
        reset = reset or case.windows["five_hour"]["resets_at"]
        assert finding.kind is Kind.LIMIT, case
        assert finding.resets_at is not None
        assert 0 <= reset - finding.resets_at < 60, case
        window = PLAN_CASES[name]
        if case.version == "2.1.105" and window.startswith("seven_day"):
            window = "seven_day"  # that version says no more than `limit`
        assert finding.window == window, case


@pytest.mark.parametrize("name", OTHER_CASES)
def test_recorded_failures_of_other_kinds_are_no_limits(name: str) -> None:
    """Zero switches over throttles, overloads, bad keys and empty purses."""
    for case, finding in tellings(name):
        assert finding.kind is OTHER_CASES[name], case
        assert finding.window is None
        assert finding.resets_at == (utc("2026-12-01") if finding.kind is Kind.CAP else None)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.rows and case.rows[-1].get("quotaLimits")], ids=str
)
def test_the_row_tells_the_very_second(case: captures.Case) -> None:
    assert told_by_row(case).resets_at == case.headers["anthropic-ratelimit-unified-reset"]


# Texts: recorded ones, and those of public reports.

# Window (`-`: none is told), reset (UTC), text.
LIMITS = """\
five_hour 2026-11-20T18:37 You've hit your 5-hour limit · resets 6:37pm (UTC)
five_hour 2026-11-20T16:00 You've hit your session limit · resets 5pm
five_hour 2026-11-20T16:50 You've hit your session limit · resets 1:50am (Asia/Tokyo)
five_hour 2026-11-20T15:05 You have hit your session limit · resets 16:05
five_hour 2026-11-20T16:40 You've hit your five-hour limit • resets at 4:40 PM (UTC)
five_hour 2026-11-20T16:00 You've hit your 5-hour limit - resets at 5pm
five_hour 2026-11-20T16:00 5-hour limit reached ∙ resets 5pm
five_hour 2026-11-20T14:30 Session limit reached ∙ resets 3:30pm
five_hour 2026-11-20T16:00 Session limit reached ∙ resets 5pm\\n     /upgrade to increase it.
seven_day 2026-11-24T06:27 You've hit your weekly limit · resets Nov 24, 6:27am (UTC)
seven_day 2026-11-20T17:00 You've hit your weekly limit · resets 8pm (Europe/Istanbul)
seven_day 2026-11-22T23:00 You've hit your weekly limit · resets Mon 12:00am
seven_day 2026-11-23T07:00 You've hit your weekly limit · resets Mon 9am (Asia/Jerusalem)
seven_day 2026-11-20T17:00 Weekly limit reached ∙ resets 6pm
seven_day 2026-11-21T01:00 Weekly limit reached · resets 10am (Asia/Seoul) · /upgrade or turn on \
/extra-usage
seven_day 2026-11-22T16:00 Weekly limit reached · resets Nov 22, 7pm (Europe/Moscow) ·
seven_day_opus 2026-11-24T06:39 You've hit your Opus limit · resets Nov 24, 6:39am (UTC)
seven_day_opus 2026-11-20T14:45 You've hit your Opus limit · resets 3:45pm
seven_day_opus 2026-11-26T12:00 Opus weekly limit reached ∙ resets Nov 26, 1pm
seven_day_sonnet 2026-11-24T06:39 You've hit your Sonnet limit · resets Nov 24, 6:39am (UTC)
seven_day_sonnet 2026-11-26T12:00 Sonnet 4.5 weekly limit reached ∙ resets Nov 26, 1pm
seven_day_fable 2026-11-23T08:00 You've hit your Fable limit · resets Nov 23, 9am (Europe/Berlin)
seven_day_fable 2026-11-23T08:00 You've reached your Fable 5 limit · resets Nov 23, 9am
- 2026-11-20T21:17 You've hit your limit · resets 9:17pm (UTC)
five_hour 2026-11-20T18:17 You've hit your limit · resets 6:17pm (UTC)
- 2026-11-21T03:00 You've hit your limit · resets 3am (Europe/London)
seven_day 2026-11-26T02:00 You've hit your limit · resets Nov 25 at 9pm (America/New_York)
seven_day 2026-11-24T06:00 You've hit your limit · resets Nov 24, 11:30am (Asia/Kolkata)
seven_day 2026-11-24T09:00 You've hit your limit · resets Nov 24, 2026, 9am (UTC)
five_hour 2026-11-20T16:00 You've hit your limit · resets 5pm · progress saved
five_hour 2026-11-20T16:00 Limit reached · resets 5pm (Europe/Berlin) · /upgrade to Max
five_hour 2026-11-20T16:00 Claude usage limit reached. Your limit will reset at 5pm (Europe/Berlin).
five_hour 2026-11-20T18:00 Claude usage limit reached. Your limit will reset at 1pm (Etc/GMT+5).
five_hour 2026-11-20T16:00 Claude usage limit reached. Your limit will reset at 5pm.\\n\\n • \
/upgrade to Max
- 2026-11-20T23:00 Claude Max usage limit reached. Your limit will reset at 12am.
five_hour 2026-11-20T18:00 Claude AI usage limit reached|1795197600
five_hour 2026-11-20T18:00 Claude AI usage limit reached|1795197600000
overage 2026-11-20T21:18 You're out of usage credits · resets 9:18pm (UTC)
overage 2026-11-21T04:00 You're out of extra usage · resets 10pm (America/Chicago)
overage 2026-11-27T05:00 You're out of extra usage · resets Nov 27, 6am (Europe/Berlin)
overage 2026-11-20T16:00 You've hit your monthly spend limit · resets 5pm
five_hour 2026-11-20T15:30 You've hit your monthly spend limit · raise it at \
claude.ai/settings/usage · your session limit resets 10:30am (America/New_York)
seven_day 2026-11-25T03:00 You've hit your monthly spend limit · your weekly limit resets \
Nov 25, 4am
five_hour 2026-11-20T17:50 You've hit your individual spend limit · run /usage-credits to ask your \
admin for a higher limit · your session limit resets 5:50pm (UTC)
five_hour 2026-11-20T17:40 You've hit your org's monthly spend limit · ask your admin to raise it \
at claude.ai/admin-settings/usage · your session limit resets 5:40pm (UTC)
- 2026-12-01T00:00 You've hit your org's monthly usage limit · resets Dec 1, 1am
"""

UNKNOWN_LIMITS = [
    "You've hit your limit",
    "You've hit your session limit",
    "You've hit your session limit · resets soon",
    "You've hit your session limit · resets 25:00",
    "You've hit your session limit · resets 13pm",
    "You've hit your weekly limit · resets Nov 31, 9am",
    "You've hit your weekly limit · resets Nov 24",
    "You've hit your weekly limit · resets Monday",
    "You've hit your weekly limit · resets Foo 24, 9am",
    "You've reached your Fable limit.",
    "You've reached your Fable limit. Switch to another model to continue.",
    "Fable 5.1 requires usage credits. Switch to another model to continue.",
    "You're out of usage credits",
    "You're out of usage credits. Run /usage-credits to keep using Fable 5 or /model to switch.",
    "You've hit your monthly spend limit",
    "You've hit your monthly spend limit · raise it at claude.ai/settings/usage",
    "You've hit your org's monthly usage limit",
    "You've hit your team's shared budget",
    "Your org is out of usage · add funds to continue",
    "Your group's usage limit is set to $0 · ask your admin for a higher limit",
    "Your seat type doesn't include usage credits",
    "You've hit your limit for Claude messages. Limits will reset at 9:30 AM.",
    "Usage limit reached · continuing automatically at 3:45pm · esc to cancel",
    "Claude AI usage limit reached",
    "Claude AI usage limit reached|0",
    "Claude AI usage limit reached|1750770000",
    "Rate limit reached · resets 5pm",
    "Something that nobody has seen yet",
    "",
]

# Farther away than the window lasts: misread, or not of this plan.
IMPLAUSIBLE = [
    "You've hit your 5-hour limit · resets 9pm (Europe/Berlin)",
    "You've hit your 5-hour limit · resets 3pm (Europe/Berlin)",
    "5-hour limit reached ∙ resets Nov 21, 5pm",
    "You've hit your weekly limit · resets Nov 29, 9am",
    "You've hit your weekly limit · resets Nov 19, 9am",
    "You've hit your limit · resets Nov 24, 2027, 9am",
    "You've hit your monthly spend limit · resets Dec 1, 12am",
    "You've hit your org's monthly usage limit · resets Jan 1, 12am",
    f"Claude AI usage limit reached|{utc('2026-12-20')}",
    "You've hit your session limit · resets 5pm · your weekly limit resets Mon 9am",
]

OTHERS = [
    ("rate_limit", "You've used 98% of your weekly limit · resets 5pm", Kind.OTHER),
    ("rate_limit", "You're close to your usage limit · resets 5pm", Kind.OTHER),
    ("rate_limit", "Approaching 5-hour limit", Kind.OTHER),
    ("rate_limit", "You've hit your fast limit · using the standard model", Kind.OTHER),
    ("rate_limit", "Now using extra usage", Kind.OTHER),
    ("rate_limit", "You're now using usage credits · your session limit resets 5pm", Kind.OTHER),
    ("rate_limit", "API Error: Extra usage is required for 1M context", Kind.OTHER),
    ("rate_limit", "API Error: Usage credits required for 1M context · run /model", Kind.OTHER),
    ("rate_limit", "API Error: Rate limit reached", Kind.THROTTLE),
    ("rate_limit", 'API Error: 429 {"type":"error","error":{}}', Kind.THROTTLE),
    ("rate_limit", "API Error: Request rejected (429) · Provider returned error", Kind.THROTTLE),
    ("unknown", "API Error: 500 Internal server error", Kind.OUTAGE),
    ("unknown", "API Error: Repeated 529 Overloaded errors", Kind.OUTAGE),
    ("overloaded", "Overloaded", Kind.OUTAGE),
    ("authentication_failed", "Login expired · Please run /login", Kind.AUTH),
    ("oauth_org_not_allowed", "Your organization has disabled Claude access", Kind.AUTH),
    ("cloud_credential_error", "No credentials", Kind.AUTH),
    ("billing_error", "Credit balance too low · Add funds", Kind.CREDIT),
    ("invalid_request", "API Error: 400 Your credit balance is too low", Kind.CREDIT),
    ("model_not_found", "No such model", Kind.MODEL),
    ("invalid_request", "Prompt is too long", Kind.OTHER),
    ("invalid_request", "Context limit reached · /compact or /clear to continue", Kind.OTHER),
    ("max_output_tokens", "API Error: Claude's response exceeded 32000 tokens", Kind.OTHER),
    ("", "Invalid API key · Fix external API key", Kind.AUTH),
    ("", "Credit balance is too low", Kind.CREDIT),
    ("", "API Error: 529 Overloaded", Kind.OUTAGE),
    ("", "Prompt is too long", Kind.OTHER),
    ("", "I wrote a test for the usage limit.", Kind.OTHER),
]


@pytest.mark.parametrize("line", LIMITS.splitlines())
@pytest.mark.parametrize("error", ["rate_limit", ""])
def test_limits_are_read(line: str, error: str) -> None:
    """Every form ever seen; rows of clients that had no `error` count too."""
    window, reset, words = line.replace("\\n", "\n").split(" ", 2)
    for text in (words, words.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")):
        expected = None if window == "-" else window
        assert read(text, error=error) == Finding(Kind.LIMIT, expected, utc(reset), text)


@pytest.mark.parametrize("text", UNKNOWN_LIMITS + IMPLAUSIBLE)
def test_what_only_looks_like_a_limit_is_unknown(text: str) -> None:
    """Told, and not acted on."""
    finding = read(text)
    assert (finding.kind, finding.resets_at, finding.text) == (Kind.UNKNOWN_LIMIT, None, text)


@pytest.mark.parametrize(("error", "text", "kind"), OTHERS)
def test_everything_else_is_something_else(error: str, text: str, kind: Kind) -> None:
    assert read(text, error=error) == Finding(kind, None, None, text)


def test_an_unknown_limit_keeps_the_window_that_it_tells() -> None:
    assert read("You've reached your Fable limit.").window == "seven_day_fable"
    assert read("You've hit your weekly limit · resets someday").window == "seven_day"
    assert read("You've hit your weekly limit · and so on").window is None


def test_a_limit_by_another_name_is_unknown() -> None:
    """A version that calls its error otherwise isn't taken at its word."""
    text = "You've hit your session limit · resets 5pm"
    assert read(text, error="usage_limit").kind is Kind.UNKNOWN_LIMIT
    assert read(text, error="unknown").kind is Kind.UNKNOWN_LIMIT
    assert read(text, error="authentication_failed").kind is Kind.AUTH


@pytest.mark.parametrize(
    "text",
    [
        "I think you've hit your 5-hour limit · resets 5pm (UTC)",
        "You've hit your 5-hour limit · resets 5pm (UTC), so I stopped here.",
        "You've hit your 5-hour limit · resets 5pm (UTC) and then it goes on",
        "The test says: You've hit your limit · resets 5pm",
        "> You've hit your limit · resets 5pm",
        "• You've hit your limit · resets 5pm",
        "You've hit your 5-hour limit. It resets 5pm.",
        "5-hour limit reached ∙ resets 5pm is what the client prints",
        "Claude AI usage limit reached|1795197600 remaining",
    ],
)
@pytest.mark.parametrize("error", ["rate_limit", "", "unknown"])
def test_prose_is_never_a_limit(text: str, error: str) -> None:
    assert read(text, error=error).kind in {Kind.UNKNOWN_LIMIT, Kind.OTHER}


# The row's own word.


def test_the_row_counts_more_than_the_text() -> None:
    quota = {"status": "rejected", "resetsAt": int(AT) + 99, "rateLimitType": "seven_day_opus"}
    finding = read("You've hit your 5-hour limit · resets 9pm", quota=quota)
    assert finding.window == "seven_day_opus"
    assert finding.resets_at == int(AT) + 99


def test_the_row_counts_where_the_text_is_new() -> None:
    quota = {"status": "rejected", "resetsAt": int(AT) + 99, "rateLimitType": "five_hour"}
    assert read("No more for today!", quota=quota).kind is Kind.LIMIT


@pytest.mark.parametrize(
    "quota",
    [
        {},
        {"status": "rejected"},
        {"status": "rejected", "resetsAt": None},
        {"status": "rejected", "resetsAt": "soon"},
        {"status": "rejected", "resetsAt": True},
        {"status": "rejected", "resetsAt": 0},
        {"status": "allowed_warning", "resetsAt": int(AT) + 99, "rateLimitType": "seven_day"},
        {"status": "allowed", "overageStatus": "rejected", "resetsAt": int(AT) + 99},
    ],
)
def test_a_row_that_does_not_tell_leaves_it_to_the_text(quota: dict[str, object]) -> None:
    finding = read("You've hit your 5-hour limit · resets 5pm", quota=quota)
    assert (finding.window, finding.resets_at) == ("five_hour", utc("2026-11-20T16:00"))
    assert read("Something else", quota=quota).kind is Kind.UNKNOWN_LIMIT


@pytest.mark.parametrize("reset", [AT - 300, AT + 9 * 86_400])
def test_a_row_with_an_implausible_reset_is_not_acted_on(reset: float) -> None:
    quota = {"status": "rejected", "resetsAt": int(reset), "rateLimitType": "five_hour"}
    finding = read("You've hit your 5-hour limit · resets 5pm", quota=quota)
    assert finding == Finding(Kind.UNKNOWN_LIMIT, "five_hour", None, finding.text)


def test_a_row_in_milliseconds_is_understood() -> None:
    quota = {"status": "rejected", "resetsAt": (int(AT) + 99) * 1000}
    assert read("You've hit your weekly limit", quota=quota) == Finding(
        Kind.LIMIT, "seven_day", int(AT) + 99, "You've hit your weekly limit"
    )


def test_an_organization_may_wait_for_the_month() -> None:
    quota = {"status": "rejected", "resetsAt": utc("2026-12-01"), "rateLimitType": "overage"}
    text = "You've hit your org's monthly usage limit"
    assert read(text, quota=quota).resets_at == utc("2026-12-01")
    assert read("You've hit your monthly spend limit", quota=quota).kind is Kind.UNKNOWN_LIMIT


def test_a_throttle_is_none_whatever_stands_beside_it() -> None:
    quota = {"status": "rejected", "resetsAt": int(AT) + 99}
    text = "API Error: Server is temporarily limiting requests (not your usage limit)"
    assert read(text, quota=quota).kind is Kind.THROTTLE


# What the status line has told before.


def test_the_status_line_names_the_window() -> None:
    """A weekly limit that resets within the hour isn't taken for the five-hour one."""
    known = {"five_hour": utc("2026-11-20T18:40"), "seven_day": utc("2026-11-20T16:00:20")}
    finding = read("You've hit your limit · resets 5pm", known=known)
    assert (finding.window, finding.resets_at) == ("seven_day", known["seven_day"])


def test_the_status_line_tells_the_very_second() -> None:
    known = {"five_hour": utc("2026-11-20T18:40:59"), "seven_day": utc("2026-11-24T06:27:42")}
    weekly = "You've hit your weekly limit · resets Nov 24, 6:27am (UTC)"
    assert read(weekly, known=known).resets_at == known["seven_day"]
    spent = read("You're out of usage credits · resets 6:40pm (UTC)", known=known)
    assert (spent.window, spent.resets_at) == ("overage", known["five_hour"])


def test_the_status_line_may_differ_by_a_moment() -> None:
    """Its word wavers by seconds from answer to answer: it still names the window."""
    known = {"seven_day": utc("2026-11-20T15:59:58")}
    finding = read("You've hit your limit · resets 5pm", known=known)
    assert (finding.window, finding.resets_at) == ("seven_day", utc("2026-11-20T16:00"))


def test_what_the_status_line_told_of_another_reset_does_not_matter() -> None:
    known = {"five_hour": utc("2026-11-20T12:00"), "seven_day": utc("2026-11-24T16:00")}
    finding = read("You've hit your limit · resets 5pm", known=known)
    assert (finding.window, finding.resets_at) == ("five_hour", utc("2026-11-20T16:00"))


# Time.


@pytest.mark.parametrize(
    ("now", "reset"),
    [
        ("2026-11-20T14:59:59", "2026-11-20T15:00"),
        ("2026-11-20T15:00:00", "2026-11-20T15:01"),
        ("2026-11-20T15:00:59", "2026-11-20T15:01"),
        # The refusal came in the last moment, and was written down a little later.
        ("2026-11-20T15:01:59", "2026-11-20T15:01"),
    ],
)
def test_a_reset_within_this_minute_ends_with_the_minute(now: str, reset: str) -> None:
    """The text is rounded down: never tomorrow."""
    for text in ("You've hit your limit · resets 3pm (UTC)", "5-hour limit reached · resets 15:00"):
        finding = read(text, at=utc(now), zone=UTC)
        assert (finding.window, finding.resets_at) == ("five_hour", utc(reset))


def test_later_than_that_it_is_tomorrow() -> None:
    finding = read("You've hit your limit · resets 3pm (UTC)", at=utc("2026-11-20T15:02"))
    assert (finding.window, finding.resets_at) == (None, utc("2026-11-21T15:00"))


def test_the_year_is_the_one_that_comes() -> None:
    at = utc("2026-12-30T12:00")
    assert read("Weekly limit reached ∙ resets Jan 2, 9am (UTC)", at=at).resets_at == utc(
        "2027-01-02T09:00"
    )
    eve = utc("2027-12-31T23:59")
    assert read("Weekly limit reached ∙ resets Dec 31, 11:59pm (UTC)", at=eve).resets_at == utc(
        "2028-01-01"
    )
    leap = utc("2028-02-27")
    assert read("Weekly limit reached ∙ resets Feb 29, 9am (UTC)", at=leap).resets_at == utc(
        "2028-02-29T09:00"
    )


def test_of_two_such_times_the_earlier_is_meant() -> None:
    """Where the clock is set back, money runs rather too short than too long."""
    text = "You've hit your limit · resets 1:30am (America/New_York)"
    before, between = utc("2026-11-01T04:00"), utc("2026-11-01T05:45")
    assert read(text, at=before).resets_at == utc("2026-11-01T05:30")
    assert read(text, at=between).resets_at == utc("2026-11-01T06:30")


def test_a_time_that_no_clock_shows_moves_forward() -> None:
    text = "You've hit your limit · resets 2:30am (America/New_York)"
    assert read(text, at=utc("2026-03-08T05:00")).resets_at == utc("2026-03-08T07:30")


@pytest.mark.parametrize("name", ["Nowhere/Atall", "../etc/passwd", "Europe", "\0", "+05:30"])
def test_a_zone_that_is_not_found_is_the_local_one(name: str) -> None:
    """The client names the machine's own zone, at times by a name that its tables have dropped."""
    text = f"You've hit your limit · resets 5pm ({name})"
    assert read(text).resets_at == utc("2026-11-20T16:00")


def test_without_a_zone_it_is_the_machine_s(monkeypatch: pytest.MonkeyPatch) -> None:
    import time  # noqa: PLC0415

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        text = "You've hit your limit · resets 11:30am"
        assert read(text, zone=None).resets_at == utc("2026-11-20T16:30")
    finally:
        monkeypatch.undo()
        time.tzset()


# Any time, any zone, any window.

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Africa/Casablanca",
]

NAMES = {
    "You've hit your 5-hour limit": "five_hour",
    "You've hit your session limit": "five_hour",
    "5-hour limit reached": "five_hour",
    "You've hit your weekly limit": "seven_day",
    "Weekly limit reached": "seven_day",
    "You've hit your Opus limit": "seven_day_opus",
    "Sonnet weekly limit reached": "seven_day_sonnet",
    "You're out of usage credits": "overage",
    "You're out of extra usage": "overage",
    "You've hit your limit": None,
}


def hour_12(wall: datetime) -> str:
    minutes = f":{wall.minute:02}" if wall.minute else ""
    return f"{(wall.hour - 1) % 12 + 1}{minutes}{'am' if wall.hour < 12 else 'pm'}"


def hour_24(wall: datetime) -> str:
    return f"{wall.hour:02}:{wall.minute:02}"


def month_day(wall: datetime) -> str:
    return f"{wall:%b} {wall.day}"


CLOCKS: list[Callable[[datetime], str]] = [hour_12, hour_24]
TIMES: list[Callable[[datetime], str]] = [
    *CLOCKS,
    lambda wall: hour_12(wall).replace("m", "M").replace("a", " A").replace("p", " P"),
]
DATES: list[Callable[[datetime], str]] = [
    lambda wall: f"{month_day(wall)}, {hour_12(wall)}",
    lambda wall: f"{month_day(wall)} at {hour_12(wall)}",
    lambda wall: f"{month_day(wall)}, {wall.year}, {hour_12(wall)}",
    lambda wall: f"{wall:%Y-%m-%d} at {hour_24(wall)}",
]

CLOCK_CHANGES = ["2026-03-08", "2026-03-29", "2026-04-04", "2026-10-04", "2026-10-25", "2026-11-01"]

moments = st.floats(utc("2025-01-01"), utc("2035-01-01")) | st.builds(
    lambda day, hours: utc(day) + hours * 3_600.0,
    st.sampled_from(CLOCK_CHANGES),
    st.floats(-30, 30),
)
separators = st.sampled_from([" · ", " ∙ ", " • ", " - ", "\n", "\N{NO-BREAK SPACE}·\u202f"])
tails = st.sampled_from(["", " · progress saved", "\n/upgrade to increase your usage limit."])


@st.composite
def tellings_of(
    draw: st.DrawFn, forms: list[Callable[[datetime], str]], longest: timedelta
) -> tuple[str, str | None, float, int, tzinfo, Callable[[datetime], str]]:
    """A limit as the client would tell it: text, window, moment, reset, zone, form."""
    at = draw(moments)
    reset = int(at) + draw(st.integers(1, int(longest.total_seconds())))
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    form = draw(st.sampled_from(forms))
    short = longest <= timedelta(hours=5)
    heads = [head for head, window in NAMES.items() if short or window != "five_hour"]
    head = draw(st.sampled_from(heads))
    named = draw(st.sampled_from(["", f" ({zone.key})"]))
    words = form(datetime.fromtimestamp(reset, zone)) + named
    text = head + draw(separators) + "resets " + words + draw(tails)
    return text, NAMES[head], at, reset, zone, form


def assert_read_back(
    told: tuple[str, str | None, float, int, tzinfo, Callable[[datetime], str]],
) -> Finding:
    text, window, at, reset, zone, form = told
    finding = read(text, at=at, zone=zone)
    assert finding.kind is Kind.LIMIT
    assert finding.resets_at is not None
    assert window in {None, finding.window}
    assert finding.resets_at > at
    minute = reset - reset % 60
    if minute <= at:
        assert finding.resets_at == minute + 60
    elif finding.resets_at != minute:
        # Only where a clock shows the same time twice: the earlier one.
        assert finding.resets_at < minute
        walls = (datetime.fromtimestamp(epoch, zone) for epoch in (finding.resets_at, reset))
        assert len({form(wall) for wall in walls}) == 1
    return finding


@given(tellings_of(TIMES, timedelta(hours=5)))
def test_any_time_of_day_is_read_back(
    told: tuple[str, str | None, float, int, tzinfo, Callable[[datetime], str]],
) -> None:
    finding = assert_read_back(told)
    assert finding.window == (told[1] or "five_hour")


@given(tellings_of(TIMES, timedelta(hours=23)))
def test_any_time_of_day_is_read_back_for_the_week(
    told: tuple[str, str | None, float, int, tzinfo, Callable[[datetime], str]],
) -> None:
    """Within a day the client leaves the date out of weekly resets, too."""
    _, _, at, reset, zone, _ = told
    now, then = (datetime.fromtimestamp(each, zone).replace(tzinfo=None) for each in (at, reset))
    # Where clocks are set forward, 23 hours are a day, and that looks like a minute ago.
    assume(then - now < timedelta(hours=23, minutes=55))
    assert_read_back(told)


@given(tellings_of(DATES, timedelta(days=7)))
def test_any_date_is_read_back(
    told: tuple[str, str | None, float, int, tzinfo, Callable[[datetime], str]],
) -> None:
    finding = assert_read_back(told)
    assert finding.window == (told[1] or "seven_day")


@given(tellings_of([lambda wall: f"{wall:%a} {hour_12(wall)}"], timedelta(days=6, hours=22)))
def test_any_weekday_is_read_back(
    told: tuple[str, str | None, float, int, tzinfo, Callable[[datetime], str]],
) -> None:
    finding = assert_read_back(told)
    assert finding.window == (told[1] or "seven_day")


@given(moments, st.integers(1, 18_000), st.sampled_from([1, 1000]))
def test_any_epoch_is_read_back(at: float, seconds: int, unit: int) -> None:
    reset = int(at) + seconds
    finding = read(f"Claude AI usage limit reached|{reset * unit}", at=at)
    assert (finding.kind, finding.window, finding.resets_at) == (Kind.LIMIT, "five_hour", reset)


@given(tellings_of(TIMES, timedelta(hours=5)), st.integers(0, 59))
def test_any_second_is_known_from_the_status_line(
    told: tuple[str, str | None, float, int, tzinfo, Callable[[datetime], str]], second: int
) -> None:
    """Whatever the text leaves out, the status line's word completes."""
    text, window, at, reset, zone, _ = told
    plain = read(text, at=at, zone=zone).resets_at
    assert plain is not None
    exact = reset - reset % 60 + second
    finding = read(text, at=at, zone=zone, known={"seven_day": exact})
    if exact > at and plain == reset - reset % 60:
        assert finding.resets_at == exact
        assert finding.window == (window or "seven_day")


VOCABULARY = """
    You've hit your limit session weekly 5-hour Opus · resets 5pm (UTC) Nov 24, 6am reached ∙ Claude
    usage and because I was is out of credits limit. progress saved /upgrade |1795197600 |
"""
WORDS = st.sampled_from(VOCABULARY.split())


@given(st.text() | st.lists(WORDS, max_size=12).map(" ".join), st.sampled_from(["", "unknown"]))
@example("You've hit your limit · resets 5pm (UTC) because I was", "")
def test_random_prose_is_no_limit(text: str, error: str) -> None:
    """Whatever stands around it: only the whole form counts, and only under its own error."""
    for prose in (f"Well, {text}", f"{text} Well."):
        assert read(prose).kind is not Kind.LIMIT
        assert read(prose, error=error).kind is not Kind.LIMIT
    assert read(text, error="unknown").kind is not Kind.LIMIT


@given(st.text(), st.sampled_from(["rate_limit", "", "unknown", "server_error"]), moments)
def test_no_text_is_too_odd(text: str, error: str, at: float) -> None:
    finding = read(text, error=error, at=at)
    assert finding.text == text
    assert (finding.resets_at is None) or finding.kind in {Kind.LIMIT, Kind.CAP}


def test_new_york_and_berlin_differ() -> None:
    """The zone given is used where the text has none."""
    text = "You've hit your limit · resets 4:30pm"
    assert read(text, zone=BERLIN).resets_at == utc("2026-11-20T15:30")
    assert read(text, zone=NEW_YORK).resets_at == utc("2026-11-20T21:30")
