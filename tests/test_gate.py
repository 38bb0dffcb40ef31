"""What the gate promises: it costs nothing, it misses nothing, and it never breaks a session."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scripts
from ccfb import gate
from ccfb.client import signals
from scripts import EVENTS, SCRIPTS, House

VERSIONS = ["2.1.105", "2.1.176", "2.1.261", "2.1.329"]
NEVER_IDLE = {"StopFailure", "SessionStart"}
SESSION = "s1"

Payload = dict[str, Any]


@pytest.fixture
def house(home: Path, tmp_path: Path) -> House:
    return House(home, tmp_path / "house")


# What it costs

BUDGET = {
    # what `os` needs
    "_collections_abc",
    "_stat",
    "genericpath",
    "os",
    "os.path",
    "posixpath",
    "stat",
    # ours
    "_json",
    "ccfb",
    "ccfb.client",
    "ccfb.client.signals",
    "ccfb.gate",
    "ccfb.paths",
    "time",
}
"""All that a hook with nothing to do may import: each module more costs every user, every time."""

SPY = """\
import sys
sys.argv = [sys.argv[1]]
before = set(sys.modules)
try:
    with open(sys.argv[0]) as file:
        exec(file.read(), {"__file__": sys.argv[0], "__name__": "__main__"})
except SystemExit as end:
    print(*sorted(set(sys.modules) - before), file=sys.stderr)
    sys.exit(end.code)
