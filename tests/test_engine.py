"""The engine as the hooks call it: what the client really said goes in, billing comes out."""

import io
import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import captures
from ccfb import config, engine, gate, paths, secrets
from ccfb.billing import store
from ccfb.client import limits, reloads, signals
from ccfb.client import transcript as transcripts

CASES = captures.load()
LIMITS = ("five_hour", "seven_day", "seven_day_opus", "seven_day_sonnet", "overage", "interactive")
SESSION = "0f0f0f0f-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def automatic(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a key and `mode auto`."""
    monkeypatch.setattr(secrets, "_keychain", lambda: 1 / 0)
    (home / ".claude").mkdir()
    key = config.StoredKey(source=secrets.store("anthropic", "sk-ant-api03-none"))
    weekly = ("seven_day", "seven_day_opus", "seven_day_sonnet")
    windows = {name: config.WindowRules(policy="switch") for name in weekly}
    config.save(
        config.Config(
            mode="auto", providers=["anthropic"], keys={"anthropic": key}, windows=windows
        )
    )


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for reloads are short: nobody reloads here."""
    monkeypatch.setattr(gate, "RELOAD", 0.05)
    monkeypatch.setattr(engine, "APPLY", 0.0)


def is_limit(case: captures.Case) -> bool:
    return any(name in case.name for name in LIMITS)


def transcript(home: Path, rows: list[dict[str, Any]]) -> Path:
    path = home / ".claude" / "projects" / "project" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def fail(home: Path, case: captures.Case) -> engine.Answer:
    """Run `StopFailure` as that version of the client did."""
    rows = [{**row, "sessionId": SESSION} for row in case.rows]
    place = {"session_id": SESSION, "transcript_path": str(transcript(home, rows))}
    assert case.stop_failure
    return engine.run("StopFailure", case.stop_failure | place)


def events(kind: str) -> int:
    return sum(entry.event == kind for entry in store.ledger())


told = pytest.mark.parametrize("case", [case for case in CASES if case.stop_failure], ids=str)


@told
@pytest.mark.usefixtures("impatient")
def test_only_limits_of_the_plan_switch(
    home: Path, case: captures.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: case.when + 0.5)
    answer = fail(home, case)
    switched = store.load().billing == "anthropic"
    assert switched == is_limit(case) == events("switch")
    settings = Path(paths.settings())
    assert switched == (settings.exists() and "apiKeyHelper" in settings.read_text())
    assert answer.code == 0, "nobody has confirmed a reload"


@pytest.mark.parametrize("case", [case for case in CASES if case.rows], ids=str)
def test_lost_hooks_are_caught_up_with(
    home: Path, case: captures.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A headless run leaves its row in the transcript; the next session finds it."""
    monkeypatch.setattr(time, "time", lambda: case.when + 0.5)
    transcript(home, list(case.rows))
    monkeypatch.setattr(gate, "RELOAD", 0.01)
    engine.run("SessionStart", {"session_id": "another"})
    assert events("switch") == is_limit(case)


PROSE = [
    "You've hit your 5-hour limit · resets 8:37pm (UTC), is what the log says. Shall I go on?",
    "Claude AI usage limit reached|1750770000 is an old form of the message.",
    "I limit the retries to 5 · resets happen at 5pm (UTC).",
]


@pytest.mark.parametrize("text", PROSE)
def test_prose_about_limits_never_switches(home: Path, text: str) -> None:
    row = {
        "type": "assistant",
        "uuid": "u",
        "timestamp": "2026-11-20T19:19:46.100Z",
        "message": {"role": "assistant", "content": [{"type": "text", "text": text}]},
        "sessionId": SESSION,
    }
    path = transcript(home, [row])
    payload = {"session_id": SESSION, "transcript_path": str(path), "last_assistant_message": text}
    engine.run("StopFailure", {**payload, "error": "rate_limit"})
    for event in ("Stop", "SessionEnd", "SessionStart"):
        engine.run(event, payload)
    assert not events("switch")


def newest_limit() -> captures.Case:
    return next(case for case in CASES if str(case) == "2.1.329 oauth five_hour")


