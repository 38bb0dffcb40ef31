"""`ccfb yes`: go on, and be billed."""

import math

import click

from ccfb.cli import answer, show


def _finite(_ctx: click.Context, _param: click.Parameter, dollars: float | None) -> float | None:
    if dollars is not None and not math.isfinite(dollars):
        raise click.BadParameter("an amount in dollars is wanted, such as 5 or 0.50.")
    return dollars


@click.command(
    "yes",
    epilog=show.examples(
        ("ccfb yes", "until the window resets, within your budget"),
        ("ccfb yes 5", "the same, but at most $5"),
    ),
)
@click.argument(
    "dollars", type=click.FloatRange(min=0, min_open=True), required=False, callback=_finite
)
def command(dollars: float | None) -> None:
    """Go on with a provider's key, although a limit of the plan is near or was hit.

    It holds until the window resets or DOLLARS are spent; then billing is back on the plan.
    Typed as a prompt inside a session, `ccfb yes` does the same.
    """
    answer.give("yes", dollars)
