"""What lines of a transcript tell of use: answers of the model, and the client's own accounts.

Answers are read at their two ends, without what was said in between: that takes a fraction of the
time. How such an end looks is learned once, by parsing it (so all that 2.1.105 to 2.1.329 write was
seen to be read); whatever can't be read so is parsed as a whole.
"""

from operator import itemgetter

from ccfb.gate import loads
from ccfb.report.rows import FOREVER

try:  # the half of `datetime` that is needed, and takes a quarter of the time to import
    from _datetime import datetime  # type: ignore[import-not-found]
except ImportError:  # another Python than CPython
    from datetime import datetime

TYPE_CHECKING = False  # as in `rows`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Pick = Callable[[Sequence[bytes]], tuple[bytes, ...]]

Origin = tuple[str, str]
"""The session, and the folder that the client worked in."""

Answer = tuple[bytes, int, Origin, str, bool, tuple[int, ...]]
"""The names of the message and its request, the time (milliseconds since the epoch), the origin,
the model, whether in fast mode, and tokens as in `ccfb.report.rows`."""

MESSAGE = b'"message":{'
USAGE = b'"stop_sequence":null,"usage":{'
"""Behind what was said, the last part of a message."""

CONTENT = b'"content":['
"""What was said begins here."""

IMPOSSIBLE = 10**9
"""More tokens than a message can have."""

DIGITS = b"0123456789"
SPACED = bytes(sign if sign in DIGITS else 32 for sign in range(256))
"""A table by which to leave only numbers."""

Form = tuple[int, bytes, "Pick", "Pick", bool]
"""How to read what looks alike but for its numbers: how many there are, with a 0 behind them; a
pattern, and which of them stand in that; which are the tokens, in the order of the client; and
whether it was in fast mode."""

_NUMBERS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)
_SEARCHES = "web_search_requests"
_WRITTEN = ("ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens")
_BEHIND = frozenset({"cwd", "requestId", "requestSessionId", "sessionId", "timestamp", "type"})
"""What a row tells behind its message."""

TYPE = b'"type":"assistant"'
TIME = b'"timestamp":"'
REQUEST = b'"requestId":"'

FAR = 4_096
"""Bytes of a message's start, or its end, that are learned."""

_CLIENT = "<synthetic>"
"""Instead of a model: what the client says itself."""

_NEVER = 10**15

_RUIN = 10**5
"""Dollars that no session costs; sums of many such still fit the cache's integers."""

_ACCOUNT = "cost-state"
_STATED = (
    "inputTokens",
    "outputTokens",
    "cacheReadInputTokens",
    "cacheCreationInputTokens",
    "webSearchRequests",
    "costUSD",
)


class UnknownFormError(Exception):
    """A line that should tell something, and doesn't in any way that is known."""


def form_of(words: bytes) -> Form:
    """Learn how the end of a message looks, from its usage on.

    Args:
        words: Such an end, from `USAGE` to the end of the message.

    Raises:
        ValueError: Its tokens aren't told by numbers.
    """
    if b"\\" in words or b"#" in words:  # not every quote ends something; our own sign
        raise ValueError(words)
    parts = words.split(b'"')
    pattern = words.replace(b"%", b"%%").split(b'"')
    values, count = [], 0
    for index, part in enumerate(parts):
        numbers = part.translate(SPACED).split()
        if not index % 2 and numbers == [part.strip(b":,{}")]:  # a value, and nothing but digits
            parts[index] = part.replace(numbers[0], b'"#%d"' % count)
            pattern[index] = part.replace(numbers[0], b"%b")
            values.append(count)
        count += len(numbers)
    if not values[1:]:  # of one alone, `itemgetter` would make no tuple
        raise ValueError(words)
    try:
        usage: Any = loads("{" + b'"'.join(parts).decode())["usage"]  # type: ignore[index]
        tools, split = (usage.get(name) or {} for name in ("server_tool_use", "cache_creation"))
        told = [
            *map(usage.get, _NUMBERS),
            tools.get(_SEARCHES),
            *map(split.get, _WRITTEN),
        ]
        places = [_place(each, count) for each in told]
    except (AttributeError, LookupError, TypeError):
        raise ValueError(words) from None
    picks = itemgetter(*values), itemgetter(*places)
    return count + 1, b'"'.join(pattern), *picks, usage.get("speed") == "fast"


def fits(form: Form, words: bytearray) -> bool:
    """Whether a message ends like this."""
    count, pattern, values, *_ = form
    numbers = [*bytes(words.translate(SPACED)).split(), b""]
    return len(numbers) == count and pattern % values(numbers) == words


