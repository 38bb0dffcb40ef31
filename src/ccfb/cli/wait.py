"""`ccfb wait`: not now."""

import click

from ccfb.cli import answer, show


@click.command(
    "wait", epilog=show.examples(("ccfb wait", "asked before the limit: ask again when it strikes"))
)
def command() -> None:
    """Stay on the plan for now: a question asked ahead of a limit comes back when it strikes.

    At the limit itself it means: wait for the reset. Typed as a prompt inside a session,
    `ccfb wait` does the same.
    """
    answer.give("wait")
