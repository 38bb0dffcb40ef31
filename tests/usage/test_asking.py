"""Who asks, and when: together, all sessions ask no more often than one would."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccfb import usage
from ccfb.drill.api import Answer
from usage.claude_meter_standin import ClaudeMeter
from usage.plan import (
    ANSWER,
    ENDPOINT,
    NOW,
    OFF,
    PROGRAM,
    RESET,
    TOKEN,
    Source,
    Sources,
    UsageApi,
    sign_in,
)

FULL = {"five_hour": (97.0, RESET)}
DAY = 86_400.0


@pytest.fixture(autouse=True)
def credentials(home: Path) -> Path:
    return sign_in(home)


def own(home: Path, name: str) -> Path:
    return home / ".claude" / "ccfb" / name


def log(home: Path) -> list[str]:
    path = own(home, "ccfb.log")
    return path.read_text().splitlines() if path.exists() else []


def percentages(sources: Sources, now: float = NOW) -> list[float]:
    return [told.windows["five_hour"].percentage for told in usage.ask(sources, now)]


def test_both_sources_tell(meter: ClaudeMeter, api: UsageApi) -> None:
    meter.tells(FULL)
    assert percentages(Sources()) == [97.0, 96.0]


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (PROGRAM, [97.0]),
        (ENDPOINT, [96.0]),
        (Sources(OFF, OFF), []),
    ],
)
def test_only_what_is_turned_on_is_asked(
    meter: ClaudeMeter, api: UsageApi, sources: Sources, told: list[float]
) -> None:
    meter.tells(FULL)
    assert percentages(sources) == told
    assert len(meter.calls) + len(api.requests) == len(told)


def test_where_there_is_no_source_nothing_is_ever_due(path: Path) -> None:
    assert usage.next_due(PROGRAM, NOW) is None
    ClaudeMeter(path)
    assert usage.next_due(Sources(OFF, OFF), NOW) is None
    assert usage.next_due(PROGRAM, NOW) == NOW


def test_each_source_is_asked_at_its_own_pace(meter: ClaudeMeter, api: UsageApi) -> None:
    """In half a day in which some session looks every 100 seconds."""
    meter.tells(FULL)
    sources = Sources(Source(every=3000.0), Source(every=4000.0))
    told = []
    for second in range(0, 43_200, 100):
        told += [(second, found) for found in percentages(sources, NOW + second)]
    assert [at for at, found in told if found == 97.0] == list(range(0, 43_200, 3000))
    assert [at for at, found in told if found == 96.0] == list(range(0, 43_200, 4000))


def test_the_next_time_is_known(meter: ClaudeMeter, api: UsageApi) -> None:
    assert usage.next_due(Sources(), NOW) == NOW
    usage.ask(Sources(), NOW)
    assert usage.next_due(Sources(), NOW) == NOW + 60.0
    assert usage.next_due(ENDPOINT, NOW) == NOW + 1200.0
    usage.ask(Sources(), NOW + 59.0)
    assert usage.next_due(Sources(), NOW + 59.0) == NOW + 60.0
    assert (len(meter.calls), len(api.requests)) == (1, 1)


@given(every=st.integers(1, 4000), steps=st.lists(st.integers(0, 3000), min_size=5, max_size=12))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_in_no_hour_the_server_is_asked_more_than_three_times(
    home: Path, api: UsageApi, every: int, steps: list[int]
) -> None:
    """However often the user wants it, and however often a session looks."""
    own(home, "usage.json").unlink(missing_ok=True)
    now, asked = NOW - DAY, []
    for step in steps:
        now += step
        before = len(api.requests)
        usage.ask(Sources(OFF, Source(every=every)), now)
        asked += [now] * (len(api.requests) - before)
    assert asked
    for moment in asked:
        assert len([at for at in asked if moment <= at < moment + 3600]) <= 3


Later = Callable[[Path], object]


def renew(credentials: Path) -> None:
    os.utime(credentials, ns=(1, 1))


@pytest.mark.parametrize(
    ("status", "headers", "meanwhile", "seconds"),
    [
        (200, {}, None, 1200),
        (200, {}, renew, 1200),
        (500, {}, None, 1200),
        (302, {}, None, 1200),
        (429, {}, None, 3600),
        (429, {}, renew, 3600),
        (429, {"Retry-After": "30"}, None, 1200),
        (429, {"Retry-After": "5000"}, None, 5000),
        (503, {"Retry-After": "2000"}, None, 2000),
        (429, {"Retry-After": "999999999"}, None, DAY),
        (401, {}, None, 3600),
        (403, {}, None, 3600),
        (401, {}, renew, 1200),
    ],
)
def test_after_an_answer_the_server_has_peace(
    api: UsageApi,
    credentials: Path,
    status: int,
    headers: dict[str, str],
    meanwhile: Later | None,
    seconds: float,
) -> None:
    api.told = Answer(status, ANSWER, headers)
    usage.ask(ENDPOINT, NOW)
    if meanwhile:
        meanwhile(credentials)
    assert usage.next_due(ENDPOINT, NOW + 1.0) == NOW + seconds
    usage.ask(ENDPOINT, NOW + seconds - 1.0)
    assert len(api.requests) == 1
    usage.ask(ENDPOINT, NOW + seconds)
    assert len(api.requests) == 2


def test_a_good_answer_ends_what_a_bad_one_has_brought(home: Path, api: UsageApi) -> None:
    api.told = Answer(401, {})
    usage.ask(ENDPOINT, NOW)
    api.told = Answer(200, ANSWER)
    assert percentages(ENDPOINT, NOW + 3600.0) == [96.0]
    assert usage.next_due(ENDPOINT, NOW + 3600.0) == NOW + 4800.0


def test_a_login_that_can_t_be_used_costs_no_request(
    home: Path, api: UsageApi, credentials: Path
) -> None:
    """As soon as the client has renewed it, the server is asked."""
    sign_in(home, expires=NOW)
    assert usage.ask(ENDPOINT, NOW) == []
    assert usage.next_due(ENDPOINT, NOW) == NOW + 3600.0
    assert log(home) == []
    renew(sign_in(home))
    assert percentages(ENDPOINT, NOW + 10.0) == [96.0]


def test_a_program_that_fails_has_peace(home: Path, meter: ClaudeMeter) -> None:
    meter.prints("", code=1)
    assert usage.ask(PROGRAM, NOW) == []
    assert usage.next_due(PROGRAM, NOW) == NOW + 1200.0
    meter.tells(FULL)
    assert percentages(PROGRAM, NOW + 1200.0) == [97.0]
    assert usage.next_due(PROGRAM, NOW + 1200.0) == NOW + 1260.0


def test_one_source_that_fails_doesn_t_silence_the_other(meter: ClaudeMeter, api: UsageApi) -> None:
    meter.prints("", code=1)
    assert percentages(Sources()) == [96.0]


def test_what_goes_on_failing_is_logged_once(home: Path, meter: ClaudeMeter) -> None:
    def at(second: float) -> None:
        usage.ask(PROGRAM, NOW + second)

    meter.prints("", code=1)
    at(0)
    at(2000)
    (line,) = log(home)
    assert line.endswith("usage NoAnswerError: claude-meter --json ended with exit code 1.")
    meter.prints("")
    at(4000)
    meter.tells(FULL)
    at(6000)
    meter.prints("")
    at(8000)
    assert len(log(home)) == 3


def test_the_user_is_told_once_that_there_is_no_login(
    home: Path, api: UsageApi, credentials: Path
) -> None:
    credentials.unlink()
    for hour in range(5):
        usage.ask(ENDPOINT, NOW + hour * 3600)
        if hour == 2:
            sign_in(home, expires=NOW)  # and it has expired, which is nobody's fault
        if hour == 3:
            credentials.unlink()
    (line,) = log(home)
    assert "keeps no login in .credentials.json" in line
    assert not api.requests


def test_the_token_is_nowhere(
    home: Path, meter: ClaudeMeter, api: UsageApi, credentials: Path
) -> None:
    """Neither in a file nor with the program, whatever the server says."""
    moment = NOW
    for status in (200, 401, 429, 500):
        echo = {"error": TOKEN, "five_hour": TOKEN, TOKEN: TOKEN}
        api.told = Answer(status, echo, {"Retry-After": TOKEN})
        usage.ask(Sources(), moment)
        moment += DAY / 24
    assert len(api.requests) == 4
    found = {path for path in home.rglob("*") if path.is_file() and TOKEN in path.read_text()}
    assert found == {credentials}


def test_only_the_user_can_read_what_is_kept(home: Path, api: UsageApi) -> None:
    usage.ask(ENDPOINT, NOW)
    modes = {path.name: path.stat().st_mode & 0o777 for path in own(home, "").iterdir()}
    assert modes == {"usage.json": 0o600, "usage.lock": 0o600}


JUNK: list[Any] = [None, [], 7, "x", -1.0, NOW, NOW + 10, NOW + 1e6, 1e300, "inf", "nan", 2**63]
TURN = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(JUNK) for name in ("asked", "until", "login", "problem")}
)


@given(st.dictionaries(st.sampled_from(["claude_meter", "usage_endpoint"]), TURN))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_was_written_before_nobody_waits_longer_than_a_day(
    home: Path, meter: ClaudeMeter, kept: dict[str, Any]
) -> None:
    """Clocks are set back, and files are damaged."""
    own(home, "").mkdir(exist_ok=True)
    own(home, "usage.json").write_bytes(orjson.dumps(kept))
    due = usage.next_due(Sources(), NOW)
    assert due is not None
    assert due <= NOW + DAY


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"claude_meter": 7}', b"\xff"])
def test_a_damaged_file_is_written_anew(home: Path, api: UsageApi, damage: bytes) -> None:
    own(home, "").mkdir()
    own(home, "usage.json").write_bytes(damage)
    assert percentages(ENDPOINT) == [96.0]
    assert percentages(ENDPOINT) == []


def test_where_nothing_can_be_kept_nobody_is_asked(
    home: Path, meter: ClaudeMeter, api: UsageApi
) -> None:
    """Else each session would ask, each time."""
    own(home, "usage.json").mkdir(parents=True)
    assert usage.ask(Sources(), NOW) == []
    assert (meter.calls, api.requests) == ([], [])
    assert "IsADirectoryError" in log(home)[-1]


def test_a_folder_that_can_t_be_made_is_no_error(home: Path, meter: ClaudeMeter) -> None:
    own(home, "").parent.joinpath("ccfb").write_text("a file")
    assert usage.ask(PROGRAM, NOW) == []
    assert meter.calls == []


# Real processes: sessions of the same user.


def session(code: str = "") -> subprocess.Popen[str]:
    """A process that asks, and prints how many sources told something.

    On its standard input it has what a hook has there.
    """
    program = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from ccfb import usage
        from usage.plan import *
        {code or "print(len(usage.ask(Sources(), NOW)))"}
    """
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w") as payload:
        payload.write("payload")
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            stdin=reader,
            stdout=subprocess.PIPE,
            text=True,
        )