"""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("script", [s for s, event in EVENTS.items() if event not in NEVER_IDLE])
def test_a_hook_with_nothing_to_do_imports_next_to_nothing(
    house: House, script: str, version: str
) -> None:
    payloads = scripts.recorded(house.home, version)
    house.wakes_at(windows=scripts.seen(payloads["StatusLine"]), at=time.time() + 3600)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SPY, house.root / "hooks" / script],
        input=json.dumps(payloads[EVENTS[script]]).encode(),
        env=house.environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    line = {"ccfb.statusline"} if script == "statusline.py" else set()
    assert set(done.stderr.decode().split()) <= BUDGET | line
    assert bool(done.stdout) == (script == "statusline.py")
    assert not house.log
    assert not (house.home / "woken").exists()


@pytest.mark.parametrize("script", [s for s, event in EVENTS.items() if event not in NEVER_IDLE])
def test_where_nothing_is_installed_nothing_happens(home: Path, script: str) -> None:
    """Not even a folder of ours is made."""
    payload = scripts.recorded(home)[EVENTS[script]]
    payload.pop("rate_limits", None)
    done = subprocess.run(
        [sys.executable, "-I", "-S", scripts.ROOT / "hooks" / script],
        input=json.dumps(payload).encode(),
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert list(home.iterdir()) == []


# What wakes the engine

PAST, FUTURE = -10.0, 3600.0


def wake(**changes: Any) -> Payload:
    """What the engine wrote down; times are seconds from now."""
    now = time.time()
    resting = {"at": FUTURE, "settled_at": -60.0, **changes}
    for name in ("at", "settled_at", "look_at"):
        if resting.get(name) is not None:
            resting[name] += now
    if resting.get("boot_at") is not None:
        resting["boot_at"] += gate.boot_clock()
    return resting


def window(percentage: float, ahead: float = FUTURE) -> Payload:
    return {"five_hour": {"used_percentage": percentage, "resets_at": NEXT + ahead}}


NEXT = 2_000_000_000.0
SEEN = {"five_hour": {"percentage": 85.0, "resets_at": NEXT + FUTURE}}
OTHERS = [event for event in SCRIPTS if event not in NEVER_IDLE]

COSTS = {SESSION: 1.0}
METERED = {"metered": True, "costs": COSTS}
NEW = {"metered": True}


def spent(dollars: float) -> Payload:
    return {"total_cost_usd": dollars}


CAUSES = [
    # cause, events, payload, wake, the session's marker, woken?
    ("nothing", OTHERS, {}, {}, "", False),
    ("nothing written down so far", OTHERS, {}, {"at": None}, "", False),
    ("a failed turn", ["StopFailure"], {}, {}, "", True),
    ("a new session", ["SessionStart"], {}, {}, "", True),
    ("the time has come", OTHERS, {}, {"at": PAST}, "", True),
    ("it has come by the other clock", OTHERS, {}, {"boot_at": PAST}, "", True),
    ("it hasn't by either", OTHERS, {}, {"boot_at": FUTURE}, "", False),
    ("a run was cut off", OTHERS, {}, {"unsettled": True}, "", True),
    ("the time is near: the status line's clock", ["StatusLine"], {}, {"at": 1.0}, "", True),
    ("the time is near: nobody else's", ["Stop", "UserPromptSubmit"], {}, {"at": 5.0}, "", False),
    (
        "the session follows",
        [event for event in OTHERS if event != "UserPromptSubmit"],
        {},
        {"marker": "anthropic"},
        "anthropic",
        False,
    ),
    (
        "a prompt that will be billed: its session may have no budget left",
        ["UserPromptSubmit"],
        {"prompt": "hi"},
        {"marker": "anthropic"},
        "anthropic",
        True,
    ),
    (
        "the session works with another model than it should",
        ["Stop", "StatusLine", "UserPromptSubmit"],
        {},
        {"model": "seven_day_opus:sonnet"},
        "",
        True,
    ),
    ("a question", ["UserPromptSubmit"], {"prompt": "hi"}, {"asked": True}, "", True),
    ("an answer", ["UserPromptSubmit"], {"prompt": " ccfb yes 5"}, {}, "", True),
    ("a prompt about us", ["UserPromptSubmit"], {"prompt": "what is ccfb?"}, {}, "", False),
    ("a turn that was billed", ["Stop", "SessionEnd"], {}, {"metered": True}, "", True),
    ("a turn on the plan", ["Stop", "SessionEnd"], {}, {}, "", False),
    ("a turn after failures", ["Stop"], {}, {"failing": True}, "", True),
    (
        "another login",
        ["Notification"],
        {"notification_type": "auth_success"},
        {},
        "",
        True,
    ),
    ("the session has cost more", ["StatusLine"], {"cost": spent(1.5)}, METERED, "", True),
    ("the session has cost nothing", ["StatusLine"], {"cost": spent(1.0)}, METERED, "", False),
    ("its cost isn't told", ["StatusLine"], {"cost": {}}, METERED, "", False),
    ("a session that wasn't measured so far", ["StatusLine"], {"cost": spent(0.0)}, NEW, "", True),
    ("costs on the plan", ["StatusLine"], {"cost": spent(1.5)}, {"costs": COSTS}, "", False),
    ("a source is due", ["StatusLine"], {}, {"look_at": PAST}, "", True),
    ("a source isn't due", ["StatusLine"], {}, {"look_at": FUTURE}, "", False),
    ("a source is due: nobody waits for it", ["Stop"], {}, {"look_at": PAST}, "", False),
    ("the configuration is new", ["Stop", "StatusLine"], {}, {"config": 5.0}, "", True),
    (
        "the session has missed a switch",
        ["Stop", "Notification", "SessionEnd", "StatusLine", "UserPromptSubmit"],
        {},
        {"marker": "anthropic"},
        "",
        True,
    ),
    (
        "the session has missed the way back",
        ["Stop", "Notification", "SessionEnd", "StatusLine", "UserPromptSubmit"],
        {},
        {},
        "anthropic",
        True,
    ),
    (
        "a reload runs before it is applied",
        ["ConfigChange"],
        {},
        {"marker": "anthropic"},
        "",
        False,
    ),
    (
        "the session may still reload",
        ["Stop", "Notification", "StatusLine"],
        {},
        {"marker": "anthropic", "settled_at": 0.0},
        "",
        False,
    ),
    (
        "a prompt has to be sure",
        ["UserPromptSubmit"],
        {},
        {"marker": "anthropic", "settled_at": 0.0},
        "",
        True,
    ),
    (
        "the session was given up",
        ["Stop", "Notification", "StatusLine"],
        {},
        {"marker": "anthropic", "lost": [SESSION]},
        "",
        False,
    ),
    (
        "the session was given up, but prompts",
        ["UserPromptSubmit"],
        {},
        {"marker": "anthropic", "lost": [SESSION]},
        "",
        True,
    ),
    (
        "another session was given up",
        ["Stop"],
        {},
        {"marker": "anthropic", "lost": ["s2"]},
        "",
        True,
    ),
    (
        "the client goes on by itself",
        ["UserPromptSubmit"],
        {"prompt": signals.RESUME_PROMPT + ". Continue the task"},
        {},
        "",
        True,
    ),
    ("a prompt", ["UserPromptSubmit"], {"prompt": "hi"}, {}, "", False),
    ("something to be told", ["UserPromptSubmit"], {}, {"sessions": [SESSION]}, "", True),
    ("something for another session", ["UserPromptSubmit"], {}, {"sessions": ["s2"]}, "", False),
    ("a window that climbs", ["StatusLine"], {"rate_limits": window(85.0)}, {}, "", True),
    ("a window that doesn't", ["StatusLine"], {"rate_limits": window(84.9)}, {}, "", False),
    ("a window beyond its end", ["StatusLine"], {"rate_limits": window(140)}, {}, "", True),
    (
        "a window that has begun anew",
        ["StatusLine"],
        {"rate_limits": window(1.0, FUTURE + 18_000)},
        {},
        "",
        True,
    ),
    (
        "a window of an idle session, of before the reset",
        ["StatusLine"],
        {"rate_limits": window(97.0, FUTURE - 18_000)},
        {},
        "",
        False,
    ),
    (
        "a window never seen",
        ["StatusLine"],
        {"rate_limits": {"seven_day": {"used_percentage": 0, "resets_at": NEXT}}},
        {},
        "",
        True,
    ),
    ("no windows: on a key", ["StatusLine"], {"rate_limits": None}, {}, "", False),
]


@pytest.mark.parametrize(
    ("events", "payload", "changes", "marker", "expected"),
    [pytest.param(*case, id=cause) for cause, *case in CAUSES],
)
def test_the_gate_wakes_the_engine_when_there_is_something_to_do(
    monkeypatch: pytest.MonkeyPatch,
    events: list[str],
    payload: Payload,
    changes: Payload,
    marker: str,
    expected: bool,
) -> None:
    monkeypatch.setenv(signals.BILLING_VARIABLE, marker)
    written = wake(**{"windows": SEEN, **changes})
    for event in events:
        told = {"session_id": SESSION, "hook_event_name": event, **payload}
        assert gate.needed(event, told, written) is expected, event


def queued(content: str, age: float, operation: str = "enqueue") -> str:
    """The row of a prompt that was typed during a turn, as the client writes it."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S.123Z", time.gmtime(time.time() - age))
    row = {"type": "queue-operation", "operation": operation, "timestamp": at, "content": content}
    return json.dumps(row, separators=(",", ":"))


