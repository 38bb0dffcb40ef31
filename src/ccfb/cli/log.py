"""`ccfb log`: what happened, from the ledger."""

import shutil
import sys

import click
import orjson

from ccfb.billing import store
from ccfb.billing.model import Entry
from ccfb.cli import show

EVENTS = {
    "limit": ("limit", "red"),
    "threshold": ("nearly used up", "yellow"),
    "unknown_limit": ("unknown limit", "red"),
    "switch": ("switch", "yellow"),
    "revert": ("revert", "green"),
    "continue": ("went on", "cyan"),
    "provider_failure": ("provider refused", "red"),
    "choice": ("chosen", "cyan"),
    "question": ("asked", "yellow"),
    "answer": ("answered", "cyan"),
    "budget": ("budget", "yellow"),
    "downgrade": ("other model", "yellow"),
    "restore": ("usual model", "green"),
    "outage": ("outage", "red"),
    "extra_usage": ("extra usage", "yellow"),
    "account": ("other account", "cyan"),
}
"""Title and colour."""

REASONS = {
    "limit": "at the limit",
    "threshold": "ahead of the limit",
    "reset": "at the reset",
    "utilization": "utilization fell",
    "user": "by hand",
    "off": "the mode says so",
    "answer": "not without your word",
    "budget": "the budget is used up",
    "account": "another account",
}


@click.command(
    "log",
    epilog=show.examples(
        ("ccfb log", "everything, the newest last"),
        ("ccfb log --limit 20", "the last 20"),
        ("ccfb log --json | jq .event", "for scripts: one JSON object a line"),
    ),
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the last N entries.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines; times are ISO 8601, UTC.")
@click.pass_context
def command(ctx: click.Context, limit: int | None, as_json: bool) -> None:
    """Show what happened: limits, switches, reverts, choices, the newest last.

    On a terminal, what is longer than the screen goes through your pager.
    """
    entries = store.ledger()[-(limit or 0) :]
    lines = [_json(entry) for entry in entries] if as_json else _table(entries)
    if not lines:
        if not as_json:
            click.echo("Nothing has happened so far.")
    elif sys.stdout.isatty() and len(lines) >= shutil.get_terminal_size().lines:
        click.echo_via_pager("\n".join(lines) + "\n", color=ctx.color)
    else:
        click.echo("\n".join(lines))


def _table(entries: list[Entry]) -> list[str]:
    plain = show.columns(
        (show.stamp(entry.at), _event(entry)[0], entry.provider or "", _why(entry))
        for entry in entries
    )
    return [_colored(line, entry) for line, entry in zip(plain, entries, strict=True)]


def _event(entry: Entry) -> tuple[str, str]:
    return EVENTS.get(entry.event, (entry.event, "white"))


def _colored(line: str, entry: Entry) -> str:
    title, color = _event(entry)
    return line.replace(f"  {title}", f"  {click.style(title, fg=color)}", 1)


def _why(entry: Entry) -> str:
    """Window, reset and reason, as far as the entry has them."""
    parts = []
    if entry.window:
        parts.append(f"{show.window(entry.window)} limit")
    if entry.resets_at is not None:
        parts.append(f"until {show.clock(entry.resets_at, entry.at)}")
    if entry.reason:
        parts.append(REASONS.get(entry.reason, entry.reason))
    if entry.event == "answer" and entry.dollars is not None:
        parts.append(f"at most ${entry.dollars:.2f}")
    if entry.text:
        parts.append(show.plain(entry.text))
    return ", ".join(parts)


def _json(entry: Entry) -> str:
    values = entry.model_dump(exclude_none=True)
    for name in {"at", "resets_at"} & values.keys():
        values[name] = show.iso(values[name])
    return orjson.dumps(values).decode()
