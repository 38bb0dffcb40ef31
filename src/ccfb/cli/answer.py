"""What `ccfb yes`, `ccfb no` and `ccfb wait` have in common: the user's word on the question."""

import click

from ccfb import asking, effects, engine
from ccfb.billing.events import Answered, Word
from ccfb.cli import health


def give(word: Word, dollars: float | None = None) -> None:
    """Take the user's word, and say what it has led to."""
    answer = Answered(word, dollars)
    engine.look_at_spending(word)
    before = health.state()
    state, _ = effects.step(answer)
    click.echo(asking.outcome(answer, before, state))
    if state.switch and not before.switch:
        click.echo(
            "A task that waits for this answer goes on by itself; any other, where you say so."
        )
    health.warn_without_hooks()
