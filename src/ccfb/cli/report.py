"""`ccfb report`: what it all cost, and who paid."""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from ccfb import paths
from ccfb.cli import show
from ccfb.report import days, progress
from ccfb.report.model import BY, Request
from ccfb.report.produce import produce

DAY = click.DateTime(["%Y-%m-%d"])


@click.command(
    "report",
    epilog=show.examples(
        ("ccfb report", "a summary"),
        ("ccfb report --by day --since 2026-11-01", "a line for each day"),
        ("ccfb report --by session --provider anthropic", "what was billed to the key"),
        ("ccfb report --json", "for scripts; schema_version 1"),
    ),
)
@click.option("--by", type=click.Choice(BY), help="A line for each.")
@click.option("--since", type=DAY, help="The first day.")
@click.option("--until", type=DAY, help="The last day.")
@click.option("--timezone", metavar="ZONE", help="Whose days count, such as Europe/Berlin.")
@click.option("--project", metavar="FOLDER", help="Only this one; its last part is enough.")
@click.option("--provider", metavar="NAME", help="Only what it was billed for; or subscription.")
@click.option(
    "--config-dir",
    "config_dirs",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    help="Of Claude Code, instead of the usual one; may be given several times.",
)
@click.option("--prune", is_flag=True, help="Forget transcripts that are gone.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are ISO 8601, UTC.")
def command(config_dirs: Sequence[str], since: datetime | None, **options: Any) -> None:
    """Show what Claude Code has used, what it cost, and who was billed.

    It reads Claude Code's transcripts, and remembers what they come to: the next report reads only
    what has been added. The first one may take a few seconds.
    """
    until = options.pop("until")
    request = Request(
        folders=tuple(os.path.join(folder, "projects") for folder in config_dirs)
        or (paths.projects(),),
        since=days.number_of(since.date()) if since else 0,
        until=days.number_of(until.date()) if until else days.NEVER,
        **{name: value for name, value in options.items() if value},
    )
    click.echo(produce(request, progress.bar()))
