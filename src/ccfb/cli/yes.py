"""`ccfb yes`: go on, and be billed."""

import math

import click

from ccfb.cli import answer, show


class Dollars(click.ParamType[float]):
    """An amount as people write it."""

    name = "dollars"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Take `5`, `0.50`, `$5` and `5$`."""
        try:
            dollars = float(str(value).strip().removeprefix("$").removesuffix("$"))
        except ValueError:
            dollars = math.nan
        if not 0 < dollars < math.inf:
            self.fail("a number above 0 is wanted, such as 5 or 0.50.", param, ctx)
        return dollars


@click.command(
    "yes",
    epilog=show.examples(
        ("ccfb yes", "until the window resets, within your budget"),
        ("ccfb yes 5", "the same, but at most $5"),
    ),
)
@click.argument("dollars", type=Dollars(), required=False)
def command(dollars: float | None) -> None:
    """Go on with a provider's key, although a limit of the plan is near or was hit.

    It holds until the window resets or DOLLARS are spent; then billing is back on the plan. Give
    DOLLARS as a number: in a shell, $5 is something else.
    Typed as a prompt inside a session, `ccfb yes` does the same.
    """
    answer.give("yes", dollars)
