"""`ccfb export`: usage and events for those with many machines."""

import os
import socket
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, get_args

import click

from ccfb import files, paths
from ccfb.cli import show
from ccfb.cli.report import day
from ccfb.report import days, progress, summary
from ccfb.report.collect import collect
from ccfb.report.export import files as formats
from ccfb.report.export import points, rows
from ccfb.report.model import Collected, Request
from ccfb.report.render.wording import count

WHAT = ("usage", "events")


@click.command(
    "export",
    epilog=show.examples(
        ("ccfb export --csv usage.csv --since 2026-11-01", "a row a day, session and model"),
        ("ccfb export --csv - --what events", "limits, switches, questions, …"),
        ("ccfb export --parquet usage.parquet", "needs: pip install 'ccfb[export]'"),
        ("ccfb export --otlp http://localhost:4318", "what is new, to a collector"),
        ("ccfb export --otlp", "to the one in OTEL_EXPORTER_OTLP_ENDPOINT"),
    ),
)
@click.option("--csv", metavar="FILE", help="Write CSV; - is standard output.")
@click.option("--parquet", metavar="FILE", help="Write Parquet.")
@click.option(
    "--otlp",
    metavar="[URL]",
    is_flag=False,
    flag_value="",
    help="Send what a collector doesn't have yet: OTLP over HTTP, in JSON.",
)
@click.option(
    "--header",
    "headers",
    metavar="NAME=VALUE",
    multiple=True,
    help="For the collector. What is secret belongs into OTEL_EXPORTER_OTLP_HEADERS.",
)
@click.option("--what", type=click.Choice(WHAT), help="By default usage; to a collector, both.")
@click.option("--since", type=day, metavar="DATE", help="The first day: 2026-11-01, 7d, yesterday.")
@click.option("--until", type=day, metavar="DATE", help="The last day.")
@click.option(
    "--timezone",
    metavar="ZONE",
    is_eager=True,
    help="Whose days count; to a collector, those of UTC.",
)
@click.option("--project", metavar="FOLDER", help="Only its usage; the last part is enough.")
@click.option(
    "--project-names",
    "names",
    type=click.Choice(get_args(rows.Names)),
    default="name",
    show_default=True,
    help="The last part of its folder, a hash of all of it, or nothing.",
)
@click.option(
    "--machine", metavar="NAME", help="How this one is called; by default, its host name."
)
@click.option(
    "--config-dir",
    "config_dirs",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    help="Of Claude Code, instead of the usual one; may be given several times.",
)
def command(**options: Any) -> None:
    """Write usage and events to a file, or send them to a collector.

    Tokens, costs and times by day, session, project, model and who was billed; and what the ledger
    holds of limits, switches, questions and budgets. Nothing of prompts, answers or code leaves the
    machine, and of a project's folder only the last part.
    """
    if all(options[way] is None for way in ("csv", "parquet", "otlp")):
        raise click.UsageError("Say where to: --csv FILE, --parquet FILE or --otlp [URL].")
    if options["since"] and options["until"] and options["since"] > options["until"]:
        raise click.UsageError("--until is before --since.")
    if options["csv"] is not None:
        _write(options, options["csv"], formats.as_csv)
    if options["parquet"] is not None:
        _write(options, options["parquet"], formats.as_parquet)
    if options["otlp"] is not None:
        _send(options)


def _write(options: dict[str, Any], path: str, form: Callable[..., bytes]) -> None:
    request = _request(options, "session", options["timezone"] or "")
    offset = days.of_zone(request.timezone) if request.timezone else days.local
    collected = _collect(request, offset)
    machine = options["machine"] or socket.gethostname()
    found: Sequence[rows.Happening | rows.Use]
    if options["what"] == "events":
        found = rows.happenings(collected, request, offset, machine)
        content = form(rows.Happening, found)
    else:
        found = rows.uses(collected, request, machine, options["names"])
        content = form(rows.Use, found)
    if path == "-":
        click.echo(content, nl=False)
    else:
        files.put(path, content)
        click.echo(f"Written to {path}: {count(len(found), 'row')}.", err=True)


def _send(options: dict[str, Any]) -> None:
    # Only here: slow to import.
    from ccfb.report.export import send  # noqa: PLC0415
    from ccfb.report.export.target import resource, target  # noqa: PLC0415

    collector = target(options["otlp"], options["headers"], os.environ)
    itself = resource(options["machine"], os.environ)
    if collector.in_the_clear:
        show.warn(f"On the way to {collector.place} anybody can read along.", "Take https.")
    request = _request(options, "day", "UTC")
    collected = _collect(request, points.utc)
    what = (options["what"],) if options["what"] else WHAT
    sums = rows.chosen(collected, request) if "usage" in what else ()
    events = rows.within(collected.events, request, points.utc) if "events" in what else ()
    names = {
        each.project: rows.project_name(collected.folders.get(each.project), options["names"])
        for each in collected.sums
    }
    shipment = send.Shipment(points.totals(collected, sums), names, list(events))
    done = send.Delivered()
    for part in send.deliver(shipment, collector, itself, show.now()):
        done = send.Delivered(done.points + part.points, done.events + part.events)
        for complaint in part.complaints:
            show.warn(f"{collector.place} says: {show.plain(complaint)}")
    if done.points or done.events:
        told = f"{done.points:,} points and {done.events:,} events"
        click.echo(f"{told} sent to {collector.place}.")
    else:
        click.echo(f"Nothing is new for {collector.place}.")


def _collect(request: Request, offset: days.Offset) -> Collected:
    collected = collect(request, offset, progress.bar())
    summary.check(collected, request)
    return collected


def _request(options: dict[str, Any], by: str, timezone: str) -> Request:
    since: date | None = options["since"]
    until: date | None = options["until"]
    folders: Sequence[str] = options["config_dirs"]
    return Request(
        folders=tuple(os.path.join(folder, "projects") for folder in dict.fromkeys(folders))
        or (paths.projects(),),
        since=days.number_of(since) if since else 0,
        until=days.number_of(until) if until else days.NEVER,
        timezone=timezone,
        by=by,
        project=options["project"] or "",
    )
