"""`ccfb no`: stay on the plan until the window resets."""

import click

from ccfb.cli import answer, show


@click.command(
    "no", epilog=show.examples(("ccfb no", "nothing is billed, and nothing asked, until the reset"))
)
def command() -> None:
    """Stay on the plan until the window resets, and don't be asked again before.

    A yes given before ends, too. Typed as a prompt inside a session, `ccfb no` does the same.
    """
    answer.give("no")