def reload_after(writes: int, settings: Path) -> threading.Thread:
    """A session that takes up the settings only when they are written for the n-th time."""

    def watch() -> None:
        seen: set[int] = set()
        end = time.monotonic() + 5
        while len(seen) < writes and time.monotonic() < end:
            if settings.exists():
                seen.add(settings.stat().st_mtime_ns)
            time.sleep(0.002)
        time.sleep(0.1)  # the client takes a second
        gate.note_reload({"session_id": SESSION, "source": "user_settings"})

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def soon(case: captures.Case) -> captures.Case:
    """The same limit, hit now, with its reset an hour from now."""
    rows = json.loads(json.dumps(case.rows))
    for row in rows:
        row["quotaLimits"]["resetsAt"] = int(time.time() + 3600)
        row["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return captures.Case(**{name: getattr(case, name) for name in case.__slots__} | {"rows": rows})


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_the_turn_is_woken_when_its_session_has_reloaded(
    home: Path, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a word from the session the settings are written again: nobody watched so far."""
    monkeypatch.setattr(gate, "RELOAD", 0.3)
    thread = reload_after(writes, Path(paths.settings()))
    answer = fail(home, soon(newest_limit()))
    thread.join()
    assert answer.code == 2
    assert "billed to anthropic" in answer.err
    assert events("switch") == events("continue") == 1


@pytest.mark.usefixtures("impatient")
def test_without_a_reload_the_user_is_told_and_nothing_is_sent(home: Path) -> None:
    case = soon(newest_limit())
    assert fail(home, case).code == 0
    assert fail(home, case).code == 0, "the same failure is told twice"
    answer = engine.run("UserPromptSubmit", {"session_id": SESSION, "prompt": "go on"})
    assert "didn't take up" in json.loads(answer.out)["systemMessage"]
    assert events("switch") == events("continue") == 1


@pytest.mark.usefixtures("impatient")
def test_a_user_who_was_faster_is_left_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "still_stalled", lambda *_: False)
    monkeypatch.setattr(reloads, "wait", lambda *_: True)
    assert fail(home, soon(newest_limit())).code == 0


def test_a_prompt_isn_t_sent_on_the_key_after_the_reset(
    monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    """A session that holds on to the key, whatever is written, is stopped before it spends."""
    monkeypatch.setenv(signals.BILLING_VARIABLE, "anthropic")
    answer = engine.run("UserPromptSubmit", {"session_id": SESSION, "prompt": "go on"})
    assert json.loads(answer.out)["decision"] == "block"


@pytest.mark.usefixtures("impatient")
def test_the_client_s_own_resume_doesn_t_repeat_a_continued_task(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resume = {"session_id": SESSION, "prompt": f"{signals.RESUME_PROMPT}. Continue the task …"}
    assert engine.run("UserPromptSubmit", resume).out == "", "nothing was continued: let it"
    monkeypatch.setattr(reloads, "wait", lambda *_: True)
    assert fail(home, soon(newest_limit())).code == 2
    assert json.loads(engine.run("UserPromptSubmit", resume).out)["decision"] == "block"


@pytest.mark.usefixtures("impatient")
def test_a_key_without_credit_is_left_for_the_plan(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(home, soon(newest_limit()))
    monkeypatch.setenv(signals.BILLING_VARIABLE, "anthropic")
    case = next(case for case in CASES if str(case) == "2.1.329 key credit low")
    rows = [{**row, "timestamp": "2999-01-01T00:00:00.000Z"} for row in case.rows]
    path = transcript(home, rows)
    assert case.stop_failure
    place = {"session_id": SESSION, "transcript_path": str(path)}
    engine.run("StopFailure", case.stop_failure | place)
    assert store.load().billing == "subscription"
    assert events("provider_failure") == events("revert") == 1


def test_the_cases_are_of_every_kind() -> None:
    """The tables above speak of every kind of failure there is."""
    kinds = set()
    for case in CASES:
        if case.stop_failure:
            said = case.stop_failure
            kinds.add(
                limits.read_failure(
                    said["error"],
                    said["last_assistant_message"],
                    quota=None,
                    at=case.when,
                    zone=None,
                    known={},
                ).kind
            )
    assert kinds >= set(limits.Kind) - {limits.Kind.UNKNOWN_LIMIT, limits.Kind.OTHER}


def test_where_the_way_back_is_barred_nothing_is_sent(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Hooks fail open, money fails closed: settings that can't be edited at the reset."""
    (home / ".claude" / "settings.json").write_text("{ half an edit")
    monkeypatch.setenv(signals.BILLING_VARIABLE, "anthropic")
    prompt = json.dumps({"session_id": SESSION, "prompt": "go on"}).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(prompt)))
    with pytest.raises(SystemExit) as end:
        gate.main("UserPromptSubmit", "/nowhere")
    assert end.value.code == 0
    assert json.loads(capfd.readouterr().out)["decision"] == "block"


