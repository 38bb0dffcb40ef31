"""How the command line says things: aligned lines, and the words that all of us share."""

from collections.abc import Iterable
from datetime import UTC, datetime

import click

from ccfb.words import ahead, biller, clock, duration, now, until, window

__all__ = [
    "ahead",
    "biller",
    "clock",
    "columns",
    "diff",
    "duration",
    "examples",
    "iso",
    "now",
    "plain",
    "rows",
    "stamp",
    "until",
    "warn",
    "window",
]


def iso(moment: float | None) -> str | None:
    """A moment for machines: ISO 8601, UTC, whole seconds."""
    if moment is None:
        return None
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(moment: float) -> str:
    """A moment of the past for people, in local time, with its date."""
    return f"{datetime.fromtimestamp(int(moment)).astimezone():%Y-%m-%d %H:%M:%S}"


def plain(text: str) -> str:
    """A text from elsewhere on one line, without anything that a terminal would obey."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def rows(lines: Iterable[tuple[str, Iterable[str]]]) -> str:
    """Titles in a column of their own, several values under each other."""
    blocks = [(title, list(values)) for title, values in lines]
    width = max((len(title) for title, values in blocks if values), default=0)
    return "\n".join(
        f"{title if first else '':{width}}  {value}"
        for title, values in blocks
        for first, value in zip([True] + [False] * len(values), values, strict=False)
    )


def columns(table: Iterable[Iterable[str]]) -> list[str]:
    """Cells of a table under each other."""
    cells = [list(row) for row in table]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def diff(text: str) -> str:
    """A unified diff in the usual colours."""
    return "\n".join(map(_diff_line, text.splitlines()))


def examples(*lines: tuple[str, str]) -> str:
    """The end of a help text: what to type, and what it does."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in columns(lines))


def warn(message: str, hint: str = "") -> None:
    """Something that the user should know, on standard error."""
    click.echo(f"{click.style('warning:', fg='yellow')} {message}", err=True)
    if hint:
        click.echo(f"{click.style('hint:', dim=True)} {hint}", err=True)


def _diff_line(line: str) -> str:
    if line.startswith(("---", "+++")):
        return click.style(line, bold=True)
    colors = {"+": "green", "-": "red", "@": "cyan"}
    return click.style(line, fg=colors[line[0]]) if line[:1] in colors else line