def quoted(content: str, age: float) -> str:
    """The same, in the output of a tool."""
    return json.dumps({"type": "user", "toolUseResult": queued(content, age)})


@pytest.mark.parametrize(
    ("make", "content", "age", "asked", "expected"),
    [
        (queued, "ccfb yes 1", 1, True, True),
        (queued, "/CCFB No", 1, True, True),
        (queued, "ccfb yes 1", 1, False, False),
        (queued, "ccfb yes 1", 600, True, False),
        (queued, "go on", 1, True, False),
        (quoted, "ccfb yes 1", 1, True, False),
    ],
)
def test_an_answer_typed_during_a_turn_wakes_the_engine(
    tmp_path: Path,
    make: Callable[[str, float], str],
    content: str,
    age: float,
    asked: bool,
    expected: bool,
) -> None:
    """For a minute, and only while something is asked: it costs a look each second."""
    row = make(content, age)
    path = tmp_path / "s1.jsonl"
    path.write_text("\n".join(["{}" * gate.TAIL, '{"type":"user"}', row, '{"type":"user"}', ""]))
    told: Payload = {"session_id": SESSION, "transcript_path": str(path)}
    for event in OTHERS:
        woken = gate.needed(event, told, wake(asked=asked))
        always = event == "UserPromptSubmit" and asked
        assert woken is (always or (expected and event == "StatusLine")), event
    assert not gate.needed("StatusLine", {"session_id": SESSION}, wake(asked=True))


