"""How the command line says things: times, amounts of time, names, aligned lines."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

import click

MINUTE, HOUR, DAY = 60, 3_600, 86_400

WINDOWS = {
    "five_hour": "5-hour",
    "seven_day": "weekly",
    "seven_day_opus": "weekly Opus",
    "seven_day_sonnet": "weekly Sonnet",
    "overage": "extra usage",
}
"""The client's names of the plan's windows, as its own messages call them."""


def now() -> float:
    """This moment, in epoch seconds."""
    return time.time()


def iso(moment: float | None) -> str | None:
    """A moment for machines: ISO 8601, UTC, whole seconds."""
    if moment is None:
        return None
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(moment: float, today: float | None = None) -> str:
    """A moment for people, in local time, with its day unless that is today's.

    Args:
        moment: Epoch seconds.
        today: Another moment, whose day counts as today.
    """
    local = datetime.fromtimestamp(int(moment)).astimezone()
    if local.date() == datetime.fromtimestamp(today or now()).astimezone().date():
        return f"{local:%H:%M}"
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


def stamp(moment: float) -> str:
    """A moment of the past for people, in local time, with its date."""
    return f"{datetime.fromtimestamp(int(moment)).astimezone():%Y-%m-%d %H:%M:%S}"


def ahead(moment: float) -> str:
    """How far off a moment is, in words."""
    left = moment - now()
    if left <= 0:
        return "due"
    if left < MINUTE:
        return "in less than a minute"
    return f"in {duration(left)}"


def duration(seconds: float) -> str:
    """An amount of time in its two largest units, such as `2 h 14 min`."""
    whole = int(seconds)
    days, hours, minutes = whole // DAY, whole % DAY // HOUR, whole % HOUR // MINUTE
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def until(moment: float) -> str:
    """A moment ahead, by the clock and in words."""
    return f"{clock(moment)} ({ahead(moment)})"


def window(name: str | None) -> str:
    """A window of the plan, as the client's messages call it."""
    return WINDOWS.get(name or "plan", (name or "plan").replace("_", " "))


def biller(billing: str) -> str:
    """Who is billed."""
    return "the subscription" if billing == "subscription" else f"your {billing} key"


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
