"""Before the wall: the switch comes in the middle of a turn, and nobody notices."""

import os
import re
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from ccfb.billing.model import Entry
from ccfb.drill.api import Block, Plan, Request, Window, loop
from ccfb.drill.story import Stage
from ccfb.drill.terminal import ClaudeSession
from usage.claude_meter_standin import ClaudeMeter, snapshot

pytestmark = pytest.mark.real

VERSIONS = ("2.1.329", "2.1.176")


class Silent(Plan):
    """A plan whose answers don't tell how far it is used up."""

    def headers(self, now: float) -> tuple[bool, dict[str, str]]:
        refused, headers = super().headers(now)
        return refused, {
            name: value for name, value in headers.items() if not re.search("-(5h|7d)-", name)
        }


@pytest.mark.parametrize("version", VERSIONS)
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
    unnoticed(stage, ledger, resets_at)


@pytest.mark.parametrize(
    ("version", "shape"), list(zip(VERSIONS, ["object", "array"], strict=True)), ids=VERSIONS
)
def test_the_same_where_only_claude_meter_tells(
    stage: Stage,
    client: Callable[[str], Path],
    version: str,
    shape: str,
    ledger: Callable[[str], list[Entry]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    meter = ClaudeMeter(tmp_path / "bin")
    resets_at = int(time.time() + 50)

    def spend(request: Request) -> list[Block]:
        if request.main and request.billing == "subscription":
            window = stage.api.plan.windows["five_hour"]
            window.utilization += 0.25
            told = snapshot({"five_hour": (window.utilization, window.resets_at)})
            meter.prints(told if shape == "object" else [told])
        return loop(request)

    stage.api.plan = Silent(Window(92.5, resets_at))
    stage.api.reply = spend
    stage.ccfb("config", "set", "sources.claude_meter.every", "10")
    stage.ccfb("config", "set", "sources.claude_meter.enabled", "true")
    with ClaudeSession(client(version), stage.home) as session:
        session.start()
        session.prompt("LOOP300 please")
        stage.answered("subscription", resets_at, 90)
    unnoticed(stage, ledger, resets_at)
    assert len(meter.calls) >= 2


def unnoticed(stage: Stage, ledger: Callable[[str], list[Entry]], resets_at: float) -> None:
    """One switch in the middle of the turn, one back at the reset, and nothing was refused."""
    requests = stage.api.main_requests
    assert {request.status for request in requests} <= {200, 0}, "0: cut off in the end"
    billed = [stage.billed(request) for request in requests]
    assert len(billed) > 20
    turns = [pair for pair in pairwise(billed) if pair[0] != pair[1]]
    assert turns == [("subscription", stage.provider), (stage.provider, "subscription")]
    assert all(r.at < resets_at for r in requests if stage.billed(r) == stage.provider)
    assert [entry.reason for entry in ledger("switch")] == ["threshold"]
    assert not ledger("limit")
