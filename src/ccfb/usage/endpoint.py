"""The server's own word on how far the plan is used up; asked only where the user turned it on.

Undocumented, and stingy: it is asked three times an hour at most, over all sessions. It wants the
token that the client keeps in `.credentials.json`. That file is only read. Where there is none,
nobody is asked: on macOS the login lies in the keychain ("Claude Code-credentials"), and reading
it there would put a question of the system's before the user.
"""

import os
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import orjson

from ccfb import paths
from ccfb.usage.buckets import Telling, telling
from ccfb.usage.turns import HOUR, NoAnswerError

URL = "https://api.anthropic.com/api/oauth/usage"
HEADERS = {"anthropic-beta": "oauth-2025-04-20", "user-agent": "ccfb"}

SPACING = 1200.0
"""Seconds between two requests: three an hour."""

PATIENCE = 10.0
"""Seconds that each step of the request may take."""


def ask(now: float, asking: Callable[[], None]) -> Telling:
    """Ask the server.

    Args:
        now: Epoch seconds.
        asking: Is called right before.

    Raises:
        NoAnswerError: There is no valid login, or the server doesn't tell.
    """
    stamp = login()
    token = _token(now, stamp)
    asking()
    status, headers, content = _get(token)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise NoAnswerError(f"The usage endpoint refuses the login: {status}.", HOUR, stamp)
    if status != HTTPStatus.OK:
        pause = _retry_after(headers.get("retry-after", ""), now)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            pause = pause or HOUR  # "0" is seen where it goes on refusing for long
        raise NoAnswerError(f"The usage endpoint answered {status}.", pause)
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise NoAnswerError("The usage endpoint answered something unreadable.", 0.0)
    return telling(answer)


def login() -> int:
    """A number that changes with the login; 0: there is none."""
    try:
        return os.stat(_credentials()).st_mtime_ns
    except OSError:
        return 0


def _credentials() -> str:
    return os.path.join(paths.claude_dir(), ".credentials.json")


def _token(now: float, stamp: int) -> str:
    try:
        with open(_credentials(), "rb") as file:
            content = orjson.loads(file.read())
    except (OSError, orjson.JSONDecodeError):
        content = None
    match content:
        case {"claudeAiOauth": {"accessToken": str(token), "expiresAt": int(expires)}} if (
            token.isascii() and token.isprintable() and len(token.split()) == 1
        ):
            if expires / 1000 > now:
                return token
            raise NoAnswerError("", HOUR, stamp)  # the client renews it at its next request
    raise NoAnswerError(
        "The usage endpoint can't be asked: Claude Code keeps no login in .credentials.json.",
        HOUR,
        stamp,
    )


def _get(token: str) -> tuple[int, Any, bytes]:
    """Status, headers and content of an answer, wherever it came from: nothing is followed."""
    import httpx  # noqa: PLC0415 - seldom needed, and slow to import

    headers = {**HEADERS, "authorization": f"Bearer {token}"}
    try:
        response = httpx.get(URL, headers=headers, timeout=PATIENCE, follow_redirects=False)
    except Exception as error:  # noqa: BLE001 - its text may repeat a proxy's password
        raise NoAnswerError(
            f"The usage endpoint can't be reached: {type(error).__name__}.", 0.0
        ) from None
    return response.status_code, response.headers, response.content


def _retry_after(value: str, now: float) -> float:
    """Seconds that an answer asks to wait for: told in seconds, or as a date."""
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return 0.0