def _place(told: str | None, none: int) -> int:
    """Which number it is that tells something.

    Raises:
        ValueError: It isn't told by a number.
    """
    if told is None:
        return none
    if told[0] != "#":
        raise ValueError(told)
    return int(told[1:])


def model_of(words: bytes, before: bytes, behind: bytes) -> str:
    """The model of a message.

    Args:
        words: The start of its line, up to what was said.
        before: What stands before its name, from the second field on.
        behind: What stands behind it.

    Raises:
        ValueError: Not as usual.
    """
    if len(words) > FAR:
        raise ValueError(words)
    row: Any = loads(words.decode() + "]}}")
    try:
        message = row["message"]
        name, model = message["id"], message["model"]
        whole = words.endswith(before + name.encode() + behind)
    except (AttributeError, KeyError, TypeError):
        raise ValueError(words) from None
    nested = b"{" in before[before.find(MESSAGE) + len(MESSAGE) :] + behind
    if not whole or nested or not _BEHIND.isdisjoint(row):
        raise ValueError(words)
    if not isinstance(model, str) or model == _CLIENT:
        raise ValueError(model)
    return model


def parsed(row: "dict[str, Any]") -> Answer | None:
    """Read an answer of any form; None if the line is none.

    Raises:
        UnknownFormError: The model, the time or the tokens are missing.
    """
    if row.get("type") != "assistant":
        return None
    try:
        message = row["message"]
        usage, model = message["usage"], message["model"]
        at = time_of(row["timestamp"])
    except (KeyError, OverflowError, TypeError, ValueError):
        raise UnknownFormError from None
    if not isinstance(usage, dict) or not isinstance(model, str):
        raise UnknownFormError
    if model == _CLIENT:
        return None
    name = message.get("id") or row.get("uuid") or at
    words = f"{name}{row.get('requestId') or ''}".encode(errors="replace")
    return words, at, origin_of(row), model, usage.get("speed") == "fast", tokens(usage)


def account(row: "dict[str, Any]") -> tuple[int, str, dict[str, list[float]]] | None:
    """Read the client's account of a session, as in `ccfb.report.rows.State`; None: it is none.

    Raises:
        UnknownFormError: It can't be understood.
    """
    if row.get("type") != _ACCOUNT:
        return None
    try:
        models: dict[str, list[float]] = {}
        for name, used in row["modelUsage"].items():
            sums = models.setdefault(plain(name).removesuffix("[1m]"), [0] * len(_STATED))
            for index, key in enumerate(_STATED):
                sums[index] += _amount(used.get(key), _RUIN if key == "costUSD" else _NEVER)
        started = int(_amount(row["startTime"], _NEVER))
    except (AttributeError, KeyError, TypeError):
        raise UnknownFormError from None
    return started, plain(str(row.get("sessionId") or "")), models


def _amount(value: object, most: int) -> float:
    """A number of something; what is none, or can't be, counts as nothing."""
    return value if isinstance(value, int | float) and 0 <= value < most else 0


def plain(words: str) -> str:
    """Words that can be kept and shown anywhere: on one line, and nothing that a terminal obeys."""
    line = " ".join(words.encode(errors="replace").decode().split())
    return line if line.isprintable() else "".join(filter(str.isprintable, line))


def tokens(usage: "Mapping[str, Any]") -> tuple[int, ...]:
    """The numbers of `ccfb.prices.usage_of`, in the order of `ccfb.report.rows`."""
    from ccfb.prices import usage_of  # noqa: PLC0415 - few answers are of another form

    used = usage_of(usage)
    numbers = (
        used.output,
        used.input,
        used.cache_read,
        used.cache_write_5m,
        used.cache_write_1h,
        used.web_searches,
    )
    return tuple(number if number < IMPOSSIBLE else 0 for number in numbers)


def time_of(stamp: str) -> int:
    """A moment in milliseconds since the epoch.

    Raises:
        ValueError: It is none, or none in which a message can have been written.
    """
    at: int = round(datetime.fromisoformat(stamp).timestamp() * 1000)
    if not 0 <= at < FOREVER * 1000:
        raise ValueError(stamp)
    return at


def origin_of(row: "Mapping[str, Any]") -> Origin:
    """A fork's copies tell which session asked."""
    session = row.get("requestSessionId") or row.get("sessionId") or ""
    return str(session), str(row.get("cwd") or "")