@pytest.mark.parametrize(
    ("events", "payload", "changes", "marker", "expected"),
    [pytest.param(*case, id=cause) for cause, *case in CAUSES if case[-1]],
)
def test_a_woken_engine_answers_for_its_hook(
    house: House,
    events: list[str],
    payload: Payload,
    changes: Payload,
    marker: str,
    expected: bool,
) -> None:
    del expected
    house.wakes_at(**wake(**{"windows": SEEN, **changes}))
    house.variables[signals.BILLING_VARIABLE] = marker
    house.answers("out", "err", 2)
    event = events[0]
    done = house.run(SCRIPTS[event], {"session_id": SESSION, **payload})
    assert house.woken(event)
    assert not house.log
    if event != "StatusLine":
        assert (done.returncode, done.stdout, done.stderr) == (2, b"out", b"err")


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ('{"type":"assistant","isApiErrorMessage":true,"error":"rate_limit"}', True),
        ('{"type":"assistant","isApiErrorMessage": true}', True),
        ('{"type":"assistant","message":{}}', False),
        ("", False),
    ],
)
def test_the_end_of_a_headless_run_looks_at_its_transcript(
    tmp_path: Path, tail: str, expected: bool
) -> None:
    """There, `StopFailure` may be lost; a limit far back was told long ago."""
    transcript = tmp_path / "transcript.jsonl"
    old = '{"isApiErrorMessage":true}\n' + '{"type":"user"}\n' * 10_000
    transcript.write_text(old + tail + "\n")
    payload: Payload = {"session_id": SESSION, "transcript_path": str(transcript)}
    assert gate.needed("SessionEnd", payload, wake()) is expected


def test_the_end_of_a_session_without_transcript_is_none_of_ours() -> None:
    for path in (None, 7, "", "/nowhere", "/"):
        assert not gate.needed("SessionEnd", {"transcript_path": path}, wake())


@pytest.mark.parametrize("version", VERSIONS)
def test_every_recorded_failure_reaches_the_engine(house: House, version: str) -> None:
    payloads = scripts.recorded(house.home, version)
    house.run("stop_failure.py", payloads["StopFailure"])
    assert house.woken("StopFailure")


# Whatever goes wrong

GARBAGE: list[bytes] = [
    b"",
    b" ",
    b"{",
    b"[]",
    b"null",
    b"7",
    b"not json",
    b"{} {}",
    b"\xff\xfe\x00",
    b'{"session_id": "\xff"}',
    b'{"session_id": "\\ud800", "prompt": 1e999, "source": "user_settings"}',
    b'{"session_id": ["x"], "rate_limits": 7, "transcript_path": {}}',
    b'{"rate_limits": {"five_hour": 7, "seven_day": {"used_percentage": "x"}}}',
    b'{"rate_limits": {"five_hour": {"used_percentage": 1, "resets_at": 1e300}}}',
    b"[" * 200_000,
    b"1" * 10_000,
]