def eventually(true: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_of_sessions_that_ask_at_once_one_does(meter: ClaudeMeter, api: UsageApi) -> None:
    api.delay = 0.5
    sessions = [session() for _ in range(4)]
    told = sorted(process.communicate(timeout=60)[0].strip() for process in sessions)
    assert told == ["0", "0", "0", "2"]
    assert len(api.requests) == 1
    assert meter.calls == [(["--json"], "")]


def test_while_a_session_asks_no_other_does_nor_waits(
    home: Path, meter: ClaudeMeter, api: UsageApi
) -> None:
    own(home, "").mkdir()
    with FileLock(own(home, "usage.lock")), session() as other:
        assert other.communicate(timeout=60)[0].strip() == "0"
    assert (meter.calls, api.requests) == ([], [])
    assert log(home) == []


def test_a_session_that_is_killed_while_it_asks_has_asked(api: UsageApi) -> None:
    """The client ends a hook that takes too long."""
    api.delay = 60.0
    with session("usage.ask(ENDPOINT, NOW)") as process:
        eventually(lambda: api.requests)
        os.kill(process.pid, signal.SIGKILL)
    api.delay = 0.0
    assert usage.ask(ENDPOINT, NOW + 1199.0) == []
    assert len(api.requests) == 1
    assert percentages(ENDPOINT, NOW + 1200.0) == [96.0]


def test_the_http_library_is_imported_only_to_ask_the_server(meter: ClaudeMeter) -> None:
    """It takes longer than everything else of a hook together."""
    code = "usage.ask(PROGRAM, NOW); usage.next_due(Sources(), NOW); print('httpx' in sys.modules)"
    with session(code) as process:
        assert process.communicate(timeout=60)[0].strip() == "False"
    assert len(meter.calls) == 1
