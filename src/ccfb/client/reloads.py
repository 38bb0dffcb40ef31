"""Which session has the new settings: the words that `ConfigChange` hooks leave behind.

The client fires `ConfigChange` in each running session about 1.03 s after the settings file
was replaced, whether or not its content changed, right before it applies what it has read
(seen on 2.1.105 to 2.1.329). The gate answers by writing the time into `reloads/<session>`.
"""

import os
import time

from ccfb import paths

PAUSE = 0.01
"""Seconds between two looks."""

KEEP = 86_400.0
"""Seconds after which what was kept of a session is swept away."""


def seen(session: str, since: float) -> bool:
    """Whether a session has reloaded its settings after a moment (epoch seconds)."""
    try:
        with open(os.path.join(paths.own("reloads"), session), encoding="utf-8") as file:
            return float(file.read()) >= since
    except (OSError, ValueError):
        return False


def wait(session: str, since: float, seconds: float) -> bool:
    """Wait until a session has reloaded after `since`; False when `seconds` went by."""
    end = time.monotonic() + seconds
    while not seen(session, since):
        if time.monotonic() >= end:
            return False
        time.sleep(PAUSE)
    return True


def sweep(now: float) -> None:
    """Remove what was kept of sessions of yesterday: these words, and their status lines."""
    for folder in ("reloads", "lines"):
        try:
            entries = list(os.scandir(paths.own(folder)))
        except OSError:
            continue
        for entry in entries:
            if now - entry.stat().st_mtime > KEEP:
                os.unlink(entry.path)