@pytest.mark.parametrize("stdin", GARBAGE, ids=lambda stdin: stdin[:40].decode("ascii", "replace"))
def test_garbage_on_stdin_breaks_nothing(house: House, stdin: bytes) -> None:
    for script in EVENTS:
        done = house.run(script, stdin)
        assert (done.returncode, done.stderr) == (0, b""), script


STATES: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"\x00" * 5_000,
    b'{"wake": 7}',
    b'{"wake": {"at": "soon", "boot_at": [], "windows": 7, "sessions": 7, "lost": 7}}',
    b'{"wake": {"marker": 7, "resets_at": "late", "settled_at": null, "windows": {"x": 7}}}',
    b'{"wake": {"marker": "\\ud800", "resets_at": 1e300}}',
    b'{"wake": {"marker": "x", "resets_at": NaN}}',
    b'{"wake": ' + b"[" * 200_000,
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state[:60].decode("ascii", "replace"))
def test_a_damaged_state_breaks_nothing(house: House, state: bytes) -> None:
    (house.own / "state.json").write_bytes(state)
    (house.own / "receipt.json").write_bytes(state)
    payloads = scripts.recorded(house.home)
    for script, event in EVENTS.items():
        done = house.run(script, payloads[event])
        assert (done.returncode, done.stderr) == (0, b""), script


@pytest.mark.parametrize("name", ["state.json", "receipt.json", "ccfb.log", "reloads"])
def test_a_wrong_thing_in_the_place_of_a_file_breaks_nothing(house: House, name: str) -> None:
    if name == "reloads":
        (house.own / name).write_text("a file")
    else:
        (house.own / name).mkdir()
    house.raises("RuntimeError")  # something to log
    payloads = scripts.recorded(house.home)
    for script, event in EVENTS.items():
        done = house.run(script, payloads[event])
        assert (done.returncode, done.stderr) == (0, b""), script


def test_a_huge_payload_is_only_read(house: House) -> None:
    payload = {"session_id": SESSION, "last_assistant_message": "x" * 20_000_000}
    done = house.run("stop.py", payload)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("failure", ["RuntimeError", "SystemExit", "KeyboardInterrupt"])
def test_an_engine_that_fails_leaves_one_line_and_the_session_goes_on(
    house: House, failure: str
) -> None:
    house.raises(failure)
    done = house.run("stop_failure.py", {"session_id": SESSION})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (line,) = house.log
    stamp, event, problem, _ = line.split()
    assert time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")
    assert (event, problem) == ("StopFailure", f"{failure}:")


def test_a_problem_of_many_lines_is_one_line_in_the_log(house: House) -> None:
    house.raises("first\n\n  second \ud800 third\u2028\n")
    house.run("stop_failure.py", {})
    (line,) = (house.own / "ccfb.log").read_bytes().splitlines()
    assert line.endswith(b"RuntimeError: first second ? third")


def test_an_engine_that_is_gone_leaves_one_line(house: House) -> None:
    """The package was half removed."""
    (house.root / "src" / "ccfb" / "engine.py").unlink()
    done = house.run("session_start.py", {"session_id": SESSION})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert len(house.log) == 1


def test_a_client_that_no_longer_listens_gets_no_error(house: House) -> None:
    house.answers("x" * 1_000_000, "", 0)
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", house.root / "hooks" / "stop_failure.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=house.environment,
    )
    assert child.stdin
    assert child.stdout
    assert child.stderr
    with child, child.stdin, child.stderr:
        child.stdout.close()
        child.stdin.write(b"{}")
        child.stdin.close()
        assert child.stderr.read() == b""
    assert child.returncode == 0


# The word that a session has reloaded


def test_a_reload_of_the_user_settings_leaves_a_word(house: House) -> None:
    started = time.time()
    house.run("config_change.py", {"session_id": SESSION, "source": "user_settings"})
    told = float((house.own / "reloads" / SESSION).read_text())
    assert started <= told <= time.time()


