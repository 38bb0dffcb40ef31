"""A model's own limit: the plan goes on with another model, and back at the reset, for free."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ccfb.billing.model import Entry
from ccfb.drill.story import MODAL, Stage
from ccfb.drill.terminal import ClaudeSession

pytestmark = pytest.mark.real

REFUSED = {
    "type": "error",
    "error": {"type": "rate_limit_error", "message": "This request would exceed the rate limit."},
}


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


@pytest.mark.parametrize(
    ("version", "arguments"),
    [("2.1.329", ()), ("2.1.176", ("--model", "opus"))],
    ids=["2.1.329", "2.1.176, chosen"],
)
def test_opus_is_used_up_and_sonnet_goes_on(
    stage: Stage,
    client: Callable[[str], Path],
    version: str,
    arguments: tuple[str, ...],
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
                session.press("esc")
            time.sleep(0.1)
        spared = stage.answered("subscription", refused.answered_at)
        assert "sonnet" in spared.model
        assert "[1m]" not in spared.model
        time.sleep(max(0.0, resets_at + 3 - time.time()))
        session.press("esc")
        time.sleep(1)
        session.prompt("LOOP3 again")
        again = stage.answered("subscription", resets_at + 4, 30)
        assert "opus" in again.model
    assert stage.count().keys() == {"subscription"}, "it cost nothing"
    assert len(ledger("downgrade")) == len(ledger("restore")) == 1
    assert "modelOverrides" not in stage.home.settings.read_text()
