"""The main job, on the real client: limit, goes on with the key, reset, subscription."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ccfb.billing.model import Entry
from ccfb.drill.api import Block, Request, Window, loop, text, tool_use
from ccfb.drill.story import KEYS, Stage, play
from ccfb.drill.terminal import ClaudeSession, StreamSession, run_once

pytestmark = pytest.mark.real

Client = Callable[[str], Path]

NEWEST = "2.1.329"
VERSIONS = (NEWEST, "2.1.261", "2.1.176", "2.1.105")
TEXT_ONLY = ("2.1.176", "2.1.105")
"""Without a status line, these versions tell a reset only in a text, to the minute."""


@pytest.mark.parametrize("stage", list(KEYS), indirect=True)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_goes_on_with_the_key_and_comes_back(
    stage: Stage, client: Client, version: str, ledger: Callable[[str], list[Entry]]
) -> None:
    play(stage, client(version), print)
    assert len(ledger("switch")) == len(ledger("revert")) == 1
    assert stage.count().keys() == {"subscription", stage.provider}


def session_of(request: Request) -> str:
    """Which session a request comes from."""
    return str(request.body["metadata"]["user_id"])


def test_three_sessions_at_once_make_one_switch(
    stage: Stage, client: Client, ledger: Callable[[str], list[Entry]]
) -> None:
    sessions = [ClaudeSession(client(NEWEST), stage.home) for _ in range(3)]
    resets_at = int(time.time() + 90)
    stage.api.plan.windows["five_hour"] = Window(60, resets_at)
    try:
        for session in sessions:
            session.start()
        for session in sessions:
            session.prompt("LOOP400 please")
        for session in sessions:
            session.wait_for("step 2")
        stage.api.plan.limit("five_hour", resets_at)
        on_the_key: set[str] = set()
        while len(on_the_key) < len(sessions):
            other = stage.api.wait_for(
                lambda r: r.main and r.billing == "key" and session_of(r) not in on_the_key, 30
            )
            on_the_key.add(session_of(other))
    finally:
        for session in sessions:
            session.close()
    assert len(ledger("limit")) == len(ledger("switch")) == 1
    assert len(ledger("continue")) == 3


def test_a_stream_json_session_goes_on(
    stage: Stage, client: Client, ledger: Callable[[str], list[Entry]]
) -> None:
    with StreamSession(client(NEWEST), stage.home) as session:
        session.prompt("LOOP400 please")
        stage.answered("subscription", 0)
        resets_at = int(time.time() + 15)
        stage.api.plan.limit("five_hour", resets_at)
        stage.answered(stage.provider, time.time())
        stage.answered("subscription", resets_at, 60)
    assert len(ledger("switch")) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_one_shot_run_is_resumed_on_the_key_and_after_the_reset_on_the_plan(
    stage: Stage, client: Client, version: str
) -> None:
    def run(*arguments: str) -> dict[str, Any]:
        done = run_once(client(version), stage.home, [*arguments, "--output-format", "json"])
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    resets_at = int(time.time() + 25)
    if version in TEXT_ONLY:
        resets_at += -resets_at % 60
    stage.api.plan.limit("five_hour", resets_at)
    first = run("LOOP2 please")
    assert "hit your" in first["result"]
    began = time.time()
    for _ in range(2):  # where all hooks of the first run were lost, the second one is refused too
        second = run("--resume", first["session_id"], "LOOP2 please, once more")
        if not second["is_error"]:
            break
    assert second["result"] == "Finished all 2 steps."
    assert stage.answered(stage.provider, began)
    time.sleep(max(0.0, resets_at + 0.1 - time.time()))
    third = run("--resume", second["session_id"], "LOOP2 please, for the last time")
    assert third["result"] == "Finished all 2 steps."
    late = {stage.billed(request) for request in stage.api.main_requests if request.at > resets_at}
    assert late == {"subscription"}


def test_a_prompt_after_an_idle_reset_is_on_the_plan(stage: Stage, client: Client) -> None:
    resets_at = int(time.time() + 25)
    stage.api.plan.windows["five_hour"] = Window(60, resets_at)
    with ClaudeSession(client(NEWEST), stage.home) as session:
        session.start()
        session.prompt("LOOP6 please")
        session.wait_for("step 2")
        stage.api.plan.limit("five_hour", resets_at)
        session.wait_for("Finished all 6 steps")
        assert stage.answered(stage.provider, 0)
        session.wait_for(lambda _: time.time() > resets_at, 20)
        session.prompt("LOOP1 again")
        session.wait_for("Finished all 1 steps")
        late = [request for request in stage.api.main_requests if request.at > resets_at]
        assert {stage.billed(request) for request in late} == {"subscription"}


def test_a_finished_task_does_not_run_again_at_the_reset(stage: Stage, client: Client) -> None:
    resets_at = int(time.time() + 25)
    stage.api.plan.windows["five_hour"] = Window(60, resets_at)
    with ClaudeSession(client(NEWEST), stage.home) as session:
        session.start()
        session.prompt("LOOP12 please")
        session.wait_for("step 3")
        stage.api.plan.limit("five_hour", resets_at)
        session.wait_for("Finished all 12 steps", 60)
        requests = len(stage.api.main_requests)
        session.wait_for("already went on", resets_at - time.time() + 120)
        assert len(stage.api.main_requests) == requests


def delegate(request: Request) -> list[Block]:
    """DELEGATE gives LOOP5 to a subagent; everything else as usual."""
    said = json.dumps(request.body.get("messages", []))
    if "DELEGATE" not in said:
        return loop(request)
    if not request.main or "tool_result" in said:
        return [text("Delegated.")]
    return [tool_use("Agent", description="count", prompt="LOOP5", subagent_type="general-purpose")]


@pytest.mark.parametrize("version", [NEWEST, "2.1.261"])
def test_a_subagent_s_limit_counts(
    stage: Stage, client: Client, version: str, ledger: Callable[[str], list[Entry]]
) -> None:
    settings = json.loads(stage.home.settings.read_text())
    settings["permissions"]["allow"].append("Agent")
    stage.home.settings.write_text(json.dumps(settings))
    stage.api.reply = delegate
    arguments = ["--permission-mode", "default"]
    resets_at = int(time.time() + 75)
    stage.api.plan.windows["five_hour"] = Window(60, resets_at)
    with ClaudeSession(client(version), stage.home, arguments) as session:
        session.start()
        session.prompt("DELEGATE this")
        stage.api.wait_for(lambda r: r.main and b'"step 1"' in r.raw, 20)
        stage.api.plan.limit("five_hour", resets_at)
        woken = stage.api.wait_for(lambda r: b"Continue with the agent" in r.raw, 20)
        assert stage.billed(woken) == stage.provider
    assert len(ledger("switch")) == 1


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (429, "rate_limit_error", "This request would exceed your account's rate limit."),
        (529, "overloaded_error", "Overloaded"),
        (401, "authentication_error", "OAuth token has expired."),
    ],
)
def test_other_failures_never_switch(
    stage: Stage,
    client: Client,
    ledger: Callable[[str], list[Entry]],
    status: int,
    kind: str,
    message: str,
) -> None:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    once = {"x-should-retry": "false"}
    stage.api.fail("subscription", status, body=body, headers=once, times=100)
    run_once(client(NEWEST), stage.home, ["hello"], timeout=120)
    assert not ledger("switch")
    assert {stage.billed(request) for request in stage.api.main_requests} == {"subscription"}
