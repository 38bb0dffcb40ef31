"""A view that stays on the terminal, and follows what happens."""

import os
import signal
import time
from collections.abc import Callable
from typing import NoReturn

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.segment import Segment, Segments

from ccfb.report import days
from ccfb.report.model import TIMES, Collected, View
from ccfb.report.render import table

EVERY = 2.0
"""Seconds between two looks."""

ELSE = 10
"""Lines of a screen that are for more than the view's own."""


def watch(look: Callable[[], tuple[View, Collected]], offset: days.Offset) -> None:
    """Draw what is seen, again and again, until Ctrl-C, or until the terminal is closed.

    Args:
        look: What to tell, and what it is made of.
        offset: Of the time zone in which times are told.
    """
    signal.signal(signal.SIGTERM, _end)
    screen = table.console()
    try:
        with Live(console=screen, screen=True, auto_refresh=False) as live:
            while screen.file.isatty():
                view, collected = look()
                view = _cut(view, max(1, screen.height - ELSE))
                shown = Group(*table.parts(view, collected, offset, screen))
                live.update(_fitted(shown, screen), refresh=True)
                time.sleep(EVERY)
    except KeyboardInterrupt:
        return
    except OSError:
        if screen.file.isatty():
            raise
        # It was closed, which not every terminal signals: what is left to say is for nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), screen.file.fileno())


def _end(number: int, _: object) -> NoReturn:
    """Leave the terminal as it was."""
    raise SystemExit(128 + number)


def _fitted(shown: RenderableType, screen: Console) -> RenderableType:
    """What there is room for, and a sign where there isn't for all."""
    lines = screen.render_lines(shown, pad=False)
    beyond = len(lines) - screen.height
    if beyond <= 0:
        return shown
    rest = Segments([part for line in lines[: -beyond - 1] for part in (*line, Segment.line())])
    return Group(rest, f"… {beyond + 1} more lines")


def _cut(view: View, most: int) -> View:
    """What fits the screen: of times the latest, of everything else the dearest."""
    return view._replace(lines=view.lines[-most:] if view.by in TIMES else view.lines[:most])