@pytest.mark.parametrize("source", ["project_settings", "skills", None])
def test_other_reloads_leave_none(house: House, source: str | None) -> None:
    house.run("config_change.py", {"session_id": SESSION, "source": source})
    assert not (house.own / "reloads").exists()


@pytest.mark.parametrize("name", ["../../evil", "..", "/evil", "a\\b", "a\0b", "", "x" * 5_000])
def test_no_session_writes_outside_its_folder(house: House, name: str) -> None:
    before = {path for path in house.home.rglob("*") if "ccfb" not in path.parts}
    done = house.run("config_change.py", {"session_id": name, "source": "user_settings"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert {path for path in house.home.rglob("*") if "ccfb" not in path.parts} == before
    assert {path.name for path in house.own.iterdir()} <= {"reloads", "ccfb.log"}


# The status line


def plain(house: House, payload: Payload | None = None) -> str:
    done = house.run("statusline.py", payload or {"session_id": SESSION})
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


@pytest.mark.parametrize(
    ("marker", "shown"),
    [("anthropic", "anthropic"), ("", "anthropic · this session: after its next message")],
)
def test_the_line_tells_who_is_billed(house: House, marker: str, shown: str) -> None:
    house.variables |= {signals.BILLING_VARIABLE: marker, "NO_COLOR": "1"}
    house.wakes_at(marker="anthropic", lost=[SESSION])
    assert plain(house) == shown


CHAINED = [
    # theirs, what it shows
    ("cat >/dev/null; echo theirs", "theirs\n"),
    ("echo without reading", "without reading\n"),
    ("printf 'no newline'", "no newline\n"),
    ("printf 'one\\ntwo\\n'", "one\ntwo\n"),
    ("printf '\\033[31mred\\033[0m\\n'", "\033[31mred\033[0m\n"),
    ("echo said; exit 7", "said\n"),
    ("exit 7", ""),
    ("true", ""),
    ("kill -9 $$", ""),
    ("no-such-command-anywhere", ""),
    ("echo 'unbalanced", ""),
]


@pytest.mark.parametrize("size", [0, 1_000_000], ids=["small", "larger than a pipe"])
@pytest.mark.parametrize(("command", "shown"), CHAINED, ids=[command for command, _ in CHAINED])
def test_theirs_is_shown_above_ours_and_its_failure_is_its_own(
    house: House, command: str, shown: str, size: int
) -> None:
    house.chains(command)
    done = house.run("statusline.py", {"session_id": SESSION, "padding": "x" * size})
    assert (done.returncode, done.stdout.decode()) == (0, shown + "subscription")
    assert not house.log


@pytest.mark.parametrize("size", [0, 1_000_000], ids=["small", "larger than a pipe"])
def test_theirs_gets_the_same_stdin(house: House, size: int) -> None:
    house.chains(f"cat >'{house.home}/copy'")
    stdin = b' {"session_id": "s1",\n "padding": "' + b"x" * size + b'"}\n'
    house.run("statusline.py", stdin)
    assert (house.home / "copy").read_bytes() == stdin


def test_theirs_sees_the_environment_of_the_client(house: House) -> None:
    house.variables["COLUMNS"] = "77"
    house.chains('echo "$COLUMNS $0"')
    assert plain(house) == "77 sh\nsubscription"


@pytest.mark.parametrize("problem", ["garbage on stdin", "half removed", "failing engine"])
def test_theirs_is_shown_whatever_happens_to_ours(house: House, problem: str) -> None:
    house.chains("echo theirs")
    stdin = b'{"session_id": "s1"}'
    if problem == "garbage on stdin":
        stdin = b"{"
    elif problem == "half removed":
        (house.root / "src" / "ccfb" / "statusline.py").unlink()
    else:
        house.raises("RuntimeError")
        house.wakes_at(unsettled=True)
    done = house.run("statusline.py", stdin)
    assert done.returncode == 0
    assert done.stdout.startswith(b"theirs\n")


def test_the_line_doesnt_wait_for_the_engine(house: House) -> None:
    """The client kills a status line that still runs at its next tick."""
    (house.root / "src" / "ccfb" / "engine.py").write_text(
        "import os, time\n"
        "def run(event, payload):\n"
        "    time.sleep(2)\n"
        "    open(os.environ['HOME'] + '/late', 'w').close()\n"
    )
    house.wakes_at(unsettled=True)
    started = time.monotonic()
    assert plain(house) == "subscription"
    assert time.monotonic() - started < 1.5
    end = time.monotonic() + 10
    while not (house.home / "late").exists():
        assert time.monotonic() < end, "the engine didn't outlive the status line"
        time.sleep(0.05)


# JSON without `json`

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values, st.booleans(), st.sampled_from(["", " ", "\n", "\t\r\n"]))
def test_json_is_read_as_json_reads_it(value: object, ascii_: bool, blank: str) -> None:
    text = blank + json.dumps(value, ensure_ascii=ascii_) + blank
    assert gate.loads(text) == json.loads(text)


@given(
    st.text()
    | st.text(alphabet='{}[]":,0123456789.eE+-truefalsn \\u\x00\n')
    | st.sampled_from(["NaN", "-Infinity", "[Infinity]", "\ufeff{}", "\xa0{}", "{} {}", '"\x01"'])
)
def test_what_json_refuses_is_refused(text: str) -> None:
    try:
        expected = json.loads(text, strict=False)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - any of them
            gate.loads(text)
    else:
        assert repr(gate.loads(text)) == repr(expected)


def test_a_slow_line_of_theirs_is_shown_late_and_ours_at_once(house: House) -> None:
    """While a key is billed the client draws every second, and kills what takes longer."""
    house.chains(f"cat >/dev/null; cat '{house.home}/fifo'")
    os.mkfifo(house.home / "fifo")
    house.wakes_at(marker="anthropic")
    house.variables |= {signals.BILLING_VARIABLE: "anthropic", "NO_COLOR": "1"}
    assert house.run("statusline.py", {"session_id": SESSION}).stdout == b"anthropic"
    (house.home / "fifo").write_text("theirs\n")
    end = time.monotonic() + 10
    while (shown := house.run("statusline.py", {"session_id": SESSION}).stdout) == b"anthropic":
        assert time.monotonic() < end
        time.sleep(0.02)
    assert shown == b"theirs\nanthropic"
    assert not house.log


@pytest.mark.parametrize(("age", "told"), [(1.0, True), (60.0, False)], ids=["fresh", "old"])
def test_a_reload_lets_the_terminal_tell_of_the_change(
    house: House, age: float, told: bool
) -> None:
    answer = '{"terminalSequence":"x"}'
    state = {"wake": {"terminal": answer, "told_at": time.time() - age, "settled_at": time.time()}}
    (house.own / "state.json").write_text(json.dumps(state))
    stdin = json.dumps({"session_id": "s1", "source": "user_settings"}).encode()
    done = house.run("config_change.py", stdin)
    assert (done.returncode, done.stdout.decode()) == (0, answer if told else "")


@pytest.mark.parametrize("text", ["", "{", '{"a":', "[1,", "nul", '"a', "{} x"])
def test_what_is_no_json_is_told_so_also_where_nothing_else_is_imported(text: str) -> None:
    """3.11's scanner wants a module that a hook has no time for, only to say what is wrong."""
    script = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from ccfb import gate\n"
        "try:\n"
        "    gate.loads(sys.argv[2])\n"
        "except ValueError:\n"
        "    print('no JSON')"
    )
    source = str(Path(gate.__file__).parents[1])
    command = [sys.executable, "-I", "-S", "-c", script, source, text]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stdout == "no JSON\n"
