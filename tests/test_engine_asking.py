"""The engine where the user is asked: nothing is spent without a word, and the word is enough."""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import captures
from ccfb import config, effects, engine, gate, paths, secrets
from ccfb.billing import store
from ccfb.billing.events import Answered, Tick
from ccfb.client import reloads, signals

SESSION = "0f0f0f0f-0000-4000-8000-000000000000"
MODEL = "claude-opus-4-6"


@pytest.fixture(autouse=True)
def asking(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a key who has said nothing else: mode `ask`."""
    monkeypatch.setattr(secrets, "_keychain", lambda: 1 / 0)
    monkeypatch.setattr(gate, "RELOAD", 0.05)
    monkeypatch.setattr(engine, "APPLY", 0.0)
    monkeypatch.setattr(engine, "GLANCE", 0.05)
    monkeypatch.setattr(reloads, "wait", lambda *_: True)
    (home / ".claude").mkdir()
    key = config.StoredKey(source=secrets.store("anthropic", "sk-ant-api03-none"))
    config.save(config.Config(keys={"anthropic": key}))


def stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def message(number: int, at: float, tokens: int = 1_000) -> list[dict[str, Any]]:
    """A prompt and its answer, as rows."""
    usage = {"input_tokens": 10, "output_tokens": tokens, "cache_read_input_tokens": 20_000}
    chain = {"sessionId": SESSION, "isSidechain": False}
    return [
        {"type": "user", "uuid": f"u{number}", "timestamp": stamp(at - 0.05), **chain},
        {
            "type": "assistant",
            "uuid": f"a{number}",
            "timestamp": stamp(at),
            "requestId": f"r{number}",
            "message": {"id": f"m{number}", "role": "assistant", "model": MODEL, "usage": usage},
            **chain,
        },
    ]


def limited_rows() -> list[dict[str, Any]]:
    """The five-hour limit as 2.1.329 writes it, hit now, with its reset an hour from now."""
    case = next(each for each in captures.load() if str(each) == "2.1.329 oauth five_hour")
    rows = [{**row, "sessionId": SESSION, "timestamp": stamp(time.time())} for row in case.rows]
    for row in rows:
        row["quotaLimits"] = {**row["quotaLimits"], "resetsAt": int(time.time() + 3_600)}
    return rows


@pytest.fixture
def place(home: Path) -> Callable[[list[dict[str, Any]]], dict[str, str]]:
    """Write a transcript; what hooks are told of it."""
    path = home / ".claude" / "projects" / "project" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True)

    def write(rows: list[dict[str, Any]]) -> dict[str, str]:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return {"session_id": SESSION, "transcript_path": str(path)}

    return write


Place = Callable[[list[dict[str, Any]]], dict[str, str]]


def fail(place: Place) -> engine.Answer:
    case = next(each for each in captures.load() if str(each) == "2.1.329 oauth five_hour")
    assert case.stop_failure
    rows = [*message(1, time.time() - 60), *limited_rows()]
    return engine.run("StopFailure", case.stop_failure | place(rows))


def prompt(words: str) -> dict[str, Any]:
    path = Path(paths.projects()) / "project" / f"{SESSION}.jsonl"
    payload = {"session_id": SESSION, "prompt": words, "transcript_path": str(path)}
    answer = engine.run("UserPromptSubmit", payload)
    return json.loads(answer.out) if answer.out else {}


def written() -> str:
    settings = Path(paths.settings())
    return settings.read_text() if settings.exists() else ""


def test_at_the_limit_nothing_is_billed_and_the_price_is_told(place: Place) -> None:
    assert fail(place).code == 0
    assert store.load().billing == "subscription"
    assert "apiKeyHelper" not in written()
    told = prompt("what now?")["systemMessage"]
    assert "5-hour limit was hit" in told
    assert "$" in told.replace("ccfb yes DOLLARS", "")
    assert prompt("and now?") == {}, "each session is asked once"
    assert store.load().billing == "subscription", "silence is a no"


def test_a_typed_yes_lets_the_task_go_on(place: Place) -> None:
    fail(place)
    told = prompt("ccfb yes 1")
    assert "at most $1.00" in told["systemMessage"]
    assert "Continue with the task" in told["hookSpecificOutput"]["additionalContext"]
    assert store.load().billing == "anthropic"
    assert "apiKeyHelper" in written()


@pytest.mark.parametrize("words", ["ccfb no", "ccfb wait", "ccfb yes please", "ccfb yes 0"])
def test_anything_else_bills_nobody_and_isnt_sent(place: Place, words: str) -> None:
    fail(place)
    told = prompt(words)
    assert told["decision"] == "block"
    assert told["suppressOriginalPrompt"] is True
    assert store.load().billing == "subscription"


def test_the_words_alone_bill_nobody(place: Place) -> None:
    """Where nothing is asked, a yes is no yes to what comes later."""
    assert prompt("ccfb yes")["decision"] == "block"
    fail(place)
    assert store.load().billing == "subscription"


@pytest.mark.parametrize(("word", "code"), [("yes", 2), ("no", 0)])
def test_a_stalled_turn_waits_for_the_word(
    place: Place, word: Any, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(signals.ENTRYPOINT, signals.INTERACTIVE)

    def answer() -> None:
        end = time.monotonic() + 20
        while store.load().question is None and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.2)
        effects.step(Answered(word))

    thread = threading.Thread(target=answer)
    thread.start()
    done = fail(place)
    thread.join()
    assert done.code == code
    assert ("billed to anthropic" in done.err) == (word == "yes")


def test_a_headless_session_never_waits(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(signals.ENTRYPOINT, "sdk-cli")
    monkeypatch.setattr(engine, "_wait_for_word", lambda *_: 1 / 0)
    assert fail(place).code == 0


@pytest.mark.parametrize(("headless", "billed"), [("no", "subscription"), ("yes", "anthropic")])
def test_a_headless_session_gets_the_configurations_word(
    place: Place, headless: Any, billed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(signals.ENTRYPOINT, "sdk-cli")
    config.save(config.load().model_copy(update={"headless": headless}))
    fail(place)
    assert store.load().billing == billed


def test_the_transcript_is_the_meter_and_the_cap_the_end(place: Place) -> None:
    config.save(config.load().model_copy(update={"budget": config.Budget(day=1.0)}))
    fail(place)
    prompt("ccfb yes")
    now = time.time()
    rows = [row for number in (2, 3) for row in message(number, now + number / 10, 8_000)]
    where = place([*limited_rows(), *rows])
    engine.run("Stop", where)
    state = store.load()
    assert state.billing == "anthropic"
    (spent,) = state.days.values()
    assert spent == pytest.approx(2 * (8_000 * 25 + 20_000 * 0.5 + 10 * 5) / 1e6)
    engine.run("Stop", where)
    assert store.load().days == state.days, "nothing is counted twice"
    rows += [row for number in (4, 5, 6) for row in message(number, now + number / 10, 8_000)]
    engine.run("Stop", place([*limited_rows(), *rows]))
    assert store.load().billing == "subscription"
    assert store.load().stopped == "day"
    assert [entry.reason for entry in store.ledger() if entry.event == "revert"] == ["budget"]
    assert prompt("ccfb yes 5")["decision"] == "block", "the day's cap holds"
    assert store.load().billing == "subscription"


def sign_in(home: Path, account: str) -> None:
    login = {"oauthAccount": {"accountUuid": account, "organizationUuid": "o"}}
    (home / ".claude.json").write_text(json.dumps(login))


def test_another_account_has_limits_of_its_own(home: Path, place: Place) -> None:
    sign_in(home, "a")
    fail(place)
    prompt("ccfb yes")
    assert store.load().billing == "anthropic"
    sign_in(home, "b")
    engine.run("Notification", {"notification_type": signals.SIGNED_IN, "session_id": SESSION})
    state = store.load()
    assert (state.billing, state.limits, state.answers) == ("subscription", {}, {})
    assert "apiKeyHelper" not in written()
    kept = Path(paths.own("state.json")).read_text()
    assert '"a"' not in kept, "only a fingerprint is kept"


def test_a_mistake_in_the_configuration_leaves_the_last_good_one(place: Place) -> None:
    config.save(config.load().model_copy(update={"mode": "auto"}))
    effects.step(Tick())
    Path(paths.own("config.json")).write_text('{"mode": "atuo"}')
    fail(place)
    assert store.load().billing == "anthropic"
