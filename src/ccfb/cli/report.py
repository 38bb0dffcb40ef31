"""`ccfb report`: what it all cost, and who paid."""

import os
import re
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click

from ccfb import files, paths
from ccfb.cli import show
from ccfb.report import days, progress
from ccfb.report.model import BY, Request
from ccfb.report.produce import clocks, look, produce

PAGE = "ccfb-report.html"


def day(value: str) -> date:
    """A day of the user's: 2026-11-01, 20261101, today, yesterday, or 7d for seven days ago.

    The option that says whose days count has to be eager, and called `timezone`.

    Raises:
        click.BadParameter: It is none.
    """
    zone = click.get_current_context().params.get("timezone")
    offset = days.of_zone(zone) if isinstance(zone, str) else days.local
    today = days.clock(show.now(), offset).date()
    ago = re.fullmatch(r"(\d{1,4})d", {"today": "0d", "yesterday": "1d"}.get(value, value))
    if ago:
        return today - timedelta(int(ago[1]))
    try:
        return date.fromisoformat(value)
    except ValueError:
        said = f"{value} is no day; say it like 2026-11-01, 7d or yesterday."
        raise click.BadParameter(said) from None


@click.command(
    "report",
    epilog=show.examples(
        ("ccfb report", "a summary"),
        ("ccfb report --by day --since 7d", "a line for each of the last days"),
        ("ccfb report --by session --provider anthropic", "what was billed to the key"),
        ("ccfb report --by provider", "with each switch"),
        ("ccfb report --by window", "with each limit, and how long you didn't wait"),
        ("ccfb report --open", "a page with charts, in your browser"),
        ("ccfb report --watch", "the summary, as it grows"),
        ("ccfb report --json", "for scripts; schema_version 1"),
        ("ccfb report --csv --by month", "for spreadsheets"),
    ),
)
@click.option("--by", type=click.Choice(BY), help="A line for each.")
@click.option("--since", type=day, metavar="DATE", help="The first day: 2026-11-01, 7d, yesterday.")
@click.option("--until", type=day, metavar="DATE", help="The last day.")
@click.option(
    "--timezone", metavar="ZONE", is_eager=True, help="Whose days count, such as Europe/Berlin."
)
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
@click.option("--csv", "as_csv", is_flag=True, help="The view's lines; by day, if not otherwise.")
@click.option(
    "--html",
    "page",
    metavar="FILE",
    is_flag=False,
    flag_value=PAGE,
    help=f"A page with charts, in one file; {PAGE} by default, - is standard output.",
)
@click.option("--open", "opens", is_flag=True, help="The page, in your browser.")
@click.option("--watch", "watches", is_flag=True, help="Follow what happens, until Ctrl-C.")
def command(config_dirs: Sequence[str], **options: Any) -> None:
    """Show what Claude Code has used, what it cost, and who was billed.

    It reads Claude Code's transcripts, and remembers what they come to: the next report reads only
    what has been added. The first one may take a few seconds.
    """
    page, opens, watches = (options.pop(name) for name in ("page", "opens", "watches"))
    _one_form(options["as_json"], options["as_csv"], page or opens, watches)
    if (page or opens) and options["by"]:
        raise click.UsageError("The page shows days, windows, models and projects: leave out --by.")
    since, until = (_number(options.pop(name)) for name in ("since", "until"))
    if since and until and since > until:
        raise click.UsageError("--until is before --since.")
    if options["as_csv"]:
        options["by"] = options["by"] or "day"
    request = Request(
        folders=tuple(os.path.join(folder, "projects") for folder in dict.fromkeys(config_dirs))
        or (paths.projects(),),
        since=since or 0,
        until=days.NEVER if until is None else until,
        **{name: value for name, value in options.items() if value},
    )
    if watches:
        _watch(request)
    elif page or opens:
        _draw(request, page, opens=opens)
    else:
        _print(produce(request, progress.bar()), pages=bool(request.by) and not request.as_csv)


def _one_form(*forms: object) -> None:
    if sum(map(bool, forms)) > 1:
        raise click.UsageError("Choose one of --json, --csv, --html or --open, and --watch.")


def _number(day: date | None) -> int | None:
    return days.number_of(day) if day else None


def _print(text: str, *, pages: bool) -> None:
    """On a terminal, what is longer than the screen goes through the user's pager."""
    lines = text.count("\n") + 1
    if pages and sys.stdout.isatty() and lines >= shutil.get_terminal_size().lines:
        click.echo_via_pager(text + "\n")
    else:
        click.echo(text)


def _watch(request: Request) -> None:
    if not sys.stdout.isatty():
        raise click.UsageError("--watch needs a terminal.")
    from ccfb.report.render import live  # noqa: PLC0415 - only for this

    offset = clocks(request)
    live.watch(lambda: look(request, offset, lambda _done, _total: None, time.time()), offset)


def _draw(request: Request, page: str | None, *, opens: bool) -> None:
    """Write the page, and show it."""
    from ccfb.report.page import collect_page  # noqa: PLC0415 - only for this
    from ccfb.report.render import html  # noqa: PLC0415

    text = html.render(collect_page(request, clocks(request), progress.bar(), time.time()))
    if page == "-":
        click.echo(text)
        return
    path = os.path.abspath(page or _temporary())
    files.put(path, text.encode())
    if page:
        click.echo(f"Written to {path}")
    if opens:
        import webbrowser  # noqa: PLC0415

        if not webbrowser.open(Path(path).as_uri()):
            show.warn("No browser can be opened.", f"Open it yourself: {path}")


def _temporary() -> str:
    """A place that the system tidies up."""
    import tempfile  # noqa: PLC0415

    return os.path.join(tempfile.mkdtemp(prefix="ccfb-"), PAGE)