@pytest.mark.usefixtures("impatient")
def test_a_failure_told_twice_without_a_row_is_answered_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "ROW_PAUSE", 0.0)
    case = next(case for case in CASES if str(case) == "2.1.176 oauth seven_day")
    rowless = captures.Case(**{name: getattr(case, name) for name in case.__slots__} | {"rows": ()})
    monkeypatch.setattr(time, "time", lambda: case.when + 0.5)
    fail(home, rowless)
    monkeypatch.setattr(time, "time", lambda: case.when + 4.1)
    fail(home, rowless)
    assert events("continue") == events("switch") == 1


@pytest.mark.parametrize("told", [None, [], {"five_hour": None}, {"five_hour": {"resets_at": 1}}])
def test_unknown_shapes_of_the_status_line_are_passed_over(told: object) -> None:
    engine.run("StatusLine", {"session_id": SESSION, "rate_limits": told})
    assert not store.load().windows


def typed(words: str, at: float, **more: object) -> dict[str, Any]:
    """The row of a prompt that was typed during a turn (seen on 2.1.105 to 2.1.329)."""
    stamp = datetime.fromtimestamp(at, UTC).isoformat()
    row = {"type": "queue-operation", "operation": "enqueue", "timestamp": stamp}
    return row | {"content": words, "sessionId": SESSION} | more


def draw(home: Path, *rows: dict[str, Any], used: float = 96.0) -> None:
    """The status line of a session whose transcript has these rows."""
    window = {"used_percentage": used, "resets_at": int(time.time()) + 3_600}
    place = {"session_id": SESSION, "transcript_path": str(transcript(home, list(rows)))}
    engine.run("StatusLine", place | {"rate_limits": {"five_hour": window}})


@pytest.fixture
def asked(home: Path) -> float:
    """When a user who wants to be asked was asked."""
    config.save(config.load().model_copy(update={"mode": "ask"}))
    draw(home)
    question = store.load().question
    assert question
    return question.since


@pytest.fixture
def later(asked: float, monkeypatch: pytest.MonkeyPatch) -> float:
    """A while after the question."""
    monkeypatch.setattr(time, "time", lambda: asked + 10)
    return asked + 10


@pytest.mark.parametrize("words", ["ccfb yes 1", "/ccfb yes 1", "ccfb yes 1\n"])
def test_a_yes_typed_during_a_turn_is_taken(
    home: Path, asked: float, later: float, words: str
) -> None:
    """No hook tells of it on 2.1.105 and 2.1.176; it counts once, however often it is seen."""
    row = typed(words, asked + 1)
    draw(home, row)
    state = store.load()
    assert state.billing == "anthropic"
    assert state.allowance
    assert (state.allowance.dollars, state.allowance.since) == (1.0, later)
    draw(home, row, typed("ccfb yes 5", asked + 2), used=97.0)
    assert store.load().allowance == state.allowance
    assert events("answer") == 1


def test_the_last_word_counts(home: Path, asked: float, later: float) -> None:
    assert later > asked
    draw(home, typed("ccfb yes", asked + 1), typed("ccfb no", asked + 2))
    assert store.load().answers["five_hour"].word == "no"
    assert not events("switch")


def test_the_hook_comes_first_where_there_is_one(home: Path, asked: float, later: float) -> None:
    """Both would tell of the same word, and the allowance would begin anew."""
    assert later > asked
    draw(home, typed("ccfb yes", later - engine.HOOK_FIRST / 2))
    assert store.load().question
    assert not events("answer")


@pytest.mark.parametrize(
    "row",
    [
        typed("ccfb yes", -1),
        typed("ccfb yes, please", 1),
        typed("is it ccfb yes", 1),
        typed("ccfb yes", 1, operation="remove"),
        typed("ccfb yes", 1, type="user", toolUseResult="queue-operation"),
        {"type": "user", "toolUseResult": json.dumps(typed("ccfb yes", 1))},
        {"type": "user", "toolUseResult": typed("ccfb yes", 1)},
    ],
)
def test_no_other_word_spends_anything(
    home: Path, asked: float, later: float, row: dict[str, Any]
) -> None:
    """Not one on an earlier question, nor one that tool output quotes."""
    text = json.dumps(row)
    for at in (-1, 1):
        stamp = datetime.fromtimestamp(at, UTC).isoformat()
        text = text.replace(stamp, datetime.fromtimestamp(asked + at, UTC).isoformat())
    assert later > asked
    draw(home, json.loads(text))
    assert store.load().question
    assert not events("answer")
    assert not events("switch")
