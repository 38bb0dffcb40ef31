"""What a switch is foretold to cost, and what it costs, in a session of the real client."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ccfb import estimate, meter, prices, providers
from ccfb.billing.model import Entry
from ccfb.client.messages import messages, of_session
from ccfb.drill.api import Window
from ccfb.drill.story import KEYS, Stage
from ccfb.drill.terminal import ClaudeSession

pytestmark = pytest.mark.real


@pytest.mark.parametrize("stage", list(KEYS), indirect=True)
def test_the_take_over_costs_what_was_foretold_and_all_of_it_is_measured(
    stage: Stage, client: Callable[[str], Path], ledger: Callable[[str], list[Entry]]
) -> None:
    provider, models = stage.provider, providers.ALL[stage.provider].models
    resets_at = int(time.time() + 150)
    stage.api.plan.windows["five_hour"] = Window(60, resets_at)
    with ClaudeSession(client("2.1.329"), stage.home) as session:
        session.start()
        session.prompt("LOOP12 please")
        session.wait_for("step 4")
        (transcript,) = stage.home.transcripts()
        limited = time.time()
        foretold = estimate.take_over(of_session(transcript), provider, limited, models=models)
        stage.api.plan.limit("five_hour", resets_at)
        session.wait_for("Finished all 12 steps", 60)
    assert foretold
    assert foretold.tokens > 10_000

    first = next(each for each in of_session(transcript) if each.sent_at > limited)
    usage = prices.usage_of(first.usage)
    assert usage.cache_read == 0, "another account's cache was read"
    assert usage.cache_write_1h == 0, "on a key the client writes for five minutes"
    cost = meter.charge(provider, first.model, usage, first.sent_at)
    assert foretold.dollars == pytest.approx(cost.dollars, rel=0.2)
    print(f"{provider}: foretold {foretold.dollars:.4f}, it was {cost.dollars:.4f} dollars")

    (switch,) = ledger("switch")
    sent = messages(stage.home.claude / "projects", switch.at)
    (spent,) = meter.spent(sent, provider, switch.at, time.time()).values()
    assert spent.requests == stage.count()[provider]
    assert spent.dollars > cost.dollars
