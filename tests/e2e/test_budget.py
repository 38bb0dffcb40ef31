"""Within the budget: what may be spent is spent by all sessions together, and not more."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ccfb.billing.model import Entry
from ccfb.drill.api import Block, Request, Window, loop
from ccfb.drill.story import Stage
from ccfb.drill.terminal import ClaudeSession, StreamSession, run_once

pytestmark = pytest.mark.real

Client = Callable[[str], Path]
Ledger = Callable[[str], list[Entry]]

NEWEST = "2.1.329"


def dear(request: Request) -> list[Block]:
    """Answers of 10,000 tokens: a quarter of a dollar each."""
    blocks = loop(request)
    for block in blocks:
        if block["type"] == "tool_use":
            block["input"]["description"] = "o" * 40_000
    return blocks


@pytest.fixture
def capped(stage: Stage) -> Stage:
    """A day's budget of one dollar, and answers that take their time, as real ones do."""
    stage.ccfb("config", "set", "budget.day", "1")
    stage.api.reply, stage.api.delay = dear, 2.0
    stage.api.plan.windows["five_hour"] = Window(60, int(time.time() + 3_600))
    return stage


def on_the_key(stage: Stage) -> list[Request]:
    return [r for r in stage.api.main_requests if stage.billed(r) == stage.provider]


def limit(stage: Stage) -> None:
    stage.api.plan.limit("five_hour", stage.api.plan.windows["five_hour"].resets_at)


def back_on_the_plan(stage: Stage, since: float, patience: float = 90.0) -> Request:
    """The first request that went to the plan again, and was refused there."""
    return stage.api.wait_for(lambda r: r.main and r.status == 429, patience, since)


def test_three_sessions_share_a_budget(capped: Stage, client: Client, ledger: Ledger) -> None:
    """It is passed by the requests in flight, one a session, and by no more."""
    sessions = [ClaudeSession(client(NEWEST), capped.home) for _ in range(3)]
    try:
        for session in sessions:
            session.start()
        for session in sessions:
            session.prompt("LOOP300 please")
        for session in sessions:
            session.wait_for("step 1")
        limit(capped)
        capped.answered(capped.provider, time.time())
        end = time.time() + 90
        while not ledger("revert"):
            assert time.time() < end, "it never ended"
            time.sleep(0.1)
        time.sleep(8)
        (revert,) = ledger("revert")
        billed = on_the_key(capped)
    finally:
        for session in sessions:
            session.close()
    assert revert.reason == "budget"
    assert all(r.at < revert.at + 1.5 for r in billed), "but the second of the reload"
    assert 4 <= len(billed) <= 4 + 2 * len(sessions)
    assert len(ledger("switch")) == 1, "it stays there"


def test_a_session_without_a_status_line_is_measured_too(
    capped: Stage, client: Client, ledger: Ledger
) -> None:
    with StreamSession(client(NEWEST), capped.home) as session:
        session.prompt("LOOP300 please")
        capped.answered("subscription", 0)
        limit(capped)
        first = capped.answered(capped.provider, 0)
        back_on_the_plan(capped, first.answered_at)
    assert [entry.reason for entry in ledger("revert")] == ["budget"]
    assert len(on_the_key(capped)) <= 8


def test_a_one_shot_run_ends_where_the_budget_does(
    capped: Stage, client: Client, ledger: Ledger
) -> None:
    """Its settings are read once: it can't come back to the plan, but it gets no key any more."""
    capped.ccfb("use", capped.provider)
    run_once(client(NEWEST), capped.home, ["LOOP60 please"], timeout=150)
    assert [entry.reason for entry in ledger("revert")] == ["budget"]
    assert len(on_the_key(capped)) <= 8
