"""A model's own limit: the plan goes on with another model, and back at the reset, for free."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ccfb import paths
from ccfb.billing.model import Entry
from ccfb.client import reloads
from ccfb.drill.story import MODAL, Stage
from ccfb.drill.terminal import ClaudeSession

pytestmark = pytest.mark.real

REFUSED = {
    "type": "error",
    "error": {"type": "rate_limit_error", "message": "This request would exceed the rate limit."},
}


QUIET = 3.0
"""Seconds without a request after which no turn is under way."""


def refuse_opus(stage: Stage, resets_at: int) -> None:
    """As the API does when only the weekly Opus window is used up."""
    headers = {
        "status": "rejected",
        "reset": str(resets_at),
        "representative-claim": "seven_day_opus",
        "overage-status": "rejected",
        "overage-disabled-reason": "org_level_disabled",
    }
    stage.api.fail(
        "subscription",
        429,
        body=REFUSED,
        headers={f"anthropic-ratelimit-unified-{name}": value for name, value in headers.items()},
    )


def dismiss(session: ClaudeSession) -> None:
    """Leave the modal by one Esc: another one would interrupt the turn that goes on."""
    session.press("esc")
    with contextlib.suppress(TimeoutError):
        session.wait_for(lambda _: not session.shows(MODAL), 3)


def interrupt(session: ClaudeSession, stage: Stage) -> None:
    """End a turn, as a user does who sees it go on."""
    pressed, end = 0.0, time.time() + 30
    while (last := stage.api.main_requests[-1].at) > time.time() - QUIET:
        assert time.time() < end, f"it wasn't interrupted:\n{session.text}"
        if last > pressed:  # a second Esc in an idle session means something else
            session.press("esc")
            pressed = time.time()
        time.sleep(0.1)


def taken_up(since: float) -> bool:
    """Whether the stage's session has new settings."""
    return any(reloads.seen(path.name, since) for path in Path(paths.own("reloads")).iterdir())


@pytest.mark.parametrize(
    ("version", "arguments", "idle"),
    [("2.1.329", (), True), ("2.1.176", ("--model", "opus"), False)],
    ids=["2.1.329, idle at the reset", "2.1.176, chosen by name, at work"],
)
def test_opus_is_used_up_and_sonnet_goes_on(
    stage: Stage,
    client: Callable[[str], Path],
    version: str,
    arguments: tuple[str, ...],
    idle: bool,
    ledger: Callable[[str], list[Entry]],
) -> None:
    stage.ccfb("config", "set", "windows.seven_day_opus.policy", "downgrade:sonnet")
    with ClaudeSession(client(version), stage.home, arguments) as session:
        session.start()
        session.prompt("LOOP300 please")
        first = stage.answered("subscription", 0)
        assert "opus" in first.model
        session.wait_for("step 2")
        limited, resets_at = time.time(), int(time.time() + 30)
        resets_at += -resets_at % 60  # 2.1.176 tells it in a text only, to the minute
        refuse_opus(stage, resets_at)
        refused = stage.api.wait_for(lambda r: r.main and r.status == 429, 30, limited)
        end = time.time() + 30
        while not [r for r in stage.api.main_requests if r.at > refused.at and r.status == 200]:
            assert time.time() < end, f"it didn't go on:\n{session.text}"
            if session.shows(MODAL):
                dismiss(session)
            time.sleep(0.1)
        spared = stage.answered("subscription", refused.answered_at)
        assert "sonnet" in spared.model
        assert "[1m]" not in spared.model
        if idle:
            interrupt(session, stage)
        session.wait_for(lambda _: bool(ledger("restore")), resets_at + 30 - time.time())
        restored = ledger("restore")[0].at
        assert restored > resets_at - 2, "sessions take a second to reload"
        session.wait_for(lambda _: taken_up(restored), restored + 60 - time.time())
        time.sleep(1)
        interrupt(session, stage)
        prompted = time.time()
        if idle:
            assert stage.api.main_requests[-1].at < resets_at - 2, "it didn't idle"
        session.prompt("LOOP3 again")
        again = stage.answered("subscription", prompted)
        assert "opus" in again.model
    assert stage.count().keys() == {"subscription"}, "it cost nothing"
    assert len(ledger("downgrade")) == len(ledger("restore")) == 1
    assert "modelOverrides" not in stage.home.settings.read_text()
