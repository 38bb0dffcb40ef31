"""A view that stays on the terminal, and follows what happens."""

import signal
import time
from collections.abc import Callable
from typing import NoReturn

from rich.console import Group
from rich.live import Live

from ccfb.report import days
from ccfb.report.model import TIMES, Collected, View
from ccfb.report.render import table

EVERY = 2.0
"""Seconds between two looks."""

ELSE = 10
"""Lines of a screen that are for more than the view's own."""


def watch(look: Callable[[], tuple[View, Collected]], offset: days.Offset) -> None:
    """Draw what is seen, again and again, until Ctrl-C.

    Args:
        look: What to tell, and what it is made of.
        offset: Of the time zone in which times are told.
    """
    signal.signal(signal.SIGTERM, _end)
    screen = table.console()
    with Live(console=screen, screen=True, auto_refresh=False) as live:
        try:
            while True:
                view, collected = look()
                view = _cut(view, max(1, screen.height - ELSE))
                live.update(Group(*table.parts(view, collected, offset, screen)), refresh=True)
                time.sleep(EVERY)
        except KeyboardInterrupt:
            return


def _end(number: int, _: object) -> NoReturn:
    """Leave the terminal as it was."""
    raise SystemExit(128 + number)


def _cut(view: View, most: int) -> View:
    """What fits the screen: of times the latest, of everything else the dearest."""
    return view._replace(lines=view.lines[-most:] if view.by in TIMES else view.lines[:most])
