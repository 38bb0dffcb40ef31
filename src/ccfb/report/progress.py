"""How far a first report is, which has much to read."""

import sys
import time
from collections.abc import Callable

PATIENCE = 0.5
"""Seconds without a word."""

WIDTH = 30

Progress = Callable[[int, int], None]
"""Told how many bytes are read, and how many there are."""


def bar() -> Progress:
    """A bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        return lambda _done, _total: None
    start = time.monotonic()
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        part = WIDTH * done // max(total, 1)
        if done >= total:
            if shown >= 0:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
        elif part != shown and time.monotonic() - start > PATIENCE:
            shown = part
            sys.stderr.write(f"\rReading transcripts {'█' * part}{'░' * (WIDTH - part)}")
            sys.stderr.flush()

    return show
