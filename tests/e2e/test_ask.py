"""With the user's word: asked at the limit, billed after a yes, within what the yes allows."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ccfb.billing.model import Entry
from ccfb.drill.api import Block, Request, Window, loop
from ccfb.drill.story import MODAL, Stage
from ccfb.drill.terminal import ClaudeSession, run_once

pytestmark = pytest.mark.real

Client = Callable[[str], Path]
Ledger = Callable[[str], list[Entry]]

VERSIONS = ("2.1.329", "2.1.176")


def dear(request: Request) -> list[Block]:
    """Answers of 10,000 tokens: a quarter of a dollar each."""
    blocks = loop(request)
    for block in blocks:
        if block["type"] == "tool_use":
            block["input"]["description"] = "o" * 40_000
    return blocks


def stop_at_the_limit(stage: Stage, session: ClaudeSession, resets_at: int) -> Request:
    """A task that is cut off, and the question on the screen."""
    session.prompt("LOOP300 please")
    stage.answered("subscription", 0)
    session.wait_for("step 1")
    stage.api.plan.limit("five_hour", resets_at)
    refused = stage.api.wait_for(lambda r: r.main and r.status == 429, 30)
    end = time.time() + 30
    while not session.shows("ccfb yes"):
        assert time.time() < end, f"never asked:\n{session.text}"
        if session.shows(MODAL):
            session.press("esc")
        time.sleep(0.1)
    return refused


@pytest.mark.parametrize("version", VERSIONS)
def test_a_yes_lets_the_task_go_on_until_its_dollars_are_spent(
    stage: Stage, client: Client, version: str, ledger: Ledger
) -> None:
    stage.ccfb("config", "set", "mode", "ask")
    stage.api.reply, stage.api.delay = dear, 1.5
    resets_at = int(time.time() + 120)
    stage.api.plan.windows["five_hour"] = Window(60, resets_at)
    with ClaudeSession(client(version), stage.home) as session:
        session.start()
        refused = stop_at_the_limit(stage, session, resets_at)
        time.sleep(3)
        assert stage.count().keys() == {"subscription"}, "billed before the word"
        session.prompt("ccfb yes 1")
        first = stage.answered(stage.provider, refused.at)
        assert "step" in str(first.body["messages"]), "its context is whole"
        again = stage.api.wait_for(lambda r: r.main and r.status == 429, 60, first.answered_at)
    assert [entry.reason for entry in ledger("revert")] == ["budget"]
    assert [entry.reason for entry in ledger("answer")] == ["yes"]
    assert stage.billed(again) == "subscription"
    billed = [r for r in stage.api.main_requests if stage.billed(r) == stage.provider]
    assert all(r.at < again.at for r in billed)
    assert 4 <= len(billed) <= 6, "four make a dollar; one was written about, one in flight"


@pytest.mark.parametrize("word", ["no", "wait", None])
def test_without_a_yes_nothing_is_spent(
    stage: Stage, client: Client, word: str | None, ledger: Ledger
) -> None:
    stage.ccfb("config", "set", "mode", "ask")
    resets_at = int(time.time() + 40)
    stage.api.plan.windows["five_hour"] = Window(60, resets_at)
    with ClaudeSession(client(VERSIONS[0]), stage.home) as session:
        session.start()
        stop_at_the_limit(stage, session, resets_at)
        if word:
            session.prompt(f"ccfb {word}")
            session.wait_for("Nothing is billed")
        time.sleep(max(0.0, resets_at + 5 - time.time()))
    assert stage.count().keys() == {"subscription"}
    assert [entry.reason for entry in ledger("answer")] == ([word] if word else [])
    assert not ledger("switch")


def test_a_yes_from_another_terminal_wakes_the_task(
    stage: Stage, client: Client, ledger: Ledger
) -> None:
    stage.ccfb("config", "set", "mode", "ask")
    resets_at = int(time.time() + 60)
    stage.api.plan.windows["five_hour"] = Window(60, resets_at)
    with ClaudeSession(client(VERSIONS[0]), stage.home) as session:
        session.start()
        refused = stop_at_the_limit(stage, session, resets_at)
        assert "Billed to your anthropic key" in stage.ccfb("yes")
        stage.answered(stage.provider, refused.at)
        stage.answered("subscription", resets_at, 90)
    assert len(ledger("switch")) == 1


@pytest.mark.parametrize(("word", "billed"), [("no", "subscription"), ("yes", "anthropic")])
@pytest.mark.parametrize("version", VERSIONS)
def test_headless_runs_get_the_configurations_answer(
    stage: Stage, client: Client, version: str, word: str, billed: str
) -> None:
    stage.ccfb("config", "set", "mode", "ask")
    stage.ccfb("config", "set", "headless", word)
    stage.api.plan.limit("five_hour", int(time.time() + 3_600))
    run_once(client(version), stage.home, ["LOOP2 please"])
    run_once(client(version), stage.home, ["LOOP2 please", "--continue"])
    last = stage.api.main_requests[-1]
    assert stage.billed(last) == billed
    assert (last.status == 200) == (word == "yes")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_yes_typed_during_the_turn_lets_it_go_on(
    stage: Stage, client: Client, version: str, ledger: Ledger
) -> None:
    """Asked on the status line, ahead of the wall; 2.1.176 has no hook for what is typed then."""

    def spend(request: Request) -> list[Block]:
        if request.main and request.billing == "subscription":
            five_hour.utilization = min(five_hour.utilization + 0.5, 96)
        return loop(request)

    stage.ccfb("config", "set", "mode", "ask")
    stage.api.reply = spend
    five_hour = stage.api.plan.windows["five_hour"] = Window(93.5, int(time.time() + 3_600))
    with ClaudeSession(client(version), stage.home) as session:
        session.start()
        session.prompt("LOOP300 please")
        session.wait_for("ccfb yes")
        assert stage.count().keys() == {"subscription"}, "billed before the word"
        asked = time.time()
        session.prompt("ccfb yes 5")
        stage.answered(stage.provider, asked)
        time.sleep(5)
    assert {request.status for request in stage.api.main_requests} <= {200, 0}, "0: cut off"
    assert [(entry.reason, entry.dollars) for entry in ledger("answer")] == [("yes", 5.0)]
    assert len(ledger("switch")) == 1
