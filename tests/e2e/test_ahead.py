"""Before the wall: the switch comes in the middle of a turn, and nobody notices."""

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from ccfb.billing.model import Entry
from ccfb.drill.api import Block, Request, Window, loop
from ccfb.drill.story import Stage
from ccfb.drill.terminal import ClaudeSession

pytestmark = pytest.mark.real


@pytest.mark.parametrize("version", ["2.1.329", "2.1.176"])
def test_a_turn_that_crosses_the_threshold_is_never_refused(
    stage: Stage,
    client: Callable[[str], Path],
    version: str,
    ledger: Callable[[str], list[Entry]],
) -> None:
    def spend(request: Request) -> list[Block]:
        if request.main and request.billing == "subscription":
            stage.api.plan.windows["five_hour"].utilization += 0.5
        return loop(request)

    resets_at = int(time.time() + 35)
    stage.api.plan.windows["five_hour"] = Window(91.5, resets_at)
    stage.api.reply = spend
    with ClaudeSession(client(version), stage.home) as session:
        session.start()
        session.prompt("LOOP300 please")
        stage.answered("subscription", resets_at, 60)
    requests = stage.api.main_requests
    assert {request.status for request in requests} <= {200, 0}, "0: cut off in the end"
    billed = [stage.billed(request) for request in requests]
    assert len(billed) > 20
    turns = [pair for pair in pairwise(billed) if pair[0] != pair[1]]
    assert turns == [("subscription", stage.provider), (stage.provider, "subscription")]
    assert all(r.at < resets_at for r in requests if stage.billed(r) == stage.provider)
    assert [entry.reason for entry in ledger("switch")] == ["threshold"]
    assert not ledger("limit")
