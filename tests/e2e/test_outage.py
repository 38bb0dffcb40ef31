"""Servers that fail turn after turn: with the user's word the work goes on, and comes back."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ccfb.billing import store
from ccfb.billing.machine import OUTAGE, PAUSE
from ccfb.billing.model import Entry
from ccfb.drill.story import Stage
from ccfb.drill.terminal import ClaudeSession

pytestmark = pytest.mark.real

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def let_turns_fail_at_once(stage: Stage) -> None:
    """The client tries a failed request again ten times, for some minutes (seen on 2.1.176)."""
    settings = json.loads(stage.home.settings.read_text())
    settings.setdefault("env", {})["CLAUDE_CODE_MAX_RETRIES"] = "0"
    stage.home.settings.write_text(json.dumps(settings))
    stage.api.fail(
        "subscription", 529, body=OVERLOADED, headers={"x-should-retry": "false"}, times=100
    )


def wait_for_failures(turns: int) -> None:
    end = time.time() + 30
    while store.load().outages < turns:
        assert time.time() < end, f"turn {turns} didn't fail, or nobody heard of it"
        time.sleep(0.2)


def an_outage_passes() -> None:
    """As if the plan's time to recover were nearly over: ten minutes are long for a test."""
    with store.locked():
        state = store.load()
        assert state.switch
        state.limits[OUTAGE] -= PAUSE - 20
        state.ends[OUTAGE] -= PAUSE - 20
        state.switch.resets_at = state.limits[OUTAGE]
        store.save(state)


@pytest.mark.parametrize("version", ["2.1.329", "2.1.176"])
def test_after_three_turns_that_failed_a_key_takes_over_until_the_plan_answers(
    stage: Stage,
    client: Callable[[str], Path],
    version: str,
    ledger: Callable[[str], list[Entry]],
) -> None:
    stage.ccfb("config", "set", "windows.outage.policy", "switch")
    let_turns_fail_at_once(stage)
    with ClaudeSession(client(version), stage.home) as session:
        session.start()
        for turn in range(3):
            assert not ledger("switch"), f"after {turn} turns"
            since = time.time()
            session.prompt(f"LOOP300 number {turn}")
            wait_for_failures(turn + 1)
        stage.answered("anthropic", since)
        assert [entry.event for entry in ledger("outage")] == ["outage"]
        stage.api.recover()
        an_outage_passes()
        stage.answered("subscription", time.time(), 45)
    assert [entry.reason for entry in ledger("revert")] == ["reset"]
