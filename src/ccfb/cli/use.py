"""`ccfb use`: the user's own word on who is billed."""

from contextlib import suppress

import click

from ccfb import config, effects, engine, secrets
from ccfb.billing.budget import MORE, WORDS
from ccfb.billing.events import Chosen
from ccfb.billing.model import SUBSCRIPTION, State
from ccfb.cli import health, show
from ccfb.errors import CcfbError

AUTO = "auto"


@click.command(
    "use",
    epilog=show.examples(
        ("ccfb use anthropic", "your key from now on, in all sessions"),
        ("ccfb use subscription", "back to the plan; nothing is switched until `use auto`"),
        ("ccfb use auto", "the plan, and at a limit a key, as the mode says"),
    ),
)
@click.argument("target", type=click.Choice([SUBSCRIPTION, *config.PROVIDERS, AUTO]))
def command(target: str) -> None:
    """Choose by hand who is billed: the subscription, or a provider's key.

    It holds in every running session within about a second, and in new ones, until you choose
    otherwise. `auto` lets limits and resets decide again.
    """
    if target in config.PROVIDERS:
        secrets.read(target, config.load().key_source(target))
    before = health.state().billing
    engine.look_at_spending("use")
    state = _choose(target)
    if target in config.PROVIDERS and state.stopped:
        raise CcfbError(
            "budget-used-up",
            f"The budget is used up ({WORDS[state.stopped]}): nothing was switched.",
            MORE[state.stopped],
        )
    click.echo(health.billed(state))
    if state.billing != before:
        click.echo("Running sessions follow within about a second.")
    for line in _what_next(target, state):
        click.echo(line)
    health.warn_without_hooks()


def _choose(target: str) -> State:
    """Take the choice back where it can't be written: it must not bill anybody days later."""
    try:
        return effects.step(Chosen(target))[0]
    except CcfbError:
        if target != SUBSCRIPTION:
            with suppress(CcfbError):
                effects.step(Chosen(SUBSCRIPTION))
        raise


def _what_next(target: str, state: State) -> list[str]:
    if target == SUBSCRIPTION:
        return ["At a limit nothing is switched. To change that: ccfb use auto"]
    stopped = ["A task that was stopped at the limit goes on with your next prompt."]
    if target != AUTO:
        back = ["Back to the plan: ccfb use subscription, or ccfb use auto"]
        return [*stopped, *back] if state.limits else back
    if state.switch:
        return stopped if state.limits else []
    if state.closed:
        return ["The plan's limit is in force, and nothing was switched. Why: ccfb status"]
    return health.at_a_limit(config.load())
