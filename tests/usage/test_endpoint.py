"""What goes to the server, and what is made of its answers."""

import os
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from ccfb.drill.api import Answer
from ccfb.usage import Reading, Telling, endpoint
from ccfb.usage.turns import HOUR, NoAnswerError
from usage.claude_meter_standin import iso
from usage.plan import ANSWER, NOW, RESET, TOKEN, UsageApi, sign_in

WINDOWS = {"five_hour": Reading(96.0, RESET), "seven_day": Reading(41.0, RESET + 86_400)}


def ask(now: float = NOW) -> Telling:
    return endpoint.ask(now, lambda: None)


def silence(now: float = NOW) -> NoAnswerError:
    with pytest.raises(NoAnswerError) as caught:
        ask(now)
    assert TOKEN not in str(caught.value)
    return caught.value


def no_request() -> NoAnswerError:
    """The reason why nobody is asked."""
    with pytest.raises(NoAnswerError) as caught:
        endpoint.ask(NOW, lambda: pytest.fail("The server would be asked."))
    return caught.value


def test_the_server_is_asked_with_the_client_s_login(home: Path, api: UsageApi) -> None:
    sign_in(home)
    assert ask() == Telling(WINDOWS, extra_usage=False)
    (request,) = api.requests
    assert (request.host, request.path) == ("api.anthropic.com", "/api/oauth/usage")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["anthropic-beta"] == "oauth-2025-04-20"
    assert request.headers["user-agent"] == "ccfb"


def test_the_login_is_found_below_the_client_s_folder(
    home: Path, api: UsageApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(home)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / ".claude"))
    assert ask().windows == WINDOWS
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / "elsewhere"))
    assert "keeps no login" in no_request().message


def test_the_login_is_only_read(home: Path, api: UsageApi) -> None:
    path = sign_in(home)
    before = path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode, path.stat().st_ino
    ask()
    api.told = Answer(401, {})
    silence()
    silence(NOW + 200_000.0)
    after = path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode, path.stat().st_ino
    assert after == before
    assert sorted(os.listdir(path.parent)) == [".credentials.json"]


def test_an_expired_login_is_kept_to_oneself(home: Path) -> None:
    """The client renews it; until then nothing is wrong."""
    sign_in(home, expires=NOW)
    assert no_request().message == ""
    assert no_request().login == endpoint.login()


@pytest.mark.parametrize(
    "token",
    [None, 7, "", " ", "two words", f"{TOKEN}\nx-api-key: 1", f"{TOKEN}\u2028", "gel\u00f6scht"],
    ids=repr,
)
def test_a_token_that_is_none_goes_nowhere(home: Path, token: Any) -> None:
    sign_in(home, token=token)
    assert "keeps no login" in no_request().message


@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"[]", b"{}", b'{"claudeAiOauth": null}', b'{"claudeAiOauth": {}}'],
    ids=repr,
)
def test_where_nobody_is_signed_in_nobody_asks(home: Path, content: bytes | None) -> None:
    """On macOS, where the login lies in the keychain, it is always so."""
    path = sign_in(home)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    error = no_request()
    assert (error.pause, error.login) == (HOUR, endpoint.login())


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        (429, {}, HOUR),
        (429, {"Retry-After": "1800"}, 1800.0),
        (429, {"Retry-After": "0"}, HOUR),  # seen, while it goes on refusing
        (429, {"Retry-After": formatdate(NOW + 5400, usegmt=True)}, 5400.0),
        (429, {"Retry-After": formatdate(NOW - 60, usegmt=True)}, HOUR),
        *((429, {"Retry-After": value}, HOUR) for value in ("-5", "1e3", "soon", "", "\u00b2")),
        (500, {}, 0.0),
        (503, {"Retry-After": "7200"}, 7200.0),
        (529, {}, 0.0),
        (404, {}, 0.0),
        (204, {}, 0.0),
    ],
)
def test_a_refusal_tells_how_long_to_wait(
    home: Path, api: UsageApi, status: int, headers: dict[str, str], pause: float
) -> None:
    """Beyond the time between two requests, which is kept in any case."""
    sign_in(home)
    api.told = Answer(status, ANSWER, headers)
    error = silence()
    assert (error.pause, error.login) == (pause, None)
    assert str(status) in error.message


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_isn_t_shown_again(home: Path, api: UsageApi, status: int) -> None:
    path = sign_in(home)
    api.told = Answer(status, {})
    error = silence()
    assert (error.pause, error.login) == (HOUR, path.stat().st_mtime_ns)


def test_the_token_follows_no_redirect(home: Path, api: UsageApi) -> None:
    sign_in(home)
    api.told = Answer(302, {}, {"Location": "https://openrouter.ai/api/oauth/usage"})
    assert "302" in silence().message
    assert [request.host for request in api.requests] == ["api.anthropic.com"]


def test_a_server_that_nobody_vouches_for_never_sees_the_token(
    home: Path, api: UsageApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(home)
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "can't be reached: ConnectError" in silence().message
    assert not api.requests


@pytest.mark.parametrize("body", [[], "x", None, float("nan")], ids=repr)
def test_an_answer_that_is_none(home: Path, api: UsageApi, body: Any) -> None:
    sign_in(home)
    api.told = Answer(200, body)
    assert "unreadable" in silence().message


def test_an_answer_without_windows_is_one(home: Path, api: UsageApi) -> None:
    """A new window has no reset before its first request."""
    sign_in(home)
    api.told = Answer(200, {"five_hour": {"utilization": 0, "resets_at": None}, "seven_day": None})
    assert ask() == Telling({}, extra_usage=None)
    api.told = Answer(200, {"seven_day_opus": {"utilization": 3, "resets_at": iso(RESET)}})
    assert ask().windows == {"seven_day_opus": Reading(3.0, RESET)}


def test_a_server_that_hangs_is_left(
    home: Path, api: UsageApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(home)
    monkeypatch.setattr(endpoint, "PATIENCE", 0.5)
    api.delay = 30.0
    assert "can't be reached: ReadTimeout" in silence().message


@pytest.mark.parametrize("proxy", ["http://me:s3cret@127.0.0.1:1", "nonsense://me:s3cret@x"])
def test_a_proxy_s_password_is_not_repeated(
    home: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    sign_in(home)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    error = silence()
    assert "can't be reached" in error.message
    assert "s3cret" not in f"{error}{error.__cause__}"
